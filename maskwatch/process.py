"""What every long-running process does at its start: signals, logging, its parent's death."""

import ctypes
import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import Final

from maskwatch.address import without_secrets

logger = logging.getLogger(__name__)

ROLE_VARIABLE: Final = "MASKWATCH_ROLE"
"""Set by the supervisor: the name in the log where a role runs more than once ("work-2")."""

GIVE_UP_S: Final = 10.0
"""A process that was told to stop and is still here after this many seconds ends itself."""

_PR_SET_PDEATHSIG: Final = 1


def stop_on_signals(*, give_up_s: float = GIVE_UP_S) -> threading.Event:
    """Return an event that SIGTERM and the first Ctrl-C set. A second Ctrl-C ends at once.

    Must be called from the main thread. The handler only writes to a pipe that a thread reads:
    setting an event inside a handler can deadlock with a main thread that is waiting for it.

    Args:
        give_up_s: The process exits with 1 this long after the first signal, whatever it is doing.
    """
    stop = threading.Event()
    owner = os.getpid()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != owner:
            # A forked child inherited this handler; the signal was meant for the child alone.
            os.kill(os.getpid(), number)
            return
        os.write(writer, b"x")

    def watch() -> None:
        os.read(reader, 1)
        stop.set()
        timer = threading.Timer(give_up_s, _give_up, args=(give_up_s,))
        timer.daemon = True
        timer.start()

    threading.Thread(target=watch, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def _give_up(after_s: float) -> None:
    logger.error("did not stop within %.0f s of being told to: exiting", after_s)
    os._exit(1)


def die_with_parent(parent_pid: int, *, with_signal: int = signal.SIGTERM) -> None:
    """Have the kernel send this process a signal when its parent ends, even by kill -9.

    Call it first in a child process. The signal follows the *thread* that started the child: start
    children from a thread that lives as long as they do. Does nothing where there is no Linux.

    Args:
        parent_pid: The process that started this one; if it is gone already, this one exits.
        with_signal: What the kernel sends.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, with_signal)
    if os.getppid() != parent_pid:
        os._exit(1)


class LineFormatter(logging.Formatter):
    """`2026-11-23T15:34:11.123Z INFO ingest: message`, without secrets, traceback included."""

    def __init__(self, role: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)s {role}: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def setup_logging(role: str, level: str) -> None:
    """Log to stderr: time in UTC, level, role, message. Addresses lose user and password.

    Args:
        role: Name of the process in the log; the supervisor's MASKWATCH_ROLE goes before it.
        level: DEBUG, INFO, WARNING or ERROR.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(os.environ.get(ROLE_VARIABLE) or role))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Its INFO tells of every plug-in it loads, in each process that opens the database.
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))

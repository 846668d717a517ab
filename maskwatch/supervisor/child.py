"""One child process: started, watched, started again after a pause, ended with all it started."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

from maskwatch.supervisor.table import ProcessSpec

logger = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 30.0
HEALTHY_AFTER_S: Final = 60.0
LINE_BYTES: Final = 65_536

_LAUNCH = str(Path(__file__).with_name("launch.py"))


def restart_pause_s(failures: int) -> float:
    """Seconds to wait before the start after this many failures in a row: 0.25, 0.5 … 30."""
    return float(min(FIRST_PAUSE_S * 2 ** max(0, failures - 1), LONGEST_PAUSE_S))


class Child:
    """Keeps one process of the table running. All methods but `pid` belong to one thread.

    The kernel ties a child's life to the thread that started it, so that thread must live as long
    as the child shall.
    """

    def __init__(
        self,
        spec: ProcessSpec,
        environment: Mapping[str, str],
        *,
        on_line: Callable[[str, str], None],
        inherited_descriptor: int,
    ) -> None:
        self.spec = spec
        self.restarts = 0
        self._environment = environment
        self._on_line = on_line
        self._inherited_descriptor = inherited_descriptor
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        process = self._process
        return process.pid if process is not None else None

    def step(self, now: float) -> None:
        """Start it where it is due, notice where it has ended.

        Args:
            now: Monotonic seconds.
        """
        if self._process is None:
            if now >= self._start_at:
                self._try_to_start(now)
            return
        if self._is_over():
            self._failed(_how(self._clear()), now)
        elif now - self._started_at > HEALTHY_AFTER_S:
            self._failures = 0

    def ask_to_end(self) -> None:
        """Send the signal that asks it to end in order."""
        if self._process is not None:
            # Not Popen.send_signal: it reaps a process that has ended already, unseen by `step`.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, self.spec.stop_signal)

    def has_ended(self) -> bool:
        """Whether it runs no more; then nothing that it started runs either."""
        if self._process is None:
            return True
        if not self._is_over():
            return False
        self._clear()
        return True

    def kill(self) -> None:
        """End it and all it started at once."""
        if self._process is not None:
            logger.warning("%s did not end in time: killed", self.spec.name)
            self._clear()

    def _try_to_start(self, now: float) -> None:
        """Start it; where the machine has no process, memory or descriptor left, try again later.

        `RuntimeError` is how a thread says that it cannot be started.
        """
        try:
            self._start(now)
        except (OSError, RuntimeError) as error:
            self._failed(f"cannot be started ({error})", now)

    def _start(self, now: float) -> None:
        command = [
            sys.executable, "-I", "-S", _LAUNCH,
            str(os.getpid()), str(int(self.spec.orphan_signal)), *self.spec.command,
        ]  # fmt: skip
        process = subprocess.Popen(  # noqa: S603  # the table's own command
            command,
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Its own session and group: Ctrl-C reaches only the supervisor, and what the process
            # left behind can be ended as one group.
            start_new_session=True,
            pass_fds=(self._inherited_descriptor,),
        )
        assert process.stdout is not None  # noqa: S101  # stdout is a pipe
        reader = threading.Thread(
            target=self._pass_on, args=(process.stdout,), name=f"log {self.spec.name}", daemon=True
        )
        try:
            reader.start()
        except RuntimeError:
            # Nobody would read what it says: it would stand still as soon as the pipe is full.
            _end_group(process)
            process.stdout.close()
            raise
        self._process, self._reader, self._started_at = process, reader, now
        logger.info("%s started (pid %d)", self.spec.name, process.pid)

    def _failed(self, how: str, now: float) -> None:
        self._failures += 1
        self.restarts += 1
        pause = restart_pause_s(self._failures)
        self._start_at = now + pause
        logger.warning("%s %s; starting it again in %.2g s", self.spec.name, how, pause)

    def _is_over(self) -> bool:
        # Not reaped here: until then its id, and so its group's, cannot become another process's.
        assert self._process is not None  # noqa: S101  # callers have looked
        seen = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return seen is not None

    def _clear(self) -> int:
        """End the process and all it started, read the last it said, give its exit code."""
        assert self._process is not None and self._reader is not None  # noqa: S101, PT018
        code = _end_group(self._process)
        self._reader.join(timeout=1.0)
        self._process = self._reader = None
        return code

    def _pass_on(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(LINE_BYTES):
                self._on_line(self.spec.name, line.decode(errors="replace").rstrip())


def _end_group(process: subprocess.Popen[bytes]) -> int:
    """End a process and all it started; gives its exit code."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"

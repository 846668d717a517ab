"""One log of all processes: a rotating file, and the terminal where wanted."""

import contextlib
import logging
import re
import sys
import threading
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from maskwatch.address import without_secrets
from maskwatch.process import LineFormatter

FILE_BYTES: Final = 10_000_000
FILES_KEPT: Final = 5

_IS_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+Z [A-Z]+ ")


class _File(RotatingFileHandler):
    """Goes on when the disk is full: a log that cannot be written must not stop the counting."""

    has_failed = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say once on the terminal that the log is not being written."""
        if not self.has_failed:
            self.has_failed = True
            _to_terminal(f"maskwatch: cannot write {self.baseFilename}: {sys.exc_info()[1]}")


class SharedLog:
    """Takes whole lines from several threads. Every line names its process and time."""

    def __init__(self, path: Path, *, echo: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _File(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
        self._echo = echo
        self._lock = threading.Lock()
        self._own = _OwnMessages(self)

    def attach(self, level: str) -> None:
        """Take this process's own log messages too."""
        logging.getLogger().addHandler(self._own)
        logging.getLogger("maskwatch").setLevel(level)

    def close(self) -> None:
        """Take no more messages and close the file."""
        logging.getLogger().removeHandler(self._own)
        with contextlib.suppress(OSError):  # last words that a full disk does not take
            self._file.close()

    def child_line(self, name: str, line: str) -> None:
        """Write what a child process printed; where it is no log line, time and name go before."""
        if not _IS_LOG_LINE.match(line):
            moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = f"{moment} INFO {name}: {line}"
        self.write(without_secrets(line))

    def write(self, line: str) -> None:
        """Write one finished line."""
        record = logging.LogRecord("", logging.INFO, "", 0, line.replace("%", "%%"), (), None)
        record.msg = line
        with self._lock:
            self._file.emit(record)
            if self._echo:
                _to_terminal(line)


def _to_terminal(line: str) -> None:
    # stderr may be a file on a full disk or a pipe that nobody reads any more: the line is lost,
    # the thread that says it (it keeps every process running) must not be.
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")


class _OwnMessages(logging.Handler):
    def __init__(self, log: SharedLog) -> None:
        super().__init__()
        self._log = log
        self.setFormatter(LineFormatter("supervisor"))

    def emit(self, record: logging.LogRecord) -> None:
        self._log.write(self.format(record))

"""One supervisor for one data folder."""

import fcntl
import logging
import os
import time
from pathlib import Path
from typing import Final

import psutil

from maskwatch.errors import ConfigError

logger = logging.getLogger(__name__)

REMAINS_END_S: Final = 15.0
"""Processes of a supervisor that was killed end by themselves within this many seconds."""


class DataDirLock:
    """Held by a supervisor and, through the inherited descriptor, by every process it started.

    The kernel frees it when the last of them is gone, so whoever gets it knows that nothing of an
    earlier run is left. Nothing needs to be cleaned up after a crash.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "supervisor.lock"
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The descriptor that children must inherit."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        return self._descriptor

    def acquire(self) -> None:
        """Take the lock, waiting for the remains of a killed supervisor to end.

        Raises:
            ConfigError: Another supervisor runs on this folder, or the folder cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"data_dir {str(self._path.parent)!r} cannot be used: {error.strerror}; "
                "give another data_dir or make it writable"
            ) from error
        try:
            self._wait_for(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless where it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _wait_for(self, descriptor: int) -> None:
        deadline = time.monotonic() + REMAINS_END_S
        has_told = False
        while not _try_lock(descriptor):
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if time.monotonic() > deadline or _is_running(holder):
                raise ConfigError(
                    f"maskwatch runs already on data_dir {str(self._path.parent)!r} (process "
                    f"{holder or 'unknown'}): stop it, or give this one another data_dir"
                )
            if not has_told:
                logger.info("waiting for the processes of an earlier run to end")
                has_told = True
            time.sleep(0.1)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_running(pid: str) -> bool:
    return pid.isdigit() and psutil.pid_exists(int(pid))

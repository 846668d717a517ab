"""Names of processes that stay unique where a restarted container gives the same ids again."""

import socket
from typing import Final

import psutil

HOST_CHARACTERS: Final = 60
"""Of the host's name: `jobs.worker` holds 80 characters."""

_SAME_S: Final = 1
"""The kernel's time of booting is in whole seconds and may be told a little differently."""


def process_name(pid: int) -> str:
    """The process of this host: its host, its id and when it was started.

    When is reckoned in seconds from the host's start, so that setting the clock changes no name.

    Raises:
        psutil.NoSuchProcess: There is none of that id.
    """
    return f"{_host()}:{pid}:{_started_s(psutil.Process(pid))}"


def has_ended(name: str) -> bool | None:
    """Whether the process of this name runs no more; None for one of another host."""
    host, pid, started = (*name.split(":"), "", "")[:3]
    if host != _host():
        return None
    if not (pid.isdecimal() and started.isdecimal()):
        return True  # of an earlier version, so of an earlier run
    try:
        process = psutil.Process(int(pid))
        is_another = abs(_started_s(process) - int(started)) > _SAME_S
        return is_another or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _host() -> str:
    return socket.gethostname()[:HOST_CHARACTERS]


def _started_s(process: psutil.Process) -> int:
    return round(process.create_time() - psutil.boot_time())

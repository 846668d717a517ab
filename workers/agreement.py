"""What worker processes and their parent agree on: names and exit codes."""

import socket
from typing import Final

import psutil

EXIT_USELESS: Final = 78
"""The worker can never work; why is on its stdout, in one line."""

EXIT_RECYCLE: Final = 75
"""The worker wants to be replaced by a fresh one, at once."""


def worker_name(pid: int) -> str:
    """The name under which the process with this id takes frames."""
    return f"{socket.gethostname()}-{pid}"


def is_known_dead(name: str) -> bool:
    """Whether this is the name of a worker of this host whose process has ended."""
    host, _, pid = name.rpartition("-")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        return psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False

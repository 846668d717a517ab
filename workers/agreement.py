"""What the parent and its worker processes agree on: names and exit codes."""

from typing import Final

EXIT_USELESS: Final = 78
"""The worker can never work; why is on its stdout, in one line."""

EXIT_RECYCLE: Final = 75
"""The worker wants to be replaced by a fresh one, at once."""


def worker_name(host: str, pid: int) -> str:
    """The name under which the process with this id takes frames."""
    return f"{host}-{pid}"

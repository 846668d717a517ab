"""Exit codes by which a camera's process tells its parent why it ended."""

from typing import Final

ENDED_EXIT: Final = 0
"""The file is at its end; nothing is to be started again."""

STUCK_EXIT: Final = 70
"""A read that cannot be ended; only a new process helps."""

STOPPED_EXIT: Final = 75
"""Told to stop."""

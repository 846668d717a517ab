"""Waiting for something that another process does."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], *, what: str, timeout_s: float = 40.0) -> None:
    """Poll until the condition holds; fail with what was waited for."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.02)

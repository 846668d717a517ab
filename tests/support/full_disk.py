"""A disk that takes everything but one file."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest


def refuse(patch: pytest.MonkeyPatch, name: str) -> None:
    """From now on the file of this name is neither put in its place nor added to."""
    real_replace, real_open = Path.replace, Path.open

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_replace(self, target)

    def opened(self: Path, mode: str = "r", *given: Any, **named: Any) -> Any:
        if self.name == name and mode.startswith("a"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_open(self, mode, *given, **named)

    patch.setattr(Path, "replace", replace)
    patch.setattr(Path, "open", opened)

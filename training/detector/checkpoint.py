"""Saving a training run so that a kill or a full disk loses at most a few minutes."""

from __future__ import annotations

import os
import pickle  # only for the name of its error
from pathlib import Path
from typing import Any

import torch

from maskwatch.errors import StorageError


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Writes a checkpoint; the one before it stays until the new one is whole and on disk.

    Raises:
        StorageError: The disk is full or cannot be written; the old checkpoint is untouched.
    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as out:
            torch.save(state, out)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError of its zip writer.
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"checkpoint {path} cannot be saved ({error}); free some space and start again: "
            "the run goes on from the checkpoint before"
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at ``path``, or None where there is none.

    Raises:
        StorageError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise StorageError(f"checkpoint {path} cannot be read; remove it to start anew") from error
    return state

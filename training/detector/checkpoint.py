"""Saving a training run so that a kill or a full disk loses at most a few minutes."""

from __future__ import annotations

import pickle  # only for the name of its error
from pathlib import Path
from typing import Any

import torch

from maskwatch.errors import StorageError
from training.disk import written_whole


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Writes a checkpoint; the one before it stays until the new one is whole and on disk.

    Raises:
        StorageError: The disk is full or cannot be written; the old checkpoint is untouched.
    """
    # torch reports a full disk as a RuntimeError of its zip writer.
    with written_whole(path, also=(RuntimeError,)) as partial, partial.open("wb") as out:
        torch.save(state, out)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at ``path``, or None where there is none.

    Raises:
        StorageError: The file is damaged, or its weights are no numbers.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise StorageError(f"checkpoint {path} cannot be read; remove it to start anew") from error
    weights = [*state.get("weights", ()), *state.get("average", ())]
    if not all(bool(torch.isfinite(tensor).all()) for tensor in weights):
        raise StorageError(
            f"checkpoint {path}: its weights are no numbers; remove it to start anew"
        )
    return state

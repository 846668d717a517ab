"""The state of a training run on disk: written whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MaskwatchError
from training.disk import written_whole
from training.diverged import all_finite

Arrays = list[NDArray[Any]]

_ANEW = "delete it to start anew"


class CheckpointError(MaskwatchError):
    """A checkpoint or weights cannot be read."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that a run needs to go on as if it had not stopped.

    Attributes:
        step: Steps done.
        weights: The network's arrays, in Keras's order.
        average: Their running average.
        optimiser: The optimiser's arrays.
    """

    step: int
    weights: Arrays
    average: Arrays
    optimiser: Arrays


def save_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Writes an ``.npz`` beside its place and moves it there: the old one survives a failure.

    Raises:
        StorageError: The disk refused; the file that was there is untouched.
    """
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint atomically; see `save_arrays`."""
    arrays: dict[str, NDArray[Any]] = {"step": np.int64(checkpoint.step)}  # type: ignore[dict-item]
    for name in ("weights", "average", "optimiser"):
        for number, array in enumerate(getattr(checkpoint, name)):
            arrays[f"{name}_{number:04d}"] = array
    save_arrays(path, arrays)


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        CheckpointError: The file is missing or damaged, or its weights are no numbers.
    """
    checkpoint = _read(path)
    if not all_finite([*checkpoint.weights, *checkpoint.average]):
        raise CheckpointError(f"checkpoint {path}: its weights are no numbers; {_ANEW}")
    return checkpoint


def _read(path: Path) -> Checkpoint:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        return Checkpoint(
            int(arrays["step"]),
            numbered(arrays, "weights"),
            numbered(arrays, "average"),
            numbered(arrays, "optimiser"),
        )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"checkpoint {path}: cannot be read ({error}); {_ANEW}") from error


def numbered(arrays: dict[str, NDArray[Any]], name: str) -> Arrays:
    """Returns the arrays ``name_0000``, ``name_0001`` … in order."""
    return [arrays[key] for key in sorted(arrays) if key.startswith(f"{name}_")]


def averaged(
    average: Sequence[NDArray[Any]], weights: Sequence[NDArray[Any]], keep: float
) -> Arrays:
    """Returns the running average after one more look at the weights."""
    return [
        (keep * old + (1 - keep) * new).astype(new.dtype)
        for old, new in zip(average, weights, strict=True)
    ]

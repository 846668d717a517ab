"""A classifier's weights by themselves: what a run leaves, and what another one starts from."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.classifier.checkpoint import Arrays, CheckpointError, numbered, save_arrays
from training.classifier.export import load_exported

if TYPE_CHECKING:
    import keras


def save_weights(path: Path, weights: Arrays) -> None:
    """Writes weights in Keras's order; see `save_arrays`."""
    save_arrays(path, {f"weights_{number:04d}": array for number, array in enumerate(weights)})


def start_weights(model: keras.Model, path: Path) -> None:
    """Gives a network the weights of another run, or of an exported file.

    Raises:
        MaskwatchError: The file is missing, damaged or of another network.
    """
    if path.suffix == ".onnx":
        load_exported(model, path)
    else:
        model.set_weights(load_weights(path, model))


def load_weights(path: Path, model: keras.Model) -> Arrays:
    """Reads what `save_weights` wrote and checks it against the network.

    Raises:
        MaskwatchError: The file is missing, damaged or of another network.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = numbered({key: stored[key] for key in stored.files}, "weights")
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"weights {path}: cannot be read ({error}); name another file"
        ) from error
    shapes = [tuple(array.shape) for array in arrays]
    wanted = [tuple(array.shape) for array in model.get_weights()]
    if shapes != wanted:
        raise CheckpointError(
            f"weights {path}: of another network; use the recipe they were trained with"
        )
    return arrays

"""Keras: the reference engine, for ``.keras`` files and for GPUs with TensorFlow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import ModelError
from models.runtimes import Device

_MIXED = "mixed_float16"
_ENGINES_FOR_GPUS = ("tensorflow", "torch")


class KerasRuntime:
    """One ``.keras`` file, loaded."""

    def __init__(self, path: Path, *, device: Device = "cpu") -> None:
        """Loads a network.

        Args:
            path: The ``.keras`` file; files that carry code of their own are refused.
            device: ``gpu`` needs an engine of Keras that sees one.

        Raises:
            ModelError: Keras is not installed, or the file or the device cannot be used.
        """
        if not path.is_file():
            raise ModelError(f"weights {path}: no such file; name another in the configuration")
        try:
            import keras
        except ModuleNotFoundError as error:
            raise ModelError(
                f"weights {path}: needs Keras, which is not installed; "
                "pip install 'maskwatch[train]' or 'maskwatch[gpu]', or use an ONNX file"
            ) from error
        if device == "gpu":
            require_gpu(keras.backend.backend())
        try:
            self._model = keras.models.load_model(path, compile=False, safe_mode=True)
        except (ValueError, OSError, TypeError, KeyError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(
                f"weights {path}: not a network that Keras can load ({reason})"
            ) from error
        if device == "gpu":
            in_mixed_precision(self._model)

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Returns the network's outputs for one batch.

        Raises:
            ModelError: The batch does not fit the network.
        """
        try:
            answers = self._model.predict_on_batch(batch)
        except (ValueError, TypeError) as error:
            raise ModelError(
                f"the Keras network takes {self._model.input_shape}, not {batch.shape}"
            ) from error
        several = answers if isinstance(answers, list) else [answers]
        return [np.asarray(answer, np.float32) for answer in several]


def require_gpu(backend: str) -> None:
    """Prepares the GPUs of a Keras engine: memory grows as needed.

    Raises:
        ModelError: The engine sees no GPU, or is another one.
    """
    if backend not in _ENGINES_FOR_GPUS:
        raise ModelError(
            f"device gpu: Keras runs on {backend}, on which maskwatch uses no GPU; set "
            f"KERAS_BACKEND to {' or '.join(_ENGINES_FOR_GPUS)}, or workers.device = 'cpu'"
        )
    if not _sees_gpu(backend):
        raise ModelError(
            f"device gpu: Keras on {backend} sees no GPU; install 'maskwatch[gpu]' on a machine "
            "with an NVIDIA driver, or set workers.device = 'cpu'"
        )


def in_mixed_precision(network: Any) -> None:
    """Lets a loaded network compute in float16 over float32 weights; its last layer stays as it is.

    A file keeps the precision it was saved in, whatever Keras's global policy says when it is read.
    """
    last = network.layers[-1]
    for layer in _innermost(network):
        if layer is not last:
            layer.dtype_policy = _MIXED


def _innermost(network: Any) -> Iterator[Any]:
    """The layers of a network and of those within it."""
    for layer in network.layers:
        if getattr(layer, "layers", None):
            yield from _innermost(layer)
        else:
            yield layer


def _sees_gpu(backend: str) -> bool:
    if backend == "torch":
        import torch

        return bool(torch.cuda.is_available())
    import tensorflow

    cards = tensorflow.config.list_physical_devices("GPU")
    for card in cards:
        # Without this one worker takes all of the card's memory.
        tensorflow.config.experimental.set_memory_growth(card, True)
    return bool(cards)

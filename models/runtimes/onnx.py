"""ONNX Runtime: the engine for CPU, and for NVIDIA GPUs where its GPU build is installed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from maskwatch.errors import ModelError
from models.runtimes import Device

_TYPES: dict[str, type[np.generic]] = {
    "tensor(uint8)": np.uint8,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


class OnnxRuntime:
    """One ONNX file, loaded.

    Attributes:
        input_shape: As the file states it; text or None where a side is free.
        input_type: NumPy type that the network takes; `run` converts to it.
    """

    def __init__(self, path: Path, *, threads: int | None = None, device: Device = "cpu") -> None:
        """Loads a network.

        Args:
            path: The ``.onnx`` file.
            threads: Cores for one batch; None leaves it to the engine (all of them).
            device: ``gpu`` needs the package onnxruntime-gpu and an NVIDIA GPU.

        Raises:
            ModelError: The file is missing or damaged, or there is no such device.
        """
        if not path.is_file():
            raise ModelError(
                f"weights {path}: no such file; install maskwatch again or name another"
            )
        options = onnxruntime.SessionOptions()
        # The engine's own warnings would go to stderr, past our log.
        options.log_severity_level = 3
        # Threads that spin while they wait take the cores from the other processes of the machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        providers = _providers(device)
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        # The engine's exceptions share no base of their own, only this.
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(
                f"weights {path}: not a network that ONNX Runtime can load ({reason}); "
                "install maskwatch again or name another file"
            ) from error
        given = self._session.get_inputs()
        if len(given) != 1 or given[0].type not in _TYPES:
            raise ModelError(
                f"weights {path}: takes {', '.join(item.type for item in given)}; "
                f"one input of {', '.join(_TYPES)} is needed"
            )
        self.input_shape: tuple[int | str | None, ...] = tuple(given[0].shape)
        self.input_type = _TYPES[given[0].type]
        self._name = given[0].name
        self._path = path

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Returns the network's outputs for one batch.

        Raises:
            ModelError: The batch does not fit the network.
        """
        fed = np.ascontiguousarray(batch, dtype=self.input_type)
        try:
            return [np.asarray(output) for output in self._session.run(None, {self._name: fed})]
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(
                f"weights {self._path}: cannot run a batch of shape {batch.shape}, "
                f"the network takes {self.input_shape} ({reason})"
            ) from error

    def warm_up(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Runs a blank batch of each shape, so that the first real one is not the slow one."""
        for shape in shapes:
            self.run(np.zeros(shape, self.input_type))


def _providers(device: Device) -> list[str]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise ModelError(
            "device gpu: this ONNX Runtime sees no NVIDIA GPU; install onnxruntime-gpu in place of "
            "onnxruntime, or set workers.device = 'cpu'"
        )
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]

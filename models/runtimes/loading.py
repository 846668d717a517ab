"""From an engine's name to a loaded network."""

from pathlib import Path

from maskwatch.errors import ModelError
from models.runtimes import Device, Runtime
from models.runtimes.onnx import OnnxRuntime


def load_runtime(
    engine: str, path: Path, *, threads: int | None = None, device: Device = "cpu"
) -> Runtime:
    """Returns the network of a file on the engine that its card names.

    Raises:
        ModelError: The engine is unknown or absent, or cannot load the file.
    """
    match engine:
        case "onnx":
            return OnnxRuntime(path, threads=threads, device=device)
        case "keras":
            # Keras comes with the extras only.
            from models.runtimes.keras import KerasRuntime

            return KerasRuntime(path, device=device)
        case _:
            raise ModelError(f"engine {engine!r} is unknown; use onnx or keras")

"""Where a detector's training starts: YuNet's file, weights of our own, or chance."""

from __future__ import annotations

from pathlib import Path

import keras
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import numpy_helper

from maskwatch.errors import ModelError
from training.detector.network import Widths, build_detector
from training.detector.yunet_import import load_yunet

_STEM_KERNEL = "stem_conv_kernel"


def start_model(widths: Widths, start: Path | None, *, seed: int) -> keras.Model:
    """Returns a network of these widths with the weights of ``start``.

    Args:
        widths: Channels.
        start: YuNet's ONNX file, ONNX of :mod:`training.detector.export`, or ``.weights.h5`` of a
            run; None draws the weights by chance.
        seed: Of the chance.

    Raises:
        ModelError: The file cannot be read, is damaged or does not fit the widths.
    """
    keras.utils.set_random_seed(seed)
    model = build_detector(widths)
    if start is None:
        return model
    try:
        if start.suffix != ".onnx":
            model.load_weights(start)
        elif not _load_exported(model, start):
            load_yunet(model, start)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(
            f"weights {start}: do not fit a net of {widths} ({error}); "
            "set [net] of the recipe to the widths they were made with"
        ) from error
    return model


def is_yunet(start: Path) -> bool:
    """Says whether a file is an ONNX network, but not an export of our own.

    Raises:
        ModelError: The file is damaged.
    """
    if start.suffix != ".onnx":
        return False
    return _STEM_KERNEL not in {tensor.name for tensor in _graph(start).initializer}


def _graph(path: Path) -> onnx.GraphProto:
    try:
        return onnx.load(str(path)).graph
    except (OSError, DecodeError) as error:
        raise ModelError(
            f"weights {path}: damaged, or no ONNX file ({error}); fetch it again or name another"
        ) from error


def _load_exported(model: keras.Model, path: Path) -> bool:
    """Loads an export of our own; False where the file is not one."""
    graph = _graph(path)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    if _STEM_KERNEL not in tensors:
        return False
    for layer in model.layers:
        if f"{layer.name}_kernel" in tensors:
            is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            kernel = tensors[f"{layer.name}_kernel"]
            kernel = kernel.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
            layer.set_weights([kernel, tensors[f"{layer.name}_bias"]])
    return True

"""The detector in 8-bit whole numbers: less work for a CPU, at some cost in accuracy.

Post-training quantisation by ONNX Runtime: one scale for each channel of the kernels, one for each
map, from what training pictures make of it. The heads stay in float: a box needs more than 8 bits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from models.preprocess import letterbox
from training.detector.export import INPUT_NAME
from training.detector.scenes import PictureCache, Scene
from training.disk import disk_errors, make_folder

PICTURES = 80
"""Training pictures that the scales are taken from."""

_KINDS = ["Conv", "Relu", "MaxPool", "Add", "Resize"]


def quantise(weights: Path, out: Path, canvases: Iterable[NDArray[np.uint8]]) -> None:
    """Writes the 8-bit form of an exported detector.

    Args:
        weights: ONNX of :mod:`training.detector.export`.
        out: The file to write.
        canvases: uint8 (H, W, 3) BGR as the network sees them, H and W multiples of 32.

    Raises:
        StorageError: The disk refused.
    """
    make_folder(out.parent)
    with disk_errors(out), tempfile.TemporaryDirectory(dir=out.parent) as folder:
        prepared, partial = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(weights), str(prepared), skip_symbolic_shape=True)
        names = [node.name for node in onnx.load(str(prepared)).graph.node]
        quantize_static(
            str(prepared),
            str(partial),
            _Canvases(canvases),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=_KINDS,
            nodes_to_exclude=[name for name in names if name.startswith("head")],
            # 7 bits for the weights: a processor without VNNI adds pairs of products in 16 bits,
            # which 8 bits overflow.
            reduce_range=True,
            # The mean of the pictures' extremes: one odd picture must not coarsen all others.
            extra_options={"CalibMovingAverage": True},
        )
        partial.replace(out)


class _Canvases(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, canvases: Iterable[NDArray[np.uint8]]) -> None:
        self._left = iter(canvases)

    def get_next(self) -> dict[str, Any] | None:
        """The next batch of one picture, None after the last."""
        canvas = next(self._left, None)
        return None if canvas is None else {INPUT_NAME: canvas[None]}


def some_canvases(scenes: list[Scene], cache: PictureCache) -> Iterator[NDArray[np.uint8]]:
    """Pictures of the training split, spread over it, as the network sees them."""
    training = [scene for scene in scenes if scene.split == "train" and scene in cache]
    step = max(1, len(training) // PICTURES)
    for scene in training[::step][:PICTURES]:
        yield letterbox(cache.read(scene), long_side=640).canvas

"""Start the detector from YuNet's published weights (Apache-2.0), grown to wider channels.

A wider net computes exactly what YuNet does at first: channels beyond YuNet's get random incoming
weights and zero outgoing ones to the old channels, so they change nothing until training lets them.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[np.float32]
Kernel = tuple[Array, Array]

_BODY = (
    "stem_conv",
    *(f"{unit}_{part}" for unit in (
        "stem_unit", "stage1_a", "stage1_b", "stage2_a", "stage2_b", "stage3_a", "stage3_b",
        "stage4_a", "stage4_b", "stage5_a", "stage5_b", "lateral32", "lateral16", "lateral8",
        "share8", "share16", "share32",
    ) for part in ("pointwise", "depthwise")),
)  # fmt: skip
_HEAD_LEVELS = (8, 16, 32)


def read_yunet(path: Path) -> dict[str, Kernel]:
    """YuNet's convolutions by this project's layer names, landmarks left out.

    Returns:
        For each layer, the kernel as Keras stores it (``(kh, kw, in, out)``, depthwise
        ``(kh, kw, channels, 1)``) and its bias.

    Raises:
        ValueError: the file is not the YuNet that this net is laid out after.
    """
    graph = onnx.load(str(path)).graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    convs = [node for node in graph.node if node.op_type == "Conv"]
    if len(convs) != len(_BODY) + 2 * 4 * len(_HEAD_LEVELS):
        raise ValueError(f"{path} has {len(convs)} convolutions: not the 2023 YuNet-n")
    kernels = [(tensors[c.input[1]], tensors[c.input[2]]) for c in convs]
    layers = {
        name: _to_keras(kernel, depthwise=name.endswith("depthwise"))
        for name, kernel in zip(_BODY, kernels, strict=False)
    }
    heads = kernels[len(_BODY) :]
    for level, stride in enumerate(_HEAD_LEVELS):
        # The file lists all class heads, then all box heads, then all quality heads.
        face, box, quality = (heads[6 * kind + 2 * level :][:2] for kind in range(3))
        for index, part in enumerate(("pointwise", "depthwise")):
            rows = [face[index], quality[index], box[index]]
            kernel = (np.concatenate([r[0] for r in rows]), np.concatenate([r[1] for r in rows]))
            layers[f"head{stride}_{part}"] = _to_keras(kernel, depthwise=part == "depthwise")
    return layers


def _to_keras(kernel: Kernel, *, depthwise: bool) -> Kernel:
    order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    return np.ascontiguousarray(kernel[0].transpose(order)), kernel[1]


def load_yunet(model: keras.Model, path: Path) -> None:
    """Put YuNet's weights into ``model``, whose widths are YuNet's or wider."""
    for name, kernel in read_yunet(path).items():
        layer = model.get_layer(name)
        layer.set_weights(
            [_grow(new, old) for new, old in zip(layer.get_weights(), kernel, strict=True)]
        )


def _grow(fresh: Array, old: Array) -> Array:
    """``fresh`` with ``old`` in its first channels and nothing flowing from new to old ones."""
    grown = fresh.copy()
    if fresh.ndim == 4 and fresh.shape[3] >= old.shape[3] and fresh.shape[2] > old.shape[2]:
        is_depthwise = old.shape[3] == 1 and fresh.shape[3] == 1
        if not is_depthwise:
            grown[:, :, old.shape[2] :, : old.shape[3]] = 0.0
    grown[tuple(slice(0, n) for n in old.shape)] = old
    return grown

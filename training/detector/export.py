"""Write the detector as one ONNX graph for the CPU engine: bytes in, logits out.

The graph is built straight from the Keras layers rather than traced, so that it holds nothing but
convolutions in the layout the engine likes, and the padding sits inside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.detector.network import HEAD_CHANNELS
from training.disk import make_folder, written_whole

OPSET = 17
INPUT_NAME = "pictures"
OUTPUT_NAME = "logits"


class _Graph:
    """Nodes and tensors gathered while walking the Keras layers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def tensor(self, name: str, value: NDArray[np.generic]) -> str:
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def detector_to_onnx(model: keras.Model) -> onnx.ModelProto:
    """The detector as ONNX.

    Args:
        model: from :func:`training.detector.network.build_detector`.

    Returns:
        A graph from ``pictures`` (uint8, ``(N, H, W, 3)``, BGR) to ``logits`` (float32,
        ``(N, 6, A)``, the maps of strides 8, 16 and 32 flattened row by row and joined).
    """
    graph = _Graph()
    floats = graph.node("Cast", [INPUT_NAME], "floats", to=TensorProto.FLOAT)
    names = {model.inputs[0].name: graph.node("Transpose", [floats], "planes", perm=[0, 3, 1, 2])}
    for operation in model.operations:
        if not isinstance(operation, keras.layers.InputLayer):
            _add_layer(graph, operation, names)
    shape = graph.tensor("flat", np.array([0, HEAD_CHANNELS, -1], np.int64))
    rows = [
        graph.node("Reshape", [names[output.name], shape], f"rows{index}")
        for index, output in enumerate(model.outputs)
    ]
    graph.node("Concat", rows, OUTPUT_NAME, axis=2)
    return _finish(graph)


def _add_layer(graph: _Graph, layer: keras.layers.Layer, names: dict[str, str]) -> None:
    given = layer.input if isinstance(layer.input, list) else [layer.input]
    inputs = [names[tensor.name] for tensor in given]
    match layer:
        case keras.layers.ZeroPadding2D():
            # Only the stem pads this way: its convolution takes the padding over.
            output = inputs[0]
        case keras.layers.DepthwiseConv2D():
            output = _add_conv(graph, layer, inputs[0], depthwise=True)
        case keras.layers.Conv2D():
            output = _add_conv(graph, layer, inputs[0], depthwise=False)
        case keras.layers.ReLU():
            output = graph.node("Relu", inputs, layer.name)
        case keras.layers.MaxPooling2D():
            output = graph.node("MaxPool", inputs, layer.name, kernel_shape=[2, 2], strides=[2, 2])
        case keras.layers.Add():
            output = graph.node("Add", inputs, layer.name)
        case keras.layers.UpSampling2D():
            scales = graph.tensor(f"{layer.name}_scales", np.array([1, 1, 2, 2], np.float32))
            output = graph.node(
                "Resize", [inputs[0], "", scales], layer.name,
                mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
        case _:
            raise TypeError(f"layer {layer.name} of {type(layer).__name__} has no ONNX form here")
    names[layer.output.name] = output


def _add_conv(graph: _Graph, layer: keras.layers.Layer, source: str, *, depthwise: bool) -> str:
    kernel, bias = layer.get_weights()
    pad = (kernel.shape[0] - 1) // 2
    return graph.node(
        "Conv",
        [
            source,
            graph.tensor(
                f"{layer.name}_kernel",
                kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)),
            ),
            graph.tensor(f"{layer.name}_bias", bias),
        ],
        layer.name,
        kernel_shape=list(kernel.shape[:2]),
        pads=[pad] * 4,
        strides=list(layer.strides),
        group=kernel.shape[2] if depthwise else 1,
    )


def _finish(graph: _Graph) -> onnx.ModelProto:
    pictures = helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, ["N", "H", "W", 3])
    logits = helper.make_tensor_value_info(
        OUTPUT_NAME, TensorProto.FLOAT, ["N", HEAD_CHANNELS, "A"]
    )
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "face_detector", [pictures], [logits], graph.tensors),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="maskwatch",
    )
    proto.ir_version = 8
    onnx.checker.check_model(proto, full_check=True)
    return proto


def export_detector(model: keras.Model, path: Path) -> None:
    """Write ``model`` to ``path``; what was there stays until the new file is whole.

    Raises:
        StorageError: The disk refused.
    """
    make_folder(path.parent)
    graph = detector_to_onnx(model).SerializeToString()
    with written_whole(path) as partial:
        partial.write_bytes(graph)

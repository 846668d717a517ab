"""Writes a trained classifier as one ONNX graph: uint8 BGR crops in, logits out.

The graph is built from the Keras layers themselves, with each batch normalisation folded into the
convolution before it, so that no converter stands between the training and the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from maskwatch.errors import ModelError

if TYPE_CHECKING:
    import keras

_OPSET = 17
_IR_VERSION = 10
_INPUT, _OUTPUT = "crops", "answers"


class _Graph:
    """Nodes and constants, in the order they were added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **settings: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **settings))
        return output


def classifier_to_onnx(model: keras.Model) -> onnx.ModelProto:
    """Returns the graph of a network of `build_classifier`.

    The graph takes uint8 (N, side, side, 3) in BGR order and holds the scaling to -1..1 itself.

    Raises:
        ModelError: The network has a layer that this export does not know.
    """
    graph = _Graph()
    side = int(model.input_shape[1])
    value = graph.add("Cast", [_INPUT], "floats", to=TensorProto.FLOAT)
    value = graph.add("Mul", [value, graph.constant("scale", np.float32(1 / 127.5))], "scaled")  # type: ignore[arg-type]
    value = graph.add("Add", [value, graph.constant("offset", np.float32(-1))], "centred")  # type: ignore[arg-type]
    value = graph.add("Transpose", [value], "planes", perm=[0, 3, 1, 2])
    layers = [layer for layer in model.layers if type(layer).__name__ not in _NOTHING_TO_DO]
    for place, layer in enumerate(layers):
        following = layers[place + 1] if place + 1 < len(layers) else None
        value = _add_layer(graph, value, layer, following, is_first=place == 0)
    graph.add("Identity", [value], _OUTPUT)
    classes = int(model.output_shape[-1])
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "mask_classifier",
            [helper.make_tensor_value_info(_INPUT, TensorProto.UINT8, ["N", side, side, 3])],
            [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, ["N", classes])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="maskwatch",
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto


def export_classifier(model: keras.Model, path: Path) -> None:
    """Writes the graph of `classifier_to_onnx`, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(classifier_to_onnx(model).SerializeToString())
    partial.replace(path)


_NOTHING_TO_DO = frozenset({"InputLayer", "Dropout"})


def _add_layer(graph: _Graph, value: str, layer: Any, following: Any, *, is_first: bool) -> str:
    match type(layer).__name__:
        case "Conv2D" | "DepthwiseConv2D":
            return _add_convolution(graph, value, layer, following, is_first=is_first)
        case "BatchNormalization" | "FusedBatchNormalization":
            return value  # lies in the convolution before it
        case "ReLU":
            limits = [graph.constant(f"{layer.name}_low", np.float32(0))]  # type: ignore[arg-type]
            limits.append(graph.constant(f"{layer.name}_high", np.float32(layer.max_value)))  # type: ignore[arg-type]
            return graph.add("Clip", [value, *limits], layer.name)
        case "GlobalAveragePooling2D":
            pooled = graph.add("GlobalAveragePool", [value], layer.name)
            return graph.add("Flatten", [pooled], f"{layer.name}_flat")
        case "Dense":
            kernel, bias = layer.get_weights()
            names = [
                graph.constant(f"{layer.name}_w", kernel),
                graph.constant(f"{layer.name}_b", bias),
            ]
            return graph.add("Gemm", [value, *names], layer.name)
        case unknown:
            raise ModelError(
                f"layer {layer.name} is a {unknown}, which the ONNX export does not know"
            )


def _add_convolution(
    graph: _Graph, value: str, layer: Any, following: Any, *, is_first: bool
) -> str:
    kernel = layer.get_weights()[0].astype(np.float64)
    if is_first:
        kernel = kernel[:, :, ::-1]  # the network wants RGB and is given BGR
    is_depthwise = type(layer).__name__ == "DepthwiseConv2D"
    # Keras: rows, columns, in, out (or multiplier). ONNX: out, in per group, rows, columns.
    weights = kernel.transpose(2, 3, 0, 1) if is_depthwise else kernel.transpose(3, 2, 0, 1)
    gamma, beta, mean, variance = (array.astype(np.float64) for array in following.get_weights())
    gain = gamma / np.sqrt(variance + following.epsilon)
    weights = (weights * gain[:, None, None, None]).astype(np.float32)
    bias = (beta - mean * gain).astype(np.float32)
    names = [graph.constant(f"{layer.name}_w", weights), graph.constant(f"{layer.name}_b", bias)]
    return graph.add(
        "Conv",
        [value, *names],
        layer.name,
        kernel_shape=list(weights.shape[2:]),
        strides=list(layer.strides),
        auto_pad="SAME_UPPER",
        group=len(weights) if is_depthwise else 1,
    )

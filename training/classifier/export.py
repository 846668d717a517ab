"""Writes a trained classifier as one ONNX graph: uint8 BGR crops in, logits out.

The graph is built from the Keras layers themselves, so that no converter stands between the
training and the engine, and it keeps every Keras weight under its own name: training can start from
the file that ships. The engine folds the batch normalisations into the convolutions when it loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from maskwatch.errors import ModelError
from training.disk import written_whole

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
    scale = graph.constant("scale", np.array(1 / 127.5, np.float32))
    offset = graph.constant("offset", np.array(-1, np.float32))
    value = graph.add("Add", [graph.add("Mul", [value, scale], "scaled"), offset], "centred")
    value = graph.add("Transpose", [value], "planes", perm=[0, 3, 1, 2])
    for layer in model.layers:
        if type(layer).__name__ not in _NOTHING_TO_DO:
            value = _add_layer(graph, value, layer)
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
    """Writes the graph of `classifier_to_onnx`, whole or not at all.

    Raises:
        ModelError: The network has a layer that this export does not know.
        StorageError: The disk refused.
    """
    graph = classifier_to_onnx(model).SerializeToString()
    with written_whole(path) as partial:
        partial.write_bytes(graph)


def load_exported(model: keras.Model, path: Path) -> None:
    """Copies the weights of an exported file back into a network of the same shape.

    Raises:
        ModelError: The file is missing, damaged or of another network.
    """
    try:
        proto = onnx.load(path)
    except (OSError, DecodeError) as error:
        raise ModelError(f"weights {path}: cannot be read ({error}); name another file") from error
    stored = {item.name: numpy_helper.to_array(item) for item in proto.graph.initializer}
    for layer in model.layers:
        for variable in layer.weights:
            name = _name(layer, variable)
            if variable.name == "seed_generator_state":
                continue
            array = _from_onnx(name, stored[name]) if name in stored else None
            if array is None or tuple(array.shape) != tuple(variable.shape):
                raise ModelError(
                    f"weights {path}: of another network than the recipe's ({name} does not fit); "
                    "use the recipe they were trained with"
                )
            variable.assign(array)


_NOTHING_TO_DO = frozenset({"InputLayer", "Dropout"})
_FIRST_KERNEL = "conv1|kernel"


def _add_layer(graph: _Graph, value: str, layer: Any) -> str:
    match type(layer).__name__:
        case "Conv2D" | "DepthwiseConv2D":
            return _add_convolution(graph, value, layer)
        case "BatchNormalization":
            names = [
                graph.constant(_name(layer, variable), _array(variable))
                for variable in (
                    layer.gamma,
                    layer.beta,
                    layer.moving_mean,
                    layer.moving_variance,
                )
            ]
            return graph.add(
                "BatchNormalization", [value, *names], layer.name, epsilon=float(layer.epsilon)
            )
        case "ReLU":
            low = graph.constant(f"{layer.name}_low", np.array(0, np.float32))
            high = graph.constant(f"{layer.name}_high", np.array(layer.max_value, np.float32))
            return graph.add("Clip", [value, low, high], layer.name)
        case "GlobalAveragePooling2D":
            pooled = graph.add("GlobalAveragePool", [value], layer.name)
            return graph.add("Flatten", [pooled], f"{layer.name}_flat")
        case "Dense":
            names = [graph.constant(_name(layer, item), _array(item)) for item in layer.weights]
            return graph.add("Gemm", [value, *names], layer.name)
        case unknown:
            raise ModelError(f"layer {layer.name} is a {unknown}, which this export does not know")


def _add_convolution(graph: _Graph, value: str, layer: Any) -> str:
    name = _name(layer, layer.weights[0])
    weights = _to_onnx(name, _array(layer.weights[0]))
    return graph.add(
        "Conv",
        [value, graph.constant(name, weights)],
        layer.name,
        kernel_shape=list(weights.shape[2:]),
        strides=list(layer.strides),
        auto_pad="SAME_UPPER",
        group=len(weights) if _is_depthwise(name) else 1,
    )


def _to_onnx(name: str, kernel: NDArray[Any]) -> NDArray[Any]:
    """From rows, columns, in, out (or multiplier) to out, in per group, rows, columns."""
    if name == _FIRST_KERNEL:
        kernel = kernel[:, :, ::-1]  # the network wants RGB and is given BGR
    return kernel.transpose(2, 3, 0, 1) if _is_depthwise(name) else kernel.transpose(3, 2, 0, 1)


def _from_onnx(name: str, weights: NDArray[Any]) -> NDArray[Any]:
    if weights.ndim != 4:
        return weights
    kernel = weights.transpose(2, 3, 0, 1) if _is_depthwise(name) else weights.transpose(2, 3, 1, 0)
    return kernel[:, :, ::-1] if name == _FIRST_KERNEL else kernel


def _is_depthwise(name: str) -> bool:
    return name.startswith("conv_dw_") and name.endswith("|kernel")


def _name(layer: Any, variable: Any) -> str:
    return f"{layer.name}|{variable.name}"


def _array(variable: Any) -> NDArray[np.float32]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)

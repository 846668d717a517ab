"""The refiner as a Keras network: the first blocks of a MobileNetV1, then six answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from maskwatch.errors import ModelError
from models.face_refiner import ANSWERS
from training.classifier.export import keras_array
from training.classifier.net import mobilenet_blocks, normaliser
from training.refiner.recipe import NetPart

if TYPE_CHECKING:
    import keras


def build_refiner(settings: NetPart, *, is_for_training: bool = False) -> keras.Model:
    """Returns an untrained network: RGB in -1..1, shape (N, side, side, 3), to answers (N, 6).

    Where things are matters here, so the features are not pooled but narrowed and laid flat.

    Args:
        settings: The shape of the network.
        is_for_training: See `training.classifier.net.build_classifier`.
    """
    import keras

    normalised = normaliser(is_for_training=is_for_training)
    pictures = keras.Input((settings.input_px, settings.input_px, 3), name="pictures")
    x = mobilenet_blocks(pictures, settings.blocks, normalised)
    x = keras.layers.Conv2D(settings.narrow, 1, use_bias=False, name="narrow")(x)
    x = normalised(x, "narrow")
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dropout(settings.dropout, seed=0, name="dropout")(x)
    x = keras.layers.Dense(settings.hidden, name="hidden")(x)
    x = keras.layers.ReLU(6.0, name="hidden_relu")(x)
    return keras.Model(pictures, keras.layers.Dense(ANSWERS, name="last")(x), name="refiner")


def start_blocks(model: keras.Model, weights: Path) -> int:
    """Copies the blocks of an exported classifier, which knows faces; returns how many arrays.

    Raises:
        ModelError: The file is missing, damaged, or holds no such blocks.
    """
    try:
        proto = onnx.load(weights)
    except (OSError, DecodeError) as error:
        raise ModelError(
            f"weights {weights}: cannot be read ({error}); name another file"
        ) from error
    stored = {item.name: numpy_helper.to_array(item) for item in proto.graph.initializer}
    copied = 0
    for layer in model.layers:
        if not layer.name.startswith("conv"):
            continue
        for variable in layer.weights:
            name = f"{layer.name}|{variable.name}"
            array = keras_array(name, stored[name]) if name in stored else None
            if array is None or tuple(array.shape) != tuple(variable.shape):
                raise ModelError(
                    f"weights {weights}: {name} is not in it or of another shape; "
                    "start from a mask classifier of this project"
                )
            variable.assign(np.ascontiguousarray(array))
            copied += 1
    return copied

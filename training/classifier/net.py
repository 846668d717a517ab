"""The mask classifier as a Keras network: the first blocks of a MobileNetV1, then three classes.

The layers bear the names that Keras gave them in its MobileNetV1 (``conv_dw_3``, ``conv_pw_3_bn``),
so that ImageNet weights saved under those names load by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import MaskwatchError

if TYPE_CHECKING:
    import keras

# (output channels, stride) of the depthwise-separable blocks of MobileNetV1 1.0.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
)
# Keras's own default of 0.999 leaves the moving averages useless on runs of a few epochs.
_BATCH_NORM_MOMENTUM = 0.9


class BackboneError(MaskwatchError):
    """A file of starting weights is missing or does not fit the network."""


@dataclass(frozen=True, slots=True)
class NetSettings:
    """The shape of the network.

    Attributes:
        input_px: Side of the square input.
        blocks: How many separable blocks of MobileNetV1 to keep (1 to 9).
        dropout: Share of features dropped before the last layer while training.
        classes: Number of classes.
    """

    input_px: int = 96
    blocks: int = 7
    dropout: float = 0.2
    classes: int = 3


def build_classifier(settings: NetSettings, *, is_for_training: bool = False) -> keras.Model:
    """Returns an untrained network: RGB in -1..1, shape (N, side, side, 3), to logits (N, classes).

    Args:
        settings: The shape of the network.
        is_for_training: Use the faster batch normalisation where Keras runs on PyTorch. The weights
            are the same, in the same order, but only the plain network can be saved and exported.
    """
    import keras

    normalisation: Any = keras.layers.BatchNormalization
    if is_for_training and keras.backend.backend() == "torch":
        from training.classifier.torch_normalisation import fused_batch_normalisation

        normalisation = fused_batch_normalisation()

    def normalised(x: Any, name: str) -> Any:
        x = normalisation(momentum=_BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)
        return keras.layers.ReLU(6.0, name=f"{name}_relu")(x)

    side = settings.input_px
    pictures = keras.Input((side, side, 3), name="pictures")
    x = keras.layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False, name="conv1")(
        pictures
    )
    x = normalised(x, "conv1")
    for number, (channels, stride) in enumerate(_BLOCKS[: settings.blocks], start=1):
        x = keras.layers.DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=False, name=f"conv_dw_{number}"
        )(x)
        x = normalised(x, f"conv_dw_{number}")
        x = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"conv_pw_{number}")(x)
        x = normalised(x, f"conv_pw_{number}")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(settings.dropout, seed=0, name="dropout")(x)
    logits = keras.layers.Dense(settings.classes, name="logits")(x)
    return keras.Model(pictures, logits, name="mask_classifier")


def freeze_first(model: keras.Model, blocks: int) -> None:
    """Keeps the first convolution and this many blocks as they are; 0 leaves all to train.

    Their filters find edges and colours, which faces need no other of, and their large maps are
    a third of the cost of a step.
    """
    if blocks == 0:
        return
    for layer in model.layers:
        layer.trainable = False
        if layer.name == f"conv_pw_{blocks}_bn":
            break


def load_backbone(model: keras.Model, path: Path) -> int:
    """Copies ImageNet weights into the layers of the same name; returns how many arrays.

    Args:
        model: A network of `build_classifier`.
        path: ``.npz`` whose keys are ``layer|weight``.

    Raises:
        BackboneError: The file is missing, or an array has another shape than its layer.
    """
    if not path.is_file():
        raise BackboneError(
            f"backbone weights {path}: no such file; give another with `backbone` in the recipe, "
            'or backbone = "" to start from random weights'
        )
    with np.load(path) as stored:
        arrays: Mapping[str, NDArray[Any]] = {key: stored[key] for key in stored.files}
    copied = 0
    for layer in model.layers:
        for variable in layer.weights:
            # Keras 2 called it depthwise_kernel, Keras 3 calls it kernel.
            array = arrays.get(f"{layer.name}|{variable.name}")
            if array is None:
                array = arrays.get(f"{layer.name}|depthwise_{variable.name}")
            if array is None:
                continue
            if tuple(array.shape) != tuple(variable.shape):
                array = (
                    array.reshape(variable.shape) if array.size == np.prod(variable.shape) else None
                )
            if array is None:
                raise BackboneError(
                    f"backbone weights {path}: {layer.name}|{variable.name} does not have the "
                    f"shape {tuple(variable.shape)}; use weights of MobileNetV1 1.0"
                )
            variable.assign(array.astype(np.float32))
            copied += 1
    return copied

"""The face detector's network: a depthwise backbone, a feature pyramid, three anchor-free heads.

The layout is YuNet's (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023), so
that its published weights can be loaded; the widths are free, so that the net can be grown.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

STRIDES = (8, 16, 32)
# Channels of one head, in order: face logit, quality logit, dx, dy, log w, log h.
HEAD_CHANNELS = 6


@dataclass(frozen=True, slots=True)
class Widths:
    """Channels of the detector.

    Attributes:
        stem: channels at strides 2 and 4.
        early: channels of the wide units at stride 4.
        pyramid: channels at strides 8, 16 and 32 and in the heads.
    """

    stem: int = 16
    early: int = 64
    pyramid: int = 64


YUNET_WIDTHS = Widths()


def _unit(
    x: keras.KerasTensor, channels: int, *, name: str, relu: bool = True
) -> keras.KerasTensor:
    """A pointwise convolution, then a 3x3 depthwise one, then (usually) a rectifier."""
    # Nothing normalises between the two, so each keeps the size of what it is given by itself.
    x = layers.Conv2D(channels, 1, kernel_initializer="lecun_normal", name=f"{name}_pointwise")(x)
    x = layers.DepthwiseConv2D(
        3,
        padding="same",
        depthwise_initializer=keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5),
        name=f"{name}_depthwise",
    )(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _pool(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.MaxPooling2D(2, name=name)(x)


def build_detector(widths: Widths = YUNET_WIDTHS) -> keras.Model:
    """A detector with fresh weights.

    Args:
        widths: channels; :data:`YUNET_WIDTHS` is the published net.

    Returns:
        A model from pictures ``(N, H, W, 3)`` (BGR, float, 0-255, H and W multiples of 32) to three
        maps ``(N, H / s, W / s, 6)``, one for each stride ``s`` of :data:`STRIDES`.
    """
    picture = keras.Input((None, None, 3), name="picture")
    x = layers.ZeroPadding2D(1, name="stem_pad")(picture)
    x = layers.Conv2D(widths.stem, 3, strides=2, name="stem_conv")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = _pool(_unit(x, widths.stem, name="stem_unit"), "stem_pool")
    x = _unit(x, widths.stem, name="stage1_a")
    x = _unit(x, widths.early, name="stage1_b")
    x = _unit(x, widths.early, name="stage2_a")
    x = _unit(x, widths.early, name="stage2_b")
    stages = []
    for stage in (3, 4, 5):
        x = _pool(x, f"stage{stage}_pool")
        x = _unit(x, widths.pyramid, name=f"stage{stage}_a")
        x = _unit(x, widths.pyramid, name=f"stage{stage}_b")
        stages.append(x)
    return keras.Model(picture, _heads(_neck(stages, widths), widths), name="face_detector")


def _neck(stages: list[keras.KerasTensor], widths: Widths) -> list[keras.KerasTensor]:
    """Feature maps at strides 8, 16 and 32, each knowing what the coarser ones saw."""
    top = _unit(stages[2], widths.pyramid, name="lateral32")
    middle = layers.Add(name="merge16")(
        [stages[1], layers.UpSampling2D(2, interpolation="nearest", name="up16")(top)]
    )
    middle = _unit(middle, widths.pyramid, name="lateral16")
    fine = layers.Add(name="merge8")(
        [stages[0], layers.UpSampling2D(2, interpolation="nearest", name="up8")(middle)]
    )
    return [_unit(fine, widths.pyramid, name="lateral8"), middle, top]


def _heads(levels: list[keras.KerasTensor], widths: Widths) -> list[keras.KerasTensor]:
    maps = []
    for stride, x in zip(STRIDES, levels, strict=True):
        x = _unit(x, widths.pyramid, name=f"share{stride}")
        maps.append(_unit(x, HEAD_CHANNELS, name=f"head{stride}", relu=False))
    return maps

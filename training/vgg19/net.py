"""The thesis's network: VGG19 without its top, frozen; Flatten; Dense(2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskwatch.errors import ModelError

if TYPE_CHECKING:
    import keras

IMAGENET = "imagenet"
CLASSES = ("mask", "no_mask")
"""In the order of the outputs: folders in alphabetical order, WithMask before WithoutMask."""


def build_vgg19(*, input_px: int = 128, weights: str | Path | None = IMAGENET) -> keras.Model:
    """Returns the network, its VGG19 frozen: pictures in 0..1, RGB, to two probabilities.

    At 128 px it has 20,040,770 parameters, of which 16,386 train.

    Args:
        input_px: Side of the square input.
        weights: ``imagenet`` takes those of `keras.applications`, from the network or its cache;
            a path takes a local file (``.h5``, ``.weights.h5`` or ``.keras``, without the top);
            None leaves random weights, which is of use in tests only.

    Raises:
        ModelError: The weights cannot be had or do not fit.
    """
    import keras

    base = _base(input_px, weights)
    base.trainable = False
    model = keras.Sequential(
        [
            keras.Input((input_px, input_px, 3)),
            base,
            keras.layers.Flatten(),
            keras.layers.Dense(len(CLASSES), activation="sigmoid"),
        ],
        name="vgg19_masks",
    )
    return model


def _base(input_px: int, weights: str | Path | None) -> keras.Model:
    import keras

    shape = (input_px, input_px, 3)
    if weights == IMAGENET:
        try:
            return keras.applications.VGG19(weights=IMAGENET, include_top=False, input_shape=shape)
        # Keras raises a bare Exception when the download fails.
        except Exception as error:
            raise ModelError(
                "--weights imagenet: the weights of VGG19 cannot be downloaded "
                f"({_reason(error)}); give a local file with --weights FILE"
            ) from error
    base = keras.applications.VGG19(weights=None, include_top=False, input_shape=shape)
    if weights is None:
        return base
    path = Path(weights)
    if not path.is_file():
        raise ModelError(
            f"--weights {path}: no such file; give VGG19's weights without the top, or 'imagenet'"
        )
    try:
        base.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ModelError(
            f"--weights {path}: not weights of VGG19 without its top ({_reason(error)})"
        ) from error
    return base


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__

"""Fitting pictures of any size onto the canvas of a network."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

CANVAS_STEP_PX = 32
"""Both sides of a detector's canvas are multiples of this, its coarsest stride."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture shrunk or stretched onto a canvas, at its top left.

    Attributes:
        canvas: uint8 (H, W, 3), H and W multiples of `CANVAS_STEP_PX`; black beyond the picture.
        scale_x: Pixels of the canvas for one pixel of the picture, across.
        scale_y: The same, down.
    """

    canvas: Picture
    scale_x: float
    scale_y: float


def letterbox(picture: Picture, *, long_side: int) -> Letterbox:
    """Returns the picture with its longer side at `long_side` pixels, padded to whole steps.

    Args:
        picture: uint8 (H, W, 3), any channel order, which is kept; any size from 1x1 up.
        long_side: Longer side of the picture on the canvas.
    """
    height, width = picture.shape[:2]
    scale = long_side / max(height, width)
    inner_width = max(1, round(width * scale))
    inner_height = max(1, round(height * scale))
    inner = picture
    if (inner_width, inner_height) != (width, height):
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        size = (inner_width, inner_height)
        inner = np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)
    canvas = np.zeros((_whole_steps(inner_height), _whole_steps(inner_width), 3), np.uint8)
    canvas[:inner_height, :inner_width] = inner
    return Letterbox(canvas, inner_width / width, inner_height / height)


def _whole_steps(size: int) -> int:
    return -(-size // CANVAS_STEP_PX) * CANVAS_STEP_PX

"""Cutting a face out of a picture: a square around the box, at the classifier's size."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import Box

Picture = NDArray[np.uint8]

DEFAULT_SPAN = 1.35
"""Side of the square over the longer side of the face box: shows the chin and both ears."""


def crop_face(picture: Picture, box: Box, *, side_px: int, span: float = DEFAULT_SPAN) -> Picture:
    """Returns the square around a face box, resized; beyond the picture its edge is repeated.

    Args:
        picture: uint8 (H, W, 3), any channel order, which is kept.
        box: The face, in pixels of the picture; it may reach over the edge.
        side_px: Side of the result.
        span: Side of the square over the longer side of the box.

    Returns:
        uint8 (side_px, side_px, 3).
    """
    height, width = picture.shape[:2]
    side = max(1, round(max(box.width, box.height, 1.0) * span))
    center_x, center_y = box.center
    left, top = round(center_x - side / 2), round(center_y - side / 2)
    # At least one row and column of the picture, so that there is an edge to repeat.
    x1, y1 = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    x2, y2 = max(min(left + side, width), x1 + 1), max(min(top + side, height), y1 + 1)
    # The inside is resized before it is padded, so that the padding of an 8K face stays small.
    scale = side_px / side
    pad_left = min(max(round((x1 - left) * scale), 0), side_px - 1)
    pad_top = min(max(round((y1 - top) * scale), 0), side_px - 1)
    inner_width = min(max(round((x2 - x1) * scale), 1), side_px - pad_left)
    inner_height = min(max(round((y2 - y1) * scale), 1), side_px - pad_top)
    shrinks = y2 - y1 > inner_height or x2 - x1 > inner_width
    inner = cv2.resize(
        picture[y1:y2, x1:x2],
        (inner_width, inner_height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    padded = cv2.copyMakeBorder(
        inner,
        pad_top,
        side_px - pad_top - inner_height,
        pad_left,
        side_px - pad_left - inner_width,
        cv2.BORDER_REPLICATE,
    )
    return np.asarray(padded, np.uint8)

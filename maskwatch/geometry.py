"""Boxes in pixels: corners, origin at the top left, x to the right, y down."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, in pixels of the picture it was found in.

    Attributes:
        x1: Left edge, inclusive.
        y1: Top edge, inclusive.
        x2: Right edge, exclusive; more than x1.
        y2: Bottom edge, exclusive; more than y1.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Area in square pixels; 0 where an edge is inverted."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def center(self) -> tuple[float, float]:
        """Centre (x, y) in pixels."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def scaled(self, factor_x: float, factor_y: float) -> "Box":
        """The same box in a picture resized by these factors."""
        return Box(self.x1 * factor_x, self.y1 * factor_y, self.x2 * factor_x, self.y2 * factor_y)

    def clipped(self, width: float, height: float) -> "Box":
        """The part inside a picture of this size."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def as_list(self) -> list[float]:
        """`[x1, y1, x2, y2]`, as JSON output has it."""
        return [self.x1, self.y1, self.x2, self.y2]


def boxes_to_array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Stack boxes into an array of shape (N, 4), columns x1, y1, x2, y2."""
    return np.array([box.as_list() for box in boxes], dtype=np.float64).reshape(-1, 4)


def iou_matrix(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every pair.

    Args:
        first: Boxes, shape (N, 4), columns x1, y1, x2, y2.
        second: Boxes, shape (M, 4), in the same pixels.

    Returns:
        Shape (N, M), 0 to 1; 0 where both boxes are empty.
    """
    left_top = np.maximum(first[:, None, :2], second[None, :, :2])
    right_bottom = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = np.clip(right_bottom - left_top, 0.0, None).prod(axis=2)
    area_first = np.clip(first[:, 2:] - first[:, :2], 0.0, None).prod(axis=1)
    area_second = np.clip(second[:, 2:] - second[:, :2], 0.0, None).prod(axis=1)
    union = area_first[:, None] + area_second[None, :] - overlap
    ratios: NDArray[np.float64] = np.divide(
        overlap, union, out=np.zeros_like(overlap), where=union > 0
    )
    return ratios

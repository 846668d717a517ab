"""Corridors of a mall, drawn in perspective, and the camera that looks down them.

Metres: X to the right of the camera, Y up from the floor, Z away from the camera.
"""

import itertools
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.simulator.portraits import Picture, Points

CAMERA_HEIGHT_M: Final = 1.86
HALF_WIDTH_M: Final = 2.3
CEILING_M: Final = 3.1
END_M: Final = 13.0
"""Distance of the corridor's far end."""


@dataclass(frozen=True, slots=True)
class View:
    """A camera without distortion.

    Attributes:
        width: Of the picture, pixels.
        height: Of the picture, pixels.
    """

    width: int
    height: int

    @property
    def focal_px(self) -> float:
        """Pixels of one metre at a distance of one metre."""
        return 1.1 * self.width

    @property
    def center(self) -> tuple[float, float]:
        """Where parallel lines into the depth meet, pixels."""
        return self.width / 2, 0.26 * self.height

    def project(self, x_m: float, y_m: float, z_m: float) -> tuple[float, float]:
        """Pixel of a point in space."""
        scale = self.focal_px / z_m
        return self.center[0] + x_m * scale, self.center[1] + (CAMERA_HEIGHT_M - y_m) * scale

    def pixels_per_mm(self, z_m: float) -> float:
        """Size at a distance."""
        return self.focal_px / z_m / 1000


@dataclass(frozen=True, slots=True)
class Style:
    """Colours of one corridor, BGR."""

    floor: tuple[int, int, int]
    tile: tuple[int, int, int]
    wall: tuple[int, int, int]
    ceiling: tuple[int, int, int]
    shops: tuple[tuple[int, int, int], ...]
    end: tuple[int, int, int]
    shop_depth_m: float


STYLES: Final[tuple[Style, ...]] = (
    Style((176, 186, 192), (160, 170, 176), (206, 212, 216), (232, 234, 236),
          ((130, 110, 70), (84, 120, 160), (96, 130, 96), (70, 70, 130)), (238, 226, 206), 2.6),
    Style((150, 160, 172), (130, 142, 156), (190, 204, 214), (220, 228, 232),
          ((60, 96, 150), (70, 130, 170), (60, 60, 120), (96, 110, 60)), (150, 170, 190), 2.1),
    Style((196, 192, 184), (180, 176, 166), (214, 208, 196), (238, 236, 232),
          ((150, 130, 60), (150, 90, 80), (120, 140, 70), (140, 120, 120)), (226, 222, 214), 3.0),
    Style((128, 132, 134), (116, 120, 122), (164, 170, 172), (196, 200, 200),
          ((60, 66, 72), (90, 84, 60), (60, 90, 110), (80, 80, 80)), (112, 118, 122), 3.6),
)  # fmt: skip


def draw_corridor(view: View, style: Style, rng: np.random.Generator) -> Picture:
    """An empty corridor.

    Args:
        view: The camera.
        style: The corridor's colours.
        rng: Chooses order and brightness of the shops.

    Returns:
        Shape (height, width, 3), BGR.
    """
    picture = np.empty((view.height, view.width, 3), np.uint8)
    picture[:] = style.wall
    w = HALF_WIDTH_M
    _quad(picture, view, style.floor, [(-w, 0, 0.5), (w, 0, 0.5), (w, 0, END_M), (-w, 0, END_M)])
    _tiles(picture, view, style)
    _quad(picture, view, style.ceiling, [(x, CEILING_M, z) for x, z in _across(w)])
    for side in (-1.0, 1.0):
        _shops(picture, view, style, rng, side)
    _lamps(picture, view)
    _far_end(picture, view, style)
    return _finish(picture, view)


def _across(w: float) -> list[tuple[float, float]]:
    return [(-w, 0.5), (w, 0.5), (w, END_M), (-w, END_M)]


def _quad(
    picture: Picture,
    view: View,
    color: tuple[float, float, float] | tuple[int, int, int],
    corners: list[tuple[float, float, float]],
) -> None:
    points = np.array([view.project(*corner) for corner in corners])
    points = np.clip(points, -20000, 20000)
    cv2.fillConvexPoly(
        picture, np.round(points * 16).astype(np.int32), tuple(map(float, color)), cv2.LINE_AA, 4
    )


def _line(
    picture: Picture,
    view: View,
    color: tuple[int, int, int],
    ends: tuple[tuple[float, float, float], tuple[float, float, float]],
) -> None:
    points: Points = np.array([view.project(*end) for end in ends])
    cv2.polylines(
        picture, [np.round(points * 16).astype(np.int32)], False, color, 1, cv2.LINE_AA, 4
    )


def _tiles(picture: Picture, view: View, style: Style) -> None:
    for x in np.arange(-HALF_WIDTH_M, HALF_WIDTH_M + 0.01, HALF_WIDTH_M / 4):
        _line(picture, view, style.tile, ((float(x), 0, 0.8), (float(x), 0, END_M)))
    for z in np.arange(1.0, END_M, 0.6):
        ends = ((-HALF_WIDTH_M, 0.0, float(z)), (HALF_WIDTH_M, 0.0, float(z)))
        _line(picture, view, style.tile, ends)


def _shops(
    picture: Picture, view: View, style: Style, rng: np.random.Generator, side: float
) -> None:
    """Shop windows with a lit sign above, from far to near on one wall."""
    x = side * HALF_WIDTH_M
    edges = np.arange(END_M, 1.2, -style.shop_depth_m)
    for far, near in itertools.pairwise(edges):
        far, near = float(far) - 0.25, float(near) + 0.25
        color = np.array(style.shops[int(rng.integers(len(style.shops)))], np.float64)
        light = float(rng.uniform(0.75, 1.2))
        _quad(picture, view, _shade(color, 0.85 * light),
              [(x, 0.35, far), (x, 0.35, near), (x, 2.25, near), (x, 2.25, far)])  # fmt: skip
        for _ in range(7):
            middle = float(rng.uniform(near + 0.2, far - 0.2))
            top = float(rng.uniform(0.9, 2.0))
            half = float(rng.uniform(0.08, 0.22))
            goods = color * 0.4 + rng.uniform(60, 220, 3) * 0.6
            _quad(picture, view, _shade(goods, 0.8 * light),
                  [(x, 0.4, middle + half), (x, 0.4, middle - half),
                   (x, top, middle - half), (x, top, middle + half)])  # fmt: skip
        sign = color * 0.5 + 120
        _quad(picture, view, _shade(sign, 1.05),
              [(x, 2.35, far), (x, 2.35, near), (x, 2.75, near), (x, 2.75, far)])  # fmt: skip
        for mark in np.linspace(far - 0.3, near + 0.3, 6)[1:-1]:
            z = float(mark)
            _quad(picture, view, (245, 245, 245),
                  [(x, 2.47, z + 0.1), (x, 2.47, z - 0.1),
                   (x, 2.63, z - 0.1), (x, 2.63, z + 0.1)])  # fmt: skip


def _shade(color: NDArray[np.float64], gain: float) -> tuple[float, float, float]:
    blue, green, red = (float(c) for c in np.clip(color * gain, 0, 255))
    return blue, green, red


def _lamps(picture: Picture, view: View) -> None:
    for z in np.arange(2.0, END_M, 2.0):
        near, far = float(z), float(z) + 0.5
        _quad(picture, view, (252, 253, 254),
              [(-0.7, CEILING_M, near), (0.7, CEILING_M, near),
               (0.7, CEILING_M, far), (-0.7, CEILING_M, far)])  # fmt: skip


def _far_end(picture: Picture, view: View, style: Style) -> None:
    w = HALF_WIDTH_M
    wall = _shade(np.array(style.wall, np.float64), 0.86)
    for color, half, height in ((wall, w, CEILING_M), (style.end, 1.5, 2.5)):
        low = [(-half, 0.0, END_M), (half, 0.0, END_M)]
        high = [(half, height, END_M), (-half, height, END_M)]
        _quad(picture, view, color, low + high)


def _finish(picture: Picture, view: View) -> Picture:
    """Soft light: brighter in the depth, darker corners, a floor that shines a little."""
    rows, columns = np.mgrid[0 : view.height, 0 : view.width].astype(np.float32)
    dx = (columns - view.center[0]) / view.width
    dy = (rows - view.center[1]) / view.height
    light = 1.06 - 0.55 * (dx**2 + 0.6 * dy**2)
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), view.width / 1000), np.float32)
    mirror_top = int(view.center[1])
    shine = np.zeros_like(soft)
    upper = cv2.GaussianBlur(picture[:mirror_top][::-1], (0, 0), view.width / 60)
    rows_below = view.height - mirror_top
    shine[mirror_top:] = cv2.resize(upper, (view.width, rows_below))
    floor = np.zeros((view.height, view.width, 3), np.uint8)
    w = HALF_WIDTH_M
    _quad(floor, view, (255, 0, 0), [(-w, 0, 0.5), (w, 0, 0.5), (w, 0, END_M), (-w, 0, END_M)])
    share = floor[..., :1].astype(np.float32) / 255 * 0.16
    mixed = (soft * (1 - share) + shine * share) * light[..., None]
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)

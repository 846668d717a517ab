"""A drawn body below the head: coat with soft shading, and legs that walk."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from maskwatch.simulator.portraits import Layer, Picture, Points, smooth_outline, soft_polygon
from maskwatch.simulator.sprites import Sprite, make_sprite

EYE_TO_FLOOR_MM: Final = 1560.0
"""From the centre of the face down to the floor."""

_PIXELS_PER_MM: Final = 0.6
_LEFT_MM, _TOP_MM, _RIGHT_MM, _BOTTOM_MM = -320.0, 70.0, 320.0, 960.0
_COATS: Final[tuple[tuple[int, int, int], ...]] = (
    (92, 62, 40), (58, 58, 62), (60, 84, 60), (70, 66, 150), (140, 120, 96), (110, 150, 178),
    (44, 40, 46), (120, 84, 120), (180, 172, 160),
)  # fmt: skip
_TROUSERS: Final[tuple[tuple[int, int, int], ...]] = (
    (70, 50, 38), (40, 40, 42), (96, 84, 70), (70, 82, 96),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clothes:
    """Indices into the colours of coats and trousers, and whether a shirt shows."""

    coat: int
    trousers: int
    is_open: bool


def random_clothes(rng: np.random.Generator) -> Clothes:
    """Something to wear, drawn from the given generator."""
    return Clothes(
        int(rng.integers(len(_COATS))), int(rng.integers(len(_TROUSERS))), bool(rng.random() < 0.5)
    )


def draw_torso(clothes: Clothes, *, is_back: bool) -> Sprite:
    """Shoulders, sleeves and coat; its anchor is the centre of the face."""
    outline = _symmetric(
        [(0, 120), (44, 108), (72, 120), (118, 142), (166, 168), (190, 208), (206, 330),
         (220, 520), (226, 690), (208, 738), (180, 730), (174, 690), (172, 560), (168, 760),
         (172, 930), (0, 936)]
    )  # fmt: skip
    alpha = _filled(outline, blur_px=1.0)
    rows, columns = _grid()
    color = np.array(_COATS[clothes.coat], np.float32)
    across = columns / 190
    shade = 1.12 - 0.38 * across**2 - 0.10 * np.clip((rows - 200) / 700, 0, 1)
    shade += _folds(rows, columns)
    surface: Layer = color * shade[..., None]
    sleeves = _filled(_sleeve_gap(), blur_px=2.5) + _filled(
        _sleeve_gap() * np.array([-1, 1]), blur_px=2.5
    )
    surface *= (1 - 0.45 * np.clip(sleeves.astype(np.float32) / 255, 0, 1))[..., None]
    if not is_back:
        surface = _front(surface, rows, columns, clothes)
    cloth = np.random.default_rng(3).normal(0, 2.2, surface.shape[:2]).astype(np.float32)
    painted = np.clip(surface + cloth[..., None], 0, 255).astype(np.uint8)
    anchor = (-_LEFT_MM * _PIXELS_PER_MM, -_TOP_MM * _PIXELS_PER_MM)
    return make_sprite(painted, alpha, anchor=anchor, pixels_per_mm=_PIXELS_PER_MM)


def _front(
    surface: Layer,
    rows: Layer,
    columns: Layer,
    clothes: Clothes,
) -> Layer:
    if clothes.is_open:
        shirt = _filled(
            _symmetric([(0, 112), (50, 104), (30, 330), (14, 420), (0, 430)]), blur_px=1.5
        )
        share = shirt.astype(np.float32)[..., None] / 255
        pale = np.array([214, 216, 220], np.float32) * (1.0 - 0.2 * (columns / 50) ** 2)[..., None]
        surface = surface * (1 - share) + pale * share
    line = np.exp(-((columns / 3.5) ** 2)) * (rows > (430 if clothes.is_open else 120))
    lapel = np.exp(-(((np.abs(columns) - 58 + (rows - 108) * 0.14) / 4) ** 2)) * (rows < 430)
    darker: Layer = surface * (1 - 0.45 * line - 0.30 * lapel)[..., None]
    return darker


def _folds(rows: Layer, columns: Layer) -> Layer:
    noise = np.random.default_rng(5).normal(0, 1, rows.shape).astype(np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigmaX=9, sigmaY=26), np.float32)
    folds: Layer = noise / max(1e-6, float(noise.std())) * 0.045
    return folds


def _sleeve_gap() -> Points:
    return np.array(
        [(132.0, 300), (154, 400), (166, 560), (170, 730), (177, 730), (176, 560), (166, 400)]
    )


def _symmetric(right_half: list[tuple[float, float]]) -> Points:
    right = np.array(right_half, dtype=np.float64)
    left = right[1:-1][::-1] * np.array([-1.0, 1.0])
    return smooth_outline(np.concatenate([right, left]), steps=4)


def _filled(outline_mm: Points, *, blur_px: float) -> Picture:
    points = (outline_mm - np.array([_LEFT_MM, _TOP_MM])) * _PIXELS_PER_MM
    width = int((_RIGHT_MM - _LEFT_MM) * _PIXELS_PER_MM)
    height = int((_BOTTOM_MM - _TOP_MM) * _PIXELS_PER_MM)
    return soft_polygon(points, blur_px=blur_px, size=(width, height))


def _grid() -> tuple[Layer, Layer]:
    """Millimetres below and right of the face's centre for each pixel of the torso."""
    width = int((_RIGHT_MM - _LEFT_MM) * _PIXELS_PER_MM)
    height = int((_BOTTOM_MM - _TOP_MM) * _PIXELS_PER_MM)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows / _PIXELS_PER_MM + _TOP_MM, columns / _PIXELS_PER_MM + _LEFT_MM


def draw_legs(
    picture: Picture,
    clothes: Clothes,
    *,
    face: tuple[float, float],
    pixels_per_mm: float,
    stride: float,
    squeeze: float,
) -> None:
    """Draw trousers and shoes below a face's place, in place.

    Args:
        picture: Shape (height, width, 3), BGR.
        clothes: Their colours.
        face: Centre of the face, pixels.
        pixels_per_mm: Size there.
        stride: -1 to 1: which foot is before the other, and how far; 0 stands.
        squeeze: Width factor of the body.
    """
    if face[1] + 860 * pixels_per_mm > picture.shape[0]:
        return
    color = np.array(_TROUSERS[clothes.trousers], np.float64)
    for side in (-1.0, 1.0):
        lift = max(0.0, side * stride) * 70
        sway = side * stride * 60 * (1 - squeeze) * 4
        leg = np.array(
            [(side * 8, 880), (side * 158, 880), (side * 136 + sway, 1470 - lift),
             (side * 40 + sway, 1470 - lift)]
        )  # fmt: skip
        shade = 0.95 if side * stride <= 0 else 0.72
        _fill(picture, leg, color * shade, face, pixels_per_mm, squeeze)
        inner = leg.copy()
        inner[:, 0] = leg[:, 0] * 0.55 + leg[:, 0].mean() * 0.45
        _fill(picture, inner, color * shade * 1.12, face, pixels_per_mm, squeeze)
        shoe = np.array(
            [(side * 34 + sway, 1455 - lift), (side * 138 + sway, 1455 - lift),
             (side * 150 + sway, 1560 - lift), (side * 30 + sway, 1560 - lift)]
        )  # fmt: skip
        _fill(picture, shoe, np.array([34.0, 34, 36]), face, pixels_per_mm, squeeze)


def _fill(
    picture: Picture,
    points_mm: Points,
    color: Layer,
    face: tuple[float, float],
    pixels_per_mm: float,
    squeeze: float,
) -> None:
    points = points_mm * pixels_per_mm * np.array([squeeze, 1.0]) + np.array(face)
    cv2.fillConvexPoly(
        picture,
        np.round(points * 8).astype(np.int32),
        tuple(float(c) for c in np.clip(color, 0, 255)),
        cv2.LINE_AA,
        3,
    )

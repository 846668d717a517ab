"""Masks drawn on a portrait: three kinds, three ways to wear them wrongly or well."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np

from maskwatch.contracts import Verdict
from maskwatch.simulator.portraits import (
    HEIGHT,
    WIDTH,
    Landmarks,
    Layer,
    Picture,
    Points,
    smooth_outline,
    soft_polygon,
)

_SIZE = (WIDTH, HEIGHT)


class MaskKind(StrEnum):
    """What the mask is made of."""

    SURGICAL = "surgical"
    CLOTH = "cloth"
    FFP2 = "ffp2"


class Wear(StrEnum):
    """How the mask sits."""

    WELL = "well"
    NOSE_OUT = "nose_out"
    ON_CHIN = "on_chin"
    NONE = "none"

    @property
    def verdict(self) -> Verdict:
        """The truth: a mask that leaves the nose free, or hangs on the chin, is `incorrect`."""
        if self is Wear.NONE:
            return Verdict.NO_MASK
        return Verdict.MASK if self is Wear.WELL else Verdict.INCORRECT


COLORS: Final[dict[MaskKind, tuple[tuple[int, int, int], ...]]] = {
    MaskKind.SURGICAL: ((214, 190, 140), (222, 205, 160), (232, 228, 222), (190, 200, 130)),
    MaskKind.CLOTH: ((38, 36, 38), (112, 70, 36), (84, 112, 58), (206, 198, 196)),
    MaskKind.FFP2: ((238, 238, 236), (226, 230, 232), (44, 42, 42)),
}
"""Colours of each kind, BGR."""


@dataclass(frozen=True, slots=True)
class FaceMask:
    """One mask on one face."""

    kind: MaskKind
    wear: Wear
    color: tuple[int, int, int]


def draw_mask(face: Picture, marks: Landmarks, mask: FaceMask) -> Picture:
    """Draw a mask with its straps on a cut-out.

    Args:
        face: Shape (400, 320, 3), BGR.
        marks: Where the face's parts are.
        mask: What to draw; `Wear.NONE` gives a copy without a mask.

    Returns:
        Same shape, a new array.
    """
    if mask.wear is Wear.NONE:
        return face.copy()
    outline = smooth_outline(_outline(marks, mask))
    alpha = soft_polygon(outline, blur_px=0.9, size=_SIZE).astype(np.float32)[..., None] / 255
    picture = _cast_shadow(face.astype(np.float32), outline)
    picture = _draw_straps(picture, marks, outline, mask)
    cloth = _cloth(face, marks, outline, mask)
    picture = picture * (1 - alpha) + cloth * alpha
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _outline(marks: Landmarks, mask: FaceMask) -> Points:
    """Corners of the mask, clockwise from its upper left, shape (N, 2)."""
    left, right = np.array(marks.contour_left), np.array(marks.contour_right)
    bridge, tip, base = (np.array(p) for p in (marks.bridge, marks.nose_tip, marks.nose_base))
    lip, chin = np.array(marks.lip_bottom), np.array(marks.chin)
    inward = (right[1] - left[1]) * 0.02
    below = np.array([0.0, 7.0])
    if mask.wear is Wear.WELL:
        top = bridge * 0.62 + tip * 0.38
        side = 0.45
        cheek = 0.72
    elif mask.wear is Wear.NOSE_OUT:
        top = base * 0.6 + lip * 0.4
        side, cheek = 1.0, 0.45
    else:
        top = lip + np.array([0.0, 5.0])
        side, cheek = 1.9, 0.2
        below = np.array([0.0, 16.0])
    upper_left = _along(left, side) + inward
    upper_right = _along(right, side) - inward
    low_left, low_right = _along(left, 2.6), _along(right, 2.6)
    jaw_left, jaw_right = left[3], right[3]
    points = [
        upper_left,
        upper_left * (1 - cheek) * 0.5 + top * (1 - (1 - cheek) * 0.5)
        + (upper_left - top) * 0.28 + np.array([0, 4.0]),
        top,
        upper_right * (1 - cheek) * 0.5 + top * (1 - (1 - cheek) * 0.5)
        + (upper_right - top) * 0.28 + np.array([0, 4.0]),
        upper_right,
        low_right,
        jaw_right * 0.75 + chin * 0.25 + below * 0.6,
        chin + below,
        jaw_left * 0.75 + chin * 0.25 + below * 0.6,
        low_left,
    ]  # fmt: skip
    return np.array(points)


def _along(contour: Points, position: float) -> Points:
    """A point between the four of a contour: 0 at the eye, 1 nose, 2 mouth, 3 jaw."""
    index = min(int(position), len(contour) - 2)
    share = position - index
    point: Points = contour[index] * (1 - share) + contour[index + 1] * share
    return point


def _cast_shadow(picture: Layer, outline: Points) -> Layer:
    shadow = soft_polygon(outline + np.array([0.0, 3.0]), blur_px=5, size=_SIZE)
    darker: Layer = picture * (1 - 0.28 * (shadow.astype(np.float32)[..., None] / 255))
    return darker


def _draw_straps(picture: Layer, marks: Landmarks, outline: Points, mask: FaceMask) -> Layer:
    color: Layer = np.array(mask.color, np.float32) * 0.55 + np.array([235.0, 235.0, 235.0]) * 0.45
    if sum(mask.color) < 240:
        color = np.array(mask.color, np.float32) * 1.2
    corners = {"left": outline[outline[:, 0].argmin()], "right": outline[outline[:, 0].argmax()]}
    layer = np.zeros((HEIGHT, WIDTH), np.uint8)
    for side, ear in (("left", marks.ear_left), ("right", marks.ear_right)):
        anchor = corners[side]
        for rise, drop in ((-14.0, 2.0), (14.0, 26.0)):
            ends = np.array([[ear[0], ear[1] + rise], [anchor[0], anchor[1] + drop]])
            cv2.polylines(
                layer, [np.round(ends * 16).astype(np.int32)], False, 255, 3, cv2.LINE_AA, 4
            )
    alpha = cv2.GaussianBlur(layer, (0, 0), 0.7).astype(np.float32)[..., None] / 255 * 0.9
    straps: Layer = picture * (1 - alpha) + color.astype(np.float32) * alpha
    return straps


def _cloth(face: Picture, marks: Landmarks, outline: Points, mask: FaceMask) -> Layer:
    """The mask's surface over the whole canvas: colour, roundness, folds, shape (400, 320, 3)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    across = (columns - marks.nose_tip[0]) / max(1.0, (right - left) / 2)
    down = (rows - top) / max(1.0, bottom - top)
    shade = 1.05 - 0.42 * across**2 - 0.20 * np.clip(down - 0.35, 0, 1)
    shade += {
        MaskKind.SURGICAL: _pleats,
        MaskKind.CLOTH: _seam,
        MaskKind.FFP2: _beak,
    }[mask.kind](across, down)
    # The light on the face falls on the mask as well.
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    light = cv2.GaussianBlur(grey, (0, 0), 14).astype(np.float32)
    shade *= 0.75 + 0.25 * light / max(1.0, float(light[int(marks.nose_tip[1]) - 10].max()))
    weave = np.random.default_rng(7).normal(0, 2.0, (HEIGHT, WIDTH)).astype(np.float32)
    weave = np.asarray(cv2.GaussianBlur(weave, (0, 0), 0.8), np.float32) * 1.6
    color = np.array(mask.color, np.float32)
    if sum(mask.color) < 240:
        color = color + 12
    surface: Layer = color * shade[..., None] + weave[..., None]
    if mask.kind is MaskKind.SURGICAL:
        rim = np.exp(-(((down - 0.05) / 0.035) ** 2))[..., None] * 0.5
        surface = surface * (1 - rim) + np.array([236, 234, 230], np.float32) * rim
    return surface


def _pleats(across: Layer, down: Layer) -> Layer:
    folds = np.zeros_like(down)
    for height in (0.34, 0.52, 0.70):
        line = down - height - 0.05 * (across**2)
        folds += -0.20 * np.exp(-((line / 0.018) ** 2)) + 0.08 * np.exp(
            -(((line + 0.035) / 0.03) ** 2)
        )
    return folds


def _seam(across: Layer, down: Layer) -> Layer:
    crease = -0.10 * np.exp(-(((across - 0.45 * (down - 0.4)) / 0.05) ** 2)) * (down > 0.4)
    seam: Layer = crease - 0.16 * np.exp(-((across / 0.016) ** 2))
    return seam


def _beak(across: Layer, down: Layer) -> Layer:
    ridge = 0.12 * np.exp(-((across / 0.05) ** 2)) - 0.14 * np.exp(-(((across - 0.07) / 0.03) ** 2))
    weld = -0.10 * np.exp(-(((down - 0.12 - 0.1 * across**2) / 0.012) ** 2))
    cheeks = -0.16 * np.clip(np.abs(across) - 0.25, 0, 1)
    beak: Layer = ridge + weld + cheeks
    return beak

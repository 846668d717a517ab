"""From a labelled scene to one training crop: another scale, place, light, lens and occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.scenes import REFERENCE_LONG_SIDE_PX, Boxes, Picture, Scene

_PLACES_TRIED = 8


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How training crops differ from the pictures.

    Attributes:
        crop_px: Side of the crop.
        scales: Lowest, usual lowest, usual highest and highest size, as longer side of the whole
            picture over 640 px: half of the crops lie in the middle range, a quarter to each side.
        stretch: Standard deviation of the logarithm of width over height.
        background: Share of crops that look closely at places without a face.
        colour: Share with another light or colour.
        blur: Share with motion blur or out of focus.
        compressed: Share passed through JPEG.
        grey: Share without colour.
        covered: Share of unmasked faces that get a drawn cover over their lower half.
        shortest_face_px: Lower faces, in the crop, are neither taught nor punished.
        largest_face: Longest side of the largest face over the side of the crop.
        least_visible: A face cut by the crop's edge to less than this is neither.
    """

    crop_px: int = 416
    scales: tuple[float, float, float, float] = (0.4, 0.8, 1.25, 1.9)
    stretch: float = 0.06
    background: float = 0.12
    colour: float = 0.6
    blur: float = 0.15
    compressed: float = 0.2
    grey: float = 0.05
    covered: float = 0.2
    shortest_face_px: float = 5.0
    largest_face: float = 0.8
    least_visible: float = 0.6


@dataclass(frozen=True, slots=True)
class Crop:
    """One training example.

    Attributes:
        picture: uint8 (S, S, 3) BGR.
        boxes: Faces to find, (G, 4), pixels of the crop.
        ignored: Faces too small or too cut to judge, (I, 4).
        unpunished_height_px: See :class:`training.detector.truth.Truth`.
        file: The scene it was cut from.
    """

    picture: Picture
    boxes: Boxes
    ignored: Boxes
    unpunished_height_px: float
    file: str


def make_crop(
    scene: Scene, picture: Picture, settings: AugmentSettings, rng: np.random.Generator
) -> Crop:
    """Cuts one crop out of a scene.

    Args:
        scene: Its boxes and labels.
        picture: uint8 (H, W, 3) BGR, not changed.
        settings: Strengths.
        rng: The only source of chance.
    """
    is_background = rng.random() < settings.background
    scale = _scale(settings.scales, rng)
    # Texture seen closely is what looks most like a face where there is none.
    scale = 2 * scale if is_background else min(scale, _largest_scale(scene, settings))
    zoom = REFERENCE_LONG_SIDE_PX / max(scene.size) * scale
    stretch = float(np.exp(np.clip(rng.normal(0, settings.stretch), -0.2, 0.2)))
    zoom_x, zoom_y = zoom * stretch**0.5, zoom / stretch**0.5
    extent = settings.crop_px / zoom_x, settings.crop_px / zoom_y
    place = _emptiest_corner if is_background else _corner
    left, top = place(scene, *extent, rng)
    cut = _cut(picture, left, top, zoom_x, zoom_y, settings.crop_px)
    known = np.concatenate([scene.boxes, scene.unlabelled])
    known = ((known - (left, top, left, top)) * (zoom_x, zoom_y, zoom_x, zoom_y)).astype(np.float32)
    if rng.random() < 0.5:
        cut = np.ascontiguousarray(cut[:, ::-1])
        known[:, [0, 2]] = settings.crop_px - known[:, [2, 0]]
    boxes, unlabelled = known[: len(scene.boxes)], known[len(scene.boxes) :]
    faces, ignored = _visible(boxes, settings)
    for box, label in zip(boxes, scene.labels, strict=True):
        if label == "no_mask" and rng.random() < settings.covered:
            _cover(cut, box, rng)
    return Crop(
        picture=_through_the_lens(cut, settings, rng),
        boxes=faces,
        ignored=np.concatenate([ignored, unlabelled]),
        unpunished_height_px=max(settings.shortest_face_px, scene.unlabelled_below_px * scale),
        file=scene.file,
    )


def _scale(scales: tuple[float, float, float, float], rng: np.random.Generator) -> float:
    part = int(rng.choice(3, p=(0.25, 0.5, 0.25)))
    return float(np.exp(rng.uniform(np.log(scales[part]), np.log(scales[part + 1]))))


def _largest_scale(scene: Scene, settings: AugmentSettings) -> float:
    """Beyond it, a close-up would fill the crop and teach that a whole picture is a face."""
    if not len(scene.boxes):
        return float("inf")
    sides = (scene.boxes[:, 2:] - scene.boxes[:, :2]).max(1)
    longest_at_640 = float(sides.max()) * REFERENCE_LONG_SIDE_PX / max(scene.size)
    return settings.largest_face * settings.crop_px / longest_at_640


def _corner(
    scene: Scene, width: float, height: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Top left corner of the cut in the picture: mostly one that shows a certain face."""
    if len(scene.boxes) and rng.random() < 0.8:
        x1, y1, x2, y2 = scene.boxes[rng.integers(len(scene.boxes))]
        corner = [
            _between(low - extent + size, low, rng)
            for low, size, extent in ((x1, x2 - x1, width), (y1, y2 - y1, height))
        ]
    else:
        corner = [rng.uniform(0, 1) * scene.size[0] - width / 2,
                  rng.uniform(0, 1) * scene.size[1] - height / 2]  # fmt: skip
    return tuple(
        float(np.clip(start, min(0.0, size - extent), max(0.0, size - extent)))
        for start, size, extent in zip(corner, scene.size, (width, height), strict=True)
    )  # type: ignore[return-value]


def _emptiest_corner(
    scene: Scene, width: float, height: float, rng: np.random.Generator
) -> tuple[float, float]:
    """The one of a few places that shows the least of any face."""
    corners = [
        tuple(float(rng.uniform(0, max(0.0, size - extent)))
              for size, extent in zip(scene.size, (width, height), strict=True))
        for _ in range(_PLACES_TRIED)
    ]  # fmt: skip

    def shown(corner: tuple[float, ...]) -> float:
        low = np.maximum(scene.boxes[:, :2], corner)
        high = np.minimum(scene.boxes[:, 2:], (corner[0] + width, corner[1] + height))
        return float((high - low).clip(0).prod(1).sum())

    left, top = min(corners, key=shown)
    return left, top


def _between(one: float, other: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(min(one, other), max(one, other)))


def _cut(
    picture: Picture, left: float, top: float, zoom_x: float, zoom_y: float, side: int
) -> Picture:
    """The cut at its new size; black beyond the picture."""
    height, width = picture.shape[:2]
    x1, y1 = max(0, int(left)), max(0, int(top))
    x2 = min(width, int(np.ceil(left + side / zoom_x)) + 1)
    y2 = min(height, int(np.ceil(top + side / zoom_y)) + 1)
    part = picture[y1:y2, x1:x2]
    # Shrink by area first: a plain warp would skip pixels and draw faces no camera shows.
    shrink_x, shrink_y = min(1.0, zoom_x), min(1.0, zoom_y)
    if min(shrink_x, shrink_y) < 0.95:
        size = (max(1, round(part.shape[1] * shrink_x)), max(1, round(part.shape[0] * shrink_y)))
        shrink_x, shrink_y = size[0] / part.shape[1], size[1] / part.shape[0]
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    else:
        shrink_x = shrink_y = 1.0
    fit_x, fit_y = zoom_x / shrink_x, zoom_y / shrink_y
    matrix = np.array([[fit_x, 0, (x1 - left) * zoom_x], [0, fit_y, (y1 - top) * zoom_y]])
    return np.asarray(cv2.warpAffine(part, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def _visible(boxes: Boxes, settings: AugmentSettings) -> tuple[Boxes, Boxes]:
    """Faces to teach, clipped to the crop, and faces to leave alone."""
    clipped = boxes.clip(0, settings.crop_px)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    shown = (clipped[:, 2:] - clipped[:, :2]).prod(1) / np.maximum(area, 1e-6)
    tall = boxes[:, 3] - boxes[:, 1] >= settings.shortest_face_px
    taught = (shown >= settings.least_visible) & tall
    return clipped[taught], clipped[~taught & (shown > 0)]


def _cover(crop: Picture, box: Boxes, rng: np.random.Generator) -> None:
    """Paints a mask, scarf or hand-like patch over the lower half of a face, in place."""
    x1, y1, x2, y2 = (float(value) for value in box)
    width, height = x2 - x1, y2 - y1
    top = y1 + height * rng.uniform(0.4, 0.62)
    bottom = y1 + height * rng.uniform(0.9, 1.1)
    inset, jaw = width * rng.uniform(-0.05, 0.12), width * rng.uniform(0.15, 0.35)
    lift = height * rng.uniform(-0.05, 0.1)
    outline = np.array(
        [
            (x1 + inset, top + lift), ((x1 + x2) / 2, top - lift), (x2 - inset, top + lift),
            (x2 - inset * 1.5, (top + bottom) / 2), (x2 - jaw, bottom), (x1 + jaw, bottom),
            (x1 + inset * 1.5, (top + bottom) / 2),
        ]
    )  # fmt: skip
    low = np.maximum(np.floor(outline.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(0)).astype(int) + 1, crop.shape[0])
    if (high - low < 2).any():
        return
    patch = crop[low[1] : high[1], low[0] : high[0]]
    alpha = np.zeros(patch.shape[:2], np.float32)
    points = np.round((outline - low) * 16).astype(np.int32)
    cv2.fillPoly(alpha, [points], 1.0, cv2.LINE_AA, 4)
    colour = rng.choice(_CLOTHS) if rng.random() < 0.7 else rng.uniform(20, 240, 3)
    shade = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    lit = float(np.clip(shade.mean() / 130, 0.3, 1.2))
    texture = 1 + rng.uniform(0, 0.25) * (shade / max(float(shade.mean()), 1.0) - 1)
    painted = np.clip(np.asarray(colour, np.float32) * lit * texture, 0, 255)
    alpha = alpha[..., None]
    patch[:] = (patch * (1 - alpha) + painted * alpha).astype(np.uint8)


_CLOTHS = np.array(
    [(235, 205, 150), (215, 190, 120), (240, 240, 240), (225, 225, 230), (35, 35, 38),
     (60, 55, 50), (170, 200, 140), (190, 170, 235), (130, 60, 40), (60, 60, 160),
     (130, 160, 210), (90, 120, 170)], np.float32,
)  # fmt: skip


def _through_the_lens(
    crop: Picture, settings: AugmentSettings, rng: np.random.Generator
) -> Picture:
    if rng.random() < settings.blur:
        crop = _blurred(crop, rng)
    if rng.random() < settings.colour:
        crop = np.asarray(cv2.LUT(crop, _light(rng)), np.uint8)
    if rng.random() < settings.grey:
        crop = np.repeat(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    if rng.random() < settings.compressed:
        quality = int(rng.integers(25, 90))
        _, encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
        crop = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return crop


def _light(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A table (256, 1, 3): gamma, contrast and brightness, and a gain for each channel."""
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    gains = np.exp(rng.normal(0, 0.08, (1, 3))) * rng.uniform(0.6, 1.3)
    table = levels ** float(np.exp(rng.normal(0, 0.3))) * gains + rng.uniform(-0.1, 0.1)
    return np.asarray(np.clip(table * 255, 0, 255), np.uint8)[:, None]


def _blurred(crop: Picture, rng: np.random.Generator) -> Picture:
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.5, 1.8))), np.uint8)
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    return np.asarray(cv2.filter2D(crop, -1, kernel), np.uint8)

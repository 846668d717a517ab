"""What a camera does to a face: turned, small, moving, out of focus, dark, compressed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """How often and how strongly each fault is drawn.

    Attributes:
        turn_deg: Standard deviation of the rotation.
        shift: Standard deviation of the box's error, in sides of the face box.
        scale: Standard deviation of the logarithm of the box's size.
        small: Share of faces drawn again at a small size.
        smallest_px: Lowest face height drawn.
        largest_px: Highest face height drawn.
        motion: Share with motion blur.
        defocus: Share out of focus.
        compressed: Share passed through JPEG.
        light: Share with another gamma, contrast and brightness.
        noise: Share with sensor noise.
        tint: Share whose lower face is coloured, whatever is there.
        colour: Share with another hue and saturation overall.
    """

    turn_deg: float = 9.0
    shift: float = 0.06
    scale: float = 0.10
    small: float = 0.55
    smallest_px: float = 13.0
    largest_px: float = 64.0
    motion: float = 0.2
    defocus: float = 0.2
    compressed: float = 0.5
    light: float = 0.5
    noise: float = 0.2
    tint: float = 0.12
    colour: float = 0.4


def take_look(
    wide: Picture,
    rng: np.random.Generator,
    settings: CameraSettings,
    *,
    side_px: int,
    span: float,
    wide_span: float,
) -> Picture:
    """Returns one look at a face as a camera and a detector would give it.

    Args:
        wide: uint8 (S, S, 3) BGR, a crop that shows more than the classifier's cut.
        rng: The only source of chance.
        settings: Strengths.
        side_px: Side of the result.
        span: Side of the classifier's cut over the side of the face box.
        wide_span: Side of `wide` over the side of the face box.
    """
    look = wide
    if rng.random() < settings.tint:
        look = _tinted_lower_face(look, rng, wide_span)
    if rng.random() < settings.colour:
        look = _other_colours(look, rng)
    look = _moved(look, rng, settings, side_px=side_px, span=span, wide_span=wide_span)
    if rng.random() < settings.light:
        look = _other_light(look, rng)
    return _through_the_lens(look, rng, settings, span=span)


def central_cut(picture: Picture, *, side_px: int, share: float) -> Picture:
    """Returns the middle of a square picture, resized.

    Args:
        picture: uint8 (S, S, 3).
        side_px: Side of the result.
        share: Side of the part that is kept over the side of the picture.
    """
    scale = side_px / (picture.shape[0] * share)
    move = side_px / 2 - scale * picture.shape[0] / 2
    matrix = np.array([[scale, 0, move], [0, scale, move]])
    cut = cv2.warpAffine(picture, matrix, (side_px, side_px), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def _moved(
    picture: Picture,
    rng: np.random.Generator,
    settings: CameraSettings,
    *,
    side_px: int,
    span: float,
    wide_span: float,
) -> Picture:
    face_px = picture.shape[0] / wide_span
    cut_px = face_px * span * float(np.exp(np.clip(rng.normal(0, settings.scale), -0.25, 0.25)))
    angle = float(np.clip(rng.normal(0, settings.turn_deg), -35, 35))
    center = picture.shape[0] / 2 + np.clip(rng.normal(0, settings.shift, 2), -0.16, 0.16) * face_px
    matrix = cv2.getRotationMatrix2D((float(center[0]), float(center[1])), angle, side_px / cut_px)
    matrix[:, 2] += side_px / 2 - center
    if rng.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += side_px - 1
    moved = cv2.warpAffine(
        picture, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)


def _through_the_lens(
    look: Picture, rng: np.random.Generator, settings: CameraSettings, *, span: float
) -> Picture:
    side = look.shape[0]
    drawn_side = side
    if rng.random() < settings.small:
        low, high = np.log(settings.smallest_px), np.log(settings.largest_px)
        drawn_side = min(side, max(8, round(float(np.exp(rng.uniform(low, high))) * span)))
    if rng.random() < settings.motion:
        look = _motion_blurred(look, rng)
    if rng.random() < settings.defocus:
        look = np.asarray(cv2.GaussianBlur(look, (0, 0), float(rng.uniform(0.5, 2.2))), np.uint8)
    if drawn_side < side:
        how = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR
        look = np.asarray(cv2.resize(look, (drawn_side, drawn_side), interpolation=how), np.uint8)
    if rng.random() < settings.noise:
        grain = rng.normal(0, rng.uniform(2, 12), look.shape)
        look = np.clip(look + grain, 0, 255).astype(np.uint8)
    if rng.random() < settings.compressed:
        quality = int(rng.integers(25, 92))
        _, encoded = cv2.imencode(".jpg", look, [cv2.IMWRITE_JPEG_QUALITY, quality])
        look = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    if look.shape[0] != side:
        look = np.asarray(cv2.resize(look, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    return look


def _motion_blurred(look: Picture, rng: np.random.Generator) -> Picture:
    length = int(rng.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    # People walk: mostly sideways.
    angle = float(rng.normal(0, 25))
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), angle, 1.0)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    kernel /= max(float(kernel.sum()), 1e-6)
    return np.asarray(cv2.filter2D(look, -1, kernel), np.uint8)


def _other_light(look: Picture, rng: np.random.Generator) -> Picture:
    levels = np.arange(256, dtype=np.float32) / 255
    curve = levels ** float(np.exp(rng.normal(0, 0.45)))
    gain, offset = rng.uniform(0.55, 1.25), rng.uniform(-0.12, 0.12)
    table = np.clip((curve * gain + offset) * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(look, table), np.uint8)


def _other_colours(look: Picture, rng: np.random.Generator) -> Picture:
    if rng.random() < 0.15:
        grey = cv2.cvtColor(look, cv2.COLOR_BGR2GRAY)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    # A camera's white balance: one gain a channel.
    gains = np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    balanced = np.clip(look * gains, 0, 255).astype(np.uint8)
    hsv = cv2.cvtColor(balanced, cv2.COLOR_BGR2HSV)
    saturation = np.clip(np.arange(256) * rng.uniform(0.4, 1.5), 0, 255).astype(np.uint8)
    hsv[..., 1] = cv2.LUT(hsv[..., 1], saturation)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


def _tinted_lower_face(look: Picture, rng: np.random.Generator, wide_span: float) -> Picture:
    """Colours the lower face of any class, so that a colour alone never says "mask"."""
    side = look.shape[0]
    face = side / wide_span
    weight = np.zeros((side, side), np.float32)
    middle = (round(side / 2), round(side / 2 + 0.22 * face))
    cv2.ellipse(weight, middle, (round(0.48 * face), round(0.36 * face)), 0, 0, 360, 1.0, -1)
    weight = cv2.GaussianBlur(weight, (0, 0), face * 0.08)[..., None] * rng.uniform(0.4, 0.9)
    grey = cv2.cvtColor(look, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
    colour = rng.uniform(40, 255, 3).astype(np.float32)
    tinted = grey * colour / max(float(colour.max()), 1.0)
    return np.clip(look * (1 - weight) + tinted * weight, 0, 255).astype(np.uint8)

"""Cut-outs that can be put into a picture at any size and place, quickly."""

from dataclasses import dataclass

import cv2
import numpy as np

from maskwatch.simulator.portraits import Picture


@dataclass(frozen=True, slots=True)
class Sprite:
    """A cut-out at several sizes.

    Attributes:
        levels: Shape (height, width, 4) each: BGR times alpha, then alpha; each level half the one
            before. Shrinking from the nearest level keeps small figures free of flicker.
        anchor: The point (x, y) that is put at a place, pixels of the first level.
        pixels_per_mm: Of the first level.
    """

    levels: tuple[Picture, ...]
    anchor: tuple[float, float]
    pixels_per_mm: float


def make_sprite(
    bgr: Picture, alpha: Picture, *, anchor: tuple[float, float], pixels_per_mm: float
) -> Sprite:
    """Prepare a cut-out.

    Args:
        bgr: Shape (height, width, 3).
        alpha: Shape (height, width), 0 transparent to 255.
        anchor: See `Sprite`.
        pixels_per_mm: See `Sprite`.
    """
    weighted = bgr.astype(np.float32) * (alpha.astype(np.float32)[..., None] / 255)
    first = np.dstack([np.round(weighted).astype(np.uint8), alpha])
    levels = [first]
    while min(levels[-1].shape[:2]) > 24:
        height, width = levels[-1].shape[:2]
        smaller = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, np.uint8))
    return Sprite(tuple(levels), anchor, pixels_per_mm)


def put_sprite(
    picture: Picture,
    sprite: Sprite,
    *,
    at: tuple[float, float],
    pixels_per_mm: float,
    squeeze: float = 1.0,
    opacity: float = 1.0,
) -> None:
    """Draw a cut-out into a picture, in place.

    Args:
        picture: Shape (height, width, 3), BGR.
        sprite: What to draw.
        at: Where its anchor goes, pixels of the picture.
        pixels_per_mm: Size at that place.
        squeeze: Width factor, for a body seen from the side.
        opacity: 0 nothing to 1 fully there.
    """
    ratio = pixels_per_mm / sprite.pixels_per_mm
    index = min(len(sprite.levels) - 1, max(0, int(np.floor(-np.log2(max(ratio, 1e-6))))))
    level = sprite.levels[index]
    level_scale = level.shape[0] / sprite.levels[0].shape[0]
    scale_y = ratio / level_scale
    scale_x = scale_y * squeeze
    left = at[0] - sprite.anchor[0] * level_scale * scale_x
    top = at[1] - sprite.anchor[1] * level_scale * scale_y
    x1, y1 = max(0, int(np.floor(left))), max(0, int(np.floor(top)))
    x2 = min(picture.shape[1], int(np.ceil(left + level.shape[1] * scale_x)) + 1)
    y2 = min(picture.shape[0], int(np.ceil(top + level.shape[0] * scale_y)) + 1)
    if x1 >= x2 or y1 >= y2:
        return
    matrix = np.array([[scale_x, 0, left - x1], [0, scale_y, top - y1]])
    drawn = cv2.warpAffine(level, matrix, (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR)
    if opacity < 1:
        drawn = cv2.convertScaleAbs(drawn, alpha=opacity)
    behind = cv2.cvtColor(cv2.bitwise_not(drawn[..., 3]), cv2.COLOR_GRAY2BGR)
    region = picture[y1:y2, x1:x2]
    kept = cv2.multiply(region, behind, scale=1 / 255)
    cv2.add(kept, np.ascontiguousarray(drawn[..., :3]), dst=region)

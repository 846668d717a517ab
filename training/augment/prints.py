"""Real masks in another cloth: prints and patterns on masks that are worn, at any turn of the head.

Pictures show mostly plain masks. What is printed on one, seen small or from the side, can look like
a beard or a smile; drawn masks cannot show that, because they need a face turned to the camera.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.augment.cloth import cloth_pattern, printed

Picture = NDArray[np.uint8]

# How far a pixel of the mask may differ from where the filling starts: lightness, and two colours.
_SAME_CLOTH_LAB = (26, 9, 9)
# Of the area of the face box: less is a fold or a valve, more has run into skin or background.
_SMALLEST_SHARE, _LARGEST_SHARE = 0.12, 0.75
_MOST_OUTSIDE = 0.3
# Where the filling starts: right and left of the middle of the face, in sides of the box.
_STARTS = (0.0, -0.18, 0.18)
_BELOW_MIDDLE = 0.22


def reprinted(picture: Picture, face_px: float, rng: np.random.Generator) -> Picture:
    """Returns the picture with the mask in another cloth, or as it is where no mask is made out.

    Args:
        picture: uint8 (S, S, 3) BGR, not changed; a masked face in its middle.
        face_px: Side of the face box.
        rng: The only source of chance.
    """
    region = mask_region(picture, face_px)
    if region is None:
        return picture
    side = picture.shape[0]
    length = 0.42 * face_px
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    turn = float(rng.uniform(0, np.pi))
    along = ((columns - side / 2) * np.sin(turn) + (rows - side / 2) * np.cos(turn)) / length
    across = ((columns - side / 2) * np.cos(turn) - (rows - side / 2) * np.sin(turn)) / length
    cloth = cloth_pattern(along, across, length, rng)
    if rng.random() < 0.6:
        cloth = printed(cloth, length, rng)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    usual = float(np.median(grey[region > 0]))
    # The folds of the mask that is there shade the new cloth.
    shade = np.clip(grey / max(usual, 8.0), 0.4, 1.6) * np.clip(usual / 160, 0.35, 1.15)
    new = np.clip(cloth * (shade * rng.uniform(0.8, 1.15))[..., None], 0, 255)
    alpha = cv2.GaussianBlur(region * np.float32(1), (0, 0), 0.8)[..., None]
    return np.asarray(picture * (1 - alpha) + new * alpha, np.uint8)


def mask_region(picture: Picture, face_px: float) -> NDArray[np.uint8] | None:
    """Returns where the mask is, 1 or 0 (S, S), or None where nothing of one colour is found.

    The area of like colour around a point below the middle of the face, by filling.
    """
    side = picture.shape[0]
    middle = side / 2
    calm = cv2.bilateralFilter(picture, 5, 30, 5)
    smooth = np.asarray(cv2.cvtColor(calm, cv2.COLOR_BGR2LAB), np.uint8)
    lower_face = np.zeros((side, side), np.uint8)
    center = (round(middle), round(middle + 0.2 * face_px))
    axes = (round(0.62 * face_px), round(0.42 * face_px))
    cv2.ellipse(lower_face, center, axes, 0, 0, 360, (1.0,), -1)
    best: NDArray[np.uint8] | None = None
    most = _SMALLEST_SHARE * face_px**2
    for start in _STARTS:
        seed = (round(middle + start * face_px), round(middle + _BELOW_MIDDLE * face_px))
        filled = _filled(smooth, seed)
        inside = filled & lower_face
        area = int(filled.sum())
        is_mask = area < _LARGEST_SHARE * face_px**2 and area - inside.sum() < _MOST_OUTSIDE * area
        if is_mask and area > most:
            best, most = inside, area
    if best is None:
        return None
    return np.asarray(cv2.morphologyEx(best, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)), np.uint8)


def _filled(lab: Picture, seed: tuple[int, int]) -> NDArray[np.uint8]:
    side = lab.shape[0]
    framed = np.zeros((side + 2, side + 2), np.uint8)
    how = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    cv2.floodFill(lab, framed, seed, (0.0,), _SAME_CLOTH_LAB, _SAME_CLOTH_LAB, how)
    return framed[1:-1, 1:-1]

"""Masks drawn on unmasked faces: well worn, nose out, on the chin, hanging from one ear.

Drawn from five landmarks in the face's own axes: x in eye distances from the middle of the face, y
from 0 at the eyes to 1 at the mouth. They widen the few real pictures of masks worn incorrectly;
results are measured on real pictures only.
"""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from training.augment.cloth import lit_cloth

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]


class Wearing(StrEnum):
    """How a drawn mask sits."""

    WELL = "well"
    NOSE_OUT = "nose_out"
    CHIN = "chin"
    ONE_EAR = "one_ear"

    @property
    def label(self) -> str:
        """The class that a face wearing it so belongs to."""
        return "mask" if self is Wearing.WELL else "incorrect"


# Bits of a drawn coordinate behind the point.
_SHIFT = 4


def can_wear(landmarks: NDArray[np.float32]) -> bool:
    """Says whether five landmarks are those of a face turned little enough to draw on.

    Args:
        landmarks: (5, 2): right eye, left eye, nose, right and left mouth corner.
    """
    eyes = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    down = float(np.linalg.norm(landmarks[3:5].mean(0) - landmarks[:2].mean(0)))
    return eyes > 8 and down > 8 and 0.55 < eyes / down < 1.7


def draw_mask(
    picture: Picture, landmarks: NDArray[np.float32], wearing: Wearing, rng: np.random.Generator
) -> Picture:
    """Returns the picture with a mask on the face.

    Args:
        picture: uint8 (H, W, 3) BGR; not changed.
        landmarks: (5, 2) in its pixels, see `can_wear`.
        wearing: How the mask sits.
        rng: The only source of chance (colour, cloth, exact place).
    """
    outline, straps = _outline(wearing, rng)
    if wearing is Wearing.ONE_EAR and rng.random() < 0.5:
        outline[:, 0] *= -1
        straps[..., 0] *= -1
    to_pixels = _FaceAxes(landmarks.astype(np.float64))
    cloth = lit_cloth(picture, to_pixels.origin, to_pixels.down, rng)
    drawn = picture.copy()
    strap_colour = tuple(float(value) for value in rng.uniform(0.6, 1.0) * cloth.mean((0, 1)))
    for strap in straps:
        ends = _subpixel(to_pixels(strap))
        cv2.polylines(drawn, [ends], False, strap_colour, 1, cv2.LINE_AA, _SHIFT)
    covered = np.zeros(picture.shape[:2], np.uint8)
    shape = _subpixel(to_pixels(_rounded(outline)))
    cv2.fillPoly(covered, [shape], (255.0,), cv2.LINE_AA, _SHIFT)
    alpha = cv2.GaussianBlur(covered, (0, 0), 0.6)[..., None].astype(np.float32) / 255
    return np.asarray(drawn * (1 - alpha) + cloth * alpha, np.uint8)


def _subpixel(points: Points) -> NDArray[np.int32]:
    """Pixels as the fixed-point numbers that OpenCV draws soft edges from."""
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


def _outline(wearing: Wearing, rng: np.random.Generator) -> tuple[Points, Points]:
    """The mask's corners (9, 2), clockwise, and its straps (S, 2, 2), in face axes."""
    wide = rng.uniform(0.9, 1.12)
    top = {
        Wearing.WELL: rng.uniform(0.18, 0.42),
        Wearing.NOSE_OUT: rng.uniform(0.72, 0.9),
        Wearing.CHIN: rng.uniform(1.22, 1.45),
        Wearing.ONE_EAR: rng.uniform(0.25, 0.45),
    }[wearing]
    bottom = rng.uniform(1.6, 1.85)
    if wearing is Wearing.CHIN:
        bottom, wide = top + rng.uniform(0.4, 0.8), wide * 0.86
    side_top = top + (0.22 if wearing is Wearing.WELL else 0.1) * rng.uniform(0.6, 1.4)
    jaw = side_top + (bottom - side_top) * rng.uniform(0.55, 0.75)
    outline = np.array(
        [
            (-wide, side_top),
            (-0.35 * wide, top + 0.08),
            (0.0, top),
            (0.35 * wide, top + 0.08),
            (wide, side_top),
            (0.88 * wide, jaw),
            (0.4 * wide, bottom),
            (-0.4 * wide, bottom),
            (-0.88 * wide, jaw),
        ]
    )
    ears = np.array([(-1.15, 0.05), (1.15, 0.05)])
    straps = np.array(
        [
            (outline[0], ears[0]),
            (outline[8], ears[0] + (0, 0.25)),
            (outline[4], ears[1]),
            (outline[5], ears[1] + (0, 0.25)),
        ]
    )
    if wearing is Wearing.ONE_EAR:
        hinge = np.array((-wide, 0.5))
        angle = rng.uniform(0.9, 1.5)
        turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
        outline = hinge + (outline - hinge) @ turn
        straps = straps[:2] * 1.0
        straps[:, 0] = outline[[0, 8]]
    return outline, straps


def _rounded(outline: Points) -> Points:
    """Cuts the corners of a polygon twice (Chaikin)."""
    for _ in range(2):
        following = np.roll(outline, -1, axis=0)
        outline = np.stack(
            (0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following), axis=1
        ).reshape(-1, 2)
    return outline


class _FaceAxes:
    """Turns face coordinates (…, 2) into pixels."""

    def __init__(self, landmarks: Points) -> None:
        eyes, mouth = landmarks[:2].mean(0), landmarks[3:5].mean(0)
        self.origin = eyes
        self.down = mouth - eyes
        across = landmarks[1] - landmarks[0]
        # A turned head shows its eyes closer together than its jaw is wide.
        width = max(float(np.linalg.norm(across)), 0.85 * float(np.linalg.norm(self.down)))
        self.across = across / max(float(np.linalg.norm(across)), 1e-6) * width
        nose = landmarks[2] - (eyes + 0.6 * self.down)
        self.yaw = float(nose @ self.across) / max(width * width, 1e-6)

    def __call__(self, points: Points) -> Points:
        # The nearer the middle of the face, the further it sticks out and follows the nose.
        x = points[..., 0] + self.yaw * np.exp(-(points[..., 0] ** 2))
        placed = self.origin + x[..., None] * self.across + points[..., 1:2] * self.down
        return np.asarray(placed, np.float64)

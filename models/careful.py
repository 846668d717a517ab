"""Finding faces in still pictures with care: several looks at each, joined into one answer.

A live stream has the next frame to make up for a face that this one missed; a picture has not. So
it is looked at in four sizes, each also mirrored, and what the looks agree on is averaged. Each
look has a say on faces of the sizes that the detector knows best, as in SNIP (Singh and Davis,
2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import Box, boxes_to_array, iou_matrix
from models.face_detector import DEFAULT_LONG_SIDE_PX, NMS_IOU, Detection
from models.registry import Detector

SIZES = (0.75, 1.0, 1.3, 1.6)
"""Longer sides at which a picture is looked at, over the one asked for."""

LEAST_SCORE = 0.05
"""A look that is less sure than this says nothing of a face."""

SAME_FACE_IOU = 0.4

SMALLEST_PX, LARGEST_PX = 12.0, 200.0
"""Longer side of a face, as a look shows it, on which the look has a say; chosen on the validation
split. Larger faces are left to the smallest size, smaller ones to those above `_ENLARGES`."""

_ENLARGES = 1.25

_STRIDE_PX = 32

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    Attributes:
        faces: In pixels of the picture.
        least_px: Longer side of the smallest face on which it has a say, in pixels of the picture.
        most_px: The same of the largest.
    """

    faces: Sequence[Detection]
    least_px: float = 0.0
    most_px: float = float("inf")


class CarefulDetector:
    """Several looks through another detector.

    The looks are joined by weighted box fusion (Solovyev, Wang and Gabruseva, 2021): a face's box
    is the mean of what the looks say, weighted by their scores; its score is the mean over all
    looks that have a say, those that missed it with 0. Ours, because the published package computes
    with numba, a compiler larger than all else that the core installs.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    @property
    def min_score(self) -> float:
        """That of the detector within."""
        return self._detector.min_score

    def detect(
        self,
        pictures: Sequence[Picture],
        *,
        min_score: float | None = None,
        long_side: int = DEFAULT_LONG_SIDE_PX,
    ) -> list[list[Detection]]:
        """Returns the faces of each picture, surest first.

        Args:
            pictures: uint8 (H, W, 3), BGR, each of any size.
            min_score: Faces below it are left out; None is the detector's own threshold.
            long_side: Pixels of the longer side of a picture at the size 1.
        """
        threshold = self.min_score if min_score is None else min_score
        return [self._look_closely(picture, threshold, long_side) for picture in pictures]

    def _look_closely(self, picture: Picture, threshold: float, long_side: int) -> list[Detection]:
        mirrored = np.asarray(cv2.flip(picture, 1), np.uint8)
        least = min(LEAST_SCORE, threshold)
        looks = []
        for size in SIZES:
            side = round(long_side * size / _STRIDE_PX) * _STRIDE_PX
            to_picture = max(picture.shape[:2]) / side
            least_px = 0.0 if size > _ENLARGES else SMALLEST_PX * to_picture
            most_px = float("inf") if size == SIZES[0] else LARGEST_PX * to_picture
            plain, turned = (
                self._detector.detect([view], min_score=least, long_side=side)[0]
                for view in (picture, mirrored)
            )
            for faces in (plain, _mirrored_back(turned, picture.shape[1])):
                looks.append(Look(faces, least_px, most_px))
        return [face for face in fuse(looks) if face.score >= threshold]


def _mirrored_back(found: Sequence[Detection], width: int) -> list[Detection]:
    return [
        Detection(
            Box(width - face.box.x2, face.box.y1, width - face.box.x1, face.box.y2), face.score
        )
        for face in found
    ]


def fuse(looks: Sequence[Look]) -> list[Detection]:
    """Joins what several looks at one picture found.

    Args:
        looks: At the same picture.

    Returns:
        One face for each group of boxes that lie on one another, at most one from each look, surest
        first; of groups that then still overlap by `NMS_IOU` the surer one.
    """
    faces = [
        (face, number)
        for number, look in enumerate(looks)
        for face in look.faces
        if look.least_px <= _longer_side(face.box) <= look.most_px
    ]
    if not faces:
        return []
    faces.sort(key=lambda pair: -pair[0].score)
    boxes = boxes_to_array([face.box for face, _ in faces])
    scores = np.array([face.score for face, _ in faces])
    look_of = np.array([look for _, look in faces])
    overlaps = iou_matrix(boxes, boxes)
    is_free = np.ones(len(faces), bool)
    joined: list[Detection] = []
    for first in range(len(faces)):
        if not is_free[first]:
            continue
        near = np.flatnonzero(is_free & (overlaps[first] >= SAME_FACE_IOU))
        # Sorted by score, so the first of a look is its surest.
        members = near[np.unique(look_of[near], return_index=True)[1]]
        is_free[members] = False
        weights = scores[members]
        box = Box(*((boxes[members] * weights[:, None]).sum(0) / weights.sum()).tolist())
        side = _longer_side(box)
        asked = sum(look.least_px <= side <= look.most_px for look in looks)
        # At the border of a range a look may have spoken although the mean box lies beyond it.
        joined.append(Detection(box, float(weights.sum() / max(asked, len(members)))))
    return _without_overlaps(joined)


def _longer_side(box: Box) -> float:
    return max(box.width, box.height)


def _without_overlaps(faces: list[Detection]) -> list[Detection]:
    faces = sorted(faces, key=lambda face: -face.score)
    boxes = boxes_to_array([face.box for face in faces])
    overlaps = iou_matrix(boxes, boxes)
    kept: list[int] = []
    for index in range(len(faces)):
        if not kept or overlaps[index, kept].max() < NMS_IOU:
            kept.append(index)
    return [faces[index] for index in kept]

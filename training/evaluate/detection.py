"""How well faces are found: precision and recall over all scores, and recall by face height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import iou_matrix

Floats = NDArray[np.float64]
Faces = NDArray[np.int64]

MATCH_IOU = 0.5
SMALLEST_FACE_PX = 8.0
HEIGHT_BANDS_PX = ((8, 16), (16, 24), (24, 32), (32, 64), (64, 9999))
TARGET_PRECISION = 0.9


@dataclass(frozen=True, slots=True)
class LabelledFaces:
    """The truth of one picture.

    Attributes:
        boxes: (G, 4), pixels of the picture.
        to_640: Pixels at 640 wide for one pixel of the picture.
        unlabelled_below_px: Faces lower than this, at 640 wide, may lack a label.
    """

    boxes: Floats
    to_640: float
    unlabelled_below_px: float = 0.0

    @property
    def heights_at_640(self) -> Floats:
        """Of each face (G,), in pixels at 640 wide."""
        return np.asarray((self.boxes[:, 3] - self.boxes[:, 1]) * self.to_640, np.float64)

    @property
    def lowest_judged_px(self) -> float:
        """Faces below this height, at 640 wide, are neither hits nor misses."""
        return max(SMALLEST_FACE_PX, self.unlabelled_below_px)

    @property
    def has_judged_face(self) -> bool:
        """Whether there is anything to measure."""
        return bool((self.heights_at_640 >= self.lowest_judged_px).any())


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """What a detector says of one picture: boxes (N, 4) in its pixels, scores (N,)."""

    boxes: Floats
    scores: Floats


@dataclass(frozen=True, slots=True)
class DetectionReport:
    """How well a detector does on a set of pictures.

    Attributes:
        pictures: Number of pictures.
        faces: Number of faces judged.
        ap50: Average precision at IoU 0.5, or at the IoU that was asked for.
        precision: After each detection, surest first, (R,).
        recall: The same.
        scores: Of these detections, (R,).
        threshold: Lowest score at which precision is still `TARGET_PRECISION`.
        recall_at_threshold: Share of all faces found at it.
        recall_by_height: The same by face height at 640 wide, "8-16" and so on.
        faces_by_height: Number of faces in each.
    """

    pictures: int
    faces: int
    ap50: float
    precision: Floats
    recall: Floats
    scores: Floats
    threshold: float
    recall_at_threshold: float
    recall_by_height: dict[str, float]
    faces_by_height: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Judged:
    """Of one picture: scores and hits of detections; heights and best score of faces."""

    scores: list[float]
    hits: list[bool]
    heights: list[float]
    found_at: list[float]


def match_faces(boxes: Floats, labelled: Floats, *, match_iou: float = MATCH_IOU) -> Faces:
    """Says which labelled face each find is of: the surest find chooses first, each face once.

    Args:
        boxes: Finds (N, 4), surest first.
        labelled: Faces (G, 4).
        match_iou: Least overlap.

    Returns:
        Number of the face for each find (N,), -1 for none.
    """
    overlaps = iou_matrix(boxes, labelled)
    is_free = np.ones(len(labelled), bool)
    matched = np.full(len(boxes), -1)
    for find, row in enumerate(overlaps):
        candidates = np.where(is_free, row, 0.0)
        if candidates.max(initial=0.0) >= match_iou:
            matched[find] = candidates.argmax()
            is_free[matched[find]] = False
    return matched


def _judge(truth: LabelledFaces, found: FoundFaces, match_iou: float) -> _Judged:
    floor, heights = truth.lowest_judged_px, truth.heights_at_640
    order = np.argsort(-found.scores, kind="stable")
    boxes, scores = found.boxes[order], found.scores[order]
    found_at = np.full(len(truth.boxes), -1.0)
    judged = _Judged([], [], [], [])
    matched = match_faces(boxes, truth.boxes, match_iou=match_iou)
    for box, score, face in zip(boxes, scores, matched, strict=True):
        is_hit = bool(face >= 0)
        if is_hit:
            found_at[face] = score
        height = heights[face] if is_hit else (box[3] - box[1]) * truth.to_640
        if height >= floor:
            judged.scores.append(float(score))
            judged.hits.append(is_hit)
    is_judged = heights >= floor
    judged.heights.extend(heights[is_judged].tolist())
    judged.found_at.extend(found_at[is_judged].tolist())
    return judged


def measure_detection(
    truths: Sequence[LabelledFaces], found: Sequence[FoundFaces], *, match_iou: float = MATCH_IOU
) -> DetectionReport:
    """Matches detections to faces, surest first, and adds up all pictures.

    Faces below 8 px at 640 wide, or below the source's own limit, are neither hits nor misses, and
    detections of that height that match no face are not false ones.

    Raises:
        ValueError: There is no face to judge.
    """
    parts = [_judge(truth, faces, match_iou) for truth, faces in zip(truths, found, strict=True)]
    heights = np.array([value for part in parts for value in part.heights])
    found_at = np.array([value for part in parts for value in part.found_at])
    if not heights.size:
        raise ValueError("no face to judge in these pictures")
    scores = np.array([value for part in parts for value in part.scores])
    hits = np.array([value for part in parts for value in part.hits], bool)
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    recall = np.cumsum(hits) / len(heights)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    precise = np.flatnonzero(precision >= TARGET_PRECISION)
    threshold = float(scores[precise[-1]]) if precise.size else 1.1
    bands = {f"{low}-{high}": (heights >= low) & (heights < high) for low, high in HEIGHT_BANDS_PX}
    return DetectionReport(
        pictures=len(parts),
        faces=len(heights),
        ap50=float(np.sum(np.diff(np.r_[0.0, recall]) * envelope)),
        precision=precision,
        recall=recall,
        scores=scores,
        threshold=threshold,
        recall_at_threshold=float((found_at >= threshold).mean()),
        recall_by_height={
            name: float((found_at[band] >= threshold).mean())
            for name, band in bands.items()
            if band.any()
        },
        faces_by_height={name: int(band.sum()) for name, band in bands.items() if band.any()},
    )

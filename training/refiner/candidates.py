"""What the detector says of the training scenes: near misses to mend, false alarms to reject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.geometry import boxes_to_array, iou_matrix
from models.face_detector import FaceDetector
from training.classifier.checkpoint import save_arrays
from training.detector.scenes import PictureCache, Scene
from training.evaluate.detection import SMALLEST_FACE_PX

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

LOWEST_SCORE = 0.02
_NO_FACE_IOU = 0.3
# A sure detection that touches no label is more likely a face that nobody labelled.
_UNLABELLED_SCORE, _UNLABELLED_IOU = 0.8, 0.05
# Faces a little smaller than those that are judged teach too.
_SMALLEST_TAUGHT = 0.7
# A box that is well placed already has less to teach.
_WELL_PLACED_IOU, _WELL_PLACED_WEIGHT = 0.6, 0.4


@dataclass(frozen=True, slots=True)
class Found:
    """Detections of all scenes, one behind the other.

    Attributes:
        scene: Number of the scene (N,).
        boxes: (N, 4), pixels of the picture.
        scores: (N,), 0 to 1.
    """

    scene: Rows
    boxes: Floats
    scores: Floats


@dataclass(frozen=True, slots=True)
class Pool:
    """One kind of candidates.

    Attributes:
        scene: Number of the scene (N,).
        boxes: (N, 4), pixels of the picture.
        shares: Running sum of how often each is taken, ending in 1 (N,).
    """

    scene: Rows
    boxes: Floats
    shares: Floats

    def __len__(self) -> int:
        return len(self.scene)

    def draw(self, rng: np.random.Generator) -> tuple[int, Floats]:
        """Returns the scene and the box of one candidate."""
        place = min(int(np.searchsorted(self.shares, rng.random())), len(self.scene) - 1)
        return int(self.scene[place]), self.boxes[place].copy()


@dataclass(frozen=True, slots=True)
class Candidates:
    """All that a batch is drawn from.

    Attributes:
        faces: Labelled faces.
        near: Detections of a labelled face.
        alarms: Detections of no face.
    """

    faces: Pool
    near: Pool
    alarms: Pool


def look_at_scenes(
    scenes: list[Scene],
    cache: PictureCache,
    detector: FaceDetector,
    record: Path,
    *,
    tell: Callable[[int], None] = lambda done: None,
) -> Found:
    """Returns what the detector finds in each scene, or what an earlier run of the folder found.

    Args:
        scenes: In the order that the numbers mean.
        cache: Their pictures.
        detector: Whose candidates the refiner will be given.
        record: Where the answer is kept.
        tell: Called with the number of scenes done.
    """
    if not record.exists():
        numbers, boxes, scores = [], [np.zeros((0, 4))], []
        for number, scene in enumerate(scenes):
            tell(number)
            faces = detector.detect([cache.read(scene)], min_score=LOWEST_SCORE)[0]
            numbers += [number] * len(faces)
            boxes.append(boxes_to_array([face.box for face in faces]))
            scores += [face.score for face in faces]
        save_arrays(
            record,
            {
                "scene": np.array(numbers, np.intp),
                "boxes": np.concatenate(boxes),
                "scores": np.array(scores, np.float64),
            },
        )
    with np.load(record) as stored:
        return Found(stored["scene"], stored["boxes"], stored["scores"])


def sort_candidates(scenes: list[Scene], found: Found, shares: dict[str, float]) -> Candidates:
    """Sorts detections of training scenes into near misses and false alarms.

    Args:
        scenes: In the order that `found` means.
        found: What the detector says of them.
        shares: How often a face of a source is taken, beside one of weight 1.
    """
    faces, near, alarms = _Growing(), _Growing(), _Growing()
    starts = np.searchsorted(found.scene, np.arange(len(scenes) + 1))
    for number, scene in enumerate(scenes):
        here = slice(starts[number], starts[number + 1])
        boxes, scores = found.boxes[here], found.scores[here]
        labelled = scene.boxes.astype(np.float64)
        floor = max(SMALLEST_FACE_PX, scene.unlabelled_below_px)
        is_taught = scene.heights_at_640 >= _SMALLEST_TAUGHT * floor
        # A crowd has more to teach than a portrait, but not in proportion.
        weight = shares.get(scene.source, 1.0)
        each = weight / max(1, int(is_taught.sum())) ** 0.5
        for box in labelled[is_taught]:
            faces.add(number, box, each)
        overlaps = iou_matrix(boxes, labelled)
        best = overlaps.max(1, initial=0.0)
        heights = (boxes[:, 3] - boxes[:, 1]) * scene.truth.to_640
        for place, box in enumerate(boxes):
            if best[place] >= _NO_FACE_IOU:
                if is_taught[overlaps[place].argmax()]:
                    is_well = best[place] >= _WELL_PLACED_IOU
                    near.add(number, box, each * (_WELL_PLACED_WEIGHT if is_well else 1.0))
            elif heights[place] >= floor and not (
                scores[place] > _UNLABELLED_SCORE and best[place] < _UNLABELLED_IOU
            ):
                alarms.add(number, box, weight * (_NO_FACE_IOU + float(scores[place])))
    return Candidates(faces.pool(), near.pool(), alarms.pool())


class _Growing:
    """A pool in the making."""

    def __init__(self) -> None:
        self._scenes: list[int] = []
        self._boxes: list[Floats] = []
        self._weights: list[float] = []

    def add(self, scene: int, box: Floats, weight: float) -> None:
        self._scenes.append(scene)
        self._boxes.append(np.asarray(box, np.float64))
        self._weights.append(weight)

    def pool(self) -> Pool:
        weights = np.array(self._weights, np.float64)
        return Pool(
            np.array(self._scenes, np.intp),
            np.array(self._boxes, np.float64).reshape(-1, 4),
            np.cumsum(weights) / max(float(weights.sum()), 1e-9),
        )

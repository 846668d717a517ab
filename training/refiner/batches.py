"""Batches of cuts around candidate boxes; the same seed and step give the same batch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.errors import ConfigError
from maskwatch.geometry import iou_matrix
from models.face_refiner import cut_square, edges_in_cut, middle_and_side
from training.augment.camera import seen_by_camera
from training.detector.scenes import PictureCache, Scene
from training.refiner.candidates import Candidates, Floats
from training.refiner.recipe import RefinerRecipe

TRUTH_COLUMNS = 9
"""Of one cut: edges of the nearest labelled face (4), of the candidate (4), their IoU."""

_SIZES_OF_ERROR = (0.05, 0.1, 0.15)
_SMALLEST_PART = 0.3


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of training sees.

    Attributes:
        pictures: uint8 (N, side, side, 3), BGR.
        truths: (N, `TRUTH_COLUMNS`), edges as `models.face_refiner.edges_in_cut` gives them.
        files: The scene of each cut, to name them in errors.
    """

    pictures: NDArray[np.uint8]
    truths: NDArray[np.float32]
    files: list[str]


class CutMaker:
    """Draws cuts: labelled faces with errors, detections of faces and of none, near misses."""

    def __init__(
        self,
        scenes: list[Scene],
        cache: PictureCache,
        candidates: Candidates,
        recipe: RefinerRecipe,
    ) -> None:
        """Takes what to draw from.

        Raises:
            ConfigError: There is no face, or nothing that is none.
        """
        if not len(candidates.faces) or not len(candidates.alarms):
            raise ConfigError(
                f"the refiner learns from faces and from false alarms, and was given "
                f"{len(candidates.faces)} and {len(candidates.alarms)}; check --data"
            )
        self._scenes, self._cache, self._candidates = scenes, cache, candidates
        self._recipe = recipe
        self._camera = recipe.camera.settings()

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self._recipe.run.seed, step])
        side, count = self._recipe.net.input_px, self._recipe.run.batch
        pictures = np.empty((count, side, side, 3), np.uint8)
        truths = np.zeros((count, TRUTH_COLUMNS), np.float32)
        files = []
        for place in range(count):
            number, box = self._candidate(rng)
            scene = self._scenes[number]
            is_mirrored = bool(rng.random() < 0.5)
            cut = cut_square(
                self._cache.read(scene), box,
                side_px=side, span=self._recipe.net.span, is_mirrored=is_mirrored,
            )  # fmt: skip
            _, _, longer = middle_and_side(box)
            seen = seen_by_camera(
                cut, rng, self._camera, face_px=longer, span=self._recipe.net.span
            )
            pictures[place] = _covered(seen, rng) if rng.random() < self._recipe.covered else seen
            truths[place] = _truth(scene, box, is_mirrored=is_mirrored)
            files.append(scene.file)
        return Batch(pictures, truths, files)

    def _candidate(self, rng: np.random.Generator) -> tuple[int, Floats]:
        kinds = self._recipe.kinds
        names = ("faces", "near", "alarms", "beside")
        chances = np.array([getattr(kinds, name) for name in names])
        if not len(self._candidates.near):
            chances[1] = 0.0
        match names[rng.choice(len(names), p=chances / chances.sum())]:
            case "near":
                number, box = self._candidates.near.draw(rng)
                return number, _jittered(box, rng, 0.04)
            case "alarms":
                number, box = self._candidates.alarms.draw(rng)
                return number, _jittered(box, rng, 0.05)
            case "beside":
                number, box = self._candidates.faces.draw(rng)
                return number, _beside(box, rng)
            case _:
                number, box = self._candidates.faces.draw(rng)
                return number, _misplaced(box, rng)


def _covered(cut: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A rectangle of one colour lies over a tenth to two fifths of each side."""
    side = cut.shape[0]
    height, width = rng.integers(side // 10, 2 * side // 5, 2)
    top, left = rng.integers(0, side - height), rng.integers(0, side - width)
    covered = cut.copy()
    covered[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return covered


def _jittered(
    box: Floats, rng: np.random.Generator, deviation: float, size: Floats | None = None
) -> Floats:
    """Each edge moved by chance, in parts of the box's own size or of another."""
    size = box[2:] - box[:2] if size is None else size
    return box + rng.normal(0, deviation, 4) * np.tile(size, 2)


def _misplaced(box: Floats, rng: np.random.Generator) -> Floats:
    """A labelled box as a detector might have placed it."""
    size = box[2:] - box[:2]
    middle = (box[:2] + box[2:]) / 2
    half = size / 2 * np.exp(rng.normal(0, 0.12))
    grown = np.concatenate([middle - half, middle + half])
    moved = _jittered(grown, rng, float(rng.choice(_SIZES_OF_ERROR)), size)
    is_a_box = (moved[2:] - moved[:2] >= _SMALLEST_PART * size).all()
    return moved if is_a_box else box


def _beside(box: Floats, rng: np.random.Generator) -> Floats:
    """A box of another size near a labelled one: part of a face, or none."""
    size = box[2:] - box[:2]
    way, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.0)
    middle = (box[:2] + box[2:]) / 2 + far * size * (np.cos(way), np.sin(way))
    half = size / 2 * np.exp(rng.normal(0, 0.5))
    return np.concatenate([middle - half, middle + half])


def _truth(scene: Scene, box: Floats, *, is_mirrored: bool) -> Floats:
    row = np.zeros(TRUTH_COLUMNS)
    row[4:8] = edges_in_cut(box, box, is_mirrored=is_mirrored)
    if len(scene.boxes):
        labelled = scene.boxes.astype(np.float64)
        overlaps = iou_matrix(box[None], labelled)[0]
        nearest = int(overlaps.argmax())
        row[:4] = edges_in_cut(labelled[nearest], box, is_mirrored=is_mirrored)
        row[8] = overlaps[nearest]
    return row

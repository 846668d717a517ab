"""How well faces are read: on the faces that the detector finds in pictures training never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from maskwatch.geometry import boxes_to_array
from models.face_detector import Detection
from models.mask_classifier import MaskClassifier, Reading
from models.registry import Detector
from training.classifier.measures import JUDGED_FROM_PX, calibration_error, f1_by_class
from training.datasets.folders import read_picture
from training.datasets.index import LabelledPicture
from training.evaluate.detection import FoundFaces, LabelledFaces, match_faces, measure_detection
from training.evaluate.hard_negatives import NAMES, causes

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

UNREADABLE = len(CLASSES)
"""Column of `unreadable` in a confusion table."""

HEIGHT_BANDS_PX = ((8, 16), (16, 24), (24, 32), (32, 64), (64, 9999))
_LEAST_SCORE = 0.02


@dataclass(frozen=True, slots=True)
class Looks:
    """Faces that were found, with their truth and what the classifier made of them.

    Attributes:
        sources: Collection of each, N.
        files: Picture of each, N.
        boxes: As found (N, 4).
        truths: Class numbers (N,).
        answers: Class numbers, or `UNREADABLE` (N,).
        probabilities: (N, 3), in the order of `CLASSES`.
        heights_px: Of the box in the picture (N,).
        heights_640: Of the labelled face were the picture 640 px on its longer side (N,).
        scores: The detector's (N,).
    """

    sources: NDArray[np.str_]
    files: NDArray[np.str_]
    boxes: Floats
    truths: Labels
    answers: Labels
    probabilities: Floats
    heights_px: Floats
    heights_640: Floats
    scores: Floats

    def where(self, chosen: NDArray[np.bool_]) -> Looks:
        """Returns the looks that are chosen (N,)."""
        return Looks(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class ReadingReport:
    """How well a set of looks was read.

    Attributes:
        faces: Looks judged.
        unreadable: Share left unread.
        mask_vs_none: Share right among readable looks whose truth is mask or no_mask.
        macro_f1: Mean F1 over the classes that occur; an unread look counts as missed.
        f1: By class name.
        confusion: Counts, row truth, column answer, `unreadable` last.
        calibration_error: Of all looks, read or not.
    """

    faces: int
    unreadable: float
    mask_vs_none: float
    macro_f1: float
    f1: dict[str, float]
    confusion: list[list[int]]
    calibration_error: float


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """What was found in one picture and how it was read.

    Attributes:
        faces: In its pixels, surest first.
        readings: One for each face.
        to_640: Pixels at 640 on the longer side for one pixel of the picture.
    """

    faces: Sequence[Detection]
    readings: Sequence[Reading]
    to_640: float


def see(
    picture: NDArray[np.uint8], faces: Sequence[Detection], classifier: MaskClassifier
) -> SeenPicture:
    """Reads the faces found in a picture, uint8 (H, W, 3), BGR."""
    readings = classifier.read([picture], [[face.box for face in faces]])[0]
    return SeenPicture(faces, readings, 640 / max(picture.shape[:2]))


def see_scenes(
    folder: Path,
    scenes: Sequence[LabelledPicture],
    detector: Detector,
    classifier: MaskClassifier,
    *,
    min_score: float | None = _LEAST_SCORE,
    tell: Callable[[int], None] = lambda _done: None,
) -> list[SeenPicture]:
    """Finds and reads the faces of scenes.

    Args:
        folder: Where the pictures are.
        scenes: Labelled pictures of the folder's index.
        detector: Any.
        classifier: Any with the three classes or two of them.
        min_score: Of the faces; None is the detector's own threshold.
        tell: Called with the number of pictures done.
    """
    seen = []
    for done, scene in enumerate(scenes, 1):
        picture = read_picture(folder / scene.file)
        faces = detector.detect([picture], min_score=min_score)[0]
        seen.append(see(picture, faces, classifier))
        tell(done)
    return seen


def looks_at(
    scenes: Sequence[LabelledPicture], seen: Sequence[SeenPicture], *, min_score: float
) -> Looks:
    """Returns the labelled faces that were found at a score; the others are left out.

    A detector of one look lets the surest of overlapping faces stand, so that what it finds at a
    higher score is what it finds at a lower one without the faces below.
    """
    rows: list[tuple[Any, ...]] = []
    for scene, of_scene in zip(scenes, seen, strict=True):
        boxes = [face.box for face in of_scene.faces if face.score >= min_score]
        labelled = boxes_to_array([face.box for face in scene.boxes])
        matched = match_faces(boxes_to_array(boxes), labelled)
        for place, truth in enumerate(matched.tolist()):
            if truth < 0:
                continue
            reading = of_scene.readings[place]
            rows.append(
                (
                    scene.source,
                    scene.file,
                    boxes[place].as_list(),
                    CLASSES.index(scene.boxes[truth].label),
                    CLASSES.index(reading.label) if reading.label in CLASSES else UNREADABLE,
                    [reading.probabilities[name] for name in CLASSES],
                    boxes[place].height,
                    scene.boxes[truth].box.height * of_scene.to_640,
                    of_scene.faces[place].score,
                )
            )
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 9
    kinds = (np.str_, np.str_, float, np.int64, np.int64, float, float, float, float)
    arrays = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    arrays[2], arrays[5] = arrays[2].reshape(-1, 4), arrays[5].reshape(-1, len(CLASSES))
    return Looks(*arrays)


def end_to_end(scenes: Sequence[LabelledPicture], seen: Sequence[SeenPicture]) -> dict[str, float]:
    """Returns the average precision at IoU 0.5 of each class, and their mean as ``mean``.

    Every face that is found counts for every class, with the product of the detector's score and
    the class's probability; the size limits are those of `measure_detection`. A class without a
    face to judge is left out.
    """
    precision = {}
    for name in CLASSES:
        truths = [
            LabelledFaces(
                boxes_to_array([face.box for face in scene.boxes if face.label == name]),
                640 / max(scene.width, scene.height),
                unlabelled_below_px=24.0 if scene.source == "jolignier" else 0.0,
            )
            for scene in scenes
        ]
        found = [
            FoundFaces(
                boxes_to_array([face.box for face in of_scene.faces]),
                np.array(
                    [
                        face.score * reading.probabilities[name]
                        for face, reading in zip(of_scene.faces, of_scene.readings, strict=True)
                    ]
                ),
            )
            for of_scene in seen
        ]
        with suppress(ValueError):
            precision[name] = measure_detection(truths, found).ap50
    mean = float(np.mean(list(precision.values()))) if precision else float("nan")
    return precision | {"mean": mean}


def reading_report(looks: Looks) -> ReadingReport:
    """Returns the figures of a set of looks, by the rules of the accuracy page."""
    table = np.zeros((len(CLASSES) + 1, len(CLASSES) + 1), np.int64)
    np.add.at(table, (looks.truths, looks.answers), 1)
    scores = f1_by_class(table)[: len(CLASSES)]
    two = (looks.truths != CLASSES.index("incorrect")) & (looks.answers != UNREADABLE)
    nothing = float("nan")
    return ReadingReport(
        faces=len(looks.truths),
        unreadable=float((looks.answers == UNREADABLE).mean()) if len(looks.truths) else nothing,
        mask_vs_none=float((looks.answers[two] == looks.truths[two]).mean())
        if two.any()
        else nothing,
        macro_f1=float(np.nanmean(scores)) if np.isfinite(scores).any() else nothing,
        f1={
            name: float(score)
            for name, score in zip(CLASSES, scores, strict=True)
            if np.isfinite(score)
        },
        confusion=[[int(count) for count in row] for row in table[: len(CLASSES)]],
        calibration_error=calibration_error(looks.probabilities, looks.truths)
        if len(looks.truths)
        else nothing,
    )


def slices(looks: Looks) -> dict[str, Looks]:
    """Returns named parts of the looks: by source, by height, and the hard negatives."""
    parts = {"all": looks}
    judged = looks.where(looks.heights_640 >= JUDGED_FROM_PX)
    parts[f"faces from {JUDGED_FROM_PX:.0f} px"] = judged
    for source in sorted(set(looks.sources.tolist())):
        parts[f"{source}, from {JUDGED_FROM_PX:.0f} px"] = judged.where(judged.sources == source)
    for low, high in HEIGHT_BANDS_PX:
        inside = (looks.heights_640 >= low) & (looks.heights_640 < high)
        name = f"{low}-{high} px" if high < 9999 else f"{low} px and more"
        parts[name] = looks.where(inside)
    bare = judged.where(judged.truths == CLASSES.index("no_mask"))
    before_mouth = causes(bare.files, bare.boxes)
    for cause, name in NAMES.items():
        parts[name] = bare.where(before_mouth == cause)
    return {name: part for name, part in parts.items() if len(part.truths)}


def calibration_bins(looks: Looks, bins: int = 10) -> list[tuple[float, float, int]]:
    """Returns (mean confidence, share right, looks) of each bin that holds any."""
    confidence = looks.probabilities.max(1)
    right = looks.probabilities.argmax(1) == looks.truths
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (
            float(confidence[place == number].mean()),
            float(right[place == number].mean()),
            int((place == number).sum()),
        )
        for number in range(bins)
        if (place == number).any()
    ]

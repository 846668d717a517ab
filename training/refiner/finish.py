"""From a trained refiner to what ships: ONNX file and card, its rule fitted on validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from maskwatch.geometry import boxes_to_array, iou_matrix
from models.card import Card, InputPart, RefinementPart, file_sha256, write_card
from models.careful import CarefulDetector
from models.face_detector import Detection, FaceDetector
from models.face_refiner import FaceRefiner, refined
from training.classifier.export import export_classifier
from training.detector.card import TRAINED_ON
from training.detector.scenes import PictureCache, Scene
from training.evaluate.detection import (
    MATCH_IOU,
    SMALLEST_FACE_PX,
    FoundFaces,
    measure_detection,
)

if TYPE_CHECKING:
    import keras

WEIGHTS_NAME = "face_refiner.onnx"
LOWEST_SCORE = 0.02
TRUSTS = (0.4, 0.55, 0.7, 0.85, 1.0)
OVERLAPS = (0.4, 0.45, 0.5)
_PULL = 1e-4
_LEAST = 1e-4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """One validation scene: what was found, and what the refiner says of it.

    Attributes:
        scene: The scene.
        boxes: The detector's (N, 4).
        scores: The detector's (N,).
        logits: The refiner's (N, 2).
        edges: The refiner's (N, 4), pixels.
    """

    scene: Scene
    boxes: Floats
    scores: Floats
    logits: Floats
    edges: Floats


def finish(
    model: keras.Model,
    scenes: Sequence[Scene],
    cache: PictureCache,
    folder: Path,
    *,
    span: float,
    data_sha256: str,
    detector: FaceDetector,
    notes: Sequence[str] = (),
    tell: Callable[[int], None] = lambda done: None,
) -> Card:
    """Exports a trained refiner into a folder and writes its card.

    Args:
        model: The plain network with the weights that ship.
        scenes: Of the validation split; none leaves the rule at its default.
        cache: Their pictures.
        folder: Where ``face_refiner.onnx`` and ``.json`` go.
        span: Of the recipe.
        data_sha256: Of the training index.
        detector: Whose careful looks the refiner will be given.
        notes: Limits to know, for the card.
        tell: Called with the number of validation scenes done.
    """
    export_classifier(model, folder / WEIGHTS_NAME)
    card = Card(
        name="maskwatch face refiner",
        task="face_refiner",
        engine="onnx",
        file=WEIGHTS_NAME,
        sha256=file_sha256(folder / WEIGHTS_NAME),
        input=InputPart(
            size_px=int(model.input_shape[1]), layout="nhwc", dtype="uint8", colour="bgr"
        ),
        span=span,
        parameters=int(model.count_params()),
        trained_on=TRAINED_ON,
        data_sha256=data_sha256,
        notes=tuple(notes),
    )
    path = folder / Path(WEIGHTS_NAME).with_suffix(".json").name
    write_card(card, path)
    refiner = FaceRefiner.load(path)
    seen = look(scenes, cache, CarefulDetector(detector), refiner, tell=tell)
    if any(len(item.boxes) for item in seen):
        rule, figures = best_rule(seen)
        card = card.model_copy(update={"refinement": rule, "metrics": {"val": figures}})
        write_card(card, path)
    return card


def look(
    scenes: Sequence[Scene],
    cache: PictureCache,
    detector: CarefulDetector,
    refiner: FaceRefiner,
    *,
    tell: Callable[[int], None] = lambda done: None,
) -> list[Seen]:
    """Returns what the detector finds in scenes and what the refiner says of it."""
    seen = []
    for number, scene in enumerate(scenes):
        tell(number)
        picture = cache.read(scene)
        faces: list[Detection] = detector.detect([picture], min_score=LOWEST_SCORE)[0]
        boxes = boxes_to_array([face.box for face in faces])
        scores = np.array([face.score for face in faces], np.float64)
        logits, edges = (
            refiner.look(picture, boxes) if faces else (np.zeros((0, 2)), np.zeros((0, 4)))
        )
        seen.append(Seen(scene, boxes, scores, logits, edges))
    return seen


def best_rule(seen: Sequence[Seen]) -> tuple[RefinementPart, dict[str, Any]]:
    """Returns the rule with the highest mean AP50 of the sources, and that figure beside the old.

    For each trust in the refiner's edges the weights of the score are those of a logistic model of
    "the box overlaps a labelled face by half".
    """
    best, highest = RefinementPart(), -1.0
    for trust in TRUSTS:
        fitted = _fit(seen, trust)
        for overlap in OVERLAPS:
            rule = fitted.model_copy(update={"overlap": overlap})
            mean = _mean_ap50(seen, rule)
            if mean > highest:
                best, highest = rule, mean
    unrefined = RefinementPart(trust=0.0, overlap=1.0)
    figures = {"ap50": round(highest, 4), "ap50_unrefined": round(_mean_ap50(seen, unrefined), 4)}
    return best, figures


def _fit(seen: Sequence[Seen], trust: float) -> RefinementPart:
    rows: list[Floats] = []
    right: list[NDArray[np.bool_]] = []
    for item in seen:
        if not len(item.boxes):
            continue
        placed = item.boxes + trust * (item.edges - item.boxes)
        overlaps = iou_matrix(placed, item.scene.boxes.astype(np.float64))
        floor = max(SMALLEST_FACE_PX, item.scene.unlabelled_below_px)
        judged = (placed[:, 3] - placed[:, 1]) * item.scene.truth.to_640 >= floor
        scores = np.clip(item.scores, _LEAST, 1 - _LEAST)
        columns = [np.ones_like(scores), np.log(scores / (1 - scores)), *item.logits.T]
        rows.append(np.stack(columns, axis=1)[judged])
        right.append((overlaps.max(1, initial=0.0) >= MATCH_IOU)[judged])
    features, signs = np.concatenate(rows), 2.0 * np.concatenate(right) - 1

    def doubt(weights: Floats) -> float:
        loss = np.logaddexp(0, -signs * (features @ weights)).mean()
        return float(loss + _PULL * (weights**2).sum())

    bias, found, face, placed_weight = minimize(doubt, np.zeros(4)).x.round(4).tolist()
    return RefinementPart(bias=bias, found=found, face=face, placed=placed_weight, trust=trust)


def _mean_ap50(seen: Sequence[Seen], rule: RefinementPart) -> float:
    by_source: dict[str, list[Seen]] = {}
    for item in seen:
        by_source.setdefault(item.scene.source, []).append(item)
    reports = [
        measure_detection(
            [item.scene.truth for item in items], [_ruled(item, rule) for item in items]
        )
        for items in by_source.values()
        if any(len(item.scene.boxes) for item in items)
    ]
    return float(np.mean([report.ap50 for report in reports]))


def _ruled(item: Seen, rule: RefinementPart) -> FoundFaces:
    return FoundFaces(*refined(rule, item.boxes, item.scores, item.logits, item.edges))

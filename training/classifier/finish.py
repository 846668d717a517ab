"""From trained weights to what ships: ONNX file and card, calibrated on validation faces."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES
from models.card import Card, InputPart, file_sha256, write_card
from models.crops import DEFAULT_SPAN
from models.mask_classifier import MaskClassifier, sharpness
from training.augment.camera import CameraSettings, take_look
from training.classifier.crop_cache import CACHE_SPAN, CropCache
from training.classifier.export import export_classifier
from training.classifier.few_faces import SMALLEST_READ_PX, unfitted
from training.classifier.looks import looks_of, predict, rows_to_measure
from training.classifier.measures import JUDGED_FROM_PX, best_calibration, crop_scores
from training.classifier.readability import (
    TradePoint,
    chances,
    choose_threshold,
    fit_chance,
    trade_curve,
)
from training.disk import disk_errors

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

WEIGHTS_NAME = "mask_classifier.onnx"
_LEAST = 1e-9
_KNOWN_SOURCES = {
    "chin": "CHINbunhyou/FaceMask-Dataset, pictures of WIDER FACE and MAFA, for research",
    "jolignier": "jolignier/face-mask-dataset-ilc-2021, web pictures, for research",
    "adityap27": "adityap27/face-mask-detector, MIT",
    "crops": "chandrikadeb7/Face-Mask-Detection and omkargurav's set, web pictures, for research",
    "face_mask_12k": "Kaggle's Face Mask 12K, web pictures and celebrities, for research",
}
# Boxes of a detector are this far off the labelled ones (standard deviation, in face sides).
_DETECTOR_ERROR = CameraSettings(
    **dict.fromkeys(CameraSettings.__dataclass_fields__, 0.0) | {"shift": 0.04, "scale": 0.06}
)
_TARGET_ERROR = 0.01
# Less than the 5 % that are asked for: other pictures are never quite those of the validation.
_MOST_UNREAD = 0.045


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run leaves.

    Attributes:
        card: As written beside the weights.
        curve: Error against share left unread, on validation faces of 24 px and more; empty where
            these are too few.
    """

    card: Card
    curve: list[TradePoint]


def finish(
    model: keras.Model,
    cache: CropCache,
    folder: Path,
    *,
    version: str,
    notes: Sequence[str] = (),
    start: Card | None = None,
) -> Finished:
    """Exports a trained network into a folder and writes its calibrated card.

    With too few validation faces nothing is fitted to them: see `training.classifier.few_faces`.

    Args:
        model: The plain network with the weights that ship.
        cache: Its validation split calibrates; its test split is measured once, at the end.
        folder: Where ``mask_classifier.onnx`` and ``.json`` go.
        version: For the card.
        notes: Limits to know, for the card.
        start: Card of the weights that were fine-tuned, where there is one.

    Raises:
        StorageError: The disk refused; the same command finishes the run once there is room.
    """
    side = int(model.input_shape[1])
    kept = unfitted(cache, start)
    if kept is not None:
        logger.warning("%s", kept.note)
    temperature = kept.temperature if kept else _calibrate(model, cache)
    export_classifier(model, folder / WEIGHTS_NAME)
    card = Card(
        name="maskwatch mask classifier",
        task="mask_classifier",
        engine="onnx",
        file=WEIGHTS_NAME,
        sha256=file_sha256(folder / WEIGHTS_NAME),
        version=version,
        input=InputPart(size_px=side, layout="nhwc", dtype="uint8", colour="bgr"),
        classes=CLASSES,
        temperature=temperature,
        span=DEFAULT_SPAN,
        parameters=int(model.count_params()),
        trained_on=tuple(
            f"{source}: {about}" if (about := _KNOWN_SOURCES.get(source)) else source
            for source in sorted({crop.source for crop in cache.crops})
        ),
        data_sha256=cache.data_hash(),
        notes=(*notes, *([kept.note] if kept else [])),
    )
    path = folder / Path(WEIGHTS_NAME).with_suffix(".json").name
    _keep(card, path)
    curve: list[TradePoint] = []
    if kept is not None:
        card = card.model_copy(update={"readability": kept.readability})
    else:
        card, curve = _with_readability(card, path, cache)
    card = card.model_copy(update={"metrics": _metrics(card, path, cache)})
    _keep(card, path)
    return Finished(card, curve)


def _keep(card: Card, path: Path) -> None:
    with disk_errors(path):
        write_card(card, path)


def _calibrate(model: keras.Model, cache: CropCache) -> float:
    """Shifts the network's last biases to the classes' real shares and returns the temperature.

    Batches show far more masks worn incorrectly than the world does; without the shift the network
    expects them as often.
    """
    rows = rows_to_measure(cache, "val")
    looks, labels = looks_of(cache, rows, int(model.input_shape[1]))
    temperature, shift = best_calibration(predict(model, looks), labels)
    last = model.get_layer("logits")
    kernel, bias = last.get_weights()
    last.set_weights([kernel, (bias + shift * temperature).astype(bias.dtype)])
    return round(temperature, 4)


def _with_readability(card: Card, path: Path, cache: CropCache) -> tuple[Card, list[TradePoint]]:
    rows = rows_to_measure(cache, "val")
    looks, labels, heights = _camera_looks(cache, rows, card.input.size_px)
    plain = len(rows)
    probabilities = MaskClassifier.load(path).probabilities(looks)
    right = probabilities.argmax(1) == labels
    sharp = np.array([sharpness(look) for look in looks])
    highest = probabilities.max(1)
    rule = fit_chance(heights, sharp, highest, right)
    judged = np.array([cache.crops[row].relative_height >= JUDGED_FROM_PX for row in rows])
    is_judged = np.zeros(len(looks), bool)
    is_judged[:plain] = judged
    curve = trade_curve(
        chances(rule, heights[is_judged], sharp[is_judged], highest[is_judged]), right[is_judged]
    )
    point = choose_threshold(curve, target_error=_TARGET_ERROR, most_unread=_MOST_UNREAD)
    rule = rule.model_copy(
        update={"min_chance": point.min_chance, "min_height_px": SMALLEST_READ_PX}
    )
    return card.model_copy(update={"readability": rule}), curve


def _camera_looks(
    cache: CropCache, rows: Sequence[int], side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float64]]:
    """Looks, class numbers and face heights: first as they come, then a poorer copy of each."""
    rng = np.random.default_rng(0)
    looks, labels, heights = [], [], []
    for row in rows:
        looks.append(_detected(cache, row, rng, side_px))
        heights.append(cache.crops[row].height_px)
        labels.append(CLASSES.index(cache.crops[row].label))
    for place, row in enumerate(rows):
        height = min(cache.crops[row].height_px, float(np.exp(rng.uniform(np.log(10), np.log(64)))))
        looks.append(_poorer(looks[place], height, rng))
        heights.append(height)
        labels.append(labels[place])
    return np.stack(looks), np.array(labels, np.int64), np.array(heights, np.float64)


def _detected(
    cache: CropCache, row: int, rng: np.random.Generator, side_px: int
) -> NDArray[np.uint8]:
    wide = np.asarray(cache.pixels[row])
    return take_look(
        wide, rng, _DETECTOR_ERROR, side_px=side_px, span=DEFAULT_SPAN, wide_span=CACHE_SPAN
    )


def _poorer(look: NDArray[np.uint8], height: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The look as a camera gives it whose picture of the face is `height` pixels high."""
    side = look.shape[0]
    small = max(8, min(side, round(height * DEFAULT_SPAN)))
    shrunk = cv2.resize(look, (small, small), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        shrunk = cv2.blur(shrunk, (int(rng.integers(1, 4)), 1))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
    _, encoded = cv2.imencode(".jpg", shrunk, quality)
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.resize(decoded, (side, side)), np.uint8)


def _metrics(card: Card, path: Path, cache: CropCache) -> dict[str, Any]:
    """Figures on labelled boxes, all answered; `maskwatch evaluate` measures found faces."""
    _keep(card, path)
    classifier = MaskClassifier.load(path)
    figures: dict[str, Any] = {}
    for split in ("val", "test"):
        rows = rows_to_measure(cache, split)
        if not rows:
            continue
        looks, labels = looks_of(cache, rows, card.input.size_px)
        logits = np.log(np.maximum(classifier.probabilities(looks), _LEAST))
        scores = crop_scores(logits, labels)
        figures[split] = {
            name: [_rounded(item) for item in value]
            if isinstance(value, tuple)
            else _rounded(value)
            for name, value in asdict(scores).items()
        }
    return figures


def _rounded(value: float) -> float | None:
    """Four digits; JSON has no nan."""
    return round(value, 4) if np.isfinite(value) else None

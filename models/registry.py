"""From a name in the configuration to a loaded network.

``builtin`` is ours. Anything else is a file of the user's: a card (``.json``), weights with their
card beside them (``mine.onnx`` and ``mine.json``), or ``yunet:FILE`` for OpenCV's face detector.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from maskwatch.config import WorkerSettings
from maskwatch.errors import ModelError
from models.card import Card, check_weights, read_card
from models.face_detector import BUILTIN_WEIGHTS, MAX_BATCH, Detection, FaceDetector
from models.mask_classifier import BUILTIN_CARD, MaskClassifier
from models.runtimes import Device
from models.runtimes.buckets import BucketedRuntime
from models.runtimes.loading import load_runtime
from models.yunet import YuNetDetector

BUILTIN = "builtin"
_YUNET = "yunet:"
_GPU_BATCHES = (1, 2, 4, MAX_BATCH)
_BLANK_PX = 64
_WEIGHT_SUFFIXES = (".onnx", ".keras")


class Detector(Protocol):
    """Finds faces."""

    @property
    def min_score(self) -> float:
        """The detector's own threshold."""
        ...

    def detect(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        min_score: float | None = None,
        long_side: int = 640,
    ) -> Sequence[Sequence[Detection]]:
        """Returns the faces of each picture, surest first."""
        ...


def load_classifier(settings: WorkerSettings) -> MaskClassifier:
    """Returns the configured mask classifier.

    Raises:
        ModelError: The file, its card or the device is missing, or they do not fit.
    """
    card = _classifier_card_path(settings.classifier)
    return MaskClassifier.load(card, threads=settings.threads or None, device=settings.device)


def load_detector(settings: WorkerSettings) -> Detector:
    """Returns the configured face detector.

    Raises:
        ModelError: The file, its card or the device is missing, or they do not fit.
    """
    name = settings.detector
    if name.startswith(_YUNET):
        return YuNetDetector(Path(name.removeprefix(_YUNET)).expanduser())
    card_path = _detector_card_path(name)
    return _detector(card_path, threads=settings.threads or None, device=settings.device)


def card_paths(settings: WorkerSettings) -> dict[str, Path]:
    """Returns where the cards of the configured ``detector`` and ``classifier`` lie.

    YuNet has no card, so there is no ``detector`` where it is configured.

    Raises:
        ModelError: A setting names no file of ours.
    """
    paths = {}
    if not settings.detector.startswith(_YUNET):
        paths["detector"] = _detector_card_path(settings.detector)
    return paths | {"classifier": _classifier_card_path(settings.classifier)}


def _detector(card_path: Path, *, threads: int | None, device: Device) -> FaceDetector:
    card: Card = read_card(card_path)
    if card.task != "face_detector":
        raise ModelError(f"card {card_path}: is for {card.task}, a face_detector is needed")
    weights = card_path.parent / card.file
    check_weights(card, weights)
    if (card.input.size_px, card.input.scale, card.input.offset) != (0, 1.0, 0.0) or (
        card.input.layout,
        card.input.colour,
    ) != ("nhwc", "bgr"):
        raise ModelError(
            f"card {card_path}: input {card.input!r}; a face detector is given pictures of any "
            "size (size_px 0), nhwc, bgr, 0 to 255"
        )
    runtime = load_runtime(card.engine, weights, threads=threads, device=device)
    if device == "cpu":
        detector = FaceDetector(runtime, min_score=card.min_score)
    else:
        bucketed = BucketedRuntime(runtime, _GPU_BATCHES)
        detector = FaceDetector(bucketed, min_score=card.min_score, batch=_GPU_BATCHES[-1])
    # Weights of another network answer in another shape: told now, not at the first picture.
    detector.detect([np.zeros((_BLANK_PX, _BLANK_PX, 3), np.uint8)], long_side=_BLANK_PX)
    return detector


def _classifier_card_path(name: str) -> Path:
    return BUILTIN_CARD if name == BUILTIN else _card_path(name, "workers.classifier")


def _detector_card_path(name: str) -> Path:
    if name == BUILTIN:
        return BUILTIN_WEIGHTS.with_suffix(".json")
    return _card_path(name, "workers.detector")


def _card_path(name: str, key: str) -> Path:
    """The card that a setting points to, itself or by its weights."""
    path = Path(name).expanduser()
    if path.suffix == ".json":
        return path
    if path.suffix in _WEIGHT_SUFFIXES:
        return path.with_suffix(".json")
    raise ModelError(
        f"{key} = {name!r}: use 'builtin', a card (.json) or weights with a card beside them "
        f"({', '.join(_WEIGHT_SUFFIXES)})"
    )

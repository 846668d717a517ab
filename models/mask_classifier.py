"""Reading faces: pictures and boxes in; mask, no mask, worn incorrectly or unreadable out."""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import CLASSES, Verdict
from maskwatch.errors import ModelError
from maskwatch.geometry import Box
from models.card import Card, ReadabilityPart, check_weights, read_card
from models.crops import crop_face
from models.runtimes import Device, Runtime
from models.runtimes.buckets import BucketedRuntime
from models.runtimes.loading import load_runtime

BUILTIN_CARD = Path(__file__).parent / "weights" / "mask_classifier.json"
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32)
"""Batches are filled up to one of these, so that an engine that compiles per shape never does so in
service."""

_REFERENCE_HEIGHT_PX = 32.0
_LEAST = 1e-6

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is said of one face.

    Attributes:
        label: The likeliest class, or unreadable.
        probabilities: Calibrated, by class name; they sum to 1, also where the look is unreadable.
        quality: How good the look is, 0 to 1: 0 where it is a coin's toss, 1 where it is certain.
    """

    label: Verdict
    probabilities: dict[str, float]
    quality: float


class MaskClassifier:
    """A classifier of face crops with its card."""

    def __init__(self, runtime: Runtime, card: Card) -> None:
        """Joins a loaded network and its card.

        Args:
            runtime: What runs the network.
            card: What it takes and answers.

        Raises:
            ModelError: The card is not that of a mask classifier.
        """
        _check_card(card)
        self.card = card
        self._runtime = BucketedRuntime(runtime, BATCH_BUCKETS)
        self._mirrors = False

    @classmethod
    def load(
        cls, card_path: Path | None = None, *, threads: int | None = None, device: Device = "cpu"
    ) -> Self:
        """Returns the classifier of a card; None is the built-in one.

        Raises:
            ModelError: Card or weights are missing, damaged or do not fit each other.
        """
        path = card_path or BUILTIN_CARD
        card = read_card(path)
        weights = path.parent / card.file
        check_weights(card, weights)
        classifier = cls(load_runtime(card.engine, weights, threads=threads, device=device), card)
        classifier.probabilities(classifier._blank(1))
        return classifier

    def mirroring(self) -> Self:
        """Returns the same classifier, but one that reads each face in the mirror too.

        What it says is the mean of both.
        """
        twin = copy(self)
        twin._mirrors = True
        return twin

    def warm_up(self) -> None:
        """Runs one blank batch of each size, so that the first real one is not the slow one."""
        for size in BATCH_BUCKETS:
            self.probabilities(self._blank(size))

    def read(
        self, pictures: Sequence[Picture], boxes: Sequence[Sequence[Box]]
    ) -> list[list[Reading]]:
        """Returns one reading for each box of each picture, in their order.

        Args:
            pictures: uint8 (H, W, 3), BGR, each of any size.
            boxes: For each picture, its faces in its own pixels.
        """
        faces = [
            (picture, box)
            for picture, its_boxes in zip(pictures, boxes, strict=True)
            for box in its_boxes
        ]
        crops = [
            crop_face(picture, box, side_px=self.card.input.size_px, span=self.card.span)
            for picture, box in faces
        ]
        heights = [box.height for _, box in faces]
        readings = iter(self.read_crops(crops, heights))
        return [[next(readings) for _ in its_boxes] for its_boxes in boxes]

    def read_crops(self, crops: Sequence[Picture], heights_px: Sequence[float]) -> list[Reading]:
        """Returns one reading for each crop.

        Args:
            crops: uint8 (S, S, 3), BGR, of the card's size.
            heights_px: Height of each face box before it was resized.
        """
        if not crops:
            return []
        chances = self.probabilities(np.stack(crops))
        return [
            self._reading(row, crop, height)
            for row, crop, height in zip(chances, crops, heights_px, strict=True)
        ]

    def probabilities(self, crops: Picture) -> Floats:
        """Returns calibrated probabilities (N, classes of the card) of crops (N, S, S, 3), BGR."""
        if not len(crops):
            return np.empty((0, len(self.card.classes)))
        answers = self._answers(crops)
        if self._mirrors:
            answers = (answers + self._answers(crops[:, :, ::-1])) / 2
        return answers

    def _answers(self, crops: Picture) -> Floats:
        answers = self._runtime.run(network_input(crops, self.card))[0].astype(np.float64)
        if answers.shape != (len(crops), len(self.card.classes)):
            raise ModelError(
                f"classifier {self.card.name}: its card names {len(self.card.classes)} classes "
                f"({', '.join(self.card.classes)}) and its weights answer {answers.shape[1:]}; "
                "give the card that belongs to these weights"
            )
        if self.card.output == "probabilities":
            return np.asarray(answers / np.maximum(answers.sum(1, keepdims=True), _LEAST))
        scaled = answers / self.card.temperature
        powers = np.exp(scaled - scaled.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True))

    def _reading(self, row: Floats, crop: Picture, height_px: float) -> Reading:
        rule = self.card.readability
        chance = chance_of_being_right(
            rule, height_px=height_px, sharp=sharpness(crop), highest=float(row.max())
        )
        is_readable = chance >= rule.min_chance and height_px >= rule.min_height_px
        given = dict(zip(self.card.classes, row.tolist(), strict=True))
        return Reading(
            label=Verdict(self.card.classes[int(row.argmax())])
            if is_readable
            else Verdict.UNREADABLE,
            probabilities={name: given.get(name, 0.0) for name in CLASSES},
            quality=max(0.0, 2 * chance - 1),
        )

    def _blank(self, count: int) -> Picture:
        side = self.card.input.size_px
        return np.zeros((count, side, side, 3), np.uint8)


def chance_of_being_right(
    rule: ReadabilityPart, *, height_px: float, sharp: float, highest: float
) -> float:
    """Returns the learned chance, 0 to 1, that the likeliest class is the true one.

    Args:
        rule: Weights from the card.
        height_px: Height of the face box in the picture.
        sharp: See `sharpness`.
        highest: Highest of the calibrated probabilities.
    """
    highest = min(max(highest, _LEAST), 1 - _LEAST)
    score = (
        rule.bias
        + rule.height * math.log(max(height_px, 1.0) / _REFERENCE_HEIGHT_PX)
        + rule.sharpness * math.log(max(sharp, _LEAST))
        + rule.certainty * math.log(highest / (1 - highest))
    )
    return 1 / (1 + math.exp(-min(max(score, -50.0), 50.0)))


def sharpness(crop: Picture) -> float:
    """Returns how much of a crop's contrast is fine detail, 0 and up; light does not matter.

    Args:
        crop: uint8 (S, S, 3), BGR.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
    detail = cv2.Laplacian(grey, cv2.CV_32F)
    return float(detail.var() / (grey.var() + 1.0))


def network_input(crops: Picture, card: Card) -> NDArray[np.generic]:
    """Returns BGR crops (N, S, S, 3) in the order, type and range that the card names."""
    asked = card.input
    batch: NDArray[np.generic] = crops if asked.colour == "bgr" else crops[..., ::-1]
    if asked.dtype == "float32":
        batch = batch.astype(np.float32) * np.float32(asked.scale) + np.float32(asked.offset)
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2) if asked.layout == "nchw" else batch)


def _check_card(card: Card) -> None:
    if card.task != "mask_classifier":
        raise ModelError(f"card {card.name}: is for {card.task}, a mask_classifier is needed")
    unknown = [name for name in card.classes if name not in CLASSES]
    if unknown or len(set(card.classes)) != len(card.classes) or len(card.classes) < 2:
        raise ModelError(
            f"card {card.name}: classes {', '.join(card.classes) or 'none'}; "
            f"use two or three of {', '.join(CLASSES)}, each once"
        )
    if card.input.size_px < 1:
        raise ModelError(f"card {card.name}: input.size_px is 0; a classifier needs its input size")

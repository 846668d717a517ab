"""What a card says where the validation split is too small to fit anything on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.card import Card, ReadabilityPart, read_card
from training.classifier.crop_cache import CropCache
from training.classifier.looks import rows_to_measure
from training.classifier.measures import JUDGED_FROM_PX

SMALLEST_READ_PX = 16.0
"""Cameras deliver faces from this height that training is meant for; below it errs more."""

# Calibration fits four numbers and the readability rule four more and a threshold. At 200 faces
# the temperature's standard error is a sixth (at 50 a third), that of an error rate of 3 % is 1.2
# points (at 50 it is 2.4), and with their poorer copies about ten looks are wrong for each weight
# of the rule, as logistic regression wants. With fewer, the fit follows chance.
ENOUGH_FACES = 200


@dataclass(frozen=True, slots=True)
class Unfitted:
    """What takes the place of a fit.

    Attributes:
        temperature: For the card.
        readability: For the card.
        note: For the card and the log: that this was done, and why.
    """

    temperature: float
    readability: ReadabilityPart
    note: str


def unfitted(cache: CropCache, start: Card | None) -> Unfitted | None:
    """Returns what to use in place of a fit, or None where there are faces enough to fit.

    Args:
        cache: Its validation split would be fitted on.
        start: Card of the weights that were fine-tuned: what was fitted for them, on many more
            faces, fits better than anything that a few give.
    """
    rows = rows_to_measure(cache, "val")
    faces = sum(cache.crops[row].relative_height >= JUDGED_FROM_PX for row in rows)
    if faces >= ENOUGH_FACES:
        return None
    why = (
        f"{faces} validation faces of {JUDGED_FROM_PX:.0f} px or more are too few to fit "
        f"temperature and readability rule ({ENOUGH_FACES} are enough)"
    )
    if start is not None:
        note = f"{why}: both are the start's"
        return Unfitted(start.temperature, start.readability, note)
    note = f"{why}: faces from {SMALLEST_READ_PX:.0f} px are all read, uncalibrated"
    return Unfitted(1.0, ReadabilityPart(min_height_px=SMALLEST_READ_PX), note)


def card_of(weights: Path) -> Card | None:
    """Returns the card of the weights to start from, None where there is none beside them.

    Args:
        weights: An exported ``.onnx``, or ``weights.npz`` in the folder of a finished run.

    Raises:
        ModelError: The card is damaged.
    """
    is_exported = weights.suffix == ".onnx"
    path = weights.with_suffix(".json") if is_exported else weights.parent / "mask_classifier.json"
    return read_card(path) if path.is_file() else None

"""How the looks of a passage are best joined to one verdict, on faces whose truth is labelled.

    python -m tests.benchmarks.verdict_pools RUN      RUN: folder of `maskwatch train classifier`

Prints the table of docs/tracking.md. There are too few labelled passages to choose by, so they are
made from labelled faces that no training saw: one to eight readings of faces of one class by the
built-in classifier, each repeated one to twelve times, as a face held one way for a second is.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from maskwatch.contracts import CLASSES, Face, Verdict
from maskwatch.geometry import Box
from models.crops import DEFAULT_SPAN
from models.mask_classifier import MaskClassifier
from training.classifier.crop_cache import CropCache, open_cache
from training.classifier.looks import looks_of, rows_to_measure
from workers.verdict import MIN_PROBABILITY, MIN_WEIGHT, Votes, best_class

PASSAGES: Final = 6000
"""Of each class."""

_READINGS: Final = 8
_REPEATS: Final = 12
_FLOOR: Final = 0.02
_LEAST: Final = 1e-6
_SMALLEST_FACE_PX: Final = 20.0

Pool = Callable[[Sequence[Face]], Mapping[str, float]]
"""Readable looks to probabilities by class name."""


def arithmetic(looks: Sequence[Face]) -> Mapping[str, float]:
    """The mean of probabilities, as `workers/verdict.py` takes it."""
    votes = Votes()
    for look in looks:
        votes = votes.with_look(look)
    return votes.probabilities()


def geometric(looks: Sequence[Face]) -> Mapping[str, float]:
    """The mean of logarithms of probabilities, none less than 0.02."""
    weight = sum(look.quality for look in looks)
    means = {
        name: math.exp(
            sum(look.quality * math.log(max(look.probabilities[name], _FLOOR)) for look in looks)
            / weight
        )
        for name in CLASSES
    }
    return {name: mean / sum(means.values()) for name, mean in means.items()}


POOLS: Final[dict[str, Pool]] = {"arithmetic": arithmetic, "geometric": geometric}


def readings(cache: CropCache, classifier: MaskClassifier, split: str) -> dict[str, list[Face]]:
    """What the classifier says of a split's faces, by their true class."""
    rows = [
        row
        for row in rows_to_measure(cache, split)
        if cache.crops[row].height_px >= _SMALLEST_FACE_PX
    ]
    crops, _ = looks_of(cache, rows, classifier.card.input.size_px)
    heights = [cache.crops[row].height_px for row in rows]
    found: dict[str, list[Face]] = {name: [] for name in CLASSES}
    for row, height, reading in zip(
        rows, heights, classifier.read_crops(list(crops), heights), strict=True
    ):
        found[cache.crops[row].label].append(
            Face(
                box=Box(0, 0, height, height),
                score=1.0,
                label=reading.label,
                probabilities=reading.probabilities,
                quality=reading.quality,
            )
        )
    return found


def made_passages(faces: Sequence[Face], *, count: int, seed: int) -> list[list[Face]]:
    """The readable looks of so many passages, without those that weigh too little for a verdict."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        chosen = rng.integers(len(faces), size=rng.integers(1, _READINGS + 1))
        looks = [
            faces[number]
            for number in chosen
            for _ in range(rng.integers(1, _REPEATS + 1))
            if faces[number].label is not Verdict.UNREADABLE
        ]
        if sum(look.quality for look in looks) >= MIN_WEIGHT:
            made.append(looks)
    return made


def judged(passages: Sequence[Sequence[Face]], truth: str, pool: Pool) -> tuple[float, ...]:
    """Shares of passages judged wrongly and not at all, and the mean log loss."""
    wrong = unreadable = loss = 0.0
    for looks in passages:
        probabilities = pool(looks)
        name, probability = best_class(probabilities)
        unreadable += probability < MIN_PROBABILITY
        wrong += probability >= MIN_PROBABILITY and name != truth
        loss -= math.log(max(probabilities[truth], _LEAST))
    return tuple(total / max(len(passages), 1) for total in (wrong, unreadable, loss))


def main(folder: Path) -> None:
    """Print the table, as Markdown."""
    cache, classifier = open_cache(folder / "crops"), MaskClassifier.load()
    if not math.isclose(classifier.card.span, DEFAULT_SPAN):
        raise SystemExit(f"{classifier.card.name}: its crops are cut otherwise than the cache's")
    _print_row(["split, class", *(f"{name}: wrong, unreadable, log loss" for name in POOLS)])
    for split in ("val", "test"):
        for seed, (truth, faces) in enumerate(readings(cache, classifier, split).items()):
            passages = made_passages(faces, count=PASSAGES, seed=seed)
            figures = [judged(passages, truth, pool) for pool in POOLS.values()]
            cells = [f"{wrong:.1%}, {unread:.1%}, {loss:.3f}" for wrong, unread, loss in figures]
            _print_row([f"{split}, {truth}", *cells])


def _print_row(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(Path(sys.argv[1]))

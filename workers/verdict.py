"""One verdict for a passage, from all its looks.

Method: each readable look votes with the logarithm of its calibrated probabilities, weighted by its
quality; the weighted mean, turned back into probabilities, is their weighted geometric mean. It
stays calibrated where the looks repeat each other, as looks of one face in neighbouring frames do:
a product would grow sure of itself with every repetition. Probabilities are floored before the
logarithm, so that one look that is badly wrong and very sure cannot outvote the rest. A look that
is unreadable does not vote; it is counted.

The verdict is `unreadable` where the votes weigh too little, or disagree so much that no class
has half of the probability.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from maskwatch.contracts import CLASSES, Face, Verdict

MIN_WEIGHT: Final = 0.25
"""Least sum of the qualities of readable looks: below, there is no verdict but `unreadable`."""

MIN_PROBABILITY: Final = 0.5
"""The class that is named has at least this much."""

_FLOOR: Final = 0.02


@dataclass(frozen=True, slots=True)
class Votes:
    """The looks of one passage, added up; small however long the passage is.

    Attributes:
        looks: Number of looks.
        readable: Number of looks that voted.
        weight: Sum of their qualities.
        log_sums: Sum of quality times log-probability, in the order of `CLASSES`.
    """

    looks: int = 0
    readable: int = 0
    weight: float = 0.0
    log_sums: tuple[float, ...] = (0.0,) * len(CLASSES)

    def with_look(self, face: Face) -> "Votes":
        """These votes and one more look."""
        if face.label is Verdict.UNREADABLE or not face.quality > 0:
            return Votes(self.looks + 1, self.readable, self.weight, self.log_sums)
        sums = tuple(
            total + face.quality * math.log(max(face.probabilities.get(name, 0.0), _FLOOR))
            for name, total in zip(CLASSES, self.log_sums, strict=True)
        )
        return Votes(self.looks + 1, self.readable + 1, self.weight + face.quality, sums)

    def probabilities(self) -> dict[str, float]:
        """The weighted geometric mean by class name, summing to 1; all 0 where nobody voted."""
        if not self.weight > 0:
            return dict.fromkeys(CLASSES, 0.0)
        means = [math.exp(total / self.weight) for total in self.log_sums]
        return {name: mean / sum(means) for name, mean in zip(CLASSES, means, strict=True)}

    def verdict(self) -> Verdict:
        """What is said of the passage."""
        if self.weight < MIN_WEIGHT:
            return Verdict.UNREADABLE
        name, probability = best_class(self.probabilities())
        return Verdict(name) if probability >= MIN_PROBABILITY else Verdict.UNREADABLE

    def as_json(self) -> list[Any]:
        """Plain values, for `from_json`."""
        return [self.looks, self.readable, self.weight, list(self.log_sums)]

    @classmethod
    def from_json(cls, values: list[Any]) -> "Votes":
        """The votes that `as_json` wrote."""
        looks, readable, weight, sums = values
        return cls(looks, readable, weight, tuple(sums))


def best_class(probabilities: Mapping[str, float]) -> tuple[str, float]:
    """Name and probability of the likeliest class; of equal ones the first of `CLASSES`."""
    name = max(CLASSES, key=lambda each: probabilities.get(each, 0.0))
    return name, probabilities.get(name, 0.0)

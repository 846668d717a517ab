"""One verdict for a passage, from all its looks.

Method: the linear opinion pool (Stone, 1961): each readable look votes with its calibrated
probabilities, and the verdict's are their mean, weighted by the looks' quality. It stays calibrated
where the looks repeat each other, as looks of one face in neighbouring frames do: a product would
grow sure of itself with every repetition. No look outvotes more than its share of the others,
however sure it is, as it would in a mean of logarithms; docs/tracking.md compares the two. A look
that is unreadable does not vote; it is counted.

The verdict is `unreadable` where the votes weigh too little, or disagree so much that no class
has half of the probability.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from maskwatch.contracts import CLASSES, Face, Verdict

MIN_WEIGHT: Final = 0.25
"""Least sum of the qualities of readable looks: below, there is no verdict but `unreadable`."""

MIN_PROBABILITY: Final = 0.5
"""The class that is named has at least this much."""


@dataclass(frozen=True, slots=True)
class Votes:
    """The looks of one passage, added up; small however long the passage is.

    Attributes:
        looks: Number of looks.
        readable: Number of looks that voted.
        weight: Sum of their qualities.
        sums: Sum of quality times probability, in the order of `CLASSES`.
    """

    looks: int = 0
    readable: int = 0
    weight: float = 0.0
    sums: tuple[float, ...] = (0.0,) * len(CLASSES)

    def with_look(self, face: Face) -> "Votes":
        """These votes and one more look."""
        if face.label is Verdict.UNREADABLE or not face.quality > 0:
            return Votes(self.looks + 1, self.readable, self.weight, self.sums)
        sums = tuple(
            total + face.quality * face.probabilities.get(name, 0.0)
            for name, total in zip(CLASSES, self.sums, strict=True)
        )
        return Votes(self.looks + 1, self.readable + 1, self.weight + face.quality, sums)

    def probabilities(self) -> dict[str, float]:
        """The weighted mean by class name, summing to 1; all 0 where nobody voted."""
        # Not the weight: a look's probabilities may be rounded and sum to a little less than 1.
        whole = sum(self.sums)
        if not whole > 0:
            return dict.fromkeys(CLASSES, 0.0)
        return {name: total / whole for name, total in zip(CLASSES, self.sums, strict=True)}

    def verdict(self) -> Verdict:
        """What is said of the passage."""
        if self.weight < MIN_WEIGHT:
            return Verdict.UNREADABLE
        name, probability = best_class(self.probabilities())
        return Verdict(name) if probability >= MIN_PROBABILITY else Verdict.UNREADABLE

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `from_json`."""
        return {**asdict(self), "sums": list(self.sums)}

    @classmethod
    def from_json(cls, values: dict[str, Any] | list[Any]) -> "Votes":
        """The votes that `as_json` wrote."""
        if isinstance(values, list):
            # Of an earlier version, whose sums were of logarithms: only the looks still count.
            return cls(looks=values[0])
        return cls(**{**values, "sums": tuple(values["sums"])})


def best_class(probabilities: Mapping[str, float]) -> tuple[str, float]:
    """Name and probability of the likeliest class; of equal ones the first of `CLASSES`."""
    name = max(CLASSES, key=lambda each: probabilities.get(each, 0.0))
    return name, probabilities.get(name, 0.0)

"""What was seen and what was watched: the values that go into the rows and come out of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from maskwatch.contracts import Reject, Verdict

DROPPED: Final = "dropped"
FAILED: Final = "failed"
"""Reasons for which time was not watched though pictures came; the others are `Reject`s."""

_UNUSED_PICTURES: Final = (DROPPED, FAILED, *(reject.value for reject in Reject))


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One person's way through one camera's view.

    Attributes:
        camera: Name of the camera.
        epoch: Epoch in which it ended.
        track: Number of the track; unique for a camera.
        started_at: First look; the passage belongs to the hour of it.
        ended_at: Last look.
        verdict: One for the whole passage.
        looks: Number of looks.
        readable_looks: Looks that voted.
        probabilities: Of the verdict, by class name; they sum to 1.
        face_height_px: Height of the largest look, pixels of the analysed picture.
    """

    camera: str
    epoch: str
    track: int
    started_at: datetime
    ended_at: datetime
    verdict: Verdict
    looks: int
    readable_looks: int
    probabilities: Mapping[str, float]
    face_height_px: float


@dataclass(slots=True, kw_only=True)
class Facts:
    """What was watched in a stretch of time; two stretches add up.

    Attributes:
        watched_ms: Milliseconds that were watched: each second counts for the share of its due
            pictures that were analysed.
        offline_ms: Reason to milliseconds that were not: the camera was away (a `SourceReason`
            or "connecting"), its pictures were unfit (a `Reject`), "dropped" or "failed".
        captured: Pictures received from the source.
        analysed: Pictures in which faces were looked for.
        dropped: Pictures pushed out by newer ones before they were analysed, or lost on the way.
        failed: Pictures that could not be analysed.
        rejected: Reason to number of pictures that were unfit (dark, torn, …).
        looks: Faces found.
        looks_unreadable: Faces among them too poor to tell.
        frame_age_ms: Age of a live picture when its analysis was ready: upper end of the bucket
            (see `age_bucket`) to number of pictures.
    """

    watched_ms: int = 0
    offline_ms: Counter[str] = field(default_factory=Counter)
    captured: int = 0
    analysed: int = 0
    dropped: int = 0
    failed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    looks_unreadable: int = 0
    frame_age_ms: Counter[str] = field(default_factory=Counter)

    @property
    def delivered_ms(self) -> int:
        """Milliseconds in which pictures came, whether they were analysed or not."""
        return self.watched_ms + sum(self.offline_ms[reason] for reason in _UNUSED_PICTURES)

    def add(self, other: Self) -> None:
        """Add another stretch to this one."""
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in TABLES:
            getattr(self, name).update(getattr(other, name))

    @classmethod
    def of_row(cls, row: Any) -> Self:
        """The facts in a row of the minutes or hours table."""
        values: dict[str, Any] = {name: getattr(row, name) for name in NUMBERS}
        values.update({name: Counter(getattr(row, name)) for name in TABLES})
        return cls(**values)

    def columns(self) -> dict[str, Any]:
        """Column name to value."""
        numbers = {name: getattr(self, name) for name in NUMBERS}
        # Sorted, so that both databases hold the same text for the same facts.
        tables = {name: dict(sorted(getattr(self, name).items())) for name in TABLES}
        return {**numbers, **tables}


NUMBERS: Final = (
    "watched_ms", "captured", "analysed", "dropped", "failed", "looks", "looks_unreadable",
)  # fmt: skip
"""The facts that are one number."""

TABLES: Final = ("offline_ms", "rejected", "frame_age_ms")
"""The facts that are counts by name."""


def age_bucket(age_ms: float) -> str:
    """The upper end of an age's bucket: steps of 10 ms to 1 s, 100 ms to 10 s, 1 s to 60 s."""
    step = 10 if age_ms <= 1_000 else 100 if age_ms <= 10_000 else 1_000
    return str(int(min(max(-(-age_ms // step), 1) * step, 60_000)))


def age_percentile(histogram: Mapping[str, int], share: float) -> float | None:
    """The age in milliseconds that this share of the pictures did not exceed; None for none.

    Args:
        histogram: As in `Facts.frame_age_ms`.
        share: 0 to 1, for example 0.95.
    """
    needed = share * sum(histogram.values())
    seen = 0
    for bucket, count in sorted(histogram.items(), key=lambda item: int(item[0])):
        seen += count
        if seen >= needed:
            return float(bucket)
    return None

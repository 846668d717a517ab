"""What really happened in a simulated film: the passages that a perfect system would count."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from maskwatch.contracts import CLASSES, Verdict
from maskwatch.geometry import Box

MIN_FACE_PX: Final = 40
"""Height of a face, in pixels of a picture 1280 wide, from which on it must be read."""

MIN_SHOWN_S: Final = 1.2
"""A passage shows its face at least so long, at `MIN_FACE_PX` or more and not hidden."""

MAX_HIDDEN_S: Final = 0.9
"""A face that is hidden for longer than this and shows again would be a second passage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueLook:
    """One face in one frame of the film, in pixels of the film."""

    frame: int
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePassage:
    """One person crossing the film once.

    It is a passage because the face shows; somebody who is only seen from behind is none. It ends
    when the face shows no more, and a short turn of the head does not end it.

    Attributes:
        person: Number of the person in this film.
        verdict: mask, no_mask or incorrect (nose free, or mask on the chin).
        start_s: First time that the face shows.
        end_s: Last time that it does.
        looks: The face in each frame where it shows.
    """

    person: int
    verdict: Verdict
    start_s: float
    end_s: float
    looks: tuple[TrueLook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmTruth:
    """All passages of one film.

    Attributes:
        duration_s: Length of the film; it begins and ends with an empty corridor.
        fps: Frames a second.
        width: Pixels.
        height: Pixels.
        passages: By start.
    """

    duration_s: float
    fps: float
    width: int
    height: int
    passages: tuple[TruePassage, ...]

    def totals(self) -> dict[str, int]:
        """Number of passages of one showing, by verdict."""
        return count_verdicts(self.passages)

    def ended_by(self, played_s: float) -> dict[str, int]:
        """Passages that are over when a film shown again and again has run for a time."""
        rounds = int(played_s // self.duration_s)
        within = played_s - rounds * self.duration_s
        once = self.totals()
        now = count_verdicts([p for p in self.passages if p.end_s <= within])
        return {name: rounds * once[name] + now[name] for name in CLASSES}

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_bytes(msgspec.json.encode(self))

    @classmethod
    def load(cls, path: Path) -> "FilmTruth":
        """Read what `save` wrote."""
        return msgspec.json.decode(path.read_bytes(), type=cls)


def count_verdicts(passages: Sequence[TruePassage]) -> dict[str, int]:
    """Number of passages by verdict, with zeros."""
    counted = Counter(passage.verdict.value for passage in passages)
    return {name: counted[name] for name in CLASSES}


def add_totals(totals: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The sum over cameras, by verdict."""
    return {name: sum(one.get(name, 0) for one in totals) for name in CLASSES}

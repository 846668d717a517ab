"""Follow faces from frame to frame: which looks belong to one passage.

Each instance is one camera's; it is deterministic, and its whole state is plain JSON. Looks are
assigned to tracks by motion and size alone, never by what the classifier says: a wrong label must
not break a passage in two. docs/tracking.md says why no library is used, and what was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from maskwatch.contracts import Face, Verdict
from maskwatch.geometry import boxes_to_array, iou_matrix
from workers.assignment import UNMATCHED_COST, motion_costs, resume_costs
from workers.track import CUT_SD, MEASUREMENT_SD, Track

_EDGE_PX: Final = 2.0
_DUPLICATE_IOU: Final = 0.3
_RATED_INTERVAL_S: Final = 0.2
_STILL_PATIENCE: Final = 2.0
_LEFT_AFTER_S: Final = 0.5
_UNSURE_AFTER_S: Final = 0.6
_CLOCK_STEP_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings:
    """What may be chosen.

    Attributes:
        lost_after_s: A track without a look for so long has ended (twice as long where the face
            stood still: people turn round).
        min_looks: Looks that a passage needs at 5 pictures a second; in proportion at other rates,
            but 2 unless it is 1.
        start_score: A look with a lower score continues a track but begins none.
    """

    lost_after_s: float = 1.5
    min_looks: int = 3
    start_score: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedPassage:
    """A track that has ended and counts.

    Attributes:
        track: Its number, unique within the tracker.
        start_s: Time of its first look, in the clock of `Tracker.update`.
        end_s: Time of its last look.
        verdict: From all looks.
        looks: Number of looks.
        readable_looks: Looks that voted.
        probabilities: By class name.
        face_height_px: Height of the largest look.
    """

    track: int
    start_s: float
    end_s: float
    verdict: Verdict
    looks: int
    readable_looks: int
    probabilities: dict[str, float]
    face_height_px: float


class Tracker:
    """Turns the faces of consecutive frames of one camera into passages."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._tracks: list[Track] = []
        self._next_number = 1
        self._time_s: float | None = None
        self._interval_s = 0.2
        self._size = (0, 0)

    @property
    def open_tracks(self) -> int:
        """Faces that are being followed and would count."""
        return sum(self._counts(track) for track in self._tracks)

    def update(
        self, faces: Sequence[Face], time_s: float, *, size: tuple[int, int]
    ) -> list[TrackedPassage]:
        """Take the faces of the next frame.

        Args:
            faces: Any number, in any order.
            time_s: When the frame was taken; not before the one of the last call.
            size: Width and height of the picture that the boxes lie in, pixels.

        Returns:
            Passages that have ended, in order of their first look.
        """
        ended = self.advance(time_s)
        self._fit_to(size)
        self._learn_interval(time_s)
        self._time_s = time_s
        strong = [face for face in faces if face.score >= self._settings.start_score]
        weak = [face for face in faces if face.score < self._settings.start_score]
        seen: list[Face] = []
        tracks = list(self._tracks)
        for candidates in (strong, weak):
            matched = self._continue(tracks, candidates, time_s)
            tracks = [track for track in tracks if track.number not in matched]
            taken = {id(face) for face in matched.values()}
            seen += [face for face in candidates if id(face) in taken]
            if candidates is strong:
                strong = [face for face in strong if id(face) not in taken]
        resumed = self._resume(tracks, strong, time_s)
        seen += resumed.values()
        taken = {id(face) for face in resumed.values()}
        self._begin([face for face in strong if id(face) not in taken], seen, time_s)
        return ended

    def advance(self, time_s: float) -> list[TrackedPassage]:
        """Let time pass without a picture; gives the passages that have ended by then."""
        if self._time_s is not None and time_s < self._time_s - _CLOCK_STEP_S:
            # The camera's clock was set back: what was open cannot be continued in the new time.
            return self.finish()
        return self._end([track for track in self._tracks if self._is_lost(track, time_s)])

    def finish(self) -> list[TrackedPassage]:
        """End every track; gives the passages among them. The tracker can go on being used."""
        self._time_s = None
        return self._end(self._tracks)

    def state(self) -> dict[str, Any]:
        """Everything the tracker knows, as plain JSON values."""
        return {
            "tracks": [track.as_json() for track in self._tracks],
            "next_number": self._next_number,
            "time_s": self._time_s,
            "interval_s": self._interval_s,
            "size": list(self._size),
        }

    @classmethod
    def from_state(
        cls, state: dict[str, Any], settings: TrackerSettings | None = None
    ) -> "Tracker":
        """A tracker that goes on where another one's `state` was taken."""
        tracker = cls(settings)
        tracker._tracks = [Track.from_json(values) for values in state["tracks"]]
        tracker._next_number = state["next_number"]
        tracker._time_s = state["time_s"]
        tracker._interval_s = state["interval_s"]
        width, height = state["size"]
        tracker._size = (width, height)
        return tracker

    def _continue(self, tracks: list[Track], faces: list[Face], time_s: float) -> dict[int, Face]:
        """Assign looks to tracks by expected position; gives track number to look."""
        loose = [self._looseness(face) for face in faces]
        return self._assign(tracks, faces, motion_costs(tracks, faces, loose, time_s), time_s)

    def _resume(self, tracks: list[Track], faces: list[Face], time_s: float) -> dict[int, Face]:
        """Take up tracks that were lost and come back near their end or where they were going."""
        # Who walked out of the picture does not come back as the next one who walks in.
        lost = [
            track for track in tracks if track.votes.looks > 1 and not self._has_left(track, time_s)
        ]
        return self._assign(lost, faces, resume_costs(lost, faces, time_s), time_s)

    def _assign(
        self, tracks: list[Track], faces: list[Face], costs: NDArray[np.float64], time_s: float
    ) -> dict[int, Face]:
        matched: dict[int, Face] = {}
        if not costs.size:
            return matched
        # Costs are cut at what leaving both alone costs, so the sum over all pairs is the least.
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < UNMATCHED_COST:
                matched[tracks[row].number] = faces[column]
        self._tracks = [
            track.with_look(face, time_s=time_s, sd=self._looseness(face))
            if (face := matched.get(track.number))
            else track
            for track in self._tracks
        ]
        return matched

    def _begin(self, faces: list[Face], seen: list[Face], time_s: float) -> None:
        for face in sorted(faces, key=lambda each: (-each.score, each.box.as_list())):
            # A second box on a face that is followed already is no second person.
            overlap = iou_matrix(
                boxes_to_array([face.box]), boxes_to_array([other.box for other in seen])
            )
            if overlap.size and overlap.max() > _DUPLICATE_IOU:
                continue
            sd = self._looseness(face)
            self._tracks.append(Track.begin(self._next_number, face, time_s=time_s, sd=sd))
            self._next_number += 1
            seen.append(face)

    def _end(self, tracks: list[Track]) -> list[TrackedPassage]:
        ended = {track.number for track in tracks}
        counted = [track for track in tracks if self._counts(track)]
        self._tracks = [track for track in self._tracks if track.number not in ended]
        return [
            TrackedPassage(
                track=track.number,
                start_s=track.first_s,
                end_s=track.seen_at_s,
                verdict=track.votes.verdict(),
                looks=track.votes.looks,
                readable_looks=track.votes.readable,
                probabilities=track.votes.probabilities(),
                face_height_px=track.tallest,
            )
            for track in sorted(counted, key=lambda each: (each.first_s, each.number))
        ]

    def _counts(self, track: Track) -> bool:
        """Whether there are looks enough to believe that somebody passed."""
        wanted = self._settings.min_looks
        in_proportion = 1 + round((wanted - 1) * _RATED_INTERVAL_S / self._interval_s)
        return track.votes.looks >= max(in_proportion, min(wanted, 2))

    def _is_lost(self, track: Track, time_s: float) -> bool:
        unseen_s = time_s - track.seen_at_s
        if not self._counts(track):
            # Most of these are false alarms: the longer they wait, the more they find to add up.
            return unseen_s > _UNSURE_AFTER_S + self._interval_s
        patience = _STILL_PATIENCE if track.is_still else 1.0
        # A face may be gone at most one interval before it was first missed.
        if unseen_s > self._settings.lost_after_s * patience + self._interval_s:
            return True
        return unseen_s > _LEFT_AFTER_S + self._interval_s and self._has_left(track, time_s)

    def _looseness(self, face: Face) -> float:
        """How little the centre of a look says, in face heights."""
        width, height = self._size
        box = face.box
        is_whole = (
            box.x1 > _EDGE_PX and box.y1 > _EDGE_PX
            and box.x2 < width - _EDGE_PX and box.y2 < height - _EDGE_PX
        )  # fmt: skip
        return MEASUREMENT_SD if is_whole else CUT_SD

    def _has_left(self, track: Track, time_s: float) -> bool:
        """Whether the track's motion has taken it out of the picture."""
        x, y = track.position_at(time_s)
        margin = track.height / 2
        width, height = self._size
        is_inside = -margin < x < width + margin and -margin < y < height + margin
        return not is_inside and track.votes.looks > 1

    def _fit_to(self, size: tuple[int, int]) -> None:
        if size != self._size and all(self._size):
            factor_x, factor_y = size[0] / self._size[0], size[1] / self._size[1]
            self._tracks = [track.scaled(factor_x, factor_y) for track in self._tracks]
        self._size = size

    def _learn_interval(self, time_s: float) -> None:
        if self._time_s is None or not 0 < time_s - self._time_s < 5:
            return
        self._interval_s += 0.1 * (time_s - self._time_s - self._interval_s)

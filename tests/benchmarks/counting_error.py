"""How wrong passages are counted in a made-up world whose truth is known.

    python -m tests.benchmarks.counting_error              our tracker by rate and crowd
    python -m tests.benchmarks.counting_error ours NAME …  trackers side by side

Prints the tables of docs/tracking.md. Other trackers (`OTHERS`) are asked for by name and have to
be installed, each in an environment of its own: two of them cannot be in one.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from maskwatch.contracts import Face
from tests.worlds.walkers import SIZE, Detector, crowd, frames

Looks = list[tuple[float, list[Face]]]
Count = Callable[[Looks, float], int]
"""Looks by time and pictures a second, to the number of passages."""

RATES: Final = (2, 3, 5, 10)
PEOPLE_A_MINUTE: Final = (10, 30, 60)
SEEDS: Final = 6
SECONDS: Final = 120

_LOST_AFTER_S: Final = 1.5
_LEAST_LOOKS: Final = 2


def mean_error(
    count: Count, *, fps: float, people: int, seconds: float, seeds: Iterable[int]
) -> float:
    """Share by which the number of passages is off, mean over the worlds of these seeds."""
    wrong = total = 0
    for seed in seeds:
        walkers = crowd(people=people, seconds=seconds, seed=seed)
        looks = frames(walkers, fps=fps, seconds=seconds, seed=seed + 100, detector=Detector())
        wrong += abs(count(looks, fps) - people)
        total += people
    return wrong / total


def our_error(*, fps: int, people_a_minute: int) -> float:
    """Our tracker's error at one rate in one crowd."""
    people = people_a_minute * SECONDS // 60
    return mean_error(ours, fps=fps, people=people, seconds=SECONDS, seeds=range(SEEDS))


def ours(looks: Looks, fps: float) -> int:
    """The tracker of `workers/tracking.py`."""
    from workers.tracking import Tracker

    tracker = Tracker()
    ended = sum(len(tracker.update(faces, time_s, size=SIZE)) for time_s, faces in looks)
    return ended + len(tracker.finish())


def norfair(looks: Looks, fps: float) -> int:
    """norfair, by the distance of centres."""
    from norfair import Detection, Tracker

    tracker = Tracker(
        distance_function="euclidean",
        distance_threshold=100,
        hit_counter_max=round(_LOST_AFTER_S * fps),
        initialization_delay=_LEAST_LOOKS - 1,
    )
    found: set[int] = set()
    for _, faces in looks:
        centres = [_boxes([face])[0].reshape(2, 2).mean(axis=0, keepdims=True) for face in faces]
        shown = tracker.update([Detection(points=centre) for centre in centres])
        found.update(each.id for each in shown)
    return len(found)


def bytetrack(looks: Looks, fps: float) -> int:
    """Roboflow's trackers: ByteTrack."""
    from trackers import ByteTrackTracker

    return _of_trackers(ByteTrackTracker, looks, fps)


def oc_sort(looks: Looks, fps: float) -> int:
    """Roboflow's trackers: OC-SORT."""
    from trackers import OCSORTTracker

    return _of_trackers(OCSORTTracker, looks, fps)


def _of_trackers(kind: Any, looks: Looks, fps: float) -> int:
    import supervision

    tracker = kind(
        lost_track_buffer=round(_LOST_AFTER_S * 30),
        frame_rate=fps,
        minimum_consecutive_frames=_LEAST_LOOKS,
    )
    seen: Counter[int] = Counter()
    for _, faces in looks:
        detections = supervision.Detections(
            xyxy=_boxes(faces),
            confidence=np.array([face.score for face in faces], np.float32),
            class_id=np.zeros(len(faces), int),
        )
        numbers = tracker.update(detections).tracker_id
        seen.update(int(number) for number in (() if numbers is None else numbers) if number >= 0)
    return len(seen)


def _boxes(faces: Sequence[Face]) -> Any:
    return np.array([face.box.as_list() for face in faces], np.float32).reshape(-1, 4)


OTHERS: Final[dict[str, Count]] = {
    "ours": ours,
    "norfair": norfair,
    "bytetrack": bytetrack,
    "oc-sort": oc_sort,
}
_SIDE_BY_SIDE: Final = ((5, 20), (5, 100), (10, 20), (10, 100))


def main(names: Sequence[str]) -> None:
    """Print the table that was asked for, as Markdown."""
    if not names:
        _print_row(["pictures a second", *(f"{each} people a minute" for each in PEOPLE_A_MINUTE)])
        for fps in RATES:
            errors = [our_error(fps=fps, people_a_minute=each) for each in PEOPLE_A_MINUTE]
            _print_row([str(fps), *(f"{error:.1%}" for error in errors)])
        return
    _print_row(["tracker", *(f"{fps} fps, {people} people" for fps, people in _SIDE_BY_SIDE)])
    for name in names:
        errors = [
            mean_error(OTHERS[name], fps=fps, people=people, seconds=100, seeds=range(4))
            for fps, people in _SIDE_BY_SIDE
        ]
        _print_row([name, *(f"{error:.1%}" for error in errors)])


def _print_row(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(sys.argv[1:])

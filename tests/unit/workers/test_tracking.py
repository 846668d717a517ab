"""Passages are counted right in worlds whose truth is known."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from maskwatch.contracts import CLASSES, Face, Verdict
from maskwatch.geometry import Box
from tests.worlds.walkers import SIZE, Detector, Walker, crowd, frames
from workers.tracking import TrackedPassage, Tracker, TrackerSettings

CLEAN = Detector(miss=0.0, jitter=0.02, false_alarms=0.0, weak=0.0)


def count(
    walkers: Sequence[Walker],
    *,
    fps: float = 5,
    seconds: float = 20,
    seed: int = 1,
    detector: Detector = CLEAN,
    settings: TrackerSettings | None = None,
) -> list[TrackedPassage]:
    tracker = Tracker(settings)
    ended: list[TrackedPassage] = []
    for time_s, faces in frames(
        list(walkers), fps=fps, seconds=seconds, seed=seed, detector=detector
    ):
        ended += tracker.update(faces, time_s, size=SIZE)
    return ended + tracker.finish()


def verdicts(passages: Sequence[TrackedPassage]) -> Counter[Verdict]:
    return Counter(passage.verdict for passage in passages)


def test_somebody_who_walks_through_is_one_passage_from_first_to_last_look() -> None:
    (passage,) = count([Walker(enters_s=2, start=(0, 300), speed=(320, 0), leaves_s=20)])

    assert passage.start_s == pytest.approx(2.2, abs=0.21)
    assert passage.end_s == pytest.approx(2 + 1280 / 320, abs=0.41)
    assert passage.verdict is Verdict.MASK
    assert passage.looks == passage.readable_looks > 15
    assert passage.face_height_px == pytest.approx(60, rel=0.15)


def test_a_small_face_that_moves_two_face_widths_between_looks_is_one_passage() -> None:
    walker = Walker(enters_s=1, start=(0, 300), speed=(280, 0), leaves_s=20, height=36)

    assert len(count([walker])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_people_who_cross_keep_their_own_verdicts(seed: int) -> None:
    right = Walker(enters_s=1, start=(0, 300), speed=(300, 0), leaves_s=20)
    left = Walker(
        enters_s=1, start=(1280, 312), speed=(-300, 0), leaves_s=20, verdict=Verdict.NO_MASK,
        height=70,
    )  # fmt: skip

    passages = count([right, left], seed=seed)

    assert verdicts(passages) == Counter({Verdict.MASK: 1, Verdict.NO_MASK: 1})
    # Right looks say 0.8: a swap at the crossing would leave both tracks with 0.45.
    assert all(max(passage.probabilities.values()) > 0.55 for passage in passages)


def test_somebody_who_turns_away_for_a_second_is_one_passage() -> None:
    walker = Walker(
        enters_s=1, start=(0, 300), speed=(200, 0), leaves_s=20, away=((3.0, 4.2),)
    )  # fmt: skip

    assert len(count([walker])) == 1


def test_somebody_who_stands_and_turns_round_for_two_seconds_is_one_passage() -> None:
    walker = Walker(
        enters_s=1, start=(0, 300), speed=(200, 0), leaves_s=20,
        pauses=((3.0, 8.0),), away=((4.5, 6.8),),
    )  # fmt: skip

    assert len(count([walker])) == 1


def test_somebody_who_is_gone_for_longer_is_a_second_passage() -> None:
    walker = Walker(
        enters_s=1, start=(0, 300), speed=(150, 0), leaves_s=20, away=((3.0, 7.0),)
    )  # fmt: skip

    assert len(count([walker])) == 2


def test_somebody_hidden_behind_another_for_a_moment_is_one_passage() -> None:
    stands = Walker(enters_s=0, start=(640, 300), speed=(0, 0), leaves_s=20, height=60)
    passes = Walker(enters_s=2, start=(0, 310), speed=(250, 0), leaves_s=20, height=90)

    assert len(count([stands, passes])) == 2


def test_two_who_follow_each_other_through_one_edge_are_two_passages() -> None:
    first = Walker(enters_s=1, start=(700, 300), speed=(250, 0), leaves_s=20)
    second = Walker(enters_s=4.2, start=(1279, 300), speed=(-250, 0), leaves_s=20)

    assert len(count([first, second])) == 2


def test_a_lost_track_does_not_reach_for_somebody_across_the_picture() -> None:
    turns_away = Walker(enters_s=1, start=(0, 320), speed=(250, 0), leaves_s=3.2, height=100)
    walks_in = Walker(enters_s=4.0, start=(1279, 340), speed=(-300, 0), leaves_s=20, height=95)

    passages = count([turns_away, walks_in])

    assert len(passages) == 2
    assert sorted(round(passage.start_s) for passage in passages) == [1, 4]


def test_a_face_cut_by_the_edge_says_little_of_its_speed() -> None:
    tracker = Tracker()
    # Its visible part grows while it walks in: at first the centre hardly moves.
    for index, (x1, x2) in enumerate([(1250, 1280), (1215, 1280), (1150, 1220), (1055, 1125)]):
        face = _face((x1 + x2) / 2, 300, 80, 0.9)
        cut = replace(face, box=Box(x1, 260, x2, 340))
        tracker.update([cut], index * 0.2, size=SIZE)

    (passage,) = tracker.finish()
    assert passage.looks == 4


def test_a_false_alarm_does_not_count() -> None:
    noise = Detector(miss=0.0, jitter=0.02, false_alarms=0.1, weak=0.0)

    # About 150 of them.
    assert len(count([], seconds=300, detector=noise)) <= 1


def test_a_weak_look_continues_a_passage_and_begins_none() -> None:
    weak = Detector(miss=0.0, jitter=0.02, false_alarms=0.0, weak=1.0)
    mixed = Detector(miss=0.0, jitter=0.02, false_alarms=0.0, weak=0.6)
    walker = Walker(enters_s=1, start=(0, 300), speed=(250, 0), leaves_s=20)

    assert count([walker], detector=weak) == []
    assert len(count([walker], detector=mixed)) == 1


def test_a_second_box_on_a_face_is_no_second_person() -> None:
    tracker = Tracker()
    for index in range(10):
        x = 100 + 20 * index
        faces = [_face(x, 300, 60, 0.9), _face(x + 8, 306, 66, 0.8)]
        assert tracker.update(faces, index * 0.2, size=SIZE) == []

    assert len(tracker.finish()) == 1


@pytest.mark.parametrize(("fps", "looks"), [(1.0, 2), (2.0, 2), (5.0, 3), (10.0, 5)])
def test_the_looks_a_passage_needs_follow_the_frame_rate(fps: float, looks: int) -> None:
    assert _count_of(fps, looks - 1) == 0
    assert _count_of(fps, looks) == 1


def _count_of(fps: float, shown: int) -> int:
    tracker = Tracker()
    ended: list[TrackedPassage] = []
    for index in range(60):
        seen = [_face(300, 300, 60, 0.9)] if 30 <= index < 30 + shown else []
        ended += tracker.update(seen, index / fps, size=SIZE)
    return len(ended + tracker.finish())


def test_time_that_passes_without_pictures_ends_a_passage() -> None:
    tracker = Tracker()
    for index in range(6):
        tracker.update([_face(300 + index, 300, 60, 0.9)], index * 0.2, size=SIZE)

    assert tracker.advance(2.0) == []
    assert len(tracker.advance(10.0)) == 1
    assert tracker.finish() == []


def test_a_clock_that_is_set_back_ends_what_was_open() -> None:
    tracker = Tracker()
    for index in range(6):
        tracker.update([_face(300, 300, 60, 0.9)], 1000 + index * 0.2, size=SIZE)

    ended = tracker.update([_face(300, 300, 60, 0.9)], 500.0, size=SIZE)

    assert len(ended) == 1
    assert tracker.open_tracks == 0


def test_a_change_of_the_picture_s_size_does_not_break_a_passage() -> None:
    tracker = Tracker()
    for index in range(6):
        tracker.update([_face(300 + 20 * index, 300, 60, 0.9)], index * 0.2, size=SIZE)
    for index in range(6, 12):
        half = _face((300 + 20 * index) / 2, 150, 30, 0.9)
        tracker.update([half], index * 0.2, size=(SIZE[0] // 2, SIZE[1] // 2))

    assert len(tracker.finish()) == 1


def test_what_the_classifier_says_does_not_break_a_passage() -> None:
    tracker = Tracker()
    for index in range(12):
        label = Verdict(CLASSES[index % 3])
        tracker.update([_face(300 + 20 * index, 300, 60, 0.9, label)], index * 0.2, size=SIZE)

    assert len(tracker.finish()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_state_goes_through_json_at_any_frame_and_changes_nothing(seed: int) -> None:
    people = crowd(people=25, seconds=40, seed=seed)
    whole = count(people, seconds=40, seed=seed, detector=Detector())

    tracker = Tracker()
    ended: list[TrackedPassage] = []
    for time_s, faces in frames(people, fps=5, seconds=40, seed=seed, detector=Detector()):
        tracker = Tracker.from_state(json.loads(json.dumps(tracker.state())))
        ended += tracker.update(faces, time_s, size=SIZE)

    assert ended + tracker.finish() == whole


def test_the_order_of_the_faces_in_a_frame_changes_no_count() -> None:
    people = crowd(people=40, seconds=40, seed=3)
    rng = np.random.default_rng(0)
    one, other = Tracker(), Tracker()
    ended: tuple[list[TrackedPassage], list[TrackedPassage]] = ([], [])
    for time_s, faces in frames(people, fps=5, seconds=40, seed=3):
        ended[0].extend(one.update(faces, time_s, size=SIZE))
        mixed = [faces[index] for index in rng.permutation(len(faces))]
        ended[1].extend(other.update(mixed, time_s, size=SIZE))

    assert ended[0] + one.finish() == ended[1] + other.finish()


def test_two_trackers_do_not_share_numbers() -> None:
    walker = Walker(enters_s=1, start=(0, 300), speed=(250, 0), leaves_s=20)

    assert [each.track for each in count([walker])] == [each.track for each in count([walker])]


@pytest.mark.parametrize(
    ("fps", "people", "most_wrong"),
    [(5, 20, 0.04), (5, 60, 0.05), (5, 100, 0.08), (10, 60, 0.05), (3, 60, 0.08)],
)
def test_crowds_are_counted_within_the_stated_error(
    fps: int, people: int, most_wrong: float
) -> None:
    """The figures of docs/tracking.md, with some room: mean error of the count over six worlds."""
    wrong = 0
    for seed in range(6):
        walkers = crowd(people=people, seconds=100, seed=seed)
        found = count(walkers, fps=fps, seconds=100, seed=seed + 100, detector=Detector())
        wrong += abs(len(found) - people)

    assert wrong / (6 * people) <= most_wrong


def _face(x: float, y: float, height: float, score: float, label: Verdict = Verdict.MASK) -> Face:
    half = height / 2
    return Face(
        box=Box(x - half, y - half, x + half, y + half),
        score=score,
        label=label,
        probabilities=dict.fromkeys(CLASSES, 0.1) | {label.value: 0.8},
        quality=0.7,
    )

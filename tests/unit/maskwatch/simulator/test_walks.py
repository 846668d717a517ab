"""Walks: where people are, and when their faces show."""

from itertools import pairwise

import numpy as np
import pytest

from maskwatch.simulator.corridor import View
from maskwatch.simulator.walks import WalkKind, make_walks

VIEW = View(1280, 720)


def test_nobody_is_there_before_and_after_the_walk() -> None:
    (walk,) = make_walks(WalkKind.ACROSS, 5.0, np.random.default_rng(1))

    assert walk.pose(4.99) is None
    assert walk.pose(5.0) is not None
    assert walk.pose(walk.end_s + 0.01) is None


def test_a_face_grows_while_somebody_approaches() -> None:
    (walk,) = make_walks(WalkKind.APPROACH, 0.0, np.random.default_rng(1))

    heights = [
        pose.face_box(VIEW).height
        for time in np.arange(0, walk.end_s, 0.25)
        if (pose := walk.pose(float(time)))
    ]

    assert heights == sorted(heights)
    assert heights[0] < 30
    assert heights[-1] > 100


def test_a_turned_head_hides_its_face_and_shows_it_again() -> None:
    (walk,) = make_walks(WalkKind.TURN, 0.0, np.random.default_rng(1))

    shown = [
        pose.shows_face
        for time in np.arange(0, walk.end_s, 0.05)
        if (pose := walk.pose(float(time)))
    ]

    changes = [after for before, after in pairwise(shown) if before != after]
    assert shown[0]
    assert changes == [False, True]


def test_a_face_that_is_only_seen_from_behind_never_shows() -> None:
    (walk,) = make_walks(WalkKind.BACK_ONLY, 0.0, np.random.default_rng(1))

    for time in np.arange(0, walk.end_s, 0.1):
        pose = walk.pose(float(time))
        assert pose is not None
        assert not pose.shows_face


def test_two_who_cross_walk_at_different_distances_in_opposite_directions() -> None:
    first, second = make_walks(WalkKind.CROSS, 0.0, np.random.default_rng(1))

    one, other = first.pose(1.0), second.pose(1.0)

    assert one is not None
    assert other is not None
    assert one.speed_x * other.speed_x < 0
    assert abs(one.z_m - other.z_m) > 0.8


@pytest.mark.parametrize("kind", list(WalkKind))
def test_people_enter_and_leave_out_of_sight(kind: WalkKind) -> None:
    for walk in make_walks(kind, 0.0, np.random.default_rng(3)):
        for time in (0.0, walk.end_s):
            pose = walk.pose(time)
            assert pose is not None
            box = pose.face_box(VIEW)
            is_outside = box.x2 <= 0 or box.x1 >= VIEW.width
            assert is_outside or pose.opacity == 0

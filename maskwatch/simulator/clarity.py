"""When faces show, and whether a cast's truth is beyond doubt.

A person who leaves where another one enters a moment later, or two faces of one size that meet,
could be taken for one person by anybody who follows faces. Such casts are not filmed: a wrong
count shall mean a fault of the system, not of the question.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from maskwatch.geometry import Box
from maskwatch.simulator.corridor import View
from maskwatch.simulator.truth import MAX_HIDDEN_S, MIN_FACE_PX, MIN_SHOWN_S
from maskwatch.simulator.walks import Pose, Walk, WalkKind

STEP_S: Final = 0.1
"""Casts are checked at this interval."""

Showing = Mapping[int, Box]
"""Number of the step to the face, for the steps in which it shows."""

_APART_S: Final = 4.0
_APART_FACES: Final = 4.0
_MEETING_FACES: Final = 1.4
_MEETING_RATIO: Final = 1.4
_SEEN_SHARE: Final = 0.8
_COVERED_SHARE: Final = 0.35


def is_face_seen(view: View, pose: Pose, face: Box, bodies: Sequence[Box]) -> bool:
    """Whether a face is turned to the camera, in the picture, and not hidden by those in front."""
    inside = face.clipped(view.width, view.height)
    if not pose.shows_face or inside.area < _SEEN_SHARE * face.area:
        return False
    return all(_overlap(face, body) < _COVERED_SHARE * face.area for body in bodies)


def is_clear(view: View, walks: Sequence[Walk]) -> bool:
    """Whether it is beyond doubt how many people pass, and for each that they do."""
    showings = {
        index: _showing(view, walk, walks)
        for index, walk in enumerate(walks)
        if walk.kind is not WalkKind.BACK_ONLY
    }
    if not all(_is_passage(view, showing) for showing in showings.values()):
        return False
    found = list(showings.values())
    return all(
        _are_distinct(one, other) for index, one in enumerate(found) for other in found[:index]
    )


def _showing(view: View, walk: Walk, walks: Sequence[Walk]) -> dict[int, Box]:
    showing = {}
    for step in range(math.ceil(walk.start_s / STEP_S), math.floor(walk.end_s / STEP_S) + 1):
        time_s = step * STEP_S
        pose = walk.pose(time_s)
        if pose is None:
            continue
        others = [other.pose(time_s) for other in walks if other is not walk]
        bodies = [
            other.body_box(view) for other in others if other is not None and other.z_m < pose.z_m
        ]
        face = pose.face_box(view)
        if is_face_seen(view, pose, face, bodies):
            showing[step] = face
    return showing


def _is_passage(view: View, showing: Showing) -> bool:
    """Whether the face shows long enough and large enough, and is never hidden for long."""
    tall_px = MIN_FACE_PX * view.width / 1280
    tall = sum(face.height >= tall_px for face in showing.values())
    steps = sorted(showing)
    longest = max((after - before for before, after in pairwise(steps)), default=1)
    return tall * STEP_S >= MIN_SHOWN_S and (longest - 1) * STEP_S <= MAX_HIDDEN_S


def _are_distinct(one: Showing, other: Showing) -> bool:
    first, second = sorted((one, other), key=min)
    leaves, enters = max(first), min(second)
    if leaves < enters:
        if (enters - leaves) * STEP_S > _APART_S:
            return True
        return _distance(first[leaves], second[enters]) > _APART_FACES
    return all(
        _distance(one[step], other[step]) > _MEETING_FACES
        or _ratio(one[step], other[step]) > _MEETING_RATIO
        for step in one.keys() & other.keys()
    )


def _distance(one: Box, other: Box) -> float:
    """Between the centres, in heights of the larger face."""
    return math.dist(one.center, other.center) / max(one.height, other.height)


def _ratio(one: Box, other: Box) -> float:
    return max(one.height, other.height) / min(one.height, other.height)


def _overlap(first: Box, second: Box) -> float:
    return Box(
        max(first.x1, second.x1),
        max(first.y1, second.y1),
        min(first.x2, second.x2),
        min(first.y2, second.y2),
    ).area

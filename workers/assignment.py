"""How well looks fit tracks: the costs by which each look is assigned to one."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from maskwatch.contracts import Face
from workers.track import Track, face_size

UNMATCHED_COST: Final = 7.0
"""Where a look costs so much it is none of the track's."""

_GATE: Final = 16.0
"""Square of the number of standard deviations within which a look may continue a track."""

_SIZE_SD: Final = 0.25
_MAX_SIZE_RATIO: Final = 1.8
_MOTION_REACH: Final = 3.0
_TOP_SPEED: Final = 9.0
"""Face heights a second: a person who runs across the view."""

_RESUME_START: Final = 0.8
_RESUME_REACH: Final = 2.5
_RESUME_SPEED: Final = 2.0
_RESUME_SIZE_RATIO: Final = 1.5


def motion_costs(
    tracks: Sequence[Track], faces: Sequence[Face], loose: Sequence[float], time_s: float
) -> NDArray[np.float64]:
    """Negative log-likelihood of each look under each track, shape (tracks, faces)."""
    costs = np.full((len(tracks), len(faces)), UNMATCHED_COST)
    for row, track in enumerate(tracks):
        expected = track.position_at(time_s)
        reach = (1.0 + _TOP_SPEED * (time_s - track.seen_at_s)) * track.height
        for column, face in enumerate(faces):
            spread = track.spread_at(time_s, sd=loose[column])
            off = math.dist(face.box.center, expected)
            growth = math.log(face_size(face) / track.height)
            # However vague a lost track has become, it does not reach across the picture.
            is_near = (
                math.dist(face.box.center, (track.x, track.y)) <= reach
                and off <= _MOTION_REACH * track.height
            )
            if not is_near or off**2 > _GATE * spread or abs(growth) > math.log(_MAX_SIZE_RATIO):
                continue
            # The logarithm keeps a vague track from taking the look of a sure one.
            vagueness = math.log(spread / track.height**2)
            cost = off**2 / spread / 2 + vagueness + (growth / _SIZE_SD) ** 2 / 2
            costs[row, column] = min(cost, UNMATCHED_COST)
    return costs


def resume_costs(
    tracks: Sequence[Track], faces: Sequence[Face], time_s: float
) -> NDArray[np.float64]:
    """Distance in face heights where a lost track may have come back, shape (tracks, faces).

    Somebody who turned away may have stopped, so the place of the last look is as good as the one
    where the motion led.
    """
    costs = np.full((len(tracks), len(faces)), UNMATCHED_COST)
    for row, track in enumerate(tracks):
        unseen_s = time_s - track.seen_at_s
        places = (track.position_at(time_s), (track.x, track.y))
        reach = min(_RESUME_START + _RESUME_SPEED * unseen_s, _RESUME_REACH)
        for column, face in enumerate(faces):
            off = min(math.dist(face.box.center, place) for place in places) / track.height
            growth = abs(math.log(face_size(face) / track.height))
            if off <= reach and growth <= math.log(_RESUME_SIZE_RATIO):
                costs[row, column] = off
    return costs

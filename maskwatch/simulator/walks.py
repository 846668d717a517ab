"""How simulated people move: where somebody is and which way they look at any time."""

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from maskwatch.geometry import Box
from maskwatch.simulator.bodies import EYE_TO_FLOOR_MM
from maskwatch.simulator.corridor import View
from maskwatch.simulator.portraits import FACE_HEIGHT_PX

FAR_M: Final = 11.5
"""Where people who come from the far end step into the light."""

FADE_S: Final = 0.6
HIDDEN_YAW_DEG: Final = 60.0
"""Turned further than this, a face no longer shows."""

_FACE_WIDTH_RATIO: Final = 0.76


class WalkKind(StrEnum):
    """What somebody does."""

    APPROACH = "approach"
    ACROSS = "across"
    CROSS = "cross"
    STAND = "stand"
    TURN = "turn"
    LEAVE = "leave"
    BACK_ONLY = "back_only"


@dataclass(frozen=True, slots=True)
class Key:
    """A place at a time: seconds from the walk's start, metres, and the head's turn in degrees."""

    time_s: float
    x_m: float
    z_m: float
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Somebody at one moment.

    Attributes:
        x_m: Right of the camera.
        z_m: Distance.
        yaw_deg: Turn of the head; 0 looks at the camera.
        speed_x: Metres a second to the right.
        speed_z: Metres a second away from the camera.
        walked_m: Way covered so far, for the rhythm of the steps.
        opacity: Below 1 while stepping into or out of the light at the far end.
    """

    x_m: float
    z_m: float
    yaw_deg: float
    speed_x: float
    speed_z: float
    walked_m: float
    opacity: float

    @property
    def is_from_behind(self) -> bool:
        """The body is seen from behind."""
        return self.speed_z > 0.3

    @property
    def squeeze(self) -> float:
        """Width factor of the body: narrower when it walks across."""
        speed = math.hypot(self.speed_x, self.speed_z)
        return 1.0 if speed < 0.1 else 1.0 - 0.3 * abs(self.speed_x) / speed

    @property
    def shows_face(self) -> bool:
        """The face is turned to the camera and lit."""
        return abs((self.yaw_deg + 180) % 360 - 180) < HIDDEN_YAW_DEG and self.opacity > 0.5

    def face_center(self, view: View, *, shorter_mm: float = 0.0) -> tuple[float, float]:
        """Pixel of the middle of the head, with the up and down of walking."""
        bob = 18.0 * abs(math.sin(math.pi * self.walked_m / 0.7))
        return view.project(self.x_m, (EYE_TO_FLOOR_MM - shorter_mm - bob) / 1000, self.z_m)

    def face_box(self, view: View, *, shorter_mm: float = 0.0) -> Box:
        """Forehead to chin, in pixels; may lie partly outside the picture."""
        x, y = self.face_center(view, shorter_mm=shorter_mm)
        scale = view.pixels_per_mm(self.z_m)
        yaw = math.radians(self.yaw_deg)
        x += math.sin(yaw) * 45 * scale
        half_height = FACE_HEIGHT_PX / 2 * scale
        half_width = half_height * _FACE_WIDTH_RATIO * max(0.6, abs(math.cos(yaw)))
        return Box(x - half_width, y - half_height, x + half_width, y + half_height)

    def body_box(self, view: View, *, shorter_mm: float = 0.0) -> Box:
        """What hides those behind: hair, shoulders and all below, in pixels."""
        x, y = self.face_center(view, shorter_mm=shorter_mm)
        scale = view.pixels_per_mm(self.z_m)
        return Box(x - 180 * scale, y - 150 * scale, x + 180 * scale, y + 1560 * scale)


@dataclass(frozen=True, slots=True)
class Walk:
    """A way through the picture.

    Attributes:
        kind: What it is.
        start_s: When it begins, seconds of the film.
        keys: Places, by time; straight lines between them.
    """

    kind: WalkKind
    start_s: float
    keys: tuple[Key, ...]

    @property
    def end_s(self) -> float:
        """When it is over, seconds of the film."""
        return self.start_s + self.keys[-1].time_s

    def pose(self, time_s: float) -> Pose | None:
        """Where the walker is at a time of the film; None before and after."""
        since = time_s - self.start_s
        if not 0 <= since <= self.keys[-1].time_s:
            return None
        walked = 0.0
        for first, second in itertools.pairwise(self.keys):
            way = math.hypot(second.x_m - first.x_m, second.z_m - first.z_m)
            if since <= second.time_s:
                return self._between(first, second, since, walked)
            walked += way
        raise AssertionError("keys are ordered by time")

    def _between(self, first: Key, second: Key, since: float, walked: float) -> Pose:
        length = max(1e-6, second.time_s - first.time_s)
        share = (since - first.time_s) / length
        dx, dz = second.x_m - first.x_m, second.z_m - first.z_m
        z_m = first.z_m + dz * share
        opacity = 1.0
        if self.keys[0].z_m >= FAR_M:
            opacity = min(opacity, since / FADE_S)
        if self.keys[-1].z_m >= FAR_M:
            opacity = min(opacity, (self.keys[-1].time_s - since) / FADE_S)
        return Pose(
            x_m=first.x_m + dx * share,
            z_m=z_m,
            yaw_deg=first.yaw_deg + (second.yaw_deg - first.yaw_deg) * share,
            speed_x=dx / length,
            speed_z=dz / length,
            walked_m=walked + math.hypot(dx, dz) * share,
            opacity=max(0.0, opacity),
        )


def make_walks(kind: WalkKind, start_s: float, rng: np.random.Generator) -> tuple[Walk, ...]:
    """One walk of a kind; two that meet for `CROSS`."""
    if kind is WalkKind.CROSS:
        near, far = float(rng.uniform(2.6, 3.2)), float(rng.uniform(4.2, 4.8))
        side = _side(rng)
        return (
            Walk(kind, start_s, _across(near, side, rng)),
            Walk(kind, start_s, _across(far, -side, rng)),
        )
    makers = {
        WalkKind.APPROACH: _approach,
        WalkKind.STAND: _stand,
        WalkKind.TURN: _turn,
        WalkKind.LEAVE: _leave,
        WalkKind.BACK_ONLY: _back_only,
    }
    if kind is WalkKind.ACROSS:
        keys = _across(float(rng.uniform(2.6, 4.6)), _side(rng), rng)
    else:
        keys = makers[kind](rng)
    return (Walk(kind, start_s, keys),)


def _side(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _edge(z_m: float) -> float:
    """Just outside the picture at a distance, metres from its middle."""
    return 0.4545 * z_m + 0.25


def _timed(steps: list[tuple[float, float, float, float]]) -> tuple[Key, ...]:
    """Keys from (seconds since the last, x, z, yaw)."""
    time_s = 0.0
    keys = []
    for after_s, x_m, z_m, yaw_deg in steps:
        time_s += after_s
        keys.append(Key(time_s, x_m, z_m, yaw_deg))
    return tuple(keys)


def _across(z_m: float, side: float, rng: np.random.Generator) -> tuple[Key, ...]:
    edge = _edge(z_m)
    drift = float(rng.uniform(-0.3, 0.3))
    duration = 2 * edge / float(rng.uniform(0.8, 1.05))
    yaw = -side * float(rng.uniform(8, 22))
    far_m = z_m + drift
    return _timed([(0, side * edge, z_m, yaw), (duration, -side * _edge(far_m), far_m, yaw)])


def _approach(rng: np.random.Generator) -> tuple[Key, ...]:
    lane, side = float(rng.uniform(-1.1, 1.1)), _side(rng)
    speed = float(rng.uniform(1.5, 1.9))
    near = float(rng.uniform(1.5, 2.1))
    bend = near + 1.6
    target = side * 0.25
    yaw = float(rng.uniform(-8, 8))
    return _timed(
        [
            (0, lane, FAR_M, 0.0),
            ((FAR_M - bend) / speed, target * 0.5, bend, yaw),
            (0.9, target, near, yaw),
            (0.9, side * (_edge(near) + 0.1), near - 0.15, side * 20),
        ]
    )


def _stand(rng: np.random.Generator) -> tuple[Key, ...]:
    z_m, side = float(rng.uniform(2.2, 4.0)), _side(rng)
    stop = float(rng.uniform(-0.4, 0.4)) * z_m / 3
    way = (_edge(z_m) + abs(stop)) / 0.95
    yaw = -side * 15
    return _timed(
        [
            (0, side * _edge(z_m), z_m, yaw),
            (way, stop, z_m, 0),
            (float(rng.uniform(1.5, 3.0)), stop, z_m, float(rng.uniform(-10, 10))),
            (way, -side * _edge(z_m), z_m, yaw),
        ]
    )


def _turn(rng: np.random.Generator) -> tuple[Key, ...]:
    z_m, side = float(rng.uniform(2.0, 3.4)), _side(rng)
    way = _edge(z_m) / 0.95
    round_way = _side(rng) * 180
    return _timed(
        [
            (0, side * _edge(z_m), z_m, -side * 15),
            (way, 0, z_m, 0),
            (0.8, 0, z_m, 0),
            (0.3, 0, z_m, round_way),
            (0.35, 0, z_m, round_way),
            (0.3, 0, z_m, 0),
            (0.9, 0, z_m, 0),
            (way, -side * _edge(z_m), z_m, -side * 15),
        ]
    )


def _leave(rng: np.random.Generator) -> tuple[Key, ...]:
    z_m, side = float(rng.uniform(2.0, 3.0)), _side(rng)
    way = _edge(z_m) / 0.95
    round_way = _side(rng) * 180
    return _timed(
        [
            (0, side * _edge(z_m), z_m, -side * 15),
            (way, side * 0.1, z_m, 0),
            (0.9, side * 0.1, z_m, 0),
            (0.3, side * 0.1, z_m, round_way),
            (0.2, side * 0.1, z_m, round_way),
            *_walk_off(side * 0.1, z_m, side, turned=round_way),
        ]
    )


def _back_only(rng: np.random.Generator) -> tuple[Key, ...]:
    z_m, side = float(rng.uniform(1.8, 2.6)), _side(rng)
    return _timed(
        [
            (0, side * _edge(z_m), z_m, -side * 130),
            (0.9, side * 0.45, z_m + 0.5, -side * 165),
            *_walk_off(side * 0.45, z_m + 0.5, -side, turned=-side * 180),
        ]
    )


def _walk_off(
    x_m: float, z_m: float, side: float, *, turned: float
) -> list[tuple[float, float, float, float]]:
    """The rest of a walk with the back to the camera: away, and out of the picture at one side."""
    away_m = max(4.4, z_m + 1.4)
    edge = side * _edge(away_m)
    return [(math.hypot(edge - x_m, away_m - z_m) / 1.5, edge, away_m, turned)]

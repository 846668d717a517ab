"""One track: where a face is, how it moves, and how sure that is.

A constant-velocity Kalman filter in the picture's plane. Both axes share one covariance, for
they are measured and disturbed alike. All noise is in face heights, so that one set of figures
serves a face of 20 px and one of 200 px, and in seconds, so that it serves every frame rate.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from maskwatch.contracts import Face
from workers.verdict import Votes

MEASUREMENT_SD: Final = 0.12
"""Jitter of a detected face's centre, face heights."""

CUT_SD: Final = 0.4
"""The same for a face that the picture's edge cuts: its centre is that of the part in view."""

ACCELERATION_SD: Final = 4.0
"""How people change pace and direction, face heights per second squared."""

FIRST_SPEED_SD: Final = 5.0
"""Speed of a face seen once, face heights per second (walking across the view: about 6)."""

_SIZE_MEMORY: Final = 0.6
_STILL_SPEED: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The state of one track after its newest look.

    Attributes:
        number: Unique within the tracker.
        x: Centre at `seen_at_s`, pixels.
        y: As x, downwards.
        speed_x: Pixels a second.
        speed_y: Pixels a second.
        variance: Of the centre, square pixels, at `seen_at_s`.
        covariance: Of centre and speed.
        speed_variance: Of the speed.
        height: Smoothed face height, pixels.
        first_s: Time of the first look.
        seen_at_s: Time of the newest look.
        tallest: Height of the largest look, pixels.
        votes: All looks so far.
    """

    number: int
    x: float
    y: float
    speed_x: float
    speed_y: float
    variance: float
    covariance: float
    speed_variance: float
    height: float
    first_s: float
    seen_at_s: float
    tallest: float
    votes: Votes

    @classmethod
    def begin(cls, number: int, face: Face, *, time_s: float, sd: float) -> "Track":
        """A track with its first look; `sd` is one of `MEASUREMENT_SD` and `CUT_SD`."""
        x, y = face.box.center
        height = face_size(face)
        return cls(
            number=number,
            x=x,
            y=y,
            speed_x=0.0,
            speed_y=0.0,
            variance=(sd * height) ** 2,
            covariance=0.0,
            speed_variance=(FIRST_SPEED_SD * height) ** 2,
            height=height,
            first_s=time_s,
            seen_at_s=time_s,
            tallest=face.box.height,
            votes=Votes().with_look(face),
        )

    @property
    def is_still(self) -> bool:
        """The face hardly moves."""
        known = self.votes.looks > 1
        return known and math.hypot(self.speed_x, self.speed_y) < _STILL_SPEED * self.height

    def position_at(self, time_s: float) -> tuple[float, float]:
        """Where the centre is expected."""
        elapsed = time_s - self.seen_at_s
        return self.x + self.speed_x * elapsed, self.y + self.speed_y * elapsed

    def spread_at(self, time_s: float, *, sd: float) -> float:
        """Variance of the distance between the expected and a measured centre, for one axis."""
        elapsed = time_s - self.seen_at_s
        return self._predicted(elapsed)[0] + (sd * self.height) ** 2

    def with_look(self, face: Face, *, time_s: float, sd: float) -> "Track":
        """The track after one more look; `sd` as in `begin`."""
        elapsed = max(time_s - self.seen_at_s, 1e-3)
        variance, covariance, speed_variance = self._predicted(elapsed)
        expected_x, expected_y = self.position_at(time_s)
        measured = variance + (sd * self.height) ** 2
        gain, speed_gain = variance / measured, covariance / measured
        off_x, off_y = face.box.center[0] - expected_x, face.box.center[1] - expected_y
        size = face_size(face)
        return replace(
            self,
            x=expected_x + gain * off_x,
            y=expected_y + gain * off_y,
            speed_x=self.speed_x + speed_gain * off_x,
            speed_y=self.speed_y + speed_gain * off_y,
            variance=(1 - gain) * variance,
            covariance=(1 - gain) * covariance,
            speed_variance=speed_variance - speed_gain * covariance,
            height=_SIZE_MEMORY * self.height + (1 - _SIZE_MEMORY) * size,
            seen_at_s=time_s,
            tallest=max(self.tallest, face.box.height),
            votes=self.votes.with_look(face),
        )

    def scaled(self, factor_x: float, factor_y: float) -> "Track":
        """The same track in a picture resized by these factors."""
        factor = math.sqrt(factor_x * factor_y)
        return replace(
            self,
            x=self.x * factor_x,
            y=self.y * factor_y,
            speed_x=self.speed_x * factor_x,
            speed_y=self.speed_y * factor_y,
            variance=self.variance * factor**2,
            covariance=self.covariance * factor**2,
            speed_variance=self.speed_variance * factor**2,
            height=self.height * factor,
        )

    def _predicted(self, elapsed: float) -> tuple[float, float, float]:
        noise = (ACCELERATION_SD * self.height) ** 2
        variance = (
            self.variance
            + 2 * elapsed * self.covariance
            + elapsed**2 * self.speed_variance
            + noise * elapsed**4 / 4
        )
        covariance = self.covariance + elapsed * self.speed_variance + noise * elapsed**3 / 2
        return variance, covariance, self.speed_variance + noise * elapsed**2

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `from_json`; every float comes back to the last digit."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "votes": self.votes.as_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Track":
        """The track that `as_json` wrote."""
        return cls(**{**values, "votes": Votes.from_json(values["votes"])})


def face_size(face: Face) -> float:
    """Side of a square with the face's area, pixels; steadier than its height alone."""
    return math.sqrt(max(face.box.area, 1.0))

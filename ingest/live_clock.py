"""The time by which a live source's pictures are thinned."""

from typing import Final

WINDOW_S: Final = 5.0
"""Seconds of arrival over which a source's own time is judged, longer than usual bursts."""

SLOWEST: Final = 0.7
FASTEST: Final = 1.4
"""Seconds of the source's time in a second: outside of this its clock does not keep time."""


class LiveClock:
    """Goes by the source's own time while that keeps pace with the clock, else by arrival.

    Pictures that a camera or the network holds back and delivers in one burst are as far apart in
    the source's time as they were taken; by arrival they would all be one. But a source may state
    times that run at another speed. Two windows in a row on the same side show it: one alone
    may be a stall, or what a stall has held back.
    """

    def __init__(self) -> None:
        self._time_s = 0.0
        self._last: tuple[float, float] | None = None
        self._window_from = (0.0, 0.0)
        self._lean = 0
        self._keeps_time = True

    def time_of(self, media_time_s: float, arrived_at_s: float) -> float:
        """Return seconds from the first picture that never fall, for the next picture.

        Args:
            media_time_s: As the source states it.
            arrived_at_s: Monotonic clock at arrival.
        """
        if self._last is None:
            self._last = self._window_from = (media_time_s, arrived_at_s)
        own_step_s, waited_s = media_time_s - self._last[0], arrived_at_s - self._last[1]
        self._last = (media_time_s, arrived_at_s)
        self._time_s += max(0.0, own_step_s if self._keeps_time else waited_s)
        span_s = arrived_at_s - self._window_from[1]
        if span_s >= WINDOW_S:
            self._judge((media_time_s - self._window_from[0]) / span_s)
            self._window_from = self._last
        return self._time_s

    def _judge(self, speed: float) -> None:
        lean = (speed > FASTEST) - (speed < SLOWEST)
        self._keeps_time = lean == 0 or lean != self._lean
        self._lean = lean

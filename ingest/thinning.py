"""Thinning a source's pictures to the rate that is analysed, before anything is converted."""


class Thinner:
    """Keeps so many pictures a second that the average rate is exact.

    Due times lie on a fixed grid of 1/fps, so 5.0 of 25 is 5.0 and not 4.2, and 5 of 12.5 is 5.0
    as well. A picture is kept when it is nearer to the due time than half the source's interval, so
    that a source whose own rate is the analysed one loses nothing to its jitter. The rule looks
    at the given times alone: the same times keep the same pictures.
    """

    def __init__(self, fps: float, *, source_fps: float = 0.0) -> None:
        self._period_s = 1.0 / fps
        self._slack_s = self._slack(source_fps)
        self._due_s: float | None = None

    def is_due(self, time_s: float) -> bool:
        """Say whether the picture of this time (seconds, rising) is kept."""
        if self._due_s is None or time_s < self._due_s - 2 * self._period_s:
            # The first one, or a clock that jumped back.
            self._due_s = time_s
        if time_s < self._due_s - self._slack_s:
            return False
        self._due_s += self._period_s
        if self._due_s < time_s - self._slack_s:
            # After a gap: no burst to make up for it. Stay on the grid.
            missed = (time_s - self._slack_s - self._due_s) // self._period_s + 1
            self._due_s += missed * self._period_s
        return True

    def _slack(self, source_fps: float) -> float:
        if 0 < source_fps <= 120:
            return min(0.5 / source_fps, 0.5 * self._period_s)
        return 0.1 * self._period_s

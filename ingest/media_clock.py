"""The time of each picture within its source, rising whatever the stamps say."""

from typing import Final

LONGEST_GAP_S: Final = 3600.0
"""A jump further than this is a broken stamp, not a pause; but not in a file that is longer."""

_SHORTEST_STEP_S: Final = 0.0005
"""Less is a stamp that repeats: sums of fractions differ in their last digits."""


class MediaClock:
    """Turns stamps into seconds from the first picture that always rise.

    Cameras' stamps may be missing, repeat, run backwards or leap by hours; joined files begin
    again. Then the picture counts as one step after the one before it: of a live source as long as
    it was waited for, else by the stated rate.

    Args:
        fps: Stated rate, pictures a second; 0 when unknown.
        longest_gap_s: A jump further than this is a broken stamp.
    """

    def __init__(self, fps: float, *, longest_gap_s: float = LONGEST_GAP_S) -> None:
        self._longest_gap_s = longest_gap_s
        self._step_s = 1.0 / fps if fps > 0 else 0.04
        self._offset_s: float | None = None
        self._last_s: float | None = None

    @property
    def last_s(self) -> float:
        """Time of the newest picture; 0 before the first."""
        return self._last_s or 0.0

    def time_of(self, stamp_s: float | None, *, waited_s: float | None = None) -> float:
        """Return the time of the next picture.

        Args:
            stamp_s: Its stamp, seconds; None where it has none.
            waited_s: Of a live source, seconds since the picture before it arrived.
        """
        time_s = None
        if stamp_s is not None and self._offset_s is not None:
            time_s = stamp_s - self._offset_s
        if self._last_s is None:
            time_s = 0.0
        elif time_s is None or not _SHORTEST_STEP_S < time_s - self._last_s < self._longest_gap_s:
            step_s = self._step_s if waited_s is None else max(waited_s, _SHORTEST_STEP_S)
            time_s = self._last_s + step_s
        if stamp_s is not None:
            self._offset_s = stamp_s - time_s
        self._last_s = time_s
        return time_s

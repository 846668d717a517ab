"""From the first damage of a stream until its next key frame, pictures are not to be trusted."""

from typing import Final

DAMAGE_LASTS_S: Final = 10.0
"""Streams without key frames heal slowly; after this long a damage counts as healed."""


class DamageWatch:
    """Remembers that pictures build on a damaged one.

    FFmpeg marks the damaged picture alone (or fails to decode it); those after it come unmarked,
    though they show the same smear. Times are seconds on any one clock.
    """

    def __init__(self) -> None:
        self._since_s: float | None = None

    def damaged(self, now_s: float) -> None:
        """Data was lost or could not be decoded."""
        self._since_s = now_s

    def is_damaged(self, now_s: float, *, is_key: bool, is_corrupt: bool) -> bool:
        """Say whether the next picture is damaged."""
        if is_corrupt:
            self._since_s = now_s
        elif is_key or (self._since_s is not None and now_s - self._since_s > DAMAGE_LASTS_S):
            self._since_s = None
        return self._since_s is not None

"""Pictures a second over the last seconds, from running totals."""

from collections import deque


class Rates:
    """Remembers totals of the last seconds, one entry for each tick."""

    def __init__(self, *, entries: int = 6) -> None:
        self._totals: deque[tuple[float, int, int]] = deque(maxlen=entries)

    def add(self, now_s: float, captured_total: int, offered_total: int) -> tuple[float, float]:
        """Remember the totals of this moment and return captured and offered pictures a second."""
        self._totals.append((now_s, captured_total, offered_total))
        began_s, captured, offered = self._totals[0]
        span_s = now_s - began_s
        if span_s <= 0:
            return 0.0, 0.0
        return (captured_total - captured) / span_s, (offered_total - offered) / span_s

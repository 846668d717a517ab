"""How much of a camera's time was really watched, and what kept the rest from being it.

Each second that ingest reports is worth the share of its due pictures that were analysed; the
rest is booked under what became of the others: dropped, failed, dark, frozen and so on. A second in
which no picture was due waits for the next one that was, as a camera has it that is looked at
every few seconds only.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from maskwatch.contracts import CameraState, Watch
from maskwatch.storage.facts import DROPPED, FAILED, Facts
from maskwatch.storage.utc import from_unix, minute_of

UNANALYSED: Final = "unanalysed"
"""Reason of time in which a camera was live and never had a picture that was due."""

_ANALYSED: Final = "analysed"
_LONGEST_STRETCH_S: Final = 60.0
_ONE_MINUTE: Final = timedelta(minutes=1)

Minutes = dict[datetime, Facts]


class Coverage:
    """Weighs one camera's ticks by the outcomes of the pictures before them.

    Ticks and outcomes come in the order of `EpochOrder`: a tick behind all pictures that were
    offered before it. The same order gives the same figures, also from a `state` in between.

    Args:
        state: As `state()` gave it; None for a new epoch.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        self._outcomes: Counter[str] = Counter(state.get("outcomes", {}))
        self._last: Counter[str] = Counter(state.get("last", {}))
        self._undecided: defaultdict[datetime, int] = defaultdict(int)
        for minute, milliseconds in state.get("undecided", {}).items():
            self._undecided[datetime.fromisoformat(minute)] = milliseconds

    @property
    def is_undecided(self) -> bool:
        """Some time still waits for a picture."""
        return bool(self._undecided)

    def analysed(self) -> None:
        """A picture was analysed."""
        self._outcomes[_ANALYSED] += 1

    def failed(self) -> None:
        """A picture could not be analysed."""
        self._outcomes[FAILED] += 1

    def dropped(self, count: int) -> None:
        """So many pictures were offered and have no result."""
        self._outcomes[DROPPED] += count

    def tick(self, watch: Watch) -> Minutes:
        """Take the next tick; gives what is known by now, as minutes to add to."""
        self._outcomes.update(watch.rejected)
        if watch.state is not CameraState.LIVE:
            return self._tick_without_pictures(watch)
        for minute, milliseconds in _by_minute(watch):
            self._undecided[minute] += milliseconds
        return self.settle() if self._outcomes or watch.is_last else {}

    def settle(self) -> Minutes:
        """Wait no longer: time without a due picture is as what was due last."""
        self._last = self._outcomes or self._last
        outcomes = self._last or Counter({UNANALYSED: 1})
        minutes = {
            minute: _divided(milliseconds, outcomes)
            for minute, milliseconds in self._undecided.items()
        }
        self._outcomes = Counter()
        self._undecided.clear()
        return minutes

    def state(self) -> dict[str, Any]:
        """What `Coverage` goes on from, as JSON has it."""
        return {
            "outcomes": dict(self._outcomes),
            "last": dict(self._last),
            "undecided": {minute.isoformat(): each for minute, each in self._undecided.items()},
        }

    def _tick_without_pictures(self, watch: Watch) -> Minutes:
        minutes = self.settle()
        if watch.state not in (CameraState.OFFLINE, CameraState.CONNECTING):
            return minutes
        reason = watch.reason or watch.state.value
        for minute, milliseconds in _by_minute(watch):
            minutes.setdefault(minute, Facts()).offline_ms[reason] += milliseconds
        return minutes


def _divided(milliseconds: int, outcomes: Counter[str]) -> Facts:
    """Share a time out by numbers of pictures; the parts add up to it exactly."""
    names = sorted(outcomes)
    seen, total = 0, outcomes.total()
    ends = [0]
    for name in names:
        seen += outcomes[name]
        ends.append(round(milliseconds * seen / total))
    parts = Counter(
        {name: end - start for name, (start, end) in zip(names, pairwise(ends), strict=True)}
    )
    watched_ms = parts.pop(_ANALYSED, 0)
    return Facts(watched_ms=watched_ms, offline_ms=+parts)


def _by_minute(watch: Watch) -> list[tuple[datetime, int]]:
    """A stretch cut at the minutes: start of the minute and milliseconds in it.

    Both ends are rounded to the millisecond first, so that neighbouring stretches add up exactly.
    """
    until = from_unix(round(watch.until_unix_s, 3))
    # A clock that was set forward is no time that was watched.
    start = max(
        from_unix(round(watch.from_unix_s, 3)), until - timedelta(seconds=_LONGEST_STRETCH_S)
    )
    pieces = []
    while start < until:
        minute = minute_of(start)
        end = min(until, minute + _ONE_MINUTE)
        pieces.append((minute, round((end - start) / timedelta(milliseconds=1))))
        start = end
    return pieces

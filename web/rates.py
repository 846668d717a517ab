"""Rates over the last seconds, of what Redis only has as results and totals."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from maskwatch.bus import ResultLog
from maskwatch.contracts import Analysis, CameraStatus

WINDOW_S: Final = 5.0
"""A rate is the number of the last so many seconds."""


class _Window:
    """What came when, over the last seconds."""

    def __init__(self, now: float) -> None:
        self._marks: list[tuple[float, int]] = [(now, 0)]

    def add(self, now: float, number: int) -> None:
        """So many since the last time."""
        self._marks.append((now, number))
        while len(self._marks) > 2 and now - self._marks[1][0] > WINDOW_S:
            self._marks.pop(0)

    def rate(self, now: float) -> float | None:
        """A second; None as long as there is not a second to tell it from."""
        seconds = now - self._marks[0][0]
        if seconds < 1.0:
            return None
        return round(sum(number for _, number in self._marks[1:]) / seconds, 1)


class AnalysedRates:
    """Counts the answers of the workers over the last seconds, by camera.

    Reads the results behind the position it has reached; asked rarely, it starts afresh from the
    newest entry, so that it never reads minutes of history for one number.
    """

    def __init__(self, results: ResultLog, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._results = results
        self._clock = clock
        self._positions: dict[str, str] = {}
        self._windows: dict[str, _Window] = {}
        self._asked_at = float("-inf")
        self._lock = threading.Lock()  # the hub and every request ask the same one

    def measure(self, names: list[str]) -> dict[str, float]:
        """Analysed pictures a second; cameras first asked about a moment ago are left out.

        Raises:
            BusError: Redis cannot be reached.
        """
        with self._lock:
            return self._measure(names, self._clock())

    def _measure(self, names: list[str], now: float) -> dict[str, float]:
        if now - self._asked_at > WINDOW_S:
            self._positions.clear()
            self._windows.clear()
        self._asked_at = now
        for name in names:
            if name not in self._positions:
                self._positions[name] = self._results.last_position(name)
                self._windows[name] = _Window(now)
        counted: dict[str, int] = defaultdict(int)
        positions = {name: self._positions[name] for name in names}
        for entry in self._results.read(positions, count=2000):
            self._positions[entry.camera] = entry.stream_id
            counted[entry.camera] += isinstance(entry.message, Analysis)
        for name in names:
            self._windows[name].add(now, counted[name])
        return _known({name: self._windows[name].rate(now) for name in names})


class DroppedRates:
    """Tells from the totals of ingest how many pictures it drops a second, by camera."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._totals: dict[str, tuple[str, int]] = {}
        self._asked_at = float("-inf")
        self._lock = threading.Lock()

    def measure(self, statuses: Iterable[CameraStatus]) -> dict[str, float]:
        """Dropped pictures a second; cameras first asked about a moment ago are left out."""
        with self._lock:
            return self._measure(list(statuses), self._clock())

    def _measure(self, statuses: list[CameraStatus], now: float) -> dict[str, float]:
        if now - self._asked_at > WINDOW_S:
            self._windows.clear()
        self._asked_at = now
        for status in statuses:
            epoch, total = self._totals.get(status.camera, ("", 0))
            if status.camera not in self._windows or status.epoch != epoch:
                # Totals begin anew with each life of the ingest process.
                self._windows[status.camera] = _Window(now)
            else:
                self._windows[status.camera].add(now, max(0, status.dropped_total - total))
            self._totals[status.camera] = (status.epoch, status.dropped_total)
        return _known({s.camera: self._windows[s.camera].rate(now) for s in statuses})


def _known(rates: dict[str, float | None]) -> dict[str, float]:
    return {name: rate for name, rate in rates.items() if rate is not None}

"""What each camera is doing at this moment: the data of a tile, of a camera page and of the API."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine

from maskwatch.bus import ResultLog, StatusBoard
from maskwatch.config import Settings
from maskwatch.contracts import Analysis, Camera, CameraStatus, Verdict
from maskwatch.errors import BusError
from maskwatch.storage.cameras import CameraStore
from maskwatch.storage.questions import counts_by_camera
from web.times import day_bounds, local_text, local_today, utc_text
from web.words import Condition, condition_of

logger = logging.getLogger(__name__)

WINDOW_S: Final = 5.0
"""The analysed rate is the number of answers in the last so many seconds."""

_NO_STATUS: Final = Condition(
    "unknown", "Not known", "Redis does not answer, so nothing is known about this camera now."
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All cameras at one moment.

    Attributes:
        cards: One for each camera of the database, by name; ready for JSON, without secrets.
        problem: Why nothing is known of the cameras' state; "" where all is well.
        is_demo: The simulated mall is running, and cards hold its truth.
    """

    cards: tuple[dict[str, Any], ...]
    problem: str
    is_demo: bool


@dataclass(frozen=True, slots=True)
class _Now:
    """What was read from Redis for all cameras at one moment."""

    statuses: Mapping[str, CameraStatus | None]
    rates: Mapping[str, float]
    truth: Mapping[str, Mapping[str, int]]
    problem: str = ""


class Overview:
    """Joins the database's cameras with their status, their rates and today's counts."""

    def __init__(
        self,
        *,
        settings: Settings,
        engine: Engine,
        cameras: CameraStore,
        board: StatusBoard,
        results: ResultLog,
        read_truth: Callable[[], dict[str, dict[str, int]]],
    ) -> None:
        self._zone = settings.zone
        self._engine = engine
        self._cameras = cameras
        self._board = board
        self._rates = AnalysedRates(results)
        self._read_truth = read_truth

    def names(self) -> list[str]:
        """Every camera of the database, by name."""
        return [camera.name for camera in self._cameras.list()]

    def snapshot(self, *, names: Iterable[str] | None = None) -> Snapshot:
        """The cards of some or all cameras. A Redis that is away is told, not raised.

        Raises:
            StorageError: The database cannot be asked.
        """
        wanted = None if names is None else set(names)
        cameras = [c for c in self._cameras.list() if wanted is None or c.name in wanted]
        now_unix_s = time.time()
        now = self._ask_redis([camera.name for camera in cameras])
        start, end = self._today(now_unix_s)
        counts = counts_by_camera(self._engine, start, end)
        cards = tuple(
            self._card(camera, now, counts.get(camera.name, {}), now_unix_s) for camera in cameras
        )
        return Snapshot(cards, now.problem, is_demo=bool(now.truth))

    def _today(self, now_unix_s: float) -> tuple[datetime, datetime]:
        now = datetime.fromtimestamp(now_unix_s, UTC)
        return day_bounds(local_today(self._zone, now=now), self._zone)

    def _ask_redis(self, names: list[str]) -> _Now:
        try:
            statuses = self._board.cameras(names)
            return _Now(statuses, self._rates.measure(names), self._read_truth())
        except BusError as error:
            return _Now({}, {}, {}, problem=str(error))

    def _card(
        self, camera: Camera, now: _Now, counts: Mapping[Verdict, int], now_unix_s: float
    ) -> dict[str, Any]:
        status = now.statuses.get(camera.name)
        condition = (
            _NO_STATUS if now.problem else condition_of(camera, status, now_unix_s=now_unix_s)
        )
        is_read = status is not None and condition.state in ("live", "stalled")
        return {
            "name": camera.name,
            "state": condition.state,
            "label": condition.label,
            "sentence": condition.sentence,
            "is_replay": camera.is_replay,
            "wanted_fps": camera.fps,
            "captured_fps": round(status.captured_fps, 1) if is_read and status else None,
            "analysed_fps": now.rates.get(camera.name) if is_read else None,
            "dropped_total": status.dropped_total if status else None,
            "rejected_total": sum(status.rejected_total.values()) if status else None,
            "reconnects": status.reconnects if status else None,
            "source": _source_text(status),
            **self._last_seen(status, now_unix_s),
            "counts": {verdict.value: counts.get(verdict, 0) for verdict in Verdict},
            "truth": now.truth.get(camera.name),
        }

    def _last_seen(self, status: CameraStatus | None, now_unix_s: float) -> dict[str, Any]:
        if status is None or status.last_frame_unix_s is None:
            return {"last_frame_utc": None, "last_frame_local": None, "age_s": None}
        moment = datetime.fromtimestamp(status.last_frame_unix_s, UTC)
        return {
            "last_frame_utc": utc_text(moment),
            "last_frame_local": local_text(moment, self._zone),
            "age_s": round(max(0.0, now_unix_s - status.last_frame_unix_s), 2),
        }


def _source_text(status: CameraStatus | None) -> str:
    if status is None or not status.width:
        return ""
    rate = f", {status.source_fps:g} pictures a second" if status.source_fps else ""
    codec = f" {status.codec.upper()}" if status.codec else ""
    return f"{status.width} x {status.height}{codec}{rate}"


class AnalysedRates:
    """Counts the answers of the workers over the last seconds, by camera.

    Reads the results behind the position it has reached; asked rarely, it starts afresh from the
    newest entry, so that it never reads minutes of history for one number.
    """

    def __init__(self, results: ResultLog, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._results = results
        self._clock = clock
        self._positions: dict[str, str] = {}
        self._marks: dict[str, list[tuple[float, int]]] = defaultdict(list)
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
            self._marks.clear()
        self._asked_at = now
        for name in names:
            if name not in self._positions:
                self._positions[name] = self._results.last_position(name)
                self._marks[name] = [(now, 0)]
        counted: dict[str, int] = defaultdict(int)
        positions = {name: self._positions[name] for name in names}
        for entry in self._results.read(positions, count=2000):
            self._positions[entry.camera] = entry.stream_id
            counted[entry.camera] += isinstance(entry.message, Analysis)
        return {name: rate for name in names if (rate := self._rate(name, now, counted[name]))
                is not None}  # fmt: skip

    def _rate(self, name: str, now: float, counted: int) -> float | None:
        marks = self._marks[name]
        if now > marks[-1][0]:
            marks.append((now, counted))
        while len(marks) > 2 and now - marks[1][0] > WINDOW_S:
            marks.pop(0)
        seconds = now - marks[0][0]
        if seconds < 1.0:
            return None
        return round(sum(number for _, number in marks[1:]) / seconds, 1)

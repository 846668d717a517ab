"""What each camera is doing at this moment: the data of a tile, of a camera page and of the API."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine

from maskwatch.bus import StatusBoard
from maskwatch.bus.vitals import Vitals
from maskwatch.config import Settings
from maskwatch.contracts import Camera, CameraStatus, Verdict
from maskwatch.errors import BusError
from maskwatch.storage.cameras import CameraStore
from maskwatch.storage.questions import counts_by_camera
from web.rates import AnalysedRates, DroppedRates
from web.times import day_bounds, local_text, local_today, utc_text
from web.words import Condition, condition_of

_READ: Final = frozenset({"live", "unanalysed", "uncounted", "stalled"})
"""States in which rates are known."""

_NO_STATUS: Final = Condition(
    "unknown", "Not known", "Redis does not answer, so nothing is known about this camera now."
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All cameras at one moment.

    Attributes:
        cards: One for each camera of the database, by name; ready for JSON, without secrets.
        problem: Why nothing is known of the cameras' state, or why their pictures are not analysed
            or not counted; "" where all is well.
        is_demo: The simulated mall is running, and cards hold its truth.
        is_redis_away: The state is not known; who needs more of Redis need not ask again.
    """

    cards: tuple[dict[str, Any], ...]
    problem: str
    is_demo: bool
    is_redis_away: bool


@dataclass(frozen=True, slots=True)
class _Now:
    """What was read from Redis for all cameras at one moment; `vitals` None where it is away."""

    statuses: Mapping[str, CameraStatus | None]
    analysed_fps: Mapping[str, float]
    dropped_fps: Mapping[str, float]
    truth: Mapping[str, Mapping[str, int]]
    vitals: Vitals | None
    problem: str


class Overview:
    """Joins the database's cameras with their status, their rates and today's counts."""

    def __init__(
        self,
        *,
        settings: Settings,
        engine: Engine,
        cameras: CameraStore,
        board: StatusBoard,
        analysed: AnalysedRates,
        read_truth: Callable[[], dict[str, dict[str, int]]],
        read_vitals: Callable[[Iterable[CameraStatus]], Vitals],
    ) -> None:
        self._zone = settings.zone
        self._engine = engine
        self._cameras = cameras
        self._board = board
        self._analysed = analysed
        self._dropped = DroppedRates()
        self._read_truth = read_truth
        self._read_vitals = read_vitals

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
        now = self._ask_redis(cameras)
        start, end = self._today(now_unix_s)
        counts = counts_by_camera(self._engine, start, end)
        cards = tuple(
            self._card(camera, now, counts.get(camera.name, {}), now_unix_s) for camera in cameras
        )
        return Snapshot(
            cards,
            now.problem,
            is_demo=bool(now.truth),
            is_redis_away=now.vitals is None,
        )

    def _today(self, now_unix_s: float) -> tuple[datetime, datetime]:
        now = datetime.fromtimestamp(now_unix_s, UTC)
        return day_bounds(local_today(self._zone, now=now), self._zone)

    def _ask_redis(self, cameras: list[Camera]) -> _Now:
        names = [camera.name for camera in cameras]
        try:
            statuses = self._board.cameras(names)
            known = [status for status in statuses.values() if status is not None]
            vitals = self._read_vitals(known)
            is_wanted = any(camera.enabled for camera in cameras)
            return _Now(
                statuses=statuses,
                analysed_fps=self._analysed.measure(names),
                dropped_fps=self._dropped.measure(known),
                truth=self._read_truth(),
                vitals=vitals,
                problem=vitals.problem if is_wanted else "",
            )
        except BusError as error:
            return _Now({}, {}, {}, {}, vitals=None, problem=str(error))

    def _card(
        self, camera: Camera, now: _Now, counts: Mapping[Verdict, int], now_unix_s: float
    ) -> dict[str, Any]:
        status = now.statuses.get(camera.name)
        condition = (
            _NO_STATUS
            if now.vitals is None
            else condition_of(camera, status, vitals=now.vitals, now_unix_s=now_unix_s)
        )
        is_read = status is not None and condition.state in _READ
        return {
            "name": camera.name,
            "state": condition.state,
            "label": condition.label,
            "sentence": condition.sentence,
            "is_replay": camera.is_replay,
            "wanted_fps": camera.fps,
            "captured_fps": round(status.captured_fps, 1) if is_read and status else None,
            "analysed_fps": now.analysed_fps.get(camera.name) if is_read else None,
            "dropped_fps": now.dropped_fps.get(camera.name) if is_read else None,
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

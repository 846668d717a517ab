"""Truth against count: what the films have shown so far, and what the system has written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import redis
from sqlalchemy import Engine

from maskwatch.bus import ResultLog
from maskwatch.commands.demo.mall import MallCamera
from maskwatch.contracts import CLASSES, Analysis, FrameHeader, Verdict
from maskwatch.simulator.truth import FilmTruth, add_totals, count_verdicts
from maskwatch.storage.facts import Facts, age_percentile
from maskwatch.storage.questions import counts_by_camera, total_facts

TRUTH_KEY: Final = "demo:truth"
"""Redis key of the passages since the site's midnight: JSON, camera to verdict to number."""

_TRUTH_KEPT_S: Final = 10


def _nothing() -> dict[str, int]:
    return dict.fromkeys(CLASSES, 0)


@dataclass(slots=True)
class _Played:
    """How far a camera's file has been played.

    `before` are the passages of earlier epochs: the camera's process was started again.
    """

    epoch: str = ""
    media_time_s: float = 0.0
    before: dict[str, int] = field(default_factory=_nothing)
    day: date | None = None
    midnight_s: float = 0.0
    """Media time at which `day` began; 0 where the epoch is younger."""
    before_today: dict[str, int] = field(default_factory=_nothing)


class TruthClock:
    """Follows the results to know how far each film has been played.

    Args:
        client: The connection.
        cameras: Of the mall.
        zone: Of the site, whose midnight begins a day's counts.
    """

    def __init__(
        self, client: redis.Redis, cameras: Sequence[MallCamera], *, zone: ZoneInfo
    ) -> None:
        self._redis = client
        self._cameras = {camera.name: camera for camera in cameras}
        self._zone = zone
        self._log = ResultLog(client)
        self._positions = dict.fromkeys(self._cameras, "")
        self._played = {name: _Played() for name in self._cameras}

    def update(self) -> dict[str, dict[str, int]]:
        """Read what is new and publish the truth of today, which pages set beside today's counts.

        Returns:
            Camera to verdict to number, of the whole run.
        """
        for entry in self._log.read(self._positions, count=500):
            self._positions[entry.camera] = entry.stream_id
            if isinstance(entry.message, Analysis):
                self._advance(entry.camera, entry.message.header)
        today = {name: self._today(name) for name in self._cameras}
        self._redis.set(TRUTH_KEY, msgspec.json.encode(today), ex=_TRUTH_KEPT_S)
        return {name: self._so_far(name) for name in self._cameras}

    def _advance(self, name: str, header: FrameHeader) -> None:
        played = self._played[name]
        if header.epoch != played.epoch:
            played.before, played.before_today = self._so_far(name), self._today(name)
            played.epoch, played.media_time_s, played.midnight_s = header.epoch, 0.0, 0.0
        day = datetime.fromtimestamp(header.captured_at_unix_s, self._zone).date()
        if played.day is None:
            played.day = day
        elif day > played.day:
            played.day, played.midnight_s = day, header.media_time_s
            played.before_today = _nothing()
        played.media_time_s = max(played.media_time_s, header.media_time_s)

    def _so_far(self, name: str) -> dict[str, int]:
        played = self._played[name]
        ended = self._cameras[name].truth.ended_by(played.media_time_s)
        return add_totals([played.before, ended])

    def _today(self, name: str) -> dict[str, int]:
        played = self._played[name]
        ended = _begun_and_ended(self._cameras[name].truth, played.midnight_s, played.media_time_s)
        return add_totals([played.before_today, ended])


def _begun_and_ended(truth: FilmTruth, from_s: float, to_s: float) -> dict[str, int]:
    """Passages within a stretch of a film shown again and again: a day counts what begins in it."""
    round_s = from_s - from_s % truth.duration_s
    begun_before = count_verdicts(
        [
            passage
            for passage in truth.passages
            if round_s + passage.start_s < from_s < round_s + passage.end_s <= to_s
        ]
    )
    until, before = truth.ended_by(to_s), truth.ended_by(from_s)
    return {name: until[name] - before[name] - begun_before[name] for name in CLASSES}


@dataclass(frozen=True, slots=True)
class CameraTally:
    """One camera's outcome.

    Attributes:
        name: Of the camera.
        truth: Passages shown, by verdict.
        counted: Passages written down, by verdict, `unreadable` among them.
        facts: What was watched.
    """

    name: str
    truth: dict[str, int]
    counted: dict[str, int]
    facts: Facts


def take_tally(
    engine: Engine, truth: Mapping[str, Mapping[str, int]], *, since: datetime
) -> list[CameraTally]:
    """What the database holds of each camera since a time, beside its truth."""
    until = datetime.now(UTC) + timedelta(minutes=2)
    counted = counts_by_camera(engine, since, until)
    nothing = dict.fromkeys(Verdict, 0)
    minute = since.replace(second=0, microsecond=0)
    return [
        CameraTally(
            name,
            dict(totals),
            {verdict.value: number for verdict, number in counted.get(name, nothing).items()},
            total_facts(engine, name, minute, until),
        )
        for name, totals in truth.items()
    ]


def as_json(tallies: Sequence[CameraTally]) -> dict[str, Any]:
    """The outcome as `demo --json` writes it."""
    everything = Facts()
    for tally in tallies:
        everything.add(tally.facts)
    counted = dict.fromkeys((*CLASSES, Verdict.UNREADABLE.value), 0)
    for tally in tallies:
        for name in counted:
            counted[name] += tally.counted[name]
    return {
        "truth": add_totals([tally.truth for tally in tallies]),
        "counted": counted,
        "cameras": [
            {"name": tally.name, "truth": tally.truth, "counted": tally.counted}
            | _facts_json(tally.facts, cameras=1)
            for tally in tallies
        ],
        **_facts_json(everything, cameras=len(tallies)),
    }


def _facts_json(facts: Facts, *, cameras: int) -> dict[str, Any]:
    watched_s = facts.watched_ms / 1000 / max(1, cameras)
    delivered_s = facts.delivered_ms / 1000 / max(1, cameras)
    return {
        "watched_s": round(watched_s, 1),
        "captured": facts.captured,
        "analysed": facts.analysed,
        "dropped": facts.dropped,
        "failed": facts.failed,
        "rejected": facts.rejected.total(),
        "fps_analysed": round(facts.analysed / cameras / delivered_s, 2) if delivered_s else 0.0,
        "frame_age_ms": {
            "p50": age_percentile(facts.frame_age_ms, 0.50),
            "p95": age_percentile(facts.frame_age_ms, 0.95),
        },
    }

"""Truth against count: what the films have shown so far, and what the system has written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import redis
from sqlalchemy import Engine

from maskwatch.bus import ResultLog
from maskwatch.commands.demo.mall import MallCamera
from maskwatch.contracts import CLASSES, Analysis, Verdict
from maskwatch.simulator.truth import add_totals
from maskwatch.storage.facts import Facts, age_percentile
from maskwatch.storage.questions import counts_by_camera, total_facts

TRUTH_KEY: Final = "demo:truth"
"""Redis key of the passages that have ended so far: JSON, camera to verdict to number."""

_TRUTH_KEPT_S: Final = 10


@dataclass(slots=True)
class _Played:
    """How far a camera's file has been played."""

    epoch: str = ""
    media_time_s: float = 0.0
    before: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    """Passages of earlier epochs: the camera's process was started again."""


class TruthClock:
    """Follows the results to know how far each film has been played."""

    def __init__(self, client: redis.Redis, cameras: Sequence[MallCamera]) -> None:
        self._redis = client
        self._cameras = {camera.name: camera for camera in cameras}
        self._log = ResultLog(client)
        self._positions = dict.fromkeys(self._cameras, "")
        self._played = {name: _Played() for name in self._cameras}

    def update(self) -> dict[str, dict[str, int]]:
        """Read what is new and publish the truth; gives camera to verdict to number."""
        for entry in self._log.read(self._positions, count=500):
            self._positions[entry.camera] = entry.stream_id
            if isinstance(entry.message, Analysis):
                header = entry.message.header
                self._advance(entry.camera, header.epoch, header.media_time_s)
        truth = {name: self._so_far(name) for name in self._cameras}
        self._redis.set(TRUTH_KEY, msgspec.json.encode(truth), ex=_TRUTH_KEPT_S)
        return truth

    def _advance(self, name: str, epoch: str, media_time_s: float) -> None:
        played = self._played[name]
        if epoch != played.epoch:
            played.before = self._so_far(name)
            played.epoch, played.media_time_s = epoch, 0.0
        played.media_time_s = max(played.media_time_s, media_time_s)

    def _so_far(self, name: str) -> dict[str, int]:
        played = self._played[name]
        ended = self._cameras[name].truth.ended_by(played.media_time_s)
        return add_totals([played.before, ended])


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

"""The newest word of the recorder about each camera, for pages, metrics and measurements."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import redis

from maskwatch.bus.connection import bus_errors

RECORDER_KEY: Final = "recorder"
"""Hash of camera to `RecorderStatus`."""

RECORDER_STALE_S: Final = 60.0
"""The recorder speaks each second; after so long without a word it is not to be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderStatus:
    """How far the recorder is with one camera.

    Attributes:
        camera: Name of the camera.
        epoch: The epoch that is being counted, or was last.
        last_sequence: Highest sequence counted or given up; -1 for none.
        last_tick: Highest tick counted; -1 for none.
        results_stream_id: Results up to this one are counted and committed.
        is_finished: The epoch has ended and all of it is counted.
        committed_at_unix_s: When that was committed.
        open_tracks: People in view, not yet counted.
        frame_age_p50_ms: Of the newest live pictures (about a minute); None without any.
        frame_age_p95_ms: As above.
        analysed_total: Analysed pictures that were counted, since the recorder was started.
    """

    camera: str
    epoch: str
    last_sequence: int
    last_tick: int
    results_stream_id: str
    is_finished: bool
    committed_at_unix_s: float
    open_tracks: int
    frame_age_p50_ms: float | None = None
    frame_age_p95_ms: float | None = None
    analysed_total: int = 0


class RecorderBoard:
    """Reads and writes it. Raises `BusError` where Redis fails."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def put(self, statuses: Iterable[RecorderStatus]) -> None:
        """Replace the words about these cameras."""
        fields: dict[Any, Any] = {status.camera: msgspec.json.encode(status) for status in statuses}
        if fields:
            with bus_errors(self._redis):
                self._redis.hset(RECORDER_KEY, mapping=fields)

    def all(self) -> dict[str, RecorderStatus]:
        """The newest word about each camera, by name."""
        with bus_errors(self._redis):
            fields: Any = self._redis.hgetall(RECORDER_KEY)
        found = {}
        for name, value in sorted(fields.items()):
            try:
                found[name.decode()] = msgspec.json.decode(value, type=RecorderStatus)
            except msgspec.DecodeError:
                # Of another version: the next one is a second away.
                continue
        return found

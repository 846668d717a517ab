"""The log of results: one stream for each camera, read in order by the recorder."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import redis

from maskwatch.bus.connection import bus_errors
from maskwatch.contracts import Analysis, Watch, results_key

logger = logging.getLogger(__name__)

START: Final = "0-0"
"""The position before the first entry of a stream."""

KEEP_S: Final = 600
"""How long results of live cameras stay: so long may the recorder be away and lose nothing."""

REPLAY_KEEP_ENTRIES: Final = 200_000
"""A replay runs faster than the clock, so its results are bounded by number instead of time."""

_TYPE, _MESSAGE = b"t", b"m"
_ANALYSIS, _WATCH = b"analysis", b"watch"


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the log.

    Attributes:
        camera: Whose log it is.
        stream_id: Position; pass it to `ResultLog.read` to go on behind it.
        message: What was published.
    """

    camera: str
    stream_id: str
    message: Analysis | Watch


class ResultLog:
    """Writes and reads `results:{camera}`. Raises `BusError` where Redis fails."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._encoder = msgspec.json.Encoder()
        self._analyses = msgspec.json.Decoder(Analysis)
        self._watches = msgspec.json.Decoder(Watch)

    def publish(self, message: Analysis | Watch) -> str:
        """Append a message and return its position."""
        return self.publish_all([message])[0]

    def publish_all(self, messages: list[Analysis | Watch]) -> list[str]:
        """Append messages in one round trip, in their order; all or none are written."""
        with bus_errors(self._redis), self._redis.pipeline(transaction=True) as pipe:
            self.add_to(pipe, messages)
            replies = pipe.execute()
        return [reply.decode() for reply in replies[::2]]

    def add_to(self, pipe: Any, messages: list[Analysis | Watch]) -> None:
        """Queue the commands that append the messages on an open pipeline: two for each."""
        for message in messages:
            kind, camera, is_replay = _describe(message)
            fields = {_TYPE: kind, _MESSAGE: self._encoder.encode(message)}
            bound: dict[str, Any] = (
                {"maxlen": REPLAY_KEEP_ENTRIES}
                if is_replay
                else {"minid": f"{int((time.time() - KEEP_S) * 1000)}-0"}
            )
            pipe.xadd(results_key(camera), fields, approximate=True, **bound)
            # A camera that was removed and is back again: its log must not expire under it.
            pipe.persist(results_key(camera))

    def read(
        self, positions: Mapping[str, str], *, count: int = 100, block_ms: int = 0
    ) -> list[Entry]:
        """Return what stands behind the positions, in order within each camera.

        Args:
            positions: Camera to the position of the last entry it has had; `START` for none.
            count: At most so many for each camera.
            block_ms: Wait so long for a first entry; 0 does not wait. Below 10 s.
        """
        if not positions:
            return []
        streams: dict[Any, Any] = {
            results_key(camera): position or START for camera, position in positions.items()
        }
        with bus_errors(self._redis):
            reply: Any = self._redis.xread(streams, count=count, block=block_ms or None)
        entries: list[Entry] = []
        for key, items in reply or ():
            camera = key.decode().split(":", 1)[1]
            for stream_id, fields in items:
                message = self._decode(camera, fields)
                if message is not None:
                    entries.append(Entry(camera, stream_id.decode(), message))
        return entries

    def last_position(self, camera: str) -> str:
        """Position of the newest entry, or `START`: read behind it to see only what is new."""
        with bus_errors(self._redis):
            newest: Any = self._redis.xrevrange(results_key(camera), count=1)
        return newest[0][0].decode() if newest else START

    def _decode(self, camera: str, fields: Mapping[bytes, bytes]) -> Analysis | Watch | None:
        decoder = self._analyses if fields.get(_TYPE) == _ANALYSIS else self._watches
        try:
            return decoder.decode(fields[_MESSAGE])
        except (KeyError, msgspec.DecodeError) as error:
            logger.warning("camera %s: a result that cannot be read is left out: %s", camera, error)
            return None


def _describe(message: Analysis | Watch) -> tuple[bytes, str, bool]:
    if isinstance(message, Analysis):
        return _ANALYSIS, message.header.camera, message.header.is_replay
    return _WATCH, message.camera, message.is_replay

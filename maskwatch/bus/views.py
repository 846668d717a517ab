"""Annotated pictures for those who watch: one for each camera, drawn only while asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import redis
from redis.exceptions import ResponseError

from maskwatch.bus.connection import bus_errors
from maskwatch.contracts import view_key, watched_key

START: Final = "0-0"
VIEW_EXPIRES_S: Final = 15
"""The last picture of a camera that nobody watches any more goes away by itself."""

_JPEG, _META = b"j", b"m"


@dataclass(frozen=True, slots=True)
class View:
    """One annotated picture.

    Attributes:
        camera: Whose picture.
        stream_id: Pass it to `Views.read` to get only a newer one.
        jpeg: The picture, boxes and labels drawn in.
        meta: captured_at_unix_s, analysed_at_unix_s, width, height (of the analysed picture, whose
            pixels the boxes count), sequence, faces: a list of box, label, score, probabilities.
    """

    camera: str
    stream_id: str
    jpeg: bytes = field(repr=False)
    meta: dict[str, Any]


class Views:
    """Asks for, writes and reads views. Raises `BusError` where Redis fails."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def watch(self, cameras: Iterable[str], *, ttl_s: int = 5) -> None:
        """Have the cameras' pictures drawn for so many seconds. Repeat it while watching."""
        with bus_errors(self._redis), self._redis.pipeline(transaction=False) as pipe:
            for camera in cameras:
                pipe.set(watched_key(camera), b"1", ex=ttl_s)
            pipe.execute()

    def watched(self, cameras: Iterable[str]) -> set[str]:
        """Return those of the cameras that somebody watches now."""
        wanted = list(cameras)
        if not wanted:
            return set()
        with bus_errors(self._redis):
            values: Any = self._redis.mget([watched_key(camera) for camera in wanted])
        return {name for name, value in zip(wanted, values, strict=True) if value is not None}

    def publish(
        self, camera: str, jpeg: bytes, meta: Mapping[str, Any], *, offered_at_unix_s: float
    ) -> bool:
        """Replace the camera's picture, unless the one that is there was taken later.

        Two workers may finish two pictures of one camera in the wrong order; the stream's own rule
        that identifiers grow keeps the older one out.

        Returns:
            Whether the picture is now the camera's view.
        """
        key = view_key(camera)
        fields: dict[Any, Any] = {_JPEG: jpeg, _META: msgspec.json.encode(meta)}
        with bus_errors(self._redis), self._redis.pipeline(transaction=False) as pipe:
            stream_id = f"{int(offered_at_unix_s * 1000)}-{meta.get('sequence', 0)}"
            pipe.xadd(key, fields, id=stream_id, maxlen=1, approximate=False)
            pipe.expire(key, VIEW_EXPIRES_S)
            added, _ = pipe.execute(raise_on_error=False)
            if isinstance(added, ResponseError) and "equal or smaller" in str(added):
                return False
            if isinstance(added, Exception):
                raise added
        return True

    def read(self, last_ids: Mapping[str, str], *, block_ms: int = 0) -> list[View]:
        """Return pictures newer than those named.

        Args:
            last_ids: Camera to the `stream_id` of the last picture it has had; "" or `START` for
                none: then the present one is returned.
            block_ms: Wait so long for a first picture; 0 does not wait. Below 10 s.
        """
        if not last_ids:
            return []
        streams: dict[Any, Any] = {
            view_key(camera): last_id or START for camera, last_id in last_ids.items()
        }
        with bus_errors(self._redis):
            reply: Any = self._redis.xread(streams, block=block_ms or None)
        return [
            View(
                key.decode().split(":", 1)[1],
                stream_id.decode(),
                fields[_JPEG],
                msgspec.json.decode(fields[_META]),
            )
            for key, items in reply or ()
            for stream_id, fields in items
        ]

"""The newest word of every camera and worker, and the set of cameras that are being read."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec
import redis

from maskwatch.bus.connection import bus_errors
from maskwatch.contracts import (
    CAMERAS_KEY,
    CameraStatus,
    WorkerStatus,
    status_key,
    worker_key,
)

_Status = TypeVar("_Status", CameraStatus, WorkerStatus)

WORKER_EXPIRES_S: Final = 5
"""A worker that has said nothing for so long is not there."""


class StatusBoard:
    """Reads and writes status. Raises `BusError` where Redis fails."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def put_camera(self, status: CameraStatus) -> None:
        """Replace the camera's status. It stays until the camera is removed (see its age)."""
        with bus_errors(self._redis):
            self._redis.set(status_key(status.camera), msgspec.json.encode(status))

    def cameras(self, names: Iterable[str]) -> dict[str, CameraStatus | None]:
        """Return the newest status of each camera; None where there is none."""
        wanted = list(names)
        if not wanted:
            return {}
        with bus_errors(self._redis):
            values: Any = self._redis.mget([status_key(name) for name in wanted])
        return {
            name: _decoded(value, CameraStatus) for name, value in zip(wanted, values, strict=True)
        }

    def put_worker(self, status: WorkerStatus) -> None:
        """Replace the worker's status; it expires by itself when not renewed."""
        with bus_errors(self._redis):
            self._redis.set(
                worker_key(status.name), msgspec.json.encode(status), ex=WORKER_EXPIRES_S
            )

    def clear_worker(self, name: str) -> None:
        """Take away the status of a worker that stops in order."""
        with bus_errors(self._redis):
            self._redis.delete(worker_key(name))

    def workers(self) -> list[WorkerStatus]:
        """Return every worker that has spoken in the last seconds, by name."""
        with bus_errors(self._redis):
            keys = sorted(self._redis.scan_iter(match=worker_key("*"), count=1000))
            values: Any = self._redis.mget(keys) if keys else []
        found = (_decoded(value, WorkerStatus) for value in values)
        return [status for status in found if status is not None]

    def active_cameras(self) -> list[str]:
        """Return the cameras that have a running ingest process, sorted."""
        with bus_errors(self._redis):
            members: Any = self._redis.smembers(CAMERAS_KEY)
        return sorted(member.decode() for member in members)

    def set_active(self, name: str) -> None:
        """Have workers and recorder read the camera.

        Repeat it now and then: a Redis that was restarted has forgotten.
        """
        with bus_errors(self._redis):
            self._redis.sadd(CAMERAS_KEY, name)

    def clear_active(self, name: str) -> None:
        """Have workers and recorder leave the camera alone."""
        with bus_errors(self._redis):
            self._redis.srem(CAMERAS_KEY, name)


def _decoded(value: bytes | None, kind: type[_Status]) -> _Status | None:
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.DecodeError:
        # Of another version: as good as not there, the next one is a second away.
        return None

"""What a camera's process sends, and to where."""

from typing import Protocol

import redis

from maskwatch.bus import FrameQueue, Offer, ResultLog, StatusBoard, server_id
from maskwatch.contracts import CameraStatus, FrameHeader, Watch


class CameraBus(Protocol):
    """Where a camera's pictures, ticks and status go. Every method may raise `BusError`."""

    def offer(self, header: FrameHeader, jpeg: bytes) -> Offer:
        """Put a picture on the camera's frame queue."""

    def publish(self, watch: Watch) -> None:
        """Put a tick on the camera's results stream."""

    def put_status(self, status: CameraStatus) -> None:
        """Replace the camera's status."""

    def server_id(self) -> str:
        """Return another text after Redis has restarted and forgotten everything."""


class RedisBus:
    """The bus on Redis.

    Args:
        client: Connection of the frames' database.
        limit: At most so many pictures of the camera wait for a worker.
    """

    def __init__(self, client: redis.Redis, *, limit: int) -> None:
        self._client = client
        self._limit = limit
        self._frames = FrameQueue(client)
        self._results = ResultLog(client)
        self._board = StatusBoard(client)

    def offer(self, header: FrameHeader, jpeg: bytes) -> Offer:
        """See `CameraBus.offer`."""
        return self._frames.offer(header, jpeg, limit=self._limit)

    def publish(self, watch: Watch) -> None:
        """See `CameraBus.publish`."""
        self._results.publish(watch)

    def put_status(self, status: CameraStatus) -> None:
        """See `CameraBus.put_status`."""
        self._board.put_camera(status)

    def server_id(self) -> str:
        """See `CameraBus.server_id`."""
        return server_id(self._client)

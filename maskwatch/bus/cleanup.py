"""What is left of a camera on Redis when it is removed."""

from typing import Final

import redis

from maskwatch.bus.connection import bus_errors
from maskwatch.contracts import (
    CAMERAS_KEY,
    frames_key,
    results_key,
    status_key,
    view_key,
    watched_key,
)

RESULTS_STAY_S: Final = 600
"""The recorder may still be reading the last results of a camera that has been removed."""


def delete_camera(client: redis.Redis, name: str) -> None:
    """Delete a removed camera's frames, view and status; its results go ten minutes later.

    Raises:
        BusError: Redis cannot be reached or refuses.
    """
    with bus_errors(client), client.pipeline(transaction=True) as pipe:
        pipe.srem(CAMERAS_KEY, name)
        pipe.delete(frames_key(name), view_key(name), watched_key(name), status_key(name))
        pipe.expire(results_key(name), RESULTS_STAY_S)
        pipe.execute()

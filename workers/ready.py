"""The beginning of a role that needs the database and Redis: it waits for both."""

import logging
import threading
from collections.abc import Callable, Generator

import redis
from sqlalchemy import Engine

from maskwatch.bus import wait_until_ready
from maskwatch.config import Settings
from maskwatch.storage import wait_for_database

logger = logging.getLogger(__name__)


def whenever_ready(
    settings: Settings, stop: threading.Event, *, connect: Callable[[Settings], redis.Redis]
) -> Generator[tuple[Engine, redis.Redis], None, None]:
    """Give database and Redis as soon as both are there, and again each time the caller is back.

    The caller works with them until one of them fails and then takes the next turn. Both are
    closed when `stop` is set or the iterator is closed (`contextlib.closing`).

    Args:
        settings: Where they are.
        stop: Ends the waiting, and with it the turns.
        connect: Makes the client: of the frames, or of the jobs.

    Raises:
        BusError: Waiting would not help: the address or the log-in is wrong.
        StorageError: As above, of the database.
    """
    engine = wait_for_database(settings, stop)
    if engine is None:
        return
    client = connect(settings)
    try:
        while wait_until_ready(settings, stop, on_wait=logger.warning, client=client):
            yield engine, client
    finally:
        client.close()
        engine.dispose()

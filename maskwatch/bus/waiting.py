"""Waiting for a Redis that is gone: said once, then tried again until it is back."""

import threading
from collections.abc import Callable
from typing import Final

import redis

from maskwatch.bus.connection import bus_errors, connect
from maskwatch.config import Settings
from maskwatch.errors import BusGoneError

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0


def wait_until_ready(
    settings: Settings,
    stop: threading.Event,
    *,
    on_wait: Callable[[str], None],
    client: redis.Redis | None = None,
) -> bool:
    """Return when Redis answers, or `stop` is set.

    Args:
        settings: Where Redis is.
        stop: Ends the wait.
        on_wait: Called once with one sentence if Redis does not answer at the first try.
        client: Tried instead of a new one; its broken connections are replaced on the way.

    Returns:
        True when Redis answers, False when `stop` came first.

    Raises:
        BusError: Waiting would not help: the address or the log-in is wrong.
    """
    if client is not None:
        return _wait(client, stop, on_wait)
    with connect(settings) as own:
        return _wait(own, stop, on_wait)


def _wait(client: redis.Redis, stop: threading.Event, on_wait: Callable[[str], None]) -> bool:
    wait_s, said = FIRST_WAIT_S, False
    while not stop.is_set():
        try:
            with bus_errors(client):
                client.ping()
        except BusGoneError as error:
            if not said:
                on_wait(f"{error}; waiting for it")
                said = True
            stop.wait(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            return True
    return False

"""A real Redis server for a test session; every test gets it empty."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest
import redis

from maskwatch.bus import EmbeddedRedis, connect, connection, socket_path
from maskwatch.config import RedisSettings, Settings


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's server, on a Unix socket."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("redis"))
    server = EmbeddedRedis(settings)
    server.start()
    yield f"unix://{socket_path(settings)}"
    server.stop()


@pytest.fixture
def redis_settings(redis_url: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings with a data folder of the test's own and an empty Redis."""
    settings = Settings(data_dir=tmp_path, redis=RedisSettings(url=redis_url))
    client = connect(settings)
    client.flushall()
    yield settings
    client.flushall()
    client.close()


@pytest.fixture
def redis_client(redis_settings: Settings) -> Iterator[redis.Redis]:
    """Client of the frames' database of the empty server."""
    client = connect(redis_settings)
    yield client
    client.close()


class Connect(Protocol):
    """Makes a client that is closed when the test ends."""

    def __call__(self, settings: Settings) -> redis.Redis: ...


@pytest.fixture
def connect_to() -> Iterator[Connect]:
    """`connect`, with every client closed at the end: an open socket would fail a later test."""
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(closing(connect(settings)))


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server that only this test uses and may kill; its settings have `data_dir=tmp_path`."""
    server = EmbeddedRedis(Settings(data_dir=tmp_path))
    server.start()
    yield server
    server.stop()


class SilentServer:
    """Takes connections, as the kernel does for a process that hangs, and never answers."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._listener.setblocking(False)

    def asked(self) -> int:
        """How many connections were made since the last time; each is one try."""
        number = 0
        while True:
            try:
                self._listener.accept()[0].close()
            except BlockingIOError:
                return number
            number += 1

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


@pytest.fixture
def silent_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentServer]:
    """In place of the embedded Redis of `data_dir=tmp_path`; who is prompt gives up at once."""
    monkeypatch.setattr(connection, "PROMPT_TIMEOUT_S", 0.05)
    server = SilentServer(socket_path(Settings(data_dir=tmp_path)))
    yield server
    server.close()

"""The recorder's process: what it needs may come late and go away."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from maskwatch.bus import EmbeddedRedis, ResultLog, StatusBoard, connect
from maskwatch.config import Settings
from maskwatch.errors import StorageError
from maskwatch.storage import last_position, migrate, open_database
from maskwatch.storage.questions import total_facts
from tests.integration.workers.one_camera import END, START, epoch
from tests.support.waiting import wait_for
from workers import recorder_main


@pytest.fixture
def running(sqlite_settings: Settings) -> Iterator[tuple[threading.Event, threading.Thread]]:
    stop = threading.Event()
    thread = threading.Thread(target=recorder_main.run, args=(sqlite_settings, stop))
    yield stop, thread
    stop.set()
    thread.join(10)


def test_redis_and_the_database_may_come_late_and_go_away(
    sqlite_settings: Settings, running: tuple[threading.Event, threading.Thread]
) -> None:
    stop, thread = running
    messages = epoch().messages()
    thread.start()
    server = EmbeddedRedis(sqlite_settings)
    engine = open_database(sqlite_settings)
    try:
        server.start()
        client = connect(sqlite_settings)
        StatusBoard(client).set_active("a")
        ResultLog(client).publish_all(messages[:120])
        wait_for(lambda: _last_tick(engine) >= 10, what="tick 10")

        # The server dies with all it knew; the replay sends again what is not committed.
        assert server.pid is not None
        server.stop()
        server.start()
        StatusBoard(client).set_active("a")
        ResultLog(client).publish_all(messages[50:])
        wait_for(lambda: _last_tick(engine) == 44, what="tick 44")
        client.close()
    finally:
        stop.set()
        thread.join(10)
        server.stop()
    assert not thread.is_alive()
    total = total_facts(engine, "a", START, END)
    assert (total.analysed, total.watched_ms) == (225, 45_000)
    engine.dispose()


def test_a_locked_database_is_waited_for(
    sqlite_settings: Settings,
    running: tuple[threading.Event, threading.Thread],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import sqlite3

    monkeypatch.setattr("maskwatch.storage.database.BUSY_TIMEOUT_MS", 50)
    engine = open_database(sqlite_settings)
    migrate(engine)
    server = EmbeddedRedis(sqlite_settings)
    server.start()
    client = connect(sqlite_settings)
    StatusBoard(client).set_active("a")
    ResultLog(client).publish_all(epoch().messages())
    other = sqlite3.connect(sqlite_settings.data_dir / "maskwatch.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    _, thread = running
    thread.start()
    try:
        wait_for(
            lambda: "is locked by another program; close it" in caplog.text, what="the warning"
        )
        assert last_position(engine, "a") is None
        other.execute("ROLLBACK")
        wait_for(lambda: _last_tick(engine) == 44, what="tick 44")
    finally:
        running[0].set()
        thread.join(10)
        client.close()
        server.stop()
        other.close()
    assert total_facts(engine, "a", START, END).analysed == 225
    engine.dispose()


def _last_tick(engine: Engine) -> int:
    try:
        position = last_position(engine, "a")
    except StorageError:
        return -1
    return position.last_tick if position else -1

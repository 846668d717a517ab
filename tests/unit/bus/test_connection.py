"""Addresses and error messages of the Redis clients; no server is needed."""

import traceback
from pathlib import Path

import pytest
import redis

from maskwatch.bus import connect, connect_jobs, socket_path
from maskwatch.bus.connection import MAX_SOCKET_PATH, TIMEOUT_S, bus_errors, explain
from maskwatch.config import RedisSettings, Settings
from maskwatch.errors import BusError, BusFullError, BusGoneError
from tests.support.redis_server import SilentServer


def _settings(url: str, *, jobs_url: str = "", data_dir: Path = Path("data")) -> Settings:
    return Settings(data_dir=data_dir, redis=RedisSettings(url=url, jobs_url=jobs_url))


@pytest.mark.parametrize(
    "url",
    [
        "http://:hunter2@redis:6379",
        "redis://:hunter2@redis:port",
        "redis://user:hunter2#x@redis:6379",
        "hunter2",
    ],
)
def test_a_wrong_address_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(BusError) as caught:
        connect(_settings(url)).ping()
    text = "".join(traceback.format_exception(caught.value))
    assert "redis.url is no address" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in text.replace(f'"{url}"', "").replace("test_connection", "")


def test_jobs_have_a_database_of_their_own() -> None:
    settings = _settings("redis://redis:6379")
    assert connect(settings).connection_pool.connection_kwargs["db"] == 0
    assert connect_jobs(settings).connection_pool.connection_kwargs["db"] == 1


def test_who_is_prompt_asks_a_server_that_hangs_once(
    tmp_path: Path, silent_redis: SilentServer
) -> None:
    settings = Settings(data_dir=tmp_path)
    with (
        connect(settings, is_prompt=True) as client,
        connect_jobs(settings, is_prompt=True) as jobs,
    ):
        for each in (client, jobs):
            with pytest.raises(BusGoneError, match="does not answer"), bus_errors(each):
                each.ping()
            assert silent_redis.asked() == 1
    assert connect(settings).connection_pool.connection_kwargs["socket_timeout"] == TIMEOUT_S


def test_jobs_may_have_a_server_of_their_own() -> None:
    client = connect_jobs(_settings("redis://one", jobs_url="redis://two:7000/3"))
    kwargs = client.connection_pool.connection_kwargs
    assert (kwargs["host"], kwargs["port"], kwargs["db"]) == ("two", 7000, 3)


def test_jobs_and_frames_in_one_database_are_refused() -> None:
    with pytest.raises(BusError, match=r"share one Redis database.*set redis\.jobs_url"):
        connect_jobs(_settings("redis://redis:6379/1"))


def test_the_embedded_socket_lies_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "d")
    assert socket_path(settings) == tmp_path / "d" / "redis.sock"
    kwargs = connect(settings).connection_pool.connection_kwargs
    assert kwargs["path"] == str(tmp_path / "d" / "redis.sock")


def test_a_long_data_folder_gets_a_short_socket_that_is_the_same_every_time(tmp_path: Path) -> None:
    long = Settings(data_dir=tmp_path / ("x" * 120))
    other = Settings(data_dir=tmp_path / ("y" * 120))
    assert len(str(socket_path(long))) <= MAX_SOCKET_PATH
    assert socket_path(long) == socket_path(long.with_changes())
    assert socket_path(long) != socket_path(other)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (redis.ConnectionError("Connection refused."), BusGoneError, "cannot be reached"),
        (redis.TimeoutError("Timeout reading from socket"), BusGoneError, "does not answer"),
        (redis.BusyLoadingError("loading"), BusGoneError, "cannot be reached"),
        (redis.exceptions.OutOfMemoryError("command not allowed"), BusFullError, "memory"),
        (redis.ResponseError("Error running script: -OOM command not allowed when …"),
         BusFullError, "redis.maxmemory_mb"),
        (redis.AuthenticationError("WRONGPASS invalid username-password pair"),
         BusError, "refuses the log-in"),
        (redis.ResponseError("NOAUTH Authentication required."), BusError, "refuses the log-in"),
        (redis.ResponseError("unknown command `XAUTOCLAIM`"), BusError, "too old"),
    ],
)  # fmt: skip
def test_every_failure_is_told_in_its_own_words(
    error: redis.RedisError, kind: type[BusError], says: str
) -> None:
    told = explain(error, connect(_settings("redis://user:hunter2@redis:6380/2")))
    assert type(told) is kind
    assert says in str(told)
    assert "redis:6380, database 2" in str(told)
    assert "hunter2" not in str(told)

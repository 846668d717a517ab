"""Clients for the two Redis databases: frames and jobs.

Connecting is lazy: a client is made from the configuration alone, and the first command meets
the server. So a role starts, says that Redis is not there, and waits (`bus.waiting`).
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import ConstantBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from maskwatch.config import Settings
from maskwatch.errors import BusError, BusFullError, BusGoneError

FRAMES_DATABASE: Final = 0
JOBS_DATABASE: Final = 1
TIMEOUT_S: Final = 10.0
"""A server that does not answer for so long is taken for gone. Blocking reads stay well below."""

PROMPT_TIMEOUT_S: Final = 2.0
"""The same where somebody waits: a reader of a page, a probe, or who runs `maskwatch doctor`."""

MAX_SOCKET_PATH: Final = 100
"""The kernel takes 107 bytes for a Unix socket's path; a little is left for temporary names."""

_REFUSALS: Final = (
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "invalid username-password",
    "invalid password",
)
# No log-in in it: the log would mask what is meant to be read.
_FORM: Final = (
    "redis://host[:port][/database], rediss://… or unix:///path, and user:password@ before the "
    "host where the server wants them"
)


def connect(settings: Settings, *, is_prompt: bool = False) -> redis.Redis:
    """Return a client for frames, results, status and views. Does not connect yet.

    Args:
        settings: Where Redis is.
        is_prompt: Give up after `PROMPT_TIMEOUT_S`, and do not ask a silent server twice.

    Raises:
        BusError: `redis.url` is no address of a Redis server.
    """
    url = settings.redis.url.get_secret_value()
    return _client(settings, url, key="redis.url", database=FRAMES_DATABASE, is_prompt=is_prompt)


def connect_jobs(settings: Settings, *, is_prompt: bool = False) -> redis.Redis:
    """Return a client for RQ: `redis.jobs_url`, else database 1 of the server of the frames.

    Args:
        settings: Where Redis is.
        is_prompt: As of `connect`.

    Raises:
        BusError: The address is unusable, or jobs would share a database with the frames.
    """
    frames = connect(settings)
    if jobs_url := settings.redis.jobs_url.get_secret_value():
        client = _client(
            settings,
            jobs_url,
            key="redis.jobs_url",
            database=JOBS_DATABASE,
            is_prompt=is_prompt,
        )
    else:
        client = connect(settings, is_prompt=is_prompt)
        client.connection_pool.connection_kwargs["db"] = JOBS_DATABASE
    if _place(client) == _place(frames):
        raise BusError(
            f"jobs and frames would share one Redis database ({address(frames)}): "
            "set redis.jobs_url to another database or server"
        )
    return client


def socket_path(settings: Settings) -> Path:
    """Where the embedded server listens: `{data_dir}/redis.sock`, or a short path if that is long.

    The short path lies in a folder of the system's temporary directory that only this user may
    enter, under a name made from the data folder's, so that every process finds the same one.
    """
    wanted = settings.data_dir.absolute() / "redis.sock"
    if len(os.fsencode(wanted)) <= MAX_SOCKET_PATH:
        return wanted
    digest = hashlib.sha256(os.fsencode(settings.data_dir.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"maskwatch-{os.getuid()}" / f"{digest}.sock"


def address(client: redis.Redis) -> str:
    """Where the client connects to, for messages: never with user or password."""
    kwargs = client.connection_pool.connection_kwargs
    if path := kwargs.get("path"):
        return f"{path}, database {kwargs.get('db', 0)}"
    host, port = kwargs.get("host", "localhost"), kwargs.get("port", 6379)
    return f"{host}:{port}, database {kwargs.get('db', 0)}"


def server_id(client: redis.Redis) -> str:
    """Return the server's run id; another one than before means that it has restarted, empty.

    Raises:
        BusError: Redis cannot be reached or refuses.
    """
    with bus_errors(client):
        information: dict[str, Any] = client.info("server")
    return str(information["run_id"])


@contextmanager
def bus_errors(client: redis.Redis) -> Iterator[None]:
    """Turn what the client raises into a `BusError` of one line without secrets.

    Raises:
        BusGoneError: The server cannot be reached at this moment.
        BusFullError: Its memory is used up.
        BusError: It refuses the log-in or the command.
    """
    try:
        yield
    except RedisError as error:
        raise explain(error, client) from error


def explain(error: RedisError, client: redis.Redis) -> BusError:
    """Say in one line what is wrong and what to do."""
    where, text = f"Redis at {address(client)}", str(error).splitlines()[0] if str(error) else ""
    if _is_refusal(error, text):
        return BusError(
            f"{where} refuses the log-in: set the user and password in redis.url "
            "(percent-encode special characters), or give that user the rights it needs"
        )
    if isinstance(error, OutOfMemoryError) or "OOM command not allowed" in text:
        return BusFullError(
            f"{where} has used up its memory: raise redis.maxmemory_mb (or the server's own "
            "maxmemory), or lower the number of cameras or ingest.queue_frames"
        )
    if isinstance(error, redis.TimeoutError):
        return BusGoneError(
            f"{where} does not answer ({text or type(error).__name__}): "
            "restart it, or correct redis.url"
        )
    if isinstance(error, redis.ConnectionError | ReadOnlyError):
        return BusGoneError(
            f"{where} cannot be reached ({text or type(error).__name__}): "
            "start it, or correct redis.url"
        )
    if isinstance(error, ResponseError) and "unknown command" in text.lower():
        return BusError(f"{where} is too old ({text}): version 6.2 or later is needed")
    return BusError(f"{where} refuses: {text or type(error).__name__}")


def _is_refusal(error: RedisError, text: str) -> bool:
    kinds = (
        AuthenticationError,
        AuthenticationWrongNumberOfArgsError,
        AuthorizationError,
        NoPermissionError,
    )
    return isinstance(error, kinds) or any(word in text for word in _REFUSALS)


def _client(
    settings: Settings, url: str, *, key: str, database: int, is_prompt: bool
) -> redis.Redis:
    timeout_s = PROMPT_TIMEOUT_S if is_prompt else TIMEOUT_S
    # Where somebody waits, a broken connection is replaced too, which takes no time; silence is not
    # waited for again.
    retried = {"supported_errors": (redis.ConnectionError,)} if is_prompt else {}
    options: dict[str, Any] = {
        "db": database,
        "decode_responses": False,
        "protocol": 2,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "health_check_interval": 30,
        # One immediate second try replaces a connection that a restart of the server has broken;
        # whoever needs to wait longer does so itself, and says so.
        "retry": Retry(ConstantBackoff(0.05), 1, **retried),
    }
    if not url:
        # The path may hold '?' or '%', which an address would have to encode.
        return redis.Redis(
            connection_pool=redis.ConnectionPool(
                connection_class=redis.UnixDomainSocketConnection,
                path=str(socket_path(settings)),
                **options,
            )
        )
    try:
        return redis.Redis.from_url(url, **options)
    except ValueError:
        # Not chained: the cause quotes pieces of the address, and so perhaps of the password.
        raise BusError(
            f"{key} is no address of a Redis server: use {_FORM}, with special characters "
            "of user and password percent-encoded"
        ) from None


def _place(client: redis.Redis) -> tuple[object, ...]:
    kwargs = client.connection_pool.connection_kwargs
    return kwargs.get("path"), kwargs.get("host"), kwargs.get("port"), kwargs.get("db", 0)

"""The connection: SQLite tuned for one writer and many readers, or PostgreSQL; plain errors."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from maskwatch.config import Settings
from maskwatch.errors import StorageError
from maskwatch.storage.filesystem import network_filesystem_of

log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5000
_WRITES = "maskwatch_writes"


def open_database(settings: Settings) -> Engine:
    """An engine for the configured database; PostgreSQL is not yet contacted.

    Raises:
        StorageError: The URL is unusable, its driver is missing, or the SQLite file lies on a
            network file system or in a folder that cannot be made.
    """
    url = _parse(settings.database_url)
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(url)
    if backend == "postgresql":
        return _open_postgres(url)
    raise StorageError(
        f"storage.url: databases of kind {backend!r} are not supported; "
        "use postgresql://… or leave it empty for SQLite"
    )


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StorageError(
            "storage.url is no database address; write postgresql://user:password@host/name "
            "or leave it empty for SQLite"
        ) from error
    # Behind such a password the rest of it would be taken for the host, and shown as one.
    if url.get_backend_name() != "sqlite" and "@" in f"{url.host}{url.database}":
        raise StorageError(
            "storage.url: there is an '@' behind the host; where the password holds @ : / ? or #, "
            "write %40 %3A %2F %3F or %23 for it"
        )
    return url


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StorageError("storage.url: SQLite needs a file, several processes share it")
    path = Path(url.database).absolute()
    if kind := network_filesystem_of(path):
        raise StorageError(
            f"database {str(path)!r} lies on a network file system ({kind}), where SQLite loses "
            "data; set data_dir to a local disk or storage.url to a PostgreSQL server"
        )
    _make_file(path)
    engine = create_engine(
        url.set(database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _tune_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_file(path: Path) -> None:
    """Make the file, readable for its owner only: camera passwords are in it.

    A file that is there is not touched. Opening and closing it would drop the locks that SQLite
    holds on it for this whole process (POSIX locks work so), and another process would take the
    write-ahead log away from under the connections here.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # Another process was quicker; or the folder's name is a file's.
        if not path.parent.is_dir():
            raise StorageError(
                f"database {str(path)!r} cannot be made: {str(path.parent)!r} is no folder; "
                "set data_dir"
            ) from None
    except OSError as error:
        raise StorageError(
            f"database {str(path)!r} cannot be made: {error.strerror}; make the folder writable "
            "for this user or set data_dir"
        ) from error


def _tune_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # None: the driver begins no transaction by itself, `_begin_sqlite` does.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys=ON")
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        # Survives kill -9 of any process; a power cut may undo the last commits, never tear them.
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.OperationalError:
        log.debug("no write-ahead log for a database that cannot be written", exc_info=True)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer later would fail as "locked"
    # without waiting for its turn.
    is_writing = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _open_postgres(url: URL) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            # A failed statement is logged without its values: camera passwords are among them.
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "application_name": "maskwatch"},
        )
    except (ImportError, NoSuchModuleError) as error:
        raise StorageError(
            "storage.url names PostgreSQL, whose driver is not installed; "
            "pip install 'maskwatch[postgres]'"
        ) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for questions; errors come out as one StorageError line."""
    with storage_errors(engine), Session(engine) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session that commits at its end and holds the write lock from its beginning.

    `IntegrityError` passes through, for the caller knows which rule was broken.
    """
    writer = engine.execution_options(**{_WRITES: True})
    with (
        storage_errors(engine),
        Session(writer, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


@contextmanager
def write_connection(engine: Engine) -> Iterator[Connection]:
    """As `writing`, for statements without objects."""
    writer = engine.execution_options(**{_WRITES: True})
    with storage_errors(engine), writer.begin() as connection:
        yield connection


def database_name(engine: Engine) -> str:
    """The database as people may see it: the file, or the URL without its password."""
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=True)


@contextmanager
def storage_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors into one StorageError line; IntegrityError passes through."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError) as error:
        raise StorageError(f"database {database_name(engine)!r} {_explain(error)}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"database {database_name(engine)!r} failed: {error}") from error


_EXPLANATIONS = (
    (("database is locked", "database table is locked"),
     "is locked by another program; close it (a backup or a database browser?) and it goes on"),
    (("readonly database", "read-only transaction"),
     "is read-only; make the file and its folder writable for this user"),
    (("disk is full", "no space left", "could not extend file"),
     "cannot grow: the disk is full; free some space"),
    (("unable to open database file",),
     "cannot be opened; check that the folder exists and may be written"),
    (("file is not a database", "malformed"),
     "is damaged or no SQLite file; restore a backup or move it away"),
    (("no such table", "no such column", "does not exist"),
     "has tables of another version; start `maskwatch up` once to bring it up to date"),
    (("password authentication failed", "no password supplied"),
     "refuses the log-in; check the user and password in storage.url"),
    (("connection refused", "could not connect", "connection failed", "timeout expired",
      "no such file or directory", "is starting up", "shutting down", "terminating connection",
      "server closed the connection", "could not translate host", "consuming input failed"),
     "cannot be reached; check that the server runs and storage.url is right"),
)  # fmt: skip


def _explain(error: SQLAlchemyError) -> str:
    original = getattr(error, "orig", None) or error
    text = " ".join(str(original).split())
    lowered = text.lower()
    for marks, explanation in _EXPLANATIONS:
        if any(mark in lowered for mark in marks):
            return explanation
    return f"failed: {text[:200]}"


def wait_for_database(
    settings: Settings,
    stop: threading.Event,
    *,
    on_wait: Callable[[str], None] = log.warning,
    longest_wait_s: float = 10.0,
) -> Engine | None:
    """An engine whose tables are up to date; waits while the database is away.

    Args:
        settings: The configuration.
        stop: Ends the waiting.
        on_wait: Told once for each new reason.
        longest_wait_s: Upper end of the back-off.

    Returns:
        The engine, or None where `stop` was set first.
    """
    from maskwatch.storage.migrate import migrate

    engine = open_database(settings)
    told, pause_s = "", 0.25
    while not stop.is_set():
        try:
            migrate(engine)
        except StorageError as error:
            if str(error) != told:
                told = str(error)
                on_wait(f"{told}; waiting")
            stop.wait(pause_s)
            pause_s = min(pause_s * 2, longest_wait_s)
        else:
            return engine
    engine.dispose()
    return None

"""Opening, migrating and the errors that people see."""

import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, select, text

from maskwatch.config import Settings, StorageSettings
from maskwatch.contracts import Camera
from maskwatch.errors import StorageError
from maskwatch.storage import (
    CameraStore,
    database_name,
    migrate,
    open_database,
    reading,
    wait_for_database,
    writing,
)
from maskwatch.storage.tables import Base, PassageRow


def test_the_migrations_make_exactly_the_tables_of_the_program(database: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with database.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
    assert set(Base.metadata.tables) < set(inspect(database).get_table_names())


def test_several_processes_can_migrate_at_once(database_settings: Settings) -> None:
    environment = {
        **os.environ,
        "MASKWATCH_DATA_DIR": str(database_settings.data_dir),
        "MASKWATCH_STORAGE__URL": database_settings.storage.url.get_secret_value(),
    }
    program = (
        "from maskwatch.config import load_settings\n"
        "from maskwatch.storage import migrate, open_database, CameraStore\n"
        "engine = open_database(load_settings())\n"
        "migrate(engine)\n"
        "CameraStore(engine).list()\n"
    )

    starts = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE)
        for _ in range(4)
    ]

    ends = [(start.communicate(timeout=60)[1], start.returncode) for start in starts]
    assert ends == [(b"", 0)] * 4


def test_times_come_back_aware_and_in_utc(database: Engine) -> None:
    paris = timezone(timedelta(hours=2))
    start = datetime(2026, 7, 1, 1, 30, 0, 123456, tzinfo=paris)
    with writing(database) as session:
        session.add(
            PassageRow(
                camera="a", epoch="e", track=1, started_at=start, ended_at=start, verdict="mask",
                looks=1, readable_looks=1, mask=1.0, no_mask=0.0, incorrect=0.0, face_height_px=40,
            )
        )  # fmt: skip

    with reading(database) as session:
        found = session.scalars(select(PassageRow.started_at)).one()

    assert found == datetime(2026, 6, 30, 23, 30, 0, 123456, tzinfo=UTC)
    assert found.tzinfo is UTC


def test_a_naive_time_is_refused(sqlite_database: Engine) -> None:
    naive = datetime(2026, 7, 1)
    with pytest.raises(StorageError, match="has no time zone"), reading(sqlite_database) as session:
        session.scalars(select(PassageRow).where(PassageRow.started_at > naive)).all()


def test_a_newer_schema_is_refused_in_plain_words(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StorageError, match=r"newer maskwatch \(schema 9999\); update this program"):
        migrate(database)


def test_a_locked_database_says_so(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskwatch.storage.database.BUSY_TIMEOUT_MS", 50)
    engine = open_database(sqlite_settings)
    migrate(engine)
    other = sqlite3.connect(sqlite_settings.data_dir / "maskwatch.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageError, match="is locked by another program"):
        CameraStore(engine).add(Camera(name="a", url="/x.mp4"))

    other.execute("ROLLBACK")
    other.close()
    assert CameraStore(engine).add(Camera(name="a", url="/x.mp4")).name == "a"
    engine.dispose()


def test_a_read_only_database_says_so(sqlite_settings: Settings) -> None:
    engine = open_database(sqlite_settings)
    migrate(engine)
    # As with a file that this user may not write (the tests may run as root, who may).
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    with pytest.raises(StorageError, match="is read-only; make the file and its folder writable"):
        CameraStore(engine).add(Camera(name="a", url="/x.mp4"))
    engine.dispose()


def test_a_full_disk_says_so(sqlite_settings: Settings) -> None:
    engine = open_database(sqlite_settings)
    migrate(engine)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        # SQLite fails as on a full disk when it may not grow.
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    with pytest.raises(StorageError, match="the disk is full; free some space"):
        CameraStore(engine).add(Camera(name="a", url="rtsp://cam/" + "x" * 20_000))
    engine.dispose()


def test_a_file_that_is_no_database_says_so(sqlite_settings: Settings) -> None:
    (sqlite_settings.data_dir / "maskwatch.db").write_bytes(b"not a database" * 100)

    with pytest.raises(StorageError, match="is damaged or no SQLite file"):
        migrate(open_database(sqlite_settings))


def test_sqlite_on_a_network_file_system_is_refused(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskwatch.storage.database.network_filesystem_of", lambda path: "nfs4")

    with pytest.raises(StorageError, match=r"network file system \(nfs4\)"):
        open_database(sqlite_settings)


def test_an_unreachable_server_never_shows_the_password(tmp_path: Path) -> None:
    url = SecretStr("postgresql://bob:s3cret@127.0.0.1:1/maskwatch")
    settings = Settings(data_dir=tmp_path, storage=StorageSettings(url=url))
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    engine = open_database(settings)

    with pytest.raises(StorageError, match="cannot be reached; check that the server runs") as told:
        migrate(engine)

    assert "s3cret" not in str(told.value)
    assert "bob:***@127.0.0.1:1" in str(told.value)
    assert "s3cret" not in database_name(engine)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://host/x", "kind 'mysql' are not supported"),
        ("no address", "storage.url is no database address"),
        ("sqlite://", "SQLite needs a file"),
        ("postgresql://u:zebra@quokka/lynx@127.0.0.1/y", "an '@' behind the host; .* write %40"),
        ("postgresql://u:zebra@quokka@lynx/127.0.0.1@h/y", "an '@' behind the host; .* write %40"),
    ],
)
def test_an_unusable_database_url_is_refused(tmp_path: Path, url: str, told: str) -> None:
    settings = Settings(data_dir=tmp_path, storage=StorageSettings(url=SecretStr(url)))

    with pytest.raises(StorageError, match=told) as refused:
        open_database(settings)

    assert not any(part in str(refused.value) for part in ("zebra", "quokka", "lynx"))


def test_waiting_for_a_locked_database_ends_when_it_is_free(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskwatch.storage.database.BUSY_TIMEOUT_MS", 20)
    path = sqlite_settings.data_dir / "maskwatch.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    told: list[str] = []

    def free(message: str) -> None:
        told.append(message)
        other.execute("ROLLBACK")

    engine = wait_for_database(sqlite_settings, threading.Event(), on_wait=free)

    assert engine is not None
    assert len(told) == 1
    assert "is locked by another program" in told[0]
    assert CameraStore(engine).list() == []
    engine.dispose()
    other.close()


def test_waiting_ends_when_told_to_stop(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    url = SecretStr("postgresql://bob@127.0.0.1:1/maskwatch")
    settings = Settings(data_dir=tmp_path, storage=StorageSettings(url=url))
    stop = threading.Event()

    assert wait_for_database(settings, stop, on_wait=lambda message: stop.set()) is None


def test_opening_the_database_again_keeps_the_locks_of_this_process(
    sqlite_settings: Settings,
) -> None:
    """Closing any handle on the file would drop them, and with them the write-ahead log."""
    engine = open_database(sqlite_settings)
    migrate(engine)
    store = CameraStore(engine)
    store.add(Camera(name="a", url="/x.mp4"))
    again = open_database(sqlite_settings)
    program = (
        "from maskwatch.config import Settings\n"
        "from maskwatch.contracts import Camera\n"
        "from maskwatch.storage import CameraStore, open_database\n"
        f"engine = open_database(Settings(data_dir={str(sqlite_settings.data_dir)!r}))\n"
        "CameraStore(engine).add(Camera(name='b', url='/y.mp4'))\n"
        "engine.dispose()\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

    assert [camera.name for camera in store.list()] == ["a", "b"]
    again.dispose()
    engine.dispose()

"""Databases for tests: a SQLite file and a real PostgreSQL server, started here and ended here."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from maskwatch.config import Settings, StorageSettings
from maskwatch.storage import migrate, open_database


def _postgres_bin() -> Path | None:
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "initdb").is_file()), None)


def _as_unprivileged(folder: Path) -> list[str]:
    """How to begin a command that must not run as root: PostgreSQL refuses to."""
    if os.geteuid() != 0:
        return []
    names = [name for name in ("postgres", "nobody") if _has_user(name)]
    runuser = shutil.which("runuser")
    if not names or not runuser:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user or runuser for it")
    shutil.chown(folder, names[0])
    return [runuser, "-u", names[0], "--"]


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server of this test run, without a database name; Unix socket only."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    binaries = _postgres_bin()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="mw-pg-"))
    prefix = _as_unprivileged(folder)
    data = folder / "data"
    run = {"cwd": folder, "check": True, "capture_output": True}
    subprocess.run(
        [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", "test", "-A", "trust",
         "--no-sync", "-E", "UTF8", "--locale=C"],
        **run,
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
        [*prefix, str(binaries / "postgres"), "-D", str(data), "-k", str(folder),
         "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off",
         "-c", "max_connections=40", "-c", "shared_buffers=16MB"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=log,
    )  # fmt: skip
    try:
        url = f"postgresql+psycopg://test@/{{name}}?host={folder}"
        _wait_until_ready(url.format(name="postgres"), server, folder / "log")
        yield url
    finally:
        subprocess.run(
            [*prefix, str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"],
            cwd=folder, capture_output=True, check=False,
        )  # fmt: skip
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    engine = create_engine(url)
    deadline = time.monotonic() + 30
    while True:
        try:
            with engine.connect():
                break
        except OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-800:]}") from None
            time.sleep(0.05)
    engine.dispose()


@pytest.fixture
def postgres_settings(postgres_server: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings whose storage is a fresh PostgreSQL database."""
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(postgres_server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        url = SecretStr(postgres_server.format(name=name))
        yield Settings(data_dir=tmp_path, storage=StorageSettings(url=url))
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    """Settings whose storage is a SQLite file in the test's folder."""
    return Settings(data_dir=tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest) -> Settings:
    """Settings for each kind of database in turn."""
    kind = "sqlite_settings" if request.param == "sqlite" else "postgres_settings"
    settings: Settings = request.getfixturevalue(kind)
    return settings


@pytest.fixture
def database(database_settings: Settings) -> Iterator[Engine]:
    """An engine with tables, on each kind of database in turn."""
    engine = open_database(database_settings)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_database(sqlite_settings: Settings) -> Iterator[Engine]:
    """An engine with tables on a SQLite file, for tests that need no second kind."""
    engine = open_database(sqlite_settings)
    migrate(engine)
    yield engine
    engine.dispose()

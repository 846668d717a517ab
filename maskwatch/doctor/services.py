"""Checks of what maskwatch leans on: Redis, the database, the networks, the cameras."""

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from ingest.source import EndOfStream
from ingest.sources import open_source
from maskwatch.bus import StatusBoard, connect, connect_jobs, socket_path
from maskwatch.bus.connection import PROMPT_TIMEOUT_S, address, bus_errors
from maskwatch.bus.embedded import find_server
from maskwatch.bus.vitals import Vitals, is_being_read, read_vitals
from maskwatch.config import Settings
from maskwatch.contracts import Camera
from maskwatch.doctor.finding import Finding, fail, ok, warn
from maskwatch.errors import MaskwatchError
from maskwatch.storage import CameraStore, open_database
from maskwatch.storage.database import database_name, write_connection
from maskwatch.storage.filesystem import network_filesystem_of
from maskwatch.storage.migrate import newest_revision, schema_revision
from models.registry import load_classifier, load_detector

PROBES_AT_ONCE = 8

_MAKE_A_TABLE = "CREATE TABLE maskwatch_doctor (number INTEGER)"
_CHANGE_NOTHING = "UPDATE alembic_version SET version_num = version_num"
"""What is written to find out whether it can be, and undone at once."""

_NOT_RUNNING = "not asked: no camera is being read"


def check_redis(settings: Settings) -> list[Finding]:
    """Does Redis answer, and will it keep what is written?

    Raises:
        BusError: It does not, or there is no program for one of our own.
    """
    if _is_ours_down(settings):
        return [ok("redis", f"not running; {find_server()} starts with maskwatch")]
    with (
        connect(settings, is_prompt=True) as client,
        connect_jobs(settings, is_prompt=True) as jobs,
    ):
        with bus_errors(client):
            server: dict[str, Any] = client.info("server")
            memory: dict[str, Any] = client.info("memory")
        with bus_errors(jobs):
            jobs.ping()
    where = f"Redis {server['redis_version']} at {address(client)}"
    policy, limit = memory.get("maxmemory_policy", "noeviction"), memory.get("maxmemory", 0)
    if policy != "noeviction":
        return [
            warn("redis", f"{where} evicts keys ({policy}): counts would be lost",
                 fix="set its maxmemory-policy to noeviction")
        ]  # fmt: skip
    if not limit:
        return [
            warn("redis", f"{where} may fill the whole memory of its machine",
                 fix="set its maxmemory, for example to 512mb")
        ]  # fmt: skip
    return [ok("redis", f"{where}, {limit / 1e6:.0f} MB at most")]


def check_workers(settings: Settings) -> list[Finding]:
    """Is what the cameras deliver analysed?"""
    vitals = _vitals(settings)
    if vitals is None:
        return [ok("workers", _NOT_RUNNING)]
    if vitals.analysis_problem:
        return [fail("workers", vitals.analysis_problem)]
    number = vitals.workers
    return [ok("workers", f"{number} worker{'' if number == 1 else 's'} running")]


def check_recorder(settings: Settings) -> list[Finding]:
    """Is what the workers find counted?"""
    vitals = _vitals(settings)
    if vitals is None:
        return [ok("recorder", _NOT_RUNNING)]
    if vitals.counting_problem:
        return [fail("recorder", vitals.counting_problem)]
    return [ok("recorder", "counts what comes")]


def _vitals(settings: Settings) -> Vitals | None:
    """The life signs; None where nothing runs, or nothing that would have to be analysed.

    Raises:
        BusError: Redis runs and does not answer, so nothing is known.
    """
    if _is_ours_down(settings):
        return None
    with connect(settings, is_prompt=True) as client:
        board = StatusBoard(client)
        statuses = [s for s in board.cameras(board.active_cameras()).values() if s is not None]
        now_unix_s = time.time()
        if not any(is_being_read(status, now_unix_s=now_unix_s) for status in statuses):
            return None
        return read_vitals(client, statuses, now_unix_s=now_unix_s)


def _is_ours_down(settings: Settings) -> bool:
    """Whether Redis is the embedded server, and nobody listens at its socket."""
    if settings.redis.url.get_secret_value():
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROMPT_TIMEOUT_S)
        try:
            probe.connect(str(socket_path(settings)))
        except (FileNotFoundError, ConnectionRefusedError):
            return True
        except OSError:
            return False  # somebody does, or it is another user's: asking it says what is wrong
    return False


def check_database(settings: Settings) -> list[Finding]:
    """Can the database be read and written, and are its tables of this version?"""
    if path := _missing_sqlite_file(settings):
        return [_check_place(path)]
    engine = open_database(settings)
    try:
        revision, newest = schema_revision(engine), newest_revision()
        with write_connection(engine) as connection:
            # A write: SQLite turns the wish to begin one into a read where the file is read-only.
            connection.execute(text(_MAKE_A_TABLE if revision is None else _CHANGE_NOTHING))
            connection.rollback()
        name = database_name(engine)
    finally:
        engine.dispose()
    if revision is None:
        return [ok("database", f"{name} is empty; its tables are made at the first start")]
    if revision != newest:
        return [
            warn("database", f"{name} has tables of version {revision}, this is {newest}",
                 fix="start `maskwatch up` once; it brings them up to date")
        ]  # fmt: skip
    return [ok("database", f"{name}, tables of version {revision}")]


def check_models(settings: Settings) -> list[Finding]:
    """Do both networks load, fit their cards and run?"""
    started = time.perf_counter()
    picture = np.zeros((360, 640, 3), dtype=np.uint8)
    load_detector(settings.workers).detect([picture])
    load_classifier(settings.workers).warm_up()
    took = time.perf_counter() - started
    names = f"detector {settings.workers.detector!r}, classifier {settings.workers.classifier!r}"
    return [ok("models", f"{names} on {settings.workers.device}, ready in {took:.1f} s")]


def check_cameras(settings: Settings) -> list[Finding]:
    """Does each enabled camera give a picture?"""
    if _missing_sqlite_file(settings):
        cameras: list[Camera] = []
    else:
        engine = open_database(settings)
        try:
            has_tables = schema_revision(engine) is not None
            cameras = CameraStore(engine).list() if has_tables else []
        finally:
            engine.dispose()
    enabled = [camera for camera in cameras if camera.enabled]
    if not enabled:
        return [
            warn("cameras", "there is none",
                 fix="maskwatch camera add entrance rtsp://ADDRESS/PATH")
        ]  # fmt: skip
    with ThreadPoolExecutor(PROBES_AT_ONCE) as pool:
        return list(pool.map(lambda camera: _check_camera(camera, settings), enabled))


def _check_camera(camera: Camera, settings: Settings) -> Finding:
    name = f"camera {camera.name}"
    try:
        source = open_source(camera, settings.ingest)
        try:
            source.read()
            info = source.info
        finally:
            source.close()
    except MaskwatchError as error:
        return fail(name, str(error))
    except EndOfStream:
        return fail(name, "the file holds no picture", fix="give the camera another file")
    return ok(name, f"{info.width}x{info.height} {info.codec}, {info.fps:g} pictures a second")


def _missing_sqlite_file(settings: Settings) -> Path | None:
    """The file of a SQLite database that is yet to be made; looking must not make it."""
    url = settings.database_url
    if not url.startswith("sqlite:///"):
        return None
    path = Path(url.removeprefix("sqlite:///"))
    return None if path.exists() else path


def _check_place(path: Path) -> Finding:
    if kind := network_filesystem_of(path):
        return fail(
            "database",
            f"{path} would lie on a network file system ({kind}), where SQLite loses data",
            fix="set data_dir to a local disk or storage.url to a PostgreSQL server",
        )
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return fail(
            "database", f"{path} cannot be made: {folder} may not be written",
            fix="make it writable for this user, or set data_dir",
        )  # fmt: skip
    return ok("database", f"{path} is made at the first start")

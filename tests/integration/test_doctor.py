"""`maskwatch doctor`: one line each, the fix beside what is wrong, exit 1 on a failure."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import redis
from sqlalchemy import Engine, create_engine, event, inspect, text

from maskwatch.bus import StatusBoard
from maskwatch.config import (
    RedisSettings,
    SeedCamera,
    Settings,
    SiteSettings,
    StorageSettings,
    WebSettings,
    WorkerSettings,
)
from maskwatch.contracts import CameraState, CameraStatus, results_key
from maskwatch.doctor import machine, services
from maskwatch.doctor.examination import CHECKS, examine
from maskwatch.doctor.finding import Finding, Level
from maskwatch.storage import CameraStore, migrate, open_database
from maskwatch.storage.migrate import schema_revision
from maskwatch.supervisor.environment import child_environment
from maskwatch.supervisor.readiness import free_port
from tests.support.redis_server import SilentServer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", web=WebSettings(port=free_port("127.0.0.1")))


def _find(settings: Settings, check: str) -> Finding:
    return {finding.check: finding for finding in examine(settings)}[check]


def _with_cameras(settings: Settings, *cameras: SeedCamera) -> Settings:
    settings = settings.with_changes(cameras=cameras)
    engine = open_database(settings)
    migrate(engine)
    CameraStore(engine).seed(settings)
    engine.dispose()
    return settings


def test_a_fresh_machine_has_no_failure_and_nothing_is_made_on_it(settings: Settings) -> None:
    findings = list(examine(settings))
    assert [finding for finding in findings if finding.level is Level.FAIL] == []
    assert {"packages", "disk", "redis", "database", "models", "web"} <= {
        finding.check for finding in findings
    }
    assert not settings.data_dir.exists()


def test_without_a_camera_it_says_how_to_add_one(settings: Settings) -> None:
    finding = _find(settings, "cameras")
    assert finding.level is Level.WARN
    assert "maskwatch camera add" in finding.fix


def test_a_camera_that_gives_pictures_and_one_that_does_not(
    settings: Settings, tmp_path: Path
) -> None:
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    for shade in (10, 90, 170):
        writer.write(np.full((240, 320, 3), shade, np.uint8))
    writer.release()
    settings = _with_cameras(
        settings,
        SeedCamera(name="door", url=str(film)),
        SeedCamera(name="gate", url="rtsp://joe:hush@127.0.0.1:1/live"),
        SeedCamera(name="yard", url="rtsp://127.0.0.1:1/live?user=joe&password=hush&c=1"),
    )
    findings = {finding.check: finding for finding in examine(settings)}
    assert findings["camera door"].level is Level.OK
    assert "320x240" in findings["camera door"].message
    assert findings["camera gate"].level is Level.FAIL
    assert "password=***&c=1" in findings["camera yard"].message
    assert "hush" not in str(findings)


def test_a_redis_that_does_not_answer_is_a_failure_without_its_password(
    settings: Settings,
) -> None:
    url = f"redis://:hush@127.0.0.1:{free_port('127.0.0.1')}/0"
    finding = _find(settings.with_changes(redis=RedisSettings(url=url)), "redis")
    assert finding.level is Level.FAIL
    assert "hush" not in str(finding)


def test_a_redis_of_our_own_that_hangs_is_a_failure_of_all_that_is_asked_of_it(
    tmp_path: Path, silent_redis: SilentServer
) -> None:
    findings = list(examine(Settings(data_dir=tmp_path), ("redis", "workers", "recorder")))
    assert [finding.check for finding in findings] == ["redis", "workers", "recorder"]
    for finding in findings:
        assert finding.level is Level.FAIL
        assert "does not answer" in finding.message
    assert silent_redis.asked() >= len(findings)


def test_a_redis_server_that_answers_is_named(redis_settings: Settings) -> None:
    finding = _find(redis_settings, "redis")
    assert finding.level is Level.OK
    assert "MB at most" in finding.message


def test_cameras_that_nobody_analyses_or_counts_are_failures(
    redis_settings: Settings, redis_client: redis.Redis
) -> None:
    only = ("workers", "recorder")
    assert {finding.level for finding in examine(redis_settings, only)} == {Level.OK}
    board = StatusBoard(redis_client)
    board.set_active("hall")
    board.put_camera(
        CameraStatus(camera="hall", state=CameraState.LIVE, updated_at_unix_s=time.time())
    )
    # An entry as old as its id says: nobody has counted it since.
    redis_client.xadd(results_key("hall"), {"t": "watch"}, id=f"{int(time.time() - 300) * 1000}-0")
    workers, recorder = examine(redis_settings, only)
    assert (workers.check, workers.level) == ("workers", Level.FAIL)
    assert "maskwatch work" in workers.message
    assert (recorder.check, recorder.level) == ("recorder", Level.FAIL)
    assert "5 min" in recorder.message


def test_a_database_that_does_not_answer_is_a_failure_without_its_password(
    settings: Settings,
) -> None:
    pytest.importorskip("psycopg", reason="needs the extra [postgres]")
    url = f"postgresql://joe:hush@127.0.0.1:{free_port('127.0.0.1')}/nowhere"
    finding = _find(settings.with_changes(storage=StorageSettings(url=url)), "database")
    assert finding.level is Level.FAIL
    assert "hush" not in str(finding)


def test_an_existing_database_is_read_and_written(settings: Settings) -> None:
    finding = _find(_with_cameras(settings), "database")
    assert finding.level is Level.OK
    assert "tables of version" in finding.message


@pytest.mark.parametrize("has_tables", [True, False])
def test_a_database_that_may_only_be_read_is_a_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, has_tables: bool
) -> None:
    """As with a file that this user may not write (the tests may run as root, who may)."""
    if has_tables:
        _with_cameras(settings)
    else:
        engine = open_database(settings)
        assert schema_revision(engine) is None
        engine.dispose()
    path = settings.data_dir / "maskwatch.db"
    before = path.read_bytes()
    assert _find(settings, "database").level is Level.OK
    assert path.read_bytes() == before

    def open_read_only(_settings: Settings) -> Engine:
        engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
        event.listen(
            engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE")
        )
        return engine

    monkeypatch.setattr(services, "open_database", open_read_only)
    (finding,) = examine(settings, ["database"])
    assert finding.level is Level.FAIL
    assert "is read-only; make the file and its folder writable" in finding.message


def test_a_postgresql_is_written_without_a_trace(postgres_settings: Settings) -> None:
    engine = open_database(postgres_settings)
    assert "is empty" in _find(postgres_settings, "database").message
    assert inspect(engine).get_table_names() == []
    migrate(engine)
    assert "tables of version" in _find(postgres_settings, "database").message
    with engine.begin() as connection:
        name = engine.url.database
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()
    finding = _find(postgres_settings, "database")
    assert finding.level is Level.FAIL
    assert "is read-only" in finding.message


def test_missing_weights_are_a_failure(settings: Settings, tmp_path: Path) -> None:
    workers = WorkerSettings(classifier=str(tmp_path / "mine.onnx"))
    finding = _find(settings.with_changes(workers=workers), "models")
    assert finding.level is Level.FAIL
    assert "mine" in finding.message


def test_a_port_that_another_program_holds_is_a_failure(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        web = WebSettings(port=server.getsockname()[1])
        finding = _find(settings.with_changes(web=web), "web")
    assert finding.level is Level.FAIL
    assert "web.port" in finding.message


def test_an_open_address_without_a_password_is_a_failure(settings: Settings) -> None:
    finding = _find(settings.with_changes(web=WebSettings(host="0.0.0.0")), "web")  # noqa: S104
    assert finding.level is Level.FAIL
    assert "maskwatch password" in finding.message


def test_a_password_in_place_of_its_hash_is_a_failure(settings: Settings) -> None:
    finding = _find(settings.with_changes(web=WebSettings(password_hash="hush")), "web")
    assert finding.level is Level.FAIL
    assert "maskwatch password" in finding.message
    assert "hush" not in str(finding)


def test_a_full_disk_is_a_failure(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = machine.shutil.disk_usage("/")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert _find(settings, "disk").level is Level.FAIL


def test_a_site_in_another_zone_than_its_machine_is_warned(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.time, "tzname", ("CET", "CEST"))
    assert _find(settings, "time zone").level is Level.WARN
    settled = settings.with_changes(site=SiteSettings(timezone="Europe/Paris"))
    assert _find(settled, "time zone").level is Level.OK


def _doctor(folder: Path, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    # Without -P: the folder where the user stands is searched first, as with `python -m`.
    return subprocess.run(
        [sys.executable, "-m", "maskwatch", "doctor", *arguments],
        cwd=folder,
        env=os.environ | changes,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_shadowed_package_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "__init__.py").write_text("")
    environment = child_environment(settings, role="doctor")
    done = _doctor(tmp_path, "--json", **environment)
    assert done.returncode == 1, done.stderr
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    (finding,) = [f for f in findings if f["check"] == "packages"]
    assert finding["level"] == "FAIL"
    assert str(tmp_path / "web") in finding["message"]


def test_a_wrong_configuration_is_the_only_line_and_a_failure(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text("[web]\nprot = 1\n")
    environment = child_environment(settings, role="doctor")
    done = _doctor(tmp_path, "--config", "bad.toml", **environment)
    assert done.returncode == 1
    assert done.stdout.startswith("FAIL  configuration: ")
    assert len(done.stdout.splitlines()) == 1


def test_a_single_check_can_be_made(settings: Settings, tmp_path: Path) -> None:
    environment = child_environment(settings, role="doctor")
    done = _doctor(tmp_path, "--only", "disk", **environment)
    assert done.returncode == 0, done.stdout
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "OK    configuration",
        "OK    disk",
    ]


def test_the_checks_come_in_this_order() -> None:
    assert list(CHECKS) == [
        "packages", "disk", "time zone", "redis", "workers", "recorder", "database", "models",
        "web", "cameras",
    ]  # fmt: skip

"""Health and metrics: true, and without a secret."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from maskwatch.bus import EmbeddedRedis, FrameQueue, ResultLog, StatusBoard
from maskwatch.bus.recorder_status import RecorderStatus
from maskwatch.config import Settings
from maskwatch.contracts import (
    Analysis,
    Camera,
    CameraState,
    CameraStatus,
    FrameHeader,
    results_key,
)
from maskwatch.storage import migrate, open_database
from maskwatch.storage.questions import total_facts
from tests.support.redis_server import SilentServer
from tests.support.statuses import a_worker
from tests.worlds.result_log import Epoch
from web.app import create_app
from web.metrics import recorder_metrics
from web.services import Services
from workers.recorder_main import Recorder

OFFERED, KEPT = 9, 3


def _samples(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """Name and label values, in alphabetical order of the labels, to value."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def _status(name: str, **changes: object) -> CameraStatus:
    status = CameraStatus(camera=name, state=CameraState.LIVE, updated_at_unix_s=time.time())
    return replace(status, **changes)  # type: ignore[arg-type]


def _offer_too_many(client: redis.Redis, camera: str) -> int:
    """Offer more frames than the stream holds, with no worker; return how many it dropped."""
    queue, dropped = FrameQueue(client), 0
    for sequence in range(OFFERED):
        header = FrameHeader(
            camera=camera,
            epoch="e",
            sequence=sequence,
            captured_at_unix_s=time.time(),
            media_time_s=0.0,
            width=32,
            height=18,
        )
        dropped += len(queue.offer(header, b"jpeg", limit=KEPT).dropped_sequences)
    return dropped


def test_a_dropped_frame_is_in_the_metrics(
    client: FlaskClient, shared: Services, redis_client: redis.Redis
) -> None:
    dropped = _offer_too_many(redis_client, "hall")
    assert dropped == OFFERED - KEPT
    board = StatusBoard(redis_client)
    board.put_worker(a_worker(time.time()))
    board.set_active("hall")
    board.put_camera(
        _status(
            "hall",
            captured_total=45,
            offered_total=OFFERED,
            dropped_total=dropped,
            rejected_total={"dark": 2},
            reconnects=1,
            last_frame_unix_s=time.time(),
        )
    )
    shared.cameras.add(Camera(name="hall", url="rtsp://192.0.2.1/s"))
    samples = _samples(client)
    assert samples["maskwatch_camera_captured_total", "hall"] == 45
    assert samples["maskwatch_camera_offered_total", "hall"] == OFFERED
    assert samples["maskwatch_camera_dropped_total", "hall"] == dropped
    assert samples["maskwatch_camera_rejected_total", "hall", "dark"] == 2
    assert samples["maskwatch_camera_reconnects_total", "hall"] == 1
    assert samples["maskwatch_camera_up", "hall"] == 1
    assert samples["maskwatch_camera_state", "hall", "live"] == 1
    assert samples["maskwatch_camera_state", "hall", "offline"] == 0
    assert 0 <= samples["maskwatch_camera_frame_age_seconds", "hall"] < 60
    assert samples["maskwatch_passages_today", "hall", "mask"] == 0


def test_a_camera_whose_process_has_died_is_not_up(
    client: FlaskClient, redis_client: redis.Redis
) -> None:
    board = StatusBoard(redis_client)
    board.set_active("hall")
    board.put_camera(_status("hall", updated_at_unix_s=time.time() - 60))
    assert _samples(client)["maskwatch_camera_up", "hall"] == 0


def test_the_recorder_tells_how_old_pictures_are_when_they_are_analysed(
    client: FlaskClient, shared: Services, web_settings: Settings, redis_client: redis.Redis
) -> None:
    messages = Epoch(camera="hall", seconds=20, has_last=False).messages()
    truth_s = sorted(
        message.analysed_at_unix_s - message.header.captured_at_unix_s
        for message in messages
        if isinstance(message, Analysis)
    )
    ResultLog(redis_client).publish_all(messages)
    StatusBoard(redis_client).set_active("hall")
    recorder = Recorder(web_settings, shared.engine, redis_client)
    assert recorder.step(0.0, block_ms=0) == 1
    samples = _samples(client)
    long_ago, one_day = datetime.fromtimestamp(0, UTC), timedelta(days=1)
    counted = total_facts(shared.engine, "hall", long_ago, datetime.now(UTC) + one_day).analysed
    assert 0 < counted <= len(truth_s)
    assert samples["maskwatch_camera_analysed_total", "hall"] == counted
    for quantile in ("0.5", "0.95"):
        age_s = samples["maskwatch_recorder_frame_age_seconds", "hall", quantile]
        assert age_s == pytest.approx(truth_s[len(truth_s) // 2], abs=0.001)
    assert samples["maskwatch_recorder_open_tracks", "hall"] == 0
    assert 0 <= samples["maskwatch_recorder_commit_age_seconds", "hall"] < 60


def test_what_the_recorder_said_long_ago_is_withheld() -> None:
    status = RecorderStatus(
        camera="hall",
        epoch="e",
        last_sequence=9,
        last_tick=3,
        results_stream_id="1-0",
        is_finished=False,
        committed_at_unix_s=1000.0,
        open_tracks=2,
        frame_age_p50_ms=90.0,
        frame_age_p95_ms=130.0,
        analysed_total=7,
    )

    def ages(now_unix_s: float) -> list[float]:
        families = recorder_metrics([status], now_unix_s=now_unix_s)
        return [sample.value for family in families for sample in family.samples]

    assert ages(1001.0) == [7.0, 0.09, 0.13, 1.0, 2.0]
    assert ages(1500.0) == [7.0, 500.0]


def test_workers_tell_what_they_did_and_where_the_time_went(
    client: FlaskClient, redis_client: redis.Redis
) -> None:
    StatusBoard(redis_client).put_worker(
        replace(
            a_worker(time.time()),
            frames_total=7,
            faces_total=5,
            errors_total=1,
            busy_ms_total={"detect": 1500.0},
        )
    )
    samples = _samples(client)
    assert samples[("maskwatch_workers",)] == 1
    assert samples["maskwatch_worker_frames_total", "w1"] == 7
    assert samples["maskwatch_worker_faces_total", "w1"] == 5
    assert samples["maskwatch_worker_errors_total", "w1"] == 1
    assert samples["maskwatch_worker_busy_seconds_total", "detect", "w1"] == 1.5


def test_ready_says_which_part_is_away_and_the_pages_go_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = Settings(data_dir=tmp_path_factory.mktemp("away"))
    engine = open_database(settings)
    migrate(engine)
    app: APIFlask = create_app(settings, engine=engine)
    client = app.test_client()
    shared: Services = app.extensions["maskwatch"]
    shared.cameras.add(Camera(name="hall", url="rtsp://192.0.2.1/s"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.json["checks"]["redis"]
    assert answer.json["checks"]["database"] == "ok"
    assert client.get("/healthz").status_code == 200
    assert _samples(client)[("maskwatch_redis_up",)] == 0
    wall = client.get("/")
    assert wall.status_code == 200
    assert "cannot be reached" in wall.text
    server = EmbeddedRedis(settings)
    server.start()
    try:
        assert client.get("/readyz").status_code == 200
        assert "cannot be reached" not in client.get("/").text
    finally:
        server.stop()
        shared.close()


def test_a_redis_that_hangs_is_asked_once_for_each_page_and_told(
    tmp_path: Path, silent_redis: SilentServer
) -> None:
    settings = Settings(data_dir=tmp_path)
    engine = open_database(settings)
    migrate(engine)
    app: APIFlask = create_app(settings, engine=engine)
    client = app.test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "does not answer" in answer.json["checks"]["redis"]
    assert silent_redis.asked() == 1
    assert _samples(client) == {
        ("maskwatch_database_up",): 1,
        ("maskwatch_redis_up",): 0,
    }
    assert silent_redis.asked() == 1
    for path in ("/", "/footage"):
        page = client.get(path)
        assert page.status_code == 200
        assert "does not answer" in page.text
        assert silent_redis.asked() == 1
    app.extensions["maskwatch"].close()


def test_ready_names_a_recorder_that_counts_nothing(
    client: FlaskClient, redis_client: redis.Redis
) -> None:
    board = StatusBoard(redis_client)
    board.set_active("hall")
    board.put_camera(_status("hall"))
    assert client.get("/readyz").json["checks"]["recorder"] == "ok"
    waiting_since = int((time.time() - 90) * 1000)
    redis_client.xadd(results_key("hall"), {"x": b""}, id=f"{waiting_since}-0")
    answer = client.get("/readyz")
    assert "maskwatch record" in answer.json["checks"]["recorder"]
    # The web process itself is ready: it shows the pages that say the same.
    assert answer.status_code == 200


def test_a_database_that_is_gone_is_told_to_programs_and_people(
    client: FlaskClient, shared: Services
) -> None:
    with shared.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE cameras RENAME TO elsewhere")
        connection.exec_driver_sql("DROP TABLE alembic_version")
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["checks"]["database"] != "ok"
    answer = client.get("/api/v1/cameras")
    assert answer.status_code == 503
    assert "maskwatch up" in answer.json["message"]
    page = client.get("/")
    assert page.status_code == 503
    assert "A part of maskwatch is not answering" in page.text
    assert _samples(client)[("maskwatch_database_up",)] == 0


def test_a_site_without_a_worker_says_so_and_calls_no_camera_live(
    client: FlaskClient, shared: Services, redis_client: redis.Redis
) -> None:
    shared.cameras.add(Camera(name="hall", url="rtsp://192.0.2.1/s"))
    board = StatusBoard(redis_client)
    board.put_camera(_status("hall", last_frame_unix_s=time.time(), captured_fps=25.0))
    wall = client.get("/").text
    assert "No worker is running" in wall
    assert "s-live" not in wall
    now = client.get("/api/v1/cameras/hall").json["now"]
    assert (now["state"], now["label"], now["captured_fps"]) == ("unanalysed", "Not analysed", 25.0)
    assert _samples(client)["maskwatch_camera_state", "hall", "unanalysed"] == 1
    board.put_worker(a_worker(time.time()))
    assert "No worker is running" not in client.get("/").text
    assert client.get("/api/v1/cameras/hall").json["now"]["state"] == "live"

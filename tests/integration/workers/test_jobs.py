"""Background jobs with a real Redis and RQ's own worker process."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from rq import Queue
from sqlalchemy import Engine, update

from maskwatch.bus import EmbeddedRedis, connect_jobs
from maskwatch.config import RetentionSettings, Settings
from maskwatch.contracts import Verdict
from maskwatch.errors import JobError, MediaError
from maskwatch.job_queue import FOOTAGE_QUEUE, enqueue_footage, send_what_waits
from maskwatch.storage import migrate, open_database, writing
from maskwatch.storage.jobs import MAX_ATTEMPTS, Job, JobState, JobStore
from maskwatch.storage.tables import JobRow
from workers import jobs_main
from workers.jobs import delete_old_footage, delete_old_jobs, delete_what_is_old
from workers.jobs_main import Jobs
from workers.process_name import process_name


@pytest.fixture
def engine(own_redis: EmbeddedRedis, tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(Settings(data_dir=tmp_path))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "wall.png"
    Image.new("RGB", (320, 240), (120, 130, 125)).save(path)
    return path


@pytest.fixture
def running(settings: Settings, engine: Engine) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=jobs_main.run, args=(settings, stop))
    thread.start()
    yield thread
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def until(holds: Callable[[], bool], *, within_s: float = 90.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.usefixtures("running")
def test_footage_is_analysed_and_a_bad_file_looks_failed(
    settings: Settings, engine: Engine, picture: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all" * 100)
    store = JobStore(engine)

    good = enqueue_footage(settings, engine, picture)
    bad = enqueue_footage(settings, engine, broken, name="upload.mp4")
    until(lambda: store.get(good).finished_at is not None)
    until(lambda: store.get(bad).finished_at is not None)

    done, failed = store.get(good), store.get(bad)
    assert (done.state, done.progress, done.error) == (JobState.DONE, 100, "")
    assert done.result == {
        "frames": 1,
        "faces": [],
        "totals": {verdict.value: 0 for verdict in Verdict},
    }
    assert (failed.state, failed.attempts, failed.result) == (JobState.FAILED, 1, None)
    assert "broken.mp4" in failed.error
    assert "\n" not in failed.error
    assert [job.id for job in store.newest()] == [bad, good]


def test_a_file_that_is_not_there_is_refused_at_once(settings: Settings, engine: Engine) -> None:
    with pytest.raises(MediaError, match="is no file; name a picture or a video"):
        enqueue_footage(settings, engine, Path("nowhere.mp4"))

    assert JobStore(engine).newest() == []


def test_a_job_that_redis_lost_is_queued_again(
    settings: Settings, engine: Engine, picture: Path
) -> None:
    job_id = enqueue_footage(settings, engine, picture)
    with connect_jobs(settings) as client:
        queue = Queue(FOOTAGE_QUEUE, connection=client)
        store = JobStore(engine)
        assert queue.job_ids == [job_id]
        assert send_what_waits(client, store) == []

        client.flushdb()
        assert send_what_waits(client, store) == [job_id]

        assert queue.job_ids == [job_id]


def test_a_job_asked_for_while_redis_is_away_is_not_lost(
    settings: Settings, engine: Engine, own_redis: EmbeddedRedis, picture: Path
) -> None:
    own_redis.stop()

    job_id = enqueue_footage(settings, engine, picture)

    assert JobStore(engine).get(job_id).state is JobState.QUEUED
    own_redis.start()
    with connect_jobs(settings) as client:
        assert send_what_waits(client, JobStore(engine)) == [job_id]


def test_a_killed_worker_is_replaced_and_its_job_is_done_by_the_next(
    settings: Settings, engine: Engine, picture: Path
) -> None:
    store = JobStore(engine)
    with connect_jobs(settings) as client:
        jobs = Jobs(settings, engine, client)
        try:
            jobs.step()
            first = jobs.worker_pid
            assert first is not None
            job_id = enqueue_footage(settings, engine, picture)
            until(lambda: store.get(job_id).state is JobState.RUNNING)
            os.kill(first, signal.SIGKILL)

            def is_done() -> bool:
                jobs.step()
                return store.get(job_id).finished_at is not None

            until(is_done)
            assert jobs.worker_pid not in (None, first)
        finally:
            jobs.stop()
    job = store.get(job_id)
    assert (job.state, job.attempts) == (JobState.DONE, 2)


def test_stopping_gives_the_job_back_without_counting_the_attempt(
    settings: Settings, engine: Engine, picture: Path
) -> None:
    store = JobStore(engine)
    with connect_jobs(settings) as client:
        jobs = Jobs(settings, engine, client)
        jobs.step()
        job_id = enqueue_footage(settings, engine, picture)
        until(lambda: store.get(job_id).state is JobState.RUNNING)
        jobs.stop()

        job = store.get(job_id)
        assert (job.state, job.attempts, job.worker) == (JobState.QUEUED, 0, "")
        assert send_what_waits(client, store) == [job_id]


def test_a_job_of_a_process_whose_id_another_one_has_now_is_taken_from_it(
    settings: Settings, engine: Engine
) -> None:
    store = JobStore(engine)
    host, pid, started = process_name(os.getpid()).split(":")
    lost, running = (store.create("footage", {"path": "x"}) for _ in range(2))
    store.begin(lost.id, worker=f"{host}:{pid}:{int(started) - 60}")
    store.begin(running.id, worker=f"{host}:{pid}:{started}")
    with connect_jobs(settings) as client:
        jobs = Jobs(settings, engine, client)
        try:
            jobs.step()
        finally:
            jobs.stop()

    assert store.get(lost.id).state is JobState.QUEUED
    assert store.get(running.id).state is JobState.RUNNING


def test_a_full_redis_is_said_once_and_jobs_go_on_when_it_has_room(
    settings: Settings,
    engine: Engine,
    picture: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = JobStore(engine)
    with connect_jobs(settings) as client:
        client.config_set("maxmemory", "1")
        thread: threading.Thread = request.getfixturevalue("running")
        until(lambda: "new jobs wait" in caplog.text)
        job = store.create("footage", {"path": str(picture), "name": "wall.png"})
        client.config_set("maxmemory", "0")

        until(lambda: store.get(job.id).state is JobState.DONE)

    assert thread.is_alive()
    assert caplog.text.count("new jobs wait") == 1


def test_a_job_that_fails_again_and_again_looks_failed(engine: Engine) -> None:
    store = JobStore(engine)
    job = store.create("footage", {"path": "x"})
    for attempt in range(1, MAX_ATTEMPTS + 1):
        begun = store.begin(job.id, worker="host:1")
        assert begun is not None
        assert begun.attempts == attempt
        store.fail(job.id, "the disk hiccuped", is_final=False)

    failed = store.get(job.id)
    assert (failed.state, failed.error) == (JobState.FAILED, "the disk hiccuped")
    assert store.begin(job.id, worker="host:1") is None


def test_a_job_whose_worker_vanishes_again_and_again_looks_failed(engine: Engine) -> None:
    store = JobStore(engine)
    job = store.create("footage", {"path": "x"})
    for _ in range(MAX_ATTEMPTS):
        store.begin(job.id, worker="host:1")
        store.release(job.id, is_counted=True)

    assert store.get(job.id).state is JobState.FAILED
    assert "ended without a word" in store.get(job.id).error


def test_only_one_worker_begins_a_job(engine: Engine) -> None:
    store = JobStore(engine)
    job = store.create("footage", {"path": "x"})

    begun: list[Job | None] = []
    threads = [
        threading.Thread(target=lambda: begun.append(store.begin(job.id, worker="host:1")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(each is not None for each in begun) == 1


def test_an_unknown_job_is_an_error(engine: Engine) -> None:
    with pytest.raises(JobError, match="there is no job 'nothing'"):
        JobStore(engine).get("nothing")


def test_old_footage_files_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    folder = tmp_path / "footage"
    folder.mkdir()
    old, new, other = folder / "old.mp4", folder / "new.mp4", tmp_path / "other.mp4"
    for path in (old, new, other):
        path.write_bytes(b"x")
    for path in (old, other):
        os.utime(path, (1000, 1000))

    assert delete_old_footage(settings, now_unix_s=time.time()) == 1

    assert [old.exists(), new.exists(), other.exists()] == [False, True, True]


def test_finished_jobs_and_their_results_are_deleted_for_their_age(database: Engine) -> None:
    store = JobStore(database)
    settings = Settings(retention=RetentionSettings(footage_days=3))
    kinds = ("done", "failed", "running", "queued")
    ids = {kind: store.create("footage", {"name": f"{kind}.mp4"}).id for kind in kinds}
    for kind in kinds[:3]:
        store.begin(ids[kind], worker="host:1")
    store.finish(ids["done"], {"faces": [{"box": [1, 2, 3, 4]}]})
    store.fail(ids["failed"], "cut off", is_final=True)
    ended = store.get(ids["failed"]).finished_at
    assert ended is not None

    assert delete_old_jobs(database, settings, now=ended + timedelta(days=2.9)) == 0
    assert delete_old_jobs(database, settings, now=ended + timedelta(days=3.1)) == 2
    assert delete_old_jobs(database, settings, now=ended + timedelta(days=3.1)) == 0

    assert {job.id for job in store.newest()} == {ids["running"], ids["queued"]}


def test_the_scheduled_deletion_takes_old_files_and_jobs(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKWATCH_CONFIG", "/dev/null")
    monkeypatch.setenv("MASKWATCH_DATA_DIR", str(settings.data_dir))
    upload = settings.data_dir / "footage" / "old.mp4"
    upload.parent.mkdir()
    upload.write_bytes(b"x")
    os.utime(upload, (1000, 1000))
    store = JobStore(engine)
    job = store.create("footage", {"path": str(upload), "name": "visit.mp4"})
    store.begin(job.id, worker="host:1")
    store.finish(job.id, {"passages": []})
    with writing(engine) as session:
        session.execute(update(JobRow).values(finished_at=datetime(2020, 1, 1, tzinfo=UTC)))

    delete_what_is_old()
    delete_what_is_old()

    assert store.newest() == []
    assert not upload.exists()

"""The recorder with a real Redis and both databases: one transaction, whatever happens."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, select, text

from maskwatch.bus import ResultLog, StatusBoard, connect
from maskwatch.bus.recorder_status import RecorderBoard
from maskwatch.config import IngestSettings, Settings
from maskwatch.contracts import Analysis, Camera, Verdict
from maskwatch.errors import StorageError
from maskwatch.replay_epoch import ReplayEpoch
from maskwatch.storage import CameraStore, last_position, migrate, open_database, reading
from maskwatch.storage.questions import counts, minute_facts, passages, total_facts
from maskwatch.storage.recordings import replay_progress
from maskwatch.storage.tables import MinuteRow, PassageRow
from tests.integration.workers.one_camera import END, START, epoch, is_finished
from tests.worlds.result_log import START_UNIX_S, Message, shuffled
from workers import recorder_main
from workers.recorder_main import Recorder


def rows(engine: Engine) -> Any:
    """Everything that was counted, without the ids."""
    with reading(engine) as session:
        passed = session.scalars(
            select(PassageRow).order_by(PassageRow.camera, PassageRow.track)
        ).all()
        minutes = session.scalars(
            select(MinuteRow).order_by(MinuteRow.camera, MinuteRow.minute)
        ).all()
        return [_values(row, without=("id",)) for row in passed], [_values(row) for row in minutes]


def _values(row: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    names = [column.key for column in row.__table__.columns if column.key not in without]
    return {name: getattr(row, name) for name in names}


def drain(recorder: Recorder, *, until_s: float = 1000.0) -> None:
    now_s = until_s
    while recorder.step(now_s, block_ms=0):
        now_s += 10.0


@pytest.fixture
def results(redis_client: redis.Redis) -> ResultLog:
    return ResultLog(redis_client)


def test_both_databases_hold_the_same_rows(
    sqlite_settings: Settings,
    postgres_settings: Settings,
    redis_settings: Settings,
    redis_client: redis.Redis,
    results: ResultLog,
) -> None:
    for camera in ("a", "b"):
        results.publish_all(epoch(camera=camera, seed=len(camera)).messages())
        StatusBoard(redis_client).set_active(camera)
    found = []
    for settings in (sqlite_settings, postgres_settings):
        engine = open_database(settings)
        migrate(engine)
        drain(Recorder(redis_settings, engine, redis_client))
        found.append(rows(engine))
        engine.dispose()

    assert found[0] == found[1]
    assert len(found[0][0]) > 20


def test_what_was_seen_is_in_the_database(
    database: Engine, redis_settings: Settings, redis_client: redis.Redis, results: ResultLog
) -> None:
    people = epoch().walkers
    results.publish_all(epoch().messages())
    CameraStore(database).add(Camera(name="a", url="/x.mp4"))

    drain(Recorder(redis_settings, database, redis_client))

    found = counts(database, "a", START, END)
    assert sum(found.values()) == pytest.approx(len(people), abs=1)
    for verdict in (Verdict.MASK, Verdict.NO_MASK, Verdict.INCORRECT):
        truth = sum(walker.verdict is verdict for walker in people)
        assert found[verdict] == pytest.approx(truth, abs=1)
    seen = passages(database, "a", START, END)
    assert [each.started_at for each in seen] == sorted(each.started_at for each in seen)
    assert all(each.started_at <= each.ended_at for each in seen)
    facts = total_facts(database, "a", START, END)
    assert (facts.watched_ms, facts.analysed, facts.dropped) == (45_000, 225, 0)
    # 14:13:30 to 14:14:15
    by_minute = minute_facts(database, "a", START, END)
    assert [each.watched_ms for _, each in by_minute] == [30_000, 15_000]
    position = last_position(database, "a")
    assert position is not None
    assert (position.last_sequence, position.last_tick, position.is_finished) == (224, 44, True)
    status = RecorderBoard(redis_client).all()["a"]
    assert (status.last_sequence, status.is_finished) == (224, True)


@pytest.mark.parametrize("seed", range(3))
def test_killed_before_any_commit_it_loses_and_repeats_nothing(
    database: Engine,
    redis_settings: Settings,
    redis_client: redis.Redis,
    results: ResultLog,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    messages = shuffled(epoch(is_replay=seed != 1, seed=2).messages(), seed=seed)
    StatusBoard(redis_client).set_active("a")
    monkeypatch.setattr(recorder_main, "ENTRIES_A_READ", 40)
    results.publish_all(messages)
    commits = 0
    now_s = 1000.0

    def commit_or_die(*arguments: Any) -> None:
        nonlocal commits
        commits += 1
        if commits % 2 == seed % 2:
            raise KeyboardInterrupt
        real_commit(*arguments)

    real_commit = recorder_main.commit
    monkeypatch.setattr(recorder_main, "commit", commit_or_die)
    recorder = Recorder(redis_settings, database, redis_client)
    for _ in range(60):
        now_s += 1.0
        try:
            recorder.step(now_s, block_ms=0)
        except KeyboardInterrupt:
            recorder = Recorder(redis_settings, database, redis_client)
    assert commits > 8
    disturbed = rows(database)

    monkeypatch.setattr(recorder_main, "commit", real_commit)
    for table in ("passages", "minutes", "recorder_state"):
        with database.begin() as connection:
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - our own names
    drain(Recorder(redis_settings, database, redis_client))
    assert disturbed == rows(database)
    assert len(disturbed[0]) > 5


def test_a_failed_commit_leaves_nothing_behind(
    database: Engine, redis_settings: Settings, redis_client: redis.Redis, results: ResultLog
) -> None:
    results.publish_all(epoch().messages())
    StatusBoard(redis_client).set_active("a")
    with database.begin() as connection:
        # The last table of the transaction is missing.
        connection.execute(text("ALTER TABLE minutes RENAME TO elsewhere"))

    with pytest.raises(StorageError, match="tables of another version"):
        Recorder(redis_settings, database, redis_client).step(1000.0, block_ms=0)

    assert last_position(database, "a") is None
    assert sum(counts(database, "a", START, END).values()) == 0
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO minutes"))
    drain(Recorder(redis_settings, database, redis_client))
    assert sum(counts(database, "a", START, END).values()) > 5


def test_a_second_recorder_is_noticed_and_nothing_counts_twice(
    database: Engine, redis_settings: Settings, redis_client: redis.Redis, results: ResultLog
) -> None:
    messages = epoch().messages()
    StatusBoard(redis_client).set_active("a")
    results.publish_all(messages[:100])
    first = Recorder(redis_settings, database, redis_client)
    first.step(1000.0, block_ms=0)
    second = Recorder(redis_settings, database, redis_client)
    second.step(1000.0, block_ms=0)

    results.publish_all(messages[100:])
    second.step(1001.0, block_ms=0)
    with pytest.raises(StorageError, match="another recorder"):
        first.step(1001.0, block_ms=0)

    total = total_facts(database, "a", START, END)
    assert (total.analysed, total.watched_ms) == (225, 45_000)


@pytest.mark.usefixtures("own_redis")
def test_a_full_redis_stops_no_counting_and_is_said_once(
    database: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(data_dir=tmp_path)
    with connect(settings) as client:
        results = ResultLog(client)
        StatusBoard(client).set_active("a")
        results.publish_all(epoch().messages())
        client.config_set("maxmemory", "1")
        recorder = Recorder(settings, database, client)

        monkeypatch.setattr(recorder_main, "ENTRIES_A_READ", 100)
        for step in range(3):
            assert recorder.step(1000.0 + step, block_ms=0) == 1
        position = last_position(database, "a")
        assert position is not None
        assert position.is_finished
        assert caplog.text.count("has used up its memory") == 1
        assert RecorderBoard(client).all() == {}

        client.config_set("maxmemory", "0")
        results.publish_all(epoch(camera="b").messages())
        StatusBoard(client).set_active("b")
        drain(recorder, until_s=2000.0)
        assert RecorderBoard(client).all()["b"].is_finished
    assert total_facts(database, "a", START, END).analysed == 225


def test_a_camera_is_waited_for_as_long_as_its_rate_and_the_queue_demand(
    database: Engine,
    redis_settings: Settings,
    redis_client: redis.Redis,
    results: ResultLog,
) -> None:
    settings = redis_settings.with_changes(ingest=IngestSettings(queue_frames=20))
    CameraStore(database).add(Camera(name="a", url="rtsp://h/", fps=5.0))
    *most, last = [
        message for message in epoch(is_replay=False).messages()[:12] if _sequence(message) != 3
    ]
    results.publish_all(most)
    recorder = Recorder(settings, database, redis_client)

    def counted_up_to() -> int:
        position = last_position(database, "a")
        return position.last_sequence if position else -1

    recorder.step(1000.0, block_ms=0)
    recorder.step(1004.9, block_ms=0)
    assert counted_up_to() == 2, "20 pictures at 5 a second may wait for 4 s"
    CameraStore(database).update("a", fps=20.0)
    recorder.step(1006.0, block_ms=0)
    assert counted_up_to() == 2, "it is made anew and begins to wait again"
    recorder.step(1008.9, block_ms=0)
    assert counted_up_to() == 2
    results.publish_all([last])
    recorder.step(1009.1, block_ms=0)
    assert counted_up_to() > 3


def test_a_replay_that_is_removed_while_it_is_off_keeps_what_it_has_seen(
    database: Engine, redis_settings: Settings, redis_client: redis.Redis, results: ResultLog
) -> None:
    store = CameraStore(database)
    store.add(Camera(name="a", url="/day.mp4", is_replay=True))
    results.publish_all(epoch().messages()[:120])
    recorder = Recorder(redis_settings, database, redis_client)
    drain(recorder)
    store.update("a", enabled=False)
    recorder.step(2000.0, block_ms=0)
    before = sum(counts(database, "a", START, END).values())
    assert is_finished(database) is False

    store.remove("a")
    recorder.step(2010.0, block_ms=0)

    assert is_finished(database) is True
    assert sum(counts(database, "a", START, END).values()) > before


def test_how_far_a_recording_is_counted_is_committed_with_its_rows(
    database: Engine, redis_settings: Settings, redis_client: redis.Redis, results: ResultLog
) -> None:
    name = ReplayEpoch(
        revision=1, recording="day", start_unix_s=int(START_UNIX_S), fps="5", from_ms=0
    )
    messages = replace(epoch(), name=str(name)).messages()
    CameraStore(database).add(Camera(name="a", url="/day.mp4", is_replay=True))
    assert replay_progress(database, "a", "day").counted.until_s == 0.0
    recorder = Recorder(redis_settings, database, redis_client)

    results.publish_all(messages[:120])
    drain(recorder)
    progress = replay_progress(database, "a", "day")
    assert progress.position is not None
    assert (progress.counted.until_s, progress.counted.ended) == (20.0, "")
    assert progress.position.last_tick == 19

    results.publish_all(messages[120:])
    drain(recorder)
    assert replay_progress(database, "a", "day").counted.ended == "whole"
    assert replay_progress(database, "a", "other").counted.ended == ""
    assert replay_progress(database, "b", "day").counted.ended == ""


def _sequence(message: Message) -> int:
    return message.header.sequence if isinstance(message, Analysis) else -1

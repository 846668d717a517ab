"""Results, status and views on a real Redis."""

import time

import pytest
import redis

from maskwatch.bus import ResultLog, StatusBoard, Views, delete_camera
from maskwatch.bus import results as results_module
from maskwatch.bus.results import START
from maskwatch.contracts import (
    Analysis,
    CameraState,
    CameraStatus,
    Face,
    FrameHeader,
    Verdict,
    Watch,
    WorkerStatus,
    results_key,
    view_key,
    worker_key,
)
from maskwatch.geometry import Box

FACE = Face(
    box=Box(1.5, 2.0, 30.0, 40.0),
    score=0.9,
    label=Verdict.MASK,
    probabilities={"mask": 0.9, "no_mask": 0.07, "incorrect": 0.03},
    quality=0.8,
)


def _analysis(sequence: int, *, camera: str = "door", is_replay: bool = False) -> Analysis:
    return Analysis(
        header=FrameHeader(
            camera=camera,
            epoch="e1",
            sequence=sequence,
            captured_at_unix_s=1.25,
            media_time_s=0.5,
            width=640,
            height=360,
            is_replay=is_replay,
        ),
        faces=(FACE,),
        timings_ms={"detect": 4.5},
        analysed_at_unix_s=2.5,
        worker="w1",
    )


def _watch(tick: int) -> Watch:
    return Watch(
        camera="door",
        epoch="e1",
        tick=tick,
        from_unix_s=1.0,
        until_unix_s=2.0,
        state=CameraState.LIVE,
        rejected={"dark": 2},
        dropped_sequences=(3, 4),
    )


def test_messages_come_back_as_they_were_and_in_order(redis_client: redis.Redis) -> None:
    log = ResultLog(redis_client)
    sent = [_analysis(0), _watch(0), _analysis(1)]
    positions = log.publish_all(sent)
    entries = log.read({"door": START})
    assert [entry.message for entry in entries] == sent
    assert [entry.stream_id for entry in entries] == positions
    assert log.last_position("door") == positions[-1]


def test_reading_goes_on_behind_a_position(redis_client: redis.Redis) -> None:
    log = ResultLog(redis_client)
    first = log.publish(_analysis(0))
    log.publish(_analysis(1))
    (entry,) = log.read({"door": first, "other": START})
    assert isinstance(entry.message, Analysis)
    assert entry.message.header.sequence == 1
    assert log.read({"door": entry.stream_id}) == []
    assert log.read({}) == []


def test_live_results_go_after_ten_minutes_and_a_replays_stay(redis_client: redis.Redis) -> None:
    old_ms = int((time.time() - results_module.KEEP_S - 60) * 1000)
    for camera in ("live", "replay"):
        for n in range(500):
            redis_client.xadd(results_key(camera), {"t": "old", "m": "x"}, id=f"{old_ms}-{n + 1}")
    log = ResultLog(redis_client)
    log.publish(_analysis(0, camera="live"))
    log.publish(_analysis(0, camera="replay", is_replay=True))
    assert redis_client.xlen(results_key("live")) < 200
    assert redis_client.xlen(results_key("replay")) == 501


def test_a_result_that_cannot_be_read_is_left_out_and_said(
    redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    log = ResultLog(redis_client)
    redis_client.xadd(results_key("door"), {"t": "analysis", "m": "{"})
    log.publish(_watch(0))
    assert [entry.message for entry in log.read({"door": START})] == [_watch(0)]
    assert "camera door" in caplog.text


def test_a_field_of_a_later_version_is_no_obstacle(redis_client: redis.Redis) -> None:
    message = b'{"camera":"door","epoch":"e","tick":1,"from_unix_s":1,"until_unix_s":2,'
    message += b'"state":"live","new_field":[1]}'
    redis_client.xadd(results_key("door"), {"t": "watch", "m": message})
    (entry,) = ResultLog(redis_client).read({"door": START})
    assert isinstance(entry.message, Watch)
    assert entry.message.tick == 1


def test_a_removed_cameras_results_expire_and_a_new_camera_of_that_name_keeps_its_own(
    redis_client: redis.Redis,
) -> None:
    log, board = ResultLog(redis_client), StatusBoard(redis_client)
    board.set_active("door")
    board.put_camera(CameraStatus(camera="door", state=CameraState.LIVE, updated_at_unix_s=1.0))
    log.publish(_watch(0))
    delete_camera(redis_client, "door")
    assert board.active_cameras() == []
    assert board.cameras(["door"]) == {"door": None}
    assert 0 < redis_client.ttl(results_key("door")) <= 600
    log.publish(_watch(0))
    assert redis_client.ttl(results_key("door")) == -1


def test_the_status_board_tells_the_newest_word(redis_client: redis.Redis) -> None:
    board = StatusBoard(redis_client)
    for name in ("b", "a", "a"):
        board.set_active(name)
    board.clear_active("b")
    assert board.active_cameras() == ["a"]
    status = CameraStatus(
        camera="a", state=CameraState.OFFLINE, updated_at_unix_s=5.0, reason="timeout"
    )
    board.put_camera(status)
    assert board.cameras(["a", "b"]) == {"a": status, "b": None}


def test_a_worker_that_falls_silent_disappears(redis_client: redis.Redis) -> None:
    board = StatusBoard(redis_client)
    status = WorkerStatus(
        name="w1",
        pid=1,
        host="h",
        device="cpu",
        detector="builtin",
        classifier="builtin",
        started_at_unix_s=1.0,
        updated_at_unix_s=2.0,
        busy_ms_total={"detect": 3.5},
    )
    board.put_worker(status)
    assert board.workers() == [status]
    assert 0 < redis_client.ttl(worker_key("w1")) <= 5
    board.clear_worker("w1")
    assert board.workers() == []


def test_only_watched_cameras_are_named(redis_client: redis.Redis) -> None:
    views = Views(redis_client)
    views.watch(["a", "b"], ttl_s=60)
    assert views.watched(["a", "c"]) == {"a"}
    assert views.watched([]) == set()


def test_a_view_is_the_newest_picture_and_nothing_else(redis_client: redis.Redis) -> None:
    views = Views(redis_client)
    assert views.publish("a", b"one", {"sequence": 1}, offered_at_unix_s=10.0)
    (first,) = views.read({"a": "", "b": ""})
    assert views.publish("a", b"two", {"sequence": 2, "faces": []}, offered_at_unix_s=10.2)
    (second,) = views.read({"a": first.stream_id})
    assert (second.jpeg, second.meta) == (b"two", {"sequence": 2, "faces": []})
    assert redis_client.xlen(view_key("a")) == 1
    assert 0 < redis_client.ttl(view_key("a")) <= 15


def test_a_picture_finished_late_does_not_replace_a_later_one(redis_client: redis.Redis) -> None:
    views = Views(redis_client)
    views.publish("a", b"later", {"sequence": 2}, offered_at_unix_s=10.2)
    assert not views.publish("a", b"earlier", {"sequence": 1}, offered_at_unix_s=10.0)
    assert [view.jpeg for view in views.read({"a": ""})] == [b"later"]

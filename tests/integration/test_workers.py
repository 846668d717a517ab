"""The inference worker on a real Redis, with a fake network whose answer is in the pixels."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import redis

from maskwatch.bus import (
    EmbeddedRedis,
    FrameQueue,
    ResultLog,
    StatusBoard,
    Views,
)
from maskwatch.bus.results import START
from maskwatch.config import Settings, WorkerSettings
from maskwatch.contracts import Analysis, Face, FrameHeader, Verdict, frames_key
from maskwatch.errors import ModelError
from maskwatch.geometry import Box
from tests.support.redis_server import Connect
from tests.support.waiting import wait_for
from workers.analyse import Analysed, Analyser, Picture
from workers.worker import Worker

MASKS = {0: Verdict.NO_MASK, 255: Verdict.MASK}


class PixelAnalyser(Analyser):
    """One face in each picture, masked where the picture is white; refuses pictures of grey 128."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def analyse(self, pictures: list[Picture]) -> Analysed:  # type: ignore[override]
        self.batches.append(len(pictures))
        if any(abs(int(picture[0, 0, 0]) - 128) < 4 for picture in pictures):
            raise ModelError("grey pictures are not taken")
        faces = [(_face(MASKS[round(picture[0, 0, 0] / 255) * 255]),) for picture in pictures]
        return Analysed(faces, {"detect": 4.0, "classify": 2.0})


def _face(label: Verdict) -> Face:
    probabilities = {"mask": 0.9, "no_mask": 0.08, "incorrect": 0.02}
    return Face(
        box=Box(10, 10, 40, 50), score=0.9, label=label, probabilities=probabilities, quality=1.0
    )


def _jpeg(shade: int) -> bytes:
    picture = np.full((72, 128, 3), shade, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def _offer(
    client: redis.Redis,
    sequence: int,
    jpeg: bytes,
    *,
    camera: str = "door",
    is_replay: bool = False,
) -> None:
    header = FrameHeader(
        camera=camera,
        epoch="e1",
        sequence=sequence,
        captured_at_unix_s=time.time(),
        media_time_s=sequence / 5,
        width=128,
        height=72,
        is_replay=is_replay,
        offered_at_unix_s=time.time() - 0.25,
    )
    StatusBoard(client).set_active(camera)
    assert FrameQueue(client).offer(header, jpeg, limit=64).accepted


def _analyses(client: redis.Redis, camera: str = "door") -> list[Analysis]:
    entries = ResultLog(client).read({camera: START}, count=1000)
    messages = [entry.message for entry in entries if isinstance(entry.message, Analysis)]
    return sorted(messages, key=lambda message: message.header.sequence)


class Clock:
    """Monotonic seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worker(
    redis_settings: Settings, redis_client: redis.Redis, stop: threading.Event, clock: Clock
) -> Worker:
    return Worker(redis_settings, redis_client, PixelAnalyser(), stop=stop, clock=clock)


def test_what_waits_on_all_cameras_becomes_one_batch_of_results(
    worker: Worker, redis_client: redis.Redis
) -> None:
    _offer(redis_client, 0, _jpeg(255), camera="a")
    _offer(redis_client, 0, _jpeg(0), camera="b")
    _offer(redis_client, 1, _jpeg(0), camera="a")
    assert worker.step() == 3
    labels = {
        camera: [message.faces[0].label for message in _analyses(redis_client, camera)]
        for camera in ("a", "b")
    }
    assert labels == {"a": [Verdict.MASK, Verdict.NO_MASK], "b": [Verdict.NO_MASK]}
    assert redis_client.xlen(frames_key("a")) == redis_client.xlen(frames_key("b")) == 0


def test_a_result_says_how_long_each_stage_took(worker: Worker, redis_client: redis.Redis) -> None:
    for n in range(4):
        _offer(redis_client, n, _jpeg(0))
    worker.step()
    (first, *_) = _analyses(redis_client)
    assert (first.timings_ms["detect"], first.timings_ms["classify"]) == (1.0, 0.5)
    assert first.timings_ms["wait"] >= 250
    assert first.timings_ms["decode"] > 0
    assert first.worker == worker.status.name


def test_a_batch_is_no_larger_than_configured(
    redis_settings: Settings, redis_client: redis.Redis, stop: threading.Event
) -> None:
    analyser = PixelAnalyser()
    settings = redis_settings.with_changes(workers=WorkerSettings(batch_frames=2))
    worker = Worker(settings, redis_client, analyser, stop=stop)
    for n in range(5):
        _offer(redis_client, n, _jpeg(0))
    while worker.step():
        pass
    assert analyser.batches == [2, 2, 1]


@pytest.mark.parametrize("jpeg", [b"", b"no picture at all", _jpeg(0)[:-40]])
def test_a_frame_that_is_no_whole_jpeg_is_answered_with_an_error(
    worker: Worker, redis_client: redis.Redis, jpeg: bytes
) -> None:
    _offer(redis_client, 0, jpeg)
    _offer(redis_client, 1, _jpeg(255))
    worker.step()
    bad, good = _analyses(redis_client)
    assert "JPEG" in bad.error
    assert bad.faces == ()
    assert (good.error, good.faces[0].label) == ("", Verdict.MASK)
    assert worker.status.errors_total == 1


def test_one_picture_that_the_networks_refuse_does_not_spoil_the_others(
    worker: Worker, redis_client: redis.Redis
) -> None:
    for n, shade in enumerate((255, 128, 0)):
        _offer(redis_client, n, _jpeg(shade))
    worker.step()
    first, refused, last = _analyses(redis_client)
    assert "grey pictures" in refused.error
    assert [m.faces[0].label for m in (first, last)] == [Verdict.MASK, Verdict.NO_MASK]


def test_a_frame_that_three_workers_took_is_answered_with_an_error(
    worker: Worker, redis_client: redis.Redis
) -> None:
    _offer(redis_client, 0, _jpeg(255))
    queue = FrameQueue(redis_client)
    queue.take("dead-1", ["door"], count=1)
    for _ in range(2):
        queue.reclaim("dead-1", ["door"], idle_ms=0)
    dead = worker.status.name.rpartition("-")[0] + "-999999999"
    queue.reclaim(dead, ["door"], idle_ms=0)
    worker.step()
    (answer,) = _analyses(redis_client)
    assert "never answered" in answer.error
    assert redis_client.xlen(frames_key("door")) == 0


def test_frames_of_a_dead_worker_of_this_host_are_taken_over_at_once(
    worker: Worker, redis_client: redis.Redis
) -> None:
    for n in range(3):
        _offer(redis_client, n, _jpeg(255))
    dead = worker.status.name.rpartition("-")[0] + "-999999999"
    FrameQueue(redis_client).take(dead, ["door"], count=8)
    while worker.step():
        pass
    assert [answer.header.sequence for answer in _analyses(redis_client)] == [0, 1, 2]
    assert worker.status.reclaimed_total == 3


def test_frames_of_a_living_worker_are_left_to_it(
    worker: Worker, redis_client: redis.Redis
) -> None:
    _offer(redis_client, 0, _jpeg(255))
    alive = worker.status.name.rpartition("-")[0] + f"-{os.getppid()}"
    FrameQueue(redis_client).take(alive, ["door"], count=8)
    assert worker.step() == 0
    assert _analyses(redis_client) == []


def test_names_of_dead_workers_do_not_pile_up(worker: Worker, redis_client: redis.Redis) -> None:
    host = worker.status.name.rpartition("-")[0]
    queue = FrameQueue(redis_client)
    _offer(redis_client, 0, _jpeg(0))
    queue.acknowledge(queue.take(f"{host}-999999999", ["door"], count=1))
    _offer(redis_client, 1, _jpeg(0))
    worker.step()
    assert set(queue.consumers(["door"])) == {worker.status.name}


def test_a_file_that_ended_is_analysed_to_its_last_frame(
    worker: Worker, redis_client: redis.Redis
) -> None:
    _offer(redis_client, 0, _jpeg(0), is_replay=True)
    StatusBoard(redis_client).clear_active("door")
    worker.step()
    assert len(_analyses(redis_client)) == 1


def test_a_picture_is_drawn_only_while_somebody_watches(
    worker: Worker, redis_client: redis.Redis
) -> None:
    views = Views(redis_client)
    for camera in ("a", "b"):
        _offer(redis_client, 0, _jpeg(255), camera=camera)
    views.watch(["a"], ttl_s=60)
    worker.step()
    (view,) = views.read({"a": "", "b": ""})
    assert view.camera == "a"
    assert view.jpeg.startswith(b"\xff\xd8")
    assert (view.meta["sequence"], view.meta["width"], view.meta["height"]) == (0, 128, 72)
    assert view.meta["faces"][0]["label"] == "mask"
    assert "annotate" in worker.status.busy_ms_total


def test_a_worker_says_what_it_does_once_a_second(
    worker: Worker, redis_client: redis.Redis, clock: Clock
) -> None:
    board = StatusBoard(redis_client)
    worker.step()
    _offer(redis_client, 0, _jpeg(255))
    clock.now = 0.9
    worker.step()
    assert [status.frames_total for status in board.workers()] == [0]
    clock.now = 1.1
    worker.step()
    (status,) = board.workers()
    assert (status.frames_total, status.faces_total, status.batches_total) == (1, 1, 1)
    assert status.busy_ms_total["detect"] == 4.0


def test_results_that_find_no_memory_are_lost_live_and_kept_in_a_replay(
    worker: Worker,
    redis_client: redis.Redis,
    stop: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _offer(redis_client, 0, _jpeg(0), camera="live")
    _offer(redis_client, 0, _jpeg(0), camera="file", is_replay=True)
    worker.step()
    _offer(redis_client, 1, _jpeg(0), camera="live")
    _offer(redis_client, 1, _jpeg(0), camera="file", is_replay=True)
    tries: list[float] = []

    def room_comes(seconds: float) -> bool:
        tries.append(seconds)
        if len(tries) == 3:
            redis_client.config_set("maxmemory", "512mb")
        return False

    monkeypatch.setattr(stop, "wait", room_comes)
    redis_client.config_set("maxmemory", 1)
    try:
        worker.step()
    finally:
        redis_client.config_set("maxmemory", "512mb")
    assert [a.header.sequence for a in _analyses(redis_client, "live")] == [0]
    assert [a.header.sequence for a in _analyses(redis_client, "file")] == [0, 1]
    assert redis_client.xlen(frames_key("live")) == 0
    assert caplog.text.count("has used up its memory") == 1


def test_a_worker_waits_for_a_redis_that_is_killed_and_goes_on(
    own_redis: EmbeddedRedis,
    connect_to: Connect,
    tmp_path: Path,
    stop: threading.Event,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(data_dir=tmp_path)
    client = connect_to(settings)
    worker = Worker(settings, connect_to(settings), PixelAnalyser(), stop=stop)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        _offer(client, 0, _jpeg(0))
        wait_for(lambda: _analyses(client), what="the first result")
        assert own_redis.pid is not None
        os.kill(own_redis.pid, signal.SIGKILL)
        wait_for(lambda: "cannot be reached" in caplog.text, what="the worker to say so")
        own_redis.start()
        _offer(client, 1, _jpeg(0))
        wait_for(lambda: _analyses(client), what="a result after the restart")
    finally:
        stop.set()
        thread.join()
    assert caplog.text.count("waiting for it") == 1
    assert StatusBoard(client).workers() == []

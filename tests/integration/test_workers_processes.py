"""Real worker processes with the built-in networks: kill -9, stop, and refusing to start."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import redis

from maskwatch.bus import FrameQueue, ResultLog, StatusBoard
from maskwatch.bus.results import START
from maskwatch.config import RedisSettings, Settings, WorkerSettings
from maskwatch.contracts import Analysis, FrameHeader, frames_key
from maskwatch.errors import MaskwatchError
from maskwatch.supervisor.environment import child_environment
from tests.support.waiting import wait_for
from workers import main

FRAMES = 120


def _jpeg() -> bytes:
    noise = np.random.default_rng(3).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


def _offer_all(client: redis.Redis, camera: str) -> None:
    queue, jpeg = FrameQueue(client), _jpeg()
    StatusBoard(client).set_active(camera)
    for sequence in range(FRAMES):
        header = FrameHeader(
            camera=camera,
            epoch="e1",
            sequence=sequence,
            captured_at_unix_s=1000.0 + sequence,
            media_time_s=float(sequence),
            width=640,
            height=360,
            is_replay=True,
        )
        assert queue.offer(header, jpeg, limit=FRAMES).accepted


def _answers(client: redis.Redis, camera: str) -> list[Analysis]:
    entries = ResultLog(client).read({camera: START}, count=10 * FRAMES)
    return [entry.message for entry in entries if isinstance(entry.message, Analysis)]


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def two_workers(
    redis_settings: Settings, redis_client: redis.Redis, stop: threading.Event
) -> Iterator[StatusBoard]:
    """Two workers with their parent in a thread of this process, ready."""
    settings = redis_settings.with_changes(workers=WorkerSettings(batch_frames=4, threads=1))
    thread = threading.Thread(
        target=main.run, args=(settings, stop), kwargs={"processes": 2, "device": "cpu"}
    )
    thread.start()
    board = StatusBoard(redis_client)
    try:
        wait_for(lambda: len(board.workers()) == 2, what="two workers", timeout_s=60)
        yield board
    finally:
        stop.set()
        thread.join()


def test_a_worker_killed_at_work_loses_nothing(
    two_workers: StatusBoard, redis_client: redis.Redis
) -> None:
    before = {status.pid for status in two_workers.workers()}
    _offer_all(redis_client, "door")
    killed = []
    for share in (0.1, 0.4):
        wait_for(lambda s=share: len(_answers(redis_client, "door")) >= s * FRAMES, what="results")
        victim = _busy_worker(redis_client, exclude=killed)
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)
    wait_for(
        lambda: {a.header.sequence for a in _answers(redis_client, "door")} == set(range(FRAMES)),
        what="an answer to every frame",
        timeout_s=60,
    )
    assert all(answer.error == "" for answer in _answers(redis_client, "door"))
    wait_for(lambda: redis_client.xlen(frames_key("door")) == 0, what="an empty stream")
    wait_for(
        lambda: len({s.pid for s in two_workers.workers()} - set(killed)) == 2,
        what="replacements",
        timeout_s=60,
    )
    assert before != {status.pid for status in two_workers.workers()}


def _busy_worker(client: redis.Redis, *, exclude: list[int]) -> int:
    """Pid of a worker that owes an answer at this moment."""
    found: list[int] = []

    def look() -> bool:
        owing = FrameQueue(client).consumers(["door"]).items()
        pids = [int(name.rpartition("-")[2]) for name, each in owing if each.pending]
        found[:] = [pid for pid in pids if pid not in exclude and psutil.pid_exists(pid)]
        return bool(found)

    wait_for(look, what="a worker with pending frames")
    return found[0]


def test_workers_end_with_their_parent_and_leave_no_name(
    redis_settings: Settings, redis_client: redis.Redis, stop: threading.Event
) -> None:
    board = StatusBoard(redis_client)
    thread = threading.Thread(target=main.run, args=(redis_settings, stop), kwargs={"processes": 2})
    thread.start()
    wait_for(lambda: len(board.workers()) == 2, what="two workers", timeout_s=60)
    pids = [status.pid for status in board.workers()]
    stop.set()
    thread.join(timeout=main.STOP_S + 2)
    assert not thread.is_alive()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert board.workers() == []


def test_workers_end_when_their_parent_is_killed(
    redis_settings: Settings, redis_client: redis.Redis
) -> None:
    parent = _start_role(redis_settings, "--processes", "2")
    board = StatusBoard(redis_client)
    try:
        wait_for(lambda: len(board.workers()) == 2, what="two workers", timeout_s=60)
        pids = [status.pid for status in board.workers()]
    finally:
        parent.kill()
        parent.communicate()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), what="the workers to end")


def test_a_single_worker_needs_no_second_process(
    redis_settings: Settings, redis_client: redis.Redis
) -> None:
    process = _start_role(redis_settings, "--processes", "1")
    board = StatusBoard(redis_client)
    try:
        wait_for(board.workers, what="a worker", timeout_s=60)
        assert [status.pid for status in board.workers()] == [process.pid]
        process.terminate()
        _, said = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, said


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"classifier": "no/such/card.json"}, "no/such/card.json"),
        ({"detector": "unheard-of"}, "workers.detector"),
        ({"device": "gpu"}, "device gpu"),
    ],
)
def test_networks_that_cannot_be_loaded_end_the_role_in_one_line(
    redis_settings: Settings,
    stop: threading.Event,
    processes: int,
    changes: dict[str, str],
    says: str,
) -> None:
    if "device" in changes and Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has an NVIDIA GPU")
    settings = redis_settings.with_changes(workers=WorkerSettings(**changes))  # type: ignore[arg-type]
    with pytest.raises(MaskwatchError, match=says) as caught:
        main.run(settings, stop, processes=processes)
    assert "\n" not in str(caught.value)


def test_a_wrong_login_ends_the_role_with_one_line_and_code_1(redis_settings: Settings) -> None:
    url = f"{redis_settings.redis.url.get_secret_value()}?password=hunter2"
    settings = redis_settings.with_changes(redis=RedisSettings(url=url))
    process = _start_role(settings)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    errors = [line for line in said.splitlines() if "ERROR" in line]
    assert len(errors) == 1
    assert "refuses the log-in" in errors[0]
    assert "hunter2" not in said


def _start_role(settings: Settings, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "maskwatch", "work", *arguments],
        env=child_environment(settings, role="work"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

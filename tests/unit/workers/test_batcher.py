"""When the batcher asks for what, on a clock that passes when told, with a queue of its own."""

from collections.abc import Sequence
from typing import Any

from maskwatch.bus import TakenFrame
from maskwatch.bus.frames import Consumer
from maskwatch.contracts import FrameHeader
from workers.batcher import CAMERAS_EVERY_S, FORGET_IDLE_MS, RECLAIM_IDLE_MS, Batcher


def _frame(sequence: int, *, deliveries: int = 1) -> TakenFrame:
    header = FrameHeader(
        camera="a",
        epoch="e",
        sequence=sequence,
        captured_at_unix_s=0.0,
        media_time_s=0.0,
        width=1,
        height=1,
    )
    return TakenFrame(header, b"", f"{sequence}-0", deliveries)


class FakeQueue:
    """Holds frames that wait, and frames that workers owe."""

    def __init__(self) -> None:
        self.waiting: list[TakenFrame] = []
        self.owed: dict[str, list[TakenFrame]] = {}
        self.known: dict[str, Consumer] = {}
        self.forgotten: list[str] = []
        self.looked_at: list[list[str]] = []
        self.idle_asked: list[int] = []

    def cameras(self) -> list[str]:
        return ["left-over"]

    def take(
        self, consumer: str, cameras: Sequence[str], *, count: int, block_ms: int
    ) -> list[TakenFrame]:
        self.looked_at.append(list(cameras))
        taken, self.waiting = self.waiting, []
        return taken

    def consumers(self, cameras: Sequence[str]) -> dict[str, Consumer]:
        owing = {name: Consumer(len(frames), 0) for name, frames in self.owed.items()}
        return {**self.known, **owing}

    def reclaim(
        self, consumer: str, cameras: Sequence[str], *, idle_ms: int, of: str | None = None
    ) -> tuple[list[TakenFrame], list[TakenFrame]]:
        self.idle_asked.append(idle_ms)
        frames = self.owed.get(of, []) if of else []
        return ([frames.pop(0)], []) if frames else ([], [])

    def forget_consumer(self, consumer: str, cameras: Sequence[str]) -> None:
        self.forgotten.append(consumer)


class FakeBoard:
    """Knows the cameras."""

    def __init__(self, *cameras: str) -> None:
        self.cameras = list(cameras)

    def active_cameras(self) -> list[str]:
        return self.cameras


def _batcher(queue: Any, board: Any, *, now: list[float], batch_frames: int = 4) -> Batcher:
    return Batcher(
        queue,
        board,
        consumer="me",
        batch_frames=batch_frames,
        clock=lambda: now[0],
        is_dead=lambda name: name.startswith("dead"),
    )


def test_a_new_camera_is_read_within_half_a_second() -> None:
    queue, board, now = FakeQueue(), FakeBoard("a"), [0.0]
    batcher = _batcher(queue, board, now=now)
    batcher.next(block_ms=0)
    board.cameras.append("b")
    batcher.next(block_ms=0)
    now[0] = CAMERAS_EVERY_S
    batcher.next(block_ms=0)
    assert queue.looked_at == [["a", "left-over"], ["a", "left-over"], ["a", "b", "left-over"]]


def test_more_frames_than_a_batch_holds_are_kept_for_the_next() -> None:
    queue, now = FakeQueue(), [0.0]
    batcher = _batcher(queue, FakeBoard("a"), now=now)
    queue.waiting = [_frame(n) for n in range(6)]
    sizes = [len(batcher.next(block_ms=0).frames) for _ in range(3)]
    assert sizes == [4, 2, 0]


def test_what_the_dead_left_comes_first_and_one_by_one() -> None:
    queue, now = FakeQueue(), [0.0]
    batcher = _batcher(queue, FakeBoard("a"), now=now)
    queue.waiting = [_frame(9)]
    queue.owed = {"dead-1": [_frame(0), _frame(1)], "alive": [_frame(5)]}
    batches = [batcher.next(block_ms=0) for _ in range(3)]
    assert [[f.header.sequence for f in batch.frames] for batch in batches] == [[0], [1], [9]]
    assert [batch.is_reclaimed for batch in batches] == [True, True, False]
    assert len(queue.owed["alive"]) == 1


def test_workers_of_other_hosts_are_given_time() -> None:
    queue, now = FakeQueue(), [0.0]
    _batcher(queue, FakeBoard("a"), now=now).next(block_ms=0)
    assert queue.idle_asked == [RECLAIM_IDLE_MS]


def test_names_of_workers_that_will_not_come_back_are_forgotten() -> None:
    queue, now = FakeQueue(), [0.0]
    queue.known = {
        "dead-1": Consumer(0, 0),
        "other-host-5": Consumer(0, FORGET_IDLE_MS + 1),
        "other-host-6": Consumer(0, 5),
        "me": Consumer(0, FORGET_IDLE_MS + 1),
    }
    batcher = _batcher(queue, FakeBoard("a"), now=now)
    batcher.next(block_ms=0)
    assert queue.forgotten == ["dead-1", "other-host-5"]
    batcher.leave()
    assert queue.forgotten[-1] == "me"

"""What a worker analyses next: what waits on all cameras, and what a dead worker left."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from maskwatch.bus import FrameQueue, StatusBoard, TakenFrame
from workers.agreement import is_known_dead

CAMERAS_EVERY_S: Final = 0.5
RECLAIM_EVERY_S: Final = 1.0
RECLAIM_IDLE_MS: Final = 10_000
"""A frame taken so long ago has no worker any more. (A slow worker's is then analysed twice.)"""

FORGET_IDLE_MS: Final = 3_600_000
"""A worker of another host that has not asked for frames for so long does not come back."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames to answer.

    Attributes:
        frames: Analyse these.
        poisoned: Answer these with an error: each has been taken too often.
        is_reclaimed: They were taken by another worker before.
    """

    frames: list[TakenFrame]
    poisoned: list[TakenFrame]
    is_reclaimed: bool = False


class Batcher:
    """Takes batches for one worker. Raises `BusError` where Redis fails."""

    def __init__(
        self,
        queue: FrameQueue,
        board: StatusBoard,
        *,
        consumer: str,
        batch_frames: int,
        clock: Callable[[], float] = time.monotonic,
        is_dead: Callable[[str], bool] = is_known_dead,
    ) -> None:
        """Prepare to take.

        Args:
            queue: Where the frames are.
            board: Knows the cameras.
            consumer: Name of this worker.
            batch_frames: Most frames of one batch.
            clock: Monotonic seconds.
            is_dead: Whether the worker of this name is known to have ended.
        """
        self._queue = queue
        self._board = board
        self._consumer = consumer
        self._batch_frames = batch_frames
        self._clock = clock
        self._is_dead = is_dead
        self._cameras: list[str] = []
        self._cameras_at = self._searched_at = float("-inf")
        self._debtors: list[str] = []
        self._may_be_left = False
        self._spare: list[TakenFrame] = []

    def next(self, *, block_ms: int) -> Batch:
        """Take what waits; where nothing does, wait up to `block_ms` for a first frame."""
        now = self._clock()
        if now - self._cameras_at >= CAMERAS_EVERY_S:
            # A file whose ingest has ended may have left its last frames.
            self._cameras = sorted({*self._board.active_cameras(), *self._queue.cameras()})
            self._cameras_at = now
        if now - self._searched_at >= RECLAIM_EVERY_S:
            self._search_for_the_dead()
            self._searched_at = now
        left = self._left_by_the_dead()
        if left.frames or left.poisoned:
            return left
        if not self._spare:
            self._spare = self._queue.take(
                self._consumer, self._cameras, count=self._batch_frames, block_ms=block_ms
            )
        batch = self._spare[: self._batch_frames]
        self._spare = self._spare[self._batch_frames :]
        return Batch(batch, [])

    @property
    def has_cameras(self) -> bool:
        """Whether there was any camera to take from, and so `next` waited."""
        return bool(self._cameras)

    def leave(self) -> None:
        """Take this worker's name off the streams, where it owes nothing."""
        self._queue.forget_consumer(self._consumer, self._cameras)

    def _search_for_the_dead(self) -> None:
        self._may_be_left = True
        self._debtors = []
        for name, consumer in self._queue.consumers(self._cameras).items():
            if name == self._consumer:
                continue
            is_dead = self._is_dead(name)
            if is_dead and consumer.pending:
                self._debtors.append(name)
            elif not consumer.pending and (is_dead or consumer.idle_ms > FORGET_IDLE_MS):
                self._queue.forget_consumer(name, self._cameras)

    def _left_by_the_dead(self) -> Batch:
        """One frame at a time: if it ends this worker too, it takes no other with it."""
        while self._debtors:
            frames, poisoned = self._queue.reclaim(
                self._consumer, self._cameras, idle_ms=0, of=self._debtors[-1]
            )
            if frames or poisoned:
                return Batch(frames, poisoned, is_reclaimed=True)
            self._debtors.pop()
        if self._may_be_left:
            frames, poisoned = self._queue.reclaim(
                self._consumer, self._cameras, idle_ms=RECLAIM_IDLE_MS
            )
            # While there are such frames they are taken one after the other.
            self._may_be_left = bool(frames or poisoned)
            return Batch(frames, poisoned, is_reclaimed=True)
        return Batch([], [])

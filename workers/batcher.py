"""What a worker analyses next: what waits on all cameras, and what a dead worker left."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from maskwatch.bus import FrameQueue, StatusBoard, TakenFrame

CAMERAS_EVERY_S: Final = 0.5
RECLAIM_EVERY_S: Final = 1.0
RECLAIM_IDLE_MS: Final = 10_000
"""A frame taken so long ago has no worker any more; a slow worker's would be analysed twice."""


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
        predecessor: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to take.

        Args:
            queue: Where the frames are.
            board: Knows the cameras.
            consumer: Name of this worker.
            batch_frames: Most frames of one batch.
            predecessor: A worker known to be dead, whose frames are taken over first and at once.
            clock: Monotonic seconds.
        """
        self._queue = queue
        self._board = board
        self._consumer = consumer
        self._batch_frames = batch_frames
        self._predecessor = predecessor
        self._clock = clock
        self._cameras: list[str] = []
        self._cameras_at = self._reclaimed_at = float("-inf")
        self._spare: list[TakenFrame] = []

    def next(self, *, block_ms: int) -> Batch:
        """Take what waits; where nothing does, wait up to `block_ms` for a first frame."""
        now = self._clock()
        if now - self._cameras_at >= CAMERAS_EVERY_S:
            # A file whose ingest has ended may have left its last frames.
            self._cameras = sorted({*self._board.active_cameras(), *self._queue.cameras()})
            self._cameras_at = now
        left = self._left_by_the_dead(now)
        if left.frames or left.poisoned:
            return left
        if not self._spare:
            self._spare = self._queue.take(
                self._consumer, self._cameras, count=self._batch_frames, block_ms=block_ms
            )
        batch, self._spare = (
            self._spare[: self._batch_frames],
            self._spare[self._batch_frames :],
        )
        return Batch(batch, [])

    @property
    def has_cameras(self) -> bool:
        """Whether there was any camera to take from, and so `next` waited."""
        return bool(self._cameras)

    def leave(self) -> None:
        """Take this worker's name off the streams, where it owes nothing."""
        self._queue.forget_consumer(self._consumer, self._cameras)

    def _left_by_the_dead(self, now: float) -> Batch:
        """One frame at a time: if it ends this worker too, it takes no other with it."""
        if self._predecessor and self._cameras:
            frames, poisoned = self._queue.reclaim(
                self._consumer, self._cameras, idle_ms=0, of=self._predecessor
            )
            if frames or poisoned:
                return Batch(frames, poisoned, is_reclaimed=True)
            self._queue.forget_consumer(self._predecessor, self._cameras)
            self._predecessor = ""
        if now - self._reclaimed_at < RECLAIM_EVERY_S:
            return Batch([], [])
        frames, poisoned = self._queue.reclaim(
            self._consumer, self._cameras, idle_ms=RECLAIM_IDLE_MS
        )
        if not frames and not poisoned:
            # Only now: while there are such frames they are taken one after the other.
            self._reclaimed_at = now
        return Batch(frames, poisoned, is_reclaimed=True)

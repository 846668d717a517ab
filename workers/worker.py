"""One inference worker: take a batch, find and read its faces, publish, acknowledge.

It keeps nothing between batches, so any number of them may run, and any may be killed: a frame is
acknowledged in the same step that publishes its result.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import redis

from maskwatch.bus import FrameQueue, StatusBoard
from maskwatch.config import Settings
from maskwatch.contracts import WorkerStatus
from maskwatch.errors import BusFullError, BusGoneError
from workers.agreement import worker_name
from workers.analyse import Analyser
from workers.answers import Answer, Timings, answer_batch
from workers.batcher import Batcher
from workers.publisher import Publisher
from workers.viewer import Viewer

STATUS_EVERY_S: Final = 1.0
BLOCK_MS: Final = 400


class Worker:
    """Answers frames until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        client: redis.Redis,
        analyser: Analyser,
        *,
        stop: threading.Event,
        threads: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Join the parts.

        Args:
            settings: Batch size, names of the networks, where Redis is.
            client: Of the frames' database.
            analyser: Loaded and warm.
            stop: Ends `run` after the batch in hand.
            threads: For decoding and drawing.
            clock: Monotonic seconds.
        """
        self._status = _first_status(settings)
        self._analyser = analyser
        self._stop = stop
        self._clock = clock
        self._board = StatusBoard(client)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pictures")
        self._publisher = Publisher(settings, client, worker=self._status.name, stop=stop)
        self._viewer = Viewer(client, self._pool)
        self._batcher = Batcher(
            FrameQueue(client),
            self._board,
            consumer=self._status.name,
            batch_frames=settings.workers.batch_frames,
            clock=clock,
        )
        self._said_at = float("-inf")

    @property
    def status(self) -> WorkerStatus:
        """What it has done so far."""
        return replace(self._status, updated_at_unix_s=time.time())

    def run(self, *, is_over: Callable[[], bool] = lambda: False) -> None:
        """Answer frames until `stop` is set or `is_over` says so; wait where Redis is gone.

        Raises:
            BusError: Redis refuses the log-in.
        """
        try:
            while not self._stop.is_set() and not is_over():
                try:
                    self.step(block_ms=BLOCK_MS)
                except BusGoneError:
                    self._publisher.wait_for_redis()
                except BusFullError as error:
                    self._publisher.say_full(error)
        finally:
            self._pool.shutdown()
            # Redis gone: so is this worker's name.
            with contextlib.suppress(BusGoneError):
                self._board.clear_worker(self._status.name)
                self._batcher.leave()

    def step(self, *, block_ms: int = 0) -> int:
        """Answer one batch and return how many frames it held."""
        self._tell_status()
        batch = self._batcher.next(block_ms=block_ms)
        if not batch.frames and not batch.poisoned:
            if block_ms and not self._batcher.has_cameras:
                self._stop.wait(block_ms / 1000)
            return 0
        taken_at = time.time()
        answers, timings = answer_batch(batch, self._analyser, self._pool)
        lost = self._publisher.publish(answers, timings, taken_at=taken_at)
        self._count(answers, timings, lost=lost, is_reclaimed=batch.is_reclaimed)
        if drawing_ms := self._viewer.show(answers):
            self._add_busy({"annotate": drawing_ms})
        return len(answers)

    def _count(
        self, answers: Sequence[Answer], timings: Timings, *, lost: int, is_reclaimed: bool
    ) -> None:
        status = self._status
        errors = sum(bool(answer.error) for answer in answers)
        self._status = replace(
            status,
            frames_total=status.frames_total + len(answers),
            faces_total=status.faces_total + sum(len(answer.faces) for answer in answers),
            batches_total=status.batches_total + 1,
            errors_total=status.errors_total + errors + lost,
            reclaimed_total=status.reclaimed_total + (len(answers) if is_reclaimed else 0),
        )
        self._add_busy(timings)

    def _add_busy(self, timings: Timings) -> None:
        busy = dict(self._status.busy_ms_total)
        for stage, ms in timings.items():
            busy[stage] = busy.get(stage, 0.0) + ms
        self._status = replace(self._status, busy_ms_total=busy)

    def _tell_status(self) -> None:
        now = self._clock()
        if now - self._said_at >= STATUS_EVERY_S:
            self._said_at = now
            self._board.put_worker(self.status)


def _first_status(settings: Settings) -> WorkerStatus:
    pid, now = os.getpid(), time.time()
    return WorkerStatus(
        name=worker_name(pid),
        pid=pid,
        host=socket.gethostname(),
        device=settings.workers.device,
        detector=settings.workers.detector,
        classifier=settings.workers.classifier,
        started_at_unix_s=now,
        updated_at_unix_s=now,
    )

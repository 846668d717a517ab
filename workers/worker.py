"""One inference worker: take a batch, find and read its faces, publish, acknowledge.

It keeps nothing between batches, so any number of them may run, and any may be killed: a frame is
acknowledged in the same step that publishes its result.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
import redis

from maskwatch.bus import FrameQueue, ResultLog, StatusBoard, TakenFrame, Views, wait_until_ready
from maskwatch.bus.connection import bus_errors
from maskwatch.config import Settings
from maskwatch.contracts import Analysis, Face, WorkerStatus
from maskwatch.errors import BusFullError, BusGoneError, ModelError
from workers.agreement import worker_name
from workers.analyse import Analyser, Picture
from workers.annotate import view_jpeg
from workers.batcher import Batch, Batcher

logger = logging.getLogger(__name__)

STATUS_EVERY_S: Final = 1.0
BLOCK_MS: Final = 400
RETRY_S: Final = 0.2
_END_OF_JPEG: Final = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class _Answer:
    """One frame with what is said of it; `picture` is None where there is an error."""

    frame: TakenFrame
    picture: Picture | None = None
    faces: tuple[Face, ...] = ()
    error: str = ""


class Worker:
    """Answers frames until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        client: redis.Redis,
        analyser: Analyser,
        *,
        threads: int,
        predecessor: str = "",
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Join the parts.

        Args:
            settings: Batch size, names of the networks, where Redis is.
            client: Of the frames' database.
            analyser: Loaded and warm.
            threads: For decoding and drawing.
            predecessor: Name of a worker known to be dead, to take over from.
            stop: Ends `run` after the batch in hand.
            clock: Monotonic seconds.
        """
        now = time.time()
        host = socket.gethostname()
        self.name = worker_name(host, os.getpid())
        self._settings = settings
        self._redis = client
        self._analyser = analyser
        self._stop = stop
        self._clock = clock
        self._queue, self._results = FrameQueue(client), ResultLog(client)
        self._board, self._views = StatusBoard(client), Views(client)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pictures")
        self._batcher = Batcher(
            self._queue,
            self._board,
            consumer=self.name,
            batch_frames=settings.workers.batch_frames,
            predecessor=predecessor,
            clock=clock,
        )
        self._said_at = float("-inf")
        self._is_full = False
        self._busy_ms: dict[str, float] = {}
        self._status = WorkerStatus(
            name=self.name,
            pid=os.getpid(),
            host=host,
            device=settings.workers.device,
            detector=settings.workers.detector,
            classifier=settings.workers.classifier,
            started_at_unix_s=now,
            updated_at_unix_s=now,
        )

    @property
    def status(self) -> WorkerStatus:
        """What it has done so far."""
        return replace(
            self._status, updated_at_unix_s=time.time(), busy_ms_total=dict(self._busy_ms)
        )

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
                    self._wait_for_redis()
                except BusFullError as error:
                    self._say_full(error)
        finally:
            self._pool.shutdown()
            self._leave()

    def step(self, *, block_ms: int = 0) -> int:
        """Answer one batch and return how many frames it held."""
        self._tell_status()
        batch = self._batcher.next(block_ms=block_ms)
        if not batch.frames and not batch.poisoned:
            if block_ms and not self._batcher.has_cameras:
                self._stop.wait(block_ms / 1000)
            return 0
        taken_at = time.time()
        answers, timings = self._answer(batch)
        answered = self._publish(answers, timings, taken_at=taken_at)
        self._count(batch, answers, timings)
        if answered:
            self._show(answers)
        return len(answers)

    def _answer(self, batch: Batch) -> tuple[list[_Answer], dict[str, float]]:
        started = time.perf_counter()
        pictures = list(self._pool.map(decode_jpeg, (frame.jpeg for frame in batch.frames)))
        decode_ms = (time.perf_counter() - started) * 1e3
        good = [
            (frame, picture)
            for frame, picture in zip(batch.frames, pictures, strict=True)
            if picture is not None
        ]
        answers, timings = self._analyse(good)
        answers += [
            _Answer(frame, error="the picture is no JPEG that can be decoded")
            for frame, picture in zip(batch.frames, pictures, strict=True)
            if picture is None
        ]
        answers += [
            _Answer(frame, error=f"taken {frame.deliveries - 1} times and never answered")
            for frame in batch.poisoned
        ]
        for answer in answers:
            if answer.error:
                header = answer.frame.header
                logger.warning(
                    "camera %s: frame %d: %s", header.camera, header.sequence, answer.error
                )
        return answers, {"decode": decode_ms, **timings}

    def _analyse(
        self, good: Sequence[tuple[TakenFrame, Picture]]
    ) -> tuple[list[_Answer], dict[str, float]]:
        try:
            analysed = self._analyser.analyse([picture for _, picture in good])
        except ModelError as error:
            if len(good) == 1:
                return [_Answer(good[0][0], error=str(error))], {}
            # One of them is at fault; the others get their answers.
            parts = [self._analyse([item]) for item in good]
            answers = [answer for part, _ in parts for answer in part]
            stages = {stage for _, timings in parts for stage in timings}
            return answers, {
                stage: sum(timings.get(stage, 0.0) for _, timings in parts) for stage in stages
            }
        return [
            _Answer(frame, picture, faces)
            for (frame, picture), faces in zip(good, analysed.faces, strict=True)
        ], analysed.timings_ms

    def _publish(
        self, answers: Sequence[_Answer], timings: dict[str, float], *, taken_at: float
    ) -> bool:
        """Put the results on their streams and acknowledge the frames, both or neither.

        Repeated until it is done, because the recorder knows a repeated result by its sequence.

        Returns:
            False where `stop` came first, or where live frames had to be given up.
        """
        messages = self._messages(answers, timings, taken_at)
        frames = [answer.frame for answer in answers]
        while True:
            try:
                self._write(messages, frames)
            except BusGoneError:
                if not self._wait_for_redis():
                    return False
            except BusFullError as error:
                self._say_full(error)
                self._give_up_live(frames)
                frames = [frame for frame in frames if frame.header.is_replay]
                messages = [message for message in messages if message.header.is_replay]
                if not frames or self._stop.wait(RETRY_S):
                    return False
            else:
                self._is_full = False
                return True

    def _write(self, messages: Sequence[Analysis], frames: Sequence[TakenFrame]) -> None:
        with bus_errors(self._redis), self._redis.pipeline(transaction=True) as pipe:
            self._results.add_to(pipe, list(messages))
            self._queue.add_acknowledgements(pipe, frames)
            pipe.execute()

    def _give_up_live(self, frames: Sequence[TakenFrame]) -> None:
        """Free what live frames take up; the recorder counts them as offered and not analysed."""
        live = [frame for frame in frames if not frame.header.is_replay]
        if live:
            self._queue.acknowledge(live)
            self._status = replace(self._status, errors_total=self._status.errors_total + len(live))

    def _messages(
        self, answers: Sequence[_Answer], timings: dict[str, float], taken_at: float
    ) -> list[Analysis]:
        now, share = time.time(), 1 / max(1, len(answers))
        each = {stage: ms * share for stage, ms in timings.items()}
        return [
            Analysis(
                header=answer.frame.header,
                faces=answer.faces,
                timings_ms={**each, "wait": _waited_ms(answer.frame, taken_at)},
                analysed_at_unix_s=now,
                worker=self.name,
                error=answer.error,
            )
            for answer in answers
        ]

    def _show(self, answers: Sequence[_Answer]) -> None:
        """Draw the newest picture of each camera that somebody watches."""
        newest: dict[str, _Answer] = {}
        for answer in answers:
            known = newest.get(answer.frame.header.camera)
            if answer.picture is not None and (known is None or _order(known) < _order(answer)):
                newest[answer.frame.header.camera] = answer
        started = time.perf_counter()
        watched = self._views.watched(newest)
        shown = [answer for camera, answer in newest.items() if camera in watched]
        jpegs = self._pool.map(_drawn, shown)
        for answer, jpeg in zip(shown, jpegs, strict=True):
            header = answer.frame.header
            self._views.publish(
                header.camera,
                jpeg,
                view_meta(answer.frame, answer.faces),
                offered_at_unix_s=header.offered_at_unix_s or header.captured_at_unix_s,
            )
        if shown:
            self._add_busy({"annotate": (time.perf_counter() - started) * 1e3})

    def _count(self, batch: Batch, answers: Sequence[_Answer], timings: dict[str, float]) -> None:
        status = self._status
        self._status = replace(
            status,
            frames_total=status.frames_total + len(answers),
            faces_total=status.faces_total + sum(len(answer.faces) for answer in answers),
            batches_total=status.batches_total + 1,
            errors_total=status.errors_total + sum(bool(answer.error) for answer in answers),
            reclaimed_total=status.reclaimed_total + (len(answers) if batch.is_reclaimed else 0),
        )
        self._add_busy(timings)

    def _add_busy(self, timings: dict[str, float]) -> None:
        for stage, ms in timings.items():
            self._busy_ms[stage] = self._busy_ms.get(stage, 0.0) + ms

    def _tell_status(self) -> None:
        now = self._clock()
        if now - self._said_at >= STATUS_EVERY_S:
            self._said_at = now
            self._board.put_worker(self.status)

    def _wait_for_redis(self) -> bool:
        is_back = wait_until_ready(
            self._settings, self._stop, on_wait=logger.warning, client=self._redis
        )
        if is_back:
            logger.info("Redis answers")
        return is_back

    def _say_full(self, error: BusFullError) -> None:
        if not self._is_full:
            self._is_full = True
            logger.error("%s; results are lost until then", error)

    def _leave(self) -> None:
        try:
            self._board.clear_worker(self.name)
            self._batcher.leave()
        except BusGoneError:
            logger.debug("Redis is gone, so is this worker's name")


def decode_jpeg(jpeg: bytes) -> Picture | None:
    """Return the picture, uint8 (H, W, 3), BGR, or None where the bytes are no whole JPEG."""
    # A truncated JPEG would be decoded with its rest grey, and the grey counted as watched.
    if not jpeg.endswith(_END_OF_JPEG):
        return None
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, np.uint8)


def view_meta(frame: TakenFrame, faces: Sequence[Face]) -> dict[str, Any]:
    """What travels with an annotated picture; boxes count the analysed picture's pixels."""
    header = frame.header
    return {
        "captured_at_unix_s": header.captured_at_unix_s,
        "analysed_at_unix_s": time.time(),
        "width": header.width,
        "height": header.height,
        "sequence": header.sequence,
        "epoch": header.epoch,
        "faces": [
            {
                "box": face.box.as_list(),
                "label": face.label.value,
                "score": face.score,
                "probabilities": face.probabilities,
            }
            for face in faces
        ],
    }


def _drawn(answer: _Answer) -> bytes:
    assert answer.picture is not None  # noqa: S101 - chosen so
    return view_jpeg(answer.picture, answer.faces)


def _order(answer: _Answer) -> tuple[str, int]:
    return answer.frame.header.epoch, answer.frame.header.sequence


def _waited_ms(frame: TakenFrame, taken_at: float) -> float:
    offered = frame.header.offered_at_unix_s
    return max(0.0, (taken_at - offered) * 1e3) if offered else 0.0

"""Putting answers on the results streams and acknowledging their frames, both in one step."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

import redis

from maskwatch.bus import FrameQueue, ResultLog, TakenFrame, wait_until_ready
from maskwatch.bus.connection import bus_errors
from maskwatch.config import Settings
from maskwatch.contracts import Analysis
from maskwatch.errors import BusFullError, BusGoneError
from workers.answers import Answer, Timings

logger = logging.getLogger(__name__)

RETRY_S: Final = 0.2


class Publisher:
    """Writes results for one worker; sits out a Redis that is gone or full."""

    def __init__(
        self, settings: Settings, client: redis.Redis, *, worker: str, stop: threading.Event
    ) -> None:
        """Prepare to write.

        Args:
            settings: Where Redis is.
            client: Of the frames' database.
            worker: Name to sign results with.
            stop: Ends any waiting.
        """
        self._settings = settings
        self._redis = client
        self._worker = worker
        self._stop = stop
        self._queue, self._results = FrameQueue(client), ResultLog(client)
        self._is_full = False

    def publish(self, answers: Sequence[Answer], timings: Timings, *, taken_at: float) -> int:
        """Write the results and acknowledge the frames, all or none.

        Repeated until it is done: the recorder knows a repeated result by its sequence. Where Redis
        is out of memory, live frames are given up (the recorder counts them as offered and not
        analysed) and those of a replay tried again.

        Args:
            answers: What to write.
            timings: Of the whole batch; each result gets its share.
            taken_at: Wall clock when the worker took the batch.

        Returns:
            How many frames have no result: given up, or `stop` came first.
        """
        pending, lost = list(answers), 0
        while pending:
            try:
                self._write(pending, timings, taken_at)
            except BusGoneError:
                if not self.wait_for_redis():
                    return lost + len(pending)
            except BusFullError as error:
                self.say_full(error)
                live = [answer for answer in pending if not answer.frame.header.is_replay]
                if live:
                    self._queue.acknowledge(answer.frame for answer in live)
                    lost += len(live)
                pending = [answer for answer in pending if answer.frame.header.is_replay]
                if pending and self._stop.wait(RETRY_S):
                    return lost + len(pending)
            else:
                self._is_full = False
                return lost
        return lost

    def wait_for_redis(self) -> bool:
        """Wait until Redis answers; False where `stop` came first."""
        is_back = wait_until_ready(
            self._settings, self._stop, on_wait=logger.warning, client=self._redis
        )
        if is_back:
            logger.info("Redis answers")
        return is_back

    def say_full(self, error: BusFullError) -> None:
        """Log once that Redis is out of memory, until a result has been written again."""
        if not self._is_full:
            self._is_full = True
            logger.error("%s; results of live cameras are lost until then", error)

    def _write(self, answers: Sequence[Answer], timings: Timings, taken_at: float) -> None:
        now, share = time.time(), 1 / len(answers)
        each = {stage: ms * share for stage, ms in timings.items()}
        messages: list[Analysis] = [
            Analysis(
                header=answer.frame.header,
                faces=answer.faces,
                timings_ms={**each, "wait": _waited_ms(answer.frame, taken_at)},
                analysed_at_unix_s=now,
                worker=self._worker,
                error=answer.error,
            )
            for answer in answers
        ]
        with bus_errors(self._redis), self._redis.pipeline(transaction=True) as pipe:
            self._results.add_to(pipe, [*messages])
            self._queue.add_acknowledgements(pipe, [answer.frame for answer in answers])
            pipe.execute()


def _waited_ms(frame: TakenFrame, taken_at: float) -> float:
    offered = frame.header.offered_at_unix_s
    return max(0.0, (taken_at - offered) * 1e3) if offered else 0.0

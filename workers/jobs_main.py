"""The jobs' role: RQ's worker in a process of its own, the schedule, and lost jobs found again."""

import logging
import multiprocessing
import os
import socket
import threading
import time
from contextlib import closing
from multiprocessing.process import BaseProcess
from typing import Final

import redis
from rq import Queue
from rq.cron import CronScheduler
from sqlalchemy import Engine

from maskwatch.bus import connect_jobs
from maskwatch.bus.connection import bus_errors
from maskwatch.config import Settings
from maskwatch.errors import BusError, BusFullError, BusGoneError, StorageError
from maskwatch.job_queue import SCHEDULE_QUEUE, forget, say_alive, send_what_waits
from maskwatch.storage.jobs import Job, JobState, JobStore
from workers.job_worker import work
from workers.jobs import delete_what_is_old, roll_up_hours
from workers.process_name import has_ended, process_name
from workers.ready import whenever_ready

logger = logging.getLogger(__name__)

STEP_S: Final = 1.0
ROLL_UP_EVERY_S: Final = 60
DELETE_EVERY_S: Final = 3600
SILENT_S: Final = 900
"""A running job of another host without a sign of life for so long has lost its worker."""

_STOP_S: Final = 1.0
_RESTART_AFTER_S: Final = 2.0


def run(settings: Settings, stop: threading.Event) -> None:
    """Do background jobs until `stop` is set. Waits for Redis and the database."""
    with closing(whenever_ready(settings, stop, connect=connect_jobs)) as turns:
        for engine, client in turns:
            jobs = Jobs(settings, engine, client)
            try:
                _work(jobs, stop)
            except (BusGoneError, StorageError) as error:
                logger.warning("%s; jobs wait", error)
                stop.wait(STEP_S)
            finally:
                jobs.stop()


def _work(jobs: "Jobs", stop: threading.Event) -> None:
    is_full = False
    while not stop.is_set():
        try:
            jobs.step()
            is_full = False
        except BusFullError as error:
            # What the worker does at the moment goes on; the rest is made up for later.
            if not is_full:
                logger.warning("%s; new jobs wait", error)
            is_full = True
        stop.wait(STEP_S)


class Jobs:
    """One worker process and what keeps it busy."""

    def __init__(self, settings: Settings, engine: Engine, client: redis.Redis) -> None:
        self._settings = settings
        self._client = client
        self._store = JobStore(engine)
        self._schedule = Queue(SCHEDULE_QUEUE, connection=client)
        self._cron = CronScheduler(connection=client, name=f"{socket.gethostname()}-{os.getpid()}")
        self._cron.register(
            roll_up_hours, SCHEDULE_QUEUE, interval=ROLL_UP_EVERY_S, job_timeout=600
        )
        self._cron.register(
            delete_what_is_old, SCHEDULE_QUEUE, interval=DELETE_EVERY_S, job_timeout=3600
        )
        self._worker: BaseProcess | None = None
        self._worker_name = ""
        self._started_s = -_RESTART_AFTER_S

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None where it does not run."""
        return self._worker.pid if self._worker is not None and self._worker.is_alive() else None

    def step(self) -> None:
        """Keep the worker running, take jobs from dead ones, hand over what waits.

        Raises:
            BusError: Redis fails.
            StorageError: The database fails.
        """
        say_alive(self._client)
        self._keep_worker()
        for job in self._store.open():
            if job.state is JobState.RUNNING and self._has_lost_worker(job):
                logger.warning("job %s has lost its worker %s", job.id, job.worker)
                # In this order: what is released and not forgotten would count as on its way.
                forget(self._client, job.id)
                self._store.release(job.id, is_counted=True)
        for job_id in send_what_waits(self._client, self._store):
            logger.info("job %s is queued again", job_id)
        with bus_errors(self._client):
            # One of a kind is enough, however long a piece of footage keeps the worker busy.
            if self._schedule.is_empty():
                self._cron.enqueue_jobs()

    def stop(self) -> None:
        """End the worker within about a second; what it was doing goes back into the queue."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.terminate()
        worker.join(_STOP_S)
        if worker.is_alive():
            worker.kill()
            worker.join()
        try:
            self._release_of(self._worker_name)
        except (BusError, StorageError) as error:
            # Its jobs are found by the next start: their worker is no longer there.
            logger.warning("%s", error)

    def _release_of(self, name: str) -> None:
        for job in self._store.open():
            if job.state is JobState.RUNNING and job.worker == name:
                forget(self._client, job.id)
                self._store.release(job.id, is_counted=False)

    def _keep_worker(self) -> None:
        if self.worker_pid is not None or time.monotonic() - self._started_s < _RESTART_AFTER_S:
            return
        if self._worker is not None:
            logger.warning("the jobs' worker ended (%s); starting another", self._worker.exitcode)
        # Spawned, not forked: this process has threads and connections.
        context = multiprocessing.get_context("spawn")
        self._worker = context.Process(
            target=work, args=(self._settings, os.getpid()), name="jobs-worker"
        )
        self._worker.start()
        assert self._worker.pid is not None  # noqa: S101  # it has been started
        self._worker_name = process_name(self._worker.pid)
        self._started_s = time.monotonic()

    def _has_lost_worker(self, job: Job) -> bool:
        is_lost = has_ended(job.worker)
        if is_lost is not None:
            return is_lost
        silent_since = (job.updated_at or job.created_at).timestamp()
        return time.time() - silent_since > SILENT_S

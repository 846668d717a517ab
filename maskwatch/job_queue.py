"""Background jobs: asking for one, and putting those back in the queue that got lost."""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import redis
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job as RqJob
from rq.job import JobStatus
from sqlalchemy import Engine

from maskwatch.bus import connect_jobs
from maskwatch.bus.connection import bus_errors
from maskwatch.config import Settings
from maskwatch.errors import BusGoneError, MediaError
from maskwatch.storage.jobs import Job, JobState, JobStore

logger = logging.getLogger(__name__)

SCHEDULE_QUEUE: Final = "schedule"
FOOTAGE_QUEUE: Final = "footage"
FUNCTIONS: Final = {"footage": "workers.jobs.run_footage"}
"""Kind of job to the function that does it, by name: who asks need not load what it needs."""

ALIVE_KEY: Final = "jobs:alive"
ALIVE_S: Final = 10
"""The jobs' role repeats each second that it is there; so long its word is believed."""

FOOTAGE_TIMEOUT_S: Final = 12 * 3600
RETRY_AFTER: Final = timedelta(seconds=5)

_WAITING: Final = frozenset(
    {JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED, JobStatus.DEFERRED}
)


def enqueue_footage(
    settings: Settings, engine: Engine, path: Path, *, name: str | None = None
) -> str:
    """Have a picture or video analysed in the background.

    Args:
        settings: Where the jobs' Redis is.
        engine: The database.
        path: The file; it must stay there until the job is done.
        name: As people know it; None is the file's name.

    Returns:
        The id of the job. It is kept in the database: where Redis is gone at the moment, the job
        starts when it is back.

    Raises:
        MediaError: There is no such file.
        StorageError: The database cannot take the job.
    """
    path = path.absolute()
    if not path.is_file():
        raise MediaError(f"{str(path)!r} is no file; name a picture or a video")
    job = JobStore(engine).create("footage", {"path": str(path), "name": name or path.name})
    try:
        with connect_jobs(settings, is_prompt=True) as client:
            send(client, job)
    except BusGoneError as error:
        logger.warning("job %s waits in the database: %s", job.id, error)
    return job.id


def send(client: redis.Redis, job: Job) -> None:
    """Hand a queued job to RQ; an older RQ job of the same id is replaced.

    Raises:
        BusError: Redis fails.
    """
    forget(client, job.id)
    with bus_errors(client):
        Queue(FOOTAGE_QUEUE, connection=client).enqueue_call(
            FUNCTIONS[job.kind],
            args=(job.id,),
            job_id=job.id,
            timeout=FOOTAGE_TIMEOUT_S,
            result_ttl=3600,
            failure_ttl=3600,
            description=f"{job.kind} {job.arguments.get('name', '')}",
        )


def send_what_waits(
    client: redis.Redis, store: JobStore, *, now: datetime | None = None
) -> list[str]:
    """Hand over every queued job that RQ does not have: lost by Redis, or waiting for another try.

    Returns:
        The ids that were handed over.

    Raises:
        BusError: Redis fails.
        StorageError: The database fails.
    """
    now = now or datetime.now(UTC)
    sent = []
    for job in store.open():
        if job.state is not JobState.QUEUED or _is_carried(client, job):
            continue
        waits_until = (job.updated_at or job.created_at) + RETRY_AFTER * job.attempts
        if now >= waits_until:
            send(client, job)
            sent.append(job.id)
    return sent


def say_alive(client: redis.Redis) -> None:
    """Note that a process for jobs is there.

    Raises:
        BusError: Redis fails.
    """
    with bus_errors(client):
        client.set(ALIVE_KEY, 1, ex=ALIVE_S)


def is_alive(client: redis.Redis) -> bool:
    """Whether any process for jobs is there, on this host or another.

    Raises:
        BusError: Redis fails.
    """
    with bus_errors(client):
        return bool(client.exists(ALIVE_KEY))


def forget(client: redis.Redis, job_id: str) -> None:
    """Take away what RQ knows of a job whose worker is gone, or of its last attempt.

    Raises:
        BusError: Redis fails.
    """
    with bus_errors(client), suppress(NoSuchJobError):
        RqJob.fetch(job_id, connection=client).delete()


def _is_carried(client: redis.Redis, job: Job) -> bool:
    with bus_errors(client):
        try:
            carried = RqJob.fetch(job.id, connection=client)
        except NoSuchJobError:
            return False
        return carried.get_status() in _WAITING

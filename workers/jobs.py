"""What background jobs do. Called by RQ, by name; each may be called again at any time."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from maskwatch.config import Settings, load_settings
from maskwatch.errors import MaskwatchError, MediaError
from maskwatch.storage import open_database
from maskwatch.storage.jobs import JobStore
from maskwatch.storage.rollup import delete_old, roll_up
from workers.footage_run import analyse_file
from workers.process_name import process_name

logger = logging.getLogger(__name__)

FOOTAGE_FOLDER: Final = "footage"
"""Below `data_dir`: files that were handed in through the page; deleted for their age."""

_PROGRESS_EVERY_S: Final = 1.0


def run_footage(job_id: str) -> None:
    """Analyse the file of a job, and say in the database how it goes."""
    with _database() as (settings, engine):
        store = JobStore(engine)
        job = store.begin(job_id, worker=process_name(os.getpid()))
        if job is None:
            logger.info("job %s is done or another worker's", job_id)
            return
        path = Path(job.arguments["path"])
        try:
            result = analyse_file(path, settings, on_progress=_noted(store, job_id))
        except MediaError as error:
            store.fail(job_id, str(error), is_final=True)
            raise
        except Exception as error:  # the border of the job: it must look failed, whatever it was
            told = str(error) if isinstance(error, MaskwatchError) else f"unexpected: {error!r}"
            store.fail(job_id, told, is_final=False)
            raise
        store.finish(job_id, result)
        logger.info("job %s: %s is analysed", job_id, job.arguments["name"])


def roll_up_hours() -> int:
    """Write the hours of the last few hours anew; gives their number."""
    with _database() as (_, engine):
        return roll_up(engine)


def delete_what_is_old() -> None:
    """Delete passages, minutes, footage files and finished jobs older than `[retention]` says."""
    with _database() as (settings, engine):
        deleted = delete_old(engine, settings.retention)
        files = delete_old_footage(settings, now_unix_s=time.time())
        jobs = delete_old_jobs(engine, settings)
    if deleted.passages or deleted.minutes or files or jobs:
        logger.info(
            "deleted for their age: %d passages, %d minutes, %d files, %d jobs",
            deleted.passages, deleted.minutes, files, jobs,
        )  # fmt: skip


def delete_old_footage(settings: Settings, *, now_unix_s: float) -> int:
    """Delete files of the footage folder older than `retention.footage_days`; gives their number.

    Files that were named with `analyze --enqueue` lie elsewhere and are the user's own.
    """
    oldest_unix_s = now_unix_s - settings.retention.footage_days * 86_400
    number = 0
    for path in sorted((settings.data_dir / FOOTAGE_FOLDER).glob("**/*")):
        with suppress(FileNotFoundError):  # an upload that was broken off is taken away meanwhile
            if path.is_file() and path.stat().st_mtime < oldest_unix_s:
                path.unlink()
                number += 1
    return number


def delete_old_jobs(engine: Engine, settings: Settings, *, now: datetime | None = None) -> int:
    """Delete jobs that ended more than `retention.footage_days` ago; gives their number.

    A job holds a file's name, and as its result the faces or passages found in it. It goes after as
    many days as the file, also where the file itself is the user's own and stays.
    """
    kept = timedelta(days=settings.retention.footage_days)
    return JobStore(engine).delete_finished((now or datetime.now(UTC)) - kept)


def _noted(store: JobStore, job_id: str) -> Callable[[int], None]:
    noted_s = time.monotonic()

    def note(percent: int) -> None:
        nonlocal noted_s
        if time.monotonic() - noted_s >= _PROGRESS_EVERY_S:
            noted_s = time.monotonic()
            store.progress(job_id, percent)

    return note


@contextmanager
def _database() -> Iterator[tuple[Settings, Engine]]:
    # Read here, from this process's environment: secrets do not travel through Redis.
    settings = load_settings()
    engine = open_database(settings)
    try:
        yield settings, engine
    finally:
        engine.dispose()

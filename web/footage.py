"""Pictures and videos that were handed in: keeping the file, and telling how its job goes."""

import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from werkzeug.datastructures import FileStorage

from maskwatch.errors import BusError, JobError, StorageError
from maskwatch.job_queue import enqueue_footage, is_alive
from maskwatch.storage.jobs import Job, JobState, JobStore
from web.services import Services
from web.times import local_text, utc_text
from web.uploads import FOLDER, NotKeptError, keep_as

KIND: Final = "footage"
NOBODY_WORKS: Final = (
    "No process for background jobs is running: what is handed in is kept and waits. "
    "Start one with `maskwatch jobs`; it is part of `maskwatch up`."
)

_LONGEST_SUFFIX: Final = 8


def keep(shared: Services, given: FileStorage) -> Job:
    """Keep a file that was handed in and have it analysed in the background.

    Raises:
        NotKeptError: It is empty, or cannot be written.
        StorageError: The database cannot take the job; the file is deleted again.
    """
    name = Path(given.filename or "unnamed").name[:200]
    path = shared.settings.data_dir / FOLDER / f"{uuid.uuid4()}{_suffix(name)}"
    keep_as(given, path)
    if path.stat().st_size == 0:
        path.unlink()
        raise NotKeptError(f"{name!r} is empty.", status=HTTPStatus.UNPROCESSABLE_ENTITY)
    store = JobStore(shared.engine)
    try:
        return store.get(enqueue_footage(shared.settings, shared.engine, path, name=name))
    except StorageError:
        path.unlink(missing_ok=True)
        raise


def newest(shared: Services) -> list[dict[str, Any]]:
    """The newest files without their passages and faces, ready for JSON."""
    jobs = JobStore(shared.engine).newest()
    return [as_shown(job, shared) | {"result": None} for job in jobs if job.kind == KIND]


def find(shared: Services, job_id: str) -> dict[str, Any]:
    """One file with all that was found in it, ready for JSON.

    Raises:
        JobError: There is none of that id.
    """
    job = JobStore(shared.engine).get(job_id)
    if job.kind != KIND:
        raise JobError(f"there is no footage {job_id[:40]!r}")
    is_open = job.state in (JobState.QUEUED, JobState.RUNNING)
    return as_shown(job, shared) | {"problem": problem(shared) if is_open else ""}


def problem(shared: Services) -> str:
    """Why nothing is being analysed, in words; "" where all is well."""
    try:
        return "" if is_alive(shared.jobs_redis) else NOBODY_WORKS
    except BusError as error:
        return f"What is handed in is kept and waits: {error}"


def as_shown(job: Job, shared: Services) -> dict[str, Any]:
    """The job without the paths of this machine."""
    zone = shared.settings.zone
    name = job.arguments.get("name") or "unnamed"
    return {
        "id": job.id,
        "name": name,
        "state": job.state.value,
        "progress": job.progress,
        "error": job.error.replace(str(job.arguments.get("path", "")) or "\0", name),
        "frames": job.result.get("frames") if job.result else None,
        "totals": job.result.get("totals") if job.result else None,
        "result": job.result,
        "created_utc": utc_text(job.created_at),
        "created_local": local_text(job.created_at, zone),
        "finished_utc": utc_text(job.finished_at) if job.finished_at else None,
        "finished_local": local_text(job.finished_at, zone) if job.finished_at else None,
    }


def _suffix(name: str) -> str:
    suffix = Path(name).suffix
    is_plain = suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= _LONGEST_SUFFIX
    return suffix.lower() if is_plain else ""

"""`/api/v1/footage`: hand in a picture or a video, and ask how its analysis goes."""

import errno
import uuid
from pathlib import Path
from typing import Any, Final

from apiflask import APIBlueprint
from flask import request

from maskwatch.errors import JobError, StorageError
from maskwatch.job_queue import enqueue_footage
from maskwatch.storage.jobs import Job, JobStore
from web.api.schemas import FootageIn, FootageList, FootageOut
from web.errors import api_error
from web.services import services
from web.times import local_text, utc_text

FOLDER: Final = "footage"
"""Below `data_dir`; retention deletes files there."""

_LONGEST_SUFFIX: Final = 8

blueprint = APIBlueprint("footage", __name__, url_prefix="/api/v1", tag="Footage")


@blueprint.post("/footage")
@blueprint.input(FootageIn, location="files", arg_name="upload")
@blueprint.output(FootageOut, status_code=202)
@blueprint.doc(responses=[413, 507])
def hand_in(upload: FootageIn) -> Any:
    """Hand in a picture or a video as form field `file`; it is analysed in the background."""
    shared = services()
    given = request.files["file"]
    name = Path(given.filename or "unnamed").name[:200]
    path = shared.settings.data_dir / FOLDER / f"{uuid.uuid4()}{_suffix(name)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        given.save(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        status = 507 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 500
        return api_error(status, f"The file cannot be kept: {error.strerror}.")
    if path.stat().st_size == 0:
        path.unlink()
        return api_error(422, f"{name!r} is empty.")
    try:
        job_id = enqueue_footage(shared.settings, shared.engine, path, name=name)
    except StorageError:
        path.unlink(missing_ok=True)
        raise
    return _shown(JobStore(shared.engine).get(job_id))


@blueprint.get("/footage")
@blueprint.output(FootageList)
def list_footage() -> Any:
    """List the newest files, without their results."""
    jobs = JobStore(services().engine).newest()
    shown = [_shown(job) | {"result": None} for job in jobs if job.kind == "footage"]
    return {"footage": shown}


@blueprint.get("/footage/<job_id>")
@blueprint.output(FootageOut)
@blueprint.doc(responses=[404])
def get_footage(job_id: str) -> Any:
    """Get how far a file is, and what was found in it."""
    try:
        job = JobStore(services().engine).get(job_id)
    except JobError as error:
        return api_error(404, str(error))
    if job.kind != "footage":
        return api_error(404, f"There is no footage {job_id[:40]!r}.")
    return _shown(job)


def _suffix(name: str) -> str:
    suffix = Path(name).suffix
    is_plain = suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= _LONGEST_SUFFIX
    return suffix.lower() if is_plain else ""


def _shown(job: Job) -> dict[str, Any]:
    """The job without the paths of this machine."""
    zone = services().settings.zone
    return {
        "id": job.id,
        "name": job.arguments.get("name", ""),
        "state": job.state.value,
        "progress": job.progress,
        "error": job.error.replace(str(job.arguments.get("path", "")) or "\0", "the file"),
        "result": job.result,
        "created_utc": utc_text(job.created_at),
        "created_local": local_text(job.created_at, zone),
        "finished_utc": utc_text(job.finished_at) if job.finished_at else None,
    }

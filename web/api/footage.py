"""`/api/v1/footage`: hand in a picture or a video, and ask how its analysis goes."""

from typing import Any

from apiflask import APIBlueprint
from flask import request

from maskwatch.errors import JobError
from web import footage
from web.api.schemas import FootageIn, FootageList, FootageOut
from web.errors import api_error
from web.services import services
from web.uploads import NotKeptError

blueprint = APIBlueprint("footage", __name__, url_prefix="/api/v1", tag="Footage")


@blueprint.post("/footage")
@blueprint.input(FootageIn, location="files", arg_name="upload")
@blueprint.output(FootageOut, status_code=202)
@blueprint.doc(responses=[413, 507])
def hand_in(upload: FootageIn) -> Any:
    """Hand in a picture or a video as form field `file`; it is analysed in the background."""
    shared = services()
    try:
        job = footage.keep(shared, request.files["file"])
    except NotKeptError as error:
        return api_error(error.status, str(error))
    return footage.find(shared, job.id)


@blueprint.get("/footage")
@blueprint.output(FootageList)
def list_footage() -> Any:
    """List the newest files with their totals, without passages and faces."""
    shared = services()
    return {"problem": footage.problem(shared), "footage": footage.newest(shared)}


@blueprint.get("/footage/<job_id>")
@blueprint.output(FootageOut)
@blueprint.doc(responses=[404])
def get_footage(job_id: str) -> Any:
    """Get how far a file is, and what was found in it."""
    try:
        return footage.find(services(), job_id)
    except JobError as error:
        return api_error(404, str(error))

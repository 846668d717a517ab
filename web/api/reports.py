"""`/api/v1/reports/{hour|day|week}` and `/api/v1/passages`."""

from datetime import UTC, datetime
from typing import Any, Final, cast

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue

from maskwatch.contracts import Verdict
from maskwatch.errors import CameraError
from maskwatch.reports import By, check_length, report_rows, row_as_json
from maskwatch.storage.cameras import camera_lives
from maskwatch.storage.questions import passages
from web.api.schemas import PassageList, PassageQuery, ReportOut, Stretch
from web.errors import api_error
from web.services import Services, services
from web.times import local_text, stretch_of, utc_text

UNIT: Final = "passages: one person crossing one camera's view, counted again at each camera"

blueprint = APIBlueprint("reports", __name__, url_prefix="/api/v1", tag="Reports")


@blueprint.get("/reports/<any(hour, day, week):by>")
@blueprint.input(Stretch, location="query", arg_name="query")
@blueprint.output(ReportOut)
@blueprint.doc(responses=[400, 404])
def report(by: str, query: Stretch) -> Any:
    """Get compliance by camera and hour, day or week.

    `compliance` is null, not 0, where there is not enough data.
    """
    shared = services()
    try:
        start, end = _stretch(shared, query)
        check_length(start, end, by=cast(By, by))
        rows = report_rows(
            shared.engine,
            shared.settings,
            start=start,
            end=end,
            by=cast(By, by),
            camera=query.camera,
        )
    except ValueError as error:
        return api_error(400, str(error))
    except CameraError as error:
        return api_error(404, str(error))
    return {
        "by": by,
        "site": shared.settings.site.name,
        "timezone": shared.settings.site.timezone,
        "unit": UNIT,
        "rows": [row_as_json(row) for row in rows],
    }


@blueprint.get("/passages")
@blueprint.input(PassageQuery, location="query", arg_name="query")
@blueprint.output(PassageList)
@blueprint.doc(responses=[400, 404])
def list_passages(query: PassageQuery) -> Any:
    """List single passages, newest first."""
    shared = services()
    try:
        start, end = _stretch(shared, query)
    except ValueError as error:
        return api_error(400, str(error))
    if (refusal := _refuse_unknown(shared, query.camera)) is not None:
        return refusal
    found = passages(
        shared.engine,
        query.camera,
        start,
        end,
        verdict=Verdict(query.verdict) if query.verdict else None,
        limit=query.limit,
        newest_first=True,
    )
    zone = shared.settings.zone
    return {
        "passages": [
            {
                "camera": passage.camera,
                "start_utc": utc_text(passage.started_at),
                "start_local": local_text(passage.started_at, zone),
                "end_utc": utc_text(passage.ended_at),
                "verdict": passage.verdict.value,
                "looks": passage.looks,
                "readable_looks": passage.readable_looks,
                "probabilities": passage.probabilities,
                "face_height_px": passage.face_height_px,
            }
            for passage in found
        ]
    }


def _stretch(shared: Services, query: Stretch) -> tuple[datetime, datetime]:
    zone = shared.settings.zone
    return stretch_of(query.from_, query.to, zone=zone, now=datetime.now(UTC))


def _refuse_unknown(shared: Services, camera: str | None) -> ResponseReturnValue | None:
    """A misspelt camera is an error, not an empty report. A removed one still has its rows."""
    if camera is None:
        return None
    if camera in {life.name for life in camera_lives(shared.engine)}:
        return None
    return api_error(404, f"There never was a camera {camera[:63]!r}.")

"""The page of reports, and the same rows as a file."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from apiflask import APIBlueprint, abort
from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from maskwatch.errors import CameraError
from maskwatch.reports import (
    STEPS,
    By,
    ReportRow,
    check_length,
    first_day,
    parse_day,
    render,
    report_rows,
)
from web.labels import labelled
from web.services import Services, services
from web.times import day_bounds, local_today

_FILES: Final = {"csv": "text/csv", "json": "application/json"}

blueprint = APIBlueprint("reports_page", __name__, enable_openapi=False)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the reader has chosen; both days are included."""

    by: By
    first: date
    last: date
    camera: str | None


@blueprint.get("/reports")
def reports() -> ResponseReturnValue:
    """Compliance by hour, day or week, with how sure and how complete it is."""
    shared = services()
    choice = _choice(shared)
    return render_template(
        "reports.html",
        rows=labelled(_chosen_rows(shared, choice), by=choice.by, zone=shared.settings.zone),
        choice=choice,
        names=shared.overview.names(),
        limits=shared.settings.report,
    )


@blueprint.get("/reports/download.<any(csv, json):form>")
def download(form: str) -> ResponseReturnValue:
    """The same rows as a file."""
    shared = services()
    choice = _choice(shared)
    text = render(
        _chosen_rows(shared, choice),
        form,
        by=choice.by,
        zone=shared.settings.zone,
        site=shared.settings.site.name,
    )
    name = f"compliance-{choice.by}-{choice.first}-{choice.last}.{form}"
    return Response(
        text,
        mimetype=_FILES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def choose_rows(
    shared: Services, first: date, last: date, *, by: By, camera: str | None
) -> list[ReportRow]:
    """The rows of local days, both included.

    Raises:
        CameraError: There never was a camera of that name.
        ValueError: The days are too many for this step.
    """
    zone = shared.settings.zone
    start, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    check_length(start, end, by=by)
    return report_rows(shared.engine, shared.settings, start=start, end=end, by=by, camera=camera)


def _chosen_rows(shared: Services, choice: _Choice) -> list[ReportRow]:
    try:
        return choose_rows(shared, choice.first, choice.last, by=choice.by, camera=choice.camera)
    except CameraError as error:
        abort(404, str(error))
    except ValueError as error:
        abort(400, str(error))


def _choice(shared: Services) -> _Choice:
    today = local_today(shared.settings.zone, now=datetime.now(UTC))
    by = request.args.get("by", "hour")
    if by not in STEPS:
        abort(400, f"A report is by hour, day or week, not by {by[:20]!r}.")
    last = _day("to", today)
    first = _day("from", first_day(by, last))
    return _Choice(by, min(first, last), max(first, last), request.args.get("camera") or None)


def _day(key: str, default: date) -> date:
    text = request.args.get(key)
    if not text:
        return default
    try:
        return parse_day(text)
    except ValueError as error:
        abort(400, f"{error}.")

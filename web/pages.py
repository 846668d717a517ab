"""The pages for people, rendered here and kept moving by small scripts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from apiflask import APIBlueprint
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from maskwatch.contracts import Camera
from maskwatch.errors import CameraError
from maskwatch.reports import report_rows, row_as_json
from web.forms import CameraForm, ConfirmForm
from web.services import Services, services
from web.times import day_bounds, local_today

blueprint = APIBlueprint("pages", __name__, enable_openapi=False)


@blueprint.get("/")
def wall() -> ResponseReturnValue:
    """All cameras, live."""
    return render_template("wall.html", snapshot=services().overview.snapshot())


@blueprint.get("/cameras/<name>")
def camera(name: str) -> ResponseReturnValue:
    """One camera: live, with its figures and its day."""
    shared = services()
    found = _camera_or_404(shared, name)
    snapshot = shared.overview.snapshot(names=[name])
    day = local_today(shared.settings.zone, now=datetime.now(UTC))
    return render_template(
        "camera.html",
        camera=found,
        card=snapshot.cards[0],
        snapshot=snapshot,
        rows=_rows(shared, day, day, by="hour", name=name),
        day=day,
    )


@blueprint.get("/reports")
def reports() -> ResponseReturnValue:
    """Compliance by hour, day or week, with how sure and how complete it is."""
    shared = services()
    today = local_today(shared.settings.zone, now=datetime.now(UTC))
    by = request.args.get("by", "hour")
    if by not in ("hour", "day", "week"):
        abort(400, f"A report is by hour, day or week, not by {by[:20]!r}.")
    last = _day_argument("to", today)
    first = _day_argument("from", last if by == "hour" else last - timedelta(days=27))
    if last < first:
        first, last = last, first
    name = request.args.get("camera") or None
    return render_template(
        "reports.html",
        rows=_rows(shared, first, last, by=by, name=name),
        by=by,
        first=first,
        last=last,
        chosen=name,
        names=shared.overview.names(),
        minimum=shared.settings.report,
    )


@blueprint.get("/cameras")
def cameras() -> ResponseReturnValue:
    """The list of cameras, to change it."""
    shared = services()
    cards = {card["name"]: card for card in shared.overview.snapshot().cards}
    return render_template(
        "cameras.html", cameras=shared.cameras.list(), cards=cards, confirm=ConfirmForm()
    )


@blueprint.route("/cameras/add", methods=["GET", "POST"])
def add_camera() -> ResponseReturnValue:
    """Add a camera."""
    shared = services()
    form = CameraForm()
    if not form.is_submitted():
        form.fps.data = Decimal(str(shared.settings.ingest.fps))
    if not form.validate_on_submit():
        return _form_page(form, None)
    try:
        added = shared.cameras.add(Camera(name=form.name.data or "", **_values(form, shared)))
    except CameraError as error:
        return _form_page(form, None, problem=str(error))
    flash(f"{added.name} is added. Its picture comes as soon as it answers.")
    return redirect(url_for("pages.camera", name=added.name))


@blueprint.route("/cameras/<name>/edit", methods=["GET", "POST"])
def edit_camera(name: str) -> ResponseReturnValue:
    """Change a camera."""
    shared = services()
    found = _camera_or_404(shared, name)
    form = CameraForm(obj=found)
    form.name.data = found.name
    if not form.validate_on_submit():
        return _form_page(form, found)
    changes = _values(form, shared)
    if not changes["password"] and not form.forget_password.data:
        del changes["password"]
    try:
        shared.cameras.update(name, **changes)
    except CameraError as error:
        return _form_page(form, found, problem=str(error))
    flash(f"{name} is changed. The change takes effect within seconds.")
    return redirect(url_for("pages.camera", name=name))


@blueprint.post("/cameras/<name>/remove")
def remove_camera(name: str) -> ResponseReturnValue:
    """Remove a camera; its counts stay."""
    shared = services()
    _camera_or_404(shared, name)
    shared.cameras.remove(name)
    flash(f"{name} is removed. What it has counted stays in the reports.")
    return redirect(url_for("pages.cameras"))


def _camera_or_404(shared: Services, name: str) -> Camera:
    try:
        return shared.cameras.get(name)
    except CameraError as error:
        abort(404, str(error))


def _day_argument(key: str, default: date) -> date:
    text = request.args.get(key)
    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError:
        abort(400, f"{text[:20]!r} is no day; write it as 2026-11-23.")


def _rows(
    shared: Services, first: date, last: date, *, by: Any, name: str | None
) -> list[dict[str, Any]]:
    zone = shared.settings.zone
    rows = report_rows(
        shared.engine,
        shared.settings,
        start=day_bounds(first, zone)[0],
        end=day_bounds(last, zone)[1],
        by=by,
        camera=name,
    )
    return [row_as_json(row) for row in rows]


def _form_page(
    form: CameraForm, edited: Camera | None, *, problem: str = ""
) -> ResponseReturnValue:
    status = 422 if problem or form.errors else 200
    return render_template("camera_form.html", form=form, edited=edited, problem=problem), status


def _values(form: CameraForm, shared: Services) -> dict[str, Any]:
    """What the form says of a camera, under the names of `Camera`."""
    return {
        "url": (form.url.data or "").strip(),
        "username": form.username.data or "",
        "password": form.password.data or "",
        "fps": float(form.fps.data or shared.settings.ingest.fps),
        "transport": form.transport.data,
        "enabled": bool(form.enabled.data),
    }

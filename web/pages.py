"""The pages for people, rendered here and kept moving by small scripts."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from apiflask import APIBlueprint, abort
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from maskwatch.address import shown
from maskwatch.contracts import Camera
from maskwatch.errors import CameraError
from web.forms import CameraForm, ConfirmForm
from web.labels import labelled
from web.report_pages import choose_rows
from web.services import Services, services
from web.times import local_today

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
    rows = labelled(
        choose_rows(shared, day, day, by="hour", camera=name),
        by="hour",
        zone=shared.settings.zone,
    )
    return render_template(
        "camera.html",
        camera=found,
        card=snapshot.cards[0],
        snapshot=snapshot,
        rows=rows,
        has_passages=any(sum(row["passages"].values()) for row in rows),
        day=day,
    )


@blueprint.get("/cameras")
def cameras() -> ResponseReturnValue:
    """The list of cameras, to change it."""
    shared = services()
    cards = {card["name"]: card for card in shared.overview.snapshot().cards}
    return render_template(
        "cameras.html",
        cameras=[_shown(each) for each in shared.cameras.list()],
        cards=cards,
        confirm=ConfirmForm(),
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
        return _shown(shared.cameras.get(name))
    except CameraError as error:
        abort(404, str(error))


def _shown(camera: Camera) -> Camera:
    """The camera with the address that people may see; the store knows it when it comes back."""
    return replace(camera, url=shown(camera.url))


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

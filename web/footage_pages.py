"""The pages of footage: hand in a file, see how it goes, read what was found."""

from typing import Any

from apiflask import APIBlueprint, abort
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from maskwatch.errors import JobError
from web import footage
from web.forms import FootageForm
from web.services import services
from web.uploads import NotKeptError

blueprint = APIBlueprint("footage_page", __name__, enable_openapi=False)


@blueprint.route("/footage", methods=["GET", "POST"])
def files() -> ResponseReturnValue:
    """The files, the newest first, and the form for another one."""
    shared = services()
    form = FootageForm()
    if not form.validate_on_submit():
        return _page(form), 422 if form.errors else 200
    try:
        job = footage.keep(shared, form.file.data)
    except NotKeptError as error:
        return _page(form, problem=str(error)), int(error.status)
    flash(f"{job.arguments['name']} is handed in.")
    return redirect(url_for("footage_page.files"))


@blueprint.get("/footage/<job_id>")
def one(job_id: str) -> ResponseReturnValue:
    """One file: its passages, or its faces."""
    shared = services()
    try:
        job = footage.find(shared, job_id)
    except JobError as error:
        abort(404, str(error))
    return render_template("footage_one.html", job=job)


def _page(form: FootageForm, *, problem: str = "") -> Any:
    shared = services()
    return render_template(
        "footage.html",
        form=form,
        problem=problem,
        waits=footage.problem(shared),
        jobs=footage.newest(shared),
        days=shared.settings.retention.footage_days,
    )

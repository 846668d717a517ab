"""The web application: joins pages, API, live view and health into one Flask app."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from apiflask import APIFlask
from flask import url_for
from sqlalchemy import Engine

from maskwatch import __version__
from maskwatch.config import Settings
from maskwatch.contracts import Verdict
from web import (
    api,
    auth,
    errors,
    footage_pages,
    health,
    live,
    pages,
    protection,
    report_pages,
    services,
    uploads,
)

MAX_UPLOAD_BYTES = 2 * 1024**3
SESSION_DAYS = 7

VERDICT_WORDS = {
    Verdict.MASK.value: "Mask",
    Verdict.NO_MASK.value: "No mask",
    Verdict.INCORRECT.value: "Worn incorrectly",
    Verdict.UNREADABLE.value: "Unreadable",
}
"""In the order in which every page shows them."""


def create_app(settings: Settings, *, engine: Engine) -> APIFlask:
    """Make the application. Nothing is connected yet but the key file is read or made.

    Args:
        settings: The configuration.
        engine: The database, its tables up to date.

    Raises:
        ConfigError: The key file cannot be used.
        BusError: The address of Redis cannot be used.
    """
    app = APIFlask(
        "web",
        title="maskwatch",
        version=__version__,
        docs_path=None,  # the ready-made page loads its scripts from elsewhere
        spec_path="/api/v1/openapi.json",
        root_path=str(Path(__file__).parent),
    )
    app.request_class = uploads.UploadRequest
    secret = auth.secret_key(settings)
    app.config.update(_flask_settings(secret))
    _describe(app)
    gate = auth.PasswordGate(settings.web.password_hash.get_secret_value(), secret)
    services.init_app(app, services.make_services(settings, engine))
    errors.init_app(app)
    # Before the tokens of forms are checked: without a session there is none to compare with, and
    # nobody without the password should have a file of theirs taken in for that check.
    auth.init_app(app, gate)
    protection.init_app(app, settings)
    for blueprint in (health.blueprint, live.blueprint, *api.blueprints):
        protection.csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    for blueprint in (pages.blueprint, report_pages.blueprint, footage_pages.blueprint):
        app.register_blueprint(blueprint)
    live.sock.init_app(app)
    protection.csrf.exempt("web.live.live")
    app.wsgi_app = live.without_compression(app.wsgi_app)  # type: ignore[method-assign]
    _add_template_words(app, settings)
    return app


def _flask_settings(secret: bytes) -> dict[str, Any]:
    return {
        "SECRET_KEY": secret,
        "SESSION_COOKIE_NAME": "maskwatch_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(days=SESSION_DAYS),
        "MAX_CONTENT_LENGTH": MAX_UPLOAD_BYTES,
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a wall may stay open for days
        # None: the browser keeps a file and asks each time whether it has changed. So scripts that
        # import each other always belong to one version.
        "SEND_FILE_MAX_AGE_DEFAULT": None,
        "JSON_SORT_KEYS": False,
    }


def _describe(app: APIFlask) -> None:
    app.description = (
        "Cameras, live pictures, passages and reports. Times are ISO 8601 in UTC, with the site's "
        "local time beside them. Errors are `{message, detail}`. Where a password is set, send "
        "`Authorization: Bearer PASSWORD`."
    )
    app.security_schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
    }
    app.servers = [{"url": "/"}]


def _add_template_words(app: APIFlask, settings: Settings) -> None:
    def asset(name: str) -> str:
        return url_for("static", filename=name)

    def local_time(moment: datetime | str | None) -> str:
        if moment is None:
            return "never"
        aware = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return aware.astimezone(settings.zone).strftime("%d %b %Y, %H:%M:%S")

    app.jinja_env.globals.update(
        asset=asset,
        site_name=settings.site.name,
        timezone=settings.site.timezone,
        verdict_words=VERDICT_WORDS,
        version=__version__,
    )
    app.jinja_env.filters["local_time"] = local_time
    app.jinja_env.filters["percent"] = _percent
    app.jinja_env.filters["clock"] = _clock
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _percent(share: float | None) -> str:
    return "\N{EN DASH}" if share is None else f"{share:.1%}"


def _clock(seconds: float) -> str:
    """Where in a video: 1:02:03.4, or 2:03.4 within the first hour."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"

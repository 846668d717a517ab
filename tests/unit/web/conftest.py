"""The application on a real Redis and a real SQLite file, called without a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from maskwatch.config import Settings, SiteSettings, WebSettings
from maskwatch.storage import migrate, open_database
from web.app import create_app
from web.services import Services

PASSWORD = "correct horse battery"


@pytest.fixture
def web_settings(redis_settings: Settings, tmp_path: Path) -> Settings:
    """A site in Paris, so that local time and UTC differ."""
    return redis_settings.with_changes(
        data_dir=tmp_path, site=SiteSettings(name="North Mall", timezone="Europe/Paris")
    )


@pytest.fixture
def app(web_settings: Settings) -> Iterator[APIFlask]:
    """Without a password."""
    yield from _made(web_settings)


@pytest.fixture
def locked_app(web_settings: Settings) -> Iterator[APIFlask]:
    """With `PASSWORD`."""
    # Few rounds: the tests ask for the hash often.
    hashed = generate_password_hash(PASSWORD, method="scrypt:1024:8:1")
    yield from _made(web_settings.with_changes(web=WebSettings(password_hash=hashed)))


def _made(settings: Settings) -> Iterator[APIFlask]:
    engine = open_database(settings)
    migrate(engine)
    made = create_app(settings, engine=engine)
    yield made
    made.extensions["maskwatch"].close()


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    """A browser or program on the same machine."""
    return app.test_client()


@pytest.fixture
def locked_client(locked_app: APIFlask) -> FlaskClient:
    """As `client`, of the application with a password."""
    return locked_app.test_client()


@pytest.fixture
def shared(app: APIFlask) -> Services:
    """What the application works with."""
    found: Services = app.extensions["maskwatch"]
    return found

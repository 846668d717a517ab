"""What docs/api.md and the note beside the vendored files say is true."""

import hashlib
import re
from pathlib import Path

from apiflask import APIFlask
from flask.testing import FlaskClient

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "api.md").read_text()
VENDOR = ROOT / "web" / "static" / "vendor"


def test_every_address_of_the_api_is_documented(app: APIFlask) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:>]*:)?([^>]+)>", r"{\1}", rule.rule)
        if path.startswith(("/api/", "/metrics", "/healthz", "/readyz")):
            known = path.replace("{by}", "{hour\\|day\\|week}").replace("{job_id}", "ID")
            assert known in DOCUMENT, path


def test_every_metric_is_documented(client: FlaskClient) -> None:
    for name in re.findall(r"^# TYPE (\S+) ", client.get("/metrics").text, re.MULTILINE):
        # "…_offered_total" stands for a name that begins as the one before it.
        short = name.removeprefix("maskwatch_camera").removeprefix("maskwatch_worker")
        assert f"`{name}`" in DOCUMENT or f"`…{short}`" in DOCUMENT, name


def test_a_vendored_file_is_the_one_that_is_named() -> None:
    note = (VENDOR / "README.md").read_text()
    scripts = sorted(VENDOR.glob("*.js"))
    assert scripts
    for script in scripts:
        assert hashlib.sha256(script.read_bytes()).hexdigest() in note

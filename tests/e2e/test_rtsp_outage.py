"""A real RTSP camera goes away and comes back: the page counts, the coverage has the gap."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from maskwatch.config import IngestSettings, Settings, WebSettings
from maskwatch.contracts import Camera
from maskwatch.simulator.film import Film
from maskwatch.storage import CameraStore, open_database
from maskwatch.storage.questions import total_facts
from maskwatch.supervisor import Supervisor
from tests.support.browser import Browser
from tests.support.pictures import to_annex_b
from tests.support.rtsp_server import RtspServer, rtsp_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)

CAMERA = "entrance"
OUTAGE_S = 10.0


@pytest.fixture
def rtsp_camera(small_film: Film, tmp_path: Path) -> Iterator[RtspServer]:
    """People walking through a corridor, again and again, as H.264 by RTSP."""
    with rtsp_server(video=to_annex_b(small_film.path, tmp_path / "people.h264")) as server:
        yield server


@pytest.fixture
def system(rtsp_camera: RtspServer, tmp_path: Path) -> Iterator[Supervisor]:
    """Every process, with the one camera added while it runs, as `maskwatch camera add` does."""
    settings = Settings(
        data_dir=tmp_path / "data",
        web=WebSettings(port=0),
        ingest=IngestSettings(frame_timeout_s=3, open_timeout_s=3, backoff_max_s=2),
    )
    with Supervisor(settings) as supervisor:
        assert supervisor.wait_ready(90)
        engine = open_database(supervisor.settings)
        CameraStore(engine).add(Camera(name=CAMERA, url=rtsp_camera.url, fps=5))
        engine.dispose()
        yield supervisor


@pytest.fixture
def engine(system: Supervisor) -> Iterator[Engine]:
    opened = open_database(system.settings)
    yield opened
    opened.dispose()


def _now(system: Supervisor) -> dict[str, Any]:
    """What the API says of the camera at this moment."""
    address = f"{system.address}/api/v1/cameras/{CAMERA}"
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # our own page
        now: dict[str, Any] = json.load(answer)["now"]
    return now


def _counted(system: Supervisor) -> int:
    return sum(_now(system)["counts"].values())


def _on_page(browser: Browser) -> int:
    """The counts as a person reads them."""
    cells = browser.find_elements("css selector", "[data-count]")
    assert len(cells) == 4
    return sum(int(cell.text or 0) for cell in cells)


def test_a_camera_that_goes_away_comes_back_without_help_and_leaves_a_gap_in_the_coverage(
    system: Supervisor, rtsp_camera: RtspServer, engine: Engine, browser: Browser
) -> None:
    began = datetime.now(UTC)
    browser.get(f"{system.address}/cameras/{CAMERA}")
    wait_for(lambda: _now(system)["state"] == "live", what="the camera", timeout_s=60)
    wait_for(lambda: _counted(system) >= 1, what="a passage", timeout_s=90)
    wait_for(lambda: _on_page(browser) >= 1, what="the passage on the page", timeout_s=30)

    rtsp_camera.stop()
    lost_at = time.monotonic()
    wait_for(lambda: _now(system)["state"] == "offline", what="the loss", timeout_s=30)
    wait_for(lambda: "Offline" in _state_on_page(browser), what="the loss on the page")
    # The outage itself: it must last, or there is no gap to be found.
    threading.Event().wait(max(0.0, OUTAGE_S - (time.monotonic() - lost_at)))
    before = _counted(system)

    rtsp_camera.start()
    wait_for(lambda: _now(system)["state"] == "live", what="the camera's return", timeout_s=60)
    outage_s = time.monotonic() - lost_at
    wait_for(lambda: _counted(system) > before, what="a passage after it", timeout_s=90)
    wait_for(lambda: _on_page(browser) > before, what="it on the page", timeout_s=30)
    wait_for(lambda: "Live" in _state_on_page(browser), what="the return on the page")

    facts = total_facts(engine, CAMERA, began.replace(second=0, microsecond=0), datetime.now(UTC))
    # Without the time that a busy machine dropped pictures in, or their first ones were torn.
    offline_s = (facts.offline_ms.total() - facts.delivered_ms + facts.watched_ms) / 1000
    assert OUTAGE_S - 4 <= offline_s <= outage_s + 2
    run_s = (datetime.now(UTC) - began).total_seconds()
    assert facts.watched_ms / 1000 <= run_s - offline_s + 2
    assert system.restarts()["ingest"] == 0


def _state_on_page(browser: Browser) -> str:
    found: str = browser.find_element("css selector", ".heading .state").text
    return found

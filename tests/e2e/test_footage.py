"""Footage in a real browser: handed in, followed without a reload, failed where it failed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from maskwatch.storage import open_database
from maskwatch.storage.jobs import JobState, JobStore
from tests.support.browser import Browser, follow_link, wait_for
from tests.support.web_server import StartWeb, WebProcess
from workers import jobs_main

TOTALS = {"mask": 2, "no_mask": 1, "incorrect": 0, "unreadable": 0}


@pytest.fixture
def web(start_web: StartWeb) -> WebProcess:
    return start_web()


@pytest.fixture
def store(web: WebProcess) -> Iterator[JobStore]:
    engine = open_database(web.settings)
    yield JobStore(engine)
    engine.dispose()


@pytest.fixture
def jobs(web: WebProcess) -> Iterator[None]:
    """The jobs' role with its real worker process."""
    stop = threading.Event()
    thread = threading.Thread(target=jobs_main.run, args=(web.settings, stop))
    thread.start()
    yield
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def _hand_in(browser: Browser, path: Path) -> None:
    browser.find_element("name", "file").send_keys(str(path))
    browser.find_element("xpath", "//button[normalize-space()='Hand in']").click()
    wait_for(lambda: path.name in _list(browser))


def _list(browser: Browser) -> str:
    text: str = browser.execute_script(
        "return document.querySelector('[data-follow]').innerText.replace(/\\s+/g, ' ')"
    )
    return text


def test_a_file_is_followed_without_a_reload(
    web: WebProcess, store: JobStore, browser: Browser, tmp_path: Path
) -> None:
    browser.get(f"{web.address}/footage")
    assert "maskwatch analyze FILE --enqueue" in _list(browser)
    browser.execute_script("window.isTheSamePage = true")
    video = tmp_path / "hall.mp4"
    video.write_bytes(b"video")
    _hand_in(browser, video)
    assert "Waiting" in _list(browser)
    waits = browser.find_element("css selector", "[data-waits]")
    wait_for(lambda: "maskwatch jobs" in waits.text)

    [job] = store.newest()
    store.begin(job.id, worker="elsewhere:1")
    store.progress(job.id, 40)
    wait_for(lambda: "40 % Being analysed" in _list(browser))
    store.progress(job.id, 70)
    wait_for(lambda: "70 % Being analysed" in _list(browser))
    store.finish(job.id, {"frames": 9, "totals": TOTALS, "passages": []})
    wait_for(lambda: "Done Mask 2 No mask 1" in _list(browser))
    assert browser.execute_script("return window.isTheSamePage")

    follow_link(browser, "hall.mp4")
    wait_for(lambda: "Nobody passes in this video." in _list(browser))


@pytest.mark.usefixtures("jobs")
def test_a_picture_is_analysed_and_a_file_that_is_none_looks_failed(
    web: WebProcess, store: JobStore, browser: Browser, tmp_path: Path
) -> None:
    picture, broken = tmp_path / "wall.png", tmp_path / "broken.mp4"
    Image.new("RGB", (320, 240), (120, 130, 125)).save(picture)
    broken.write_bytes(b"no video at all" * 100)
    browser.get(f"{web.address}/footage")
    _hand_in(browser, broken)
    _hand_in(browser, picture)
    wait_for(lambda: "Done Mask 0" in _list(browser), timeout_s=90)
    wait_for(lambda: "Failed" in _list(browser), timeout_s=90)
    wait_for(lambda: not browser.find_element("css selector", "[data-waits]").is_displayed())
    [failed] = [job for job in store.newest() if job.state is JobState.FAILED]
    reason = failed.error.replace(failed.arguments["path"], "broken.mp4")
    assert browser.find_element("css selector", ".job .error").text == reason
    follow_link(browser, "wall.png")
    wait_for(lambda: "No face was found in this picture." in _list(browser))

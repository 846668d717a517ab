"""The wall in a real browser, from the real web process: twelve cameras, all moving."""

import hashlib
from typing import Any

import pytest

from tests.support.browser import Browser, resize, wait_for
from tests.support.web_server import Feeder, StartWeb

NAMES = [f"cam-{number:02d}" for number in range(1, 13)]

CANVASES = """
return [...document.querySelectorAll("#wall canvas")].map((canvas) =>
  canvas.closest("[data-camera]").dataset.camera + " " + canvas.toDataURL("image/png"));
"""


def _pictures(browser: Browser) -> dict[str, str]:
    """Camera to a hash of what its canvas shows."""
    shown = {}
    for text in browser.execute_script(CANVASES):
        name, pixels = text.split(" ", 1)
        shown[name] = hashlib.sha256(pixels.encode()).hexdigest()
    return shown


def _tile(browser: Browser, name: str) -> Any:
    return browser.find_element("css selector", f'[data-camera="{name}"]')


def test_all_twelve_canvases_change_within_two_seconds(
    start_web: StartWeb, browser: Browser
) -> None:
    web = start_web(cameras=NAMES)
    with Feeder(web.settings, NAMES):
        browser.get(web.address)
        wait_for(lambda: not browser.find_elements("css selector", "#wall .is-waiting"))
        before = _pictures(browser)
        assert sorted(before) == NAMES
        changed: set[str] = set()

        def all_have_changed() -> bool:
            now = _pictures(browser)
            changed.update(name for name in NAMES if now[name] != before[name])
            return len(changed) == len(NAMES)

        wait_for(all_have_changed, timeout_s=2.0)
        assert all(_tile(browser, name).text.count("Live") for name in NAMES)


def test_a_camera_that_goes_offline_is_not_shown_as_live(
    start_web: StartWeb, browser: Browser
) -> None:
    web = start_web(cameras=["door", "hall"])
    with Feeder(web.settings, ["door", "hall"]) as feeder:
        browser.get(web.address)
        wait_for(lambda: not browser.find_elements("css selector", "#wall .is-waiting"))
        feeder.offline.add("door")
        wait_for(lambda: "is-stale" in _tile(browser, "door").get_attribute("class"))
        text = _tile(browser, "door").text
        assert "Offline" in text
        assert "The camera did not answer within 10 s. Next try in 12 s." in text
        assert "Last picture" in text
        assert "is-stale" not in _tile(browser, "hall").get_attribute("class")
        feeder.offline.clear()
        wait_for(lambda: "is-stale" not in _tile(browser, "door").get_attribute("class"))


def test_pictures_that_stop_coming_are_greyed_though_the_camera_says_live(
    start_web: StartWeb, browser: Browser
) -> None:
    web = start_web(cameras=["door"])
    with Feeder(web.settings, ["door"]) as feeder:
        browser.get(web.address)
        wait_for(lambda: not browser.find_elements("css selector", "#wall .is-waiting"))
        feeder.silent.add("door")
        wait_for(lambda: "is-stale" in _tile(browser, "door").get_attribute("class"))
        assert "No new picture" in _tile(browser, "door").text


def test_a_camera_added_elsewhere_appears_on_the_open_wall_and_goes_again(
    start_web: StartWeb, browser: Browser
) -> None:
    web = start_web()
    browser.get(web.address)
    assert "maskwatch camera add" in browser.find_element("id", "empty").text
    add = """
      const done = arguments[arguments.length - 1];
      fetch("/api/v1/cameras", {method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({name: "late", url: "rtsp://192.0.2.1/s"})})
        .then((answer) => done(answer.status));
    """
    assert browser.execute_async_script(add) == 201
    wait_for(lambda: browser.find_elements("css selector", '[data-camera="late"]'))
    assert not browser.find_element("id", "empty").is_displayed()
    remove = """
      const done = arguments[arguments.length - 1];
      fetch("/api/v1/cameras/late", {method: "DELETE"}).then((r) => done(r.status));
    """
    assert browser.execute_async_script(remove) == 204
    wait_for(lambda: not browser.find_elements("css selector", '#wall [data-camera="late"]'))
    wait_for(lambda: browser.find_element("id", "empty").is_displayed())


@pytest.mark.parametrize(("width", "columns"), [(1920, 2), (1440, 2), (720, 2), (390, 1)])
def test_four_cameras_stand_two_by_two(
    start_web: StartWeb, browser: Browser, width: int, columns: int
) -> None:
    web = start_web(cameras=NAMES[:4])
    resize(browser, width, 900)
    browser.get(web.address)
    lefts = browser.execute_script(
        "return [...document.querySelectorAll('#wall .tile')].map((tile) => tile.offsetLeft)"
    )
    assert len(lefts) == 4
    assert len(set(lefts)) == columns


def test_nothing_sticks_out_on_a_phone(start_web: StartWeb, browser: Browser) -> None:
    names = ["cam-01", "a-camera-with-a-rather-long-name-on-the-second-floor-01"]
    web = start_web(cameras=names)
    with Feeder(web.settings, names):
        resize(browser, 390, 844)
        for path in (
            "/",
            f"/cameras/{names[1]}",
            "/cameras",
            "/cameras/add",
            "/reports",
            "/footage",
        ):
            browser.get(f"{web.address}/{path}")
            width = browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= 390, path

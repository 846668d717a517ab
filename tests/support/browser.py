"""A headless Chromium for tests of the pages; skipped with its reason where there is none.

Every error in the browser's console fails the test: a page that works by accident is not enough.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The page's timers must not slow down because no screen shows it.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
)

Browser = Any  # selenium's WebDriver, imported only where the browser is used


def start_browser(profile: Path, *, width: int = 1440, height: int = 900) -> Browser:
    """Start Chromium with an empty profile.

    Args:
        profile: An empty folder.
        width: Of the page, pixels.
        height: Of the page, pixels.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER, log_output=os.devnull)
    browser = webdriver.Chrome(options=options, service=service)
    resize(browser, width, height)
    return browser


def resize(browser: Browser, width: int, height: int) -> None:
    """Give the page exactly this size: a window cannot be as narrow as a phone."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )


def console_errors(browser: Browser) -> list[str]:
    """Errors since the last question, as the console shows them."""
    return [
        entry["message"]
        for entry in browser.get_log("browser")
        if entry["level"] in ("SEVERE", "WARNING")
    ]


def wait_for(condition: Callable[[], Any], *, timeout_s: float = 30.0) -> Any:
    """Ask until the answer is true, and return it.

    An element that is gone or not there yet is no answer: the page may just be changing.

    Raises:
        AssertionError: It did not become true in time.
    """
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

    def ask() -> Any:
        try:
            return condition()
        except (NoSuchElementException, StaleElementReferenceException):
            return None

    deadline = time.monotonic() + timeout_s
    while not (found := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {condition}")
        time.sleep(0.05)
    return found


def follow_link(browser: Browser, text: str) -> None:
    """Click a link, as soon as it is there."""

    def click() -> bool:
        browser.find_element("link text", text).click()
        return True

    wait_for(click)


@pytest.fixture(scope="session")
def _chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    pytest.importorskip("selenium", reason="needs the [dev] extra")
    browser = start_browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.quit()


@pytest.fixture
def browser(_chromium: Browser) -> Iterator[Browser]:
    """Chromium on an empty page of 1440 x 900; fails the test that leaves a console error."""
    resize(_chromium, 1440, 900)
    console_errors(_chromium)
    yield _chromium
    left = console_errors(_chromium)
    _chromium.get("about:blank")
    _chromium.delete_all_cookies()
    assert not left, f"the browser's console has errors: {left}"

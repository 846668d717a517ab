"""Pages that people use with mouse and keyboard, in a real browser."""

from datetime import UTC, datetime, timedelta

from werkzeug.security import generate_password_hash

from maskwatch.config import Settings
from maskwatch.contracts import Verdict
from maskwatch.storage import CameraStore, open_database, writing
from maskwatch.storage.counting import add_minutes, add_passages
from maskwatch.storage.facts import Facts, Passage
from tests.support.browser import Browser, follow_link, resize, wait_for
from tests.support.web_server import StartWeb

PASSWORD = "correct horse battery"


def _fill(browser: Browser, name: str, text: str) -> None:
    field = browser.find_element("name", name)
    field.clear()
    field.send_keys(text)


def _press(browser: Browser, text: str) -> None:
    browser.find_element("xpath", f"//main//button[normalize-space()='{text}']").click()


def test_a_camera_is_added_changed_and_removed_on_the_pages(
    start_web: StartWeb, browser: Browser
) -> None:
    web = start_web()
    browser.get(f"{web.address}/cameras")
    follow_link(browser, "Add a camera")
    _fill(browser, "name", "hall two")
    _fill(browser, "url", "rtsp://192.0.2.1/s")
    _fill(browser, "username", "viewer")
    _fill(browser, "password", "p@ss:w/rd#1!")
    _press(browser, "Add the camera")
    assert "try 'hall-two'" in browser.find_element("class name", "error").text
    # The refusal is an answer with an error's status, which the console notes.
    browser.get_log("browser")
    _fill(browser, "name", "hall-two")
    _fill(browser, "password", "p@ss:w/rd#1!")
    _press(browser, "Add the camera")
    wait_for(lambda: browser.current_url.endswith("/cameras/hall-two"))
    assert "p@ss" not in browser.page_source

    follow_link(browser, "Settings")
    assert browser.find_element("name", "password").get_attribute("value") == ""
    _fill(browser, "fps", "2.5")
    _press(browser, "Save")
    wait_for(lambda: "is changed" in browser.page_source)
    store = CameraStore(open_database(web.settings))
    stored = store.get("hall-two")
    assert (stored.fps, stored.username, stored.password) == (2.5, "viewer", "p@ss:w/rd#1!")

    browser.get(f"{web.address}/cameras")
    browser.find_element("css selector", "[aria-label='Remove hall-two']").click()
    _press(browser, "Remove")
    wait_for(lambda: "No cameras yet" in browser.page_source)
    assert store.list() == []


def test_the_log_in_opens_the_wall_and_its_live_socket(
    start_web: StartWeb, browser: Browser
) -> None:
    hashed = generate_password_hash(PASSWORD, method="scrypt:1024:8:1")
    web = start_web(cameras=["door"], password_hash=hashed)
    browser.get(f"{web.address}/reports")
    assert "/login" in browser.current_url
    _fill(browser, "password", PASSWORD)
    _press(browser, "Log in")
    wait_for(lambda: browser.current_url.endswith("/reports"))
    follow_link(browser, "Wall")
    line = "[data-connection]"
    wait_for(lambda: browser.find_element("css selector", line).text == "")
    state = "[data-camera='door'] [data-label]"
    wait_for(lambda: browser.find_element("css selector", state).text == "Not being read")
    browser.find_element("xpath", "//button[normalize-space()='Log out']").click()
    browser.get(web.address)
    assert "/login" in browser.current_url


def test_a_wall_whose_session_has_ended_leads_to_the_log_in_and_back(
    start_web: StartWeb, browser: Browser
) -> None:
    hashed = generate_password_hash(PASSWORD, method="scrypt:1024:8:1")
    web = start_web(cameras=["door"], password_hash=hashed)
    browser.get(f"{web.address}/cameras/door")
    _fill(browser, "password", PASSWORD)
    _press(browser, "Log in")
    line = "[data-connection]"
    wait_for(lambda: browser.find_element("css selector", line).text == "")
    browser.delete_all_cookies()
    # The server goes and comes back, as with an update: the open page must connect anew.
    web.restart()
    wait_for(lambda: "/login" in browser.current_url, timeout_s=30)
    # What could not be reached and what was refused is in the console, as it should be.
    browser.get_log("browser")
    assert not browser.find_elements("css selector", "nav")
    _fill(browser, "password", PASSWORD)
    _press(browser, "Log in")
    wait_for(lambda: browser.current_url.endswith("/cameras/door"))


def test_the_theme_is_chosen_and_kept(start_web: StartWeb, browser: Browser) -> None:
    web = start_web()
    browser.get(web.address)
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(ground)
    browser.find_element("id", "theme").click()
    after = browser.execute_script(ground)
    assert after != before
    browser.refresh()
    assert browser.execute_script(ground) == after
    browser.execute_script("localStorage.clear()")


def test_the_day_of_a_camera_is_drawn_and_written(start_web: StartWeb, browser: Browser) -> None:
    web = start_web(cameras=["door"])
    _count(web.settings)
    browser.get(f"{web.address}/cameras/door")
    drawn = """
      const canvas = document.getElementById("hours");
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return new Set(new Uint32Array(pixels.buffer)).size;
    """
    wait_for(lambda: browser.execute_script(drawn) > 10)
    rows = [e.text for e in browser.find_elements("css selector", "tbody tr")]
    assert any("12 3 0 1 80.0%" in row for row in rows)
    counts = [e.text for e in browser.find_elements("css selector", ".counts [data-count]")]
    assert counts == ["12", "3", "0", "1"]


def test_a_phone_shows_all_of_a_report_without_moving_it_sideways(
    start_web: StartWeb, browser: Browser
) -> None:
    web = start_web(cameras=["door"])
    _count(web.settings)
    resize(browser, 390, 844)
    browser.get(f"{web.address}/reports")
    row = browser.find_element("css selector", ".report tbody tr")
    rights = [cell.rect["x"] + cell.rect["width"] for cell in row.find_elements("xpath", "*")]
    assert len(rights) == 10
    assert max(rights) <= 390
    # Each number says what it is: there is no head of the table above it.
    name = """return getComputedStyle(arguments[0], "::before").content"""
    counts = row.find_elements("css selector", ".count")
    assert [(browser.execute_script(name, count), count.text) for count in counts] == [
        ('"Mask"', "12"), ('"No mask"', "3"), ('"Worn incorrectly"', "0"), ('"Unreadable"', "1")
    ]  # fmt: skip


def _count(settings: Settings) -> None:
    """Sixteen passages in the present hour, all of it watched so far."""
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    verdicts = [Verdict.MASK] * 12 + [Verdict.NO_MASK] * 3 + [Verdict.UNREADABLE]
    passages = [
        Passage(
            camera="door",
            epoch="e",
            track=number,
            started_at=hour,
            ended_at=hour + timedelta(seconds=2),
            verdict=verdict,
            looks=9,
            readable_looks=9,
            probabilities={"mask": 1.0, "no_mask": 0.0, "incorrect": 0.0},
            face_height_px=50.0,
        )
        for number, verdict in enumerate(verdicts)
    ]
    minutes = {hour + timedelta(minutes=n): Facts(watched_ms=60_000) for n in range(now.minute + 1)}
    engine = open_database(settings)
    with writing(engine) as session:
        add_passages(session, passages)
        add_minutes(session, "door", minutes)
    engine.dispose()

"""Who may see and change what: password, sessions, other sites, headers."""

import io
import re

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from maskwatch.access import check_access
from maskwatch.config import Settings, WebSettings
from maskwatch.errors import ConfigError
from tests.unit.web.conftest import PASSWORD
from web.auth import FAILURES_A_MINUTE, LARGEST_OPEN_BYTES, PasswordGate, secret_key
from web.server import listen

CAMERA = {"name": "entrance", "url": "rtsp://192.0.2.1/s"}


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def _log_in(client: FlaskClient, password: str) -> int:
    token = _token(client.get("/login").text)
    answer = client.post("/login", data={"password": password, "csrf_token": token})
    return answer.status_code


def test_without_a_session_pages_lead_to_the_log_in_and_programs_get_401(
    locked_client: FlaskClient,
) -> None:
    page = locked_client.get("/reports?by=day")
    assert page.status_code == 302
    assert page.headers["Location"] == "/login?next=/reports?by%3Dday"
    for path in ("/api/v1/cameras", "/api/v1/openapi.json", "/metrics", "/api/v1/passages"):
        answer = locked_client.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert set(answer.json) == {"message", "detail"}


def test_health_is_open_to_those_who_watch_the_watcher(locked_client: FlaskClient) -> None:
    assert locked_client.get("/healthz").status_code == 200
    assert locked_client.get("/readyz").status_code == 200


def test_the_right_password_opens_a_session_and_logging_out_ends_it(
    locked_client: FlaskClient,
) -> None:
    assert _log_in(locked_client, PASSWORD) == 302
    wall = locked_client.get("/")
    assert wall.status_code == 200
    assert locked_client.get("/api/v1/cameras").status_code == 200
    locked_client.post("/logout", data={"csrf_token": _token(wall.text)})
    assert locked_client.get("/").status_code == 302


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    locked_client: FlaskClient,
) -> None:
    token = _token(locked_client.get("/login").text)
    answer = locked_client.post("/login", data={"password": PASSWORD, "csrf_token": token})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_wrong_password_is_refused_and_many_have_to_wait(locked_client: FlaskClient) -> None:
    for _ in range(FAILURES_A_MINUTE - 1):
        assert _log_in(locked_client, "wrong password") == 401
    assert _log_in(locked_client, "wrong password") == 429
    assert _log_in(locked_client, PASSWORD) == 429


def test_a_form_without_its_token_is_refused(locked_client: FlaskClient) -> None:
    answer = locked_client.post("/login", data={"password": PASSWORD})
    assert answer.status_code == 400
    assert locked_client.get("/").status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "/\r/evil.test",
        "\t//evil.test",
        "/reports\nX-Header: 1",
        "/a\\..\\/evil.test",
    ],
)
def test_the_log_in_leads_to_no_other_site(locked_client: FlaskClient, target: str) -> None:
    token = _token(locked_client.get("/login").text)
    answer = locked_client.post(
        "/login", query_string={"next": target}, data={"password": PASSWORD, "csrf_token": token}
    )
    assert answer.headers["Location"] == "/"


def test_the_log_in_leads_back_to_the_page_that_was_asked_for(locked_client: FlaskClient) -> None:
    token = _token(locked_client.get("/login").text)
    answer = locked_client.post(
        "/login?next=/reports?by%3Dday", data={"password": PASSWORD, "csrf_token": token}
    )
    assert answer.headers["Location"] == "/reports?by=day"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/cameras/add", "/login?next=/cameras/add"),
        ("/cameras/hall/remove", "/login"),
        ("/logout", "/login"),
    ],
)
def test_a_form_that_is_sent_after_the_session_has_ended_leads_to_the_log_in(
    locked_client: FlaskClient, path: str, location: str
) -> None:
    answer = locked_client.post(path, data={"name": "hall"})
    assert (answer.status_code, answer.headers["Location"]) == (302, location)


def test_a_form_without_its_token_is_refused_within_a_session_too(
    locked_client: FlaskClient, locked_app: APIFlask
) -> None:
    assert _log_in(locked_client, PASSWORD) == 302
    answer = locked_client.post("/cameras/add", data={"name": "hall", "url": "rtsp://192.0.2.1/s"})
    assert answer.status_code == 400
    assert locked_app.extensions["maskwatch"].cameras.list() == []


def test_without_the_password_nobody_hands_in_a_file(
    locked_client: FlaskClient, web_settings: Settings
) -> None:
    for path, status in (("/login", 413), ("/footage", 302), ("/api/v1/footage", 401)):
        data = {"file": (io.BytesIO(bytes(LARGEST_OPEN_BYTES + 1)), "day.mp4")}
        assert locked_client.post(path, data=data).status_code == status, path
    assert not (web_settings.data_dir / "footage").exists()


def test_the_menu_stands_only_where_it_leads_somewhere(locked_client: FlaskClient) -> None:
    log_in = locked_client.get("/login").text
    assert "<nav" not in log_in
    assert "Log out" not in log_in
    assert _log_in(locked_client, PASSWORD) == 302
    wall = locked_client.get("/").text
    assert "<nav" in wall
    assert "Log out" in wall


def test_without_a_password_there_is_a_menu_and_nothing_to_log_out_of(client: FlaskClient) -> None:
    wall = client.get("/").text
    assert "<nav" in wall
    assert "Log out" not in wall


def test_programs_send_the_password_as_bearer_or_basic(locked_client: FlaskClient) -> None:
    path = "/api/v1/cameras"
    good = locked_client.get(path, headers={"Authorization": f"Bearer {PASSWORD}"})
    assert good.status_code == 200
    assert locked_client.get(path, auth=("anyone", PASSWORD)).status_code == 200
    assert locked_client.get(path, auth=("anyone", "wrong")).status_code == 401
    added = locked_client.post(path, json=CAMERA, headers={"Authorization": f"Bearer {PASSWORD}"})
    assert added.status_code == 201


def test_another_password_ends_the_old_sessions() -> None:
    first, second = PasswordGate("scrypt:one", b"key"), PasswordGate("scrypt:two", b"key")
    assert first.session_mark != second.session_mark


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9999"},
        {"Origin": "null"},
    ],
)
def test_a_page_of_another_site_changes_nothing(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.post("/api/v1/cameras", json=CAMERA, headers=headers)
    assert answer.status_code == 403
    assert client.get("/api/v1/cameras").json == {"cameras": []}


def test_our_own_pages_and_programs_may_change(client: FlaskClient) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/cameras", json=CAMERA, headers=headers).status_code == 201
    assert client.delete("/api/v1/cameras/entrance").status_code == 204


def test_a_name_that_was_rebound_to_loopback_gets_nothing(client: FlaskClient) -> None:
    assert client.get("/api/v1/cameras", headers={"Host": "evil.test"}).status_code == 400
    for host in ("127.0.0.1:8080", "localhost:8080", "[::1]:8080"):
        assert client.get("/api/v1/cameras", headers={"Host": host}).status_code == 200, host


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for path in ("/", "/api/v1/cameras", "/nowhere", "/static/css/base.css"):
        with client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_no_page_has_a_script_or_style_of_its_own_or_from_elsewhere(client: FlaskClient) -> None:
    client.post("/api/v1/cameras", json=CAMERA)
    for path in ("/", "/cameras", "/cameras/entrance", "/cameras/add", "/reports", "/nowhere"):
        page = client.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"\bstyle=|<style|\bon[a-z]+=", page), path
        assert not re.search(r'(src|href)="(https?:)?//', page), path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "mall.example"])  # noqa: S104
def test_other_machines_are_let_in_with_a_password_only(host: str) -> None:
    open_to_all = Settings().with_changes(web=WebSettings(host=host))
    with pytest.raises(ConfigError, match="maskwatch password"):
        check_access(open_to_all)
    locked = Settings().with_changes(web=WebSettings(host=host, password_hash="scrypt:1:2$3$4"))
    check_access(locked)


def test_a_plain_password_in_the_configuration_is_refused_without_being_shown() -> None:
    settings = Settings().with_changes(web=WebSettings(password_hash="hunter2hunter2"))
    with pytest.raises(ConfigError) as caught:
        check_access(settings)
    assert "hunter2" not in str(caught.value)


def test_a_port_that_is_taken_is_one_clear_line(web_settings: Settings) -> None:
    with listen(web_settings.with_changes(web=WebSettings(port=0))) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}.*another"):
            listen(web_settings.with_changes(web=WebSettings(port=port)))


def test_the_key_is_made_once_and_readable_for_its_owner_only(web_settings: Settings) -> None:
    first = secret_key(web_settings)
    assert len(first) >= 32
    assert secret_key(web_settings) == first
    mode = (web_settings.data_dir / "web-secret.key").stat().st_mode
    assert mode & 0o077 == 0

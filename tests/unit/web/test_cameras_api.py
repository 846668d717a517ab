"""`/api/v1/cameras`: what is accepted, refused, and never shown."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from maskwatch.contracts import Camera
from web.services import Services

SECRET = "p@ss:w/rd#1!"


def _add(client: FlaskClient, **changes: Any) -> Any:
    camera = {"name": "entrance", "url": "rtsp://192.0.2.1/s", "username": "u", **changes}
    return client.post("/api/v1/cameras", json=camera)


def test_an_added_camera_is_in_the_database_with_its_password(
    client: FlaskClient, shared: Services
) -> None:
    response = _add(client, password=SECRET, fps=3)
    assert response.status_code == 201
    stored = shared.cameras.get("entrance")
    assert (stored.url, stored.username, stored.password, stored.fps) == (
        "rtsp://192.0.2.1/s",
        "u",
        SECRET,
        3,
    )


def test_a_password_is_in_no_answer(client: FlaskClient) -> None:
    answers = [_add(client, password=SECRET)]
    paths = ("/api/v1/cameras", "/api/v1/cameras/entrance", "/cameras", "/cameras/entrance",
             "/cameras/entrance/edit", "/", "/metrics", "/readyz")  # fmt: skip
    answers += [client.get(path) for path in paths]
    answers.append(client.patch("/api/v1/cameras/entrance", json={"fps": 2}))
    for answer in answers:
        assert answer.status_code in (200, 201), answer.request.path
        assert SECRET not in answer.text
        assert "p%40ss" not in answer.text
    assert answers[0].json["has_password"] is True


def test_a_user_and_password_inside_the_address_are_taken_out_of_it(client: FlaskClient) -> None:
    response = _add(client, url="rtsp://admin:hunter2@192.0.2.1/s", username="")
    assert response.json["url"] == "rtsp://192.0.2.1/s"
    assert response.json["username"] == "admin"
    assert "hunter2" not in response.text


IN_THE_QUERY = "rtsp://192.0.2.1/s?user=bob&password=hunter2&channel=1"
MASKED = "rtsp://192.0.2.1/s?user=***&password=***&channel=1"


def test_a_password_in_the_query_is_in_no_answer(client: FlaskClient) -> None:
    added = _add(client, url=IN_THE_QUERY, username="")
    assert added.json["url"] == MASKED
    answers = [added, client.patch("/api/v1/cameras/entrance", json={"fps": 2})]
    paths = ("/api/v1/cameras", "/api/v1/cameras/entrance", "/cameras", "/cameras/entrance",
             "/cameras/entrance/edit", "/", "/metrics", "/readyz")  # fmt: skip
    answers += [client.get(path) for path in paths]
    for answer in answers:
        assert answer.status_code in (200, 201), answer.request.path
        assert "hunter2" not in answer.text, answer.request.path
    assert escape(MASKED) in client.get("/cameras").text


def test_a_masked_address_that_comes_back_leaves_the_stored_one(
    client: FlaskClient, shared: Services
) -> None:
    _add(client, url=IN_THE_QUERY, username="")

    page = client.get("/cameras/entrance/edit").text
    assert escape(MASKED) in page
    assert "Leave the address as it is to keep them" in page
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert token is not None
    form = {
        "csrf_token": token[1],
        "name": "entrance",
        "url": MASKED,
        "fps": "3",
        "transport": "tcp",
        "enabled": "y",
    }
    assert client.post("/cameras/entrance/edit", data=form).status_code == 302
    stored = shared.cameras.get("entrance")
    assert (stored.url, stored.fps) == (IN_THE_QUERY, 3.0)

    assert client.patch("/api/v1/cameras/entrance", json={"url": MASKED}).status_code == 200
    assert shared.cameras.get("entrance").url == IN_THE_QUERY

    refused = client.post("/cameras/entrance/edit", data=form | {"url": MASKED + "&a=1"})
    assert refused.status_code == 422
    assert "give the whole address" in refused.text
    assert shared.cameras.get("entrance").url == IN_THE_QUERY


def test_two_cameras_with_one_name_are_refused(client: FlaskClient) -> None:
    _add(client)
    response = _add(client)
    assert response.status_code == 409
    assert "entrance" in response.json["message"]


@pytest.mark.parametrize("name", ["hall two", "a/b", "x" * 300, ""])
def test_a_name_that_cannot_be_used_is_refused_in_words(client: FlaskClient, name: str) -> None:
    response = _add(client, name=name)
    assert response.status_code == 422
    assert "letters" in response.json["message"]
    assert len(response.json["message"]) < 300


@pytest.mark.parametrize(
    ("field", "value"),
    [("url", "gopher://192.0.2.1/s"), ("fps", 0), ("fps", 61), ("transport", "pigeon"), ("x", 1)],
)
def test_a_value_that_cannot_be_used_is_refused(
    client: FlaskClient, field: str, value: object
) -> None:
    response = _add(client, **{field: value})
    assert response.status_code == 422
    assert set(response.json) >= {"message", "detail"}
    assert client.get("/api/v1/cameras").json == {"cameras": []}


def test_a_change_leaves_the_other_fields_alone(client: FlaskClient, shared: Services) -> None:
    _add(client, password=SECRET)
    response = client.patch("/api/v1/cameras/entrance", json={"fps": 2.5, "enabled": False})
    assert response.status_code == 200
    stored = shared.cameras.get("entrance")
    assert (stored.fps, stored.enabled, stored.password) == (2.5, False, SECRET)
    assert response.json["now"]["state"] == "disabled"


def test_an_empty_password_forgets_the_stored_one(client: FlaskClient, shared: Services) -> None:
    _add(client, password=SECRET)
    client.patch("/api/v1/cameras/entrance", json={"password": ""})
    assert shared.cameras.get("entrance").password == ""


def test_a_removed_camera_is_gone_and_an_unknown_one_is_404(client: FlaskClient) -> None:
    _add(client)
    assert client.delete("/api/v1/cameras/entrance").status_code == 204
    for method in (client.get, client.delete):
        response = method("/api/v1/cameras/entrance")
        assert response.status_code == 404
        assert "no camera" in response.json["message"]
    assert client.patch("/api/v1/cameras/entrance", json={"fps": 1}).status_code == 404


def test_what_is_no_json_is_refused(client: FlaskClient) -> None:
    response = client.post("/api/v1/cameras", data="name=a", content_type="application/json")
    assert response.status_code == 400
    assert set(response.json) == {"message", "detail"}


def test_a_camera_without_a_reading_process_is_said_to_be_unread(
    client: FlaskClient, shared: Services
) -> None:
    shared.cameras.add(Camera(name="hall", url="rtsp://192.0.2.9/s"))
    now = client.get("/api/v1/cameras/hall").json["now"]
    assert now["state"] == "unwatched"
    assert now["counts"] == {"mask": 0, "no_mask": 0, "incorrect": 0, "unreadable": 0}
    assert now["analysed_fps"] is None


def test_the_openapi_document_names_every_address_of_the_contract(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json
    assert set(document["paths"]) >= {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/cameras",
        "/api/v1/cameras/{name}",
        "/api/v1/cameras/{name}/snapshot.jpg",
        "/api/v1/cameras/{name}/stream.mjpg",
        "/api/v1/reports/{by}",
        "/api/v1/passages",
        "/api/v1/footage",
        "/api/v1/footage/{job_id}",
    }

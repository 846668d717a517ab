"""Handing in footage: a job in the database and the queue, and a file that is really kept."""

import io
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from rq import Queue
from werkzeug.test import TestResponse

from maskwatch.bus import connect_jobs
from maskwatch.config import Settings
from maskwatch.job_queue import FOOTAGE_QUEUE, say_alive
from maskwatch.storage.jobs import JobStore
from web.services import Services

VIDEO = {
    "frames": 90,
    "totals": {"mask": 1, "no_mask": 1, "incorrect": 0, "unreadable": 0},
    "passages": [
        {"start_s": 0.4, "end_s": 3.25, "verdict": "mask", "looks": 12},
        {"start_s": 65.0, "end_s": 3723.9, "verdict": "no_mask", "looks": 7},
    ],
}
PICTURE = {
    "frames": 1,
    "totals": {"mask": 0, "no_mask": 0, "incorrect": 1, "unreadable": 0},
    "faces": [
        {
            "box": [10.2, 20.0, 40.0, 60.9],
            "score": 0.9,
            "label": "incorrect",
            "probabilities": {"mask": 0.1, "no_mask": 0.1, "incorrect": 0.8},
        }
    ],
}


def _hand_in(client: FlaskClient, content: bytes, name: str = "Day 1.MP4") -> TestResponse:
    return client.post("/api/v1/footage", data={"file": (io.BytesIO(content), name)})


def _kept(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / "footage").glob("*"))


def test_a_file_that_is_handed_in_is_kept_and_queued(
    client: FlaskClient, web_settings: Settings, shared: Services
) -> None:
    answer = _hand_in(client, b"video")
    assert answer.status_code == 202
    assert (answer.json["name"], answer.json["state"]) == ("Day 1.MP4", "queued")
    assert answer.json["created_local"].endswith(("+01:00", "+02:00"))
    [path] = _kept(web_settings)
    assert path.read_bytes() == b"video"
    assert path.suffix == ".mp4"
    job = JobStore(shared.engine).get(answer.json["id"])
    assert job.arguments["path"] == str(path.absolute())
    with connect_jobs(web_settings) as jobs:
        assert Queue(FOOTAGE_QUEUE, connection=jobs).job_ids == [job.id]


def test_its_progress_and_its_result_can_be_asked_for(
    client: FlaskClient, shared: Services
) -> None:
    job_id = _hand_in(client, b"video").json["id"]
    store = JobStore(shared.engine)
    store.begin(job_id, worker="host:1")
    store.progress(job_id, 40)
    assert client.get(f"/api/v1/footage/{job_id}").json["progress"] == 40
    store.finish(job_id, VIDEO)
    done = client.get(f"/api/v1/footage/{job_id}").json
    assert (done["state"], done["progress"]) == ("done", 100)
    assert done["result"] == VIDEO
    [listed] = client.get("/api/v1/footage").json["footage"]
    assert (listed["id"], listed["totals"], listed["result"]) == (job_id, VIDEO["totals"], None)


def test_a_failed_analysis_looks_failed_and_names_no_folder_of_the_server(
    client: FlaskClient, shared: Services, web_settings: Settings
) -> None:
    job_id = _hand_in(client, b"no video").json["id"]
    store = JobStore(shared.engine)
    store.begin(job_id, worker="host:1")
    path = _kept(web_settings)[0].absolute()
    store.fail(job_id, f"{path} is no video", is_final=True)
    failed = client.get(f"/api/v1/footage/{job_id}").json
    assert failed["state"] == "failed"
    assert failed["error"] == "Day 1.MP4 is no video"
    assert failed["progress"] < 100


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c.sh;rm", "x" * 500 + ".mp4", ".."])
def test_a_name_leads_nowhere_else(client: FlaskClient, web_settings: Settings, name: str) -> None:
    assert _hand_in(client, b"video", name).status_code == 202
    assert len(_kept(web_settings)) == 1


def test_an_empty_file_or_none_is_refused_and_nothing_is_kept(
    client: FlaskClient, web_settings: Settings
) -> None:
    assert _hand_in(client, b"").status_code == 422
    assert client.post("/api/v1/footage", data={"other": "x"}).status_code == 422
    assert _kept(web_settings) == []


def test_unknown_footage_is_404(client: FlaskClient) -> None:
    answer = client.get("/api/v1/footage/nothing")
    assert answer.status_code == 404
    assert set(answer.json) == {"message", "detail"}


def _done(client: FlaskClient, shared: Services, result: dict[str, object]) -> str:
    """A file that is analysed; gives its page as the reader sees it, without tags."""
    job_id = _hand_in(client, b"video").json["id"]
    store = JobStore(shared.engine)
    store.begin(job_id, worker="host:1")
    store.finish(job_id, result)
    return _text(client, f"/footage/{job_id}")


def _text(client: FlaskClient, path: str) -> str:
    text = re.sub(r"<[^>]*>", " ", client.get(path).text)
    return re.sub(r"\s+", " ", text)


def _token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/footage").text)
    assert found
    return found[1]


def test_the_empty_page_tells_of_the_command_line(client: FlaskClient) -> None:
    assert "maskwatch analyze FILE --enqueue" in _text(client, "/footage")


def test_the_form_hands_in_a_file_once_it_carries_its_token(
    client: FlaskClient, web_settings: Settings
) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = True
    token = _token(client)
    refused = client.post("/footage", data={"file": (io.BytesIO(b"video"), "a.mp4")})
    assert refused.status_code == 400
    assert _kept(web_settings) == []
    answer = client.post(
        "/footage", data={"file": (io.BytesIO(b"video"), "a.mp4"), "csrf_token": token}
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/footage")
    assert len(_kept(web_settings)) == 1
    page = _text(client, "/footage")
    assert "a.mp4" in page
    assert "Waiting" in page
    none = client.post("/footage", data={"csrf_token": token})
    assert none.status_code == 422
    assert "Choose a file." in none.text
    empty = client.post("/footage", data={"file": (io.BytesIO(), "b.mp4"), "csrf_token": token})
    assert empty.status_code == 422
    assert "is empty." in empty.text


def test_the_newest_file_is_first_with_its_state_and_the_reason_of_its_failure(
    client: FlaskClient, shared: Services
) -> None:
    store = JobStore(shared.engine)
    first = _hand_in(client, b"no video", "first.mp4").json["id"]
    store.begin(first, worker="host:1")
    store.fail(first, "it is no video", is_final=True)
    second = _hand_in(client, b"video", "second.mp4").json["id"]
    store.begin(second, worker="host:1")
    store.progress(second, 40)
    page = _text(client, "/footage")
    assert page.index("second.mp4") < page.index("first.mp4")
    assert "40 % Being analysed" in page
    assert "it is no video Failed" in page
    bar = re.search(r"<progress[^>]*data-bar>", client.get("/footage").text)
    assert bar
    assert 'value="40"' in bar[0]


def test_the_page_of_a_video_has_its_passages_and_totals(
    client: FlaskClient, shared: Services
) -> None:
    page = _done(client, shared, VIDEO)
    assert "90 pictures analysed" in page
    assert "Mask 1 No mask 1 Worn incorrectly 0 Unreadable 0" in page
    assert "0:00.4 0:03.2 Mask 12" in page or "0:00.4 0:03.3 Mask 12" in page
    assert "1:05.0 1:02:03.9 No mask 7" in page


def test_the_page_of_a_picture_has_its_faces(client: FlaskClient, shared: Services) -> None:
    page = _done(client, shared, PICTURE)
    assert "1 picture analysed" in page
    assert "Worn incorrectly 80.0% 10, 20 30 x 41" in page


def test_unknown_footage_has_no_page(client: FlaskClient) -> None:
    answer = client.get("/footage/nothing")
    assert answer.status_code == 404
    assert "nothing" in answer.text  # the reason, not the bare phrase of the status


def test_a_file_that_waits_because_nobody_works_says_so(
    client: FlaskClient, web_settings: Settings
) -> None:
    job_id = _hand_in(client, b"video").json["id"]
    assert "`maskwatch jobs`" in client.get("/api/v1/footage").json["problem"]
    assert "`maskwatch jobs`" in client.get(f"/api/v1/footage/{job_id}").json["problem"]
    assert "`maskwatch jobs`" in client.get(f"/footage/{job_id}").text
    assert "`maskwatch jobs`" in client.get("/footage").text
    with connect_jobs(web_settings) as jobs:
        say_alive(jobs)
    assert client.get("/api/v1/footage").json["problem"] == ""
    assert client.get(f"/api/v1/footage/{job_id}").json["problem"] == ""
    assert "`maskwatch jobs`" not in client.get("/footage").text

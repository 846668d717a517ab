"""Handing in footage: a job in the database and the queue, and a file that is really kept."""

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from rq import Queue
from werkzeug.test import TestResponse

from maskwatch.bus import connect_jobs
from maskwatch.config import Settings
from maskwatch.job_queue import FOOTAGE_QUEUE
from maskwatch.storage.jobs import JobStore
from web.services import Services


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
    store.finish(job_id, {"totals": {"mask": 3}})
    done = client.get(f"/api/v1/footage/{job_id}").json
    assert (done["state"], done["progress"]) == ("done", 100)
    assert done["result"] == {"totals": {"mask": 3}}
    assert [each["id"] for each in client.get("/api/v1/footage").json["footage"]] == [job_id]


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
    assert failed["error"] == "the file is no video"
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

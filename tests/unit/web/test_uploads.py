"""Files on their way in: where they lie, and what happens when the disk is full."""

import errno
import gc
import io
import os
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from maskwatch.config import Settings
from web.uploads import Upload

LARGE = 400_000
"""Bytes: several writes, and few enough for the test client to hold in memory."""


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes fail after a while, as on a disk that is full then; `/dev/full` is one."""
    real = io.FileIO

    class Full(io.FileIO):
        def write(self, data: object, /) -> int:
            if self.tell() < 100_000:
                return super().write(data)  # type: ignore[arg-type]
            with real("/dev/full", "w") as full:
                return full.write(data)  # type: ignore[arg-type]

    monkeypatch.setattr("web.uploads.io.FileIO", Full)


def _files(settings: Settings) -> list[Path]:
    return list((settings.data_dir / "footage").iterdir())


def _token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/footage").text)
    assert found
    return found[1]


def _no_space(**_options: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_taken_in_where_it_stays(
    client: FlaskClient, web_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", _no_space)
    content = os.urandom(LARGE)
    answer = client.post("/api/v1/footage", data={"file": (io.BytesIO(content), "day.mp4")})
    assert answer.status_code == 202
    [path] = _files(web_settings)
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o007 == 0


def test_a_form_takes_a_file_too(client: FlaskClient, web_settings: Settings) -> None:
    data = {"csrf_token": _token(client), "file": (io.BytesIO(b"video"), "day.mp4")}
    assert client.post("/footage", data=data).status_code == 302
    [path] = _files(web_settings)
    assert path.read_bytes() == b"video"


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_507_in_words_and_leaves_nothing(
    client: FlaskClient, web_settings: Settings
) -> None:
    data = {"file": (io.BytesIO(bytes(LARGE)), "day.mp4")}
    answer = client.post("/api/v1/footage", data=data)
    assert answer.status_code == 507
    assert os.strerror(errno.ENOSPC) in answer.json["message"]
    data = {"csrf_token": _token(client), "file": (io.BytesIO(bytes(LARGE)), "day.mp4")}
    page = client.post("/footage", data=data)
    assert page.status_code == 507
    assert os.strerror(errno.ENOSPC) in page.text
    assert _files(web_settings) == []


def test_a_folder_that_cannot_be_used_is_told(client: FlaskClient, web_settings: Settings) -> None:
    (web_settings.data_dir / "footage").touch()
    answer = client.post("/api/v1/footage", data={"file": (io.BytesIO(b"video"), "day.mp4")})
    assert answer.status_code == 500
    assert "cannot be kept" in answer.json["message"]


def test_a_file_in_another_field_is_not_kept(client: FlaskClient, web_settings: Settings) -> None:
    answer = client.post("/api/v1/footage", data={"other": (io.BytesIO(b"video"), "day.mp4")})
    assert answer.status_code == 422
    assert _files(web_settings) == []


def test_an_upload_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    upload.write(b"the first half")
    assert len(list(tmp_path.iterdir())) == 1
    del upload
    gc.collect()
    assert list(tmp_path.iterdir()) == []

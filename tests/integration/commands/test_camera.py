"""`maskwatch camera` as a user types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maskwatch.cli import cli
from maskwatch.config import Settings
from maskwatch.errors import MaskwatchError
from maskwatch.storage import CameraStore, open_database


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWATCH_CONFIG", "/dev/null")
    monkeypatch.setenv("MASKWATCH_DATA_DIR", str(tmp_path / "data"))


def maskwatch(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["camera", *arguments], input=stdin)


def told(result: Result) -> str:
    """The one line of a failure, as the command line prints it."""
    assert isinstance(result.exception, MaskwatchError)
    assert "\n" not in str(result.exception)
    return str(result.exception)


def stored_password(tmp_path: Path, name: str) -> str:
    engine = open_database(Settings(data_dir=tmp_path / "data"))
    password = CameraStore(engine).get(name).password
    engine.dispose()
    return password


def test_a_camera_is_added_listed_changed_and_removed() -> None:
    assert maskwatch("add", "entrance", "rtsp://10.0.0.7/live").exit_code == 0
    (listed,) = json.loads(maskwatch("list", "--json").stdout)
    assert listed == {
        "name": "entrance", "url": "rtsp://10.0.0.7/live", "has_login": False, "fps": 5.0,
        "enabled": True, "replay": False, "loop": False, "transport": "tcp",
    }  # fmt: skip

    assert maskwatch("set", "entrance", "--fps", "2", "--disable").exit_code == 0
    assert "entrance  2 fps  rtsp://10.0.0.7/live  (disabled)" in maskwatch("list").stdout
    assert maskwatch("remove", "entrance").exit_code == 0
    assert "no cameras yet" in maskwatch("list").stdout


def test_a_password_is_kept_and_never_shown(tmp_path: Path) -> None:
    added = maskwatch("add", "a", "rtsp://bob:s3cr@t#1@cam/live")
    shown = [added, maskwatch("list"), maskwatch("list", "--json"), maskwatch("remove", "b")]

    assert stored_password(tmp_path, "a") == "s3cr@t#1"
    assert all("s3cr" not in result.output + str(result.exception) for result in shown)


def test_a_password_in_the_query_is_never_shown() -> None:
    url = "rtsp://127.0.0.1:9/live?user=bob&password=s3cret&channel=1"
    shown = [
        maskwatch("add", "a", url),
        maskwatch("list"),
        maskwatch("list", "--json"),
        maskwatch("test", "a"),
        maskwatch("test", url),
        maskwatch("add", "b", "/live?password=s3cret"),
    ]

    for result in shown:
        text = result.output + str(result.exception)
        assert "s3cret" not in text
        assert "password=***" in text


def test_a_password_may_come_from_stdin(tmp_path: Path) -> None:
    assert maskwatch("add", "a", "rtsp://cam/1", "--username", "bob", "--password-stdin",
                     stdin="p@ss word\n").exit_code == 0  # fmt: skip
    assert stored_password(tmp_path, "a") == "p@ss word"

    assert maskwatch("set", "a", "--url", "rtsp://eve:new@cam/2").exit_code == 0
    assert stored_password(tmp_path, "a") == "new"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["add", "front door", "rtsp://cam/1"], "try 'front-door'"),
        (["add", "a/b", "rtsp://cam/1"], "try 'a-b'"),
        (["add", "x" * 300, "rtsp://cam/1"], "(300 characters)"),
        (["add", "a", "ftp://bob:secret@cam/1"], "unknown scheme 'ftp'"),
        (["add", "a", "nowhere.mp4"], "does not exist"),
        (["add", "a", "rtsp://cam/1", "--fps", "0"], "fps 0 is not above 0"),
        (["add", "a", "rtsp://cam/1", "--replay", "--loop"], "choose one"),
        (["add", "a", "rtsp://cam/1", "--replay"], "only a file can be replayed"),
        (["add", "a", "rtsp://cam/1\n"], "cannot be printed"),
        (["remove", "a"], "there is no camera 'a'; none has been added yet"),
        (["test", "ftp://bob:secret@cam/1"], "unknown scheme 'ftp'"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments: list[str], line: str) -> None:
    result = maskwatch(*arguments)

    assert line in told(result)
    assert "secret" not in told(result)


def test_a_second_camera_of_one_name_is_refused() -> None:
    maskwatch("add", "a", "rtsp://cam/1")

    assert "exists already" in told(maskwatch("add", "a", "rtsp://cam/2"))


def test_a_camera_that_cannot_be_reached_is_told_apart() -> None:
    maskwatch("add", "a", "rtsp://bob:secret@127.0.0.1:9/live")

    for result in (maskwatch("test", "a"), maskwatch("test", "rtsp://bob:secret@127.0.0.1:9/")):
        assert "refuse" in told(result)
        assert "secret" not in told(result)


def test_a_video_file_is_tried_out(tmp_path: Path) -> None:
    import av
    import numpy as np

    path = tmp_path / "walk.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(5):
            picture = np.full((240, 320, 3), 40 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())

    result = maskwatch("test", str(path))

    assert result.exit_code == 0
    assert "ok: h264 320x240, 10 pictures a second" in result.stdout


def test_wrong_usage_is_exit_code_two() -> None:
    maskwatch("add", "a", "rtsp://cam/1")

    assert maskwatch("add", "only-a-name").exit_code == 2
    assert maskwatch("set", "a").exit_code == 2
    assert maskwatch("set", "a", "--ask-password", "--password-stdin").exit_code == 2

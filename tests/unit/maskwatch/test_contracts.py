"""Messages survive the wire, names are checked, errors keep what they carry."""

import pickle

import msgspec
import pytest

from maskwatch import contracts
from maskwatch.camera_name import check_camera_name
from maskwatch.contracts import (
    Analysis,
    Camera,
    CameraState,
    Face,
    FrameHeader,
    Verdict,
    Watch,
)
from maskwatch.errors import CameraError, SourceError
from maskwatch.geometry import Box

HEADER = FrameHeader(
    camera="door", epoch="e1", sequence=7, captured_at_unix_s=1.5, media_time_s=0.5,
    width=640, height=360, is_replay=True,
)  # fmt: skip
FACE = Face(
    box=Box(1, 2, 3, 4), score=0.9, label=Verdict.INCORRECT,
    probabilities={"mask": 0.2, "no_mask": 0.1, "incorrect": 0.7}, quality=0.8,
)  # fmt: skip
ANALYSIS = Analysis(
    header=HEADER, faces=(FACE,), timings_ms={"detect": 4.0}, analysed_at_unix_s=2.0, worker="w"
)
WATCH = Watch(
    camera="door", epoch="e1", tick=3, from_unix_s=1.0, until_unix_s=2.0, state=CameraState.LIVE,
    rejected={"dark": 2}, dropped_sequences=(4, 5), last_sequence=7,
)  # fmt: skip


@pytest.mark.parametrize("message", [HEADER, ANALYSIS, WATCH])
def test_a_message_comes_back_from_json_as_it_was(message: object) -> None:
    encoded = msgspec.json.encode(message)
    assert msgspec.json.decode(encoded, type=type(message)) == message


def test_a_message_of_yesterday_without_a_newer_field_is_still_read() -> None:
    fields = msgspec.json.decode(msgspec.json.encode(WATCH))
    for name in ("rejected", "dropped_sequences", "last_sequence", "is_last", "is_replay"):
        fields.pop(name)
    assert msgspec.json.decode(msgspec.json.encode(fields), type=Watch).dropped_sequences == ()


def test_a_message_of_tomorrow_with_an_unknown_field_is_still_read() -> None:
    fields = msgspec.json.decode(msgspec.json.encode(HEADER)) | {"new_in_2030": 1}
    assert msgspec.json.decode(msgspec.json.encode(fields), type=FrameHeader) == HEADER


def test_a_cameras_password_is_not_in_its_representation() -> None:
    camera = Camera(name="door", url="rtsp://h/", username="joe", password="hush", fps=5.0)
    assert "hush" not in repr(camera)
    assert "hush" not in str(camera)


@pytest.mark.parametrize("name", ["door", "Gate-2", "a", "7th_floor.east", "x" * 63])
def test_a_usable_camera_name_is_given_back(name: str) -> None:
    assert check_camera_name(name) == name


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        ("main entrance", "main-entrance"),
        ("hall/2", "hall-2"),
        ("a:b", "a-b"),
        ("", "camera-1"),
        ("-door", "door"),
        ("../../etc/passwd", "etc-passwd"),
        ("Eingang Süd", "Eingang-S-d"),
        ("line\nbreak", "line-break"),
        ("door\n", "door"),
    ],
)
def test_an_unusable_camera_name_is_refused_with_one_that_would_do(
    name: str, proposal: str
) -> None:
    with pytest.raises(CameraError) as caught:
        check_camera_name(name)
    message = str(caught.value)
    assert f"try '{proposal}'" in message
    assert "\n" not in message
    assert check_camera_name(proposal) == proposal


def test_a_name_of_300_characters_is_refused_without_repeating_it() -> None:
    with pytest.raises(CameraError, match=r"300 characters") as caught:
        check_camera_name("x" * 300)
    assert "x" * 64 not in str(caught.value)


def test_every_redis_key_of_a_camera_is_its_own() -> None:
    keys = {
        make("door")
        for make in (
            contracts.frames_key,
            contracts.results_key,
            contracts.view_key,
            contracts.watched_key,
            contracts.status_key,
            contracts.worker_key,
        )
    }
    assert len(keys) == 6
    assert contracts.CAMERAS_KEY not in keys


def test_a_source_error_keeps_its_reason_across_a_process_border() -> None:
    error = pickle.loads(pickle.dumps(SourceError("camera door: 401", reason="unauthorized")))  # noqa: S301
    assert (str(error), error.reason) == ("camera door: 401", "unauthorized")

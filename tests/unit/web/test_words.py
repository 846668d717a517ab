"""What is said of a camera."""

from typing import Any

import pytest

from maskwatch.bus.vitals import Vitals
from maskwatch.contracts import Camera, CameraState, CameraStatus, SourceReason
from web.words import REASONS, Condition, condition_of

NOW = 1000.0
CAMERA = Camera(name="hall", url="rtsp://192.0.2.1/s")


def _status(state: CameraState, **changes: Any) -> CameraStatus:
    values: dict[str, Any] = {"updated_at_unix_s": NOW, "last_frame_unix_s": NOW, **changes}
    return CameraStatus(camera="hall", state=state, **values)


def _condition(
    camera: Camera, status: CameraStatus | None, *, workers: int = 1, waits_s: float | None = None
) -> Condition:
    vitals = Vitals(workers=workers, uncounted_s=waits_s)
    return condition_of(camera, status, vitals=vitals, now_unix_s=NOW)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (_status(CameraState.LIVE), "live"),
        (_status(CameraState.LIVE, updated_at_unix_s=NOW - 6), "unwatched"),
        (_status(CameraState.LIVE, last_frame_unix_s=NOW - 6), "stalled"),
        (_status(CameraState.CONNECTING), "connecting"),
        (_status(CameraState.OFFLINE), "offline"),
        (_status(CameraState.OFFLINE, updated_at_unix_s=NOW - 6), "unwatched"),
        (_status(CameraState.ENDED, updated_at_unix_s=NOW - 600), "ended"),
        (None, "unwatched"),
    ],
)
def test_a_status_is_believed_only_while_it_is_fresh(
    status: CameraStatus | None, state: str
) -> None:
    assert _condition(CAMERA, status).state == state


def test_a_camera_that_is_switched_off_is_not_called_broken() -> None:
    off = Camera(name="hall", url="rtsp://192.0.2.1/s", enabled=False)
    assert _condition(off, None).state == "disabled"


def test_a_replay_is_not_stalled_by_the_age_of_its_pictures() -> None:
    replay = Camera(name="hall", url="day.mp4", is_replay=True)
    status = _status(CameraState.LIVE, last_frame_unix_s=NOW - 86400)
    assert _condition(replay, status).state == "live"


def test_what_ingest_says_is_a_sentence_without_the_name_that_stands_beside_it() -> None:
    told = "camera 'hall': rtsp://192.0.2.1/s refuses the connection; check the port"
    status = _status(CameraState.OFFLINE, reason="refused", message=told, retry_in_s=2.0)
    sentence = _condition(CAMERA, status).sentence
    assert sentence == (
        "rtsp://192.0.2.1/s refuses the connection; check the port. Next try in 2 s."
    )


def test_a_gap_of_a_recording_is_no_trouble() -> None:
    told = "a gap in the recording: it goes on in 25 s"
    status = _status(CameraState.LIVE, message=told, last_frame_unix_s=0.0)
    condition = _condition(CAMERA, status)
    assert (condition.state, condition.label) == ("stalled", "No new picture")
    assert condition.sentence == "A gap in the recording: it goes on in 25 s."


def test_every_reason_has_words_and_the_next_try_is_told() -> None:
    assert set(REASONS) == set(SourceReason)
    status = _status(CameraState.OFFLINE, reason="unauthorized", retry_in_s=12.4)
    sentence = _condition(CAMERA, status).sentence
    assert sentence == "The camera refuses the user or password. Next try in 12 s."


@pytest.mark.parametrize(
    ("workers", "waits_s", "state"),
    [(0, None, "unanalysed"), (0, 90.0, "unanalysed"), (1, 90.0, "uncounted"), (1, None, "live")],
)
def test_a_camera_is_live_only_while_its_pictures_are_analysed_and_counted(
    workers: int, waits_s: float | None, state: str
) -> None:
    status = _status(CameraState.LIVE)
    assert _condition(CAMERA, status, workers=workers, waits_s=waits_s).state == state
    offline = _status(CameraState.OFFLINE)
    assert _condition(CAMERA, offline, workers=workers, waits_s=waits_s).state == "offline"

from dataclasses import replace

from ingest.live_camera import live_epoch
from maskwatch.contracts import Camera
from maskwatch.replay_epoch import ReplayEpoch, recording_of

EPOCH = ReplayEpoch(
    revision=7, recording="0123456789ab", start_unix_s=-5, fps="1e-05", from_ms=86_400_000
)


def test_the_name_of_an_epoch_holds_its_parts() -> None:
    assert ReplayEpoch.parse(str(EPOCH)) == EPOCH
    assert recording_of(str(EPOCH)) == "0123456789ab"
    assert len(str(EPOCH)) < 120


def test_a_live_camera_reads_no_recording() -> None:
    epoch = live_epoch(Camera(name="door", url="rtsp://h/", revision=7), 1_790_000_000.5)
    assert ReplayEpoch.parse(epoch) is None
    assert recording_of(epoch) == ""


def test_pictures_are_numbered_alike_at_one_rate_and_time() -> None:
    assert EPOCH.numbers_as(replace(EPOCH, revision=9, from_ms=0))
    assert not EPOCH.numbers_as(replace(EPOCH, fps="5"))
    assert not EPOCH.numbers_as(replace(EPOCH, start_unix_s=5))

import time

import av
import pytest

from ingest.failures import Attempt, explain_open, known_failure
from maskwatch.contracts import Camera, SourceReason

CAMERA = Camera(name="door", url="rtsp://door/1")


@pytest.mark.parametrize("reason", sorted(set(SourceReason) - {SourceReason.FROZEN}))
@pytest.mark.parametrize("is_file", [False, True])
def test_every_reason_has_its_words(reason: SourceReason, is_file: bool) -> None:
    error = known_failure(CAMERA, reason, is_file=is_file)
    assert error.reason == reason
    assert str(error).startswith("camera 'door': rtsp://door/1 ")


def test_a_protocol_that_ffmpeg_does_not_know_is_a_bad_address() -> None:
    attempt = Attempt(CAMERA, False, time.monotonic(), 1.0)
    error = av.error.ProtocolNotFoundError(1330794744, "Protocol not found")
    assert explain_open(error, attempt).reason == SourceReason.BAD_URL

"""Sources against real servers: RTSP by GStreamer, HTTP by a small camera, files on disk."""

import logging
import time
import traceback
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.probe import probe
from ingest.source import CapturedFrame, EndOfStream, Source
from ingest.sources import open_source
from ingest.stream_source import StreamSource, open_stream
from maskwatch.config import IngestSettings, Settings
from maskwatch.contracts import Camera, SourceReason
from maskwatch.errors import SourceError
from tests.support.http_camera import http_camera, silent_host, unused_port
from tests.support.pictures import to_annex_b, write_sound, write_video
from tests.support.rtsp_server import RtspServer, rtsp_server

SETTINGS = IngestSettings(open_timeout_s=2.0, frame_timeout_s=2.0)
USER, PASSWORD = "ad min@x", "p@ss#w:o/r!d? %25é&"


def camera(url: str, **changes: object) -> Camera:
    return Camera(name="door", url=url, **changes)  # type: ignore[arg-type]


def why(url: str, **changes: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        open_source(camera(url, **changes), SETTINGS).read()
    assert "door" in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def read_all(source: Source, frames: list[CapturedFrame] | None = None) -> None:
    """Read until the source raises."""
    while True:
        frame = source.read()
        if frames is not None:
            frames.append(frame)


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of H.264, as a byte stream."""
    folder = tmp_path_factory.mktemp("stream")
    return to_annex_b(write_video(folder / "a.mp4"), folder / "a.h264")


@pytest.fixture(scope="module")
def open_rtsp(stream: Path) -> Iterator[RtspServer]:
    """A camera without a log-in."""
    with rtsp_server(video=stream) as server:
        yield server


def test_rtsp_gives_the_pictures_at_once(open_rtsp: RtspServer) -> None:
    source = open_source(camera(open_rtsp.url), SETTINGS)
    frames = [source.read() for _ in range(30)]
    source.close()
    assert (source.info.codec, source.info.width, source.info.height) == ("h264", 320, 240)
    assert frames[-1].to_bgr().shape == (240, 320, 3)
    assert not any(frame.is_damaged for frame in frames)
    assert all(a.media_time_s < b.media_time_s for a, b in pairwise(frames))
    assert source.info.duration_s is None


def test_a_path_that_does_not_exist_is_a_404(open_rtsp: RtspServer) -> None:
    error = why(open_rtsp.url.replace("/camera", "/other"))
    assert error.reason == SourceReason.NOT_FOUND
    assert "404" in str(error)


@pytest.mark.parametrize("kind", ["h265", "mjpeg"])
def test_other_codecs_are_decoded(kind: str) -> None:
    with rtsp_server(kind=kind) as server:
        source = open_source(camera(server.url), SETTINGS)
        assert source.read().to_bgr().shape == (240, 320, 3)
        source.close()


def test_a_stream_of_sound_alone_has_no_video() -> None:
    with rtsp_server(kind="audio") as server:
        assert why(server.url).reason == SourceReason.NO_VIDEO


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_log_in_with_special_characters_works(stream: Path, auth: str) -> None:
    with rtsp_server(video=stream, user=USER, password=PASSWORD, auth=auth) as server:
        right = camera(server.url, username=USER, password=PASSWORD)
        source = open_source(right, SETTINGS)
        assert source.read().media_time_s == 0.0
        source.close()
        error = why(server.url, username=USER, password="wr0ng!")
        assert error.reason == SourceReason.UNAUTHORIZED
        assert "401" in str(error)
        assert why(server.url).reason == SourceReason.UNAUTHORIZED


def test_no_trace_of_a_failure_shows_the_password(
    stream: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with rtsp_server(video=stream, user="u", password="right") as server:
        error = why(server.url, username="wilma", password="s3cr3t")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").error("failed", exc_info=error)
    shown = caplog.text + "".join(traceback.format_exception(error)) + repr(error)
    assert "s3cr3t" not in shown
    assert "wilma" not in shown


@pytest.mark.parametrize("path", ["x?user=wilma&password=s3cr3t", "user=wilma&password=s3cr3t&c=1"])
def test_no_trace_of_a_failure_shows_a_password_in_path_or_query(path: str) -> None:
    error = why(f"rtsp://127.0.0.1:{unused_port()}/{path}")
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert "user=***&password=***" in shown
    assert "s3cr3t" not in shown
    assert "wilma" not in shown


def test_a_camera_that_loses_power_is_lost_and_not_ended(stream: Path) -> None:
    with rtsp_server(video=stream) as server:
        source = open_source(camera(server.url), SETTINGS)
        source.read()
        server.stop()
        with pytest.raises(SourceError) as caught:
            read_all(source)
        source.close()
    assert caught.value.reason in (SourceReason.LOST, SourceReason.TIMEOUT)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_port_where_nothing_listens_is_refused(scheme: str) -> None:
    assert why(f"{scheme}://127.0.0.1:{unused_port()}/x").reason == SourceReason.REFUSED


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_host_that_takes_the_call_and_is_silent_times_out(scheme: str) -> None:
    with silent_host() as port:
        began_s = time.monotonic()
        error = why(f"{scheme}://127.0.0.1:{port}/x")
    assert error.reason == SourceReason.TIMEOUT
    assert time.monotonic() - began_s < 10


def test_a_host_that_is_not_known_is_unreachable() -> None:
    error = why("rtsp://camera.invalid/x")
    assert error.reason == SourceReason.UNREACHABLE
    assert "camera.invalid" in str(error)


@pytest.mark.parametrize("url", ["gopher://127.0.0.1/x", "rtsp://", "webcam:x", "lavfi://red"])
def test_an_unknown_kind_of_address_is_named(url: str) -> None:
    assert why(url).reason == SourceReason.BAD_URL


def test_a_port_beyond_all_ports_is_named() -> None:
    assert why("rtsp://127.0.0.1:99999/x").reason == SourceReason.BAD_URL


def test_a_webcam_that_is_not_there_is_named() -> None:
    error = why("webcam:63")
    assert error.reason == SourceReason.NOT_FOUND
    assert "/dev/video63" in str(error)


def test_mjpeg_over_http_is_read() -> None:
    with http_camera() as server:
        source = open_source(camera(server.url("/video.mjpg")), SETTINGS)
        frames = [source.read() for _ in range(5)]
        source.close()
    assert source.info.codec == "mjpeg"
    assert not np.array_equal(frames[0].to_bgr(), frames[-1].to_bgr())
    assert not any(frame.is_damaged for frame in frames)


def test_a_stream_without_stamps_has_the_times_of_arrival() -> None:
    # FFmpeg itself would say 25 a second.
    with http_camera(fps=10.0) as server:
        source = open_source(camera(server.url("/video.mjpg")), SETTINGS)
        frames = [source.read() for _ in range(6)]
        source.close()
    for first, second in pairwise(frames):
        waited_s = second.arrived_at_s - first.arrived_at_s
        assert second.media_time_s - first.media_time_s == pytest.approx(waited_s, abs=0.002)


def test_http_tells_its_failures_apart() -> None:
    with http_camera(login=(USER, PASSWORD)) as server:
        url = server.url("/video.mjpg")
        source = open_source(camera(url, username=USER, password=PASSWORD), SETTINGS)
        source.read()
        source.close()
        assert why(url, username=USER, password="x").reason == SourceReason.UNAUTHORIZED
    with http_camera() as server:
        assert why(server.url("/other")).reason == SourceReason.NOT_FOUND
        assert why(server.url("/page.html")).reason == SourceReason.INVALID_DATA
        assert why(server.url("/broken")).reason == SourceReason.REFUSED


def test_an_http_stream_that_breaks_off_is_lost_and_not_ended() -> None:
    with http_camera() as server:
        source = open_source(camera(server.url("/video.mjpg")), SETTINGS)
        source.read()
        server.ending.set()
        with pytest.raises(SourceError) as caught:
            read_all(source)
        source.close()
    assert caught.value.reason == SourceReason.LOST


def test_a_film_over_http_has_an_end(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mkv", seconds=0.4)
    with http_camera(film=film) as server:
        source = open_source(camera(server.url("/film.mp4")), SETTINGS)
        frames: list[CapturedFrame] = []
        with pytest.raises(EndOfStream):
            read_all(source, frames)
        source.close()
    assert len(frames) == 10


def test_a_film_over_http_that_breaks_off_is_lost_and_not_ended(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mkv", seconds=4.0)
    with http_camera(film=film) as server:
        source = open_stream(camera(server.url("/cut.mp4")), SETTINGS)
        assert source.info.stated_length_s == pytest.approx(4.0)
        frames: list[CapturedFrame] = []
        with pytest.raises(SourceError) as caught:
            read_all(source, frames)
        source.close()
    assert caught.value.reason == SourceReason.LOST
    assert 20 < len(frames) < 80


def test_what_a_recorder_sends_over_rtsp_is_a_camera_whatever_length_it_states(
    tmp_path: Path,
) -> None:
    film = write_video(tmp_path / "a.mkv", seconds=1.0)
    with rtsp_server(kind="film", video=film) as server:
        source = open_source(camera(server.url), SETTINGS)
        assert isinstance(source, StreamSource)
        assert (source.info.duration_s, source.info.stated_length_s) == (None, None)
        assert not source.info.has_exact_times
        with pytest.raises(SourceError) as caught:
            read_all(source)
        source.close()
    assert caught.value.reason == SourceReason.LOST


def test_a_file_is_read_by_path_and_by_address(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a film.mp4", seconds=0.2)
    for url in (str(path), f"file://{path}", f"file://{str(path).replace(' ', '%20')}"):
        source = open_source(camera(url, is_replay=True), SETTINGS)
        assert [round(source.read().media_time_s, 2) for _ in range(5)] == [
            0,
            0.04,
            0.08,
            0.12,
            0.16,
        ]
        with pytest.raises(EndOfStream):
            source.read()
        source.close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "invalid_data"), (b"text " * 1000, "invalid_data"), (bytes(4096), "invalid_data")],
)
def test_a_file_that_is_no_video_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    error = why(str(path))
    assert error.reason == reason
    assert str(path) in str(error)


def test_files_tell_their_failures_apart(tmp_path: Path) -> None:
    assert why(str(tmp_path / "none.mp4")).reason == SourceReason.NOT_FOUND
    assert why(str(tmp_path)).reason == SourceReason.INVALID_DATA
    assert why(str(write_sound(tmp_path / "s.mp4"))).reason == SourceReason.NO_VIDEO
    film = write_video(tmp_path / "a.mkv", seconds=0.2)
    film.write_bytes(film.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"))
    assert why(str(film)).reason == SourceReason.UNSUPPORTED_CODEC


def test_a_damaged_stretch_is_marked_until_the_next_key_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", seconds=4.0)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    source = open_source(camera(str(path), is_replay=True), SETTINGS)
    frames: list[CapturedFrame] = []
    with pytest.raises(EndOfStream):
        read_all(source, frames)
    damaged = [frame.is_damaged for frame in frames]
    assert any(damaged)
    assert not damaged[0]
    assert not damaged[-1]


def test_a_replay_needs_something_that_ends(open_rtsp: RtspServer) -> None:
    assert why(open_rtsp.url, is_replay=True).reason == SourceReason.BAD_URL


def test_a_probe_says_what_comes(open_rtsp: RtspServer) -> None:
    result = probe(camera(open_rtsp.url), Settings(ingest=SETTINGS))
    assert (result.codec, result.width, result.height) == ("h264", 320, 240)
    assert result.measured_fps == pytest.approx(25, rel=0.5)
    assert result.warning == ""


def test_a_probe_warns_of_too_few_pictures() -> None:
    with http_camera(fps=2.0) as server:
        result = probe(camera(server.url("/video.mjpg")), Settings(ingest=SETTINGS))
    assert "fewer than the 5" in result.warning


def test_a_probe_says_why_it_failed() -> None:
    with pytest.raises(SourceError, match="refuses the connection"):
        probe(camera(f"rtsp://127.0.0.1:{unused_port()}/x"), Settings(ingest=SETTINGS))

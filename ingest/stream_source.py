"""RTSP, HTTP and files, read by FFmpeg."""

import time
from collections import deque
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import av

from ingest.damage import DamageWatch
from ingest.failures import (
    Attempt,
    explain_open,
    explain_read,
    failure,
    known_failure,
    without_address,
)
from ingest.media_clock import LONGEST_GAP_S, MediaClock
from ingest.source import CapturedFrame, EndOfStream, SourceInfo
from maskwatch.address import split_credentials
from maskwatch.config import IngestSettings
from maskwatch.contracts import Camera, SourceReason

_ATTACHED_PICTURE: Final = av.stream.Disposition.attached_pic
_NO_TIMESTAMPS: Final = av.format.Flags.no_timestamps

_COMMON: Final = {
    # A damaged packet would be decoded into a smear that looks like a picture.
    "fflags": "discardcorrupt",
    # Enough to know codec and size. FFmpeg's default waits for 5 s of a stream that states no rate.
    "analyzeduration": "500000",
    "fpsprobesize": "0",
}


def file_path(url: str) -> Path:
    """Return the path of a `file://` address or a bare path."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    return Path(url)


def _is_http(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def open_stream(camera: Camera, settings: IngestSettings) -> "StreamSource":
    """Connect to an RTSP or HTTP address, or open a file.

    Raises:
        SourceError: Its reason and message say what is wrong; no log-in is in it.
    """
    scheme = camera.url.partition("://")[0].lower() if "://" in camera.url else "file"
    is_file = scheme == "file"
    attempt = Attempt(camera, is_file, time.monotonic(), settings.open_timeout_s)
    try:
        container = av.open(
            _ffmpeg_address(camera, scheme),
            mode="r",
            options=_options(camera, scheme, settings),
            metadata_errors="replace",
            timeout=(settings.open_timeout_s, settings.frame_timeout_s),
        )
    except av.FFmpegError as error:
        raise explain_open(error, attempt) from without_address(error)
    except ValueError as error:
        # A zero byte in a path, or the like.
        raise failure(camera, SourceReason.BAD_URL, "cannot be an address") from error
    try:
        return StreamSource(camera, container, settings, is_file=is_file)
    except BaseException:
        container.close()
        raise


def _ffmpeg_address(camera: Camera, scheme: str) -> str:
    if scheme == "file":
        # The prefix keeps FFmpeg from taking a file's name for one of its protocols.
        return f"file:{file_path(camera.url)}"
    address = split_credentials(camera.url)
    username = camera.username or address.username
    password = camera.password or address.password
    parts = urlsplit(address.url)
    if not username and not password:
        return address.url
    login = f"{quote(username, safe='')}:{quote(password, safe='')}@"
    return urlunsplit(parts._replace(netloc=login + parts.netloc))


def _options(camera: Camera, scheme: str, settings: IngestSettings) -> dict[str, str]:
    timeout_us = str(int(settings.open_timeout_s * 1e6))
    if scheme == "file":
        # Without the limit of duration: an index at the end of a file states everything anyway.
        return {"fflags": "discardcorrupt", "protocol_whitelist": "file"}
    if scheme in ("rtsp", "rtsps"):
        return {
            **_COMMON,
            "rtsp_transport": camera.transport,
            "timeout": timeout_us,
            "protocol_whitelist": "rtsp,rtsps,rtp,srtp,tcp,udp,tls,crypto",
        }
    # A playlist from a camera must not make this machine read its own files.
    return {**_COMMON, "rw_timeout": timeout_us, "protocol_whitelist": "http,https,tcp,tls,crypto"}


class StreamSource:
    """An open FFmpeg container, used by one thread.

    Decoding takes one thread: two frame threads decode 1280x720 H.264 no cheaper (3.2 ms of CPU a
    picture either way), hold a picture back, and take the other cameras' turn.
    """

    def __init__(
        self, camera: Camera, container: Any, settings: IngestSettings, *, is_file: bool
    ) -> None:
        self._camera = camera
        self._container = container
        self._is_file = is_file
        self._frame_timeout_s = settings.frame_timeout_s
        self._stream = self._pick_stream()
        context = self._stream.codec_context
        context.thread_type = "NONE"
        context.thread_count = 1
        length_s = _length_s(container, self._stream)
        rate = self._stream.average_rate or self._stream.base_rate
        self._info = SourceInfo(
            width=context.width,
            height=context.height,
            codec=context.name,
            fps=float(rate) if rate else 0.0,
            duration_s=length_s if is_file else None,
            # What a camera or recorder states over RTSP (its range) is no promise to end there.
            stated_length_s=length_s if _is_http(camera.url) else None,
            has_exact_times=is_file and length_s is not None,
        )
        self._packets = container.demux(self._stream)
        self._decoded: deque[Any] = deque()
        longest_gap_s = max(LONGEST_GAP_S, self._info.duration_s or 0.0)
        self._clock = MediaClock(self._info.fps, longest_gap_s=longest_gap_s)
        # Of a stream without stamps (MJPEG over HTTP) FFmpeg makes them up: 25 pictures a second.
        self._has_stamps = is_file or not container.format.flags & _NO_TIMESTAMPS.value
        self._arrived_at_s: float | None = None
        self._damage = DamageWatch()
        self._has_picture = False

    @property
    def info(self) -> SourceInfo:
        """What the stream says of itself."""
        return self._info

    def read(self) -> CapturedFrame:
        """Wait for the next picture; see `Source.read`."""
        deadline_s = time.monotonic() + self._frame_timeout_s
        while not self._decoded:
            self._decode(self._next_packet())
            if not self._decoded and not self._is_file and time.monotonic() > deadline_s:
                words = f"sends data, but no picture in {self._frame_timeout_s:.0f} s"
                raise failure(self._camera, SourceReason.TIMEOUT, words)
        return self._captured(self._decoded.popleft())

    def close(self) -> None:
        """Close the connection or file."""
        self._decoded.clear()
        self._container.close()

    def _pick_stream(self) -> Any:
        # A music file's cover is a video stream to FFmpeg.
        streams = [
            stream
            for stream in self._container.streams.video
            if not int(stream.disposition) & int(_ATTACHED_PICTURE)
        ]
        if not streams:
            raise known_failure(self._camera, SourceReason.NO_VIDEO, is_file=self._is_file)
        for stream in streams:
            if stream.codec_context is not None:
                return stream
        raise known_failure(self._camera, SourceReason.UNSUPPORTED_CODEC, is_file=self._is_file)

    def _next_packet(self) -> Any:
        try:
            return next(self._packets)
        except StopIteration:
            raise self._end() from None
        except av.FFmpegError as error:
            if self._is_file and isinstance(error, OSError):
                # The disk or share fails: what follows is there, and may be read another time.
                words = (
                    f"cannot be read any further than {self._clock.last_s:.0f} s "
                    f"({error.strerror}): check the disk or network share that it lies on"
                )
                raise failure(self._camera, SourceReason.LOST, words) from without_address(error)
            if self._is_file or isinstance(error, av.error.EOFError):
                # Of a cut-off file the part that is there has been read.
                raise self._end() from without_address(error)
            silent_s = self._frame_timeout_s
            raise explain_read(self._camera, error, silent_s=silent_s) from without_address(error)

    def _end(self) -> Exception:
        if self._is_file:
            if self._has_picture:
                return EndOfStream()
            return known_failure(self._camera, SourceReason.INVALID_DATA, is_file=True)
        is_film = self._info.stated_length_s is not None and self._has_picture
        if is_film and self._info.is_near_end(self._clock.last_s):
            return EndOfStream()
        return known_failure(self._camera, SourceReason.LOST)

    def _decode(self, packet: Any) -> None:
        if packet.is_corrupt:
            self._damage.damaged(self._now_s())
        try:
            self._decoded.extend(packet.decode())
        except av.error.EOFError:
            return
        except av.FFmpegError:
            self._damage.damaged(self._now_s())

    def _captured(self, frame: Any) -> CapturedFrame:
        self._has_picture = True
        arrived_at_s, arrived_at_unix_s = time.monotonic(), time.time()
        waited_s = None
        if not self._is_file:
            waited_s = arrived_at_s - (self._arrived_at_s or arrived_at_s)
        self._arrived_at_s = arrived_at_s
        stamp_s = frame.time if self._has_stamps else None
        media_time_s = self._clock.time_of(stamp_s, waited_s=waited_s)
        return CapturedFrame(
            picture=frame,
            media_time_s=media_time_s,
            arrived_at_s=arrived_at_s,
            arrived_at_unix_s=arrived_at_unix_s,
            is_damaged=self._damage.is_damaged(
                self._now_s(), is_key=frame.key_frame, is_corrupt=frame.is_corrupt
            ),
        )

    def _now_s(self) -> float:
        # Of a file the media time decides, so that a second reading finds the same damage.
        return self._clock.last_s if self._is_file else time.monotonic()


def _length_s(container: Any, stream: Any) -> float | None:
    """Length of the video, else of the container; None for what has no end."""
    if stream.duration and stream.time_base and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return float(container.duration / av.time_base)
    return None

"""Why a source cannot be read, in plain words with the way out.

FFmpeg's own errors quote the address with its password, and for RTSP hide the cause behind "invalid
data". So nothing of their text is shown, and where the cause is unclear the host is asked.
"""

import socket
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import av

from maskwatch.address import shown, split_credentials
from maskwatch.contracts import Camera, SourceReason
from maskwatch.errors import SourceError

DEFAULT_PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_ASK_TIMEOUT_S: Final = 3.0

_WORDS: Final = {
    SourceReason.UNREACHABLE: "cannot be reached: check that the camera has power and is on this "
    "network, and that the host in its address is right",
    SourceReason.REFUSED: "refuses the connection: nothing listens on that port; check the port, "
    "and that the camera's stream is switched on",
    SourceReason.UNAUTHORIZED: "refuses the log-in (401): check user name and password",
    SourceReason.NOT_FOUND: "has no stream of that path (404): check what follows the host in "
    "the address, in the camera's manual",
    SourceReason.TIMEOUT: "takes the connection but does not answer in time: restart the "
    "camera, or raise ingest.open_timeout_s",
    SourceReason.NO_VIDEO: "sends no video, only sound or data: choose another stream of "
    "the camera",
    SourceReason.UNSUPPORTED_CODEC: "sends video of a kind that cannot be decoded: set the "
    "camera to H.264",
    SourceReason.INVALID_DATA: "sends something that is no video: check the address",
    SourceReason.LOST: "has ended the connection",
    SourceReason.BAD_URL: "is no address that can be read: begin it with rtsp://, rtsps://, "
    "http:// or https://, or give a file's path or webcam:0",
}
_FILE_WORDS: Final = {
    SourceReason.NOT_FOUND: "does not exist: check the path",
    SourceReason.UNAUTHORIZED: "may not be read: change its owner or permissions",
    SourceReason.NO_VIDEO: "holds no video, only sound or data",
    SourceReason.UNSUPPORTED_CODEC: "holds video of a kind that cannot be decoded: convert it to "
    "H.264",
    SourceReason.INVALID_DATA: "is no video, or is cut off: check that it was copied completely",
}

_REASONS: Final[tuple[tuple[type[Exception], SourceReason], ...]] = (
    (av.error.HTTPUnauthorizedError, SourceReason.UNAUTHORIZED),
    (av.error.HTTPForbiddenError, SourceReason.UNAUTHORIZED),
    (av.error.HTTPNotFoundError, SourceReason.NOT_FOUND),
    (av.error.ConnectionRefusedError, SourceReason.REFUSED),
    (av.error.FileNotFoundError, SourceReason.NOT_FOUND),
    (av.error.PermissionError, SourceReason.UNAUTHORIZED),
    (av.error.DecoderNotFoundError, SourceReason.UNSUPPORTED_CODEC),
    (av.error.PatchWelcomeError, SourceReason.UNSUPPORTED_CODEC),
    (av.error.ProtocolNotFoundError, SourceReason.BAD_URL),
    (av.error.TimeoutError, SourceReason.TIMEOUT),
    (av.error.ExitError, SourceReason.TIMEOUT),  # PyAV's own clock has run out
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to open a source.

    Attributes:
        camera: Whose source it is.
        is_file: A local file, not a host.
        started_at_s: Monotonic clock.
        timeout_s: How long the host was given.
    """

    camera: Camera
    is_file: bool
    started_at_s: float
    timeout_s: float


def failure(camera: Camera, reason: SourceReason, words: str) -> SourceError:
    """Return the error that names camera and address (never its log-in) and says the words."""
    subject = f"camera {camera.name!r}" if camera.name else "source"
    return SourceError(f"{subject}: {shown(camera.url)} {words}", reason=reason)


def known_failure(camera: Camera, reason: SourceReason, *, is_file: bool = False) -> SourceError:
    """Return the error of a reason in its usual words."""
    words = _FILE_WORDS.get(reason) if is_file else None
    return failure(camera, reason, words or _WORDS[reason])


def explain_open(error: av.FFmpegError, attempt: Attempt) -> SourceError:
    """Say why a source could not be opened. Asks the host where FFmpeg's error leaves it open."""
    camera = attempt.camera
    if isinstance(error, av.error.IsADirectoryError):
        return failure(camera, SourceReason.INVALID_DATA, "is a folder: name a video file in it")
    if isinstance(error, av.error.HTTPServerError):
        words = "answers with an error of its own (5xx): restart the camera"
        return failure(camera, SourceReason.REFUSED, words)
    reason = _reason_of(error)
    if attempt.is_file:
        return known_failure(camera, reason or SourceReason.INVALID_DATA, is_file=True)
    if reason not in (None, SourceReason.TIMEOUT):
        return known_failure(camera, reason)
    took_s = time.monotonic() - attempt.started_at_s
    return _ask_host(camera, is_slow=took_s >= 0.9 * attempt.timeout_s)


def explain_read(camera: Camera, error: av.FFmpegError, *, silent_s: float) -> SourceError:
    """Say why an open source gives no more pictures."""
    if _reason_of(error) is SourceReason.TIMEOUT:
        words = f"has sent no picture for {silent_s:.0f} s: check the network to the camera"
        return failure(camera, SourceReason.TIMEOUT, words)
    return known_failure(camera, SourceReason.LOST)


def without_address(error: av.FFmpegError) -> av.FFmpegError:
    """Return the error without the address that FFmpeg puts into it, to be chained and logged."""
    return type(error)(error.errno or 0, error.strerror or "")


def _reason_of(error: av.FFmpegError) -> SourceReason | None:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)


def _ask_host(camera: Camera, *, is_slow: bool) -> SourceError:
    parts = urlsplit(split_credentials(camera.url).url)
    try:
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 554)
    except ValueError:
        return failure(camera, SourceReason.BAD_URL, "has a port that is no number up to 65535")
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_ASK_TIMEOUT_S).close()
    except socket.gaierror:
        words = f"names the host {parts.hostname!r}, which is not known: check its spelling"
        return failure(camera, SourceReason.UNREACHABLE, words)
    except ConnectionRefusedError:
        return known_failure(camera, SourceReason.REFUSED)
    except OSError:
        return known_failure(camera, SourceReason.UNREACHABLE)
    return known_failure(camera, SourceReason.TIMEOUT if is_slow else SourceReason.INVALID_DATA)

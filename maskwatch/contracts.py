"""The messages that travel between processes, and the names of the Redis keys they travel on.

Plain data with units in the names. Changes are additive: a new field has a default, so that a
reader of yesterday's message still works. Encoded as JSON by msgspec; pixels travel beside the
header as JPEG bytes, never inside it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from maskwatch.geometry import Box

CLASSES: Final = ("mask", "no_mask", "incorrect")
"""What the classifier tells apart, in the order of its outputs."""

WORKER_GROUP: Final = "workers"
"""The consumer group that all inference processes share."""


class Verdict(StrEnum):
    """What is said of one look or one passage."""

    MASK = "mask"
    NO_MASK = "no_mask"
    INCORRECT = "incorrect"
    UNREADABLE = "unreadable"


class CameraState(StrEnum):
    """What a camera's ingest process is doing."""

    CONNECTING = "connecting"
    LIVE = "live"
    OFFLINE = "offline"
    ENDED = "ended"
    DISABLED = "disabled"


class SourceReason(StrEnum):
    """Why a source cannot be read."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    TIMEOUT = "timeout"
    NO_VIDEO = "no_video"
    UNSUPPORTED_CODEC = "unsupported_codec"
    INVALID_DATA = "invalid_data"
    BAD_URL = "bad_url"
    LOST = "lost"
    FROZEN = "frozen"


class Reject(StrEnum):
    """Why a captured picture was not analysed."""

    DARK = "dark"
    GREY = "grey"
    TORN = "torn"
    FROZEN = "frozen"
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera as the database holds it.

    Attributes:
        name: Unique, see `camera_name.check_camera_name`.
        url: Address without `user:password@`: rtsp://, rtsps://, http://, https://, file path or
            file://, webcam:N. Its path or query may hold a password: people see `shown(url)`.
        username: For the camera's log-in; "" for none.
        password: Never printed, logged or sent to a browser.
        fps: Analysed rate, pictures a second.
        enabled: A disabled camera stays in the reports and is not read.
        is_replay: A file read as fast as possible with nothing dropped, instead of paced live.
        loops: A file that starts again at its end (live pace only).
        transport: "tcp" or "udp", for RTSP.
        replay_start_unix_s: Time of a replay's first picture; None is the file's own time of
            modification less its length.
        revision: Grows with each change, so that a running process notices.
    """

    name: str
    url: str = field(repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    fps: float = 5.0
    enabled: bool = True
    is_replay: bool = False
    loops: bool = False
    transport: str = "tcp"
    replay_start_unix_s: float | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHeader:
    """What travels with the JPEG of one picture on `frames:{camera}`.

    Attributes:
        camera: Name of the camera.
        epoch: One life of the camera's ingest process, or one replay of one file. Sortable text.
        sequence: 0, 1, 2 … within the epoch, one for each picture offered for analysis.
        captured_at_unix_s: Time of arrival (live) or start of the replay plus media time.
        media_time_s: Position in the source, seconds from its first picture.
        width: Width of the JPEG in pixels.
        height: Height of the JPEG in pixels.
        is_replay: Nothing of this epoch may be dropped.
        offered_at_unix_s: Wall clock when the frame was put on the stream.
        tick: Of the `Watch` that will cover it. A replay's picture is counted behind all earlier
            ones, also where these were lost with Redis and come again.
    """

    camera: str
    epoch: str
    sequence: int
    captured_at_unix_s: float
    media_time_s: float
    width: int
    height: int
    is_replay: bool = False
    offered_at_unix_s: float = 0.0
    tick: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One look: one face in one frame.

    Attributes:
        box: Pixels of the frame's JPEG.
        score: The detector's confidence, 0 to 1.
        label: A `Verdict` value; "unreadable" where the look is too poor to tell.
        probabilities: Calibrated, by class name of `CLASSES`; they sum to 1.
        quality: How good the look is, 0 to 1; the weight of its vote.
    """

    box: Box
    score: float
    label: Verdict
    probabilities: dict[str, float]
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What a worker found in one frame; travels on `results:{camera}`.

    Attributes:
        header: The frame's own header.
        faces: Every face at or above the configured score.
        timings_ms: Stage name to milliseconds: decode, detect, classify, annotate (share of the
            batch), wait (on the stream before a worker took it).
        analysed_at_unix_s: Wall clock when the result was written. Frame age = this minus
            `header.captured_at_unix_s` for a live camera.
        worker: Name of the process.
        error: Why the frame could not be analysed, in words; "" where it was.
    """

    header: FrameHeader
    faces: tuple[Face, ...]
    timings_ms: dict[str, float]
    analysed_at_unix_s: float
    worker: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What an ingest process saw in a stretch of about one second; travels on `results:{camera}`.

    The sum of these is the coverage: a second without a Watch was not watched.

    Attributes:
        camera: Name of the camera.
        epoch: As in `FrameHeader`.
        tick: 0, 1, 2 … within the epoch. A replay sends the same ticks again after a restart.
        from_unix_s: Start of the stretch, in the same clock as `captured_at_unix_s`.
        until_unix_s: End of the stretch.
        state: What the camera was doing; of LIVE stretches the part whose pictures were analysed
            counts as watched.
        reason: A `SourceReason` value where the state is OFFLINE, else "".
        captured: Pictures received from the source.
        offered: Pictures put on the stream for analysis.
        rejected: `Reject` value to number of pictures that were due for analysis and unfit.
        dropped_sequences: Pictures offered and later pushed out unanalysed by newer ones.
        last_sequence: Highest sequence offered so far; -1 for none.
        is_last: The epoch ends here: end of file, camera removed or process stopped in order.
        media_until_s: Of a replay, the place in the recording where the stretch ends, seconds.
        recording_end: Of the last stretch of a replay that came to its file's end, the file's
            content; "" where it was only broken off.
    """

    camera: str
    epoch: str
    tick: int
    from_unix_s: float
    until_unix_s: float
    state: CameraState
    reason: str = ""
    captured: int = 0
    offered: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    dropped_sequences: tuple[int, ...] = ()
    last_sequence: int = -1
    is_last: bool = False
    is_replay: bool = False
    media_until_s: float = 0.0
    recording_end: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStatus:
    """The newest word of an ingest process about its camera, on `status:{camera}`.

    Attributes:
        state: See `CameraState`.
        reason: A `SourceReason` value, or "".
        message: One plain sentence for people, without secrets.
        updated_at_unix_s: A status older than `STATUS_STALE_S` means that ingest is not running.
        last_frame_unix_s: When the newest good picture arrived; None for never.
        captured_fps: Pictures a second from the source, over the last seconds.
        offered_fps: Pictures a second put on the stream.
        dropped_total: Pictures dropped in this epoch.
        captured_total: Pictures received in this epoch.
        offered_total: Pictures offered in this epoch.
        rejected_total: By `Reject` value, in this epoch.
        reconnects: Times the source was lost or could not be opened, in this epoch.
        retry_in_s: Seconds to the next try where OFFLINE.
        width: Of the source, pixels; 0 when unknown.
        height: Of the source, pixels; 0 when unknown.
        codec: Of the source, for example "h264".
        source_fps: As the source states it; 0 when unknown.
    """

    camera: str
    state: CameraState
    updated_at_unix_s: float
    reason: str = ""
    message: str = ""
    last_frame_unix_s: float | None = None
    captured_fps: float = 0.0
    offered_fps: float = 0.0
    captured_total: int = 0
    offered_total: int = 0
    dropped_total: int = 0
    rejected_total: dict[str, int] = field(default_factory=dict)
    reconnects: int = 0
    retry_in_s: float = 0.0
    width: int = 0
    height: int = 0
    codec: str = ""
    source_fps: float = 0.0
    epoch: str = ""


STATUS_STALE_S: Final = 5.0
"""A camera's status older than this is not to be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """The newest word of an inference process, on `worker:{name}` (expires by itself)."""

    name: str
    pid: int
    host: str
    device: str
    detector: str
    classifier: str
    started_at_unix_s: float
    updated_at_unix_s: float
    frames_total: int = 0
    faces_total: int = 0
    batches_total: int = 0
    errors_total: int = 0
    reclaimed_total: int = 0
    busy_ms_total: dict[str, float] = field(default_factory=dict)


# Redis keys, each spelled once. A camera's name holds no colon (see `camera_name.py`).
CAMERAS_KEY: Final = "cameras"
"""Set of the names that have a running ingest process: what workers and the recorder read."""


def frames_key(camera: str) -> str:
    """Stream of `FrameHeader` + JPEG, a few frames long."""
    return f"frames:{camera}"


def results_key(camera: str) -> str:
    """Stream of `Analysis` and `Watch`, minutes long."""
    return f"results:{camera}"


def view_key(camera: str) -> str:
    """Stream of length 1: the newest annotated JPEG; expires when nobody watches."""
    return f"view:{camera}"


def watched_key(camera: str) -> str:
    """Exists, with a short time to live, while somebody watches the camera."""
    return f"watched:{camera}"


def status_key(camera: str) -> str:
    """The camera's `CameraStatus`."""
    return f"status:{camera}"


def worker_key(worker: str) -> str:
    """The worker's `WorkerStatus`."""
    return f"worker:{worker}"

"""What goes into the API and comes out of it, checked and described in the OpenAPI document."""

from typing import Any, Literal

from apiflask.fields import UploadFile
from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, populate_by_name=True)


class CameraIn(_In):
    """A camera to add."""

    name: str = Field(description="1 to 63 letters, digits, '-', '_' or '.'")
    url: str = Field(
        description="rtsp://, rtsps://, http://, https://, a file's path or webcam:N",
        examples=["rtsp://192.0.2.10/stream1"],
    )
    username: str = ""
    password: SecretStr = Field(default=SecretStr(""), description="never sent back")
    fps: float | None = Field(default=None, gt=0, le=60, description="pictures analysed a second")
    enabled: bool = True
    is_replay: bool = False
    loops: bool = False
    transport: Literal["tcp", "udp"] = "tcp"


class CameraChanges(_In):
    """Fields of a camera to change; what is left out stays."""

    url: str | None = None
    username: str | None = None
    password: SecretStr | None = Field(default=None, description="'' forgets it")
    fps: float | None = Field(default=None, gt=0, le=60)
    enabled: bool | None = None
    is_replay: bool | None = None
    loops: bool | None = None
    transport: Literal["tcp", "udp"] | None = None


class Counts(BaseModel):
    """Passages by verdict."""

    mask: int
    no_mask: int
    incorrect: int
    unreadable: int


class CameraNow(BaseModel):
    """What a camera is doing. Rates are pictures a second, null where not known."""

    state: str
    label: str
    sentence: str
    captured_fps: float | None
    analysed_fps: float | None
    dropped_fps: float | None = Field(description="pushed out unanalysed by newer ones")
    wanted_fps: float
    dropped_total: int | None = Field(description="since ingest of this camera last started")
    rejected_total: int | None = Field(description="unfit pictures; since the same moment")
    reconnects: int | None
    last_frame_utc: str | None
    last_frame_local: str | None
    age_s: float | None = Field(description="seconds since the newest picture was received")
    counts: Counts = Field(description="since the site's midnight")
    truth: dict[str, int] | None = Field(description="what really passed a simulated camera")


class CameraOut(BaseModel):
    """A camera without its password."""

    name: str
    url: str
    username: str
    has_password: bool
    fps: float
    enabled: bool
    is_replay: bool
    loops: bool
    transport: str
    revision: int
    now: CameraNow | None


class CameraList(BaseModel):
    """All cameras, by name."""

    cameras: list[CameraOut]


class Stretch(_In):
    """A stretch of time, of local days or of moments; the default is today."""

    camera: str | None = None
    from_: str | None = Field(
        default=None, alias="from", description="a local day (2026-11-23) or an ISO 8601 moment"
    )
    to: str | None = Field(default=None, description="a day is included, a moment is not")


class PassageQuery(Stretch):
    """Which passages."""

    verdict: Literal["mask", "no_mask", "incorrect", "unreadable"] | None = None
    limit: int = Field(default=1000, ge=1, le=10_000)


class PassageOut(BaseModel):
    """One person's way through one camera's view."""

    camera: str
    start_utc: str
    start_local: str
    end_utc: str
    verdict: str
    looks: int
    readable_looks: int
    probabilities: dict[str, float]
    face_height_px: float


class PassageList(BaseModel):
    """Newest first."""

    passages: list[PassageOut]


class ReportOut(BaseModel):
    """Rows of a report, by camera and time."""

    by: str
    site: str
    timezone: str
    unit: str
    rows: list[dict[str, Any]]


class FootageIn(BaseModel):
    """A file as multipart form data."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: UploadFile


class FootageOut(BaseModel):
    """A file that is being analysed, or has been."""

    id: str
    name: str
    state: Literal["queued", "running", "done", "failed"]
    progress: int = Field(description="percent; 100 only when done")
    problem: str = Field(
        default="", description="why it waits; '' where all is well, and in the list"
    )
    error: str = Field(description="why it failed, or what its last attempt failed with")
    frames: int | None = Field(description="pictures analysed; null before it is done")
    totals: Counts | None = Field(description="a video's passages, a picture's faces")
    result: dict[str, Any] | None = Field(description="`passages` of a video, `faces` of a picture")
    created_utc: str
    created_local: str
    finished_utc: str | None
    finished_local: str | None


class FootageList(BaseModel):
    """Newest first."""

    problem: str = Field(description="why nothing is being analysed; '' where all is well")
    footage: list[FootageOut]

"""What a camera is doing, in words for people."""

from dataclasses import dataclass
from typing import Final

from maskwatch.bus.vitals import Vitals
from maskwatch.contracts import STATUS_STALE_S, Camera, CameraState, CameraStatus, SourceReason

REASONS: Final[dict[str, str]] = {
    SourceReason.UNREACHABLE: "The camera cannot be reached. Is it on, and is the address right?",
    SourceReason.REFUSED: "The camera's machine answers, but refuses the connection.",
    SourceReason.UNAUTHORIZED: "The camera refuses the user or password.",
    SourceReason.NOT_FOUND: "The camera answers, but has no stream under this path.",
    SourceReason.TIMEOUT: "The camera took too long to answer.",
    SourceReason.NO_VIDEO: "The stream has no video.",
    SourceReason.UNSUPPORTED_CODEC: "The video is in a format that cannot be read.",
    SourceReason.INVALID_DATA: "What arrives is no readable video.",
    SourceReason.BAD_URL: "The address cannot be used.",
    SourceReason.LOST: "The connection was lost.",
    SourceReason.FROZEN: "The picture has stopped moving.",
}
"""By reason; the process that reads the camera may add a sentence of its own."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is said of a camera.

    Attributes:
        state: "live", "unanalysed", "uncounted", "stalled", "connecting", "offline", "ended",
            "disabled" or "unwatched".
        label: One or two words.
        sentence: Why, and what happens next; "" where all is well.
    """

    state: str
    label: str
    sentence: str


def condition_of(
    camera: Camera, status: CameraStatus | None, *, vitals: Vitals, now_unix_s: float
) -> Condition:
    """Say what a camera is doing, believing no status that is too old.

    A camera is live only while its pictures are analysed and counted too.
    """
    condition = _as_ingest_says(camera, status, now_unix_s)
    if condition.state != "live":
        return condition
    if vitals.analysis_problem:
        return _UNANALYSED
    return _UNCOUNTED if vitals.counting_problem else condition


def _as_ingest_says(camera: Camera, status: CameraStatus | None, now_unix_s: float) -> Condition:
    if not camera.enabled:
        return Condition("disabled", "Switched off", "Switched off in the camera's settings.")
    if status is None or now_unix_s - status.updated_at_unix_s > STATUS_STALE_S:
        return _ENDED if _has_ended(status) else _UNWATCHED
    if status.state is CameraState.LIVE:
        return _live(camera, status, now_unix_s)
    if status.state is CameraState.CONNECTING:
        sentence = status.message or "Waiting for the first picture."
        return Condition("connecting", "Connecting", sentence)
    if status.state is CameraState.ENDED:
        return _ENDED
    return _offline(camera, status)


_UNWATCHED: Final = Condition(
    "unwatched", "Not being read", "The process that reads this camera is not running."
)
_UNANALYSED: Final = Condition(
    "unanalysed", "Not analysed", "Pictures arrive, but no worker is running that analyses them."
)
_UNCOUNTED: Final = Condition(
    "uncounted", "Not counted", "Pictures are analysed, but the recorder counts nothing."
)
_ENDED: Final = Condition("ended", "Ended", "The file has been read to its end.")


def _has_ended(status: CameraStatus | None) -> bool:
    return status is not None and status.state is CameraState.ENDED


def _live(camera: Camera, status: CameraStatus, now_unix_s: float) -> Condition:
    newest = status.last_frame_unix_s
    if not camera.is_replay and newest is not None and now_unix_s - newest > STATUS_STALE_S:
        told = status.message or f"for {now_unix_s - newest:.0f} s now"
        return Condition("stalled", "No new picture", f"{told[0].upper()}{told[1:]}.")
    return Condition("live", "Live", "")


def _offline(camera: Camera, status: CameraStatus) -> Condition:
    reason = REASONS.get(status.reason, "The camera cannot be read.")
    # The name stands beside it already.
    told = status.message.removeprefix(f"camera {camera.name!r}: ").strip()
    sentence = f"{told.rstrip('.')}." if told else reason
    if status.retry_in_s >= 1:
        sentence = f"{sentence} Next try in {status.retry_in_s:.0f} s."
    return Condition("offline", "Offline", sentence)

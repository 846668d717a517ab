"""How far each replayed recording is counted: whatever becomes of its camera, it counts once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from maskwatch.storage.database import reading
from maskwatch.storage.recorder_state import RecorderPosition, position_of
from maskwatch.storage.tables import RecorderStateRow, RecordingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRecording:
    """What is counted of one recording under one camera's name.

    Attributes:
        recording: Which one, see `maskwatch.replay_epoch.ReplayEpoch`.
        until_s: Counted up to here, seconds of media time.
        ended: Content of the file whose end is counted; "" before that.
    """

    recording: str
    until_s: float = 0.0
    ended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayProgress:
    """What a replay needs to know of what is counted, from one moment.

    Attributes:
        position: Of the camera, whatever it counted last; None for nothing yet.
        counted: Of the recording.
    """

    position: RecorderPosition | None
    counted: CountedRecording


def replay_progress(engine: Engine, camera: str, recording: str) -> ReplayProgress:
    """How far the recorder is with a camera and one of its recordings."""
    with reading(engine) as session:
        state = session.get(RecorderStateRow, camera)
        row = session.get(RecordingRow, (camera, recording))
        return ReplayProgress(
            position=position_of(state) if state is not None else None,
            counted=(
                CountedRecording(recording=recording)
                if row is None
                else CountedRecording(recording=recording, until_s=row.until_s, ended=row.ended)
            ),
        )


def save_recordings(session: Session, camera: str, counted: Iterable[CountedRecording]) -> None:
    """Write how far recordings are counted; part of the transaction that writes their rows."""
    for each in counted:
        row = session.get(RecordingRow, (camera, each.recording))
        if row is None:
            row = RecordingRow(camera=camera, recording=each.recording)
            session.add(row)
        row.until_s, row.ended, row.updated_at = each.until_s, each.ended, datetime.now(UTC)
    session.flush()

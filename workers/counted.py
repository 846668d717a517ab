"""What one step of a camera's recorder adds to the database."""

from dataclasses import dataclass
from datetime import datetime

from maskwatch.storage.facts import Facts, Passage
from maskwatch.storage.recorder_state import StoredState
from maskwatch.storage.recordings import CountedRecording
from maskwatch.storage.utc import from_unix
from workers.tracking import TrackedPassage


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one step adds to the database, all of it or nothing.

    Attributes:
        camera: Name of the camera.
        passages: In the order in which they ended.
        minutes: Start of the UTC minute to what to add to it.
        recordings: How far the replayed ones are counted by this.
        stored: Position and memory after this step; `version` is the one to write over.
    """

    camera: str
    passages: tuple[Passage, ...]
    minutes: dict[datetime, Facts]
    stored: StoredState
    recordings: tuple[CountedRecording, ...] = ()


def passage_row(passage: TrackedPassage, *, camera: str, epoch: str) -> Passage:
    """A track that has ended, as the database holds it."""
    return Passage(
        camera=camera,
        epoch=epoch,
        track=passage.track,
        started_at=from_unix(passage.start_s),
        ended_at=from_unix(passage.end_s),
        verdict=passage.verdict,
        looks=passage.looks,
        readable_looks=passage.readable_looks,
        probabilities=passage.probabilities,
        face_height_px=passage.face_height_px,
    )

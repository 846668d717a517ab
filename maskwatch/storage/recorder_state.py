"""How far the recorder is with each camera."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from maskwatch.errors import StorageError
from maskwatch.storage.database import reading
from maskwatch.storage.tables import RecorderStateRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderPosition:
    """What has been counted of a camera, in one committed transaction.

    Attributes:
        epoch: The epoch that is being counted, or was last.
        last_sequence: Highest sequence counted or given up; -1 for none.
        last_tick: Highest tick counted; -1 for none.
        results_stream_id: Entries of `results:{camera}` up to this one are counted.
        redis_server_id: The Redis server that this id belongs to.
        is_finished: The epoch has ended and all of it is counted.
    """

    epoch: str
    last_sequence: int
    last_tick: int
    results_stream_id: str
    redis_server_id: str
    is_finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """A position with the recorder's memory.

    Attributes:
        state: JSON of the recorder's tracker and order.
        version: Number of commits; a second recorder is noticed by it. 0: no row yet.
    """

    position: RecorderPosition
    state: dict[str, Any]
    version: int


def last_position(engine: Engine, camera: str) -> RecorderPosition | None:
    """What has been counted of a camera; None for nothing yet."""
    stored = load_state(engine, camera)
    return stored.position if stored else None


def load_state(engine: Engine, camera: str) -> StoredState | None:
    """Position and memory of a camera; None where nothing has been counted yet."""
    with reading(engine) as session:
        row = session.get(RecorderStateRow, camera)
        if row is None:
            return None
        return StoredState(position=position_of(row), state=row.state, version=row.version)


def position_of(row: RecorderStateRow) -> RecorderPosition:
    """The position in a row."""
    return RecorderPosition(
        epoch=row.epoch,
        last_sequence=row.last_sequence,
        last_tick=row.last_tick,
        results_stream_id=row.results_stream_id,
        redis_server_id=row.redis_server_id,
        is_finished=row.is_finished,
    )


def unfinished_cameras(engine: Engine) -> tuple[str, ...]:
    """Names of the cameras whose last epoch has not ended, sorted."""
    question = select(RecorderStateRow.camera).where(RecorderStateRow.is_finished.is_(False))
    with reading(engine) as session:
        return tuple(session.scalars(question.order_by(RecorderStateRow.camera)))


def save_state(session: Session, camera: str, stored: StoredState) -> None:
    """Write position and memory; part of the transaction that writes the counted rows.

    Args:
        session: The open transaction.
        camera: Name of the camera.
        stored: `version` is the one that was loaded or saved last; it is stored plus 1.

    Raises:
        StorageError: Another recorder has counted this camera meanwhile; nothing may be committed.
    """
    values = {
        "epoch": stored.position.epoch,
        "last_sequence": stored.position.last_sequence,
        "last_tick": stored.position.last_tick,
        "results_stream_id": stored.position.results_stream_id,
        "redis_server_id": stored.position.redis_server_id,
        "is_finished": stored.position.is_finished,
        "state": stored.state,
        "version": stored.version + 1,
        "updated_at": datetime.now(UTC),
    }
    if stored.version == 0:
        session.execute(insert(RecorderStateRow).values(camera=camera, **values))
        return
    changed = session.execute(
        update(RecorderStateRow)
        .where(RecorderStateRow.camera == camera, RecorderStateRow.version == stored.version)
        .values(**values)
        .returning(RecorderStateRow.camera)
    ).all()
    if not changed:
        raise StorageError(
            f"camera {camera!r} is counted by another recorder too; run `maskwatch record` once"
        )

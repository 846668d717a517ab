"""The tables. Facts are keyed by the camera's name, so that history outlives a removed camera."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from maskwatch.storage.utc import UtcDateTime

_BIG_ID = BigInteger().with_variant(Integer, "sqlite")
_NAME = String(63)


class Base(DeclarativeBase):
    """Common base; constraints have predictable names, so that migrations can alter them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        dict[str, int]: JSON,
    }


class CameraRow(Base):
    """One camera; a removed one keeps its row, so that a seed file does not bring it back."""

    __tablename__ = "cameras"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(_NAME)
    url: Mapped[str] = mapped_column(Text)
    username: Mapped[str] = mapped_column(Text, default="")
    password: Mapped[str] = mapped_column(Text, default="")
    fps: Mapped[float]
    is_enabled: Mapped[bool] = mapped_column(default=True)
    is_replay: Mapped[bool] = mapped_column(default=False)
    loops: Mapped[bool] = mapped_column(default=False)
    transport: Mapped[str] = mapped_column(String(3), default="tcp")
    replay_start_at: Mapped[datetime | None]
    revision: Mapped[int]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class PassageRow(Base):
    """One person's way through one camera's view; belongs to the hour of its first look."""

    __tablename__ = "passages"
    __table_args__ = (
        UniqueConstraint("camera", "epoch", "track"),
        Index(None, "camera", "started_at"),
        Index(None, "started_at"),
    )

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    camera: Mapped[str] = mapped_column(_NAME)
    epoch: Mapped[str] = mapped_column(String(120))
    track: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    verdict: Mapped[str] = mapped_column(String(16))
    looks: Mapped[int]
    readable_looks: Mapped[int]
    mask: Mapped[float]
    no_mask: Mapped[float]
    incorrect: Mapped[float]
    face_height_px: Mapped[float]


class FactColumns:
    """What was watched in a stretch of time: the fields of `Facts`."""

    watched_ms: Mapped[int] = mapped_column(default=0)
    offline_ms: Mapped[dict[str, int]] = mapped_column(default=dict)
    captured: Mapped[int] = mapped_column(default=0)
    analysed: Mapped[int] = mapped_column(default=0)
    dropped: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[dict[str, int]] = mapped_column(default=dict)
    looks: Mapped[int] = mapped_column(default=0)
    looks_unreadable: Mapped[int] = mapped_column(default=0)
    frame_age_ms: Mapped[dict[str, int]] = mapped_column(default=dict)


class VerdictColumns:
    """Number of passages by verdict."""

    mask: Mapped[int] = mapped_column(default=0)
    no_mask: Mapped[int] = mapped_column(default=0)
    incorrect: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0)


class MinuteRow(FactColumns, Base):
    """What was watched of one camera in one UTC minute. No row: not watched."""

    __tablename__ = "minutes"
    __table_args__ = (Index(None, "minute"),)

    camera: Mapped[str] = mapped_column(_NAME, primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)


class QuarterRow(VerdictColumns, FactColumns, Base):
    """What passages and minutes of a quarter of an hour said that have been deleted for their age.

    Added to in the transaction that deletes: a quarter is what is still in single rows and this.
    """

    __tablename__ = "quarters"
    __table_args__ = (Index(None, "quarter"),)

    camera: Mapped[str] = mapped_column(_NAME, primary_key=True)
    quarter: Mapped[datetime] = mapped_column(primary_key=True)


class HourRow(VerdictColumns, FactColumns, Base):
    """The sum of an hour of UTC, for who reads the database.

    `passages_closed`: an earlier version deleted the hour's passages when this was their only sum;
    what is added to the hour later is not in here. `minutes_closed`: the same for minutes. Nothing
    sets them any more.
    """

    __tablename__ = "hours"
    __table_args__ = (Index(None, "hour"),)

    camera: Mapped[str] = mapped_column(_NAME, primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    rolled_up_at: Mapped[datetime]
    passages_closed: Mapped[bool] = mapped_column(default=False)
    minutes_closed: Mapped[bool] = mapped_column(default=False)


class RecorderStateRow(Base):
    """How far the recorder is with one camera; written with the rows it has counted."""

    __tablename__ = "recorder_state"

    camera: Mapped[str] = mapped_column(_NAME, primary_key=True)
    epoch: Mapped[str] = mapped_column(String(120))
    last_sequence: Mapped[int] = mapped_column(BigInteger)
    last_tick: Mapped[int] = mapped_column(BigInteger)
    is_finished: Mapped[bool]
    results_stream_id: Mapped[str] = mapped_column(String(48))
    redis_server_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime]


class RecordingRow(Base):
    """How far a replayed recording is counted under a camera's name; see `CountedRecording`."""

    __tablename__ = "recordings"

    camera: Mapped[str] = mapped_column(_NAME, primary_key=True)
    recording: Mapped[str] = mapped_column(String(32), primary_key=True)
    until_s: Mapped[float]
    ended: Mapped[str] = mapped_column(String(32))
    updated_at: Mapped[datetime]


class JobRow(Base):
    """A background job as people see it; RQ carries it, this row says how it went."""

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "state"), Index(None, "created_at"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    progress: Mapped[int] = mapped_column(default=0)
    arguments: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str] = mapped_column(String(80), default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

"""First tables: cameras, passages, minutes, hours, the recorder's state, jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _create_cameras()
    _create_hours()
    _create_jobs()
    _create_minutes()
    _create_passages()
    _create_recorder_state()


def _create_cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("fps", sa.Double(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_replay", sa.Boolean(), nullable=False),
        sa.Column("loops", sa.Boolean(), nullable=False),
        sa.Column("transport", sa.String(length=3), nullable=False),
        sa.Column("replay_start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cameras")),
        sa.UniqueConstraint("name", name=op.f("uq_cameras_name")),
    )


def _create_hours() -> None:
    op.create_table(
        "hours",
        sa.Column("camera", sa.String(length=63), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mask", sa.Integer(), nullable=False),
        sa.Column("no_mask", sa.Integer(), nullable=False),
        sa.Column("incorrect", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("watched_ms", sa.Integer(), nullable=False),
        sa.Column("offline_ms", sa.JSON(), nullable=False),
        sa.Column("captured", sa.Integer(), nullable=False),
        sa.Column("analysed", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.JSON(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("looks_unreadable", sa.Integer(), nullable=False),
        sa.Column("frame_age_ms", sa.JSON(), nullable=False),
        sa.Column("rolled_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("camera", "hour", name=op.f("pk_hours")),
    )
    op.create_index(op.f("ix_hours_hour"), "hours", ["hour"], unique=False)


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_created_at"), "jobs", ["created_at"], unique=False)
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"], unique=False)


def _create_minutes() -> None:
    op.create_table(
        "minutes",
        sa.Column("camera", sa.String(length=63), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("watched_ms", sa.Integer(), nullable=False),
        sa.Column("offline_ms", sa.JSON(), nullable=False),
        sa.Column("captured", sa.Integer(), nullable=False),
        sa.Column("analysed", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.JSON(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("looks_unreadable", sa.Integer(), nullable=False),
        sa.Column("frame_age_ms", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("camera", "minute", name=op.f("pk_minutes")),
    )
    op.create_index(op.f("ix_minutes_minute"), "minutes", ["minute"], unique=False)


def _create_passages() -> None:
    op.create_table(
        "passages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("camera", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.String(length=120), nullable=False),
        sa.Column("track", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("readable_looks", sa.Integer(), nullable=False),
        sa.Column("mask", sa.Double(), nullable=False),
        sa.Column("no_mask", sa.Double(), nullable=False),
        sa.Column("incorrect", sa.Double(), nullable=False),
        sa.Column("face_height_px", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passages")),
        sa.UniqueConstraint(
            "camera", "epoch", "track", name=op.f("uq_passages_camera_epoch_track")
        ),
    )
    op.create_index(
        op.f("ix_passages_camera_started_at"), "passages", ["camera", "started_at"], unique=False
    )
    op.create_index(op.f("ix_passages_started_at"), "passages", ["started_at"], unique=False)


def _create_recorder_state() -> None:
    op.create_table(
        "recorder_state",
        sa.Column("camera", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.String(length=120), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_tick", sa.BigInteger(), nullable=False),
        sa.Column("is_finished", sa.Boolean(), nullable=False),
        sa.Column("results_stream_id", sa.String(length=48), nullable=False),
        sa.Column("redis_server_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("camera", name=op.f("pk_recorder_state")),
    )

"""Quarters of an hour keep what deleted rows said; closed hours stay as they are and are read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBERS = (
    "mask", "no_mask", "incorrect", "unreadable", "watched_ms", "captured", "analysed", "dropped",
    "failed", "looks", "looks_unreadable",
)  # fmt: skip
_TABLES = ("offline_ms", "rejected", "frame_age_ms")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "quarters",
        sa.Column("camera", sa.String(length=63), nullable=False),
        sa.Column("quarter", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _NUMBERS),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in _TABLES),
        sa.PrimaryKeyConstraint("camera", "quarter", name=op.f("pk_quarters")),
    )
    op.create_index(op.f("ix_quarters_quarter"), "quarters", ["quarter"], unique=False)

"""Recordings keep how far each of them is counted, so that none is counted twice."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recordings",
        sa.Column("camera", sa.String(length=63), nullable=False),
        sa.Column("recording", sa.String(length=32), nullable=False),
        sa.Column("until_s", sa.Double(), nullable=False),
        sa.Column("ended", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("camera", "recording", name=op.f("pk_recordings")),
    )

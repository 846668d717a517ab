"""Hours say what has been deleted into them; jobs say who works on them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for name in ("passages_closed", "minutes_closed"):
        op.add_column(
            "hours", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.add_column(
        "jobs", sa.Column("worker", sa.String(length=80), nullable=False, server_default="")
    )
    op.add_column("jobs", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE jobs SET updated_at = created_at")

"""What connections have spent of a day's allowance, and how much that is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "budget",
        sa.Column("connection", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("most", sa.Integer),
        sa.Column("concurrency", sa.Integer),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("told", sa.Double),
        sa.Column("seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("connection", "name", name="pk_budget"),
    )
    op.create_table(
        "budget_use",
        sa.Column("connection", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("others", sa.Integer, nullable=False),
        sa.Column("units", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("connection", "name", "until", "others", name="pk_budget_use"),
    )

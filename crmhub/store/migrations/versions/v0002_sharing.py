"""What several processes share: who renews a token, quotas, and data keys in the middle of a rotation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three tables, and a column to the data keys."""
    instant = sa.DateTime(timezone=True)
    op.add_column("data_key", sa.Column("handover", sa.Text))
    op.create_table(
        "token_claim",
        sa.Column("connection", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner", sa.String),
        sa.Column("lease_until", instant),
        sa.Column("machine", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("connection", name="pk_token_claim"),
    )
    op.create_table(
        "quota",
        sa.Column("connection", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("connection", "name", name="pk_quota"),
    )
    op.create_table(
        "quota_slot",
        sa.Column("connection", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("slot", sa.String, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("machine", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("connection", "name", "slot", name="pk_quota_slot"),
    )

"""Agents: the audit chain, approvals, what they were about to write, their tokens, and keys by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add six tables."""
    _add_audit()
    op.create_table(
        "approval",
        sa.Column("handle", sa.String, nullable=False),
        sa.Column("agent", sa.String, nullable=False),
        sa.Column("tool", sa.String, nullable=False),
        sa.Column("plan_hash", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.String),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("decision", sa.Text),
        sa.PrimaryKeyConstraint("handle", name="pk_approval"),
    )
    op.create_index("ix_approval_state", "approval", ["state", "created_at"])
    op.create_table(
        "agent_write",
        sa.Column("agent", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("tool", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("handle", sa.String),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("agent", "key", name="pk_agent_write"),
    )
    op.create_index("ix_agent_write_started_at", "agent_write", ["started_at"])
    op.create_table(
        "agent_token",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("agent", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_agent_token"),
        sa.UniqueConstraint("hash", name="uq_agent_token_hash"),
    )


def _add_audit() -> None:
    op.create_table(
        "named_key",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_named_key"),
    )
    op.create_table(
        "audit_log",
        sa.Column("stream", sa.String, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("kid", sa.String, nullable=False),
        sa.Column("mac", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name="pk_audit_log"),
    )
    op.create_table(
        "audit_head",
        sa.Column("stream", sa.String, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("kid", sa.String, nullable=False),
        sa.Column("mac", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_audit_head"),
    )

"""Tokens, checkpoints, links, runs, intents and dead letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "data_key",
        sa.Column("kid", sa.String, nullable=False),
        sa.Column("wrapped", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_data_key"),
    )
    op.create_table(
        "token",
        sa.Column("connection", sa.String, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("connection", name="pk_token"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("job", sa.String, nullable=False),
        sa.Column("stream", sa.String, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("job", "stream", name="pk_checkpoint"),
    )
    op.create_table(
        "link",
        sa.Column("a_connection", sa.String, nullable=False),
        sa.Column("a_object", sa.String, nullable=False),
        sa.Column("a_id", sa.String, nullable=False),
        sa.Column("b_connection", sa.String, nullable=False),
        sa.Column("b_object", sa.String, nullable=False),
        sa.Column("b_id", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("hash", sa.LargeBinary),
        sa.Column("a_version", sa.String),
        sa.Column("b_version", sa.String),
        sa.Column("base", sa.Text),
        sa.PrimaryKeyConstraint("a_connection", "a_id", "b_connection", "a_object", name="pk_link"),
        sa.UniqueConstraint("b_connection", "b_id", "a_connection", "b_object", name="uq_link_b"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("finished_at", instant),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("machine", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process", sa.String, nullable=False),
        sa.Column("lease_until", instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_index("ix_run_started_at", "run", ["started_at"])
    running = sa.text("state = 'running'")
    op.create_index(
        "uq_run_job_running", "run", ["job"], unique=True, sqlite_where=running, postgresql_where=running
    )
    op.create_table(
        "intent",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("source_connection", sa.String, nullable=False),
        sa.Column("source_object", sa.String, nullable=False),
        sa.Column("source_id", sa.String, nullable=False),
        sa.Column("target_object", sa.String, nullable=False),
        sa.Column("operation", sa.String, nullable=False),
        sa.Column("marker", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("sent_at", instant, nullable=False),
        sa.Column("payload_hash", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intent"),
    )
    op.create_index("ix_intent_job_sent_at", "intent", ["job", "sent_at", "id"])
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("source_connection", sa.String, nullable=False),
        sa.Column("source_object", sa.String, nullable=False),
        sa.Column("source_id", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("code", sa.String),
        sa.Column("field", sa.String),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("awaiting_object", sa.String),
        sa.Column("awaiting_id", sa.String),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_at", instant, nullable=False),
        sa.Column("last_at", instant, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter"),
    )
    op.create_index("ix_dead_letter_job_state", "dead_letter", ["job", "state", "first_at", "id"])

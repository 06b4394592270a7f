"""The tables, in SQLAlchemy Core. ``migrations/`` builds them; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

__all__ = [
    "Instant",
    "agent_token",
    "agent_write",
    "approval",
    "audit_head",
    "audit_log",
    "budget",
    "budget_use",
    "checkpoint",
    "data_key",
    "dead_letter",
    "intent",
    "link",
    "metadata",
    "named_key",
    "quota",
    "quota_slot",
    "run",
    "token",
    "token_claim",
]


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, on databases with and without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC; a naive time is a mistake of the caller."""
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From UTC, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Prose(TypeDecorator[str]):
    """Text of others, such as a CRM's message; PostgreSQL has no place for NUL, so it shows as U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Without NUL where the database cannot keep it."""
        return value.replace("\0", "\ufffd") if value and dialect.name == "postgresql" else value


# Named constraints, so that later migrations can change them on every database.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

data_key = Table(
    "data_key",
    metadata,
    Column("kid", String, primary_key=True),
    Column("wrapped", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("handover", Text),  # for processes that know the data key before this one
)

token = Table(
    "token",
    metadata,
    Column("connection", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# Who renews a connection's token, and how often it was saved; there before the first token is.
token_claim = Table(
    "token_claim",
    metadata,
    Column("connection", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("owner", String),
    Column("lease_until", Instant),
    Column("machine", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process", String, nullable=False),
)

# Times of quotas are seconds since 1970, since databases reckon with them: `due` is GCRA's theoretical
# arrival time, `seen` when the row was written, by which a clock that was set back is found out.
quota = Table(
    "quota",
    metadata,
    Column("connection", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("due", Double, nullable=False),
    Column("seen", Double, nullable=False),
)

quota_slot = Table(
    "quota_slot",
    metadata,
    Column("connection", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("slot", String, primary_key=True),
    Column("until", Double, nullable=False),
    Column("machine", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process", String, nullable=False),
)

# What may be spent of an account's allowance, as it was told last (`told`), and what is spent: by us and,
# as far as replies tell, by others, each until it counts no more. Times are seconds since 1970 here too.
budget = Table(
    "budget",
    metadata,
    Column("connection", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("most", Integer),
    Column("concurrency", Integer),
    Column("why", Text, nullable=False),
    Column("told", Double),
    Column("seen", Double, nullable=False),
)

budget_use = Table(
    "budget_use",
    metadata,
    Column("connection", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("until", Double, primary_key=True),
    Column("others", Integer, primary_key=True),
    Column("units", Integer, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("job", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("value", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    PrimaryKeyConstraint("job", "stream"),
)

# The side whose connection sorts first is side a, so that a pair is one row whoever asks. The key
# leads with (connection, id): it serves the look-up by object, without object, and of one record.
link = Table(
    "link",
    metadata,
    Column("a_connection", String, nullable=False),
    Column("a_object", String, nullable=False),
    Column("a_id", String, nullable=False),
    Column("b_connection", String, nullable=False),
    Column("b_object", String, nullable=False),
    Column("b_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("state", String, nullable=False),
    Column("hash", LargeBinary),
    Column("a_version", String),
    Column("b_version", String),
    Column("base", Text),  # last: it is the long one
    PrimaryKeyConstraint("a_connection", "a_id", "b_connection", "a_object"),
    UniqueConstraint("b_connection", "b_id", "a_connection", "b_object", name="uq_link_b"),
)

run = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("job", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("source", String, nullable=False),
    Column("target", String, nullable=False),
    Column("models", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("counts", Text, nullable=False),
    Column("error", Prose),
    Column("host", String, nullable=False),
    Column("machine", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process", String, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Index("ix_run_started_at", "started_at"),
    Index(
        "uq_run_job_running",
        "job",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

intent = Table(
    "intent",
    metadata,
    Column("id", String, primary_key=True),
    Column("job", String, nullable=False),
    Column("run", String, nullable=False),
    Column("source_connection", String, nullable=False),
    Column("source_object", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("target_object", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("marker", String, nullable=False),
    Column("state", String, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("payload", Text, nullable=False),
    Index("ix_intent_job_sent_at", "job", "sent_at", "id"),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", String, primary_key=True),
    Column("job", String, nullable=False),
    Column("source_connection", String, nullable=False),
    Column("source_object", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("target", String, nullable=False),
    Column("model", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("code", String),
    Column("field", String),
    Column("message", Prose, nullable=False),
    Column("awaiting_object", String),
    Column("awaiting_id", String),
    Column("attempts", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("state", String, nullable=False),
    Index("ix_dead_letter_job_state", "job", "state", "first_at", "id"),
)

# Keys that the store makes for itself: of the audit chain, of pseudonyms, of cursors; sealed like tokens.
named_key = Table(
    "named_key",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# Rows are only ever added, but for the oldest ones, which a row of the chain itself says are gone.
audit_log = Table(
    "audit_log",
    metadata,
    Column("stream", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kid", String, nullable=False),
    Column("mac", String, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("stream", "seq"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("stream", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("kid", String, nullable=False),
    Column("mac", String, nullable=False),
)

# What was asked and what was decided are sealed, each bound to its row.
approval = Table(
    "approval",
    metadata,
    Column("handle", String, primary_key=True),
    Column("agent", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("plan_hash", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", String),
    Column("request", Text, nullable=False),
    Column("decision", Text),
    Index("ix_approval_state", "state", "created_at"),
)

# The write-ahead ledger of agents: what was about to be sent, by the caller's idempotency key.
agent_write = Table(
    "agent_write",
    metadata,
    Column("agent", String, nullable=False),
    Column("key", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("handle", String),
    Column("started_at", Instant, nullable=False),
    Column("outcome", Text),
    PrimaryKeyConstraint("agent", "key"),
    Index("ix_agent_write_started_at", "started_at"),
)

agent_token = Table(
    "agent_token",
    metadata,
    Column("name", String, primary_key=True),
    Column("agent", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    UniqueConstraint("hash", name="uq_agent_token_hash"),
)

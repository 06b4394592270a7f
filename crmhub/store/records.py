"""What the store keeps, as plain values. Nothing here needs a database to be imported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from crmhub.native import Checkpoint

__all__ = [
    "SERVED",
    "Changes",
    "DeadLetter",
    "DeadLetterState",
    "Intent",
    "IntentState",
    "Link",
    "LinkState",
    "RecordRef",
    "Run",
    "RunState",
    "served_in",
]

LinkState: TypeAlias = Literal["linked", "unlinked"]
IntentState: TypeAlias = Literal["planned", "sent", "unknown"]
DeadLetterState: TypeAlias = Literal["open", "resolved", "dropped"]
RunState: TypeAlias = Literal["running", "done", "partial", "failed", "interrupted"]


class RecordRef(NamedTuple):
    """One record of one CRM: the connection's name, the CRM's object, the CRM's id."""

    connection: str
    object: str
    id: str


@dataclass(frozen=True, slots=True)
class Link:
    """The fact that two records in different connections are the same real thing.

    Seen from the asker's side: the store keeps it without a direction, and ``source`` is the side
    that was asked about. An ``unlinked`` pair keeps its place, so that it is not joined again by
    accident, until it is linked again or forgotten.
    """

    model: str
    source: RecordRef
    target: RecordRef
    hash: bytes | None = None
    """Digest of the last agreed canonical values."""
    base: str | None = None
    """The last agreed canonical values, as JSON text."""
    source_version: str | None = None
    target_version: str | None = None
    state: LinkState = "linked"


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that is about to leave, or has left and is not yet known to have ended.

    Stored before the send; removed by the page that stores the write's result.
    """

    id: str
    """A fresh UUID in hex."""
    job: str
    run: str
    source: RecordRef
    target_object: str
    operation: Literal["create", "update", "upsert", "delete"]
    marker: str
    """The value by which the record can be found again: its sync key or natural key."""
    payload_hash: bytes
    payload: str
    """The native fields that were sent, as JSON text: needed to recognise the record."""
    sent_at: datetime
    state: IntentState = "sent"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record set aside with its reason, retried by later runs or dropped by a person.

    One a job and source record. The store counts ``attempts`` and fills in the times and the state.
    """

    job: str
    source: RecordRef
    target: str
    """The connection that it was to be written to."""
    model: str
    reason: str
    """``rejected``, ``mapping``, ``waiting``, ``unknown``, …"""
    message: str
    code: str | None = None
    field: str | None = None
    awaiting: tuple[str, str] | None = None
    """The source object or the model, and the source id, that must be linked first."""
    attempts: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None
    state: DeadLetterState = "open"

    @property
    def id(self) -> str:
        """Sixteen hex digits that name the letter: the same for each failure of the same record."""
        return letter_id(self.job, self.source)


def letter_id(job: str, source: RecordRef) -> str:
    """The id of the dead letter of that record in that job, whether or not there is one."""
    return hashlib.sha256("\0".join((job, *source)).encode()).hexdigest()[:16]


SERVED = "served:"
"""Begins the names of a run's counts that say by which tier of which connection its calls were served."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job. ``counts`` are the totals of what its committed pages did."""

    id: str
    job: str
    kind: str
    source: str
    target: str
    models: tuple[str, ...]
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, int]
    error: str | None
    host: str
    pid: int

    @property
    def served(self) -> Mapping[str, Mapping[str, int]]:
        """How many operations each tier served, by connection; only connections with tiers are there."""
        return served_in(self.counts)


def served_in(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """What of a run's counts says by which tiers it was served."""
    found: dict[str, dict[str, int]] = {}
    for name, count in counts.items():
        if name.startswith(SERVED):
            connection, _, tier = name.removeprefix(SERVED).rpartition(":")
            found.setdefault(connection, {})[tier] = count
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that one page of work changes in the store: applied together, or not at all.

    Applied in this order: ``forgotten``, ``unlinked``, ``links``, ``intents_settled``, ``resolved``,
    ``dead_letters``, ``checkpoint``, ``counts``.
    """

    job: str
    run: str | None = None
    """The run that does it: its lease is renewed, and nothing is written if the run is over."""
    links: Sequence[Link] = ()
    """New links, and links with new hashes, bases, versions or states."""
    unlinked: Sequence[Link] = ()
    """Links whose pair no longer belongs together; the pair is remembered."""
    forgotten: Sequence[Link] = ()
    """Links to remove, so that either record can be linked to another one."""
    intents_settled: Sequence[str] = ()
    """Ids of intents whose result is known and part of these changes."""
    dead_letters: Sequence[DeadLetter] = ()
    resolved: Sequence[RecordRef] = ()
    """Source records that succeeded: their dead letters, if there are any, are resolved."""
    checkpoint: tuple[str, Checkpoint] | None = None
    """A stream of the job, and where its read stands after this page."""
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    """Added to the run's totals."""

"""What the gate tells the audit: an intent before each call, its outcome after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from crmhub.agent.answers import Source
from crmhub.agent.identity import Agent

__all__ = ["AuditSink", "Intent", "Origin", "Outcome"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from."""

    transport: str
    """``http``, ``stdio``, or what else serves tools."""
    request: str | None = None
    """The request's id."""
    session: str | None = None
    traceparent: str | None = None
    """W3C trace context."""
    host: str | None = None
    """The client's name, as it says itself: never trusted for anything but elicitation a policy allows."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made, or was refused."""

    agent: Agent
    origin: Origin
    tool: str
    """As the agent said it: it may be any text where ``decision`` is not ``allowed``."""
    arguments: Mapping[str, object]
    """As the agent gave them: whoever keeps them redacts them."""
    decision: Literal["allowed", "refused"]
    rule: str
    """Which rule decided: the name and version of a policy, and the code of a refusal."""
    writes: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call."""

    code: str
    """``ok``, another status of an answer, or the code of a problem."""
    sources: Sequence[Source] = ()
    connections: Sequence[str] = ()
    """Those that were asked."""
    records: Sequence[str] = ()
    """Typed ids of the records that were handed out."""
    bytes: int = 0
    """The size of the answer."""
    masked: Sequence[str] = ()
    """Fields that were hidden, as ``contact.phones``."""
    milliseconds: int = 0
    approval: str | None = None
    """The handle of the approval that the call asked for, or used."""


class AuditSink(Protocol):
    """Keeps the audit. Raises ``StoreError`` when it cannot."""

    async def intend(self, intent: Intent) -> str:
        """Write the intent; its id. Durable before it returns for what writes and what was refused."""
        ...

    async def conclude(self, id: str, outcome: Outcome) -> None:
        """Write the outcome of an intent."""
        ...

"""The audit sink that writes into the store's chain.

What writes and what was refused is on the disk before anything is done about it. The rows of a call that
reads wait for the next transaction, at the latest that of its own outcome: no answer leaves before.
"""

from __future__ import annotations

import secrets as entropy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

from crmhub.agent.audit.pseudonyms import KEY, Pseudonyms
from crmhub.agent.audit.redaction import Redaction, scrubbed
from crmhub.agent.auditing import Intent, Outcome
from crmhub.agent.policy.language import Agents
from crmhub.agent.tool import Toolbox
from crmhub.clock import Clock
from crmhub.events import Events

if TYPE_CHECKING:
    from crmhub.hub import Hub
    from crmhub.store.audit import Audit, Entry

__all__ = ["StoreAudit"]

_HOUR: Final = 3_600.0
_MOST_RECORDS: Final = 500


class StoreAudit:
    """Keeps the audit in the store; an :class:`~crmhub.agent.auditing.AuditSink`."""

    def __init__(self, log: Audit, redaction: Redaction, clock: Clock, events: Events) -> None:
        self._log = log
        self._redaction = redaction
        self._clock = clock
        self._events = events
        self._open: dict[str, Entry] = {}
        self._told_head = clock.monotonic()

    @classmethod
    async def of(cls, hub: Hub, agents: Agents, toolbox: Toolbox) -> Self:
        """The audit in the hub's store; names that the configuration has may stand in it."""
        store = await hub.store()
        pseudonyms = Pseudonyms(await store.keys.get(KEY))
        hosts = [host for policy in agents.policies.values() for host in policy.approval.elicitation]
        redaction = Redaction(pseudonyms, toolbox, [*hub, *agents.agents, *hosts])
        return cls(store.audit, redaction, hub.clock, hub.events)

    async def intend(self, intent: Intent) -> str:
        """Write the intent; its id. Durable before this returns for what writes and what was refused."""
        id_ = entropy.token_hex(16)
        urgent = intent.writes or intent.decision == "refused"
        entry = self._log.put(self._intent(id_, intent), durable=urgent)
        if urgent:
            await self._log.flush(entry)
        self._open[id_] = entry
        return id_

    async def conclude(self, id: str, outcome: Outcome) -> None:
        """Write the outcome of an intent, and see to it that the intent is stored too."""
        intent = self._open.pop(id)
        entry = self._log.put(self._outcome(id, outcome), durable=intent.durable, after=intent)
        await self._log.flush(intent, entry)
        self._tell_head()

    def _tell_head(self) -> None:
        """Once an hour, tell where the log stands: whoever keeps events elsewhere can see its end cut off."""
        now = self._clock.monotonic()
        if now - self._told_head >= _HOUR and self._log.latest is not None:
            self._told_head = now
            self._events.emit("audit.head", head=str(self._log.latest))

    def _intent(self, id: str, intent: Intent) -> Mapping[str, object]:
        redaction, origin = self._redaction, intent.origin
        return _told(
            kind="call.intent",
            id=id,
            at=self._now(),
            agent=redaction.name(intent.agent.name),
            subject=redaction.person(intent.agent.subject),
            transport=scrubbed(origin.transport),
            request=redaction.id(origin.request),
            session=redaction.id(origin.session),
            host=redaction.name(origin.host),
            traceparent=redaction.trace(origin.traceparent),
            tool=redaction.tool(intent.tool),
            decision=intent.decision,
            rule=redaction.rule(intent.rule),
            writes=intent.writes,
            arguments=redaction.arguments(intent.arguments),
            digest=redaction.digest(intent.arguments),
        )

    def _outcome(self, id: str, outcome: Outcome) -> Mapping[str, object]:
        sources = [
            _told(connection=each.connection, state=each.state, code=each.code, tier=each.tier)
            for each in outcome.sources
        ]
        return _told(
            kind="call.outcome",
            id=id,
            at=self._now(),
            code=scrubbed(outcome.code),
            ms=outcome.milliseconds,
            connections=[*outcome.connections],
            sources=sources,
            records=[self._redaction.record(each) for each in outcome.records[:_MOST_RECORDS]],
            rows=len(outcome.records),
            bytes=outcome.bytes,
            masked=[*outcome.masked],
            approval=outcome.approval,
        )

    def _now(self) -> str:
        return self._clock.now().isoformat()


def _told(**parts: object) -> dict[str, object]:
    """A row's parts, but for those of which there is nothing to say."""
    return {name: part for name, part in parts.items() if part is not None}

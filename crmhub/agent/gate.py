"""One call from the outside to its answer.

In this order: the agent, the tool, the policy, the limits, the arguments, the intent in the audit, the
tool, the size of the answer, the outcome in the audit. What is not allowed is not there: a tool that the
policy does not name and one that nobody has are refused alike. Every call that comes in has one intent
and one outcome, whatever becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self, cast

import anyio
from pydantic import BaseModel

from crmhub.agent.answers import Problem, Refused, Source
from crmhub.agent.auditing import AuditSink, Intent, Origin, Outcome
from crmhub.agent.checking import checked
from crmhub.agent.cursors import CURSOR, Bound, Cursors
from crmhub.agent.identity import Agent
from crmhub.agent.limits import AgentMeter, Meters
from crmhub.agent.policy.decide import Grant, sights_of
from crmhub.agent.policy.language import Agents
from crmhub.agent.reach import Noted, Reach
from crmhub.agent.replies import Reply, encoded, sized
from crmhub.agent.tool import Call, Told, Tool, Toolbox
from crmhub.agent.troubles import INTERNAL, problem_of
from crmhub.agent.veil import Veil
from crmhub.document import suggest
from crmhub.native import Native, Value
from crmhub.routing import routed

if TYPE_CHECKING:
    from crmhub.hub import Hub
    from crmhub.store import Store

__all__ = ["Gate", "Keys", "Origin", "Reply"]

_MOST_NAME: Final = 128


_UNSEEN: Final = Problem(
    code="audit_unavailable",
    message="nothing is done or told here while the audit cannot be written",
    hint="a person who runs this server has to mend it",
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets of 32 bytes: those that cursors are sealed with, and masks are hashed with."""

    cursors: bytes = field(repr=False)
    masks: bytes = field(repr=False)


class Gate:
    """Lets agents' calls in, each as its policy says."""

    def __init__(
        self,
        hub: Hub,
        agents: Agents,
        toolbox: Toolbox,
        audit: AuditSink,
        *,
        meters: Meters,
        keys: Keys,
        parts: Mapping[type, Callable[[Call], object]] | None = None,
        reads_without_audit: bool = False,
    ) -> None:
        """``keys`` are secrets that all processes share.

        ``parts`` is what tools can use besides the reach, by class. A call that writes is never made when
        the audit cannot take its intent; one that reads only with ``reads_without_audit``.
        """
        self._hub = hub
        self._agents = agents
        self._audit = audit
        self._meters = meters
        self._cursors = Cursors(keys.cursors)
        self._mask_key = keys.masks
        self._parts = parts or {}
        self._reads_without_audit = reads_without_audit
        policies = agents.policies.items()
        self._sights = {name: sights_of(policy) for name, policy in policies}
        self._allowed = {name: toolbox.chosen(policy.tools) for name, policy in policies}

    @classmethod
    async def of(
        cls,
        hub: Hub,
        agents: Agents,
        toolbox: Toolbox,
        audit: AuditSink,
        *,
        parts: Mapping[type, Callable[[Call], object]] | None = None,
        reads_without_audit: bool = False,
    ) -> Self:
        """The gate to a hub, with its limits and keys in the hub's store."""
        store: Store = await hub.store()
        return cls(
            hub,
            agents,
            toolbox,
            audit,
            meters=Meters(store.budgets, hub.clock),
            keys=Keys(await store.keys.get("agents.cursors"), await store.keys.get("agents.masks")),
            parts=parts,
            reads_without_audit=reads_without_audit,
        )

    def tools(self, agent: Agent) -> Sequence[Tool]:
        """The tools that are there for an agent, in a stable order."""
        grant = self._grant(agent)
        return [] if grant is None else [*self._allowed[grant.name].values()]

    async def call(
        self, agent: Agent, name: str, arguments: Mapping[str, object], *, origin: Origin
    ) -> Reply:
        """Make a call. Raises nothing but cancellation: what goes wrong is the answer."""
        entry = _Entry(agent, name[:_MOST_NAME], arguments, self._hub.clock.monotonic())
        refusal: Problem | None = None
        with anyio.CancelScope(shield=True):  # a call that is cancelled now has its intent and its outcome
            try:
                await self._admit(entry)
            except Exception as error:  # noqa: BLE001 - told, and audited as any refusal
                refusal = self._problem(error)
            refusal = await self._announce(entry, refusal, origin)
        kept = False
        try:
            reply = _refused(refusal) if refusal else await self._run(entry)
            entry.code = _code(reply)
        except Exception as error:  # noqa: BLE001 - the agent learns that it failed, and nothing of how
            problem = self._problem(error)
            reply, entry.code = _refused(problem), problem.code
        finally:
            with anyio.CancelScope(shield=True):
                kept = await self._conclude(entry)
        if not kept and not entry.writes and not self._reads_without_audit:
            reply = _refused(_UNSEEN)  # nobody is told what nobody can find out
        reply.meta.update(entry.meta())
        return reply

    # ── before ───────────────────────────────────────────────────────────────────────────────────

    def _grant(self, agent: Agent) -> Grant | None:
        found = self._agents.policy_of(agent.name)
        return None if found is None else Grant(agent, *found, self._sights[found[0]])

    async def _admit(self, entry: _Entry) -> None:
        """Find what the call may use. Raises :class:`Refused`."""
        entry.grant = self._grant(entry.agent)
        if entry.grant is None:
            raise Refused("no_policy", "nothing is allowed to this agent", hint="a person has to name it")
        limits = entry.grant.policy.limits
        entry.meter = self._meters.of(entry.agent.name, limits)
        await entry.meter.calls()
        allowed = self._allowed[entry.grant.name]
        tool = entry.tool = allowed.get(entry.name)
        if tool is None:
            raise Refused("unknown_tool", "there is no such tool here", hint=suggest(entry.name, allowed))
        given = entry.given = checked(tool, entry.arguments)
        cursor = getattr(given, CURSOR, None)
        if isinstance(cursor, str):
            entry.place = self._cursors.open(cursor, entry.bound, self._now())
        if tool.effect.writes:
            await entry.meter.writes()

    async def _announce(self, entry: _Entry, refusal: Problem | None, origin: Origin) -> Problem | None:
        """Write the intent; what keeps the call from being made, if anything does."""
        policy = f"{entry.grant.name}@{entry.grant.policy.version}" if entry.grant else "none"
        intent = Intent(
            agent=entry.agent,
            origin=origin,
            tool=entry.name,
            arguments=entry.arguments,
            decision="refused" if refusal else "allowed",
            rule=f"{policy}:{refusal.code}" if refusal else policy,
            writes=entry.writes,
        )
        try:
            entry.audit = await self._audit.intend(intent)
        except Exception as error:  # noqa: BLE001 - whatever it is: nothing is done unseen
            self._hub.events.emit("agent.audit_failed", step="intent", error=type(error).__name__)
            if refusal is None and (entry.writes or not self._reads_without_audit):
                return _UNSEEN
        return refusal

    # ── the call itself ──────────────────────────────────────────────────────────────────────────

    async def _run(self, entry: _Entry) -> Reply:
        tool, grant, given, meter = entry.tool, entry.grant, entry.given, entry.meter
        if tool is None or grant is None or given is None or meter is None:
            return _refused(INTERNAL)
        reach = entry.reach = Reach(self._hub, grant, Veil(grant, self._mask_key), meter)
        call = Call(
            entry.agent,
            reach,
            self._hub.clock.now(),
            place=entry.place,
            seal=lambda place: self._cursors.seal(place, entry.bound, self._now()),
            parts=self._parts,
        )
        told: Told | None = None
        seconds = grant.policy.limits.seconds_per_call
        with anyio.move_on_after(seconds), routed("agent") as reach.route:
            told = await tool.perform(call, given)
        if told is None:
            return _refused(
                Problem(
                    code="timeout",
                    message=f"the answer took longer than {seconds} seconds",
                    retryable=not tool.effect.writes,
                    hint="read the record before anything else" if tool.effect.writes else "ask for less",
                )
            )
        reply = sized(told, grant.policy.limits.bytes_per_answer, call.seal)
        entry.sources = told.data.sources
        entry.bytes = len(encoded(reply.structured))
        return reply

    # ── after ────────────────────────────────────────────────────────────────────────────────────

    async def _conclude(self, entry: _Entry) -> bool:
        """Write the outcome; whether it was."""
        if entry.audit is None:
            return False
        noted = entry.reach.noted if entry.reach else Noted()
        outcome = Outcome(
            code=entry.code,
            sources=entry.sources,
            connections=[*noted.connections],
            records=[*noted.records],
            bytes=entry.bytes,
            masked=entry.masked,
            milliseconds=int((self._hub.clock.monotonic() - entry.begun) * 1000),
            approval=noted.approval,
        )
        try:
            await self._audit.conclude(entry.audit, outcome)
        except Exception as error:  # noqa: BLE001 - what was written is: the intent without an outcome tells
            self._hub.events.emit("agent.audit_failed", step="outcome", error=type(error).__name__)
            return False
        return True

    def _problem(self, error: Exception) -> Problem:
        problem = problem_of(error)
        if problem is INTERNAL:
            self._hub.events.emit("agent.failed", error=type(error).__name__)
        return problem

    def _now(self) -> float:
        return self._hub.clock.now().timestamp()


@dataclass
class _Entry:
    """One call on its way, and what is known of it."""

    agent: Agent
    name: str
    arguments: Mapping[str, object]
    begun: float
    grant: Grant | None = None
    meter: AgentMeter | None = None
    tool: Tool | None = None
    given: BaseModel | None = None
    place: Mapping[str, Value] | None = None
    reach: Reach | None = None
    audit: str | None = None
    code: str = "cancelled"
    sources: Sequence[Source] = ()
    bytes: int = 0

    @cached_property
    def bound(self) -> Bound:
        """What its cursors are bound to."""
        asked = self.given.model_dump(mode="json") if self.given else {}
        version = self.grant.policy.version if self.grant else ""
        return Bound.to(self.agent.name, self.agent.subject, self.name, version, asked)

    @property
    def writes(self) -> bool:
        """Whether the tool is one that writes."""
        return self.tool is not None and self.tool.effect.writes

    @property
    def masked(self) -> list[str]:
        """The fields that were hidden from the agent."""
        return sorted(self.reach.veil.masked) if self.reach else []

    def meta(self) -> Native:
        """What is told beside the answer."""
        meta: Native = {}
        if self.audit is not None:
            meta["crmhub/audit_id"] = self.audit
        if self.sources:
            meta["crmhub/source"] = [
                cast("Value", source.model_dump(mode="json", exclude_none=True)) for source in self.sources
            ]
        if self.grant is not None:
            masked: list[Value] = [*self.masked]
            meta["crmhub/policy"] = {
                "name": self.grant.name, "version": self.grant.policy.version, "masked": masked,
            }  # fmt: skip
        return meta


def _refused(problem: Problem) -> Reply:
    told = cast("Native", problem.model_dump(mode="json", exclude_none=True))
    parts = [problem.message, problem.hint or ""]
    return Reply({"status": "error", "error": told}, ". ".join(filter(None, parts)), is_error=True)


def _code(reply: Reply) -> str:
    error = reply.structured.get("error")
    return str(error["code"] if isinstance(error, dict) else reply.structured.get("status", "ok"))

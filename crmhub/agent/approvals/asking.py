"""Asking a person: what the question says, and the seam by which a host at the agent's side may ask it.

A host is asked only where the agent's policy names it. Its answer is worth something only for the one
handle and plan that were asked about, for ten minutes, once; whatever is not a clear yes leaves the write
where it waits, for ``crmhub approvals``.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from crmhub.agent.audit.pseudonyms import KEY, Pseudonyms
from crmhub.agent.identity import Agent
from crmhub.agent.policy.language import Agents
from crmhub.agent.untrusted import one_line
from crmhub.errors import UsageError
from crmhub.plan import Plan, PlannedWrite

if TYPE_CHECKING:
    from crmhub.clock import Clock
    from crmhub.hub import Hub
    from crmhub.store.approvals import Approval, Approvals

__all__ = ["Answered", "Asker", "Desk", "Question", "lines_of", "owner_of"]

Answered: TypeAlias = Literal["accept", "decline", "cancel"]

_PATIENCE: Final = timedelta(minutes=10)
_MOST_VALUE: Final = 80
_MOST_LINES: Final = 40


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked. ``text`` is ours; values of CRMs stand in it quoted, neutral and short."""

    handle: str
    plan_hash: str
    text: str
    expires_at: datetime


class Asker(Protocol):
    """A host that can ask the person at the agent's side."""

    @property
    def host(self) -> str:
        """Its name, as policies call it."""
        ...

    async def ask(self, question: Question) -> Answered | None:
        """The person's answer; ``None``: there was none, or it is none."""
        ...


def owner_of(agent: Agent, pseudonyms: Pseudonyms) -> str:
    """Whose approvals and keys they are: the agent's, for the one person that it acts for."""
    return agent.name if agent.subject is None else f"{agent.name}/{pseudonyms.of(agent.subject)}"


def lines_of(approval: Approval) -> Sequence[str]:
    """What a person has to see before deciding: who asks, and each value before and after."""
    request = approval.request
    plan = Plan.decode(request.plan.encode())
    asks = f"agent {_quoted(request.agent.partition('/')[0])}"
    if request.subject is not None:
        asks += f" for {_quoted(request.subject)}"
    lines = [f"{asks} asks by {request.tool} for {len(plan.writes)} change(s):"]
    for write in plan.writes:
        lines += _write(write, request.names)
    if len(lines) > _MOST_LINES:
        more = len(lines) - _MOST_LINES
        lines = [*lines[:_MOST_LINES], f"… and {more} more lines: crmhub approvals show {approval.handle}"]
    return lines


def _write(write: PlannedWrite, names: Mapping[str, str]) -> Sequence[str]:
    def told(value: object) -> str:
        name = names.get(str(value))
        return _quoted(value) if name is None else f"{_quoted(value)} ({_quoted(name)})"

    where = f"{write.model} of {write.connection} ({write.object})"
    pairs = sorted(write.changes.items())
    if write.id is None:
        return [f"new {where}", *(f"  {path}: {told(after)}" for path, (_, after) in pairs)]
    head = f"change {where} {told(write.id)}"
    return [head, *(f"  {path}: {told(before)} → {told(after)}" for path, (before, after) in pairs)]


def _quoted(value: object) -> str:
    """A value that nobody can take for a word of ours: in quotes, on one line, short."""
    if value is None:
        return "nothing"
    return json.dumps(one_line(str(value), _MOST_VALUE), ensure_ascii=False)


class Desk:
    """Puts questions to hosts and takes their answers, for servers of tools.

    ``question`` and ``answered`` are two calls, so that a protocol without sessions can keep what lies
    between them (the handle, the hash) with the client, sealed; :meth:`ask` is both.
    """

    def __init__(
        self, approvals: Approvals, agents: Agents, pseudonyms: Pseudonyms, clock: Clock, key: bytes
    ) -> None:
        self._approvals = approvals
        self._clock = clock
        self._agents = agents
        self._pseudonyms = pseudonyms
        self._key = key

    @classmethod
    async def of(cls, hub: Hub, agents: Agents) -> Desk:
        """The desk of the hub's store."""
        store = await hub.store()
        pseudonyms = Pseudonyms(await store.keys.get(KEY))
        return cls(store.approvals, agents, pseudonyms, hub.clock, await store.keys.get("questions"))

    async def question(self, agent: Agent, handle: str, host: str) -> Question | None:
        """The question for what waits under a handle of the agent's.

        ``None`` where nothing waits, or the agent's policy does not trust that host.
        """
        found = await self._approvals.get(handle)
        if not self._trusts(agent, host) or found is None or found.state != "pending":
            return None
        expires_at = min(found.request.created_at + _PATIENCE, found.request.expires_at)
        if found.request.agent != owner_of(agent, self._pseudonyms) or expires_at <= self._clock.now():
            return None
        text = "\n".join([*lines_of(found), "Allow it?"])
        return Question(handle, found.request.plan_hash, text, expires_at)

    async def answered(
        self, agent: Agent, handle: str, host: str, plan_hash: str, answer: Answered | None
    ) -> bool:
        """Take a host's answer; whether the write is approved by it. Anything but a yes leaves it waiting."""
        question = await self.question(agent, handle, host)
        if question is None or question.plan_hash != plan_hash:
            return False
        await self._approvals.tell(handle, "asked", host=host, answer=answer or "none")
        if answer != "accept":
            return False
        try:
            await self._approvals.decide(handle, True, f"elicitation:{host}", plan_hash)
        except UsageError:  # somebody else has decided meanwhile
            return False
        return True

    def state(self, agent: Agent, host: str, question: Question) -> str:
        """What a client keeps between a question and its answer: a proof that we have asked."""
        proof = self._proof(agent, host, question.handle, question.plan_hash)
        return f"{question.handle}.{question.plan_hash}.{proof}"

    async def resumed(self, agent: Agent, host: str, state: str, answer: Answered | None) -> bool:
        """Take an answer that came with the state of its question; whether the write is approved by it.

        A state that we have not made, for that agent and that host, is as good as none.
        """
        handle, _, rest = state.partition(".")
        plan_hash, _, proof = rest.partition(".")
        made = self._proof(agent, host, handle, plan_hash)
        if not hmac.compare_digest(made.encode(), proof.encode(errors="replace")):
            return False
        return await self.answered(agent, handle, host, plan_hash, answer)

    def _proof(self, agent: Agent, host: str, handle: str, plan_hash: str) -> str:
        whole = json.dumps([owner_of(agent, self._pseudonyms), host, handle, plan_hash]).encode()
        return hmac.digest(self._key, whole, "sha256").hex()

    async def ask(self, agent: Agent, handle: str, asker: Asker) -> bool:
        """Ask the person by a host, if the agent's policy trusts it; whether the write is approved by it."""
        question = await self.question(agent, handle, asker.host)
        if question is None:
            return False
        answer = await asker.ask(question)
        return await self.answered(agent, handle, asker.host, question.plan_hash, answer)

    def _trusts(self, agent: Agent, host: str) -> bool:
        found = self._agents.policy_of(agent.name)
        return found is not None and host in found[1].approval.elicitation

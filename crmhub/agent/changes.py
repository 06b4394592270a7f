"""What a tool may write, and how: planned, agreed to where the policy says so, done once.

A tool says what it wants; here that becomes a :class:`~crmhub.plan.Plan` of exact writes, within what the
agent may see. A plan that needs a person is parked, and nothing is written. Every write is in a ledger
before it is sent, by the agent's own key: the same key and the same arguments give the same outcome.
"""

from __future__ import annotations

import hmac
import json
import secrets as entropy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import anyio

from crmhub.agent.answers import Refused
from crmhub.agent.approvals.asking import owner_of
from crmhub.agent.approvals.rules import is_needed
from crmhub.agent.audit.pseudonyms import KEY, Pseudonyms
from crmhub.agent.drafting import Draft, Wanted
from crmhub.agent.tool import Call
from crmhub.connector import NOT_SENT, Outcome
from crmhub.plan import Plan, PlannedWrite
from crmhub.planning import MOVED, moved
from crmhub.store.approvals import Approval, Request, Written

if TYPE_CHECKING:
    from crmhub.hub import Hub
    from crmhub.store import Store

__all__ = ["Changes", "Done", "Submitted", "Want", "Wanted", "changes_of"]

_GOES_ON: Final = timedelta(seconds=60)
"""How long a write without an outcome is believed to be under way."""
_AS_IT_IS: Final = Outcome("unchanged")
_AUTO: Final = "~"
"""Begins the keys that we make; no agent can give such a one."""

Want: TypeAlias = "Callable[[], Awaitable[Sequence[Wanted]]]"


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one write."""

    status: Literal["created", "updated", "unchanged", "rejected", "conflict", "unknown"]
    id: str | None
    """The record's typed id."""
    code: str | None = None
    """Why it was not written."""
    field: str | None = None
    """The CRM's field that is in the way."""

    @property
    def ok(self) -> bool:
        """Whether the record is as it was asked to be."""
        return self.status in {"created", "updated", "unchanged"}


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a plan: it was done, or it waits for a person under a handle."""

    state: Literal["done", "pending", "approved"]
    plan: Plan
    handle: str | None = None
    expires_at: datetime | None = None
    done: Sequence[Done] = field(default_factory=list[Done])


async def changes_of(hub: Hub) -> Callable[[Call], Changes]:
    """What gives tools their :class:`Changes`; for the ``parts`` of a gate."""
    store = await hub.store()
    pseudonyms = Pseudonyms(await store.keys.get(KEY))
    key = await store.keys.get("arguments")
    return lambda call: Changes(hub, store, call, pseudonyms, key)


class Changes:
    """The writes of one call. ``call.part(Changes)`` gives it."""

    def __init__(self, hub: Hub, store: Store, call: Call, pseudonyms: Pseudonyms, key: bytes) -> None:
        self._hub = hub
        self._approvals = store.approvals
        self._call = call
        self._reach = call.reach
        self._policy = call.reach.grant.policy
        self._owner = owner_of(call.agent, pseudonyms)
        self._key = key
        self.draft = Draft(hub, call)
        """What becomes of what is wanted."""

    # ── asking, and doing ────────────────────────────────────────────────────────────────────────

    async def write(
        self, tool: str, arguments: Mapping[str, object], want: Want, *, key: str | None = None
    ) -> Submitted:
        """Do what is wanted, or park it where the policy says so.

        ``arguments`` are those of the call and ``key`` its idempotency key: with both the same, the outcome
        of the first call is given and nothing is done again. Without a key, the same arguments find what
        waits for a person, and what was approved since is done.
        """
        digest = self._digest(tool, arguments)
        again = await self._again(tool, key, digest)
        if again is not None:
            return again
        plan = await self.draft.plan(await want())
        if not any(write.id is None or write.fields for write in plan.writes):
            return Submitted("done", plan, done=[_done(write, _AS_IT_IS) for write in plan.writes])
        if is_needed(self._policy.approval, tool, plan):
            return await self._park(tool, plan, key, digest)
        return await self._do(tool, plan, key or f"{_AUTO}{entropy.token_hex(16)}", digest)

    async def park(
        self, tool: str, arguments: Mapping[str, object], want: Want, *, key: str | None = None
    ) -> Submitted:
        """Keep what is wanted as a plan to be applied later, whoever has to agree first, if anybody has."""
        digest = self._digest(tool, arguments)
        again = await self._again(tool, key, digest, apply=False)
        if again is not None:
            return again
        plan = await self.draft.plan(await want(), priced=True)
        rule = f"policy:{self._reach.grant.name}@{self._policy.version}"
        by = None if is_needed(self._policy.approval, tool, plan) else rule
        return await self._park(tool, plan, key, digest, by=by)

    async def apply_approved(self, handle: str) -> Submitted:
        """Do what a person has approved: once, exactly that, for who asked, while nothing has moved.

        Raises :class:`Refused` otherwise; nothing is written then.
        """
        found = await self._approvals.get(handle)
        if found is None or found.request.agent != self._owner:
            raise _not("unknown")
        self._reach.noted.approval = handle
        if found.state != "approved":
            raise _not(found.state)
        plan = Plan.decode(found.request.plan.encode())
        why = await self._void(found, plan)
        if why is not None:
            await self._approvals.void(handle, why)
            raise _not("void")
        await self._afford(plan)
        claimed = await self._approvals.claim(handle, self._owner, self._policy.version)
        if claimed.refused is not None:
            raise _not(claimed.refused)
        return await self._executed(plan, found.request.key, handle)

    async def _void(self, approval: Approval, plan: Plan) -> str | None:
        """Why what was approved holds no more, if so."""
        if approval.request.policy != self._policy.version:
            return "the policy has changed"
        if plan.hash != approval.request.plan_hash:
            return "the plan is another one"
        for name in dict.fromkeys(write.connection for write in plan.writes):
            if name not in self._reach.connections:
                return "a connection is not there any more"
            if await moved(self._hub[name], [write for write in plan.writes if write.connection == name]):
                return "a record has moved"
        return None

    async def _again(
        self, tool: str, key: str | None, digest: str, *, apply: bool = True
    ) -> Submitted | None:
        """What the key stands for, if anything; without one, what waits with the same arguments."""
        known = await self._approvals.known(self._owner, key or _auto(digest))
        if known is None:
            return None
        if (known.tool, known.digest) != (tool, digest):
            raise Refused(
                "idempotency_key_reused",
                "this idempotency_key was used with other arguments",
                hint="take a new key for another change",
            )
        approval = await self._approvals.get(known.handle) if known.handle else None
        if approval is not None and approval.state in {"pending", "approved"}:
            if approval.state == "approved" and apply:
                return await self.apply_approved(approval.handle)
            self._reach.noted.approval = approval.handle
            return _waiting(approval)
        if key is None:
            return None
        return self._told_before(known, approval)

    def _told_before(self, known: Written, approval: Approval | None) -> Submitted:
        if known.outcome is not None:
            plan = Plan.decode(approval.request.plan.encode()) if approval else Plan()
            done = [Done(**part) for part in json.loads(known.outcome)]
            return Submitted("done", plan, known.handle, done=done)
        if approval is not None and approval.state != "used":
            raise _not(approval.state)
        if self._call.now - known.started_at < _GOES_ON:
            raise Refused(
                "in_progress",
                "a call with this idempotency_key is still at work",
                hint="ask again with the same key",
                retryable=True,
                retry_after=5,
            )
        raise Refused(
            "unknown_outcome",
            "a call with this idempotency_key was cut off, and nobody knows what came of it",
            hint="read the record before anything else; do not repeat the change",
        )

    async def _park(
        self, tool: str, plan: Plan, key: str | None, digest: str, *, by: str | None = None
    ) -> Submitted:
        lives = timedelta(minutes=self._policy.approval.minutes)
        request = Request(
            agent=self._owner,
            tool=tool,
            plan=plan.json().decode(),
            plan_hash=plan.hash,
            policy=self._policy.version,
            key=key or _auto(digest),
            created_at=self._call.now,
            expires_at=self._call.now + lives,
            subject=self._call.agent.subject,
            names=self.draft.names,
        )
        parked = await self._approvals.park(request, digest, by=by)
        self._reach.noted.approval = parked.handle
        return replace(_waiting(parked), plan=plan if plan.hash == parked.request.plan_hash else Plan())

    async def _do(self, tool: str, plan: Plan, key: str, digest: str) -> Submitted:
        await self._afford(plan)
        known = await self._approvals.begin(self._owner, key, tool, digest)
        if known is not None:  # the same call came twice at once
            return self._told_before(known, None)
        return await self._executed(plan, key, None)

    async def _executed(self, plan: Plan, key: str, handle: str | None) -> Submitted:
        """Send the writes and keep their outcomes; who hangs up meanwhile stops neither."""
        done: Sequence[Done] = []
        with anyio.CancelScope(shield=True):
            done = await self._sent(plan)
            nothing_sent = handle is None and all(each.code == NOT_SENT for each in done)
            told = None if nothing_sent else json.dumps([_plain(each) for each in done])
            await self._approvals.end(self._owner, key, told)
        noted = self._reach.noted
        asked = dict.fromkeys([*noted.connections, *(write.connection for write in plan.writes)])
        noted.connections = [*asked]
        for each in done:
            if each.ok and each.id is not None:
                noted.records[each.id] = None
        return Submitted("done", plan, handle, done=done)

    async def _sent(self, plan: Plan) -> Sequence[Done]:
        done: dict[int, Done] = {}
        for name in dict.fromkeys(write.connection for write in plan.writes):
            places = [at for at, write in enumerate(plan.writes) if write.connection == name]
            mine = Plan([plan.writes[at] for at in places])
            outcomes = await self._hub[name].apply(mine)
            for at, outcome in zip(places, outcomes, strict=True):
                done[at] = _done(plan.writes[at], outcome)
        return [done[at] for at in range(len(plan.writes))]

    async def _afford(self, plan: Plan) -> None:
        """Pay what the CRMs will charge, where the policy limits that."""
        if self._policy.limits.credits_per_day is not None:
            prices = await self.draft.price(plan.writes)
            without = {write.connection for write in plan.writes} - {*prices}
            await self._reach.meter.credits(sum(price.cost for price in prices.values()) + len(without))

    def _digest(self, tool: str, arguments: Mapping[str, object]) -> str:
        whole = json.dumps([tool, arguments], sort_keys=True, default=str).encode()
        return hmac.digest(self._key, whole, "sha256").hex()


def _auto(digest: str) -> str:
    return f"{_AUTO}{digest[:32]}"


def _waiting(approval: Approval) -> Submitted:
    request = approval.request
    state = "approved" if approval.state == "approved" else "pending"
    return Submitted(state, Plan.decode(request.plan.encode()), approval.handle, request.expires_at)


def _plain(done: Done) -> Mapping[str, str | None]:
    return {"status": done.status, "id": done.id, "code": done.code, "field": done.field}


def _done(write: PlannedWrite, outcome: Outcome) -> Done:
    """An outcome without a word of the CRM's."""
    own = outcome.id or write.id
    id_ = None if own is None else f"{write.model}:{write.connection}:{own}"
    problem = outcome.problem
    if outcome.status in {"created", "updated", "unchanged", "unknown", "conflict"}:
        code = {"unknown": "unknown_outcome", "conflict": "conflict"}.get(outcome.status)
        return Done(cast("Literal['updated']", outcome.status), id_, code)
    if problem is not None and problem.code in {NOT_SENT, MOVED}:
        return Done("rejected", id_, problem.code)
    if problem is not None and problem.missing:
        return Done("rejected", id_, "not_found")
    if outcome.id is not None and outcome.id != write.id:
        return Done("rejected", id_, "already_exists")
    return Done("rejected", id_, "invalid_record", problem and problem.field)


_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "unknown": ("there is no such approval", "use the handle as it was given to this agent"),
    "pending": ("nobody has approved it yet", "ask again later; a person decides with: crmhub approvals"),
    "rejected": ("a person has rejected it", "do not ask for the same again"),
    "used": ("it was done already", "read the record to see what came of it"),
    "void": ("something has changed since it was asked for", "read the records and ask for it anew"),
    "policy": ("something has changed since it was asked for", "read the records and ask for it anew"),
    "expired": ("nobody has decided in time, or it was not used in time", "ask for it anew"),
}


def _not(state: str) -> Refused:
    message, hint = _REFUSALS[state]
    code = "void" if state == "policy" else state
    return Refused(
        f"approval_{code}", f"nothing was written: {message}", hint=hint, retryable=state == "pending"
    )

"""Writes that wait for a person, and the ledger of what agents were about to write.

What was asked for and what was decided are sealed, each bound to its row: whoever can write to the
database and has no key can neither change a plan nor make a decision. Every step is a row of the audit
log, in the same transaction.
"""

from __future__ import annotations

import secrets as entropy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, cast

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from crmhub.clock import Clock
from crmhub.errors import StoreError, UsageError
from crmhub.store.audit import Audit
from crmhub.store.chain import canonical
from crmhub.store.database import Database
from crmhub.store.keyring import Keyring
from crmhub.store.secrets import Place
from crmhub.store.tables import agent_write as ledger
from crmhub.store.tables import approval as table

__all__ = ["Approval", "ApprovalState", "Approvals", "Claimed", "Decision", "Request", "Written"]

ApprovalState: TypeAlias = Literal["pending", "approved", "rejected", "used", "void", "expired"]

_KEPT = timedelta(days=30)
"""How long an idempotency key is remembered, and the plan of an approval that is over."""
_encode = msgspec.json.Encoder(order="deterministic").encode


class Request(msgspec.Struct, frozen=True):
    """What waits, as it is sealed."""

    agent: str
    tool: str
    plan: str
    """The plan's canonical JSON."""
    plan_hash: str
    policy: str
    """The version of the policy under which it was asked for."""
    key: str
    """The agent's idempotency key."""
    created_at: datetime
    expires_at: datetime
    subject: str | None = None
    names: dict[str, str] = {}
    """What the records are called that the plan speaks of, by their ids; for people."""


class Decision(msgspec.Struct, frozen=True):
    """What a person decided, as it is sealed."""

    approved: bool
    by: str
    plan_hash: str
    at: datetime


_requests = msgspec.json.Decoder(Request)
_decisions = msgspec.json.Decoder(Decision)


@dataclass(frozen=True, slots=True)
class Approval:
    """One write that waits, or waited, for a person."""

    handle: str
    state: ApprovalState
    request: Request
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What the ledger has of one write, by the agent's key."""

    key: str
    tool: str
    digest: str
    started_at: datetime
    handle: str | None = None
    outcome: str | None = None
    """What came of it, as JSON; ``None`` while nobody knows."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An approval that was used up just now, or why it cannot be."""

    approval: Approval | None
    refused: Literal["unknown", "pending", "rejected", "used", "void", "expired", "policy"] | None = None


class Approvals:
    """Reached as ``store.approvals``."""

    def __init__(self, database: Database, clock: Clock, keyring: Keyring, audit: Audit) -> None:
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._audit = audit

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    async def park(self, request: Request, digest: str, *, by: str | None = None) -> Approval:
        """Keep a write for a person; with ``by`` it is approved already, by a rule of that name.

        Where something waits under its key already, nothing is parked and that is given.
        """
        handle = entropy.token_hex(16)  # never begins like an option of a command line
        now = self._clock.now()
        decision = None if by is None else Decision(True, by, request.plan_hash, now)
        parked = Approval(handle, "approved" if by else "pending", request, decision)
        row = {
            "handle": handle, "agent": request.agent, "tool": request.tool, "plan_hash": request.plan_hash,
            "state": parked.state, "created_at": request.created_at, "expires_at": request.expires_at,
            "decided_at": now if by else None, "decided_by": by,
        }  # fmt: skip

        def keep(connection: Connection) -> Approval:
            known = self._known(connection, request.agent, request.key)
            if known is not None and known.handle is not None:
                there = self._locked(connection, known.handle)
                if there is not None and there.state in {"pending", "approved"}:
                    return there
            self._forget_old(connection, now)
            sealed: dict[str, object] = {"request": self._seal(connection, handle, "request", request)}
            sealed["decision"] = decision and self._seal(connection, handle, "decision", decision)
            connection.execute(insert(table), [{**row, **sealed}])
            self._enter(connection, request, digest, handle, now)
            self._tell(connection, "parked", parked, by=by, expires=request.expires_at.isoformat())
            return parked

        await self._audit.ready()
        return await self._database.write(keep, durable=True, alone=True)

    async def get(self, handle: str) -> Approval | None:
        """The approval of that handle, if there is one."""
        now = self._clock.now()
        return await self._database.read(lambda open_: self._found(open_, handle, now))

    async def listed(self, state: ApprovalState | None = "pending", limit: int = 100) -> Sequence[Approval]:
        """Approvals, oldest first: those that wait, or those in another state; ``None``: all."""
        now = self._clock.now()
        query = select(table.c.handle).order_by(table.c.created_at, table.c.handle)
        if state is not None:
            stored = ("pending", "approved") if state == "expired" else (state,)
            query = query.where(table.c.state.in_(stored))

        def find(connection: Connection) -> list[Approval]:
            handles = connection.execute(query).scalars().all()
            found = [self._found(connection, handle, now) for handle in handles]
            return [each for each in found if each is not None and state in {None, each.state}][:limit]

        return await self._database.read(find)

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────

    async def decide(self, handle: str, approved: bool, by: str, plan_hash: str | None = None) -> Approval:
        """Approve or reject what waits; ``by`` is who does. ``plan_hash`` demands that it is this plan.

        Raises :class:`UsageError` where nothing waits under that handle, or not that plan.
        """
        now = self._clock.now()

        def settle(connection: Connection) -> Approval:
            found = self._locked(connection, handle)
            if found is None:
                raise UsageError("no approval has that handle", hint="crmhub approvals list")
            if found.state != "pending":
                raise UsageError(f"it does not wait any more: it is {found.state}")
            if plan_hash is not None and plan_hash != found.request.plan_hash:
                raise UsageError("it is another plan than the one with that hash", hint="look at it again")
            decision = Decision(approved, by, found.request.plan_hash, now)
            state = "approved" if approved else "rejected"
            sealed = self._seal(connection, handle, "decision", decision)
            values = {"state": state, "decided_at": now, "decided_by": by, "decision": sealed}
            connection.execute(update(table).where(table.c.handle == handle).values(values))
            done = Approval(handle, state, found.request, decision)
            self._tell(connection, state, done, by=by)
            return done

        await self._audit.ready()
        return await self._database.write(settle, durable=True)

    async def void(self, handle: str, why: str) -> None:
        """Make it good for nothing any more, since what it was about has changed; ``why`` in our words."""

        def end(connection: Connection) -> None:
            found = self._locked(connection, handle)
            if found is not None and found.state in {"pending", "approved"}:
                connection.execute(update(table).where(table.c.handle == handle).values(state="void"))
                self._tell(connection, "void", found, why=why)

        await self._audit.ready()
        await self._database.write(end, durable=True)

    async def tell(self, handle: str, step: str, **told: object) -> None:
        """Write a step that changes nothing into the audit log: that a person was asked, for one."""
        found = await self.get(handle)
        if found is not None:
            body = _step(step, found, self._clock.now(), told)
            await self._audit.append(body)

    # ── using ────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, handle: str, agent: str, policy: str) -> Claimed:
        """Use up what was approved, for the agent that asked and under the policy that it asked under.

        The write-ahead entry of the ledger is in the same transaction: it works once, whoever else tries.
        """
        now = self._clock.now()

        def use(connection: Connection) -> Claimed:
            found = self._locked(connection, handle)
            if found is None or found.request.agent != agent:
                return Claimed(None, "unknown")
            if found.state != "approved":
                return Claimed(found, found.state)
            if found.request.policy != policy:
                return Claimed(found, "policy")
            known = self._known(connection, agent, found.request.key)
            if known is not None and known.handle == handle and known.outcome is not None:
                return Claimed(found, "used")
            connection.execute(update(table).where(table.c.handle == handle).values(state="used"))
            mine = (ledger.c.agent == agent) & (ledger.c.key == found.request.key)
            connection.execute(update(ledger).where(mine).values(started_at=now, outcome=None))
            self._tell(connection, "used", found)
            return Claimed(found)

        await self._audit.ready()
        return await self._database.write(use, durable=True)

    async def begin(self, agent: str, key: str, tool: str, digest: str) -> Written | None:
        """Enter a write into the ledger before it is sent; ``None``: go on. Else what the key stands for.

        It is on the disk when this returns.
        """
        now = self._clock.now()

        def enter(connection: Connection) -> Written | None:
            known = self._known(connection, agent, key)
            if known is None:
                self._forget_old(connection, now)
                row = {"agent": agent, "key": key, "tool": tool, "digest": digest, "started_at": now}
                connection.execute(insert(ledger), [{**row, "handle": None, "outcome": None}])
            return known

        return await self._database.write(enter, durable=True, alone=True)

    async def known(self, agent: str, key: str) -> Written | None:
        """What the agent's key stands for, if anything."""
        return await self._database.read(lambda open_: self._known(open_, agent, key, lock=False))

    async def end(self, agent: str, key: str, outcome: str | None) -> None:
        """Keep what came of a write; ``None`` forgets the key, since nothing was sent."""
        mine = (ledger.c.agent == agent) & (ledger.c.key == key)
        statement = delete(ledger) if outcome is None else update(ledger).values(outcome=outcome)
        await self._database.write(lambda open_: open_.execute(statement.where(mine)), durable=True)

    # ── how ──────────────────────────────────────────────────────────────────────────────────────

    def _enter(
        self, connection: Connection, request: Request, digest: str, handle: str, now: datetime
    ) -> None:
        mine = (ledger.c.agent == request.agent) & (ledger.c.key == request.key)
        connection.execute(delete(ledger).where(mine))
        row = {"agent": request.agent, "key": request.key, "tool": request.tool, "digest": digest}
        connection.execute(insert(ledger), [{**row, "handle": handle, "started_at": now, "outcome": None}])

    def _known(self, connection: Connection, agent: str, key: str, *, lock: bool = True) -> Written | None:
        query = select(ledger).where(ledger.c.agent == agent, ledger.c.key == key)
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        if row is None:
            return None
        return Written(
            row["key"], row["tool"], row["digest"], row["started_at"], row["handle"], row["outcome"]
        )

    def _forget_old(self, connection: Connection, now: datetime) -> None:
        connection.execute(delete(ledger).where(ledger.c.started_at < now - _KEPT))
        connection.execute(delete(table).where(table.c.expires_at < now - _KEPT))

    def _locked(self, connection: Connection, handle: str) -> Approval | None:
        return self._found(connection, handle, self._clock.now(), lock=True)

    def _found(
        self, connection: Connection, handle: str, now: datetime, *, lock: bool = False
    ) -> Approval | None:
        query = select(table).where(table.c.handle == handle)
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        return None if row is None else self._approval(connection, row, now)

    def _approval(self, connection: Connection, row: RowMapping, now: datetime) -> Approval:
        """The approval as what is sealed tells it; what stands beside it only helps to find it."""
        handle = row["handle"]
        request = _requests.decode(self._open(connection, handle, "request", row["request"]))
        sealed = row["decision"]
        decision = (
            None if sealed is None else _decisions.decode(self._open(connection, handle, "decision", sealed))
        )
        state = cast("ApprovalState", row["state"])
        if state == "approved" and not _is_granted(decision, request):
            raise StoreError(
                "the stored approval says that it was approved, and nobody did", hint="crmhub audit verify"
            )
        if state in {"pending", "approved"} and request.expires_at <= now:
            state = "expired"
        return Approval(handle, state, request, decision)

    def _seal(self, connection: Connection, handle: str, field: str, what: msgspec.Struct) -> str:
        return self._keyring.seal(connection, _encode(what), Place("approval", handle, field))

    def _open(self, connection: Connection, handle: str, field: str, sealed: str) -> bytes:
        return self._keyring.open_here(connection, sealed, Place("approval", handle, field))

    def _tell(self, connection: Connection, step: str, approval: Approval, **told: object) -> None:
        self._audit.add(connection, [canonical(_step(step, approval, self._clock.now(), told))])


def _is_granted(decision: Decision | None, request: Request) -> bool:
    return decision is not None and decision.approved and decision.plan_hash == request.plan_hash


def _step(step: str, approval: Approval, at: datetime, told: Mapping[str, object]) -> Mapping[str, object]:
    request = approval.request
    body: dict[str, object] = {
        "kind": f"approval.{step}", "at": at.isoformat(), "handle": approval.handle,
        "agent": request.agent, "tool": request.tool, "plan": request.plan_hash,
    }  # fmt: skip
    return body | {name: value for name, value in told.items() if value is not None}

"""The audit log: rows in a chain, appended by any number of processes, read by whoever verifies.

What a row says is its writer's affair (:mod:`crmhub.agent.audit`); here it is canonical JSON.
"""

from __future__ import annotations

import secrets as entropy
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

import anyio
from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from crmhub.clock import Clock
from crmhub.errors import StoreError, UsageError
from crmhub.store.chain import (
    KEY_CHANGED,
    PRUNED,
    RESTORED,
    START,
    Chained,
    Head,
    Verified,
    Walk,
    canonical,
    kind_of,
    mac_of,
)
from crmhub.store.database import Database
from crmhub.store.named_keys import NamedKeys
from crmhub.store.tables import audit_head, audit_log

__all__ = ["STREAM", "Audit", "AuditEntry", "Entry"]

STREAM = "agents"
"""The stream that all that agents do goes to."""

_AT_ONCE = 500
_HEAD = select(audit_head.c.seq, audit_head.c.kid, audit_head.c.mac).where(audit_head.c.stream == STREAM)
_HEAD_TO_MOVE = _HEAD.with_for_update()
_MOVE = (
    update(audit_head)
    .where(audit_head.c.stream == STREAM)
    .values(seq=bindparam("to"), mac=bindparam("made"), kid=bindparam("with"))
)
_INSERT = insert(audit_log)
_ROWS = select(audit_log).where(audit_log.c.stream == STREAM).order_by(audit_log.c.seq)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row that was read: its number, its mac and what it says, as JSON text."""

    seq: int
    mac: str
    body: str


@dataclass(slots=True)
class Entry:
    """Rows that wait to be appended, and what became of them."""

    bodies: Sequence[str]
    durable: bool
    after: Entry | None = None
    """Without those rows these mean nothing, and are not stored either."""
    is_stored: bool = False
    error: StoreError | None = None


class Audit:
    """Reached as ``store.audit``."""

    def __init__(self, database: Database, clock: Clock, keys: NamedKeys) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys
        self._known: dict[str, bytes] = {}
        self._waiting: list[Entry] = []
        self._turn = anyio.Lock()
        self._is_begun = False
        self.latest: Head | None = None
        """Where the log stood after the last rows of this process."""

    # ── appending ────────────────────────────────────────────────────────────────────────────────

    def put(self, *bodies: Mapping[str, object], durable: bool = False, after: Entry | None = None) -> Entry:
        """Leave rows for whoever appends next, in this order; :meth:`flush` waits for them.

        Where those of ``after`` could not be stored, these are not either.
        """
        entry = Entry([canonical(body) for body in bodies], durable, after)
        self._waiting.append(entry)
        return entry

    async def append(self, *bodies: Mapping[str, object], durable: bool = True) -> None:
        """Append rows. When this returns they survive the process; ``durable`` ones a power cut too.

        Raises :class:`~crmhub.errors.StoreError` when they could not be stored.
        """
        await self.flush(self.put(*bodies, durable=durable))

    async def flush(self, *entries: Entry) -> None:
        """Wait until these are stored. What others have left meanwhile goes in the same transaction."""
        async with self._turn:
            if not all(entry.is_stored or entry.error for entry in entries):
                with anyio.CancelScope(shield=True):  # others wait for their rows too
                    await self._write()
        for entry in entries:
            if entry.error is not None:
                raise entry.error
            if not entry.is_stored:  # whoever wrote them was stopped by something that nobody foresaw
                raise StoreError("the rows for the audit log were lost", hint="make the call again")

    async def flush_rest(self) -> None:
        """Store what was left by those who did not wait."""
        await self.flush(*self._waiting)

    async def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        for entry in waiting:
            entry.error = entry.after and entry.after.error
        entries = [entry for entry in waiting if entry.error is None]
        bodies = [body for entry in entries for body in entry.bodies]
        if not bodies:
            return
        try:
            await self.ready()
            self.latest = await self._database.write(
                lambda open_: self.add(open_, bodies), durable=any(entry.durable for entry in entries)
            )
        except StoreError as error:
            for entry in entries:
                entry.error = error
        else:
            for entry in entries:
                entry.is_stored = True

    async def ready(self) -> None:
        """See to it that there is a chain to append to; :meth:`add` needs it once in a process."""
        if self._is_begun:
            return
        if await self._database.read(lambda open_: open_.execute(_HEAD).first()) is None:
            await self._database.write(self._begin, durable=True, alone=True)
        self._is_begun = True

    def add(self, connection: Connection, bodies: Sequence[str]) -> Head:
        """Append rows within a write transaction of the caller's, after :meth:`ready`; the new head."""
        head = self._locked(connection)
        key, mac = self._key(connection, head.kid), head.mac
        rows: list[dict[str, object]] = []
        for seq, body in enumerate(bodies, head.seq + 1):
            mac = mac_of(key, mac, STREAM, seq, body)
            rows.append({"stream": STREAM, "seq": seq, "kid": head.kid, "mac": mac, "body": body})
        if rows:
            connection.execute(_INSERT, rows)
            connection.execute(_MOVE, {"to": head.seq + len(rows), "made": mac, "with": head.kid})
        return Head(STREAM, head.seq + len(rows), mac)

    def _begin(self, connection: Connection) -> None:
        if connection.execute(_HEAD).first() is None:
            kid = self._new_key(connection)
            row = {"stream": STREAM, "seq": 0, "kid": kid, "mac": START}
            connection.execute(insert(audit_head), [row])

    def _locked(self, connection: Connection) -> Chained:
        """Where the chain stands; nobody else appends before the transaction ends."""
        row = connection.execute(_HEAD_TO_MOVE).first()
        if row is None:
            raise StoreError(
                "the audit log's head is gone",
                hint="restore the store; `crmhub audit verify` tells what is left",
            )
        return Chained(row.seq, row.kid, row.mac, "")

    def _key(self, connection: Connection, kid: str) -> bytes:
        if kid not in self._known:
            found = self._keys.find(connection, _name(kid))
            if found is None:
                raise StoreError("the audit log's key is gone", hint="restore the store from a backup")
            self._known[kid] = found
        return self._known[kid]

    def _new_key(self, connection: Connection) -> str:
        kid = entropy.token_hex(4)
        self._known[kid] = self._keys.make(connection, _name(kid))
        return kid

    # ── what is done to the log itself, and stands in it ─────────────────────────────────────────

    async def change_key(self) -> None:
        """Go on with a new key, so that whoever had the former one can make no more rows.

        A log that has no rows yet needs none.
        """
        at = self._now()

        def change(connection: Connection) -> None:
            if connection.execute(_HEAD).first() is None:
                return
            kid = self._new_key(connection)
            self.add(connection, [canonical({"kind": KEY_CHANGED, "at": at, "next": kid})])
            connection.execute(update(audit_head).where(audit_head.c.stream == STREAM).values(kid=kid))

        await self._database.write(change, durable=True, alone=True)

    async def prune(self, first: int, by: str) -> int:
        """Remove the rows before ``first``, which becomes the oldest; how many. ``by`` is who does it.

        Raises :class:`~crmhub.errors.UsageError` when there is no such row.
        """
        at = self._now()

        def prune(connection: Connection) -> int:
            last = connection.execute(_row(first - 1)).first()
            if last is None or connection.execute(_row(first)).first() is None:
                raise UsageError(f"the audit log has no row {first} with rows before it")
            told = {"kind": PRUNED, "at": at, "first": first, "before": last.mac, "by": by}
            self.add(connection, [canonical(told)])
            older = (audit_log.c.stream == STREAM) & (audit_log.c.seq < first)
            return connection.execute(delete(audit_log).where(older)).rowcount

        await self.ready()
        return await self._database.write(prune, durable=True)

    async def restored(self, published: Head, by: str) -> None:
        """Say in the log that the store came from a backup and lost the rows up to a published head.

        Raises :class:`~crmhub.errors.UsageError` when the log has that row.
        """
        at = self._now()

        def tell(connection: Connection) -> None:
            head = self._locked(connection)
            row = connection.execute(_row(published.seq)).first()
            if row is not None and row.mac == published.mac:
                raise UsageError("nothing was lost: the log has the row of that head")
            lost = {"lost": published.seq, "mac": published.mac}
            told = {"kind": RESTORED, "at": at, "kept": head.seq, "by": by}
            self.add(connection, [canonical({**told, **lost})])

        await self.ready()
        await self._database.write(tell, durable=True)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    async def head(self) -> Head:
        """Where the log stands. Kept elsewhere, it shows later that nothing was cut off."""
        row = await self._database.read(lambda open_: open_.execute(_HEAD).first())
        return Head(STREAM, 0, START) if row is None else Head(STREAM, row.seq, row.mac)

    async def verify(self, published: Head | None = None) -> Verified:
        """Check every row, and against a head that was published; nothing is changed."""
        if published is not None and published.stream != STREAM:
            raise UsageError(f"this head is of another log than {STREAM!r}")
        return await self._database.read(lambda open_: self._verified(open_, published))

    async def entries(self, since: int = 0) -> AsyncGenerator[AuditEntry]:
        """The rows after the number ``since``, in order, some at a time."""
        while True:
            query = _ROWS.where(audit_log.c.seq > since).limit(_AT_ONCE)
            rows = await self._database.read(lambda open_, query=query: open_.execute(query).all())
            for row in rows:
                yield AuditEntry(row.seq, row.mac, row.body)
            if len(rows) < _AT_ONCE:
                return
            since = rows[-1].seq

    def _verified(self, connection: Connection, published: Head | None) -> Verified:
        walk = Walk(STREAM, lambda kid: self._key_if_any(connection, kid), published, _anchor(connection))
        for rows in connection.execute(_ROWS).yield_per(_AT_ONCE).partitions():
            walk.feed(Chained(row.seq, row.kid, row.mac, row.body) for row in rows)
        head = connection.execute(_HEAD).first()
        return walk.done((0, START) if head is None else (head.seq, head.mac))

    def _key_if_any(self, connection: Connection, kid: str) -> bytes | None:
        try:
            return self._key(connection, kid)
        except StoreError:
            return None

    def _now(self) -> str:
        return self._clock.now().isoformat()


def _anchor(connection: Connection) -> tuple[int, str]:
    """The oldest row that is kept, and the mac before it, as a row that will be checked tells."""
    first = connection.execute(select(func.min(audit_log.c.seq)).where(audit_log.c.stream == STREAM)).scalar()
    if first is None or first == 1:
        return 1, START
    speaks = audit_log.c.body.contains(f'"kind":"{PRUNED}"')
    for (body,) in connection.execute(select(audit_log.c.body).where(audit_log.c.stream == STREAM, speaks)):
        told = kind_of(body, PRUNED)
        if told is not None and told["first"] == first:
            return first, str(told["before"])
    return 1, START


def _row(seq: int) -> Select[str]:
    return select(audit_log.c.mac).where(audit_log.c.stream == STREAM, audit_log.c.seq == seq)


def _name(kid: str) -> str:
    return f"audit {kid}"

"""Limits that several processes keep together: how fast, and how many at once.

A rate is one number for each limit, as in :mod:`crmhub.http.limits` (GCRA, ATM Forum TM 4.0), moved
on by one upsert under the row's lock. Time is the database's where it has one of its own, since machines
do not agree; on a simulated clock and in a file it is the clock that was given.
"""

from __future__ import annotations

import secrets as entropy
from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Insert,
    bindparam,
    case,
    delete,
    insert,
    literal_column,
    select,
)

from crmhub.clock import Clock
from crmhub.http import Booking, Limit
from crmhub.store.database import Database, has_own_time
from crmhub.store.owner import Process, is_gone, this_process
from crmhub.store.tables import quota as table
from crmhub.store.tables import quota_slot as slots_table
from crmhub.store.upsert import upsert

__all__ = ["Quotas", "time_of_server"]

_SET_BACK = 1.0
"""By how many seconds a clock must go back to be taken for one that was set."""
_BOOKED = select(table.c.due, table.c.seen).where(
    table.c.connection == bindparam("of"), table.c.name == bindparam("limit")
)


class _Spent(NamedTuple):
    """What a booking came to: the seconds until the units may be used, and the time it was made."""

    limit: str
    wait: float
    now: float


class Quotas:
    """Reached as ``store.quotas``; a :class:`crmhub.http.QuotaStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def book(
        self, connection: str, limits: Sequence[Limit], calls: int, hold: float | None = None
    ) -> Booking:
        """Book so many calls of each limit that has a rate, at once.

        With ``hold`` a slot of each limit with a concurrency is taken too, for at most so many seconds
        after the wait.
        """
        narrow = sorted((limit for limit in limits if hold and limit.concurrency), key=_name)
        rest = sorted((limit for limit in limits if limit.rate and limit not in narrow), key=_name)
        # Rows are locked in one order by everybody, else they would wait for each other.
        rated = [limit for limit in (*narrow, *rest) if limit.rate]
        if not narrow and not rated:
            return Booking()

        def run(open_: Connection) -> Booking:
            spent: list[_Spent] = []
            for limit in narrow:
                spent.append(self._spend(open_, connection, limit, 0))
                if _is_full(open_, connection, limit, spent[-1].now):
                    return Booking(limit=limit.name, full=True)
            spent += [self._spend(open_, connection, limit, calls) for limit in rated]
            latest = max(spent, key=lambda each: each.wait)
            slot = None
            if narrow and hold:
                slot = _take(open_, connection, narrow, latest.now + latest.wait + hold)
            return Booking(latest.wait, latest.limit if latest.wait else "", slot)

        return await self._database.write(run)

    async def free(self, connection: str, slots: Collection[str]) -> None:
        """Give slots back; those that have ended by themselves are no mistake."""
        mine = (slots_table.c.connection == connection) & slots_table.c.slot.in_(list(slots))
        await self._database.write(lambda open_: open_.execute(delete(slots_table).where(mine)))

    def _spend(self, open_: Connection, connection: str, limit: Limit, calls: int) -> _Spent:
        interval = limit.per / limit.rate if limit.rate else 0.0
        values = {
            "of": connection,
            "limit": limit.name,
            "at": self._clock.now().timestamp(),  # asked for under the lock, so that it goes forward
            "spent": calls * interval,
        }
        statement = _booking(open_.dialect.name, own_time=has_own_time(open_))
        if open_.dialect.insert_returning:
            due, now = open_.execute(statement.returning(table.c.due, table.c.seen), values).one()
        else:  # SQLite before 3.35
            open_.execute(statement, values)
            due, now = open_.execute(_BOOKED, values).one()
        return _Spent(limit.name, max(due - limit.burst * interval - now, 0.0) if interval else 0.0, now)


def _is_full(open_: Connection, connection: str, limit: Limit, now: float) -> bool:
    """Whether every slot is taken by a call of a living process that is not over yet."""
    columns = slots_table.c
    own = (columns.connection == connection) & (columns.name == limit.name)
    open_.execute(delete(slots_table).where(own, columns.until <= now))
    taken = open_.execute(select(slots_table).where(own)).all()
    if len(taken) < (limit.concurrency or 0):
        return False
    gone = [row.slot for row in taken if is_gone(Process("", row.machine, row.pid, row.process))]
    if gone:
        open_.execute(delete(slots_table).where(own, columns.slot.in_(gone)))
    return len(taken) - len(gone) >= (limit.concurrency or 0)


def _take(open_: Connection, connection: str, limits: Sequence[Limit], until: float) -> str:
    me, slot = this_process(), entropy.token_hex(8)
    row = {"connection": connection, "slot": slot, "until": until}
    process = {"machine": me.machine, "pid": me.pid, "process": me.started}
    open_.execute(insert(slots_table), [{**row, **process, "name": limit.name} for limit in limits])
    return slot


@cache
def _booking(dialect: str, *, own_time: bool) -> Insert:
    """Move the limit's time on. After the clock was set back, the row is taken back with it."""
    now: ColumnElement[float] = time_of_server() if own_time else bindparam("at", type_=Double)
    spent = bindparam("spent", type_=Double)
    was = case(
        (table.c.seen > now + _SET_BACK, table.c.due - (table.c.seen - now)),
        else_=table.c.due,
    )
    due = case((was > now, was), else_=now) + spent
    statement = upsert(
        dialect, table, set_=cast("dict[str, ColumnElement[object]]", {"due": due, "seen": now})
    )
    return statement.values(connection=bindparam("of"), name=bindparam("limit"), due=now + spent, seen=now)


def time_of_server() -> ColumnElement[float]:
    """The database's own clock, in seconds since 1970."""
    return literal_column("extract(epoch from clock_timestamp())", Double)


def _name(limit: Limit) -> str:
    return limit.name

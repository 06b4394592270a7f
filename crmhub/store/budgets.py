"""What connections have spent of their budgets, by all processes; see :mod:`crmhub.http.budget`.

The row of a budget is locked by everybody who spends from it, so that they take turns.
"""

from __future__ import annotations

from functools import cache
from typing import cast

from sqlalchemy import ColumnElement, Connection, Double, Insert, bindparam, delete, select, update

from crmhub.clock import Clock
from crmhub.http.budget import (
    FRESH,
    Allowance,
    Budget,
    Spent,
    Use,
    counts_until,
    missing,
    spent_of,
    told_by_reply,
)
from crmhub.store.database import Database, has_own_time
from crmhub.store.quotas import time_of_server
from crmhub.store.tables import budget as table
from crmhub.store.tables import budget_use as uses_table
from crmhub.store.upsert import excluded, upsert

__all__ = ["Budgets"]

_ROW = select(table).where(table.c.connection == bindparam("of"), table.c.name == bindparam("budget"))
_USES = select(uses_table.c.until, uses_table.c.units, uses_table.c.others).where(
    uses_table.c.connection == bindparam("of"), uses_table.c.name == bindparam("budget")
)


class Budgets:
    """Reached as ``store.budgets``; a :class:`crmhub.http.BudgetStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def spend(self, connection: str, budget: Budget, cost: int, *, urgent: bool) -> Spent:
        """See :class:`crmhub.http.BudgetStore`."""

        def run(open_: Connection) -> Spent:
            now, allowance, uses = self._locked(open_, connection, budget)
            spent = spent_of(budget, uses, allowance, cost, now, urgent=urgent)
            if cost and not spent.wait:
                use = {"until": counts_until(now, budget.window), "others": 0, "units": cost}
                open_.execute(_spending(open_.dialect.name), _key(connection, budget) | use)
            return spent

        return await self._database.write(run)

    async def told(self, connection: str, budget: Budget, allowance: Allowance) -> None:
        """See :class:`crmhub.http.BudgetStore`."""

        def run(open_: Connection) -> None:
            now, _, _ = self._locked(open_, connection, budget)
            self._keep(open_, connection, budget, allowance, now)

        await self._database.write(run)

    async def left(self, connection: str, budget: Budget, units: int) -> None:
        """See :class:`crmhub.http.BudgetStore`."""

        def run(open_: Connection) -> None:
            now, allowance, uses = self._locked(open_, connection, budget)
            others = missing(budget, uses, allowance, units)
            if others is None:
                own = sum(use.units for use in uses)
                self._keep(open_, connection, budget, told_by_reply(allowance, own, units), now)
                return
            columns = uses_table.c
            theirs = (
                (columns.connection == connection) & (columns.name == budget.name) & (columns.others == 1)
            )
            open_.execute(delete(uses_table).where(theirs))
            if others:
                use = {"until": counts_until(now, budget.window), "others": 1, "units": others}
                open_.execute(_spending(open_.dialect.name), _key(connection, budget) | use)

        await self._database.write(run)

    def _locked(
        self, open_: Connection, connection: str, budget: Budget
    ) -> tuple[float, Allowance | None, list[Use]]:
        """The time, what is granted, and the uses that count; nobody else changes them meanwhile."""
        key = {"of": connection, "budget": budget.name}
        statement = _locking(open_.dialect.name, own_time=has_own_time(open_))
        open_.execute(statement, key | {"at": self._clock.now().timestamp()})
        row = open_.execute(_ROW, key).one()
        now = float(row.seen)
        uses = [Use(until, units, bool(others)) for until, units, others in open_.execute(_USES, key)]
        if any(use.until <= now for use in uses):
            open_.execute(delete(uses_table).where(_of(connection, budget), uses_table.c.until <= now))
            uses = [use for use in uses if use.until > now]
        known = row.told is not None and now < row.told + FRESH
        return now, Allowance(row.most, row.concurrency, row.why) if known else None, uses

    def _keep(
        self, open_: Connection, connection: str, budget: Budget, allowance: Allowance, now: float
    ) -> None:
        mine = (table.c.connection == connection) & (table.c.name == budget.name)
        values = {"most": allowance.most, "concurrency": allowance.concurrency, "why": allowance.why}
        open_.execute(update(table).where(mine).values(**values, told=now))


def _of(connection: str, budget: Budget) -> ColumnElement[bool]:
    return (uses_table.c.connection == connection) & (uses_table.c.name == budget.name)


def _key(connection: str, budget: Budget) -> dict[str, object]:
    return {"connection": connection, "name": budget.name}


@cache
def _locking(dialect: str, *, own_time: bool) -> Insert:
    now: ColumnElement[float] = time_of_server() if own_time else bindparam("at", type_=Double)
    set_ = cast("dict[str, ColumnElement[object]]", {"seen": now})
    statement = upsert(dialect, table, set_=set_, only=("seen",))
    return statement.values(connection=bindparam("of"), name=bindparam("budget"), why="", seen=now)


@cache
def _spending(dialect: str) -> Insert:
    set_ = cast("dict[str, ColumnElement[object]]", {"units": uses_table.c.units + excluded("units")})
    return upsert(dialect, uses_table, set_=set_, only=("units",))

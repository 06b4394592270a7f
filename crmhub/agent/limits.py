"""How much an agent may do, kept together by all processes that share the store.

What is spent is booked in the store's budgets, a little ahead: a process takes a small lot of the rest and
hands it out itself, so that most calls need no transaction. Lots only ever make a limit tighter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import anyio

from crmhub.agent.answers import Refused
from crmhub.agent.policy.language import Limits
from crmhub.clock import Clock
from crmhub.http.budget import Budget, BudgetStore

__all__ = ["AgentMeter", "Meters"]

_LOTS: Final = 20
"""A lot is so small a part of a limit, and lives for so small a part of its window."""
_MINUTE: Final = 60.0
_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0


@dataclass(slots=True)
class _Lot:
    left: int = 0
    until: float = 0.0


class _Limit:
    """One limit of one agent."""

    def __init__(
        self, owner: str, name: str, most: int, window: float, store: BudgetStore, clock: Clock
    ) -> None:
        self.name = name
        self.most = most
        self._owner = owner
        self._budget = Budget(name, most=most, reserve=0.0, window=window)
        self._store = store
        self._clock = clock
        self._lot = _Lot()
        self._lock = anyio.Lock()

    async def spend(self, count: int) -> None:
        """Spend so many. Raises :class:`Refused`, nothing spent, where there are not as many left."""
        if count == 0:
            return
        async with self._lock:
            now = self._clock.monotonic()
            if self._lot.until <= now:
                self._lot = _Lot()
            if self._lot.left >= count:
                self._lot.left -= count
                return
            wanted = count - self._lot.left
            lot = max(wanted, self.most // _LOTS)
            wait = await self._book(lot)
            if wait and lot > wanted:
                lot = wanted
                wait = await self._book(lot)
            if wait:
                raise self._used_up(count, wait)
            self._lot = _Lot(self._lot.left + lot - count, now + self._budget.window / _LOTS)

    async def _book(self, count: int) -> float:
        if count > self.most:
            return math.inf
        return (await self._store.spend(self._owner, self._budget, count, urgent=True)).wait

    def _used_up(self, count: int, wait: float) -> Refused:
        per = {_MINUTE: "minute", _HOUR: "hour", _DAY: "day"}[self._budget.window]
        never = math.isinf(wait)
        return Refused(
            "limit_reached",
            f"this agent may use {self.most} {self.name} per {per}"
            + (f"; {count} at once are too many" if never else ", and has used them"),
            hint="ask for fewer" if never else "go on later, or ask for less",
            retryable=not never,
            retry_after=None if never else wait,
        )


class AgentMeter:
    """The limits of one agent under one policy; see :class:`crmhub.agent.reach.Meter`."""

    def __init__(self, agent: str, limits: Limits, store: BudgetStore, clock: Clock) -> None:
        owner = f"agent:{agent}"
        self._calls = _Limit(owner, "calls", limits.calls_per_minute, _MINUTE, store, clock)
        self._records = _Limit(owner, "records", limits.records_per_hour, _HOUR, store, clock)
        self._writes = None
        if limits.writes_per_day:
            self._writes = _Limit(owner, "writes", limits.writes_per_day, _DAY, store, clock)
        self._credits = None
        if limits.credits_per_day is not None:
            self._credits = _Limit(owner, "credits", limits.credits_per_day, _DAY, store, clock)

    async def calls(self, count: int = 1) -> None:
        """So many calls are about to be made."""
        await self._calls.spend(count)

    async def records(self, count: int) -> None:
        """So many records are about to be handed out."""
        await self._records.spend(count)

    async def writes(self, count: int = 1) -> None:
        """So many calls that write are about to be made."""
        if self._writes is None:
            raise Refused(
                "limit_reached", "this agent may not write", hint="its policy allows 0 writes a day"
            )
        await self._writes.spend(count)

    async def credits(self, count: int) -> None:
        """So many units of a CRM's allowance are about to be spent."""
        if self._credits is not None:
            await self._credits.spend(count)


class Meters:
    """The meters of all agents of this process."""

    def __init__(self, store: BudgetStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._meters: dict[tuple[str, Limits], AgentMeter] = {}

    def of(self, agent: str, limits: Limits) -> AgentMeter:
        """The meter of an agent."""
        key = (agent, limits)
        if key not in self._meters:
            self._meters[key] = AgentMeter(agent, limits, self._store, self._clock)
        return self._meters[key]

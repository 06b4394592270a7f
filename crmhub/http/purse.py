"""What one connection spends from its budget: before each call, and after what its reply tells."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from crmhub.clock import Clock
from crmhub.errors import ConnectorError, PermissionDenied, QuotaExceeded, StoreError, Where
from crmhub.events import Events
from crmhub.http.budget import Allowance, Budget, BudgetStore, Spent
from crmhub.http.response import Response

__all__ = ["Purse"]

_MARKS = (50, 80, 100)
"""Per cent, each of which is told when it is reached."""
_ASK_AGAIN = 60.0
"""Seconds after which the allowance is asked for again where something kept it from being told."""


class Purse:
    """Spends from one budget for one connection; see :class:`~crmhub.http.budget.Budget`."""

    def __init__(
        self, budget: Budget, store: BudgetStore, *, connection: str, clock: Clock, events: Events
    ) -> None:
        self._budget = budget
        self._store = store
        self._connection = connection
        self._owner = budget.owner or connection
        self._clock = clock
        self._events = events
        self._calls = 0
        self._asking = False
        self._ask_from = -math.inf
        self._told = 0
        self._last = Spent()

    async def spend(self, path: str | None, cost: int) -> None:
        """Spend the units of a call to that path, or by another way (``None``).

        Raises ``QuotaExceeded``, with nothing spent, when such a call may not use as many.
        """
        if not cost or (path is not None and not path.startswith(self._budget.prefix)):
            return
        self._calls += 1
        if self._wants_to_ask():
            await self._ask()
        urgent = self._budget.urgent()
        spent = self._note(await self._store.spend(self._owner, self._budget, cost, urgent=urgent))
        self._tell(spent, cost if spent.wait else 0)
        if spent.wait:
            raise self._used_up(spent, cost, urgent=urgent)

    async def heard(self, path: str, response: Response) -> None:
        """Take in what a reply says is granted and left.

        Its call has its result: a store that fails must not take it.
        """
        if not path.startswith(self._budget.prefix):
            return
        granted, known = self._budget.grants(response), self._last.allowance
        if granted is not None and granted.most != (known and known.most):
            with suppress(StoreError):
                await self._store.told(self._owner, self._budget, granted)
            self._note(replace(self._last, allowance=granted))
        left = self._budget.left(response)
        most = self.most
        if left is None or (most is not None and most - left == self._last.used):
            return
        with suppress(StoreError):
            await self._store.left(self._owner, self._budget, left)

    async def look(self, *, ask: bool) -> Spent:
        """What is spent now; the allowance is asked for where nobody knows it and ``ask`` says so."""
        spent = self._note(await self._store.spend(self._owner, self._budget, 0, urgent=True))
        if ask and spent.allowance is None:
            untold = await self._ask()
            spent = self._note(await self._store.spend(self._owner, self._budget, 0, urgent=True))
            return replace(spent, allowance=spent.allowance or untold)
        return spent

    @property
    def budget(self) -> Budget:
        """The settings."""
        return self._budget

    @property
    def most(self) -> int | None:
        """All units of the window, as far as is known."""
        return self._budget.most or (self._last.allowance.most if self._last.allowance else None)

    def _wants_to_ask(self) -> bool:
        """Whether it is time to find out the allowance: not for a few calls."""
        if self._budget.ask is None or self._asking or self._last.allowance is not None:
            return False
        if self._clock.monotonic() < self._ask_from:
            return False
        return self._calls > self._budget.ask_after or self._last.used >= self._budget.ask_at

    async def _ask(self) -> Allowance | None:
        """Find out the allowance, unless somebody else has in the meantime.

        What keeps it from being told for now is given back, and nobody else has to believe it.
        """
        if self._budget.ask is None:
            return None
        self._asking = True  # what asking costs is spent as well
        try:
            now = self._note(await self._store.spend(self._owner, self._budget, 0, urgent=True))
            if now.allowance is not None:
                return None
            try:
                allowance = await self._budget.ask()
            except PermissionDenied as error:
                allowance = Allowance(why=f"not known: {error.what}")
            except ConnectorError as error:
                self._ask_from = self._clock.monotonic() + _ASK_AGAIN
                return Allowance(why=f"not known: {error.what}")
            await self._store.told(self._owner, self._budget, allowance)
            self._note(Spent(now.used, now.others, allowance))
            return None
        finally:
            self._asking = False

    def _note(self, spent: Spent) -> Spent:
        if spent.allowance is not None and spent.allowance != self._last.allowance:
            self._budget.granted(spent.allowance)
        self._last = spent
        return spent

    def _tell(self, spent: Spent, refused: int) -> None:
        """``quota.used``: another mark is reached; once each until it is left again."""
        most = self.most
        if most is None:
            return
        reached = max((mark for mark in _MARKS if (spent.used + refused) * 100 >= mark * most), default=0)
        if reached > self._told:
            self._events.emit(
                "quota.used",
                connection=self._connection,
                budget=self._budget.name,
                percent=reached,
                used=spent.used,
                most=most,
            )
        self._told = reached

    def _used_up(self, spent: Spent, cost: int, *, urgent: bool) -> QuotaExceeded:
        most, name = self.most or 0, self._budget.name
        at = self._clock.now() + timedelta(seconds=math.ceil(spent.wait))
        hours = f"{self._budget.window / 3_600:g} hours"
        kept = 0 if urgent else most - self._budget.open_to(most, urgent=False)
        what = f"{spent.used:,} of {most:,} {name} of the last {hours} are used"
        if kept:
            what += f", and {kept:,} are kept for people"
        if cost > self._budget.open_to(most, urgent=urgent):
            what += f"; a call of {cost:,} can never be made"
        else:
            what += f"; it goes on at {at:%Y-%m-%d %H:%M} UTC"
        error = QuotaExceeded(
            f"{what}; nothing was sent",
            hint="what is done is kept: run it again then, or make room (reserve, fewer calls, more credits)",
            where=Where(connection=self._connection),
        )
        error.retry_after = spent.wait
        return error

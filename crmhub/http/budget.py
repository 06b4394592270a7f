"""An allowance of a CRM account that may be spent at once, but never beyond, in any stretch of a window.

A rate (:class:`crmhub.http.limits.Limit`) spreads calls over time; a day's credits need not be spread. What
was spent is kept by slices of the window and counts until the window has passed over all of its slice, so
that whichever stretch one takes, no more than the allowance is spent in it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from crmhub.errors import ConfigError
from crmhub.http.response import Response

__all__ = ["Allowance", "Budget", "BudgetStore", "MemoryBudgets", "Spent", "Use", "counts_until", "spent_of"]

_SLICES = 96
"""Of a window. What is spent counts for a ninety-sixth of the window too long, at most."""
FRESH = 86_400.0
"""Seconds for which an allowance that was told is believed."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a CRM grants an account: units in a window, calls at once; ``None``: nobody knows."""

    most: int | None = None
    concurrency: int | None = None
    why: str = ""
    """Where that is known from, in words."""


def _untold(_: Response) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Budget:
    """How a connection spends from its account's allowance.

    Of ``most`` units in ``window`` seconds a share, ``reserve``, is kept for calls that are ``urgent``: all
    others end before it. Calls whose path begins with ``prefix`` are paid from it, each by its ``cost``.

    ``most`` ``None``: :attr:`ask` finds it out, by calls of its own, once ``ask_after`` calls were made or
    ``ask_at`` units spent; the answer is kept for a day. Until then, and where it cannot be found out,
    units are counted and nothing is stopped.

    ``owner`` is whose budget it is, where that is not the connection: all budgets of one name and one owner
    are spent together.
    """

    name: str = "credits"
    most: int | None = None
    reserve: float = 0.2
    window: float = 86_400.0
    prefix: str = "/"
    owner: str | None = None
    ask: Callable[[], Awaitable[Allowance]] | None = None
    """May raise what the CRM says; then the allowance is not known for a day. ``None``: nobody is asked."""
    ask_after: int = 50
    ask_at: int = 1
    left: Callable[[Response], int | None] = field(default=_untold)
    """How many units a reply says are left, if it says so."""
    grants: Callable[[Response], Allowance | None] = field(default=_untold)
    """What a reply says is granted, if it says so: then nobody need be asked."""
    urgent: Callable[[], bool] = field(default=lambda: False)
    granted: Callable[[Allowance], None] = field(default=lambda _: None)
    """Hears of the allowance whenever another one is known."""

    def __post_init__(self) -> None:
        if not 0 <= self.reserve < 1 or self.window <= 0 or (self.most is not None and self.most <= 0):
            raise ConfigError(
                f"budget {self.name!r}: most and window must be above zero, reserve at least 0 and below 1"
            )

    def open_to(self, most: int, *, urgent: bool) -> int:
        """How many of ``most`` units such calls may use."""
        return most if urgent else most - math.ceil(most * self.reserve)


@dataclass(frozen=True, slots=True)
class Spent:
    """What is spent of a budget, by all that share it.

    ``others`` is the part that other applications have spent, as far as the CRM's replies tell.
    ``allowance`` is what was told less than a day ago; ``None``: nobody has asked. ``wait`` is in how many
    seconds the units asked for can be spent; unless it is 0 they are not.
    """

    used: int = 0
    others: int = 0
    allowance: Allowance | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Use:
    """Units that count until then, in seconds since 1970; ``others`` when other applications spent them."""

    until: float
    units: int
    others: bool = False


class BudgetStore(Protocol):
    """Keeps what connections have spent, by connection and budget. Raises ``StoreError``."""

    async def spend(self, connection: str, budget: Budget, cost: int, *, urgent: bool) -> Spent:
        """Spend so many units, or none of them where they are more than such a call may use now."""
        ...

    async def told(self, connection: str, budget: Budget, allowance: Allowance) -> None:
        """Keep what the CRM grants."""
        ...

    async def left(self, connection: str, budget: Budget, units: int) -> None:
        """Keep what the CRM says is left: what is missing, others have spent.

        Where the allowance is not known, it is what we have spent and what is left.
        """
        ...


def counts_until(now: float, window: float) -> float:
    """Until when what is spent now counts."""
    piece = window / _SLICES
    return math.ceil((now + window) / piece) * piece


def spent_of(
    budget: Budget, uses: Sequence[Use], allowance: Allowance | None, cost: int, now: float, *, urgent: bool
) -> Spent:
    """The state of a budget after a call of that cost, or where ``wait`` is set, without it."""
    used = sum(use.units for use in uses)
    others = sum(use.units for use in uses if use.others)
    most = budget.most or (allowance.most if allowance else None)
    if most is None or not cost or used + cost <= budget.open_to(most, urgent=urgent):
        return Spent(used + cost, others, allowance)
    wanted, wait = used + cost - budget.open_to(most, urgent=urgent), budget.window
    for use in sorted(uses, key=lambda one: one.until):
        wanted -= use.units
        if wanted <= 0:
            wait = use.until - now
            break
    return Spent(used, others, allowance, max(wait, 1.0))


def missing(budget: Budget, uses: Sequence[Use], allowance: Allowance | None, left: int) -> int | None:
    """What others must have spent when so many units are left; ``None``: the allowance is not known."""
    most = budget.most or (allowance.most if allowance else None)
    own = sum(use.units for use in uses if not use.others)
    return None if most is None else max(most - left - own, 0)


@dataclass(slots=True)
class _State:
    uses: list[Use] = field(default_factory=list[Use])
    allowance: Allowance | None = None
    told_at: float = 0.0


class MemoryBudgets:
    """Keeps budgets for one process. ``now`` gives seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._states: dict[tuple[str, str], _State] = {}

    async def spend(self, connection: str, budget: Budget, cost: int, *, urgent: bool) -> Spent:
        """See :class:`BudgetStore`."""
        state = self._state(connection, budget)
        spent = spent_of(budget, state.uses, state.allowance, cost, self._now(), urgent=urgent)
        if cost and not spent.wait:
            until = counts_until(self._now(), budget.window)
            own = next((use for use in state.uses if use.until == until and not use.others), None)
            state.uses = [use for use in state.uses if use is not own]
            state.uses.append(Use(until, cost + (own.units if own else 0)))
        return spent

    async def told(self, connection: str, budget: Budget, allowance: Allowance) -> None:
        """See :class:`BudgetStore`."""
        state = self._state(connection, budget)
        state.allowance, state.told_at = allowance, self._now()

    async def left(self, connection: str, budget: Budget, units: int) -> None:
        """See :class:`BudgetStore`."""
        state = self._state(connection, budget)
        others = missing(budget, state.uses, state.allowance, units)
        state.uses = [use for use in state.uses if not use.others]
        if others:
            state.uses.append(Use(counts_until(self._now(), budget.window), others, others=True))
        if others is None:
            state.allowance = told_by_reply(state.allowance, sum(use.units for use in state.uses), units)
            state.told_at = self._now()

    def _state(self, connection: str, budget: Budget) -> _State:
        state = self._states.setdefault((connection, budget.name), _State())
        now = self._now()
        state.uses = [use for use in state.uses if use.until > now]
        if state.allowance is not None and state.told_at + FRESH <= now:
            state.allowance = None
        return state


def told_by_reply(allowance: Allowance | None, own: int, left: int) -> Allowance:
    """The allowance where nobody knows more of it than what a reply says is left."""
    known = allowance or Allowance()
    return Allowance(own + left, known.concurrency, "at least, by what the CRM says is left")

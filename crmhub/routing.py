"""Routing tables: which tiers a call tries, in order, by its operation and its context.

Nothing here but data and the way to look something up in it; :mod:`crmhub.tiers` makes the calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from crmhub.errors import UsageError

__all__ = [
    "ANY",
    "BULK_FROM",
    "CallContext",
    "Order",
    "Route",
    "Routed",
    "RoutingTable",
    "ServedCall",
    "Wish",
    "note_served",
    "routed",
    "wished",
]

CallContext: TypeAlias = Literal["agent", "interactive", "bulk", "background", "fallback"]
"""What a call is made for: an agent's step, a person who waits, many records, work that nobody waits for,
or a call for which only the tier that can do everything will do."""

ANY = "*"
"""Stands in a table for every operation that has no row of its own."""
BULK_FROM = 51
"""So many records are ``bulk``, whether an agent or a person asks for them."""
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Route:
    """A row of a routing table: the ``tiers`` that an ``operation`` tries, in order.

    ``context`` ``None`` is for callers that name none. The row of an operation goes before that of
    :data:`ANY`.
    """

    context: CallContext | None
    tiers: tuple[str, ...]
    operation: str = ANY


@dataclass(frozen=True, slots=True)
class Order:
    """The tiers that a call tries, in order, and ``why`` those, in words."""

    tiers: tuple[str, ...]
    why: str


class RoutingTable:
    """The rows of a table, over ``tiers``: the names of all that there are.

    Raises :class:`~crmhub.errors.UsageError` for a row that names no tier, another one, or one twice, and
    for two rows of one operation and context.
    """

    def __init__(self, rows: Sequence[Route], tiers: Collection[str]) -> None:
        self.rows = tuple(rows)
        self._tiers = tuple(tiers)
        self._found: dict[tuple[str, str | None], Route] = {(row.operation, row.context): row for row in rows}
        if len(self._found) < len(rows):
            raise UsageError("two rows of the routing table are for the same operation and context")
        for row in rows:
            if not row.tiers or len(set(row.tiers)) < len(row.tiers):
                raise UsageError(f"the row for {row.operation} names a tier twice, or none")
            for name in row.tiers:
                self.check(name)

    def check(self, tier: str) -> None:
        """Raise :class:`~crmhub.errors.UsageError` unless there is such a tier."""
        if tier not in self._tiers:
            raise UsageError(f"there is no tier {tier!r}; tiers: {', '.join(self._tiers)}")

    def order(
        self,
        operation: str,
        *,
        context: str | None = None,
        tier: str | None = None,
        records: int = 1,
    ) -> Order:
        """The tiers for a call of that many ``records``.

        ``tier`` wins over the table. More than 50 records are bulk, unless the caller named no context.
        Raises :class:`~crmhub.errors.UsageError` for a tier or a context that nobody knows.
        """
        if tier is not None:
            self.check(tier)
            return Order((tier,), "asked for")
        many = records >= BULK_FROM and context in {"agent", "interactive"}
        used = "bulk" if many else context
        row = self._found.get((operation, used)) or self._found.get((ANY, used))
        if row is None:
            known = sorted({one.context or "none" for one in self.rows})
            raise UsageError(f"no route for {operation} in the context {used}; contexts: {', '.join(known)}")
        return Order(
            row.tiers, f"{used or 'no context'}, {records} records" if many else used or "no context"
        )


@dataclass(frozen=True, slots=True)
class ServedCall:
    """A call that was served: its ``operation``, the native ``object``, by which ``tier``, and ``why`` it."""

    connection: str | None
    operation: str
    object: str | None
    tier: str
    why: str


@dataclass(frozen=True, slots=True)
class Routed:
    """What is known of the calls made within :func:`routed`."""

    served: deque[ServedCall] = field(default_factory=lambda: deque[ServedCall](maxlen=_REMEMBERED))
    """The last thousand that were served, in the order in which they were."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants of the tiers: by context, or one tier by name. ``told`` hear what serves it."""

    context: CallContext | None = None
    tier: str | None = None
    told: tuple[Routed, ...] = ()


_wish: ContextVar[Wish | None] = ContextVar("crmhub_wish", default=None)


@contextmanager
def routed(context: CallContext | None = None, *, tier: str | None = None) -> Generator[Routed]:
    """Route the calls that are made within, in this task and those it starts::

        with routed("agent") as route:
            deal = await hub["zoho"].deals.get(id)
        print(route.served[-1].tier, route.served[-1].why)

    ``tier`` names one tier, which wins. Connections without tiers take no notice.
    """
    outer, route = _wish.get(), Routed()
    before = _wish.set(Wish(context, tier, (route, *(outer.told if outer else ()))))
    try:
        yield route
    finally:
        _wish.reset(before)


def wished() -> Wish | None:
    """What :func:`routed` asks for here; ``None`` outside of it."""
    return _wish.get()


def note_served(call: ServedCall) -> None:
    """Tell everybody within whose :func:`routed` the call was made."""
    wish = _wish.get()
    for route in wish.told if wish else ():
        route.served.append(call)

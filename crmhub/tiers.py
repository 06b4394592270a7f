"""Several ways into one CRM, and which of them serves a call.

A tier is a transport (Zoho's MCP server, its SDK, its REST API). The routing table is data: for each kind
of call and each context an order of tiers. A :class:`TierRouter` follows it, leaves out what is absent or
fails too often, and goes on to the next tier only where it is known that the failed call changed nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

from crmhub.clock import Clock
from crmhub.errors import (
    AuthError,
    BadResponse,
    CircuitOpen,
    ConnectorError,
    UnknownOutcome,
    Unsupported,
    UsageError,
    Where,
)
from crmhub.events import Events
from crmhub.http.breaker import BreakerOptions
from crmhub.routing import CallContext, Route, RoutingTable, ServedCall, note_served
from crmhub.tier_state import NOT_THE_TIERS_FAULT, Cannot, Figures, TierState

__all__ = ["Choice", "Figures", "Served", "SupportsTiers", "TierRouter", "may_fall_back"]

_READS = frozenset({"get", "list", "search", "related", "read", "query", "count", "files", "download"})

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Served(Generic[_T]):
    """A result, the tier that gave it, and why it was that one."""

    value: _T
    tier: str
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A tier that a call would try: its state (see :class:`Figures`), ``why`` it stands there."""

    tier: str
    state: Literal["closed", "open", "absent"]
    why: str
    absent: str = ""


class TierRouter:
    """Chooses a tier for each call of one connection, and falls back where that is safe.

    ``tiers`` are the names of all tiers, each with a way to learn why it is absent (``None``: it is
    there). ``table`` is the :class:`~crmhub.routing.RoutingTable` of the rows. ``alone`` are the tiers
    with credentials of their own: where the others' are refused, those of another tier may still do.
    ``operations`` are all that there are, for those who ask by name (none named: whatever they ask); ``only``
    those of a tier that cannot do all of them.
    """

    def __init__(
        self,
        table: Sequence[Route],
        tiers: Mapping[str, Callable[[], str | None]],
        *,
        clock: Clock,
        events: Events,
        connection: str | None = None,
        breaker: BreakerOptions | None = None,
        alone: Collection[str] = (),
        operations: Collection[str] = (),
        only: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.table = RoutingTable(table, tiers)
        self._operations = tuple(operations)
        self._clock = clock
        self._events = events
        self._connection = connection
        self._alone = frozenset(alone)
        self._only = {name: frozenset(able) for name, able in (only or {}).items()}
        self._tiers = {
            name: TierState(name, absent, breaker or BreakerOptions(), clock, events, connection)
            for name, absent in tiers.items()
        }

    async def run(
        self,
        operation: str,
        attempts: Mapping[str, Callable[[], Awaitable[_T]]],
        *,
        context: CallContext | None = None,
        tier: str | None = None,
        records: int = 1,
        object: str | None = None,
        settle: Callable[[str, UnknownOutcome], Awaitable[_T]] | None = None,
    ) -> Served[_T]:
        """Make the call by the first tier that can, and say which one it was.

        ``attempts`` are the ways to make it, by tier; one that raises
        :class:`~crmhub.errors.Unsupported` cannot. Each is tried once at most. When no tier serves the
        call, raises the first error of those that were asked, else why none was.

        After :class:`~crmhub.errors.UnknownOutcome` nothing is made again, unless ``settle`` is given: it
        reads back by the next tier what became of the call, and finishes it where that is safe. Where no
        tier can, the unknown outcome is raised.
        """
        order = self.table.order(operation, context=context, tier=tier, records=records)
        passed: list[str] = []
        failed: ConnectorError | None = None
        cannot_do: ConnectorError | None = None
        unknown: UnknownOutcome | None = None
        refused: set[str] = set()  # credentials
        for place, name in enumerate(order.tiers):
            attempt = attempts.get(name) if self.can(name, operation) else None
            if attempt is not None and settle is not None and unknown is not None:
                attempt = partial(settle, name, unknown)
            reason = self._why_not(name, refused) or (None if attempt else f"cannot {operation}")
            if reason is not None or attempt is None:
                passed.append(f"{name}: {reason}")
                continue
            began = self._clock.monotonic()
            try:
                value = await self._tiers[name].through(attempt)
            except Cannot as cannot:
                cannot_do = cannot_do or cannot.error
                passed.append(f"{name}: {cannot.error.what}")
                continue
            except ConnectorError as error:
                if settle is not None and unknown is None and isinstance(error, UnknownOutcome):
                    unknown = error
                elif unknown is None and not may_fall_back(error, changes=operation not in _READS):
                    raise
                if failed is None or isinstance(failed, CircuitOpen):
                    failed = error
                passed.append(f"{name}: {type(error).__name__}")
                if isinstance(error, AuthError):
                    refused.add(self._credentials(name))
                left = [one for one in order.tiers[place + 1 :] if self._why_not(one, refused) is None]
                self._fell_back(operation, name, left, error, object)
                continue
            said = "; ".join([order.why, *passed])
            self._served(operation, name, said, context, began, object)
            return Served(value, name, said)
        raise unknown or failed or cannot_do or self._nothing_there(operation, passed)

    async def pages(
        self,
        operation: str,
        ways: Mapping[str, Callable[[], AsyncGenerator[_T]]],
        *,
        context: CallContext | None = None,
        tier: str | None = None,
        object: str | None = None,
    ) -> AsyncGenerator[_T]:
        """Pages of the first tier that gives one; it gives the others too, since no page may come twice."""
        attempts = {name: partial(_begun, way) for name, way in ways.items()}
        served = await self.run(operation, attempts, context=context, tier=tier, object=object)
        others, first = served.value
        del served  # it holds the first page
        async with aclosing(others):
            if first:
                yield first.pop()
            async for page in others:
                yield page
                del page  # the caller alone holds it while the next one comes

    def choices(self, operation: str, *, context: str | None = None, records: int = 1) -> list[Choice]:
        """The tiers that such a call would try, in order; those that cannot make it left out.

        Raises as :meth:`RoutingTable.order` does, and ``UsageError`` for an operation that there is not.
        """
        if self._operations and operation not in self._operations:
            raise UsageError(
                f"there is no operation {operation!r}", hint=f"one of {', '.join(self._operations)}"
            )
        order = self.table.order(operation, context=context, records=records)
        found = {one.tier: one for one in self.figures()}
        return [
            Choice(name, found[name].state, order.why, found[name].absent)
            for name in order.tiers
            if self.can(name, operation)
        ]

    def can(self, tier: str, operation: str) -> bool:
        """Whether the tier is one that makes such calls."""
        return operation in self._only.get(tier, (operation,))

    def figures(self) -> list[Figures]:
        """How each tier does."""
        return [one.figures() for one in self._tiers.values()]

    def absence(self, tier: str) -> str | None:
        """Why the tier is absent; ``None``: it is there."""
        self.table.check(tier)
        return self._tiers[tier].absent()

    def _served(
        self,
        operation: str,
        tier: str,
        why: str,
        context: CallContext | None,
        began: float,
        object: str | None,
    ) -> None:
        note_served(ServedCall(self._connection, operation, object, tier, why))
        self._events.emit(
            "tier.served",
            connection=self._connection,
            object=object,
            operation=operation,
            context=context,
            tier=tier,
            why=why,
            ms=round((self._clock.monotonic() - began) * 1000, 1),
        )

    def _fell_back(
        self,
        operation: str,
        tier: str,
        left: Sequence[str],
        error: ConnectorError,
        object: str | None,
    ) -> None:
        if left:
            self._events.emit(
                "tier.fell_back",
                connection=self._connection,
                object=object,
                operation=operation,
                tier=tier,
                to=left[0],
                cause=type(error).__name__,
            )

    def _why_not(self, name: str, refused: Collection[str]) -> str | None:
        """Why the tier need not be asked: it is absent, or has the credentials that were refused."""
        absent = self._tiers[name].absent()
        return absent or ("the same credentials" if self._credentials(name) in refused else None)

    def _credentials(self, name: str) -> str:
        return name if name in self._alone else ""

    def _nothing_there(self, operation: str, passed: Sequence[str]) -> Unsupported:
        return Unsupported(
            f"no tier can {operation} here ({'; '.join(passed)})",
            hint="name another tier, or install and configure what is absent",
            where=Where(connection=self._connection),
        )


@runtime_checkable
class SupportsTiers(Protocol):
    """What a connector with several tiers has."""

    @property
    def tiers(self) -> TierRouter:
        """The router among them."""
        ...

    async def try_tiers(self) -> None:
        """Make one cheap read by each tier that is there, for its figures; raises nothing that it meets."""
        ...


def may_fall_back(error: ConnectorError, *, changes: bool) -> bool:
    """Whether the same call may be made by another tier after ``error``.

    Not after what every tier would be answered (wrong data, an allowance that is used up, a missing
    permission), and not when the call ``changes`` something and may have been applied.
    """
    if isinstance(error, NOT_THE_TIERS_FAULT):
        return False
    if isinstance(error, BadResponse) and changes and (error.status is None or error.status < 300):
        return False  # it was done, and the answer cannot be read
    return isinstance(error, CircuitOpen) or error.applied is False


async def _begun(way: Callable[[], AsyncGenerator[_T]]) -> tuple[AsyncGenerator[_T], list[_T]]:
    """Pages under way, and the first of them, if there is one."""
    pages = way()
    try:
        return pages, [await anext(pages)]
    except StopAsyncIteration:
        return pages, []
    except BaseException:
        await pages.aclose()
        raise

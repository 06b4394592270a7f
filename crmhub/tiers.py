"""Several ways into one CRM, and which of them serves a call.

A tier is a transport (Zoho's MCP server, its SDK, its REST API). The routing table is data: for each kind
of call and each context an order of tiers. A :class:`TierRouter` follows it, leaves out what is absent or
fails too often, and goes on to the next tier only where it is known that the failed call changed nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from crmhub.clock import Clock
from crmhub.errors import (
    AlreadyExists,
    BadRequest,
    BadResponse,
    CircuitOpen,
    Conflict,
    ConnectorError,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    Unsupported,
    Where,
)
from crmhub.events import Events
from crmhub.http.breaker import Breaker, BreakerOptions
from crmhub.routing import CallContext, Route, RoutingTable

__all__ = ["Figures", "Served", "TierRouter", "may_fall_back"]

_READS = frozenset({"get", "list", "search", "query", "count"})
_KEPT = 200  # calls that the figures of a tier are made of
_NOT_THE_TIERS_FAULT = (
    InvalidRecord,
    BadRequest,
    NotFound,
    Conflict,
    AlreadyExists,
    PermissionDenied,  # another tier's credentials must not do what these may not
    RateLimited,
    QuotaExceeded,  # all tiers draw on one allowance
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Served(Generic[_T]):
    """A result, the tier that gave it, and why it was that one."""

    value: _T
    tier: str
    why: str


@dataclass(frozen=True, slots=True)
class Figures:
    """How a tier did in the calls that are remembered: the last 200 at most, of the last 15 minutes.

    ``state`` is ``closed`` (calls pass), ``open`` (they do not) or ``absent``, with the reason in
    ``absent``. ``failures`` count what opens the circuit and everything else that was not the record's
    fault; ``mean`` and ``p95`` are seconds, ``None`` without calls.
    """

    tier: str
    state: Literal["closed", "open", "absent"]
    calls: int = 0
    failures: int = 0
    mean: float | None = None
    p95: float | None = None
    absent: str = ""

    @property
    def error_rate(self) -> float:
        """The share of calls that failed, from 0 to 1."""
        return self.failures / self.calls if self.calls else 0.0


@dataclass(slots=True)
class _Tier:
    """A tier's breaker and its last calls: when they ended, how long they took, whether they failed."""

    name: str
    absent: Callable[[], str | None]
    breaker: Breaker
    calls: deque[tuple[float, float, bool]] = field(
        default_factory=lambda: deque[tuple[float, float, bool]](maxlen=_KEPT)
    )
    is_open: bool = False


class _Cannot(Exception):
    """An :class:`Unsupported` on its way past the breaker, which would take it for an answer of the CRM."""

    def __init__(self, error: Unsupported) -> None:
        super().__init__(error.what)
        self.error = error


class TierRouter:
    """Chooses a tier for each call of one connection, and falls back where that is safe.

    ``tiers`` are the names of all tiers, each with a way to learn why it is absent (``None``: it is
    there). ``table`` is the :class:`~crmhub.routing.RoutingTable` of the rows.
    """

    window = 900.0
    """Seconds that figures look back."""

    def __init__(
        self,
        table: Sequence[Route],
        tiers: Mapping[str, Callable[[], str | None]],
        *,
        clock: Clock,
        events: Events,
        connection: str | None = None,
        breaker: BreakerOptions | None = None,
    ) -> None:
        self.table = RoutingTable(table, tiers)
        self._clock = clock
        self._events = events
        self._connection = connection
        self._tiers = {
            name: self._tier(name, absent, breaker or BreakerOptions()) for name, absent in tiers.items()
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
    ) -> Served[_T]:
        """Make the call by the first tier that can, and say which one it was.

        ``attempts`` are the ways to make it, by tier; one that raises
        :class:`~crmhub.errors.Unsupported` cannot. Each is tried once at most. When no tier serves the
        call, raises the first error of those that were asked, else why none was.
        """
        order = self.table.order(operation, context=context, tier=tier, records=records)
        passed: list[str] = []
        failed: ConnectorError | None = None
        refused: ConnectorError | None = None
        for place, name in enumerate(order.tiers):
            one = self._tiers[name]
            attempt = attempts.get(name)
            reason = one.absent() or (None if attempt else f"cannot {operation}")
            if reason is not None or attempt is None:
                passed.append(f"{name}: {reason}")
                continue
            began = self._clock.monotonic()
            try:
                value = await self._through(one, attempt)
            except _Cannot as cannot:
                refused = refused or cannot.error
                passed.append(f"{name}: {cannot.error.what}")
                continue
            except ConnectorError as error:
                if not may_fall_back(error, changes=operation not in _READS):
                    raise
                if failed is None or isinstance(failed, CircuitOpen):
                    failed = error
                passed.append(f"{name}: {type(error).__name__}")
                self._fell_back(operation, name, order.tiers[place + 1 :], error, object)
                continue
            said = "; ".join([order.why, *passed])
            self._served(operation, name, said, context, began, object)
            return Served(value, name, said)
        raise failed or refused or self._nothing_there(operation, passed)

    def figures(self) -> list[Figures]:
        """How each tier does."""
        return [self._figures(one) for one in self._tiers.values()]

    def absence(self, tier: str) -> str | None:
        """Why the tier is absent; ``None``: it is there."""
        self.table.check(tier)
        return self._tiers[tier].absent()

    async def _through(self, tier: _Tier, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """The call, seen by the tier's breaker and kept for its figures."""
        with tier.breaker.passage():
            began = self._clock.monotonic()
            try:
                value = await attempt()
            except Unsupported as error:
                raise _Cannot(error) from None
            except ConnectorError as error:
                self._keep(tier, began, failed=not isinstance(error, _NOT_THE_TIERS_FAULT))
                raise
            self._keep(tier, began, failed=False)
            return value

    def _keep(self, tier: _Tier, began: float, *, failed: bool) -> None:
        now = self._clock.monotonic()
        tier.calls.append((now, now - began, failed))

    def _tier(self, name: str, absent: Callable[[], str | None], options: BreakerOptions) -> _Tier:
        def tell(state: str, seconds: float) -> None:
            made.is_open = state == "opened"
            self._events.emit(f"tier.{state}", connection=self._connection, tier=name, seconds=seconds)

        made = _Tier(
            name, absent, Breaker(options, clock=self._clock, tell=tell, connection=self._connection)
        )
        return made

    def _figures(self, tier: _Tier) -> Figures:
        since = self._clock.monotonic() - self.window
        recent = [call for call in tier.calls if call[0] >= since]
        times = sorted(seconds for _, seconds, _ in recent)
        absent = tier.absent()
        return Figures(
            tier.name,
            "absent" if absent else "open" if tier.is_open else "closed",
            calls=len(recent),
            failures=sum(1 for _, _, failed in recent if failed),
            mean=sum(times) / len(times) if times else None,
            p95=times[-(-len(times) * 95 // 100) - 1] if times else None,
            absent=absent or "",
        )

    def _served(
        self,
        operation: str,
        tier: str,
        why: str,
        context: CallContext | None,
        began: float,
        object: str | None,
    ) -> None:
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
        following = next(self._present(left), None)
        if following is not None:
            self._events.emit(
                "tier.fell_back",
                connection=self._connection,
                object=object,
                operation=operation,
                tier=tier,
                to=following,
                cause=type(error).__name__,
            )

    def _present(self, names: Sequence[str]) -> Iterator[str]:
        return (name for name in names if self._tiers[name].absent() is None)

    def _nothing_there(self, operation: str, passed: Sequence[str]) -> Unsupported:
        return Unsupported(
            f"no tier can {operation} here ({'; '.join(passed)})",
            hint="name another tier, or install and configure what is absent",
            where=Where(connection=self._connection),
        )


def may_fall_back(error: ConnectorError, *, changes: bool) -> bool:
    """Whether the same call may be made by another tier after ``error``.

    Not after what every tier would be answered (wrong data, an allowance that is used up, a missing
    permission), and not when the call ``changes`` something and may have been applied.
    """
    if isinstance(error, _NOT_THE_TIERS_FAULT):
        return False
    if isinstance(error, BadResponse) and changes and (error.status is None or error.status < 300):
        return False  # it was done, and the answer cannot be read
    return isinstance(error, CircuitOpen) or error.applied is False

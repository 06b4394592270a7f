"""One tier of a connection: its circuit breaker, and how its last calls went."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from crmhub.clock import Clock
from crmhub.errors import (
    AlreadyExists,
    ApprovalRequired,
    BadRequest,
    Conflict,
    ConnectorError,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    Unsupported,
)
from crmhub.events import Events
from crmhub.http.breaker import Breaker, BreakerOptions

__all__ = ["NOT_THE_TIERS_FAULT", "Cannot", "Figures", "TierState"]

NOT_THE_TIERS_FAULT = (
    ApprovalRequired,  # a person has not agreed: to no tier
    InvalidRecord,
    BadRequest,
    NotFound,
    Conflict,
    AlreadyExists,
    PermissionDenied,  # another tier's credentials must not do what these may not
    RateLimited,
    QuotaExceeded,  # all tiers draw on one allowance
)
"""What every tier would be answered."""

_KEPT = 200  # calls that the figures of a tier are made of
_LOOK_BACK = 900.0  # seconds

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Figures:
    """How a tier did in the calls that are remembered: the last 200 at most, of the last 15 minutes.

    ``state`` is ``closed`` (calls pass), ``open`` (they do not) or ``absent``, with the reason in
    ``absent``. ``failures`` count what opens the circuit and everything else that was not the record's
    fault; ``mean`` and ``p95`` are seconds, ``None`` without calls. ``why`` is what the last call failed by,
    if it did.
    """

    tier: str
    state: Literal["closed", "open", "absent"]
    calls: int = 0
    failures: int = 0
    mean: float | None = None
    p95: float | None = None
    absent: str = ""
    why: str = ""

    @property
    def error_rate(self) -> float:
        """The share of calls that failed, from 0 to 1."""
        return self.failures / self.calls if self.calls else 0.0


class Cannot(Exception):
    """An :class:`Unsupported` on its way past the breaker, which would take it for an answer of the CRM."""

    def __init__(self, error: Unsupported) -> None:
        super().__init__(error.what)
        self.error = error


class TierState:
    """A tier's way to learn why it is absent, its breaker, and its last calls."""

    def __init__(
        self,
        name: str,
        absent: Callable[[], str | None],
        options: BreakerOptions,
        clock: Clock,
        events: Events,
        connection: str | None,
    ) -> None:
        self.name = name
        self.absent = absent
        self._clock = clock
        self._events = events
        self._connection = connection
        self._breaker = Breaker(options, clock=clock, tell=self._tell, connection=connection)
        self._is_open = False
        # when it ended, how long it took, whether it failed
        self._calls = deque[tuple[float, float, bool]](maxlen=_KEPT)
        self._why = ""

    async def through(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Make a call, seen by the breaker and kept for the figures.

        Raises what it raises, ``CircuitOpen`` where it is not made, and :class:`Cannot` where the tier
        cannot make it.
        """
        with self._breaker.passage():
            began = self._clock.monotonic()
            try:
                value = await attempt()
            except Unsupported as error:
                self._why = str(error)
                raise Cannot(error) from None
            except ConnectorError as error:
                self._why = str(error)
                self._keep(began, failed=not isinstance(error, NOT_THE_TIERS_FAULT))
                raise
            self._why = ""
            self._keep(began, failed=False)
            return value

    def figures(self) -> Figures:
        """How the tier does."""
        since = self._clock.monotonic() - _LOOK_BACK
        recent = [call for call in self._calls if call[0] >= since]
        times = sorted(seconds for _, seconds, _ in recent)
        absent = self.absent()
        return Figures(
            self.name,
            "absent" if absent else "open" if self._is_open else "closed",
            calls=len(recent),
            failures=sum(1 for _, _, failed in recent if failed),
            mean=sum(times) / len(times) if times else None,
            p95=times[-(-len(times) * 95 // 100) - 1] if times else None,
            absent=absent or "",
            why=self._why,
        )

    def _keep(self, began: float, *, failed: bool) -> None:
        now = self._clock.monotonic()
        self._calls.append((now, now - began, failed))

    def _tell(self, state: str, seconds: float) -> None:
        self._is_open = state == "opened"
        self._events.emit(f"tier.{state}", connection=self._connection, tier=self.name, seconds=seconds)

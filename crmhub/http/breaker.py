"""The circuit breaker: after repeated failures nothing is sent for a while, then one probe is.

Own code because the libraries looked at let every waiter through when half open, or do not count the
failures of coroutines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from crmhub.clock import Clock
from crmhub.errors import CircuitOpen, ConnectorError, Unavailable, UnknownOutcome, Where

__all__ = ["Breaker", "BreakerOptions"]


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """The circuit opens after so many ``failures`` in a row, however slowly they came.

    It also opens when as many of the last ``2 × failures`` calls failed within ``window`` seconds. It
    stays open for ``cool_down`` seconds, twice as long after each probe that fails, at most
    ``longest_cool_down``.
    """

    failures: int = 5
    window: float = 60.0
    cool_down: float = 5.0
    longest_cool_down: float = 300.0


class Breaker:
    """The breaker of one connection. ``tell`` hears ``opened`` (with its seconds) and ``closed``."""

    def __init__(
        self,
        options: BreakerOptions,
        *,
        clock: Clock,
        tell: Callable[[str, float], None],
        connection: str | None = None,
    ) -> None:
        self._options = options
        self._clock = clock
        self._tell = tell
        self._connection = connection
        self._recent: deque[tuple[float, bool]] = deque(maxlen=2 * options.failures)
        self._in_a_row = 0
        self._open_until: float | None = None
        self._cool_down = options.cool_down
        self._probing = False

    def passage(self) -> Passage:
        """Let a call pass: ``with breaker.passage() as probing: …``.

        Raises :class:`~crmhub.errors.CircuitOpen` while the circuit is open. ``probing`` is true for
        the one call that finds out whether it may close.
        """
        if self._open_until is None:
            return Passage(self, probing=False)
        wait = self._open_until - self._clock.monotonic()
        if wait > 0 or self._probing:
            soon = f"in {wait:.0f} s" if wait > 0 else "when the probe under way has ended"
            raise CircuitOpen(
                f"nothing was sent: too many calls failed just now; tries again {soon}",
                hint="the CRM or the way to it is down; what is not done yet can be run again",
                where=Where(connection=self._connection),
            )
        self._probing = True
        return Passage(self, probing=True)

    def ended(self, error: BaseException | None, *, probing: bool) -> None:
        """A call that was let through has ended, with that error if any."""
        if probing:
            self._probing = False
        if error is not None and not isinstance(error, ConnectorError):
            return  # cancelled, or a mistake on our side: nothing was learned about the CRM
        failed = is_failure(error)
        if probing:
            self._reopen() if failed else self._close()
        elif self._open_until is None:
            self._count(failed)

    def _count(self, failed: bool) -> None:
        now = self._clock.monotonic()
        self._recent.append((now, failed))
        self._in_a_row = self._in_a_row + 1 if failed else 0
        if not failed:
            return
        since = now - self._options.window
        in_window = sum(1 for at, bad in self._recent if bad and at >= since)
        if max(in_window, self._in_a_row) >= self._options.failures:
            self._open()

    def _open(self) -> None:
        self._open_until = self._clock.monotonic() + self._cool_down
        self._tell("opened", self._cool_down)

    def _reopen(self) -> None:
        self._cool_down = min(2 * self._cool_down, self._options.longest_cool_down)
        self._open()

    def _close(self) -> None:
        self._open_until = None
        self._cool_down = self._options.cool_down
        self._recent.clear()
        self._in_a_row = 0
        self._tell("closed", 0.0)


class Passage:
    """One call's way through the breaker."""

    __slots__ = ("_breaker", "_probing")

    def __init__(self, breaker: Breaker, *, probing: bool) -> None:
        self._breaker = breaker
        self._probing = probing

    def __enter__(self) -> bool:
        return self._probing

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._breaker.ended(error, probing=self._probing)


def is_failure(error: BaseException | None) -> bool:
    """Whether the CRM or the network failed: no answer or a 5xx. What it refused (4xx) never counts."""
    return isinstance(error, Unavailable | UnknownOutcome) and (error.status is None or error.status >= 500)

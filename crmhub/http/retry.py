"""When a call is tried again, and after what wait.

stamina counts the attempts and carries the loop. Its own waits and its ``timeout`` go by the
operating system's clock and its jitter by the ``random`` module, so its backoff is set to zero here:
the wait is drawn from the injected randomness, bounded by a budget on our clock, and slept on it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

import stamina

from crmhub.clock import Clock
from crmhub.errors import ConnectorError, RateLimited
from crmhub.http.quiet import quiet, quiet_retries

__all__ = ["Attempt", "RetryPolicy"]

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0

_T = TypeVar("_T")


@dataclass(slots=True)
class Attempt:
    """One try at a call: its number from 1, and what the CRM asked to wait after it."""

    number: int = 0
    retry_after: float | None = None
    patience: float = 0.0
    """Seconds of the retry budget that are left."""
    repeatable: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``retries`` more tries, none of which begins later than ``budget`` seconds after the first."""

    retries: int
    budget: float
    clock: Clock
    random: Random

    async def run(
        self,
        send: Callable[[Attempt], Awaitable[_T]],
        failed: Callable[[ConnectorError, Attempt, float | None], None],
        *,
        repeatable: bool,
        once: bool,
    ) -> _T:
        """Send, and send again where that is safe and promising; raises the last error.

        ``failed`` hears of each failed try and the wait before the next (``None``: there is none).
        """
        attempts = 1 if once else self.retries + 1
        ends = self.clock.monotonic() + self.budget
        attempt = Attempt(patience=self.budget, repeatable=repeatable)
        wait = 0.0

        def again(error: Exception) -> bool | float:
            nonlocal wait
            if not isinstance(error, ConnectorError):
                return False
            next_wait = self._wait(error, attempt, attempts, ends)
            failed(error, attempt, next_wait)
            if next_wait is None:
                return False
            wait = next_wait
            quiet_retries()  # stamina is about to call its hooks, which are made on the first retry only
            return 0.0

        with quiet():
            async for turn in stamina.retry_context(on=again, attempts=attempts, timeout=None):
                if turn.num > 1:
                    await self.clock.sleep(wait)
                    attempt.patience = max(ends - self.clock.monotonic(), 0.0)
                attempt.number = turn.num
                attempt.retry_after = None
                with turn:
                    return await send(attempt)
        raise AssertionError("stamina ends with a result or an error")

    def _wait(self, error: ConnectorError, attempt: Attempt, attempts: int, ends: float) -> float | None:
        if attempt.number >= attempts or not may_repeat(error, repeatable=attempt.repeatable):
            return None
        backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (attempt.number - 1))
        wait = backoff * self.random.uniform(0.5, 1.0)
        asked = error.retry_after if isinstance(error, RateLimited) else None
        asked = attempt.retry_after if asked is None else asked
        if asked is not None:
            wait = max(wait, asked)
        return wait if self.clock.monotonic() + wait <= ends else None


def may_repeat(error: ConnectorError, *, repeatable: bool) -> bool:
    """Whether sending again can help and can do no harm."""
    return error.retryable and (repeatable or error.applied is False)

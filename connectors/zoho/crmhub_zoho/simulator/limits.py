"""API credits over a rolling day, and calls at the same time.

Source: Zoho CRM API v8, "API Limits": credits per edition, concurrency of 5 to 25 calls per organisation
and app, sub-concurrency of 10 for heavy calls.
"""

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from crmhub.testing.simulator.clock import SimClock, days
from crmhub_zoho.simulator.errors import too_many_requests

HEAVY_AT_ONCE: Final = 10
_BUCKET: Final = 60.0


@dataclass(frozen=True)
class Edition:
    """An edition: its name in `paid_type`, credits a day (base, per user, at most) and concurrent calls."""

    name: str
    base: int
    per_user: int
    most: int | None
    concurrency: int

    def credits_for(self, users: int) -> int:
        """Credits per rolling 24 hours for that many users."""
        total = self.base + self.per_user * users
        return total if self.most is None else min(total, self.most)


EDITIONS = {
    edition.name: edition
    for edition in (
        Edition("free", 5_000, 0, 5_000, 5),
        Edition("standard", 50_000, 250, 100_000, 10),
        Edition("professional", 50_000, 500, 3_000_000, 15),
        Edition("enterprise", 50_000, 1_000, 5_000_000, 20),
        Edition("ultimate", 50_000, 2_000, None, 25),
    )
}


class Limits:
    """What is left of the day's credits, and who is calling now."""

    def __init__(self, clock: SimClock, credits_a_day: int, concurrency: int) -> None:
        self._clock = clock
        self.credits_a_day = credits_a_day
        self.concurrency = concurrency
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0
        self._calls = 0
        self._heavy = 0

    @property
    def used(self) -> int:
        """Credits used in the last 24 hours."""
        horizon = self._clock.now() - days(1)
        while self._spent and self._spent[0][0] <= horizon:
            self._used -= self._spent.popleft()[1]
        return self._used

    @property
    def remaining_header(self) -> str | None:
        """The value of `X-API-CREDITS-REMAINING`, which is sent only once half of the credits are used."""
        used = self.used
        return str(max(self.credits_a_day - used, 0)) if used * 2 >= self.credits_a_day else None

    def spend(self, amount: int) -> None:
        """Use credits; raises ZohoError (429) if there are not enough."""
        if self.used + amount > self.credits_a_day:
            raise too_many_requests()
        bucket = self._clock.now() // _BUCKET * _BUCKET + _BUCKET
        if self._spent and self._spent[-1][0] >= bucket:
            bucket, before = self._spent.pop()
            self._spent.append((bucket, before + amount))
        else:
            self._spent.append((bucket, amount))
        self._used += amount

    @contextmanager
    def slot(self, *, heavy: bool, weight: int = 1) -> Generator[None]:
        """Hold `weight` of the concurrent calls; raises ZohoError (429) if there are not as many free."""
        if self._calls + weight > self.concurrency or (heavy and self._heavy >= HEAVY_AT_ONCE):
            raise too_many_requests()
        self._calls += weight
        self._heavy += heavy
        try:
            yield
        finally:
            self._calls -= weight
            self._heavy -= heavy

"""How fast and how many at once: rates, concurrency, and pauses that the CRM asks for.

A rate is kept by the generic cell rate algorithm (GCRA, as in ATM Forum TM 4.0): one number, the
time at which the next call would be due, replaces a bucket that must be refilled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from crmhub.clock import Clock
from crmhub.errors import ConfigError, RateLimited, Where

__all__ = ["Limit", "Limits"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a CRM account.

    ``rate`` is how many units (a call's ``cost``) may be spent each ``per`` seconds, ``burst`` how
    many at once, ``concurrency`` how many calls may be under way. ``endpoints`` are the endpoint
    classes it covers, together; ``None`` covers all calls of the connection.
    """

    name: str
    rate: float | None = None
    per: float = 1.0
    burst: int = 1
    concurrency: int | None = None
    endpoints: frozenset[str] | None = None

    def __post_init__(self) -> None:
        numbers = (self.rate, self.per, self.burst, self.concurrency)
        if any(number is not None and number <= 0 for number in numbers):
            raise ConfigError(f"limit {self.name!r}: rate, per, burst and concurrency must be above zero")

    def covers(self, endpoint: str) -> bool:
        """Whether calls of that endpoint class count."""
        return self.endpoints is None or endpoint in self.endpoints


class _Meter:
    """One limit's state."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.slots = anyio.Semaphore(limit.concurrency, fast_acquire=True) if limit.concurrency else None
        self._interval = limit.per / limit.rate if limit.rate else 0.0
        self._due = 0.0

    def book(self, now: float, cost: int) -> float:
        """Book ``cost`` units and give the time from which they may be spent.

        A booking is never handed back: a call that is cancelled while it waits has spent its place,
        so that no other call can come too early. At most one booking of an endpoint class is waiting.
        """
        if not self._interval:
            return now
        allowance = (self.limit.burst - 1) * self._interval
        self._due = max(self._due, now) + cost * self._interval
        return self._due - self._interval - allowance


class Limits:
    """All limits of one connection. ``waited`` hears the endpoint class and the seconds of each wait."""

    def __init__(
        self,
        limits: Sequence[Limit],
        *,
        concurrency: int,
        clock: Clock,
        waited: Callable[[str, str, float], None],
        connection: str | None = None,
    ) -> None:
        every_call = Limit("connection", concurrency=concurrency)
        self._meters = [_Meter(limit) for limit in (*limits, every_call)]
        self._covering: dict[str, list[_Meter]] = {}
        self._paused_until: dict[str, float] = {}
        self._turns: dict[str, anyio.Lock] = {}
        self._clock = clock
        self._waited = waited
        self._connection = connection

    async def enter(self, endpoint: str, cost: int, patience: float) -> None:
        """Wait until a call of that class may be sent; :meth:`leave` must follow.

        Raises :class:`~crmhub.errors.RateLimited`, with nothing sent, when the CRM asked for a pause
        that ends later than ``patience`` seconds from now.
        """
        while True:
            await self._sit_out_pause(endpoint, patience)
            await self._take_slots(endpoint)
            try:
                if await self._spend(endpoint, cost):
                    return
            except BaseException:
                self.leave(endpoint)
                raise
            self.leave(endpoint)

    async def again(self, endpoint: str, cost: int, patience: float) -> None:
        """Wait until the call that has entered may be sent once more."""
        while not await self._spend(endpoint, cost):
            await self._sit_out_pause(endpoint, patience)

    def leave(self, endpoint: str) -> None:
        """The call is over."""
        for meter in self._for(endpoint):
            if meter.slots:
                meter.slots.release()

    def pause(self, endpoint: str, seconds: float) -> None:
        """Let no call of that class begin for so many seconds; one that waits for its turn waits anew."""
        until = self._clock.monotonic() + seconds
        self._paused_until[endpoint] = max(until, self._paused_until.get(endpoint, 0.0))

    async def _sit_out_pause(self, endpoint: str, patience: float) -> None:
        while (wait := self._paused_until.get(endpoint, 0.0) - self._clock.monotonic()) > 0:
            if wait > patience:
                raise RateLimited(
                    f"the CRM asked for a pause of its {endpoint!r} calls that lasts {wait:.0f} s more",
                    retry_after=wait,
                    hint="try again after the pause",
                    where=Where(connection=self._connection),
                )
            await self._wait(endpoint, "pause", wait)

    async def _take_slots(self, endpoint: str) -> None:
        taken: list[anyio.Semaphore] = []
        try:
            for meter in self._for(endpoint):
                if meter.slots:
                    await meter.slots.acquire()
                    taken.append(meter.slots)
        except BaseException:
            for slots in taken:
                slots.release()
            raise

    async def _spend(self, endpoint: str, cost: int) -> bool:
        """Spend ``cost`` when it is due; ``False`` when a pause began in the meantime.

        One call of a class at a time, in order of arrival: a queue of bookings would be void after a
        pause, and come back as a burst or as a hole.
        """
        async with self._turns.setdefault(endpoint, anyio.Lock(fast_acquire=True)):
            now = self._clock.monotonic()
            due, name = now, ""
            for meter in self._for(endpoint):
                allowed = meter.book(now, cost)
                if allowed > due:
                    due, name = allowed, meter.limit.name
            if due > now:
                await self._wait(endpoint, name, due - now)
            return self._paused_until.get(endpoint, 0.0) <= self._clock.monotonic()

    async def _wait(self, endpoint: str, limit: str, seconds: float) -> None:
        self._waited(endpoint, limit, seconds)
        await self._clock.sleep(seconds)

    def _for(self, endpoint: str) -> list[_Meter]:
        meters = self._covering.get(endpoint)
        if meters is None:
            meters = [meter for meter in self._meters if meter.limit.covers(endpoint)]
            self._covering[endpoint] = meters
        return meters

"""How fast and how many at once: rates, concurrency, and pauses that the CRM asks for.

A rate is kept by the generic cell rate algorithm (GCRA, as in ATM Forum TM 4.0): one number, the
time at which the next call would be due, replaces a bucket that must be refilled. Where a connection has
a store, its limits are booked there, so that they hold for all processes together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

import anyio

from crmhub.clock import Clock
from crmhub.errors import ConfigError, RateLimited, StoreError, Where

__all__ = ["Booking", "Entry", "Limit", "Limits", "QuotaStore"]

_FIRST_LOOK = 0.02
_LONGEST_LOOK = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a CRM account.

    ``rate`` is how many calls may be made each ``per`` seconds, whatever they cost, ``burst`` how many
    at once, ``concurrency`` how many calls may be under way. ``endpoints`` are the endpoint
    classes it covers, together; ``None`` covers all calls of the connection. Requests for tokens are of
    the class ``token``, which only a limit that names it covers; they are refused and never made to wait.

    ``owner`` is whose limit it is, where that is not the connection: all limits of one name and one
    owner are spent together, whichever connections of a store they belong to. What is under way (a
    ``concurrency``) is each connection's own.
    """

    name: str
    rate: float | None = None
    per: float = 1.0
    burst: int = 1
    concurrency: int | None = None
    endpoints: frozenset[str] | None = None
    owner: str | None = None

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

    def book(self, now: float, calls: int) -> float:
        """Book so many calls and give the time from which they may be made.

        A booking is never handed back: a call that is cancelled while it waits has spent its place,
        so that no other call can come too early. At most one booking of an endpoint class is waiting.
        """
        if not self._interval:
            return now
        allowance = (self.limit.burst - 1) * self._interval
        self._due = max(self._due, now) + calls * self._interval
        return self._due - self._interval - allowance


@dataclass(frozen=True, slots=True)
class Booking:
    """What became of a wish to make a call: it may be sent in ``wait`` seconds, held back by ``limit``.

    ``slot`` is the place it holds among the calls that are under way, if it needs one. When ``full``,
    no place was free and nothing is booked.
    """

    wait: float = 0.0
    limit: str = ""
    slot: str | None = None
    full: bool = False


class QuotaStore(Protocol):
    """Keeps the limits of a connection for all processes together. Raises ``StoreError`` when it cannot."""

    async def book(
        self, connection: str, limits: Sequence[Limit], calls: int, hold: float | None = None
    ) -> Booking:
        """Book so many calls of each limit that has a rate, at once.

        With ``hold`` a slot of each limit with a concurrency is taken too, for at most so many seconds
        after the wait: who dies holds nothing for ever.
        """
        ...

    async def free(self, connection: str, slots: Collection[str]) -> None:
        """Give slots back."""
        ...


@dataclass(slots=True)
class Entry:
    """A call that was let in: what it holds until :meth:`Limits.leave`."""

    endpoint: str
    taken: list[anyio.Semaphore] = field(default_factory=list[anyio.Semaphore])
    slot: str | None = None


class Limits:
    """All limits of one connection. ``waited`` hears the endpoint class and the seconds of each wait.

    With ``quotas`` the ``limits`` hold for all processes that share them, else for this one alone; how
    many calls this process makes at once (``concurrency``) is its own affair. A call is over within
    ``hold`` seconds.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        *,
        concurrency: int,
        clock: Clock,
        waited: Callable[[str, str, float], None],
        connection: str = "",
        quotas: QuotaStore | None = None,
        hold: float = 300.0,
    ) -> None:
        every_call = Limit("connection", concurrency=concurrency)
        self.concurrency = concurrency
        self._limits = tuple(limits)
        self._meters = [_Meter(limit) for limit in (*limits, every_call)]
        self._covering: dict[str, list[_Meter]] = {}
        self._paused_until: dict[str, float] = {}
        self._turns: dict[str, anyio.Lock] = {}
        self._clock = clock
        self._waited = waited
        self._connection = connection
        self._quotas = quotas
        self._hold = hold
        self._to_free: set[str] = set()

    async def enter(self, endpoint: str, patience: float) -> Entry:
        """Wait until a call of that class may be sent; :meth:`leave` must follow.

        Raises :class:`~crmhub.errors.RateLimited`, with nothing sent, when the CRM asked for a pause
        that ends later than ``patience`` seconds from now.
        """
        entry = Entry(endpoint)
        try:
            while True:
                await self._sit_out_pause(endpoint, patience)
                await self._take_slots(entry)
                if await self._spend(entry):
                    return entry
                await self.leave(entry)
        except BaseException:
            await self.leave(entry)
            raise

    async def again(self, entry: Entry, patience: float) -> None:
        """Wait until the call that has entered may be sent once more."""
        while not await self._spend(entry):
            await self._sit_out_pause(entry.endpoint, patience)

    def widen(self, concurrency: int) -> None:
        """Let so many calls of this process be under way at once; never fewer than now."""
        slots = self._meters[-1].slots
        while slots is not None and self.concurrency < concurrency:
            self.concurrency += 1
            slots.release()

    async def spend_at_once(self, endpoint: str) -> None:
        """Spend one call of each limit that names that class, if that may be done now.

        Raises :class:`~crmhub.errors.RateLimited` with the seconds to wait, and nothing spent, if not.
        """
        for limit in self._limits:
            if limit.rate is None or limit.endpoints is None or endpoint not in limit.endpoints:
                continue
            wait = await self._spend_or_not(limit)
            if wait > 0:
                raise RateLimited(
                    f"the limit {limit.name!r} is reached ({limit.burst} at once, {limit.rate:g} in"
                    f" {limit.per:g} s); nothing was sent",
                    retry_after=wait,
                    hint=f"try again in {wait:.0f} s",
                    where=Where(connection=self._connection or None),
                )

    async def leave(self, entry: Entry) -> None:
        """The call is over."""
        while entry.taken:
            entry.taken.pop().release()
        if entry.slot is not None:
            self._to_free.add(entry.slot)
            entry.slot = None
            await self._free()

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
                    where=Where(connection=self._connection or None),
                )
            await self._wait(endpoint, "pause", wait)

    async def _take_slots(self, entry: Entry) -> None:
        for meter in self._for(entry.endpoint):
            if meter.slots:
                await meter.slots.acquire()
                entry.taken.append(meter.slots)

    async def _spend(self, entry: Entry) -> bool:
        """Spend a call when it is due; ``False`` when a pause began in the meantime.

        One call of a class at a time, in order of arrival: a queue of bookings would be void after a
        pause, and come back as a burst or as a hole.
        """
        endpoint = entry.endpoint
        async with self._turns.setdefault(endpoint, anyio.Lock(fast_acquire=True)):
            look_again = _FIRST_LOOK
            while (booking := await self._book(entry)).full:
                await self._wait(endpoint, booking.limit, look_again)
                look_again = min(2 * look_again, _LONGEST_LOOK)
                if self._is_paused(endpoint):
                    return False
            if booking.wait > 0:
                await self._wait(endpoint, booking.limit, booking.wait)
            return not self._is_paused(endpoint)

    async def _book(self, entry: Entry) -> Booking:
        shared = self._limits_of(entry.endpoint)
        if self._quotas is None or not shared:
            return self._book_here(entry.endpoint)
        hold = self._hold if entry.slot is None else None
        others = [limit for limit in shared if limit.owner is not None and limit.concurrency is None]
        own = [limit for limit in shared if limit not in others]
        with anyio.CancelScope(shield=True):  # a slot that was taken is known, and given back
            booking = await self._quotas.book(self._connection, own, 1, hold)
            entry.slot = booking.slot or entry.slot
            for limit in others if not booking.full else ():
                theirs = await self._quotas.book(limit.owner or self._connection, [limit], 1)
                if theirs.wait > booking.wait:
                    booking = replace(theirs, slot=booking.slot)
            return booking
        raise AssertionError("a shielded scope that nobody cancels always returns")

    async def _spend_or_not(self, limit: Limit) -> float:
        """0 when a call was spent, else the seconds until one may be.

        What must wait is given back. Who dies before that has spent a call too many, never one too few.
        """
        if self._quotas is None:
            meter = next(meter for meter in self._meters if meter.limit is limit)
            now = self._clock.monotonic()
            wait = meter.book(now, 1) - now
            if wait > 0:
                meter.book(now, -1)
            return wait
        owner = limit.owner or self._connection
        with anyio.CancelScope(shield=True):
            wait = (await self._quotas.book(owner, [limit], 1)).wait
            if wait > 0:
                await self._quotas.book(owner, [limit], -1)
            return wait
        raise AssertionError("a shielded scope that nobody cancels always returns")

    def _book_here(self, endpoint: str) -> Booking:
        now = self._clock.monotonic()
        due, name = now, ""
        for meter in self._for(endpoint):
            allowed = meter.book(now, 1)
            if allowed > due:
                due, name = allowed, meter.limit.name
        return Booking(due - now, name)

    async def _free(self) -> None:
        """Give slots back. The call they were for has its result, which a store that fails must not take.

        What could not be given back is, with the next ones; at the latest it ends by itself.
        """
        if self._quotas is None:
            return
        slots = frozenset(self._to_free)
        with anyio.CancelScope(shield=True), suppress(StoreError):
            await self._quotas.free(self._connection, slots)
            self._to_free -= slots

    def _is_paused(self, endpoint: str) -> bool:
        return self._paused_until.get(endpoint, 0.0) > self._clock.monotonic()

    async def _wait(self, endpoint: str, limit: str, seconds: float) -> None:
        self._waited(endpoint, limit, seconds)
        await self._clock.sleep(seconds)

    def _for(self, endpoint: str) -> list[_Meter]:
        meters = self._covering.get(endpoint)
        if meters is None:
            meters = [meter for meter in self._meters if meter.limit.covers(endpoint)]
            self._covering[endpoint] = meters
        return meters

    def _limits_of(self, endpoint: str) -> tuple[Limit, ...]:
        return tuple(limit for limit in self._limits if limit.covers(endpoint))

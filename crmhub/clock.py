"""Time, in one place, so that tests can turn it.

Nothing in crmhub asks the operating system for the time: wall time comes from a :class:`Clock`, and
waiting from :meth:`Clock.sleep`. On trio's mock clock a day of faults runs in seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel

__all__ = ["Clock", "ManualClock"]


class Clock:
    """Wall time (aware UTC), a monotonic reading in seconds, and sleep.

    ``simulated`` tells the store to run its statements inline: a pending thread would let a mock
    clock jump ahead.
    """

    simulated = False

    def now(self) -> datetime:
        """The present instant, timezone-aware UTC."""
        return datetime.fromtimestamp(time.time(), UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds; a cancellation point even for zero."""
        await anyio.sleep(max(seconds, 0.0))


class ManualClock(Clock):
    """A clock that tests turn by hand; sleeping moves it instead of waiting.

    With ``drive`` (for example ``trio.current_time`` under trio's mock clock) it follows that
    reading and sleeping really sleeps there, in simulated time.
    """

    simulated = True

    def __init__(
        self,
        start: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        drive: Callable[[], float] | None = None,
    ) -> None:
        self._start = start
        self._turned = 0.0
        self._drive = drive
        self._origin = drive() if drive else 0.0

    def now(self) -> datetime:
        """The start plus all the time that has been turned or slept."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds turned or slept since the start."""
        return self._turned + (self._drive() - self._origin if self._drive else 0.0)

    def advance(self, seconds: float) -> None:
        """Turn the clock forward."""
        self._turned += seconds

    async def sleep(self, seconds: float) -> None:
        """Turn the clock by that much, or sleep in the driver's simulated time."""
        if self._drive:
            await anyio.sleep(max(seconds, 0.0))
            return
        self._turned += max(seconds, 0.0)
        await anyio.lowlevel.checkpoint()

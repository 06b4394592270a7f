"""Counting API calls against the limits of the last 24 hours (REST API Developer Guide, "API Request
Limits").
"""

from collections import deque

from crmhub.testing.simulator.clock import SimClock

_DAY = 86_400
_GRAIN = 60


class Usage:
    """Calls of the last 24 hours, by the minute."""

    def __init__(self, clock: SimClock, allowed: int) -> None:
        self._clock = clock
        self.allowed = allowed
        self._minutes: deque[list[int]] = deque()
        self._total = 0

    def used(self) -> int:
        """Calls in the last 24 hours."""
        oldest = (self._clock.seconds() - _DAY) // _GRAIN
        while self._minutes and self._minutes[0][0] <= oldest:
            self._total -= self._minutes.popleft()[1]
        return self._total

    def spend(self, calls: int = 1) -> bool:
        """Count `calls` and say whether they were within the limit; calls beyond it are not counted."""
        if self.used() + calls > self.allowed:
            return False
        minute = self._clock.seconds() // _GRAIN
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append([minute, 0])
        self._minutes[-1][1] += calls
        self._total += calls
        return True

    def header(self) -> str:
        """The `Sforce-Limit-Info` header."""
        return f"api-usage={self.used()}/{self.allowed}"

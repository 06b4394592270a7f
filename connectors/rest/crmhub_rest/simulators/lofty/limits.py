"""Calls a minute, counted for each application (and for the API key) in windows of 60 seconds.

Source: developer.lofty.com, "Authentication": 100 calls in development mode, 500 in production; every reply
tells what is left.
"""

from typing import Final

from crmhub.testing.simulator.clock import SimClock

WINDOW: Final = 60.0


class Limits:
    """What is left of the present window, by caller."""

    def __init__(self, clock: SimClock, calls: int, *, reset_as_epoch: bool) -> None:
        self._clock = clock
        self._calls = calls
        self._as_epoch = reset_as_epoch
        self._windows: dict[str, tuple[float, int]] = {}

    def spend(self, who: str) -> bool:
        """Count a call; False if there are none left."""
        now = self._clock.now()
        ends, used = self._windows.get(who, (0.0, 0))
        if ends <= now:
            ends, used = now + WINDOW, 0
        if used >= self._calls:
            return False
        self._windows[who] = (ends, used + 1)
        return True

    def headers(self, who: str) -> dict[str, str]:
        """The headers of every reply."""
        now = self._clock.now()
        ends, used = self._windows.get(who, (now + WINDOW, 0))
        reset = -int(-ends // 1) if self._as_epoch else round(max(ends - now, 0) * 1_000)
        return {
            "X-RateLimit-Limit": str(self._calls),
            "X-RateLimit-Remaining": str(max(self._calls - used, 0)),
            "X-RateLimit-Reset": str(reset),
        }

"""Calls in each ten seconds and in each day, by app and by location (or agency).

Source: docs/oauth/Faqs: 100 calls in 10 seconds and 200,000 a day for each app and resource, and the five
headers; the sixth, of the day's end, is read by the vendor's client. How the windows lie is not documented:
here each begins with the first call after the last one's end.
"""

import math
from dataclasses import dataclass

from crmhub.testing.simulator.clock import SimClock, days
from crmhub_rest.simulators.gohighlevel.errors import too_many_requests


@dataclass
class _Window:
    length: float
    most: int
    began: float = -math.inf
    used: int = 0

    def turn(self, now: float) -> None:
        if not self.began <= now < self.began + self.length:
            self.began, self.used = now, 0

    @property
    def left(self) -> int:
        return max(self.most - self.used, 0)


class Limits:
    """Who has called how often."""

    def __init__(self, clock: SimClock, burst: int, interval: float, daily: int) -> None:
        self._clock = clock
        self._burst, self._interval, self._daily = burst, interval, daily
        self._windows: dict[str, tuple[_Window, _Window]] = {}

    def change(self, burst: int, interval: float, daily: int) -> None:
        """Other limits from now on; what was used stays used."""
        self._burst, self._interval, self._daily = burst, interval, daily
        for short, day in self._windows.values():
            short.most, short.length, day.most = burst, interval, daily

    def spend(self, who: str) -> dict[str, str]:
        """Count one call of `who`, and give the headers. Raises GhlError (429), which is not counted."""
        short, day = self._of(who)
        if not (short.left and day.left):
            raise too_many_requests()
        short.used += 1
        day.used += 1
        return self.headers(who)

    def headers(self, who: str) -> dict[str, str]:
        """What each reply tells of the limits."""
        short, day = self._of(who)
        reset = (day.began + day.length - self._clock.now()) * 1000
        return {
            "X-RateLimit-Limit-Daily": str(self._daily),
            "X-RateLimit-Daily-Remaining": str(day.left),
            "X-RateLimit-Daily-Reset": str(int(reset)),
            "X-RateLimit-Interval-Milliseconds": str(int(self._interval * 1000)),
            "X-RateLimit-Max": str(self._burst),
            "X-RateLimit-Remaining": str(short.left),
        }

    def _of(self, who: str) -> tuple[_Window, _Window]:
        known = self._windows.get(who)
        if known is None:
            known = _Window(self._interval, self._burst), _Window(days(1), self._daily)
            self._windows[who] = known
        for window in known:
            window.turn(self._clock.now())
        return known

"""How many calls are allowed, and what replies tell of it.

Source: HubSpot "API usage guidelines": calls per app in 10 seconds and per account in a day (until midnight
in the account's time zone), searches per second; headers of the two, those of the day not under OAuth;
reported bodies of 429. Searches do not count in the 10 seconds and tell nothing.
"""

from collections import deque
from datetime import datetime, timedelta, tzinfo

from crmhub.testing.simulator.clock import SimClock
from crmhub_rest.simulators.hubspot.errors import HubSpotError

WINDOW = 10.0
SECOND = 1.0


class RateLimited(HubSpotError):
    """Too many calls: the body is of an older form, and the headers tell of the limit."""

    def __init__(self, policy: str, word: str) -> None:
        super().__init__(429, "RATE_LIMITS", f"You have reached your {word} limit.")
        self.policy = policy

    def body(self, correlation: str) -> dict[str, object]:
        """The reply to the call."""
        return {
            "status": "error",
            "message": self.message,
            "errorType": "RATE_LIMIT",
            "correlationId": correlation,
            "policyName": self.policy,
            "requestId": correlation.replace("-", ""),
        }


class Limits:
    """What was called, by which app, and what is left."""

    def __init__(self, clock: SimClock, burst: int, searches: int, daily: int, zone: tzinfo) -> None:
        self._clock = clock
        self.burst = burst
        self.searches = searches
        self.daily = daily
        self._zone = zone
        self._calls: deque[float] = deque()
        self._search_calls: deque[float] = deque()
        self._day = ""
        self._today = 0

    @property
    def used_today(self) -> int:
        """Calls since midnight in the account's zone."""
        day = self._clock.moment(self._zone).date().isoformat()
        if day != self._day:
            self._day, self._today = day, 0
        return self._today

    def spend(self, *, search: bool, daily: bool) -> None:
        """Count a call; raises RateLimited if it is one too many. `daily`: it counts in the day too."""
        now = self._clock.now()
        if daily and self.used_today >= self.daily:
            raise RateLimited("DAILY", "daily")
        calls, most, window = (
            (self._search_calls, self.searches, SECOND) if search else (self._calls, self.burst, WINDOW)
        )
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) >= most:
            raise RateLimited(
                *(("SECONDLY", "secondly") if search else ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"))
            )
        calls.append(now)
        self._today = self.used_today + daily

    def headers(self, *, daily: bool) -> dict[str, str]:
        """What a reply tells of the limits."""
        now = self._clock.now()
        recent = sum(1 for at in self._calls if at > now - WINDOW)
        told = {
            "X-HubSpot-RateLimit-Max": str(self.burst),
            "X-HubSpot-RateLimit-Remaining": str(max(self.burst - recent, 0)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(WINDOW * 1000)),
        }
        if daily:
            told["X-HubSpot-RateLimit-Daily"] = str(self.daily)
            told["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(self.daily - self.used_today, 0))
        return told

    def resets_at(self) -> datetime:
        """The next midnight in the account's zone."""
        moment = self._clock.moment(self._zone)
        return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

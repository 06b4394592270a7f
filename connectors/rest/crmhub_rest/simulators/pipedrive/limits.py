"""What calls cost and how many may come: daily tokens, bursts, and the wall that hammering runs into.

Source: Pipedrive, "Rate limiting" and "Guide for optimizing API usage". Tokens are the company's, and come
back at midnight of the server's zone, which is not named: here UTC. Bursts are counted over two rolling
seconds for each token; searches by all. Neither refusal says when to come back, and they look alike. A client
that keeps calling meets Cloudflare: an HTML page with 403 (after how many calls, and for how long, is not
documented: the numbers are this double's).
"""

from collections import deque
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse, Response

from crmhub.testing.simulator.clock import SimClock
from crmhub_rest.simulators.pipedrive.errors import over_limit
from crmhub_rest.simulators.pipedrive.settings import PLANS, Settings

WINDOW = 2.0
SEARCHES = 10
DAILY_WRITES = 10_000
_DAY = 86_400
_HAMMERED = 10.0
_WALL = 60.0
_PAGE = (
    "<!DOCTYPE html><html><head><title>Access denied | api.pipedrive.com used Cloudflare to restrict access"
    "</title></head><body><h1>Error 1015</h1><h2>You are being rate limited</h2></body></html>"
)


@dataclass
class _Caller:
    """The calls of one token in the last two seconds, and those that were refused in the last ten."""

    calls: deque[float] = field(default_factory=deque[float])
    refused: deque[float] = field(default_factory=deque[float])
    walled_until: float = 0.0
    writes: int = 0
    writes_day: int = -1


class Limits:
    """The limits of one company."""

    def __init__(self, clock: SimClock, settings: Settings, users: int) -> None:
        self._clock = clock
        self.settle(settings, users)
        self._day: int = -1
        self._used: int = 0
        self._callers: dict[str, _Caller] = {}
        self._searches: deque[float] = deque()

    def settle(self, settings: Settings, users: int) -> None:
        """Make these the limits of a company with so many active users; what is used stays used."""
        self._settings = settings
        self.daily_tokens = settings.tokens_for(users)

    @property
    def used(self) -> int:
        """The tokens used today."""
        self._turn()
        return self._used

    def wall(self, token: str) -> Response | None:
        """Cloudflare's page, if this token's calls end there."""
        caller = self._callers.get(token)
        return blocked() if caller and caller.walled_until > self._clock.now() else None

    def admit(self, token: str, cost: int, *, app: bool, search: bool) -> None:
        """Count a call that costs so many tokens; raises ApiError 429 beyond a limit."""
        now = self._clock.now()
        caller = self._callers.setdefault(token, _Caller())
        _forget(caller.calls, now - WINDOW)
        _forget(self._searches, now - WINDOW)
        self._turn()
        most = self._most(app=app)
        if (
            (most and len(caller.calls) >= most)
            or (most and search and len(self._searches) >= SEARCHES)
            or self._used + cost > self.daily_tokens
        ):
            self._refuse(caller, now)
        caller.calls.append(now)
        if search:
            self._searches.append(now)
        self._used += cost

    def headers(self, token: str, *, app: bool, wrote: bool = False) -> dict[str, str]:
        """What each reply tells of the burst limit, and to writers with an API token of their day."""
        most = self._most(app=app)
        caller = self._callers.setdefault(token, _Caller())
        now = self._clock.now()
        if not most:
            return {}
        reset = caller.calls[0] + WINDOW - now if caller.calls else WINDOW
        told = {
            "x-ratelimit-limit": str(most),
            "x-ratelimit-remaining": str(max(most - len(caller.calls), 0)),
            "x-ratelimit-reset": str(max(1, round(reset))),
        }
        if wrote and not app:
            day = int(now // _DAY)
            caller.writes = caller.writes + 1 if caller.writes_day == day else 1
            caller.writes_day = day
            told["x-daily-requests-left"] = str(max(DAILY_WRITES - caller.writes, 0))
        return told

    def _most(self, *, app: bool) -> int:
        if self._settings.burst is not None:
            return self._settings.burst
        return PLANS[self._settings.plan][2 if app else 1]

    def _turn(self) -> None:
        day = self._clock.seconds() // _DAY
        if day != self._day:
            self._day, self._used = day, 0

    def _refuse(self, caller: _Caller, now: float) -> None:
        _forget(caller.refused, now - _HAMMERED)
        caller.refused.append(now)
        if len(caller.refused) >= self._settings.hammering:
            caller.refused.clear()
            caller.walled_until = now + _WALL
        raise over_limit()


def blocked() -> Response:
    """Cloudflare's page."""
    return HTMLResponse(_PAGE, 403, {"server": "cloudflare"})


def _forget(moments: deque[float], before: float) -> None:
    while moments and moments[0] <= before:
        moments.popleft()

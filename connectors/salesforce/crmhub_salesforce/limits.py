"""What an org may use: API calls in a rolling day, which every reply tells.

Source: REST API Developer Guide, "Limit Info Header" (``Sforce-Limit-Info: api-usage=18/5000``) and "Limits".
"""

from __future__ import annotations

import re

from crmhub.connector import Value
from crmhub.errors import ConfigError
from crmhub.http import Allowance, Budget, HttpClient, Response
from crmhub.routing import wished
from crmhub.usage import Usage
from crmhub_salesforce.config import SalesforceConfig

__all__ = ["Limits", "allowance_of"]

_USAGE = re.compile(r"(?<![-\w])api-usage=(\d{1,12})/(\d{1,12})")
_BY_REPLY = "as the org's replies tell"
_PEOPLE = frozenset({"agent", "interactive"})


class Limits:
    """What one connection may use: the owner of its budget.

    :meth:`attach` gives it what it asks with, which needs its budget first.
    """

    def __init__(self, config: SalesforceConfig, connection: str) -> None:
        self._config = config
        self._client: HttpClient | None = None
        self.budget = Budget(
            name="API calls",
            owner=connection,
            most=config.daily_calls,
            reserve=config.reserve,
            prefix="/services/",
            ask=self._ask,
            ask_after=1_000_000,  # replies tell before
            ask_at=1_000_000,
            left=_left,
            grants=_granted,
            urgent=_is_for_people,
        )

    def attach(self, client: HttpClient) -> None:
        """Spend with that client."""
        self._client = client

    async def usage(self) -> Usage:
        """What is used; the org is asked where no reply has told, by one call."""
        purse = self._attached().purse
        if purse is None:
            raise ConfigError("the connection has no budget")
        spent = await purse.look(ask=self._config.daily_calls is None)
        most, allowance = purse.most, spent.allowance
        configured = self._config.daily_calls is not None
        return Usage(
            unit=self.budget.name,
            used=spent.used,
            most=most,
            reserve=0 if most is None else most - self.budget.open_to(most, urgent=False),
            others=spent.others,
            window=self.budget.window,
            concurrency=self._config.concurrency,
            why="configured" if configured else allowance.why if allowance else "not known: not told yet",
        )

    async def left(self) -> int | None:
        """Calls that such calls as are made here may use now; ``None``: nobody knows. Nothing is sent."""
        purse = self._attached().purse
        if purse is None or purse.most is None:
            return None
        used = (await purse.look(ask=False)).used
        return max(self.budget.open_to(purse.most, urgent=_is_for_people()) - used, 0)

    def _attached(self) -> HttpClient:
        if self._client is None:
            raise ConfigError("the connection has no HTTP client")
        return self._client

    async def _ask(self) -> Allowance:
        path = f"/services/data/v{self._config.version}/limits"
        return allowance_of((await self._attached().request("GET", path)).json())


def allowance_of(limits: Value) -> Allowance:
    """What the resource ``/limits`` tells of the day's calls."""
    daily = limits.get("DailyApiRequests") if isinstance(limits, dict) else None
    most = daily.get("Max") if isinstance(daily, dict) else None
    if not isinstance(most, int) or isinstance(most, bool) or most <= 0:
        return Allowance(why="not known: the org does not tell")
    return Allowance(most, why=_BY_REPLY)


def _told(response: Response) -> tuple[int, int] | None:
    """Calls used and calls granted, as a reply tells them."""
    found = _USAGE.search(response.headers.get("sforce-limit-info", ""))
    return None if found is None or int(found[2]) == 0 else (int(found[1]), int(found[2]))


def _left(response: Response) -> int | None:
    told = _told(response)
    return None if told is None else max(told[1] - told[0], 0)


def _granted(response: Response) -> Allowance | None:
    told = _told(response)
    return None if told is None else Allowance(told[1], why=_BY_REPLY)


def _is_for_people() -> bool:
    wish = wished()
    return wish is not None and wish.context in _PEOPLE

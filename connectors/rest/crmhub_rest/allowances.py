"""How fast and how much: the description's limits and daily budget, for the HTTP client."""

from __future__ import annotations

from collections.abc import Mapping

from crmhub.errors import ConfigError
from crmhub.http import Allowance, Budget, HttpClient, Limit, Response
from crmhub.native import Value
from crmhub.routing import wished
from crmhub.usage import Usage
from crmhub_rest.config import RestConfig
from crmhub_rest.language.crm import Crm

__all__ = ["Limits", "limits_of"]

_PEOPLE = frozenset({"agent", "interactive"})
_WINDOW = 86_400.0


def limits_of(crm: Crm, settings: Mapping[str, Value]) -> list[Limit]:
    """The limits on calls: in no span as long as a limit's are there more calls than it allows."""
    limits: list[Limit] = []
    for pace in crm.limits:
        rate = pace.rate.bound(settings) if pace.rate is not None else None
        if rate is None and pace.at_once is None:
            continue
        calls = rate.calls if rate else 0
        burst = max(calls // 10, 1)  # what goes at once does not go on top of the rest
        limits.append(
            Limit(
                f"{rate.text if rate else pace.at_once} {' '.join(pace.of)}".strip(),
                rate=float(max(calls - burst, 1)) if rate else None,
                per=rate.seconds if rate else 1.0,
                burst=burst,
                concurrency=pace.at_once,
                endpoints=frozenset(pace.of) if pace.of else None,
            )
        )
    return limits


class Limits:
    """The owner of a connection's budget; there is none unless the description or a setting knows of one."""

    def __init__(self, crm: Crm, config: RestConfig, settings_most: int | None, connection: str) -> None:
        self._config = config
        self._daily = crm.daily
        self._client: HttpClient | None = None
        most = config.daily or settings_most or (crm.daily.most if crm.daily else None)
        self.budget: Budget | None = None
        if crm.daily is not None or most is not None:
            self.budget = Budget(
                name=crm.daily.unit if crm.daily else "calls",
                owner=connection,
                most=most,
                reserve=config.reserve,
                left=self._left,
                grants=self._granted,
                urgent=_is_for_people,
            )

    def attach(self, client: HttpClient) -> None:
        """Spend with that client."""
        self._client = client

    @property
    def unit(self) -> str:
        """What calls cost."""
        return self.budget.name if self.budget is not None else "calls"

    async def left(self) -> int | None:
        """Units that such calls as are made here may use now; ``None``: nobody knows. Nothing is sent."""
        purse = self._client.purse if self._client is not None else None
        if purse is None or self.budget is None or purse.most is None:
            return None
        used = (await purse.look(ask=False)).used
        return max(self.budget.open_to(purse.most, urgent=_is_for_people()) - used, 0)

    async def usage(self) -> Usage:
        """What is used; nobody is asked."""
        purse = self._client.purse if self._client is not None else None
        if purse is None or self.budget is None:
            raise ConfigError("the CRM's description knows of no daily allowance", hint="set daily")
        spent = await purse.look(ask=False)
        most = purse.most
        return Usage(
            unit=self.budget.name,
            used=spent.used,
            most=most,
            reserve=0 if most is None else most - self.budget.open_to(most, urgent=False),
            others=spent.others,
            window=_WINDOW,
            concurrency=self._config.concurrency,
            why="as the CRM's replies tell" if spent.allowance else "configured" if most else "not known",
        )

    def _left(self, response: Response) -> int | None:
        return _number(response, self._daily.left if self._daily else None)

    def _granted(self, response: Response) -> Allowance | None:
        most = _number(response, self._daily.granted if self._daily else None)
        return Allowance(most, why="as the CRM's replies tell") if most else None


def _number(response: Response, header: str | None) -> int | None:
    text = response.headers.get(header, "") if header else ""
    return int(text) if text.isascii() and text.isdigit() else None


def _is_for_people() -> bool:
    wish = wished()
    return wish is not None and wish.context in _PEOPLE

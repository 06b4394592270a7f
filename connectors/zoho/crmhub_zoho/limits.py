"""What an organisation may use: API credits in a rolling day, and calls at once, by its edition.

Source: Zoho CRM API v8, "API Limits" (credits and concurrency by edition; the header
``X-API-CREDITS-REMAINING``, which comes once half of the credits are used) and "Get Organization Data".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmhub.connector import Native
from crmhub.errors import ConfigError
from crmhub.http import Allowance, Budget, HttpClient, Response
from crmhub.routing import Wish, wished
from crmhub.usage import Usage
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.tiers.rest import Rest

__all__ = ["HEAVY_AT_ONCE", "MOST_AT_ONCE", "SAFE_AT_ONCE", "Edition", "Limits", "allowance_of"]

SAFE_AT_ONCE = 5
"""Calls at once that every edition allows."""
MOST_AT_ONCE = 25
HEAVY_AT_ONCE = 10
"""Queries, writes of more than ten records and the like at once, in every edition."""
_LEFT = "x-api-credits-remaining"
_ASK_AFTER = 50  # calls: what asks costs is then 2 % of them
_ASK_AT = 2_000  # credits: less than half of what the free edition has
_PEOPLE = frozenset({"agent", "interactive"})


@dataclass(frozen=True, slots=True)
class Edition:
    """Credits in 24 hours (``base`` and so many for each user, ``most`` at most) and calls at once."""

    name: str
    base: int
    per_user: int
    most: int | None
    concurrency: int

    def credits(self, users: int) -> int:
        """Credits in 24 hours of an organisation with so many users."""
        total = self.base + self.per_user * users
        return total if self.most is None else min(total, self.most)


_ENTERPRISE = Edition("enterprise", 50_000, 1_000, 5_000_000, 20)
_ULTIMATE = Edition("ultimate", 50_000, 2_000, None, 25)
_EDITIONS: Mapping[str, Edition] = {
    "free": Edition("free", 5_000, 0, 5_000, SAFE_AT_ONCE),
    "standard": Edition("standard", 50_000, 250, 100_000, 10),
    "professional": Edition("professional", 50_000, 500, 3_000_000, 15),
    "enterprise": _ENTERPRISE,
    "zohoone": _ENTERPRISE,
    "ultimate": _ULTIMATE,
    "crmplus": _ULTIMATE,
}


def allowance_of(org: Native) -> Allowance:
    """What ``/org`` means; an edition that nobody knows grants nothing that is known."""
    license_ = org.get("license_details")
    details = license_ if isinstance(license_, dict) else {}
    paid_type = details.get("paid_type")
    name = paid_type if isinstance(paid_type, str) else ""
    edition = _EDITIONS.get("".join(filter(str.isalpha, name.casefold())))
    if edition is None:
        shown = "".join(letter for letter in name[:40] if letter.isprintable())
        return Allowance(why=f"not known: nobody knows the edition {shown!r}")
    users = details.get("users_license_purchased")
    count = users if isinstance(users, int) and not isinstance(users, bool) and users > 0 else 0
    return Allowance(edition.credits(count), edition.concurrency, f"{edition.name} edition, {count} users")


class Limits:
    """What one connection may use: the owner of its budget and of how many calls are made at once.

    :meth:`attach` gives it what it asks with, which needs its budget first.
    """

    def __init__(self, config: ZohoConfig, connection: str) -> None:
        self._config = config
        self._client: HttpClient | None = None
        self._rest: Rest | None = None
        self.budget = Budget(
            owner=connection,
            most=config.credits,
            reserve=config.reserve,
            prefix="/crm/",
            ask=self._ask if config.credits is None or config.concurrency is None else None,
            ask_after=_ASK_AFTER,
            ask_at=_ASK_AT,
            left=_left,
            urgent=self._is_for_people,
            granted=self._granted,
        )

    def attach(self, client: HttpClient, rest: Rest) -> None:
        """Have the client make more calls at once when it is known that it may."""
        self._client, self._rest = client, rest

    def at_once(self) -> int:
        """How many calls are made at once: more of them once the edition is known."""
        return self._config.concurrency or (self._client.concurrency if self._client else SAFE_AT_ONCE)

    async def usage(self, *, ask: bool = True) -> Usage:
        """What is used; the edition is asked for where nobody knows it and ``ask`` says so."""
        purse = self._client.purse if self._client else None
        if purse is None:
            raise ConfigError("the connection has no budget")
        spent = await purse.look(ask=ask)
        most = purse.most
        return Usage(
            unit=self.budget.name,
            used=spent.used,
            most=most,
            reserve=0 if most is None else most - self.budget.open_to(most, urgent=False),
            others=spent.others,
            window=self.budget.window,
            concurrency=self.at_once(),
            why=self._why(spent.allowance),
        )

    async def left(self) -> int | None:
        """Credits that such calls as are made here may use now; ``None``: nobody knows. Nothing is sent."""
        purse = self._client.purse if self._client else None
        if purse is None or purse.most is None:
            return None
        used = (await purse.look(ask=False)).used
        return max(self.budget.open_to(purse.most, urgent=self._is_for_people()) - used, 0)

    def _why(self, allowance: Allowance | None) -> str:
        if self._config.credits is not None:
            return "configured"
        return allowance.why if allowance is not None else "not known: not asked yet"

    async def _ask(self) -> Allowance:
        return Allowance() if self._rest is None else allowance_of(await self._rest.org())

    def _granted(self, allowance: Allowance) -> None:
        if self._client is not None and allowance.concurrency:
            self._client.widen(allowance.concurrency)

    def _is_for_people(self) -> bool:
        return (wished() or Wish(self._config.tiers.context)).context in _PEOPLE


def _left(response: Response) -> int | None:
    said = response.headers.get(_LEFT, "").strip()
    return int(said) if said.isascii() and said.isdigit() else None

"""Paging of lists: by number for the first 2,000 records, by token up to 100,000.

Source: Zoho CRM API v8, "Get Records": `page`, `page_token` and the errors around them. A token lives 24
hours, is bound to the user and to all other parameters, and excludes `page`.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from crmhub.testing.simulator.clock import SimClock, days
from crmhub.testing.simulator.oauth import opaque
from crmhub_zoho.simulator.errors import ZohoError, invalid_param

FIRST_RECORDS = 2_000
MOST_RECORDS = 100_000
Entry = TypeVar("Entry")
Position = tuple[int, int]
"""Where a page starts: after the record with this (time of change, place); the time is 0 in id order."""


@dataclass(frozen=True)
class PageStart:
    """Where a page starts: its number, how many records came before, and after which position."""

    page: int
    before: int
    after: Position | None = None


@dataclass(frozen=True)
class Numbered:
    """A page of a list that is told by number alone."""

    page: int
    per_page: int

    def of(self, entries: Sequence[Entry]) -> tuple[Sequence[Entry], dict[str, object]]:
        """The page's entries, and the `info` that Zoho gives with them."""
        start = (self.page - 1) * self.per_page
        shown = entries[start : start + self.per_page]
        more = len(entries) > start + len(shown)
        return shown, {
            "per_page": self.per_page, "count": len(shown), "page": self.page, "more_records": more
        }  # fmt: skip


@dataclass(frozen=True)
class _Token:
    start: PageStart
    bound: frozenset[tuple[str, str]]
    user: str
    expires_at: float


class PageTokens:
    """The page tokens that were handed out."""

    def __init__(self, clock: SimClock, source: random.Random) -> None:
        self._clock = clock
        self._random = source
        self._tokens: dict[str, _Token] = {}

    def issue(self, start: PageStart, params: Mapping[str, str], path: str, user: str) -> tuple[str, float]:
        """A token for the page at `start`, and when it expires (epoch seconds)."""
        now = self._clock.now()
        while self._tokens and next(iter(self._tokens.values())).expires_at < now - days(1):
            del self._tokens[next(iter(self._tokens))]
        token = opaque(self._random, 64)
        expires_at = now + days(1)
        self._tokens[token] = _Token(start, _bound(params, path), user, expires_at)
        return token, expires_at

    def read(self, text: str, params: Mapping[str, str], path: str, user: str) -> PageStart:
        """Where the page of this token starts; raises ZohoError."""
        token = self._tokens.get(text)
        if token is None:
            raise invalid_param("page_token")
        if token.expires_at <= self._clock.now():
            raise ZohoError(400, "EXPIRED_VALUE", "The token given is expired", {"param_name": "page_token"})
        if token.user != user or token.bound != _bound(params, path):
            raise ZohoError(
                400,
                "TOKEN_BOUND_DATA_MISMATCH",
                "The given parameters do not match those that the token was made with",
                {"param_name": "page_token"},
            )
        if token.start.before >= MOST_RECORDS:
            raise ZohoError(
                400,
                "PAGINATION_LIMIT_EXCEEDED",
                f"You can only get the first {MOST_RECORDS} records using page_token param",
                {"limit": MOST_RECORDS},
            )
        return token.start


def _bound(params: Mapping[str, str], path: str) -> frozenset[tuple[str, str]]:
    rest = {(name, value) for name, value in params.items() if name != "page_token"}
    return frozenset({*rest, ("path", path)})


def page_start(page: int, per_page: int) -> PageStart:
    """Where page number `page` starts; raises ZohoError beyond the first 2,000 records."""
    if page * per_page > FIRST_RECORDS:
        raise ZohoError(
            400,
            "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
            f"You can only get the first {FIRST_RECORDS} records without using page_token param",
            {"limit": FIRST_RECORDS},
        )
    return PageStart(page, (page - 1) * per_page)

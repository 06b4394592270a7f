"""Zoho Books' REST API, as far as customers and invoices are read.

Source: Zoho Books API v3, "Organizations", "List invoices", "Get an invoice", "List Contacts" and "Get
Contact": ``organization_id`` on every call but the list of organisations, pages of at most 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import anyio

from crmhub.connector import Native
from crmhub.errors import ConfigError, NotFound
from crmhub.http import HttpClient, Response, path

__all__ = ["PAGE", "BooksCalls", "BooksPage", "only_one"]

PAGE = 200
_ROOT = "/books/v3"


@dataclass(frozen=True, slots=True)
class BooksPage:
    """A page of a list, and the server's own time."""

    rows: list[Native]
    more: bool
    at: datetime | None


class BooksCalls:
    """See the module. Without an ``organization`` the user's only one is used, once it is known."""

    def __init__(self, http: HttpClient, organization: str | None, connection: str) -> None:
        self._http = http
        self._organization = organization
        self._connection = connection
        self._turn = anyio.Lock()

    async def page(self, kind: str, params: Mapping[str, str], number: int, size: int) -> BooksPage:
        """A page of ``invoices`` or ``contacts``."""
        asked = {
            "organization_id": await self._id(),
            **params,
            "page": str(number),
            "per_page": str(size),
        }
        response = await self._http.request("GET", f"{_ROOT}/{kind}", params=asked)
        rows = _rows(response, kind)
        body = response.json()
        context = body.get("page_context") if isinstance(body, dict) else None
        if isinstance(context, list):  # as the documentation of some lists has it
            context = context[0] if context else None
        more = context.get("has_more_page") if isinstance(context, dict) else None
        return BooksPage(rows, more if isinstance(more, bool) else len(rows) >= size, response.sent_at)

    async def one(self, kind: str, key: str, id: str) -> Native | None:
        """One record, under ``key``; ``None``: there is none."""
        place = path(f"{_ROOT}/{kind}/{{id}}", id=id)
        try:
            response = await self._http.request("GET", place, params={"organization_id": await self._id()})
        except NotFound:
            return None
        body = response.json()
        found = body.get(key) if isinstance(body, dict) else None
        if not isinstance(found, dict):
            raise response.unreadable(f"JSON without an object {key!r}")
        return found

    async def _id(self) -> str:
        async with self._turn:
            if self._organization is None:
                response = await self._http.request("GET", f"{_ROOT}/organizations")
                found = [str(one.get("organization_id")) for one in _rows(response, "organizations")]
                self._organization = only_one(found, "books.organization", "Zoho Books", self._connection)
            return self._organization


def only_one(found: list[str], setting: str, product: str, connection: str) -> str:
    """The one id that there is; raises ``ConfigError`` that names the setting where there are more."""
    if len(found) == 1:
        return found[0]
    what = f"has {len(found)} places in {product}: {', '.join(found)}" if found else f"has no {product}"
    raise ConfigError(
        f"connection {connection!r}: the user who signed in {what}",
        hint=f"set {setting} to one of them" if found else "sign in as a user who has",
    )


def _rows(response: Response, key: str) -> list[Native]:
    body = response.json()
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise response.unreadable(f"JSON without a list {key!r}")
    rows = [row for row in found if isinstance(row, dict)]
    if len(rows) != len(found):
        raise response.unreadable(f"a list {key!r} that holds something else than objects")
    return rows

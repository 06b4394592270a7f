"""The REST API as a tier: queries by their cursors, and Salesforce's search."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from crmhub.connector import Native
from crmhub.errors import BadResponse, Where
from crmhub_salesforce.api import Api, is_of_another, plain
from crmhub_salesforce.schema import Described

__all__ = ["Rest"]


class Rest:
    """See the module."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def pages(
        self, soql: str, object: str | None, *, most: int | None = None, deleted: bool = False
    ) -> AsyncGenerator[Sequence[Native]]:
        """All pages of a query, by its cursor; raises ``BadResponse`` when that leads nowhere.

        ``deleted`` also finds deleted and archived records; ``most`` is what other tiers want to know.
        """
        del most
        reply = await self._api.query(soql, object=object, deleted=deleted)
        links: set[str] = set()
        while True:
            first = next(iter(reply.records), None)
            yield reply.records
            if reply.next is None:
                return
            if reply.next in links or first is None:
                raise _stuck(object)
            links.add(reply.next)
            reply = await self._api.next_page(reply.next, object=object)
            if "Id" in first and first == next(iter(reply.records), None):
                raise _stuck(object)

    async def rows(self, soql: str, object: str, *, deleted: bool = False) -> list[Native]:
        """The records of all pages of a query that finds few."""
        found: list[Native] = []
        async with aclosing(self.pages(soql, object, deleted=deleted)) as pages:
            async for rows in pages:
                found += rows
        return found

    async def total(self, soql: str, object: str) -> int:
        """How many records a query that counts has found."""
        return await self._api.count(soql, object=object)

    async def found(self, of: Described, text: str, names: Sequence[str], most: int) -> list[Native]:
        """Records that the search finds for the words, at most ``most``, with those fields."""
        found = await self.search(text, {of.name: names}, most)
        if any(is_of_another(record, of.name) for record in found):
            raise BadResponse("the search gave a record of another object", where=Where(object=of.name))
        return [plain(record) for record in found]

    async def search(self, text: str, fields: Mapping[str, Sequence[str]], most: int) -> list[Native]:
        """Records of several objects that the search finds, with those fields of each and the object's name
        (``attributes``: ``type``).
        """
        response = await self._api.data(
            "POST",
            "/parameterizedSearch",
            json={
                "q": text,
                "in": "ALL",
                "overallLimit": most,
                "sobjects": [
                    {"name": name, "fields": [*names], "limit": most} for name, names in fields.items()
                ],
            },
            idempotent=True,
        )
        body = response.json()
        records = body.get("searchRecords") if isinstance(body, dict) else None
        if not isinstance(records, list):
            raise response.unreadable("JSON without searchRecords")
        return [_typed(record) for record in records if isinstance(record, dict)][:most]


def _stuck(object: str | None) -> BadResponse:
    return BadResponse(
        "the query is not advancing: its next page is empty, or one that was already read",
        where=Where(object=object),
    )


def _typed(record: Native) -> Native:
    """The record with nothing of its attributes but its object's name."""
    attributes = record.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    return {"attributes": {"type": kind}, **plain(record)}

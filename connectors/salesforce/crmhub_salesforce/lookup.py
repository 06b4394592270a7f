"""Finding single records: by id, by words, by number, by the caller's own SOQL."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from crmhub.connector import Condition, Missing, Native, Page
from crmhub.errors import BadRequest, BadResponse, Unsupported, Where
from crmhub_salesforce.api import Api, Reply, plain
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import Described
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.soql import compared, counting, quoted, select

__all__ = ["GET_BATCH", "Lookup", "conditions_of"]

GET_BATCH = 200
"""Ids a call: as many as fit into a URL with some dozen fields."""
_MOST_FOUND = 2_000  # REST API Developer Guide, "Search with Parameters"


class Lookup:
    """See the module."""

    def __init__(self, api: Api, schemas: Schemas) -> None:
        self._api = api
        self._schemas = schemas

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Native | Missing]:
        """A record or ``Missing`` for each id, in order. An id may have 15 or 18 characters.

        Asked by SOQL, which reaches parents' fields and tells a deleted record from one that never was.
        """
        of = await self._schemas.checked(object, fields)
        wanted = [_own_id(of, id_) for id_ in ids]
        known = list(dict.fromkeys(id_ for id_ in wanted if id_ is not None))
        found: dict[str, Native | Missing] = {}
        for start in range(0, len(known), GET_BATCH):
            found |= await self._named(of, known[start : start + GET_BATCH], fields)
        return [_answer(id_, found.get(full or "")) for id_, full in zip(ids, wanted, strict=True)]

    async def _named(
        self, of: Described, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, Native | Missing]:
        cursor = (of.cursor,) if of.cursor else ()
        extra = ("IsDeleted",) if of.has("IsDeleted") else ()
        condition = f"Id IN ({', '.join(quoted(id_) for id_ in ids)})"
        soql = select(("Id", *cursor, *extra, *fields), of.name, (condition,))
        found: dict[str, Native | Missing] = {}
        nameless = BadResponse("a record came without its Id", where=Where(object=of.name, field="Id"))
        async with aclosing(self._pages(soql, of.name, deleted=of.has("IsDeleted"))) as replies:
            async for reply in replies:
                for row in reply.records:
                    id_ = row.get("Id")
                    if not isinstance(id_, str):
                        raise nameless
                    gone = row.get("IsDeleted") if "IsDeleted" in fields else row.pop("IsDeleted", None)
                    found[id_] = Missing(id_, "deleted") if gone is True else row
        return found

    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """One page of records that hold the words; the search index may lag behind writes."""
        of = await self._schemas.checked(object, fields)
        if len(text.strip()) < 2:
            raise BadRequest("Salesforce searches for at least two characters", where=Where(object=object))
        if limit < 1:
            return
        most = min(limit, _MOST_FOUND)
        cursor = [of.cursor] if of.cursor else []
        names = list(dict.fromkeys(["Id", *cursor, *fields]))
        response = await self._api.data(
            "POST",
            "/parameterizedSearch",
            json={
                "q": text,
                "in": "ALL",
                "overallLimit": most,
                "sobjects": [{"name": of.name, "fields": [*names], "limit": most}],
            },
            idempotent=True,
        )
        body = response.json()
        records = body.get("searchRecords") if isinstance(body, dict) else None
        if not isinstance(records, list):
            raise response.unreadable("JSON without searchRecords")
        yield Page([plain(record) for record in records if isinstance(record, dict)][:most])

    async def newest(self, object: str, fields: Sequence[str], limit: int) -> list[Native]:
        """The live records made last, newest first, at most ``limit`` and 2,000."""
        of = await self._schemas.checked(object, fields)
        if not of.holds("CreatedDate", "sortable"):
            raise Unsupported(
                f"{object} cannot be listed by when its records were made", where=Where(object=object)
            )
        if limit < 1:
            return []
        most, order = min(limit, _MOST_FOUND), ("CreatedDate", "Id")
        cursor = (of.cursor,) if of.cursor else ()
        soql = select(("Id", *cursor, *fields), of.name, order=order, newest_first=True, limit=most)
        found: list[Native] = []
        async with aclosing(self._pages(soql, of.name, deleted=False)) as replies:
            async for reply in replies:
                found += reply.records
        return found

    async def count(self, object: str, filter: Sequence[Condition]) -> int:
        """How many live records meet all conditions."""
        conditions = await conditions_of(self._schemas, object, filter)
        of = await self._schemas.of(object)
        soql = counting(of.name, conditions)
        return (await self._api.query(soql, object=of.name)).total

    async def query(self, text: str) -> AsyncGenerator[Page]:
        """Pages of the rows of a SOQL statement, which is sent as it is."""
        async with aclosing(self._pages(text, None, deleted=False)) as replies:
            async for reply in replies:
                yield Page(reply.records)

    async def _pages(self, soql: str, object: str | None, *, deleted: bool) -> AsyncGenerator[Reply]:
        """All pages of a query, by its cursor; raises ``BadResponse`` when that leads in a circle."""
        reply = await self._api.query(soql, object=object, deleted=deleted)
        links: set[str] = set()
        while True:
            yield reply
            if reply.next is None:
                return
            if reply.next in links:
                raise BadResponse(
                    "the query is not advancing: its next page is one that was already read",
                    where=Where(object=object),
                )
            links.add(reply.next)
            reply = await self._api.next_page(reply.next, object=object)


def _own_id(of: Described, id_: str) -> str | None:
    """The full id, unless it cannot be one of this object's."""
    full = full_id(id_)
    if full is None or (of.key_prefix is not None and not full.startswith(of.key_prefix)):
        return None
    return full


def _answer(asked: str, found: Native | Missing | None) -> Native | Missing:
    if isinstance(found, dict):
        return found
    return Missing(asked, found.life) if found else Missing(asked)


async def conditions_of(schemas: Schemas, object: str, filter: Sequence[Condition]) -> tuple[str, ...]:
    """The conditions as SOQL; raises ``BadRequest`` for a field that is not there or cannot be filtered."""
    of = await schemas.checked(object, [condition.field for condition in filter])
    for condition in filter:
        if of.has(condition.field) and not of.holds(condition.field, "filterable"):
            raise BadRequest(
                f"{object} cannot be filtered by {condition.field}",
                hint="Salesforce does not filter by long texts, encrypted and some system fields",
                where=Where(object=object, field=condition.field),
            )
    return tuple(compared(condition, of.type_of(condition.field)) for condition in filter)

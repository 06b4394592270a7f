"""Finding single records: by id, by words, by number, by the caller's own SOQL."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from crmhub.connector import Condition, Deletion, Missing, Native, Page
from crmhub.errors import BadRequest, Unsupported, Where
from crmhub_salesforce.gone import LIVE_LEADS, became, telling, tells_converted
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.received import checked
from crmhub_salesforce.schema import Described
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.soql import MOST_CHARACTERS, compared, counting, quoted, select
from crmhub_salesforce.tiers.rest import Rest
from crmhub_salesforce.wide import Parts, joined

__all__ = ["GET_BATCH", "Lookup", "Tier", "conditions_of", "count"]

GET_BATCH = 200
"""Ids a call: as many as fit into a URL with some dozen fields."""
_MOST_FOUND = 2_000  # REST API Developer Guide, "Search with Parameters"


class Tier(Protocol):
    """What a tier can be asked."""

    def pages(
        self, soql: str, object: str | None, *, most: int | None = None, deleted: bool = False
    ) -> AsyncGenerator[Sequence[Native]]:
        """Pages of a query of at most ``most`` records; ``deleted`` also finds those, where the tier can."""
        ...

    async def found(self, of: Described, text: str, names: Sequence[str], most: int) -> list[Native]:
        """Records that a search finds for the words, at most ``most``, with those fields."""
        ...


class Lookup:
    """See the module; asked by one tier."""

    def __init__(self, tier: Tier, schemas: Schemas) -> None:
        self._tier = tier
        self._schemas = schemas

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Native | Missing]:
        """A record or ``Missing`` for each id, in order. An id may have 15 or 18 characters.

        Asked by SOQL, which reaches parents' fields and tells a deleted record from one that never was, and
        what it was merged or converted into. A lead that was converted is ``Missing`` with its record, and a
        record as any other to those who ask for ``IsConverted``.
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
        converted = tells_converted(of, fields)
        extra = tuple(name for name in telling(of, converted=converted) if name not in fields)
        parts = Parts(of, ("Id", *cursor, *extra, *fields))
        condition = f"Id IN ({', '.join(map(quoted, ids))})"
        parts.fit(MOST_CHARACTERS - len(select(("Id",), of.name, (condition,))))

        async def ask(part: tuple[str, ...], ids: Sequence[str]) -> list[Native]:
            soql = select(part, of.name, (f"Id IN ({', '.join(map(quoted, ids))})",))
            rows: list[Native] = []
            pages = self._tier.pages(soql, of.name, most=len(ids), deleted=of.has("IsDeleted"))
            async with aclosing(pages):
                async for page in pages:
                    rows += page
            return rows

        while True:
            try:
                rows = await joined(of, await ask(parts.all[0], ids), parts.all, ask)
                break
            except BadRequest as error:
                if not parts.halve(error):
                    raise
        found: dict[str, Native | Missing] = {}
        for row in checked(of, rows):
            gone = became(row, converted=converted)
            record = {name: value for name, value in row.items() if name not in extra}
            found[str(row["Id"])] = record if gone is None else _missing(gone, record)
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
        yield Page(checked(of, await self._tier.found(of, text, names, most)))

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
        async with aclosing(self._tier.pages(soql, of.name, most=most)) as pages:
            async for rows in pages:
                found += rows
        return checked(of, found)[:most]

    async def query(self, text: str) -> AsyncGenerator[Page]:
        """Pages of the rows of a SOQL statement, which is sent as it is."""
        async with aclosing(self._tier.pages(text, None)) as pages:
            async for rows in pages:
                yield Page(rows)


async def count(rest: Rest, schemas: Schemas, object: str, filter: Sequence[Condition]) -> int:
    """How many live records meet all conditions."""
    conditions = await conditions_of(schemas, object, filter)
    of = await schemas.of(object)
    if tells_converted(of, [condition.field for condition in filter]):
        conditions = (*conditions, LIVE_LEADS)
    return await rest.total(counting(of.name, conditions), of.name)


def _own_id(of: Described, id_: str) -> str | None:
    """The full id, unless it cannot be one of this object's."""
    full = full_id(id_)
    if full is None or (of.key_prefix is not None and not full.startswith(of.key_prefix)):
        return None
    return full


def _answer(asked: str, found: Native | Missing | None) -> Native | Missing:
    if isinstance(found, dict):
        return found
    return replace(found, id=asked) if found else Missing(asked)


def _missing(gone: Deletion, record: Native) -> Missing:
    """What a read of changes would tell; a lead that was converted is still there to be looked at."""
    return Missing(gone.id, gone.life, gone.into, record if gone.life == "converted" else None)


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

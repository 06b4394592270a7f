"""Records by their ids, and the fields that a query cannot give.

COQL leaves out some kinds of fields, lists leave out some more and cut long texts; those are fetched by id
and joined to the rows of a query. A row that changed between the two is fetched again, so that no record is
half old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crmhub.connector import Condition, Native
from crmhub.errors import BadRequest, InvalidRecord
from crmhub_zoho import coql
from crmhub_zoho.records import CONVERTED, ID, MODIFIED, distinct, normaliser, stamp_of
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.calls import RecordCalls
from crmhub_zoho.tiers.rest import MOST_FIELDS, MOST_IDS
from crmhub_zoho.together import together

__all__ = ["Fetcher", "Plan", "plan"]

_ROUNDS = 3
_CUT_AT = 500  # "Get Records": longer texts come whole only from the GET of one record


@dataclass(frozen=True, slots=True)
class Plan:
    """Which fields a query gives (``columns``), and which have to be fetched by id (``extras``)."""

    columns: tuple[str, ...]
    extras: tuple[str, ...]


def plan(schema: ModuleSchema, fields: Sequence[str]) -> Plan:
    """Who gives which of ``fields``; raises ``BadRequest`` for a field that the module does not have."""
    for name in fields:
        schema.check(name)
    wanted = list(dict.fromkeys([ID, *_cursor(schema), *fields]))
    columns = [name for name in wanted if schema.in_coql(name)]
    extras = [name for name in wanted if not schema.in_coql(name)] + columns[coql.MOST_COLUMNS :]
    dotted = next((name for name in extras if "." in name), None)
    if dotted:
        raise BadRequest(f"{dotted} can only be read within the first {coql.MOST_COLUMNS} fields")
    return Plan(tuple(columns[: coql.MOST_COLUMNS]), tuple(extras))


class Fetcher:
    """Fetches records of a connection by id. ``at_once()`` calls are under way at once at most."""

    def __init__(self, calls: RecordCalls, at_once: Callable[[], int]) -> None:
        self._calls = calls
        self._at_once = at_once

    async def complete(
        self, module: str, schema: ModuleSchema, wanted: Plan, rows: list[Native]
    ) -> list[Native]:
        """The rows of a query with the extras of ``wanted`` joined to them, without records that are gone."""
        if not wanted.extras or not rows:
            return rows
        done: dict[str, Native] = {}
        left = rows
        for number in range(1, _ROUNDS + 1):
            extras = await self._extras(module, schema, wanted, [str(row[ID]) for row in left])
            moved: list[str] = []
            for row in left:
                extra = extras.get(str(row[ID]))
                if extra is None:
                    continue
                if number < _ROUNDS and _differ(schema, row, extra, module):
                    moved.append(str(row[ID]))
                else:
                    done[str(row[ID])] = row | {name: extra.get(name) for name in wanted.extras}
            if not moved:
                break
            left = await self._again(module, schema, wanted, moved)
        return [done[str(row[ID])] for row in rows if str(row[ID]) in done]

    async def by_ids(
        self, module: str, schema: ModuleSchema, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, Native]:
        """The records that there are, by id, with those fields and the time of their last change."""
        names = list(dict.fromkeys([*_cursor(schema), *(name for name in fields if name != ID)]))
        if any(map(schema.only_in_single, names)):
            return await self._singly(module, schema, ids, names)
        found = await self._listed(module, schema, ids, names)
        whole = await self.whole(module, schema, list(found.values()), names)
        return {str(row[ID]): row for row in whole}

    async def whole(
        self, module: str, schema: ModuleSchema, rows: list[Native], names: Sequence[str]
    ) -> list[Native]:
        """The rows of a list with those anew whose long texts it has cut, without records that are gone."""
        texts = [name for name in names if schema.may_be_cut(name)]
        cut = [str(row[ID]) for row in rows if any(_is_cut(row.get(name)) for name in texts)]
        if not cut:
            return rows
        anew = await self._singly(module, schema, cut, names)
        return [
            anew.get(str(row[ID]), row) for row in rows if str(row[ID]) in anew or str(row[ID]) not in cut
        ]

    async def _extras(
        self, module: str, schema: ModuleSchema, wanted: Plan, ids: list[str]
    ) -> dict[str, Native]:
        names = [*_cursor(schema), *wanted.extras]
        found = await self.by_ids(module, schema, ids, names)
        absent = [one for one in ids if one not in found]
        if absent:  # a list leaves out more than what is gone: ask for each
            found |= await self._singly(module, schema, absent, names)
        return found

    async def _again(self, module: str, schema: ModuleSchema, wanted: Plan, ids: list[str]) -> list[Native]:
        """The rows of those records as a query gives them now."""
        where = coql.conditions([Condition(ID, "in", list(ids))], {})
        query = coql.select(wanted.columns, module, where[0], order=f"{ID} asc", limit=coql.MOST_ROWS)
        rows = (await self._calls.coql(query, coql.MOST_ROWS)).rows
        normaliser(schema)(rows, module)
        return distinct(rows, module)

    async def _singly(
        self, module: str, schema: ModuleSchema, ids: Sequence[str], names: Sequence[str]
    ) -> dict[str, Native]:
        async def one(record: str) -> Native | None:
            return await self._calls.record(module, record, shown)

        shown = [*names, CONVERTED] if schema.has(CONVERTED) and CONVERTED not in names else names
        rows = [row for row in await together(one, ids, self._at_once()) if row is not None]
        rows = [row for row in rows if row.get(CONVERTED) is not True]
        if shown is not names:
            for row in rows:
                row.pop(CONVERTED, None)
        normaliser(schema)(rows, module)
        return {str(row[ID]): row for row in rows}

    async def _listed(
        self, module: str, schema: ModuleSchema, ids: Sequence[str], names: Sequence[str]
    ) -> dict[str, Native]:
        """The records by id; wide ones are fetched in parts."""

        async def part(chunk: tuple[Sequence[str], Sequence[str]]) -> list[Native]:
            return await self._there(module, chunk[0], chunk[1])

        groups = list(_chunks(names or [ID], MOST_FIELDS))
        chunks = [(some, group) for some in _chunks(ids, MOST_IDS) for group in groups]
        normalise = normaliser(schema)
        found: dict[str, Native] = {}
        for rows in await together(part, chunks, self._at_once()):
            normalise(rows, module)
            for row in distinct(rows, module):
                found.setdefault(str(row[ID]), {}).update(row)
        return found

    async def _there(self, module: str, ids: Sequence[str], names: Sequence[str]) -> list[Native]:
        """Those of the records that there are, also where one that never was has the whole call refused."""
        try:
            return (await self._calls.records(module, names, ids=ids)).rows
        except InvalidRecord as error:
            if error.code != "INVALID_DATA" or error.where.field not in {None, "ids"}:
                raise
        middle = len(ids) // 2
        halves = (ids[:middle], ids[middle:]) if middle else ()
        return [row for half in halves for row in await self._there(module, half, names)]


def _differ(schema: ModuleSchema, row: Native, extra: Native, module: str) -> bool:
    return schema.has(MODIFIED) and stamp_of(extra, module) != stamp_of(row, module)


def _is_cut(value: object) -> bool:
    return isinstance(value, str) and len(value) >= _CUT_AT


def _cursor(schema: ModuleSchema) -> list[str]:
    return [MODIFIED] if schema.has(MODIFIED) else []


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))

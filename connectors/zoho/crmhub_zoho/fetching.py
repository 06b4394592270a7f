"""Records by their ids, and the fields that a query cannot give.

COQL leaves out some kinds of fields, and lists leave out some more; those are fetched by id and joined to
the rows of a query. A row that changed between the two is fetched again, so that no record is half old.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import anyio

from crmhub.connector import Condition, Native
from crmhub.errors import BadRequest, ConnectorError
from crmhub_zoho import coql
from crmhub_zoho.records import ID, MODIFIED, distinct, normaliser, stamp_of
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.rest import MOST_FIELDS, MOST_IDS, Rest

__all__ = ["Fetcher", "Plan", "plan"]

_ROUNDS = 3
_T = TypeVar("_T")


class Plan:
    """Which fields a query gives (``columns``), and which have to be fetched by id (``extras``)."""

    def __init__(self, columns: Sequence[str], extras: Sequence[str], *, singly: bool) -> None:
        self.columns = tuple(columns)
        self.extras = tuple(extras)
        self.singly = singly
        """Whether an extra is of a kind that only the GET of one record shows."""


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
    return Plan(columns[: coql.MOST_COLUMNS], extras, singly=any(map(schema.only_in_single, extras)))


class Fetcher:
    """Fetches records of a connection by id. ``parallel`` calls are under way at once at most."""

    def __init__(self, rest: Rest, parallel: int) -> None:
        self._rest = rest
        self._parallel = parallel

    async def complete(
        self, module: str, schema: ModuleSchema, wanted: Plan, rows: list[Native]
    ) -> list[Native]:
        """The rows of a query with the extras of ``wanted`` joined to them, without records that are gone."""
        if not wanted.extras or not rows:
            return rows
        done: dict[str, Native] = {}
        left = rows
        for last in (False,) * (_ROUNDS - 1) + (True,):
            extras = await self._extras(module, schema, wanted, [str(row[ID]) for row in left])
            moved: list[str] = []
            for row in left:
                extra = extras.get(str(row[ID]))
                if extra is None:
                    continue
                if last or not schema.has(MODIFIED) or stamp_of(extra, module) == stamp_of(row, module):
                    done[str(row[ID])] = row | {name: extra.get(name) for name in wanted.extras}
                else:
                    moved.append(str(row[ID]))
            if not moved:
                break
            left = await self._again(module, schema, wanted, moved)
        return [done[str(row[ID])] for row in rows if str(row[ID]) in done]

    async def by_ids(
        self, module: str, schema: ModuleSchema, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, Native]:
        """The records that there are, by id, with those fields."""
        names = list(dict.fromkeys(name for name in fields if name != ID))
        return await self._fetch(module, schema, ids, names, singly=any(map(schema.only_in_single, names)))

    async def _extras(
        self, module: str, schema: ModuleSchema, wanted: Plan, ids: list[str]
    ) -> dict[str, Native]:
        names = [*_cursor(schema), *wanted.extras]
        found = await self._fetch(module, schema, ids, names, singly=wanted.singly)
        absent = [one for one in ids if one not in found]
        if absent and not wanted.singly:  # a list leaves out more than what is gone: ask for each
            found |= await self._fetch(module, schema, absent, names, singly=True)
        return found

    async def _again(self, module: str, schema: ModuleSchema, wanted: Plan, ids: list[str]) -> list[Native]:
        """The rows of those records as a query gives them now."""
        where = coql.conditions([Condition(ID, "in", list(ids))], {})
        query = coql.select(wanted.columns, module, where[0], order=f"{ID} asc", limit=coql.MOST_ROWS)
        rows = (await self._rest.coql(query, coql.MOST_ROWS)).rows
        normaliser(schema)(rows, module)
        return distinct(rows, module)

    async def _fetch(
        self, module: str, schema: ModuleSchema, ids: Sequence[str], names: Sequence[str], *, singly: bool
    ) -> dict[str, Native]:
        """The records by id. Parts of one record are joined in the order of its fields."""

        async def one(id: str) -> list[Native]:
            row = await self._rest.record(module, id, names)
            return [row] if row is not None else []

        async def some(chunk: tuple[Sequence[str], Sequence[str]]) -> list[Native]:
            return (await self._rest.records(module, chunk[1], ids=chunk[0])).rows

        if singly:
            parts = await self._all(one, ids)
        else:
            groups = list(_chunks(names or [ID], MOST_FIELDS))
            parts = await self._all(
                some, [(chunk, group) for chunk in _chunks(ids, MOST_IDS) for group in groups]
            )
        normalise = normaliser(schema)
        found: dict[str, Native] = {}
        for part in parts:
            normalise(part, module)
            for row in distinct(part, module):
                found.setdefault(str(row[ID]), {}).update(row)
        return found

    async def _all(
        self, do: Callable[[_T], Awaitable[list[Native]]], items: Sequence[_T]
    ) -> list[list[Native]]:
        """``do`` for each item, several at once, results in order. The first error ends it."""
        results: list[list[Native]] = [[] for _ in items]
        turns = anyio.Semaphore(self._parallel)

        async def run(place: int, item: _T) -> None:
            async with turns:
                results[place] = await do(item)

        if len(items) == 1:
            return [await do(items[0])]
        try:
            async with anyio.create_task_group() as group:
                for place, item in enumerate(items):
                    group.start_soon(run, place, item)
        except* ConnectorError as errors:
            raise _first(errors) from None
        return results


def _cursor(schema: ModuleSchema) -> list[str]:
    return [MODIFIED] if schema.has(MODIFIED) else []


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _first(errors: BaseExceptionGroup[ConnectorError]) -> ConnectorError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error

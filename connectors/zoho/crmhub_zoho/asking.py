"""Search, count and queries in COQL itself.

Source: Zoho CRM API v8, "Search Records", "Record Count", "COQL Overview".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from crmhub.connector import Condition, Native, Page
from crmhub.errors import BadRequest, BadResponse, Where
from crmhub_zoho import coql
from crmhub_zoho.records import CONVERTED, ID, normaliser
from crmhub_zoho.schema import ModuleSchema, Schemas
from crmhub_zoho.tiers.calls import RecordCalls
from crmhub_zoho.tiers.rest import MOST_FIELDS, PAGE, Answer, Rest

__all__ = ["Asker"]

_SHORTEST_WORD = 2
_MOST_FOUND = 2_000
_MOST_OFFSET = 100_000


class Asker:
    """Answers questions that need no checkpoint."""

    def __init__(self, rest: Rest, schemas: Schemas) -> None:
        self._rest = rest
        self._schemas = schemas

    async def search(
        self, module: str, text: str, fields: Sequence[str], limit: int, calls: RecordCalls
    ) -> AsyncGenerator[Page]:
        """Records in which ``text`` occurs as a word or the beginning of one, in any searchable field;
        found by ``calls``.

        At most 2,000. Zoho's index lags: what was written just now may not be found yet, so this is for
        people, never for finding out whether a record is there.
        """
        word = text.strip()
        if len(word) < _SHORTEST_WORD:
            raise BadRequest(
                f"a search needs at least {_SHORTEST_WORD} characters", where=Where(object=module)
            )
        schema = await self._schemas.of(module)
        names = _search_fields(schema, fields)
        normalise = normaliser(schema)
        per_page = max(1, min(limit, PAGE))
        left, page = min(limit, _MOST_FOUND), 1
        while left > 0:
            answer = await calls.search(module, word, names, page, per_page)
            normalise(answer.rows, module)
            yield Page(answer.rows[:left])
            left -= len(answer.rows)
            if not answer.goes_on(per_page):
                return
            page += 1

    async def count(self, module: str, filter: Sequence[Condition]) -> int:
        """How many records there are; with conditions, by an aggregate query."""
        schema = await self._schemas.of(module)
        live = [f"{CONVERTED} = false"] if schema.has(CONVERTED) else []
        if not filter and not live:
            return await self._rest.count(module)
        for condition in filter:
            schema.check(condition.field)
        where = coql.all_of([*coql.conditions(filter, schema.data_types, room=len(live)), *live])
        answer = await self._rest.coql(coql.count(module, where), 1)
        return _counted(answer, module)

    async def query(self, text: str) -> AsyncGenerator[Page]:
        """The rows of a query as it is written; paged by offset when it has no ``limit`` of its own."""
        if coql.has_limit(text):
            answer = await self._rest.coql(text, coql.MOST_ROWS)
            yield Page(_with_text_ids(answer.rows))
            return
        offset = 0
        while True:
            paged = f"{text} limit {coql.MOST_ROWS} offset {offset}"
            answer = await self._rest.coql(paged, coql.MOST_ROWS)
            yield Page(_with_text_ids(answer.rows))
            offset += len(answer.rows)
            if not answer.goes_on(coql.MOST_ROWS):
                return
            if offset >= _MOST_OFFSET:
                raise BadRequest(
                    f"COQL gives the first {_MOST_OFFSET} rows of a query",
                    hint="order by id and go on in a second query with where id > the last one",
                )


def _search_fields(schema: ModuleSchema, fields: Sequence[str]) -> list[str]:
    for name in fields:
        schema.check(name)
    names = list(dict.fromkeys(name for name in fields if name != ID))
    if len(names) > MOST_FIELDS:
        raise BadRequest(f"a search shows at most {MOST_FIELDS} fields", hint="get the records by their ids")
    return names


def _counted(answer: Answer, module: str) -> int:
    numbers = [
        value
        for row in answer.rows
        for name, value in row.items()
        if name != ID and isinstance(value, int) and not isinstance(value, bool)
    ]
    if not answer.rows:
        return 0
    if len(numbers) != 1:
        raise BadResponse("the answer to a count holds no number", where=Where(object=module))
    return numbers[0]


def _with_text_ids(rows: list[Native]) -> list[Native]:
    for row in rows:
        if type(row.get(ID)) is int:
            row[ID] = str(row[ID])
    return rows

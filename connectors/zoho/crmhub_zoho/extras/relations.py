"""Related lists: read, and records put into them and taken out.

Source: Zoho CRM API v8, "Get Related Records", "Update Related Records", "Delink Records", "Related Lists
Metadata".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from typing import TypeAlias

from crmhub.connector import Native, Outcome, Value
from crmhub.document import suggest
from crmhub.errors import BadRequest, ConnectorError, NotFound, Where
from crmhub_zoho.extras.batches import in_batches
from crmhub_zoho.extras.checks import module_name, record_id
from crmhub_zoho.extras.results import RelatedList
from crmhub_zoho.records import normaliser
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.answers import Answer
from crmhub_zoho.tiers.rest import MOST_FIELDS, MOST_WRITES
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["Pages", "Relations"]


Pages: TypeAlias = Callable[[str, str, str, Sequence[str]], AsyncGenerator[Answer]]
"""Gives pages of a related list: of the module, the record, by the list's name, with those fields."""


class Relations:
    """The related lists of records; ``pages`` chooses the tier that reads them."""

    def __init__(self, rest: RestExtras, schemas: Schemas, pages: Pages) -> None:
        self._rest = rest
        self._schemas = schemas
        self._pages = pages
        self._known: dict[str, dict[str, RelatedList]] = {}

    async def lists(self, module: str) -> Sequence[RelatedList]:
        """The related lists of a module, asked for once."""
        return list((await self._of(module)).values())

    async def records(
        self, module: str, record: str, related: str, fields: Sequence[str]
    ) -> AsyncGenerator[Sequence[Native]]:
        """Pages of the records in a related list, newest first."""
        if not 1 <= len(set(fields)) <= MOST_FIELDS:
            raise BadRequest(
                f"a related list shows 1 to {MOST_FIELDS} fields, and {len(set(fields))} are asked for",
                hint="get the records by their ids for more",
                where=Where(object=module),
            )
        with _at(module, record):
            found = await self._named(module, related)
            schema = await self._schemas.of(found.object)
            for name in fields:
                schema.check(name)
            normalise = normaliser(schema)
            async with aclosing(self._pages(module, record, related, fields)) as pages:
                async for answer in pages:
                    normalise(answer.rows, found.object)
                    yield answer.rows

    async def link(self, module: str, record: str, related: str, ids: Sequence[str]) -> Sequence[Outcome]:
        """Put records into a related list; one outcome for each."""
        with _at(module, record):
            await self._named(module, related)
            return await in_batches(
                ids, MOST_WRITES, lambda batch: self._rest.link(module, record, related, batch)
            )

    async def unlink(self, module: str, record: str, related: str, ids: Sequence[str]) -> Sequence[Outcome]:
        """Take records out of a related list; one outcome for each."""
        with _at(module, record):
            await self._named(module, related)
            return await in_batches(
                ids, MOST_WRITES, lambda batch: self._rest.unlink(module, record, related, batch)
            )

    async def _named(self, module: str, related: str) -> RelatedList:
        known = await self._of(module)
        if related not in known:
            raise NotFound(
                f"{module} has no related list {related!r}",
                hint=suggest(related, known),
                where=Where(object=module),
            )
        return known[related]

    async def _of(self, module: str) -> dict[str, RelatedList]:
        if module not in self._known:
            rows = await self._rest.related_lists(module_name(module))
            self._known[module] = {one.name: one for one in map(_list, rows) if one.name}
        return self._known[module]


@contextmanager
def _at(module: str, record: str) -> Generator[None]:
    """Errors in the terms of the call."""
    try:
        record_id(record, module)
        yield
    except ConnectorError as error:
        if error.code == "INVALID_DATA" and error.where.field is None:
            raise NotFound(
                f"{module} has no such record",
                hint="it may have been deleted meanwhile",
                where=error.where,
                status=error.status,
                code=error.code,
                request_id=error.request_id,
            ).at(object=module, record=record) from None
        error.at(object=module, record=record)
        raise


def _list(raw: Native) -> RelatedList:
    module = raw.get("module")
    name = module.get("api_name") if isinstance(module, dict) else None
    return RelatedList(_text(raw.get("api_name")), _text(raw.get("display_label")), _text(name))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""

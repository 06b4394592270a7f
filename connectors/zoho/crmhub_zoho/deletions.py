"""The list of deleted records, and the leads that were converted.

Source: Zoho CRM API v8, "Get Deleted Records": the recycle bin for 60 days, records deleted for good for
120; ``If-Modified-Since`` gives those deleted after that time; newest first, by page number. Lists by
page number end after 2,000 entries ("Get Records"); the deletions beyond cannot be had by any call, so a
read says that they are missing and goes on: were it to stop, no change of the module would ever arrive.
A converted lead is in no list of deleted records: a query by ``Converted__s`` finds it, and the contact that
it has become.
"""

from __future__ import annotations

from datetime import datetime

from crmhub.connector import Context, Deletion, Native
from crmhub.errors import BadRequest, BadResponse, Where
from crmhub_zoho import coql
from crmhub_zoho.records import CONVERTED, ID, MODIFIED, instant, is_record_id, stamp_of
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.rest import PAGE, Rest

__all__ = ["Deletions"]

_TIME = "deleted_time"
_NO_MORE = frozenset({"DISCRETE_PAGINATION_LIMIT_EXCEEDED", "NOT_SUPPORTED"})
_CONTACT = "Converted_Contact"
_CONVERSIONS = 200  # a page of them, for one credit: they are few


class Deletions:
    """Reads tombstones."""

    def __init__(self, rest: Rest, context: Context) -> None:
        self._rest = rest
        self._context = context

    async def since(self, module: str, since: datetime, schema: ModuleSchema) -> list[Deletion]:
        """All deletions after that time that Zoho lists, and conversions of leads."""
        gone = {one.id: one for one in await self._converted(module, since, schema)}
        gone |= {one.id: one for one in await self._deleted(module, since)}
        return list(gone.values())

    async def _deleted(self, module: str, since: datetime) -> list[Deletion]:
        """All deletions after that time that Zoho lists. One call when there are none.

        The list is read to its end before any of it is given out: new ones come first, so that only the
        whole of it can be followed by a checkpoint. Where it has more entries than can be had, or the module
        has no such list, the event ``read.deletions_uncertain`` tells.
        """
        found: dict[str, Deletion] = {}
        page = 1
        while True:
            try:
                answer = await self._rest.deleted(module, since, page)
            except BadRequest as error:
                if error.code not in _NO_MORE:
                    raise
                self._tell_coverage(module, since, len(found))
                return list(found.values())
            news = [_deletion(row, module) for row in answer.rows]
            before = len(found)
            found |= {one.id: one for one in news if one.id not in found}
            if not (len(answer.rows) >= PAGE if answer.more is None else answer.more):
                return list(found.values())
            if len(found) == before:
                raise BadResponse(
                    f"the list of deleted {module} is not advancing: a page holds nothing new",
                    where=Where(object=module),
                )
            page += 1

    async def _converted(self, module: str, since: datetime, schema: ModuleSchema) -> list[Deletion]:
        """The records converted after that time, in the order of their ids. One call when there are none."""
        if not schema.has(CONVERTED):
            return []
        columns = [ID, MODIFIED, *([_CONTACT] if schema.has(_CONTACT) else [])]
        found: list[Deletion] = []
        while True:
            after = [f"{ID} > {coql.literal(found[-1].id)}"] if found else []
            where = coql.all_of([f"{CONVERTED} = true", f"{MODIFIED} >= {coql.stamp(since)}", *after])
            query = coql.select(columns, module, where, order=f"{ID} asc", limit=_CONVERSIONS)
            answer = await self._rest.coql(query, _CONVERSIONS)
            news = [_conversion(row, module) for row in answer.rows]
            if found and news and int(news[0].id) <= int(found[-1].id):
                raise BadResponse(
                    f"the query for converted {module} is not advancing", where=Where(object=module)
                )
            found += news
            if not answer.goes_on(_CONVERSIONS):
                return found

    def _tell_coverage(self, module: str, since: datetime, found: int) -> None:
        """Older deletions leave no trace; whoever needs them must read everything and compare."""
        self._context.events.emit(
            "read.deletions_uncertain",
            connection=self._context.connection,
            object=module,
            since=since.isoformat(),
            found=found,
        )


def _deletion(row: Native, module: str) -> Deletion:
    value = row.get(ID)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not is_record_id(text):
        raise _odd(row, module, ID)
    at = row.get(_TIME)
    if at is None:
        return Deletion(text)
    when = instant(at) if isinstance(at, str) else None
    if when is None:
        raise _odd(row, module, _TIME)
    return Deletion(text, when)


def _conversion(row: Native, module: str) -> Deletion:
    value, contact = row.get(ID), row.get(_CONTACT)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not is_record_id(text):
        raise _odd(row, module, ID)
    into = contact.get(ID) if isinstance(contact, dict) else None
    return Deletion(text, stamp_of(row, module), "converted", str(into) if into is not None else None)


def _odd(row: Native, module: str, field: str) -> BadResponse:
    return BadResponse(
        f"an entry of the deleted {module} came without a usable {field}; it has {', '.join(sorted(row))}",
        where=Where(object=module, field=field),
    )

"""What can be seen of an object without writing: its first pages, its changes, a record by its id."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from crmhub.clock import Clock
from crmhub.connector import Native, Value
from crmhub.errors import CrmhubError
from crmhub.http import Response
from crmhub_rest import checkpoint
from crmhub_rest.api import Api, Exchange
from crmhub_rest.changing import Changing
from crmhub_rest.everything import Everything, Scope
from crmhub_rest.links import Links
from crmhub_rest.lookup import Lookup
from crmhub_rest.pages import Pages
from crmhub_rest.schemas import Described, Schemas

__all__ = ["Seen", "look"]


@dataclass(slots=True)
class Seen:
    """What was seen of one object. It holds values of records."""

    object: str
    exchanges: list[tuple[Exchange, Response | None]] = field(
        default_factory=list[tuple[Exchange, "Response | None"]]
    )
    raw: Value = None
    """The first record as it came."""
    records: Sequence[Native] = ()
    """Those of the first page."""
    more: bool = False
    """Whether another page follows."""
    notes: list[str] = field(default_factory=list[str])
    """What may be wrong."""
    error: CrmhubError | None = None


async def look(api: Api, schemas: Schemas, clock: Clock, object: str, size: int) -> Seen:
    """Read two pages of an object, what changed since the first one, and its first record by id and link.

    Each is watched by what watches every read, so that a mistake shows before the description is used.
    """
    seen = Seen(object)
    before = api.watcher

    def watch(exchange: Exchange, reply: Response | None) -> None:
        seen.exchanges.append((exchange, reply))

    api.watcher = watch
    try:
        of = await schemas.of(object, fresh=True)
        everything = Everything(api, schemas)
        scope = _scope(api, of, size)
        await _pages(seen, api, everything, scope)
        if seen.records:
            await _before_first(seen, api, scope)
            await scope.links.fill(seen.records[:1], of.says.links)
            await _changes(seen, Changing(api, everything, clock), scope)
            await _by_id(seen, Lookup(api, schemas, clock), scope)
    except CrmhubError as error:
        seen.error = error
    finally:
        api.watcher = before
    if (told := api.noticed.get(object)) is not None:
        seen.notes.append(f"{told}: is the description right?")
    return seen


def _scope(api: Api, of: Described, size: int) -> Scope:
    says = of.says
    always: list[str] = [says.key, *([says.modified] if says.modified else [])]
    fields = tuple(dict.fromkeys([*always, *of.schema.fields]))
    return Scope(of, fields, Pages(api, of, size=size), Links(api, of), of.plain(fields), size)


async def _pages(seen: Seen, api: Api, everything: Everything, scope: Scope) -> None:
    """The first page, and whether the way to the second one leads there."""
    listing = scope.of.says.list
    async with aclosing(everything.pages(scope, None)) as found:
        async for got in found:
            if seen.records and got.rows and got.following is not None:
                return
            if seen.records:
                continue  # the last page: whether the read may end here is looked at behind it
            seen.records, seen.more = [dict(row) for row in got.rows], got.following is not None
            _first_reply(seen, api, scope)
            if listing.under is not None or (listing.job is not None and got.rows):
                return  # a second page shows nothing that the first one does not


def _first_reply(seen: Seen, api: Api, scope: Scope) -> None:
    """Keep the first record as it came, and see whether as many came as were asked for."""
    listing, size = scope.of.says.list, scope.page_size
    if listing.under is not None or listing.file is not None:
        return
    reply = next((reply for exchange, reply in seen.exchanges if exchange.role == "list" and reply), None)
    rows = api.rows("list", listing, api.scope(scope.of.name), reply) if reply is not None else ()
    seen.raw = rows[0] if rows else None
    if listing.page is not None and listing.page.size and size is not None and len(rows) > size:
        asked = f"{size} records were asked for, and {len(rows)} came"
        seen.notes.append(f"{asked}: list.page.size does not reach the CRM")


async def _before_first(seen: Seen, api: Api, scope: Scope) -> None:
    """Whether there is a page before the one that is taken for the first: no read would ever show it."""
    listing = scope.of.says.list
    paging = listing.page
    if paging is None or not paging.number or not paging.first or listing.under or listing.job:
        return
    values = api.scope(scope.of.name)
    before = scope.pages.read("list", listing, values, scope.asked, paging.numbered(0))
    rows: Sequence[Native] = ()
    try:
        async with aclosing(before):
            async for got in before:
                rows = got.rows
                break
    except CrmhubError:
        return  # there is none, as should be
    key = scope.of.says.key
    if {str(row[key]) for row in rows} - {str(row[key]) for row in seen.records}:
        seen.notes.append("page 0 has records that page 1 has not: list.page.first is 0")


async def _changes(seen: Seen, changing: Changing, scope: Scope) -> None:
    """A page of what is as new as the newest record here: older ones would be an error."""
    says = scope.of.says
    if says.changes is None or says.changes == "all" or says.changes.job is not None:
        return
    newest = max(changing.stamp(scope, row) for row in seen.records)
    async with aclosing(changing.steps(scope, checkpoint.Changes(newest))) as steps:
        async for _ in steps:
            return


async def _by_id(seen: Seen, lookup: Lookup, scope: Scope) -> None:
    """The first record, where single ones can be asked for."""
    if scope.of.says.get is None:
        return
    id_ = str(seen.records[0][scope.of.says.key])
    if id_ not in await lookup.raw(scope.of, [id_], scope.fields):
        seen.notes.append(f"get does not find {id_}, which is in the list")

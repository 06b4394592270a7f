"""The first page of an object, with all that was sent and came for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from crmhub.connector import Native, Value
from crmhub.errors import CrmhubError
from crmhub.http import Response
from crmhub_rest.api import Api, Exchange
from crmhub_rest.everything import Everything, Scope
from crmhub_rest.links import Links
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
    more: bool = False
    """Whether another page follows."""
    notes: list[str] = field(default_factory=list[str])
    """What may be wrong."""
    error: CrmhubError | None = None


async def look(api: Api, schemas: Schemas, object: str, size: int) -> Seen:
    """Read the first page of an object, and the links of its first record."""
    seen = Seen(object)
    before = api.watcher

    def watch(exchange: Exchange, reply: Response | None) -> None:
        seen.exchanges.append((exchange, reply))

    api.watcher = watch
    try:
        of = await schemas.of(object, fresh=True)
        await _first_page(seen, api, schemas, of, size)
        await Links(api, of).fill(seen.records[:1], of.says.links)
    except CrmhubError as error:
        seen.error = error
    finally:
        api.watcher = before
    if (told := api.noticed.get(object)) is not None:
        seen.notes.append(f"{told}: is the description right?")
    return seen


async def _first_page(seen: Seen, api: Api, schemas: Schemas, of: Described, size: int) -> None:
    says = of.says
    always: list[str] = [says.key, *([says.modified] if says.modified else [])]
    fields = tuple(dict.fromkeys([*always, *of.schema.fields]))
    pages = Pages(api, of, size=size)
    scope = Scope(of, fields, pages, Links(api, of), of.plain(fields), size)
    async with aclosing(Everything(api, schemas).pages(scope, None)) as found:
        async for got in found:
            seen.records, seen.more = [dict(row) for row in got.rows], got.following is not None
            if says.list.job is None or got.rows:
                break
    for exchange, reply in seen.exchanges:
        if exchange.role == "list" and reply is not None and says.list.file is None:
            rows = api.rows("list", says.list, api.scope(of.name), reply) if says.list.under is None else []
            seen.raw = rows[0] if rows else None
            if says.list.page is not None and says.list.page.size and len(rows) > size:
                asked = f"{size} records were asked for, and {len(rows)} came"
                seen.notes.append(f"{asked}: list.page.size does not reach the CRM")
            return

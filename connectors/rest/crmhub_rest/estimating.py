"""What operations will cost, from the description alone: page and batch sizes, and the cost of each call.

What is not foreseen: calls that are tried again, batches that are refused as a whole, pages that come shorter
than they are asked for, links that take several pages, the comparison of versions before a write, references
that are looked up first, and how often a job is asked whether it is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest, Unsupported, Where
from crmhub.usage import Estimate, Planned
from crmhub_rest.allowances import Limits
from crmhub_rest.api import Api
from crmhub_rest.batches import demand_able
from crmhub_rest.counted import calls_of
from crmhub_rest.language.call import Call, Listing
from crmhub_rest.language.object import Link
from crmhub_rest.language.paging import Paging
from crmhub_rest.language.write import Operation as WriteOperation
from crmhub_rest.language.write import Single
from crmhub_rest.lookup import Lookup, takes_many
from crmhub_rest.pages import chunks
from crmhub_rest.schemas import Described, Schemas

__all__ = ["Estimator"]

_ASKED = 5
"""How often a job is asked whether it is done."""


@dataclass(frozen=True, slots=True)
class _Price:
    calls: int = 0
    cost: int = 0

    def __add__(self, other: _Price) -> _Price:
        return _Price(self.calls + other.calls, self.cost + other.cost)


class Estimator:
    """Reckons for one connection."""

    def __init__(
        self, api: Api, schemas: Schemas, lookup: Lookup, limits: Limits, *, page_size: int | None
    ) -> None:
        self._api = api
        self._schemas = schemas
        self._lookup = lookup
        self._limits = limits
        self._page_size = page_size

    async def estimate(self, planned: Planned) -> Estimate:
        """See :class:`crmhub.powers.SupportsEstimate`."""
        of = await self._schemas.checked(planned.object, planned.fields)
        price, how = await self._price(of, planned)
        return Estimate(price.calls, price.cost, self._limits.unit, how, await self._limits.left())

    async def _price(self, of: Described, planned: Planned) -> tuple[_Price, str]:
        match planned.operation:
            case "read" | "list":
                return await self._read(of, planned)
            case "get":
                return self._got(of, planned.fields, _named(planned))
            case "count":
                if of.says.count is None:
                    raise self._unknown(of, "counting")
                return _of(of.says.count), "a call that counts"
            case "search":
                if of.says.search is None:
                    raise self._unknown(of, "searching")
                size = self._size(of.says.search, None, _named(planned))
                price = self._pages(of, of.says.search, planned.fields, _named(planned), size)
                return price, _by(size)
            case "create" | "update" | "upsert" | "delete":
                return self._written(of, planned.operation, planned.fields, _named(planned))
            case "newest":
                raise self._unknown(of, "the newest records")

    # ── reads ────────────────────────────────────────────────────────────────────────────────────

    async def _read(self, of: Described, planned: Planned) -> tuple[_Price, str]:
        listing, records = of.says.list, planned.records
        if listing.under is not None:
            raise self._unknown(of, f"reading records that are listed under each of {listing.under}")
        if records is None:
            told = listing.page is None and listing.job is None
            records = 0 if told else await self._lookup.count(of.name, ())
        size = self._size(listing, planned.page_size, None)
        price = self._pages(of, listing, planned.fields, records, size)
        if listing.job is None:
            return price, _by(size)
        price = price + _of(listing.job.start) + _of(listing.job.poll, _ASKED)
        if listing.file is None:
            return price, f"a job, and {_by(size)}"
        return price + _of(listing), f"a job that is asked {_ASKED} times whether it is done, and its file"

    def _size(self, listing: Listing, asked: int | None, most: int | None) -> int | None:
        """Records that a page has; ``None``: all are in one."""
        sizes = [listing.page.most if listing.page is not None else None, asked, self._page_size, most]
        given = [size for size in sizes if size is not None]
        return max(1, min(given)) if listing.page is not None and given else None

    def _pages(
        self, of: Described, listing: Listing, fields: Iterable[str], records: int, size: int | None
    ) -> _Price:
        """The pages of a listing, with what each asks for besides: links, and the rest of its fields."""
        pages = 1 if size is None or listing.page is None else _pages_of(listing.page, records, size)
        parts = len([*chunks(of.plain(fields), listing.chunk)])
        price = _of(listing, pages * parts)
        whole, rest = (0, records) if size is None else divmod(records, size)
        linked = self._linked(of, fields, rest)
        each = self._linked(of, fields, size or 0)
        return price + linked + _Price(each.calls * whole, each.cost * whole)

    def _got(self, of: Described, fields: Iterable[str], records: int) -> tuple[_Price, str]:
        call = of.says.get
        if call is None:
            if of.says.list.page is not None:
                raise self._unknown(of, "looking for ids in a list of pages")
            return _of(of.says.list), "the whole list"
        many = takes_many(call)
        price = _of(call, ceil(records / call.most) if many else records)
        how = f"{call.most} records a call" if many else "a call for each record"
        return price + self._linked(of, fields, records), how

    def _linked(self, of: Described, fields: Iterable[str], records: int) -> _Price:
        price = _Price()
        for link in of.linked(fields).values():
            price += _read_of(link, records)
        return price

    # ── writes ───────────────────────────────────────────────────────────────────────────────────

    def _written(
        self, of: Described, operation: WriteOperation, fields: Iterable[str], records: int
    ) -> tuple[_Price, str]:
        write = demand_able(operation, of, self._api.crm.title)
        batch = write.batch.get(operation)
        single: Single | None = getattr(write, operation)
        names = {name.partition(".")[0] for name in fields} if operation != "delete" else set[str]()
        price, how = _Price(), "a call for each record"
        if batch is not None and (records > 1 or single is None):
            full, rest = divmod(records, batch.most)
            alone = single is not None and rest == 1
            price = _of(batch, full + (1 if rest and not alone else 0))
            price += _of(single, 1) if single is not None and alone else _Price()
            how = f"{batch.most} records a call"
        elif single is not None:
            price = _of(single, records)
        if operation == "update" and self._needs_held(of, names) and of.says.get is not None:
            price += _of(of.says.get, records)
            how = f"{how}, and one that reads what is only taken whole"
        for link in of.linked(names).values():
            if operation != "create" or link.on_create is None:
                price += _tied_of(link, records, created=operation == "create")
        return price, how

    def _needs_held(self, of: Described, names: Iterable[str]) -> bool:
        """Whether records are read before they are written, since a part is left as it is."""
        write = of.says.write
        whole = bool(write.whole) if write is not None else False
        parts: Native = {name: dict[str, Value]() for name in names}
        return whole or bool(of.says.record.needs_held(parts))

    def _unknown(self, of: Described, what: str) -> Unsupported:
        return Unsupported(
            f"nobody knows what {what} costs", hint="estimate a part of it", where=Where(object=of.name)
        )


def _named(planned: Planned) -> int:
    if planned.records is None:
        raise BadRequest(f"say how many records to {planned.operation}", where=Where(object=planned.object))
    return planned.records


def _of(call: Call, times: int = 1) -> _Price:
    return _Price(times, times * call.cost)


def _by(size: int | None) -> str:
    return "one page" if size is None else f"pages of {size:,} records"


def _pages_of(paging: Paging, records: int, size: int) -> int:
    """How many calls it takes to see the end."""
    if paging.counts:
        return calls_of(paging, records, size, tells_end=_tells_its_end(paging))
    if _tells_its_end(paging):
        return max(1, ceil(records / size))
    if paging.short_is_last:
        return records // size + 1
    return ceil(records / size) + 1 if records else 1


def _tells_its_end(paging: Paging) -> bool:
    """Whether the last page says that it is the last one: else a short or an empty page does."""
    if paging.more is not None or paging.link is not None:
        return True
    if not paging.next:
        return paging.total is not None
    return not paging.empty_is_last and any(path.steps[:1] != ("last",) for path in paging.next.values())


def _read_of(link: Link, records: int) -> _Price:
    if link.read is None or not records:
        return _Price()
    many = link.read.each or "ids" in link.read.names
    return _of(link.read, ceil(records / link.read.most) if many else records)


def _tied_of(link: Link, records: int, *, created: bool) -> _Price:
    """What it takes to tie each record to one other, where it was tied to none."""
    price = _Price() if created else _read_of(link, records)
    batch = link.batch.get("write")
    if batch is not None and records > 1:
        return price + _of(batch, ceil(records / batch.most))
    return price + _of(link.write, records) if link.write is not None else price

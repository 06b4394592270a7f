"""Everything: the pages of a listing, or those of each parent's where records are listed under others."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from crmhub.connector import Native
from crmhub.errors import BadRequest, BadResponse, InvalidRecord, NotFound, Where
from crmhub_rest.api import Api
from crmhub_rest.language.call import Listing
from crmhub_rest.language.paging import Place
from crmhub_rest.links import Links, limited
from crmhub_rest.pages import Got, Pages
from crmhub_rest.refusals import is_gone
from crmhub_rest.schemas import Described, Schemas

__all__ = ["Everything", "Scope", "beyond"]

_FORGOTTEN = (BadRequest, InvalidRecord, NotFound)
"""As what a CRM refuses a page token that it no longer knows."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one read asks for."""

    of: Described
    fields: tuple[str, ...]
    pages: Pages
    links: Links
    asked: list[str]
    page_size: int | None
    sure: set[str] = field(default_factory=set[str])
    """Fields of which it is known that they are there, though records have nothing in them."""


class Everything:
    """Lists all records of an object."""

    def __init__(self, api: Api, schemas: Schemas) -> None:
        self._api = api
        self._schemas = schemas

    async def pages(self, scope: Scope, place: Place | None) -> AsyncGenerator[Got]:
        """The pages of everything. Raises ``BadResponse`` where they do not reach everything."""
        listing = scope.of.says.list
        source = listing
        if listing.under is not None:
            source = (await self._schemas.of(listing.under)).says.list
        forgets = source.page is not None and source.page.forgets
        try:
            async with aclosing(self._from(scope, listing, place)) as pages:
                async for got in pages:
                    place = got.following
                    yield got
            return
        except _FORGOTTEN:
            if not forgets or place is None:
                raise
        async with aclosing(self._from(scope, listing, None)) as pages:
            async for got in pages:
                yield got

    async def _from(self, scope: Scope, listing: Listing, place: Place | None) -> AsyncGenerator[Got]:
        values = self._api.scope(scope.of.name)
        if listing.under is not None:
            pages = self._of_parents(scope, listing, listing.under, place)
        else:
            pages = scope.pages.read("list", listing, values, scope.asked, place)
        async with aclosing(pages):
            async for got in pages:
                if got.capped:
                    raise beyond(scope, listing)
                yield got

    async def _of_parents(
        self, scope: Scope, listing: Listing, under: str, place: Place | None
    ) -> AsyncGenerator[Got]:
        """The records of a page of parents at a time, each parent's asked for by calls of its own."""
        parents = await self._schemas.of(under)
        found = Pages(self._api, parents, size=scope.page_size)
        asked = parents.plain([parents.says.key])
        pages = found.read("list", parents.says.list, self._api.scope(under), asked, place)
        async with aclosing(pages):
            async for got in pages:
                rows: list[Native] = []
                ids = [str(row[parents.says.key]) for row in got.rows]
                await limited(
                    [lambda id_=id_, rows=rows: self._of_parent(scope, listing, id_, rows) for id_ in ids],
                    self._api.concurrency,
                )
                yield replace(got, rows=rows)

    async def _of_parent(self, scope: Scope, listing: Listing, id: str, rows: list[Native]) -> None:
        values = self._api.scope(scope.of.name, {"parent": self._api.key_sent(id, str(listing.under))})
        try:
            async with aclosing(scope.pages.read("list", listing, values, scope.asked)) as pages:
                async for got in pages:
                    extra: Native = {listing.parent_as: id} if listing.parent_as else {}
                    rows += [{**row, **extra} for row in got.rows]
        except NotFound as error:
            if not is_gone(self._api.crm, error):
                raise
            return  # the parent has gone meanwhile, and what was under it with it


def beyond(scope: Scope, listing: Listing) -> BadResponse:
    """The error where a listing ends before all records have come."""
    cap = listing.page.cap if listing.page is not None else None
    return BadResponse(
        f"there are more records than the {cap} that the CRM's pages reach",
        hint="read by changes, or by a listing without such a bound",
        where=Where(object=scope.of.name),
    )

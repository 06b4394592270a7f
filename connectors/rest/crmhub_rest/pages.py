"""From page to page, with a guard on every step: a read that does not advance is an error, never a loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, Where
from crmhub.http import Response
from crmhub_rest.api import Api
from crmhub_rest.language.call import Listing
from crmhub_rest.language.paging import Paging, Place
from crmhub_rest.language.template import Scope
from crmhub_rest.schemas import Described

__all__ = ["Got", "Pages"]

_ONE_PAGE = Paging(offset="none")


@dataclass(frozen=True, slots=True)
class Got:
    """One page: flat records, where the next one is, and the server's time."""

    rows: Sequence[Native]
    following: Place | None
    at: datetime | None
    capped: bool = False
    """Whether there is more, which pages cannot reach."""


class Pages:
    """The pages of one listing."""

    def __init__(self, api: Api, of: Described, *, size: int | None = None) -> None:
        self._api = api
        self._of = of
        self._size = size

    async def read(
        self,
        role: str,
        listing: Listing,
        scope: Scope,
        fields: Sequence[str],
        place: Place | None = None,
        extra: Native | None = None,
    ) -> AsyncGenerator[Got]:
        """All pages from ``place`` on, up to the paging's ``cap``; ``extra`` is added to each call."""
        paging = listing.page or _ONE_PAGE
        here: Place | None = paging.start() if place is None else place
        seen: set[str] = set()
        last_ids: tuple[Value, ...] = ()
        count = 0
        while here is not None:
            token = repr(sorted(here.items(), key=lambda item: item[0]))
            if token in seen:
                raise self._stuck("the reply leads to a page that has already been read")
            seen.add(token)
            size = self._size_of(paging)
            rows, reply, at = await self._page(role, listing, scope, fields, here, size, extra or {})
            ids = tuple(row.get(self._of.says.key) for row in rows)
            if ids and ids == last_ids:
                raise self._stuck("two pages in a row have the same records")
            last_ids = ids
            count += len(rows)
            following = paging.following(here, reply, rows, size) if listing.page is not None else None
            following = self._api.seams.next_place(self._of.name, role, reply, following)
            if following is not None and paging.cap is not None and count + (size or len(rows)) > paging.cap:
                yield Got(rows, None, at, capped=True)
                return
            yield Got(rows, following, at)
            here = following

    def _size_of(self, paging: Paging) -> int | None:
        return paging.most if self._size is None else min(self._size, paging.most or self._size)

    async def _page(
        self,
        role: str,
        listing: Listing,
        scope: Scope,
        fields: Sequence[str],
        place: Place,
        size: int | None,
        extra: Native,
    ) -> tuple[list[Native], Value, datetime | None]:
        """One page, put together from several calls where its fields do not fit into one."""
        paging = listing.page or _ONE_PAGE
        link = paging.link_of(place)
        added = {**extra, **(paging.added(place, size) if listing.page is not None and link is None else {})}
        merged: dict[Value, Native] = {}
        reply: Value = None
        at: datetime | None = None
        for number, chunk in enumerate(_chunks(fields, listing.chunk)):
            filled = {**scope, "fields": chunk, "limit": size}
            response = await self._api.send(role, listing, filled, added=added, link=link, idempotent=True)
            raw = self._api.rows(role, listing, filled, response)
            rows = [self.flat(one) for one in raw]
            if number == 0:
                reply, at = response.json(), _date(response)
                merged = {row[self._of.says.key]: row for row in rows}
                if len(merged) != len(rows):
                    raise self._stuck("one page has a record twice")
                continue
            for row in rows:
                if (mine := merged.get(row[self._of.says.key])) is not None:
                    mine.update({name: value for name, value in row.items() if name not in mine})
        return list(merged.values()), reply, at

    def flat(self, raw: Value) -> Native:
        """A raw record as crmhub sees it. Raises ``BadResponse`` for what is no record, or has no key."""
        if not isinstance(raw, dict):
            raise BadResponse("a record came that is no table", where=Where(object=self._of.name))
        flat = self._api.seams.decode(self._of.name, self._of.says.record.decode(raw))
        key = self._of.says.key
        held = flat.get(key)
        if isinstance(held, bool) or not isinstance(held, str | int) or held == "":
            raise BadResponse(
                f"a record came without its {key!r}: it has {', '.join(sorted(flat)[:20])}",
                hint="key in the CRM's description is wrong, or the record is inside of another table (row)",
                where=Where(object=self._of.name, field=key),
            )
        flat[key] = str(held)
        if self._of.says.record.as_text:
            self._of.typed(flat)
        if self._of.codes:
            self._of.labelled(flat)
        if self._api.crm.ids == "int":
            for name in self._of.references:
                if isinstance(held := flat.get(name), int):
                    flat[name] = str(held)
        return flat

    def _stuck(self, why: str) -> BadResponse:
        return BadResponse(
            f"the read is not advancing: {why}",
            hint="the page token does not reach the CRM: look at page in its description",
            where=Where(object=self._of.name),
        )


def _chunks(fields: Sequence[str], most: int | None) -> Iterator[list[Value]]:
    """The fields in groups of at most so many characters; one group where there is no bound."""
    group: list[Value] = []
    length = 0
    for name in fields:
        if most is not None and group and length + len(name) + 1 > most:
            yield group
            group, length = [], 0
        group.append(name)
        length += len(name) + 1
    yield group


def _date(response: Response) -> datetime | None:
    """The server's time of the reply."""
    try:
        found = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

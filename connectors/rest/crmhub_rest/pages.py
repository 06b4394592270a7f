"""From page to page, with a guard on every step: a read that does not advance is an error, never a loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from datetime import datetime

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, NotFound, Unavailable, Where
from crmhub_rest.api import Api
from crmhub_rest.counted import Counted
from crmhub_rest.export_file import ExportFile, typed
from crmhub_rest.guards import Watch, dangling, demand_records, missing_way
from crmhub_rest.jobs import JobFailed, Jobs
from crmhub_rest.language.call import Job, Listing, ResultFile
from crmhub_rest.language.paging import Paging, Place
from crmhub_rest.language.template import Scope
from crmhub_rest.nowhere import nowhere
from crmhub_rest.schemas import Described

__all__ = ["Got", "Pages", "chunks"]

_ONE_PAGE = Paging(offset="none")
_JOB = "job"
"""The member of a place that is the id of the job that the pages are of."""
_DONE = "done"
"""The same for how many records of a file have come."""
_FILE_PAGE = 1000
_WHOLE = frozenset({"list", "changes"})
"""Calls that give records as they are, with what every record has."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Got:
    """One page: flat records, where the next one is, and the server's time."""

    rows: Sequence[Native]
    following: Place | None
    at: datetime | None
    capped: bool = False
    """Whether there is more, which pages cannot reach."""


@dataclass(slots=True)
class _Page:
    """What one page has, before anything is made of it."""

    rows: list[Native]
    raw: Sequence[Value]
    """The records as they came; none where each came in several parts."""
    reply: Value
    at: datetime | None

    def add(self, key: str, rows: Sequence[Native]) -> bool:
        """Further fields of the same records; whether all of them have come."""
        mine, self.raw = {str(row[key]): row for row in self.rows}, ()
        for row in rows:
            if (held := mine.pop(str(row[key]), None)) is not None:
                held.update({name: value for name, value in row.items() if name not in held})
        return not mine


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
        """All pages from ``place`` on, up to the paging's ``cap``; ``extra`` is added to each call.

        Of a listing with a job the first page is empty: from its place on a read can go on with the job.
        """
        if listing.job is None:
            steps = self._paged(role, listing, scope, fields, place, extra or {})
        else:
            steps = self._of_job(role, listing, listing.job, scope, fields, place)
        async with aclosing(steps):
            async for got in steps:
                yield got

    async def _of_job(
        self, role: str, listing: Listing, job: Job, scope: Scope, fields: Sequence[str], place: Place | None
    ) -> AsyncGenerator[Got]:
        """The pages of what a job gives. One that cannot be gone on with is started anew."""
        jobs = Jobs(self._api)
        inner = {name: value for name, value in (place or {}).items() if name != _JOB}
        id_ = place.get(_JOB) if place is not None else None
        if id_ is not None:
            try:
                await jobs.finish(job, {**scope, "job": id_})
            except (JobFailed, NotFound):
                id_, inner = None, {}
        if id_ is None:
            id_, at = await jobs.start(job, {**scope, "fields": [*fields]})
            yield Got((), {_JOB: id_}, at)
            await jobs.finish(job, {**scope, "job": id_})
        known = {**scope, "job": id_}
        if listing.file is not None:
            steps = self._of_file(role, listing, listing.file, known, inner)
        else:
            steps = self._paged(role, listing, known, fields, inner or None, {})
        async with aclosing(steps):
            async for got in steps:
                following = None if got.following is None else {**got.following, _JOB: id_}
                yield replace(got, following=following)

    async def _of_file(
        self, role: str, listing: Listing, says: ResultFile, scope: Scope, place: Place
    ) -> AsyncGenerator[Got]:
        """The records of a file, a page at a time."""
        response = await self._api.send(role, listing, scope, idempotent=True)
        link = says.at.get(response.json())
        if not isinstance(link, str):
            raise nowhere(says.at, response.json(), self._of.name, "the file's URL (file.at)")
        done, size = place.get(_DONE, 0), self._size or _FILE_PAGE
        done = done if isinstance(done, int) else 0
        with closing(ExportFile(self._api.clock, says)) as file:
            await self._api.download(says, listing, link, file, self._of.name)
            await file.open(done)
            raw = await file.take(size)
            while True:
                following = await file.take(size) if raw else []
                done += len(raw)
                rows = [self.flat(typed(says, self._of, one)) for one in raw]
                if role in _WHOLE:
                    demand_records(self._of, raw, rows)
                yield Got(rows, {_DONE: done} if following else None, response.sent_at)
                if not following:
                    return
                raw = following

    async def _paged(
        self,
        role: str,
        listing: Listing,
        scope: Scope,
        fields: Sequence[str],
        place: Place | None,
        extra: Native,
    ) -> AsyncGenerator[Got]:
        """The pages of a call."""
        paging = listing.page or _ONE_PAGE
        here: Place | None = paging.start() if place is None else place
        counted: Counted | None = None
        if listing.page is not None and listing.nested is None and paging.counts:
            counted = Counted(self._of, role, paging, self._size_of(paging), place)
        watch, first = (
            Watch(self._of, role, listing, whole=place is None, counted=counted is not None),
            True,
        )
        while here is not None:
            if counted is None:
                watch.leaves_for(here)
            size = self._size_of(paging) if counted is None else counted.size_at(here)
            page = await self._page(role, listing, scope, fields, here, size, extra)
            watch.came(page.rows, page.reply)
            following: Place | None = None
            fresh: Sequence[Native] = page.rows
            if counted is not None:
                taken = counted.taken(here, page.rows)
                if isinstance(taken, dict):
                    here = taken
                    continue
                fresh, following = taken, counted.following(here, page.reply, page.rows)
            elif listing.page is not None:
                following = paging.following(here, page.reply, page.rows, size)
            watch.count += len(fresh)
            if first:
                if role == "list":
                    self._api.notice(self._of.name, dangling(self._of, page.raw, page.rows, fields))
                if following is None and size is not None and len(page.rows) >= size > 1:
                    await self._demand_end(watch, role, listing, scope, page, here, extra)
            following = self._api.seams.next_place(self._of.name, role, page.reply, following)
            first = False
            if following is not None and paging.reaches_cap(watch.count, size or len(page.rows)):
                yield Got(fresh, None, page.at, capped=True)
                return
            yield Got(fresh, following, page.at)
            here = following
        watch.ended(counted.reached if counted is not None else None)

    async def _demand_end(
        self,
        watch: Watch,
        role: str,
        listing: Listing,
        scope: Scope,
        page: _Page,
        place: Place,
        extra: Native,
    ) -> None:
        """A first page that is full and has nothing where the next one should be told: is there none?

        It is asked for once more, a record long: then there is a next page, and it must be told.
        """
        if missing_way(listing.page, page.reply, page.rows) is None:
            return
        short = await self._page(role, listing, scope, [self._of.says.key], place, 1, extra)
        way = missing_way(listing.page, short.reply, short.rows)
        if way is not None and len(short.rows) == 1:
            raise watch.stopped_short(way, short.reply)

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
    ) -> _Page:
        """One page. Where it is put together from parts, records that change meanwhile have it read again."""
        for _ in range(_TRIES):
            page = await self._parts(role, listing, scope, fields, place, size, extra)
            if page is not None:
                return page
        raise Unavailable(
            "records come and go faster than the parts of a page can be read",
            hint="try again later, or ask for fewer fields",
            where=Where(object=self._of.name),
        )

    async def _parts(
        self,
        role: str,
        listing: Listing,
        scope: Scope,
        fields: Sequence[str],
        place: Place,
        size: int | None,
        extra: Native,
    ) -> _Page | None:
        """One page of as many calls as its fields need; ``None``: a part lacks a record that another has."""
        paging = listing.page or _ONE_PAGE
        link = paging.link_of(place)
        added = {**extra, **(paging.added(place, size) if listing.page is not None and link is None else {})}
        page: _Page | None = None
        for chunk in chunks(fields, listing.chunk):
            filled = {**scope, "fields": chunk, "limit": size}
            response = await self._api.send(role, listing, filled, added=added, link=link, idempotent=True)
            raw = self._api.rows(role, listing, filled, response)
            rows = [self.flat(one) for one in raw]
            if page is not None:
                if not page.add(self._of.says.key, rows):
                    return None
                continue
            if role in _WHOLE:
                demand_records(self._of, raw, rows)
            page = _Page(rows, raw, response.json(), response.sent_at)
            if len({str(row[self._of.says.key]) for row in rows}) != len(rows):
                raise BadResponse("one page has a record twice", where=Where(object=self._of.name))
        assert page is not None  # noqa: S101 - there is at least one group of fields
        return page

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
        self._of.typed(flat)
        self._of.timed(flat)
        if self._of.codes:
            self._of.labelled(flat)
        if self._api.crm.ids == "int":
            for name in self._of.references:
                if isinstance(held := flat.get(name), int):
                    flat[name] = str(held)
        return flat


def chunks(fields: Sequence[str], most: int | None) -> Iterator[list[Value]]:
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

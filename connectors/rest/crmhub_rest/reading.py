"""Reading: everything in pages, then what changed since, then what is gone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crmhub.connector import Checkpoint, Context, Deletion, Native, Page, ReadRequest
from crmhub.errors import BadRequest, BadResponse, ConnectorError, NotFound, Unsupported, Where
from crmhub_rest import checkpoint
from crmhub_rest.api import Api
from crmhub_rest.checkpoint import Full
from crmhub_rest.conditions import Conditions
from crmhub_rest.language.call import Listing
from crmhub_rest.language.object import Changes as ChangesOf
from crmhub_rest.language.object import Deletes
from crmhub_rest.language.paging import Place
from crmhub_rest.links import Links, ids_in, limited
from crmhub_rest.pages import Got, Pages
from crmhub_rest.schemas import Described, Schemas

__all__ = ["LEAST_LAG", "Reader", "lag_of"]

LEAST_LAG = 1.0
"""Seconds: what is committed while a reply is made may not be in it, and stamps are often whole seconds."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one read asks for."""

    of: Described
    fields: tuple[str, ...]
    pages: Pages
    links: Links
    asked: list[str]
    page_size: int | None


@dataclass(frozen=True, slots=True)
class _Step:
    """What one page of changes gives. ``goes_on``: a read can begin anew from ``state`` to have the rest."""

    rows: Sequence[Native]
    state: checkpoint.Changes
    goes_on: bool = True


class Reader:
    """Reads of one connection; see the module."""

    def __init__(self, api: Api, schemas: Schemas, context: Context, *, page_size: int | None) -> None:
        self._api = api
        self._schemas = schemas
        self._context = context
        self._page_size = page_size

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """See :meth:`crmhub.connector.Connector.read`."""
        scope = await self._scope(request)
        state = checkpoint.load(request.object, request.since)
        if request.filter:
            pages = self._filtered(scope, request)
        elif isinstance(state, Full):
            pages = self._full(scope, state)
        else:
            pages = self._changed(scope, state)
        try:
            async with aclosing(pages):
                async for page in pages:
                    yield page
        except ConnectorError as error:
            error.at(connection=self._context.connection, object=request.object)
            raise

    async def _scope(self, request: ReadRequest) -> _Scope:
        of = await self._schemas.checked(request.object, request.fields)
        says, sizes = of.says, [size for size in (request.page_size, self._page_size) if size is not None]
        if any(size < 1 for size in sizes):
            raise BadRequest("a page must have at least one record", where=Where(object=of.name))
        always = [says.key, *([says.modified] if says.modified else [])]
        fields = tuple(dict.fromkeys(always + _heads(request.fields)))
        told = says.deletes
        extra = [name for name in (told.flag, told.merged, told.at) if name] if told is not None else []
        size = min(sizes) if sizes else None
        return _Scope(
            of,
            fields,
            Pages(self._api, of, size=size),
            Links(self._api, of),
            of.plain((*fields, *extra)),
            size,
        )

    # ── everything ───────────────────────────────────────────────────────────────────────────────

    async def _full(self, scope: _Scope, state: Full) -> AsyncGenerator[Page]:
        async with aclosing(self._listed(scope, state.place)) as pages:
            async for got in pages:
                state = replace(state, began=state.began or self._time_of(got), place=got.following)
                living, _gone = await self._taken(scope, got.rows)
                yield Page(living, (), self._full_ends(scope, state))

    async def _listed(self, scope: _Scope, place: Place | None) -> AsyncGenerator[Got]:
        """The pages of everything. Raises ``BadResponse`` where they do not reach everything."""
        listing = scope.of.says.list
        values = self._api.scope(scope.of.name)
        if listing.under is not None:
            pages = self._of_parents(scope, listing, listing.under, place)
        else:
            pages = scope.pages.read("list", listing, values, scope.asked, place)
        async with aclosing(pages):
            async for got in pages:
                if got.capped:
                    raise _beyond(scope, listing)
                yield got

    async def _of_parents(
        self, scope: _Scope, listing: Listing, under: str, place: Place | None
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

    async def _of_parent(self, scope: _Scope, listing: Listing, id: str, rows: list[Native]) -> None:
        values = self._api.scope(scope.of.name, {"parent": self._api.id_sent(id)})
        try:
            async with aclosing(scope.pages.read("list", listing, values, scope.asked)) as pages:
                async for got in pages:
                    extra: Native = {listing.parent_as: id} if listing.parent_as else {}
                    rows += [{**row, **extra} for row in got.rows]
        except NotFound:
            return  # the parent has gone meanwhile, and what was under it with it

    def _full_ends(self, scope: _Scope, state: Full) -> Checkpoint:
        """The checkpoint after a page of a full read; after the last one, changes begin."""
        if state.place is not None:
            return checkpoint.dump(scope.of.name, state)
        if scope.of.says.changes is None or state.began is None:
            return checkpoint.dump(scope.of.name, Full())
        return checkpoint.dump(scope.of.name, checkpoint.Changes(state.began))

    async def _filtered(self, scope: _Scope, request: ReadRequest) -> AsyncGenerator[Page]:
        if request.since is not None:
            raise BadRequest("changes cannot be filtered here", hint="filter what comes, or read everything")
        says = scope.of.says
        if says.filter is None:
            raise Unsupported(
                f"{scope.of.name} cannot be filtered by {request.filter[0].field}",
                hint="read everything and filter what comes",
                where=Where(object=scope.of.name, field=request.filter[0].field),
            )
        conditions = Conditions(self._api, scope.of, says.filter)
        pages = conditions.read(scope.pages, request.filter, scope.asked)
        async with aclosing(pages):
            async for got in pages:
                if got.capped:
                    raise _beyond(scope, says.filter)
                living, _gone = await self._taken(scope, got.rows)
                ended = checkpoint.dump(scope.of.name, Full()) if got.following is None else None
                yield Page(living, (), ended)

    # ── changes ──────────────────────────────────────────────────────────────────────────────────

    async def _changed(self, scope: _Scope, state: checkpoint.Changes) -> AsyncGenerator[Page]:
        changes = scope.of.says.changes
        if changes is None:
            raise BadRequest("the object cannot be read by changes", where=Where(object=scope.of.name))
        if changes == "all":
            steps = self._compared(scope, state)
        elif changes.reanchor and changes.ties is not None:
            steps = self._anchored(scope, state, changes, changes.ties)
        else:
            steps = self._paged(scope, state, changes)
        since = state.seen - timedelta(seconds=lag_of(changes))
        async with aclosing(steps):
            async for step in steps:
                state = step.state
                living, gone = await self._taken(scope, step.rows)
                yield Page(living, gone, checkpoint.dump(scope.of.name, state) if step.goes_on else None)
        told = scope.of.says.deletes
        if told is not None and told.list is not None:
            async with aclosing(self._gone(scope, told, told.list, since)) as pages:
                async for deletions in pages:
                    yield Page((), deletions, None)
        seen = max(state.seen, state.until or state.newest or state.seen)
        yield Page((), (), checkpoint.dump(scope.of.name, checkpoint.Changes(seen)))

    async def _paged(
        self, scope: _Scope, state: checkpoint.Changes, changes: ChangesOf
    ) -> AsyncGenerator[_Step]:
        """Changes by the CRM's own pages."""
        start = state.at or state.seen - timedelta(seconds=lag_of(changes))
        values = self._api.scope(scope.of.name, {"since": changes.since.write(start)})
        pages = scope.pages.read("changes", changes, values, scope.asked, state.place)
        async with aclosing(pages):
            async for got in pages:
                state = self._moved(scope, state, got, start=start)
                rows = got.rows
                if changes.newest_first:
                    rows = [row for row in rows if self._stamp(scope, row) >= start]
                    yield _Step(rows, state, goes_on=False)
                    if len(rows) < len(got.rows):
                        return
                    continue
                self._demand_filtered(scope, rows, start)
                state = replace(state, place=got.following)
                yield _Step(rows, state, goes_on=got.following is not None)

    async def _compared(self, scope: _Scope, state: checkpoint.Changes) -> AsyncGenerator[_Step]:
        """Everything, without what has not changed since."""
        start = state.seen - timedelta(seconds=LEAST_LAG)
        async with aclosing(self._listed(scope, state.place)) as pages:
            async for got in pages:
                state = replace(self._moved(scope, state, got, start=start), place=got.following)
                rows = [row for row in got.rows if self._stamp(scope, row) >= start]
                yield _Step(rows, state, goes_on=got.following is not None)

    async def _anchored(
        self, scope: _Scope, state: checkpoint.Changes, changes: ChangesOf, ties: Listing
    ) -> AsyncGenerator[_Step]:
        """Changes a page at a time, each asked for from the last record's time on."""
        start = state.at or state.seen - timedelta(seconds=lag_of(changes))
        edge: set[str] = set()
        while True:
            role, listing = ("changes", changes) if state.after is None else ("ties", ties)
            values = self._api.scope(
                scope.of.name, {"since": changes.since.write(start), "after": state.after}
            )
            got = await self._first(scope.pages.read(role, listing, values, scope.asked))
            state = self._moved(scope, state, got, start=start)
            fresh = [row for row in got.rows if row[scope.of.says.key] not in edge]
            last = self._stamp(scope, got.rows[-1]) if got.rows else start
            if state.after is not None:
                if not got.rows:
                    start, edge = start + timedelta(milliseconds=1), set[str]()
                    state = replace(state, at=start, after=None)
                    continue
                state = replace(state, at=start, after=str(got.rows[-1][scope.of.says.key]))
                yield _Step(fresh, state)
                continue
            self._demand_filtered(scope, got.rows, start)
            if got.following is None and not got.capped:
                yield _Step(fresh, state, goes_on=False)
                return
            if last > start:
                edge = {str(row[scope.of.says.key]) for row in got.rows if self._stamp(scope, row) == last}
                start = last
                state = replace(state, at=start)
                yield _Step(fresh, state)
            else:  # a page full of one instant
                edge = set()
                state = replace(state, at=start, after="0")

    async def _first(self, pages: AsyncGenerator[Got]) -> Got:
        async with aclosing(pages):
            async for got in pages:
                return got
        return Got((), None, None)

    async def _gone(
        self, scope: _Scope, told: Deletes, listing: Listing, since: datetime
    ) -> AsyncGenerator[list[Deletion]]:
        """Records that are gone and were not at ``since``."""
        times = scope.of.says.times
        values = self._api.scope(scope.of.name, {"since": listing.since.write(since)})
        async with aclosing(scope.pages.read("deletes", listing, values, scope.asked)) as pages:
            async for got in pages:
                deletions: list[Deletion] = []
                for row in got.rows:
                    at = times.read(row.get(told.at)) if told.at is not None else None
                    if at is None or at >= since:
                        deletions.append(Deletion(str(row[scope.of.says.key]), at, told.life))
                if deletions:
                    yield deletions

    # ── what a page gives ────────────────────────────────────────────────────────────────────────

    async def _taken(
        self, scope: _Scope, rows: Sequence[Native]
    ) -> tuple[Sequence[Native], Sequence[Deletion]]:
        """The living records with the fields that were asked for, and what became of the others."""
        told, says = scope.of.says.deletes, scope.of.says
        living: list[Native] = []
        gone: list[Deletion] = []
        for row in rows:
            at = says.times.read(row.get(told.at)) if told is not None and told.at is not None else None
            if told is not None and told.flag is not None and row.get(told.flag) in (True, 1):
                gone.append(Deletion(str(row[says.key]), at, told.life))
                continue
            living.append(row)
            if told is not None and told.merged is not None:
                merged = row.get(told.merged)
                ids = merged.split(told.split) if isinstance(merged, str) else ids_in(merged)
                winner = str(row[says.key])
                gone += [Deletion(id_.strip(), None, "merged", winner) for id_ in ids if id_.strip()]
        await scope.links.fill(living, scope.of.linked(scope.fields))
        return [{name: row.get(name) for name in scope.fields} for row in living], gone

    def _moved(
        self, scope: _Scope, state: checkpoint.Changes, got: Got, *, start: datetime
    ) -> checkpoint.Changes:
        """The state with what the page tells: the CRM's time, and the newest change."""
        stamps = [self._stamp(scope, row) for row in got.rows]
        newest = max([*stamps, *([state.newest] if state.newest else [])], default=None)
        return replace(state, at=state.at or start, until=state.until or self._time_of(got), newest=newest)

    def _stamp(self, scope: _Scope, row: Native) -> datetime:
        says = scope.of.says
        found = says.times.read(row.get(str(says.modified)))
        if found is None:
            created = says.times.read(row.get(says.created)) if says.created else None
            if created is not None:
                return created  # never changed since it was made
            raise BadResponse(
                f"a record came without a time in {says.modified!r}: it has {', '.join(sorted(row)[:20])}",
                hint="modified or times in the CRM's description is wrong",
                where=Where(object=scope.of.name, record=str(row[says.key]), field=says.modified),
            )
        return found

    def _demand_filtered(self, scope: _Scope, rows: Sequence[Native], start: datetime) -> None:
        """Raise ``BadResponse`` when records came that are older than was asked for."""
        earliest = start - timedelta(seconds=LEAST_LAG)
        if any(self._stamp(scope, row) < earliest for row in rows):
            raise BadResponse(
                "records came that are older than was asked for: the CRM ignores the condition",
                hint="since in the CRM's description does not reach it",
                where=Where(object=scope.of.name),
            )

    def _time_of(self, got: Got) -> datetime:
        """The CRM's time, at the latest, when the page was made."""
        return (got.at or self._context.clock.now()) - timedelta(seconds=LEAST_LAG)


def lag_of(changes: ChangesOf | str) -> float:
    """How late a change can show, in seconds."""
    return LEAST_LAG if isinstance(changes, str) else max(changes.lag, LEAST_LAG)


def _heads(fields: Sequence[str]) -> list[str]:
    return [name.partition(".")[0] for name in fields]


def _beyond(scope: _Scope, listing: Listing) -> BadResponse:
    cap = listing.page.cap if listing.page is not None else None
    return BadResponse(
        f"there are more records than the {cap} that the CRM's pages reach",
        hint="read by changes, or by a listing without such a bound",
        where=Where(object=scope.of.name),
    )

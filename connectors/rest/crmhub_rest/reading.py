"""Reading: everything in pages, then what changed since, then what is gone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta

from crmhub.connector import Checkpoint, Context, Deletion, Native, Page, ReadRequest
from crmhub.errors import BadRequest, ConnectorError, Unsupported, Where
from crmhub_rest import checkpoint
from crmhub_rest.api import Api
from crmhub_rest.changing import Changing, lag_of
from crmhub_rest.checkpoint import Full
from crmhub_rest.conditions import Conditions
from crmhub_rest.everything import Everything, Scope, beyond
from crmhub_rest.guards import Alive
from crmhub_rest.language.call import Listing
from crmhub_rest.language.object import Deletes
from crmhub_rest.language.path import JsonPath
from crmhub_rest.links import Links, ids_in
from crmhub_rest.nowhere import nowhere
from crmhub_rest.pages import Pages
from crmhub_rest.schemas import Schemas

__all__ = ["Reader"]


class Reader:
    """Reads of one connection; see the module."""

    def __init__(self, api: Api, schemas: Schemas, context: Context, *, page_size: int | None) -> None:
        self._api = api
        self._schemas = schemas
        self._context = context
        self._page_size = page_size
        self._everything = Everything(api, schemas)
        self._changing = Changing(api, self._everything, context.clock)

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

    async def _scope(self, request: ReadRequest) -> Scope:
        of = await self._schemas.checked(request.object, request.fields)
        says, sizes = of.says, [size for size in (request.page_size, self._page_size) if size is not None]
        if any(size < 1 for size in sizes):
            raise BadRequest("a page must have at least one record", where=Where(object=of.name))
        always = [says.key, *([says.modified] if says.modified else [])]
        fields = tuple(dict.fromkeys(always + _heads(request.fields)))
        told = says.deletes
        extra = [name for name in (told.flag, told.merged, told.at) if name] if told is not None else []
        size = min(sizes) if sizes else None
        return Scope(
            of,
            fields,
            Pages(self._api, of, size=size),
            Links(self._api, of),
            of.plain((*fields, *extra)),
            size,
        )

    # ── everything ───────────────────────────────────────────────────────────────────────────────

    async def _full(self, scope: Scope, state: Full) -> AsyncGenerator[Page]:
        async with aclosing(self._everything.pages(scope, state.place)) as pages:
            async for got in pages:
                state = replace(state, began=state.began or self._changing.time_of(got), place=got.following)
                living, _gone = await self._taken(scope, got.rows)
                yield Page(living, (), self._full_ends(scope, state))

    def _full_ends(self, scope: Scope, state: Full) -> Checkpoint:
        """The checkpoint after a page of a full read; after the last one, changes begin."""
        if state.place is not None:
            return checkpoint.dump(scope.of.name, state)
        if scope.of.says.changes is None or state.began is None:
            return checkpoint.dump(scope.of.name, Full())
        return checkpoint.dump(scope.of.name, checkpoint.Changes(state.began))

    async def _filtered(self, scope: Scope, request: ReadRequest) -> AsyncGenerator[Page]:
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
                    raise beyond(scope, says.filter)
                living, _gone = await self._taken(scope, got.rows)
                ended = checkpoint.dump(scope.of.name, Full()) if got.following is None else None
                yield Page(living, (), ended)

    # ── changes ──────────────────────────────────────────────────────────────────────────────────

    async def _changed(self, scope: Scope, state: checkpoint.Changes) -> AsyncGenerator[Page]:
        since = state.seen - timedelta(seconds=lag_of(scope.of.says.changes or "all"))
        alive = Alive(scope.of)
        async with aclosing(self._changing.steps(scope, state)) as steps:
            async for step in steps:
                state = step.state
                living, gone = await self._taken(scope, step.rows)
                alive.came(living)
                yield Page(living, gone, checkpoint.dump(scope.of.name, state) if step.goes_on else None)
        told = scope.of.says.deletes
        for listing in (told.list, told.archived) if told is not None else ():
            if told is not None and listing is not None:
                async with aclosing(self._gone(scope, told, listing, since, alive)) as pages:
                    async for deletions in pages:
                        yield Page((), deletions, None)
        seen = max(state.seen, state.until or state.newest or state.seen)
        yield Page((), (), checkpoint.dump(scope.of.name, checkpoint.Changes(seen)))

    async def _gone(
        self, scope: Scope, told: Deletes, listing: Listing, since: datetime, alive: Alive
    ) -> AsyncGenerator[list[Deletion]]:
        """Records that are gone and were not at ``since``."""
        times, archived = scope.of.says.times, listing is told.archived
        life = "archived" if archived else told.life
        values = self._api.scope(scope.of.name, {"since": listing.since.write(since)})
        async with aclosing(scope.pages.read("deletes", listing, values, scope.asked)) as pages:
            async for got in pages:
                deletions: list[Deletion] = []
                alive.demand_gone(got.rows)
                for row in got.rows:
                    if told.flag is not None and not archived and not told.gone(row):
                        continue
                    at = times.read(row.get(told.at)) if told.at is not None else None
                    if told.at is not None and at is None:
                        raise nowhere(
                            JsonPath(told.at), row, scope.of.name, "the time of a deletion (deletes.at)"
                        )
                    if at is None or at >= since:
                        deletions.append(Deletion(str(row[scope.of.says.key]), at, life))
                if deletions:
                    yield deletions

    # ── what a page gives ────────────────────────────────────────────────────────────────────────

    async def _taken(
        self, scope: Scope, rows: Sequence[Native]
    ) -> tuple[Sequence[Native], Sequence[Deletion]]:
        """The living records with the fields that were asked for, and what became of the others."""
        told, says = scope.of.says.deletes, scope.of.says
        living: list[Native] = []
        gone: list[Deletion] = []
        for row in rows:
            at = says.times.read(row.get(told.at)) if told is not None and told.at is not None else None
            if told is not None and told.gone(row):
                gone.append(Deletion(str(row[says.key]), at, told.life))
                continue
            living.append(row)
            if told is not None and told.merged is not None:
                merged = row.get(told.merged)
                ids = merged.split(told.split) if isinstance(merged, str) else ids_in(merged)
                winner = str(row[says.key])
                ids = [id_.strip() for id_ in ids if id_.strip() not in {"", winner}]
                gone += [Deletion(id_, None, "merged", winner) for id_ in ids]
        await self._schemas.settle(scope.of, scope.fields, living, scope.sure)
        await scope.links.fill(living, scope.of.linked(scope.fields))
        return [{name: row.get(name) for name in scope.fields} for row in living], gone


def _heads(fields: Sequence[str]) -> list[str]:
    return [name.partition(".")[0] for name in fields]

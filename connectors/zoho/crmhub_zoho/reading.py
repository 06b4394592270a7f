"""Reading a module by COQL: all of it in id order, then what changed in the order of changes.

Both walks go on after the last record they have seen and never by offset, so that rows which come, go
or move meanwhile cannot make them skip one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from operator import lt

from crmhub.clock import Clock
from crmhub.connector import Native, Page, ReadRequest
from crmhub.errors import BadResponse, Where
from crmhub_zoho import checkpoints, coql
from crmhub_zoho.checkpoints import Changes, Full, Position, Walk
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.deletions import Deletions
from crmhub_zoho.fetching import Fetcher, plan
from crmhub_zoho.records import ID, MODIFIED, distinct, newest_of, normaliser, numbers_of, stamp_of
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.rest import Answer, Rest

__all__ = ["CoqlReader", "began_at", "not_advancing"]

_ALL = f"{ID} is not null"


class CoqlReader:
    """Reads modules that COQL knows."""

    def __init__(
        self, rest: Rest, fetcher: Fetcher, deletions: Deletions, config: ZohoConfig, clock: Clock
    ) -> None:
        self._rest = rest
        self._fetcher = fetcher
        self._deletions = deletions
        self._config = config
        self._clock = clock

    async def read(self, request: ReadRequest, schema: ModuleSchema) -> AsyncGenerator[Page]:
        """The pages of a request; see :class:`crmhub.connector.Page`."""
        run = _Run(self._rest, self._fetcher, self._config, request, schema)
        state = (
            None if request.since is None else checkpoints.load(request.since, request.object, request.filter)
        )
        if isinstance(state, Changes) and schema.has(MODIFIED):
            pages = self._changes(run, state)
        else:
            # Without a time of change there is nothing to go by: each read is a full one.
            pages = self._full(run, state if isinstance(state, Full) else None)
        async with aclosing(pages):
            async for page in pages:
                yield page
                del page

    async def _full(self, run: _Run, state: Full | None) -> AsyncGenerator[Page]:
        asked_at = self._clock.now()
        while True:
            answer = await run.ask(f"{ID} > {coql.literal(state.id)}" if state and state.id else _ALL, by=ID)
            rows = run.checked(answer)
            if state is None:
                state = Full("", began_at(answer, asked_at), None)
            run.check_ids_after(state.id, rows)
            peak = run.peak(rows, state.peak)
            more = run.has_more(answer, rows)
            state = replace(state, id=str(rows[-1][ID]) if rows else state.id, peak=peak)
            following = state if more else checkpoints.after_full(state, self._config.overlap)
            yield Page(await run.completed(rows), (), run.save(following))
            if not more:
                return
            del answer, rows  # else two pages are in memory while the next one comes

    async def _changes(self, run: _Run, state: Changes) -> AsyncGenerator[Page]:
        began = state.walk.began if state.walk else None
        last = state.walk.last if state.walk else state.start
        peak = last if state.walk else None
        asked_at = self._clock.now()
        previous: frozenset[str] = frozenset()
        while True:
            answer = await run.ask(_after(last), by=MODIFIED)
            rows = run.checked(answer)
            began = began or began_at(answer, asked_at)
            run.check_changes_after(last, rows)
            more = run.has_more(answer, rows)
            ids = frozenset(str(row[ID]) for row in rows)
            if rows and ids <= previous:
                raise not_advancing(run.module)
            previous = ids
            if not more:
                break
            last = peak = Position(stamp_of(rows[-1], run.module), str(rows[-1][ID]))
            yield Page(await run.completed(rows), (), run.save(replace(state, walk=Walk(began, last))))
        if rows:
            peak = Position(stamp_of(rows[-1], run.module), str(rows[-1][ID]))
        upserts = await run.completed(rows)
        gone = await self._deletions.since(run.module, state.deleted)
        newest = max((one.at for one in gone if one.at is not None), default=None)
        end = checkpoints.after_walk(state, began, peak, newest, self._config.overlap)
        yield Page(upserts, gone, run.save(end))


class _Run:
    """One read: its queries, and what is checked on every page of it."""

    def __init__(
        self, rest: Rest, fetcher: Fetcher, config: ZohoConfig, request: ReadRequest, schema: ModuleSchema
    ) -> None:
        self.module = request.object
        self._rest = rest
        self._fetcher = fetcher
        self._request = request
        self._schema = schema
        self._plan = plan(schema, request.fields)
        self._normalise = normaliser(schema, frozenset(self._plan.columns))
        self._limit = max(1, min(request.page_size or config.page_size, coql.MOST_ROWS))
        for condition in request.filter:
            schema.check(condition.field)
        self._filter = coql.conditions(request.filter, schema.data_types)

    async def ask(self, where: str, *, by: str) -> Answer:
        """A page of rows in the order of ``by``, then of the ids."""
        order = f"{ID} asc" if by == ID else f"{by} asc, {ID} asc"
        where = coql.all_of([where, *self._filter])
        query = coql.select(self._plan.columns, self.module, where, order=order, limit=self._limit)
        return await self._rest.coql(query, self._limit)

    def checked(self, answer: Answer) -> list[Native]:
        """The rows in one form and without repeated ones, each with its id and time of change."""
        self._normalise(answer.rows, self.module)
        return distinct(answer.rows, self.module)

    def has_more(self, answer: Answer, rows: Sequence[Native]) -> bool:
        """Whether another page follows; Zoho's word counts, a full page where it gives none."""
        more = len(answer.rows) >= self._limit if answer.more is None else answer.more
        if more and not rows:
            raise not_advancing(self.module)
        return more

    def check_ids_after(self, last: str, rows: Sequence[Native]) -> None:
        """Raise ``BadResponse`` unless the ids rise from ``last`` on."""
        ids = [int(last or 0), *numbers_of(rows)]
        if not all(map(lt, ids, ids[1:])):
            raise not_advancing(self.module)

    def check_changes_after(self, last: Position, rows: Sequence[Native]) -> None:
        """Raise ``BadResponse`` unless the times of change rise from ``last`` on."""
        before = last.at
        for row in rows:
            at = stamp_of(row, self.module)
            if at < before:
                raise not_advancing(self.module)
            before = at

    def peak(self, rows: Sequence[Native], peak: Position | None) -> Position | None:
        """The newest change among ``peak`` and the rows."""
        if not self._schema.has(MODIFIED):
            return None
        newest, last = (peak.at, peak.id) if peak else (None, "")
        for row in newest_of(rows):
            at, id_ = stamp_of(row, self.module), str(row[ID])
            if newest is None or at > newest or (at == newest and int(id_) > int(last or 0)):
                newest, last = at, id_
        return peak if newest is None else Position(newest, last)

    async def completed(self, rows: list[Native]) -> list[Native]:
        """The rows with the fields that a query cannot give."""
        return await self._fetcher.complete(self.module, self._schema, self._plan, rows)

    def save(self, state: Full | Changes) -> checkpoints.Checkpoint:
        """The checkpoint of a state."""
        return checkpoints.save(state, self.module, self._request.filter)


def began_at(answer: Answer, asked_at: datetime) -> datetime:
    """When a walk began, by the server's clock; by ours where the reply does not tell."""
    return (answer.at or asked_at).replace(microsecond=0)


def not_advancing(module: str) -> BadResponse:
    """The pages go in a circle, or are not in the order that was asked for."""
    return BadResponse(
        f"the read of {module} is not advancing: a page does not come after the one before it",
        hint="nothing is lost: run it again from the last checkpoint",
        where=Where(object=module),
    )


def _after(last: Position) -> str:
    """The condition for all changes from that place on."""
    at = coql.stamp(last.at)
    if not last.id:
        return f"{MODIFIED} >= {at}"
    return f"(({MODIFIED} = {at} and {ID} > {coql.literal(last.id)}) or {MODIFIED} > {at})"

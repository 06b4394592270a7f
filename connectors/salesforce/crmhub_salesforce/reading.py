"""Reading: everything by id, then changes by (stamp, id), both by keyset.

A keyset asks for what comes after the last record that was read. So a page may be of any size, equal
stamps are no problem, and a read goes on where it stopped after any time; query cursors, which live two
days, are not needed. A change can become visible after the time that it carries (records are stamped
when they are saved and seen when their transaction ends), so changes are read from ``overlap`` seconds
before the newest that was seen, and what was seen never counts beyond the server's time at the start.
What is left of a large object after some pages is read by a query job (:mod:`.bulk.reading`). A read of
changes ends with the deletions that leave no record behind (:mod:`.deletions`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crmhub.connector import Checkpoint, Context, Deletion, Native, Page, ReadRequest
from crmhub.errors import BadRequest, BadResponse, ConnectorError, Where
from crmhub_salesforce import checkpoint
from crmhub_salesforce.api import Api
from crmhub_salesforce.asking import Asked, Asker
from crmhub_salesforce.bulk.reading import BulkReader, GivenUp, Wanted
from crmhub_salesforce.checkpoint import Changes, Full, Job, Position
from crmhub_salesforce.deletions import REACH, DeleteLog, Logged, ending
from crmhub_salesforce.gone import LIVE_LEADS, became, telling, tells_converted
from crmhub_salesforce.lookup import conditions_of
from crmhub_salesforce.received import checked, stamp_of
from crmhub_salesforce.schema import Described
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.soql import instant, quoted

__all__ = ["Reader"]

_LOG_EVERY = timedelta(minutes=10)
"""The delete log costs a call, and beside a recycle bin it seldom has more to tell."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one read asks for."""

    of: Described
    fields: tuple[str, ...]
    conditions: tuple[str, ...]
    limit: int
    converted: bool
    """Whether leads that were converted are told as gone: unless whoever asks asks for them."""


class Reader:
    """Reads of one connection; see the module."""

    def __init__(
        self,
        api: Api,
        schemas: Schemas,
        context: Context,
        bulk: BulkReader,
        *,
        overlap: float,
        page_size: int,
    ) -> None:
        self._api = api
        self._bulk = bulk
        self._log = DeleteLog(api, context)
        self._schemas = schemas
        self._context = context
        self._overlap = timedelta(seconds=overlap)
        self._page_size = page_size

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """See :meth:`crmhub.connector.Connector.read`."""
        scope = await self._scope(request)
        state = checkpoint.load(scope.of.name, scope.of.cursor, request.since)
        if isinstance(state, Full):
            pages = self._full(scope, state)
        else:
            pages = self._changes(scope, _cursor(scope), state)
        try:
            async with aclosing(pages):
                async for page in pages:
                    yield page
        except ConnectorError as error:
            error.at(connection=self._context.connection, object=request.object)
            raise

    async def _scope(self, request: ReadRequest) -> _Scope:
        of = await self._schemas.checked(request.object, request.fields)
        cursor = (of.cursor,) if of.cursor else ()
        size = self._page_size if request.page_size is None else min(request.page_size, self._page_size)
        asked = {*request.fields, *(condition.field for condition in request.filter)}
        if size < 1:
            raise BadRequest("a page must have at least one record", where=Where(object=of.name))
        return _Scope(
            of,
            tuple(dict.fromkeys(("Id", *cursor, *request.fields))),
            await conditions_of(self._schemas, of.name, request.filter),
            size,
            tells_converted(of, asked),
        )

    # ── everything ───────────────────────────────────────────────────────────────────────────────

    async def _full(self, scope: _Scope, state: Full) -> AsyncGenerator[Page]:
        archived = scope.of.has("IsArchived") and scope.of.has("IsDeleted")  # found by queryAll only
        always = [*scope.conditions]
        if archived:
            always.append("IsDeleted = false")
        if scope.converted:
            always.append(LIVE_LEADS)
        asker = self._asker(scope, scope.fields, always, deleted=archived)
        progress = _Progress(scope, state.after)
        read, jobs = 0, True
        while True:
            after = None if state.after is None else f"Id > {quoted(state.after)}"
            conditions = always if after is None else [*always, after]
            wanted = Wanted(scope.of, scope.fields, tuple(conditions), archived, scope.limit)
            if state.job is None and jobs and self._bulk.decides(read):
                jobs, state = False, replace(state, job=await self._bulk.begun(wanted))
            if state.job is not None:
                try:
                    async with aclosing(self._by_job(scope, wanted, state, state.job)) as pages:
                        async for page in pages:
                            yield page
                except GivenUp:
                    jobs, state = False, replace(state, job=None)
                else:
                    return
            asked = await asker.page(after, ("Id",))
            read += len(asked.keys)
            state = Full(_id(asked.keys[-1]) if asked.keys else state.after, state.began or asked.reply.at)
            if progress.ends_with(asked, state.after):
                yield Page(asked.rows, (), self._changes_begin(scope, state))
                return
            yield Page(asked.rows, (), self._saved(scope, state))
            del asked  # the caller alone holds it while the next one comes

    async def _by_job(self, scope: _Scope, wanted: Wanted, state: Full, job: Job) -> AsyncGenerator[Page]:
        """The pages of a query job, up to the end of the read."""
        steps = self._bulk.steps(wanted, job)
        async with aclosing(steps):
            async for rows, following in steps:
                ended, state = following is None, replace(state, job=following)
                since = self._changes_begin(scope, state) if ended else self._saved(scope, state)
                yield Page(checked(scope.of, rows), (), since)
                del rows  # else two pages are in memory while the next one comes

    def _asker(
        self, scope: _Scope, fields: Sequence[str], conditions: Sequence[str], *, deleted: bool
    ) -> Asker:
        return Asker(
            self._api, self._context, scope.of, fields, conditions, most=scope.limit, deleted=deleted
        )

    def _saved(self, scope: _Scope, state: Full) -> Checkpoint:
        return checkpoint.dump(scope.of.name, scope.of.cursor, state)

    def _changes_begin(self, scope: _Scope, state: Full) -> Checkpoint:
        """The checkpoint after a full read; where changes cannot be read, it starts the next full read."""
        cursor = scope.of.cursor
        if cursor is None or state.began is None:
            return self._saved(scope, Full())
        return checkpoint.dump(scope.of.name, cursor, Changes(seen=state.began))

    # ── changes ──────────────────────────────────────────────────────────────────────────────────

    async def _changes(self, scope: _Scope, cursor: str, state: Changes) -> AsyncGenerator[Page]:
        told_by = telling(scope.of, converted=scope.converted)
        extra = tuple(name for name in told_by if name not in scope.fields)
        fields = scope.fields + extra
        progress = _Progress(scope, state.at)
        asker = self._asker(scope, fields, scope.conditions, deleted=scope.of.has("IsDeleted"))
        told: set[str] = set()
        while True:
            asked = await asker.page(self._after(cursor, state), (cursor, "Id"))
            until = state.until or asked.reply.at
            if state.until is None:
                self._tell_coverage(scope, state, until)
            at = self._end(scope, asked.keys, cursor, state)
            upserts, deletes = _parted(asked.rows, cursor, extra, converted=scope.converted)
            told.update(gone.id for gone in deletes)
            if progress.ends_with(asked, at):
                log = await self._logged(scope, state, asked.reply.at, told)
                seen = max(state.seen, min(at.stamp, until)) if at else state.seen
                since = checkpoint.dump(scope.of.name, cursor, Changes(seen, logged=log.covered))
                for page in ending(upserts, [*deletes, *log.found], scope.limit, since):
                    yield page
                return
            state = Changes(state.seen, at, until, state.logged)
            yield Page(upserts, deletes, checkpoint.dump(scope.of.name, cursor, state))
            del asked, upserts, deletes

    async def _logged(self, scope: _Scope, state: Changes, now: datetime, told: set[str]) -> Logged:
        """The deletions of the delete log, where the object has one and it is time to ask for it again."""
        if not scope.of.has_delete_log:
            return Logged((), None)
        if scope.of.has("IsDeleted") and state.logged is not None and now - state.logged < _LOG_EVERY:
            return Logged((), state.logged)
        return await self._log.since(scope.of, state.logged or state.seen - self._overlap, now, told)

    def _after(self, cursor: str, state: Changes) -> str:
        if state.at is None:
            return f"{cursor} >= {instant(self._start(state))}"
        stamp, id_ = instant(state.at.stamp), quoted(state.at.id)
        return f"({cursor} > {stamp} OR ({cursor} = {stamp} AND Id > {id_}))"

    def _start(self, state: Changes) -> datetime:
        """From when on changes are asked for, in whole milliseconds as a query has them."""
        start = state.at.stamp if state.at else state.seen - self._overlap
        return start.replace(microsecond=start.microsecond // 1000 * 1000)

    def _end(self, scope: _Scope, rows: Sequence[Native], cursor: str, state: Changes) -> Position | None:
        """Where the page ends; raises ``BadResponse`` unless its records are in order and were asked for."""
        last = self._start(state)
        for row in rows:
            stamp = stamp_of(scope.of, row, cursor)
            if stamp < last:
                raise _stuck(scope)
            last = stamp
        return Position(last, _id(rows[-1])) if rows else state.at

    def _tell_coverage(self, scope: _Scope, state: Changes, now: datetime) -> None:
        """Deletions older than the recycle bin leave no trace; whoever needs them must read everything.

        Where there is a delete log, that tells how far back it reaches.
        """
        if now - state.seen > REACH and scope.of.can_be_deleted and not scope.of.has_delete_log:
            self._context.events.emit(
                "read.deletions_uncertain",
                connection=self._context.connection,
                object=scope.of.name,
                since=instant(state.seen),
                why=f"the recycle bin keeps what was deleted for {REACH.days} days",
            )


class _Progress:
    """Sees to it that each page leads to a new place, else a read would never end."""

    def __init__(self, scope: _Scope, start: object) -> None:
        self._scope = scope
        self._places = {start}

    def ends_with(self, asked: Asked, place: object) -> bool:
        """Whether the page that ends at ``place`` is the last; raises ``BadResponse`` for a known place."""
        if asked.is_last and not asked.keys:
            return True
        if place in self._places:
            raise _stuck(self._scope)
        self._places.add(place)
        return asked.is_last


def _cursor(scope: _Scope) -> str:
    if scope.of.cursor is None:
        raise BadRequest("the object cannot be read by changes", where=Where(object=scope.of.name))
    return scope.of.cursor


def _stuck(scope: _Scope) -> BadResponse:
    return BadResponse(
        "the read is not advancing: a page came that does not go on from where the last one ended",
        hint="something on the way ignores the query's conditions; the last checkpoint is still good",
        where=Where(object=scope.of.name),
    )


def _parted(
    rows: Sequence[Native], cursor: str, extra: Sequence[str], *, converted: bool
) -> tuple[list[Native], list[Deletion]]:
    """Living records, without the fields that nobody asked for, and what became of the others."""
    upserts: list[Native] = []
    deletes: list[Deletion] = []
    for row in rows:
        gone = became(row, converted=converted)
        if gone is not None:
            deletes.append(replace(gone, at=checkpoint.moment(row.get(cursor))))
        else:
            upserts.append({name: value for name, value in row.items() if name not in extra})
    return upserts, deletes


def _id(row: Native) -> str:
    return str(row["Id"])

"""Reading all of a module by bulk read jobs, where that is cheaper than by queries.

A job writes 200,000 records into a file. It costs more credits to start than a query and takes minutes, so it
is for large modules. What a job cannot do, or does not do, is left to queries: the ranges of ids that were
still to be read when it was started are kept beside it, and the event ``bulk_read.given_up`` tells why.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from functools import partial

from crmhub.connector import Context, Native, Page
from crmhub.errors import (
    BadRequest,
    BadResponse,
    ConnectorError,
    NotFound,
    PermissionDenied,
    UnknownOutcome,
    Unsupported,
    Where,
)
from crmhub.routing import Wish, wished
from crmhub_zoho import checkpoints
from crmhub_zoho.bulk.cells import inexact, reader
from crmhub_zoho.bulk.read_file import ResultFile
from crmhub_zoho.checkpoints import Bulk, Changes, Full
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.prices import bulk_read_pays_from
from crmhub_zoho.records import ID, numbers_of
from crmhub_zoho.routes import Tiers
from crmhub_zoho.run import Run
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.bulk_read import MOST_FIELDS, ReadJob
from crmhub_zoho.tiers.rest import Rest

__all__ = ["BulkReader", "Left", "fits", "least_for"]

_FIRST_WAIT = 2.0
_LONGEST_WAIT = 30.0
_UNLESS_COUNTED = 0.75  # of the records that make a job worth it: whether to count is decided by a guess
_PATIENT = frozenset({"bulk", "background"})
_FALLS = (PermissionDenied, BadRequest, BadResponse, NotFound, Unsupported, UnknownOutcome)


class Left(Exception):
    """What the jobs have left, or could not do: queries have to read the ``rest``."""

    def __init__(self, rest: Full) -> None:
        super().__init__()
        self.rest = rest


def fits(schema: ModuleSchema, columns: Sequence[str]) -> bool:
    """Whether a job can give those columns just as a query does."""
    return len(columns) <= MOST_FIELDS + 1 and inexact(schema, columns) is None


def least_for(config: ZohoConfig, page_size: int) -> int | None:
    """From how many records on a job is worth it; where nobody waits, as soon as it costs less."""
    least = config.bulk_read_from
    context = (wished() or Wish(config.tiers.context)).context
    if least is None or context not in _PATIENT:
        return least
    return min(least, bulk_read_pays_from(page_size))


class BulkReader:
    """Bulk read jobs of one connection, by whichever tier there is."""

    def __init__(self, tiers: Tiers, rest: Rest, config: ZohoConfig, context: Context) -> None:
        self._tiers = tiers
        self._rest = rest
        self._config = config
        self._clock = context.clock
        self._events = context.events
        self._connection = context.connection
        self._refused = False

    async def is_worth(self, run: Run, expected: int) -> bool:
        """Whether a job is cheaper than queries for a module of about so many records.

        They are counted only where that may make a job worth it. A read with conditions, or with a field that
        a file does not tell exactly, is left to queries.
        """
        least = least_for(self._config, run.limit)
        if least is None or self._refused or expected < least * _UNLESS_COUNTED:
            return False
        if run.is_filtered or not fits(run.schema, run.plan.columns):
            return False
        try:
            return await self._rest.count(run.module) >= least
        except (BadRequest, NotFound, PermissionDenied) as error:
            self._given_up(run.module, error)
            return False

    async def begin(self, run: Run, state: Full) -> Bulk | Full:
        """The job for the first 200,000 records, started; ``state`` as it was where it cannot be."""
        try:
            return Bulk(state, await self._start(run, None))
        except _FALLS as error:
            self._refused = self._refused or isinstance(error, PermissionDenied)
            self._given_up(run.module, error)
            return state

    async def pages(self, run: Run, state: Bulk) -> AsyncGenerator[Page]:
        """The pages of the job and of those that follow it; raises :class:`Left` where something is left."""
        steps = self._steps(run, state)
        async with aclosing(steps):
            while True:
                try:
                    step = await anext(steps, None)
                except _FALLS as error:
                    self._given_up(run.module, error)
                    raise Left(state.full) from None
                if step is None:
                    return
                rows, following = step
                if isinstance(following, Bulk):
                    state = following
                yield Page(await run.completed(_new(rows, state.full)), (), run.save(following))
                del step, rows
                if isinstance(following, Full):
                    raise Left(following)

    async def _steps(
        self, run: Run, state: Bulk
    ) -> AsyncGenerator[tuple[list[Native], Bulk | Full | Changes]]:
        """Rows, and where the read stands after them."""
        while True:
            job = await self._done(run.module, state.job)
            with closing(ResultFile(self._clock)) as file:
                await self._fetch(run, state, file)
                while True:
                    rows = await file.take(min(run.limit, job.count - state.done))
                    state = Bulk(_seen(run, state.full, rows), state.job, state.done + len(rows))
                    is_last = state.done >= job.count
                    if (is_last and await file.take(1)) or not (is_last or rows):
                        raise BadResponse(
                            f"the file of the bulk read job does not hold the {job.count} rows it should"
                        )
                    if is_last:
                        break
                    yield run.checked(rows), state
                    del rows  # else two pages are in memory while the next one comes
                following = await self._following(run, state, job)
                yield run.checked(rows), following
            if not isinstance(following, Bulk):
                return
            state = following

    async def _fetch(self, run: Run, state: Bulk, file: ResultFile) -> None:
        """The job's file, whole, at the first row that was not given yet."""
        await self._tiers.bulk_read(run.module, lambda calls: calls.result(state.job, file))
        await file.open(partial(reader, run.schema, run.plan.columns), state.done)

    async def _following(self, run: Run, state: Bulk, job: ReadJob) -> Bulk | Full | Changes:
        """What comes after a job whose rows are all given: the next one, started, or what is left."""
        if not job.more:
            left = tuple(one for one in state.full.ranges if one.is_open)  # of a read that goes on later
            if left:
                return replace(state.full, ranges=left)
            return checkpoints.after_full(state.full, self._config.overlap)
        if job.token is None:
            raise BadResponse("the bulk read job has more records, and names no token for them")
        return Bulk(state.full, await self._start(run, job.token))

    async def _start(self, run: Run, token: str | None) -> str:
        fields = [name for name in run.plan.columns if name != ID]
        id_ = await self._tiers.bulk_read(run.module, lambda calls: calls.start(run.module, fields, token))
        self._events.emit("bulk_read.started", connection=self._connection, object=run.module, job=id_)
        return id_

    async def _done(self, module: str, id: str) -> ReadJob:
        """The job once it is done; raises ``NotFound`` where it failed or is gone."""
        began, wait = self._clock.monotonic(), _FIRST_WAIT
        while True:
            await self._clock.sleep(wait)
            job = await self._tiers.bulk_read(module, lambda calls: calls.job(id))
            if job.state == "done":
                return job
            if job.state == "failed":
                raise NotFound("the bulk read job has failed", where=Where(object=module))
            wait = min(wait * 1.5, _LONGEST_WAIT)
            if self._clock.monotonic() + wait > began + self._config.bulk_timeout:
                raise NotFound(
                    f"the bulk read job was not done after {self._config.bulk_timeout:g} seconds",
                    where=Where(object=module),
                )

    def _given_up(self, module: str, error: ConnectorError) -> None:
        self._events.emit(
            "bulk_read.given_up",
            connection=self._connection,
            object=module,
            cause=type(error).__name__,
            why=error.what,
        )


def _new(rows: list[Native], full: Full) -> list[Native]:
    """Those of the rows that queries have not given: the ones in the closed ranges."""
    closed = [(int(one.after or 0), int(one.before)) for one in full.ranges if not one.is_open]
    ids = zip(rows, numbers_of(rows), strict=True)
    return [row for row, id_ in ids if any(after < id_ < before for after, before in closed)]


def _seen(run: Run, full: Full, rows: list[Native]) -> Full:
    return replace(full, peak=run.peak(rows, full.peak))

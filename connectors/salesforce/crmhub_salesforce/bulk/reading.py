"""Reading all that is left of a large object by a query job.

A job takes its time, and gives 50,000 rows a call where a query gives 2,000. Its rows come in no order, so
that a read which has to go on without it begins again where the job began: what was given comes twice, and
nothing is left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from crmhub.connector import Context, Native
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
from crmhub.http import Response
from crmhub_salesforce.api import Api
from crmhub_salesforce.bulk.cells import inexact, reader
from crmhub_salesforce.bulk.jobs import Jobs, ending
from crmhub_salesforce.bulk.result_file import ResultFile
from crmhub_salesforce.checkpoint import Job
from crmhub_salesforce.schema import Described
from crmhub_salesforce.soql import counting, select

__all__ = ["COUNTED_AFTER", "ROWS", "BulkReader", "GivenUp", "Wanted"]

ROWS = 50_000
"""Rows a call; more would take longer than a call should."""
COUNTED_AFTER = 5
"""What is left is counted once a fifth of what makes a job worth it has been read by queries."""
_FALLS = (PermissionDenied, BadRequest, BadResponse, NotFound, Unsupported, UnknownOutcome)


class GivenUp(Exception):
    """The job cannot be gone on with: queries have to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read: ``fields`` of the records of an object that meet all ``conditions``."""

    of: Described
    fields: tuple[str, ...]
    conditions: tuple[str, ...]
    everything: bool
    """Whether archived records are among them, which ``queryAll`` finds alone."""
    limit: int


class BulkReader:
    """Query jobs of one connection; ``least`` records that are left make one worth it."""

    def __init__(self, api: Api, context: Context, *, least: int | None, longest: float) -> None:
        self._api = api
        self._jobs = Jobs(api, context.clock, "query", longest)
        self._clock = context.clock
        self._events = context.events
        self._connection = context.connection
        self._least = least
        self._refused = False

    def decides(self, read: int) -> bool:
        """Whether it is time to ask for a job: ``read`` records came by queries."""
        return self._least is not None and not self._refused and read * COUNTED_AFTER >= self._least

    async def begun(self, wanted: Wanted) -> Job | None:
        """A job for what is wanted, if that is worth one."""
        if inexact(wanted.of, wanted.fields) is not None:
            return None
        object_, conditions = wanted.of.name, wanted.conditions
        try:
            soql = counting(object_, conditions)
            left = await self._api.count(soql, object=object_, deleted=wanted.everything)
            if left < (self._least or 0):
                return None
            operation = "queryAll" if wanted.everything else "query"
            soql = select(wanted.fields, object_, conditions)
            id_ = await self._jobs.create({"operation": operation, "query": soql})
        except _FALLS as error:
            self._refused = self._refused or isinstance(error, PermissionDenied)
            self._given_up(object_, error)
            return None
        self._events.emit("bulk_read.started", connection=self._connection, object=object_, job=id_)
        return Job(id_)

    async def steps(self, wanted: Wanted, job: Job) -> AsyncGenerator[tuple[list[Native], Job | None]]:
        """Rows, and where the read stands after them; raises :class:`GivenUp`."""
        try:
            least = await self._completed(wanted, job)
            known, came = {job.locator}, 0
            while True:
                with closing(ResultFile(self._clock, partial(reader, wanted.of, wanted.fields))) as file:
                    total, locator = await self._fetched(job, file)
                    came += total
                    await file.open(job.done)
                    while True:
                        rows = await file.take(min(wanted.limit, max(total - job.done, 1)))
                        job = replace(job, done=job.done + len(rows))
                        if job.done >= total:
                            break
                        if not rows:
                            raise _short(total)
                        yield rows, job
                        del rows
                    if job.done > total or await file.take(1):
                        raise _short(total)
                if locator is None:
                    if came < least:
                        raise BadResponse("the job's results have fewer rows than the job")
                    yield rows, None
                    return
                if locator in known:
                    raise BadResponse("the job's results do not advance: a page names one before it")
                known.add(locator)
                job = Job(job.id, locator)
                yield rows, job
                del rows
        except _FALLS as error:
            self._given_up(wanted.of.name, error)
            raise GivenUp from None

    async def _completed(self, wanted: Wanted, job: Job) -> int:
        """Wait for the job's end; how many rows are to come at least, as far as it tells."""
        told = await self._jobs.ended(job.id)
        if told["state"] != "JobComplete":
            raise NotFound(ending("query", job.id, told), where=Where(object=wanted.of.name))
        rows = told.get("numberRecordsProcessed")
        return rows if isinstance(rows, int) and job.locator is None else 0

    async def _fetched(self, job: Job, file: ResultFile[Native]) -> tuple[int, str | None]:
        """How many rows the page has, and the locator of the next."""
        params = {"maxRecords": str(ROWS)} | ({"locator": job.locator} if job.locator else {})
        response = await self._jobs.into(job.id, "results", file, **params)
        locator = _header(response, "sforce-locator")
        total = _header(response, "sforce-numberofrecords")
        if not total.isascii() or not total.isdigit():
            raise BadResponse("the page of the job's results does not say how many rows it has")
        if not locator:
            raise BadResponse("the page of the job's results does not say whether it is the last")
        return int(total), None if locator == "null" else locator

    def _given_up(self, object: str, error: ConnectorError) -> None:
        self._events.emit(
            "bulk_read.given_up",
            connection=self._connection,
            object=object,
            cause=type(error).__name__,
            why=error.what,
        )


def _header(response: Response, name: str) -> str:
    return response.headers.get(name, "")


def _short(total: int) -> BadResponse:
    return BadResponse(f"the page of the job's results does not hold the {total} rows that it should")

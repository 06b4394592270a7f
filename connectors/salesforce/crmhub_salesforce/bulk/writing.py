"""Large writes by ingest jobs of Bulk API 2.0.

Nothing is done before a job is closed: what goes wrong until then leaves its rows to collections. Once it is
closed nothing is sent again: a row of which neither the job nor its results tell anything is ``unknown``, one
that the job left out is not sent. A record that met a locked row is sent again by itself, by collections.
The job of a write that is cancelled is aborted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import anyio
import anyio.to_thread

from crmhub.connector import NOT_SENT, Context, Native, Outcome, Problem
from crmhub.errors import (
    AuthError,
    ConnectorError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    UnknownOutcome,
)
from crmhub.http import path
from crmhub_salesforce.api import Api
from crmhub_salesforce.batches import Ready, gives, refers
from crmhub_salesforce.bulk.jobs import Jobs, ending
from crmhub_salesforce.bulk.results import Matched, Results
from crmhub_salesforce.bulk.rows import Row, Table, row_of, tables
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.outcomes import Run, not_sent

__all__ = ["CALLS_A_JOB", "BulkWriter", "jobs_from"]

CALLS_A_JOB = 6
"""To make it, send its rows, close it and fetch its three results; asking for its end comes on top."""

_LAST_WORD = 5.0  # seconds to abort the job of a write that is cancelled
_OPERATIONS = {"create": "insert", "update": "update", "upsert": "upsert", "delete": "delete"}
_LOST = UnknownOutcome("the results of the bulk job do not tell what became of the record")


def jobs_from(config: SalesforceConfig) -> int | None:
    """From how many records on a write goes by a job; ``None``: never."""
    # Jobs know no header that lets duplicates through (Bulk API 2.0 and Bulk API Developer Guide, "Headers").
    return None if config.allow_duplicates else config.bulk_write_from


class BulkWriter:
    """Ingest jobs of one connection."""

    def __init__(self, api: Api, context: Context, config: SalesforceConfig) -> None:
        self._api = api
        self._jobs = Jobs(api, context.clock, "ingest", config.bulk_timeout)
        self._results = Results(self._jobs, context.clock)
        self._clock = context.clock
        self._events = context.events
        self._connection = context.connection
        self._least = jobs_from(config)

    async def done(self, run: Run, ready: Sequence[Ready]) -> Sequence[Ready]:
        """Write by jobs what is worth one; gives what is left for collections.

        Raises what would stop collections too, while nothing was sent; else it is ``run.stopped``.
        """
        if self._least is None or run.request.at_once or len(ready) < self._least:
            return ready
        fit = self._rows(run, ready)
        if len(fit) < self._least:
            return ready
        by_job = {row.item.place for row in fit}
        left = [item for item in ready if item.place not in by_job]
        for table in tables(fit):
            left += await self._guarded(run, table)
        return self._after(run, sorted(left, key=lambda item: item.place))

    def _rows(self, run: Run, ready: Sequence[Ready]) -> list[Row]:
        """One row for a record: no later item of it before an earlier one, and no child beside its parent."""
        taken: set[str] = set()
        given = {key for item in ready for key in gives(item, run.of)}
        found: list[Row] = []
        for item in ready:
            name = _name(item)
            first = name not in taken
            taken |= {name} - {""}
            alone = first and not item.if_version and given.isdisjoint(refers(item, run.of))
            row = row_of(item, run.of, run.request.operation) if alone else None
            if row is not None:
                found.append(row)
        return found

    def _after(self, run: Run, left: list[Ready]) -> list[Ready]:
        """Without items for records of which nobody knows what a job did, or may yet do."""
        unclear = {
            _name(item)
            for item in run.by_job
            if (outcome := run.outcomes[item.place]) is not None and outcome.status == "unknown"
        } - {""}
        late = [item for item in left if _name(item) in unclear]
        for item in late:
            run.outcomes[item.place] = not_sent(_LOST)
        return [item for item in left if _name(item) not in unclear]

    async def _guarded(self, run: Run, table: Table) -> list[Ready]:
        """Do a job; what is left of it for collections."""
        items = [row.item for row in table.rows]
        if run.stopped is not None:
            return items
        try:
            job = await self._closed(run, table)
        except ConnectorError as error:
            error.at(connection=self._connection, object=run.of.name)
            if _stops(error):
                if not run.sent:
                    raise
                run.stopped = error
            else:
                self._tell(run, len(items), error)
            return items
        run.sent = True
        run.by_job += items
        try:
            told = await self._jobs.ended(job, patient=True)
            matched = await self._results.of(job, table, _key(run))
        except ConnectorError as error:
            run.lose(items, error)
            return []
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_LAST_WORD, shield=True):
                await self._jobs.forgotten(job)
            raise
        if told["state"] == "Failed" and not matched.results and told.get("numberRecordsProcessed") == 0:
            self._tell(run, len(items), NotFound(ending("ingest", job, told)))
            return items
        return self._settled(run, matched, ending("ingest", job, told))

    async def _closed(self, run: Run, table: Table) -> str:
        """The id of a job that has its data and was told to begin; raises when it was not."""
        body: Native = {
            "object": run.of.name,
            "operation": _OPERATIONS[run.request.operation],
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if run.request.operation == "upsert":
            body["externalIdFieldName"] = run.request.match
        content = await self._csv(table)
        job = await self._jobs.create(body)
        try:
            below = path("/jobs/ingest/{id}/batches", id=job)
            await self._api.carry("PUT", below, content=content, headers={"content-type": "text/csv"})
        except ConnectorError:
            await self._jobs.forgotten(job)
            raise
        await self._begin(job)
        self._events.emit(
            "bulk_write.started",
            connection=self._connection,
            object=run.of.name,
            operation=run.request.operation,
            records=len(table.rows),
            job=job,
        )
        return job

    async def _begin(self, job: str) -> None:
        """Close the job; raises only when it is known that it has not begun."""
        try:
            await self._jobs.enter(job, "UploadComplete")
        except ConnectorError:
            # It may have been sent several times: the last refusal says nothing of the others.
            try:
                told = await self._jobs.told(job)
            except ConnectorError:
                return  # whoever waits for it will see
            if told["state"] == "Open" and await self._jobs.forgotten(job):
                raise

    async def _csv(self, table: Table) -> bytes:
        if self._clock.simulated:  # a pending thread would let a simulated clock jump ahead
            return table.csv()
        return await anyio.to_thread.run_sync(partial(table.csv))

    def _settled(self, run: Run, matched: Matched, how: str) -> list[Ready]:
        again = [run.settle(item, result, last=False) for item, result in matched.results]
        for item in matched.left_out:
            problem = Problem(NOT_SENT, f"{how} before it came to the record", permanent=False)
            run.outcomes[item.place] = Outcome("rejected", run.id_of(item), problem=problem)
        if matched.untold:
            run.lose(matched.untold, _LOST)
        return [item for item in again if item is not None]

    def _tell(self, run: Run, records: int, error: ConnectorError) -> None:
        self._events.emit(
            "bulk_write.refused",
            connection=self._connection,
            object=run.of.name,
            operation=run.request.operation,
            records=records,
            cause=type(error).__name__,
            code=error.code,
            why=error.what,
        )


def _name(item: Ready) -> str:
    """What says which record an item is about; nothing for a new one."""
    return (item.key or "").casefold()


def _key(run: Run) -> str | None:
    """The column that tells the records of a job apart."""
    return {"create": None, "upsert": run.request.match}.get(run.request.operation, "Id")


def _stops(error: ConnectorError) -> bool:
    """Whether collections would be answered the same, so that nothing more is sent."""
    if isinstance(error, PermissionDenied):
        return False  # jobs need a permission of their own
    return isinstance(error, AuthError | RateLimited | QuotaExceeded)

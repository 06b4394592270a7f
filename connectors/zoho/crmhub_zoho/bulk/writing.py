"""Bulk write: large requests by jobs that Zoho does in its own time, where that costs fewer credits.

What a job cannot do, or what would be too few rows for one, goes the ordinary way afterwards, in batches of
100. That holds for rows of a job that could not be started too: an upload alone changes nothing. Once the
start of a job was sent, nothing is sent again: where its answer, its end or its result is lost, the rows
are ``unknown``.
Source: Zoho CRM API v8, "Bulk Write".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import anyio.to_thread

from crmhub.connector import NOT_SENT, Context, Outcome, Problem, WriteRequest
from crmhub.errors import (
    ApprovalRequired,
    AuthError,
    ConnectorError,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
)
from crmhub_zoho.bulk.write_jobs import WriteJobs
from crmhub_zoho.bulk.write_rows import Row, Table, row_of, tables
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.payloads import name_of
from crmhub_zoho.prices import BULK_WRITE_ROWS
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.writing import invalid, not_sent

__all__ = ["BulkWriter", "jobs_from"]

_NOT_BY_JOBS = frozenset({"Attachments", "Notes", "Events", "Calls"})
_Batches: TypeAlias = Callable[[WriteRequest], Awaitable[Sequence[Outcome]]]


def jobs_from(config: ZohoConfig, module: str) -> int | None:
    """From how many records on a write to the module goes by a job; ``None``: never."""
    never = config.trigger is not None or module in _NOT_BY_JOBS
    return None if never else config.bulk_write_from


class BulkWriter:
    """Writes what is worth a job by jobs, and the rest by batches."""

    def __init__(self, jobs: WriteJobs, config: ZohoConfig, context: Context) -> None:
        self._jobs = jobs
        self._config = config
        self._events = context.events
        self._connection = context.connection

    async def write(
        self, request: WriteRequest, schema: ModuleSchema, batches: _Batches
    ) -> Sequence[Outcome]:
        """One outcome for each item, in order. ``batches`` writes requests in the ordinary way."""
        if not self._may_go_by_jobs(request):
            return await batches(request)
        outcomes: dict[int, Outcome] = {}
        stop: ConnectorError | None = None
        for table in await anyio.to_thread.run_sync(partial(self._tables, request, schema)):
            try:
                done = await self._jobs.done(request, schema, table)
                outcomes |= {row.place: outcome for row, outcome in zip(table.rows, done, strict=True)}
            except ConnectorError as error:
                if _stops(error):
                    stop = error
                    break
                self._tell(request, table, error)
        return await self._rest(request, outcomes, stop, batches)

    def _may_go_by_jobs(self, request: WriteRequest) -> bool:
        least = jobs_from(self._config, request.object)
        able = request.operation != "delete" and not request.at_once
        return able and least is not None and len(request.items) >= least

    def _tables(self, request: WriteRequest, schema: ModuleSchema) -> list[Table]:
        """The jobs that are worth it: never two items of one record, and no later one before an earlier."""
        rows: list[Row] = []
        taken: set[str] = set()
        for place, item in enumerate(request.items):
            name = name_of(request, item)
            first = name not in taken
            taken |= {name} - {""}
            if not first or item.if_version is not None or invalid(request, item, schema) is not None:
                continue
            row = row_of(request, item, schema, place)
            if row is not None:
                rows.append(row)
        least = min(jobs_from(self._config, request.object) or 0, BULK_WRITE_ROWS)
        demanded = {name for name, spec in schema.schema.fields.items() if spec.required}
        return [
            table
            for table in tables(rows)
            if len(table.rows) >= least
            and (request.operation == "update" or demanded <= table.columns.keys())
        ]

    async def _rest(
        self,
        request: WriteRequest,
        outcomes: dict[int, Outcome],
        stop: ConnectorError | None,
        batches: _Batches,
    ) -> Sequence[Outcome]:
        """The outcomes of all items, once those that went by no job have been written by ``batches``."""
        items = request.items
        if stop is not None and not outcomes:
            raise stop
        unclear = {name_of(request, items[at]) for at, one in outcomes.items() if one.status == "unknown"} - {
            ""
        }
        left = [at for at in range(len(items)) if at not in outcomes]
        late = [
            at for at in left if name_of(request, items[at]) in unclear
        ]  # a job may yet write that record
        outcomes |= {at: _after_unknown() for at in late}
        left = [at for at in left if at not in outcomes]
        if left and stop is None:
            try:
                written = await batches(replace(request, items=[items[at] for at in left]))
                outcomes |= dict(zip(left, written, strict=True))
            except ConnectorError as error:
                if not outcomes:
                    raise
                stop = error
        if stop is not None:
            outcomes |= {at: not_sent(stop) for at in left if at not in outcomes}
        return [outcomes[at] for at in range(len(items))]

    def _tell(self, request: WriteRequest, table: Table, error: ConnectorError) -> None:
        self._events.emit(
            "bulk_write.refused",
            connection=self._connection,
            object=request.object,
            operation=request.operation,
            records=len(table.rows),
            cause=type(error).__name__,
            code=error.code,
        )


def _stops(error: ConnectorError) -> bool:
    """Whether batches would be answered the same, so that nothing more is sent."""
    if isinstance(error, PermissionDenied):
        return False  # jobs need scopes of their own
    return isinstance(error, AuthError | RateLimited | QuotaExceeded | ApprovalRequired)


def _after_unknown() -> Outcome:
    what = "not sent: nobody knows what became of an earlier item for the same record"
    return Outcome("rejected", problem=Problem(NOT_SENT, what, permanent=False))

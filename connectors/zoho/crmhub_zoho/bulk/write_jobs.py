"""Bulk write jobs: the rows sent, the job started and waited for, its result fetched.

Source: Zoho CRM API v8, "Bulk Write". It has no list of jobs: a job whose id was lost cannot be found again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Protocol, TypeVar

import anyio.to_thread

from crmhub.clock import Clock
from crmhub.connector import Native, Outcome, Problem, WriteItem, WriteRequest
from crmhub.errors import BadResponse, ConnectorError, Unavailable, UnknownOutcome, Unsupported
from crmhub.http import FormFile
from crmhub.tiers import Served
from crmhub_zoho.bulk.write_results import read_result, row_outcomes
from crmhub_zoho.bulk.write_rows import Table
from crmhub_zoho.outcomes import unknown
from crmhub_zoho.records import ID
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.calls import BulkWriteCalls
from crmhub_zoho.tiers.held import Gathered, Held
from crmhub_zoho.writing import may_have_happened

__all__ = ["BULK_WRITE", "Run", "WriteJobs"]

BULK_WRITE = "bulk_write"
"""The operation's name in the routing table."""

_OPERATIONS = {"create": "insert", "update": "update", "upsert": "upsert"}
_DONE, _FAILED = "COMPLETED", frozenset({"FAILED", "FAILURE", "SKIPPED"})
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # seconds
_MOST_RESULT = 50_000_000  # bytes, packed
_REST = "rest"

_T = TypeVar("_T")


class Run(Protocol):
    """What chooses the tier of a call: the table of :mod:`crmhub_zoho.routes`."""

    async def __call__(
        self, operation: str, ways: Mapping[str, Callable[[], Awaitable[_T]]], module: str, records: int
    ) -> Served[_T]:
        """What the first tier gives that can make the call."""
        ...


class WriteJobs:
    """The jobs of one connection: ``calls`` by tier, ``run`` to choose one, ``org`` to ask whose they are.

    A job that is not done after ``longest`` seconds is given up.
    """

    def __init__(
        self,
        calls: Mapping[str, BulkWriteCalls],
        run: Run,
        org: Callable[[], Awaitable[Native]],
        clock: Clock,
        random: Random,
        longest: float,
    ) -> None:
        self._calls = calls
        self._run = run
        self._ask_org = org
        self._org: str | None = None
        self._clock = clock
        self._random = random
        self._longest = longest

    async def done(self, request: WriteRequest, schema: ModuleSchema, table: Table) -> list[Outcome]:
        """The outcomes of a job's rows, in order. Raises only when nothing of it was done."""
        key = {"update": ID, "upsert": request.match}.get(request.operation)
        header = table.header(key, schema)
        items = [request.items[row.place] for row in table.rows]
        try:
            started = await self._started(request, schema, table, header, key)
        except ConnectorError as error:
            if not may_have_happened(error):
                raise
            return [unknown(error, item.id) for item in items]
        return await self._ended(started.tier, started.value, table, header, items)

    async def _started(
        self,
        request: WriteRequest,
        schema: ModuleSchema,
        table: Table,
        header: Sequence[str],
        key: str | None,
    ) -> Served[str]:
        archive = await anyio.to_thread.run_sync(table.archive, f"{request.object}.csv", header)
        org = await self._organisation()
        resource: Native = {
            "type": "data",
            "module": {"api_name": request.object},
            "ignore_empty": True,
            "field_mappings": table.mappings(header, schema),
        }
        if key is not None:
            resource["find_by"] = key

        async def start(calls: BulkWriteCalls) -> str:
            boundary = f"crmhub-{self._random.getrandbits(128):032x}"
            form = FormFile("file", f"{request.object}.zip", Held(archive), boundary)
            file = await _uploaded(calls, org, form)
            return await calls.start_write(
                {
                    "operation": _OPERATIONS[request.operation],
                    "character_encoding": "UTF-8",
                    "resource": [{**resource, "file_id": file}],
                }
            )

        ways = {name: partial(start, calls) for name, calls in self._calls.items()}
        return await self._run(BULK_WRITE, ways, request.object, len(table.rows))

    async def _organisation(self) -> str:
        if self._org is None:
            found = (await self._ask_org()).get("zgid")
            if not isinstance(found, str | int) or isinstance(found, bool):
                raise Unsupported("Zoho does not tell the organisation's number, which an upload needs")
            self._org = str(found)
        return self._org

    async def _ended(
        self, tier: str, job: str, table: Table, header: Sequence[str], items: Sequence[WriteItem]
    ) -> list[Outcome]:
        """The outcomes once the job is done."""
        try:
            told = await self._awaited(tier, job)
            result = told.get("result")
            url = result.get("download_url") if isinstance(result, dict) else None
            if not isinstance(url, str):
                return [_without_result(told, item) for item in items]
            packed = await self._by(tier, partial(_fetched, url=url))
            lines = await anyio.to_thread.run_sync(read_result, packed)
        except ConnectorError as error:
            return [unknown(error, item.id) for item in items]
        return row_outcomes(table, header, items, lines)

    async def _awaited(self, tier: str, job: str) -> Native:
        """The job when it has come to its end."""
        wait, until = _FIRST_WAIT, self._clock.monotonic() + self._longest
        while True:
            await self._clock.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)
            late = self._clock.monotonic() > until
            try:
                told = await self._by(tier, lambda calls: calls.write_job(job))
            except ConnectorError as error:
                if late or not error.retryable:
                    raise
                continue
            if _state(told) in {_DONE, *_FAILED}:
                return told
            if late:
                raise UnknownOutcome(
                    f"bulk write job {job} is not done after {self._longest:g} seconds",
                    hint="Zoho may still do it: read back later, before you send it again",
                )

    async def _by(self, tier: str, way: Callable[[BulkWriteCalls], Awaitable[_T]]) -> _T:
        """What a question about a job gives, asked by the tier that began it; where that fails, by REST."""
        if tier != _REST:
            try:
                return await way(self._calls[tier])
            except ConnectorError:
                pass  # REST can do all that another tier can, and tells what is wrong if it cannot
        return await way(self._calls[_REST])


async def _uploaded(calls: BulkWriteCalls, org: str, form: FormFile) -> str:
    """The file's id; whatever goes wrong, nothing was changed by it."""
    try:
        return await calls.send_rows(org, form)
    except (BadResponse, UnknownOutcome) as error:
        raise Unavailable(error.what, hint=error.hint, status=error.status, code=error.code) from None
    except ConnectorError as error:
        error.applied = False
        raise


async def _fetched(calls: BulkWriteCalls, *, url: str) -> bytes:
    sink = Gathered(_MOST_RESULT)
    await calls.write_result(url, sink)
    return sink.joined()


def _without_result(told: Native, item: WriteItem) -> Outcome:
    """The outcome of a row of a job that has ended without a result."""
    resources = told.get("resource")
    resource = resources[0] if isinstance(resources, list) and resources else None
    resource = resource if isinstance(resource, dict) else {}
    file = resource.get("file")
    counts = (
        [file.get(f"{name}_count") for name in ("added", "updated")] if isinstance(file, dict) else [None]
    )
    code = resource.get("code")
    code = code if isinstance(code, str) and code.isascii() and code.isupper() else _state(told)
    if _state(told) in _FAILED and counts == [0, 0]:
        what = f"the bulk write job ended as {_state(told)}, and nothing of it was written"
        return Outcome("rejected", item.id, problem=Problem(code, what, permanent=False))
    what = f"the bulk write job ended as {_state(told)} without a result"
    return Outcome("unknown", item.id, problem=Problem(code, what, permanent=False))


def _state(told: Native) -> str:
    """The job's state; documents and servers differ in its case."""
    return str(told.get("status")).upper()

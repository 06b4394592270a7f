"""Ingest jobs of Bulk API 2.0: `/jobs/ingest`, one upload of CSV each, done in transactions of 200 rows.

Each transaction is a call of sObject Collections: records are checked and changed as by any other way.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.resources.bulk_jobs import Job, Jobs, csv_reply, dialect_of
from crmhub_salesforce.simulator.resources.bulk_rows import carry_out, error_cell, parts, record_of
from crmhub_salesforce.simulator.service import Service

_OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
_CHUNK = 200
_MOST_BYTES = 150_000_000
_LONGEST_CELL = 32_000
_BATCH_ROWS = 10_000


@dataclass
class _IngestJob(Job):
    key: str | None = None
    data: bytes | None = None
    header: list[str] = field(default_factory=list[str])
    rows: list[list[str]] = field(default_factory=list[list[str]])
    done: list[Row] = field(default_factory=list[Row])
    """A result for each row so far."""


def add_bulk_ingest(service: Service) -> None:
    """Add the routes of ingest jobs."""
    jobs = _IngestJobs(service)
    service.router.add("/jobs/ingest", POST=jobs.create, GET=jobs.all)
    service.router.add("/jobs/ingest/{id}", GET=jobs.info, PATCH=jobs.patch, DELETE=jobs.jobs.delete)
    service.router.add("/jobs/ingest/{id}/batches", PUT=jobs.upload)
    service.router.add("/jobs/ingest/{id}/successfulResults", GET=jobs.successful)
    service.router.add("/jobs/ingest/{id}/failedResults", GET=jobs.failed)
    service.router.add("/jobs/ingest/{id}/unprocessedrecords", GET=jobs.unprocessed)


class _IngestJobs:
    def __init__(self, service: Service) -> None:
        self._service = service
        self.jobs = Jobs[_IngestJob](service, self._work)
        service.before_calls.append(self.jobs.advance)
        service.allowances["DailyBulkApiBatches"] = lambda: (
            service.settings.daily_bulk_batches,
            self._batches_of_a_day(),
        )

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, call: Call) -> Reply:
        body, data = parts(call)
        operation, key = str(body.get("operation")), body.get("externalIdFieldName")
        sobject = self._service.org.catalog.get(str(body.get("object")))
        if sobject is None:
            name = body.get("object", "null")
            raise ApiError("INVALIDENTITY", f"'{name}' is not supported by the Bulk API.")
        if operation not in _OPERATIONS:
            raise ApiError("INVALIDJOB", f"Unknown operation {operation}")
        if operation == "upsert":
            self._check_key(sobject, key)
        job = _IngestJob(
            self.jobs.next_id(),
            call,
            operation,
            sobject.name,
            dialect_of(body),
            self.jobs.now(),
            state="Open",
            changed_at=self.jobs.now(),
            key=str(key) if key is not None else None,
        )
        self.jobs.known[job.id] = job
        if data is not None:
            job.data = data
            self._close(job)
        return Reply(200, self._head(job))

    def _check_key(self, sobject: SObject, key: object) -> None:
        found = sobject.field(key) if isinstance(key, str) else None
        if found is None or not (found.external_id or found.id_lookup or found.type == "id"):
            given = "null" if key is None else key
            message = (
                f"Field name provided, {given} is not an External ID or indexed field for {sobject.name}"
            )
            raise ApiError("INVALIDJOB", f"InvalidJob : {message}")

    def _head(self, job: _IngestJob) -> Row:
        shown = job.head(self._service.org.user_id)
        if job.state == "Open":
            shown["contentUrl"] = f"services/data/v{job.call.version}/jobs/ingest/{job.id}/batches"
        if job.key is not None:
            shown["externalIdFieldName"] = job.key
        return shown

    def _shown(self, job: _IngestJob) -> Row:
        shown: Row = {**self._head(job), "jobType": "V2Ingest", "retries": 0}
        shown |= {"totalProcessingTime": 1, "apiActiveProcessingTime": 1, "apexProcessingTime": 0}
        shown |= {"numberRecordsProcessed": job.processed, "numberRecordsFailed": job.failed}
        if job.error is not None:
            shown["errorMessage"] = job.error
        return shown

    def all(self, call: Call) -> Reply:
        del call
        return self.jobs.listed(lambda job: {**self._head(job), "jobType": "V2Ingest"})

    def info(self, call: Call) -> Reply:
        return Reply(200, self._shown(self.jobs.of(call)))

    def upload(self, call: Call) -> Reply:
        job = self.jobs.of(call)
        media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "text/csv":
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", f"Content type '{media}' is not text/csv", status=415)
        if job.state != "Open" or job.data is not None:
            raise ApiError("INVALIDJOBSTATE", "Uploading is allowed once, while the job is Open")
        if len(call.body) > _MOST_BYTES:
            raise ApiError("CLIENTINPUTERROR", f"The request is larger than {_MOST_BYTES} bytes", status=413)
        job.data = call.body
        return Reply(201)

    def patch(self, call: Call) -> Reply:
        job, state = self.jobs.of(call), call.object().get("state")
        if state == "Aborted":
            self.jobs.abort(job)
        elif state != "UploadComplete":
            raise ApiError("INVALIDJOBSTATE", f"A job cannot be given the state {state}")
        elif job.state != "Open":
            raise ApiError("INVALIDJOBSTATE", f"Closing already {job.state} Job not allowed")
        elif job.data is None:
            raise ApiError("INVALIDJOBSTATE", "A job without data cannot be closed")
        else:
            self._close(job)
        return Reply(200, self._head(job))

    # ── work ─────────────────────────────────────────────────────────────────────────────────────

    def _close(self, job: _IngestJob) -> None:
        """All data is there: read it, and queue the job unless it is wrong."""
        self.jobs.begin(job)
        try:
            job.header, job.rows = self._table(job)
        except ApiError as refusal:
            job.fail(f"{refusal.code} : {refusal.message}", self.jobs.now())
        finally:
            job.data = None

    def _table(self, job: _IngestJob) -> tuple[list[str], list[list[str]]]:
        try:
            text = (job.data or b"").decode("utf-8-sig")
            rows = list(job.dialect.rows(text))
        except (UnicodeDecodeError, csv.Error) as problem:
            raise ApiError("InvalidBatch", f"Failed to parse CSV: {type(problem).__name__}") from None
        if ("\r\n" in text.partition("\n")[0] + "\n") != (job.dialect.ending == "CRLF"):
            message = (
                f"LineEnding is invalid on user data. Current LineEnding setting is {job.dialect.ending}"
            )
            raise ApiError("ClientInputError", message)
        if not rows or not rows[0]:
            raise ApiError("InvalidBatch", "Failed to read header")
        header, body = rows[0], [row for row in rows[1:] if row]
        sobject = self._sobject(job)
        for name in header:
            first = name.partition(".")[0].rpartition(":")[2]
            if sobject.field(name) is None and sobject.parent(first) is None:
                raise ApiError("InvalidBatch", f"Field name not found : {name}")
        if job.operation in {"delete", "hardDelete"} and [name.lower() for name in header] != ["id"]:
            message = "The 'delete' batch must contain only ids"
            raise ApiError("InvalidBatch", message)
        for row in body:
            if len(row) != len(header):
                raise ApiError("InvalidBatch", "A row has another number of columns than the header")
            if any(len(cell) > _LONGEST_CELL for cell in row):
                message = f"A cell is longer than {_LONGEST_CELL} characters"
                raise ApiError("InvalidBatch", message)
        self._demand_batches(len(body))
        return header, body

    def _batches_of_a_day(self) -> int:
        today = self.jobs.now() - 86_400
        made = [job for job in self.jobs.known.values() if job.created_at > today and job.rows]
        return sum(-(-len(job.rows) // _BATCH_ROWS) for job in made)

    def _demand_batches(self, rows: int) -> None:
        used = self._batches_of_a_day()
        if used + -(-rows // _BATCH_ROWS) > self._service.settings.daily_bulk_batches:
            raise ApiError("ExceededQuota", "ApiBatchItems Limit exceeded.")

    def _sobject(self, job: _IngestJob) -> SObject:
        found = self._service.org.catalog.get(job.object)
        if found is None:
            raise ApiError("InvalidEntity", job.object)
        return found

    def _work(self, job: _IngestJob, share: float) -> None:
        whole = len(job.rows) // 2 if job.fails else len(job.rows)
        due = int(len(job.rows) * share) if share < 1 else len(job.rows)
        while len(job.done) < whole and (end := min(len(job.done) + _CHUNK, whole)) <= due:
            chunk = job.rows[len(job.done) : end]
            results = self._results(job, chunk)
            job.done += results
            job.processed += len(results)
            job.failed += sum(result["success"] is not True for result in results)
        if job.fails and len(job.done) >= whole:
            job.fail("InternalServerError : the job failed half-way", self.jobs.now())
        elif share >= 1:
            job.change("JobComplete", self.jobs.now())

    def _results(self, job: _IngestJob, rows: Sequence[Sequence[str]]) -> list[Row]:
        sobject = self._sobject(job)
        records = [record_of(sobject, job.header, row) for row in rows]
        return carry_out(self._service, sobject, job.call.version, job.operation, job.key, records)

    # ── results ──────────────────────────────────────────────────────────────────────────────────

    def successful(self, call: Call) -> Reply:
        job = self._ended(call)
        rows = [
            [str(result["id"]), "true" if _is_new(job, result) else "false", *row]
            for row, result in zip(job.rows, job.done, strict=False)
            if result["success"] is True
        ]
        # The order of results is not that of the rows.
        return self._csv(job, ["sf__Id", "sf__Created", *job.header], rows[::-1])

    def failed(self, call: Call) -> Reply:
        job = self._ended(call)
        rows = [
            [str(result.get("id") or ""), error_cell(result), *row]
            for row, result in zip(job.rows, job.done, strict=False)
            if result["success"] is not True
        ]
        return self._csv(job, ["sf__Id", "sf__Error", *job.header], rows[::-1])

    def unprocessed(self, call: Call) -> Reply:
        job = self._ended(call)
        return self._csv(job, job.header, job.rows[len(job.done) :])

    def _csv(self, job: _IngestJob, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reply:
        return csv_reply(job.dialect.text([header, *rows]))

    def _ended(self, call: Call) -> _IngestJob:
        job = self.jobs.of(call)
        if job.state not in {"JobComplete", "Failed", "Aborted"}:
            raise ApiError("INVALIDJOBSTATE", f"Job is not complete. Current state of job is {job.state}")
        return job


def _is_new(job: _IngestJob, result: Row) -> bool:
    return job.operation == "insert" or result.get("created") is True

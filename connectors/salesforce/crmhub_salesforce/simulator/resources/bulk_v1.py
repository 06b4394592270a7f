"""Bulk API (1.0): `/services/async/XX.0/job`, jobs of batches that are sent as JSON or as CSV.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API": "Create a New Job", "Add a Batch to a Job",
"Get Batch Results", "Errors". What is wrong is told as `{exceptionCode, exceptionMessage}` with status 400,
an ended session too.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast
from xml.etree import ElementTree as ET

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply, Router
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.ids import ObjectIds, normal_id
from crmhub_salesforce.simulator.resources.bulk_cells import cell_of, header_of, query_columns
from crmhub_salesforce.simulator.resources.bulk_jobs import Dialect
from crmhub_salesforce.simulator.resources.bulk_rows import carry_out, error_cell, record_of
from crmhub_salesforce.simulator.resources.bulk_xml import batch_xml, exception_xml, job_xml, list_xml
from crmhub_salesforce.simulator.service import Service
from crmhub_salesforce.simulator.soql.statement import prepare
from crmhub_salesforce.simulator.values import epoch, stamp

ASYNC = "/services/async"
_OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete", "query", "queryAll"})
_QUERIES = {"query": False, "queryAll": True}
_TYPES = frozenset({"CSV", "JSON"})
_MOST_ROWS = 10_000
_JOBS, _BATCHES, _RESULTS = ObjectIds("750"), ObjectIds("751"), ObjectIds("752")
_DIALECT = Dialect()


@dataclass
class _Batch:
    id: str
    number: int
    created_at: float
    body: bytes
    state: str = "Queued"
    message: str | None = None
    results: list[Row] = field(default_factory=list[Row])
    """A result for each record; for queries the records themselves."""
    rows: list[list[str]] = field(default_factory=list[list[str]])
    """The answer to a query as lines of CSV, the header first."""

    @property
    def failed(self) -> int:
        """How many records were refused."""
        return sum(1 for result in self.results if result.get("success") is False)


@dataclass
class _Job:
    id: str
    version: str
    operation: str
    object: str
    content: str
    created_at: float
    key: str | None = None
    mode: str = "Parallel"
    state: str = "Open"
    batches: dict[str, _Batch] = field(default_factory=dict[str, _Batch])

    @property
    def queries(self) -> bool:
        """Whether it reads."""
        return self.operation in _QUERIES


class BulkV1:
    """The jobs of Bulk API 1.0."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._jobs: dict[str, _Job] = {}
        self._batches = 0
        service.before_calls.append(self._advance)
        self._router = Router()
        self._router.add("/job", POST=self._create)
        self._router.add("/job/{id}", GET=self._info, POST=self._change)
        self._router.add("/job/{id}/batch", GET=self._listed, POST=self._add)
        self._router.add("/job/{id}/batch/{batch}", GET=self._batch_info)
        self._router.add("/job/{id}/batch/{batch}/request", GET=self._request)
        self._router.add("/job/{id}/batch/{batch}/result", GET=self._result)
        self._router.add("/job/{id}/batch/{batch}/result/{result}", GET=self._records)

    def pattern(self, path: str) -> str:
        """The route of a path, for statistics."""
        _, _, below = path.removeprefix(f"{ASYNC}/").partition("/")
        found = self._router.find(below)
        return path if found is None else f"{ASYNC}/{{version}}{found[0]}"

    def answer(self, call: Call) -> Reply:
        """Answer one call, refusals included."""
        version, _, below = call.path.removeprefix(f"{ASYNC}/").partition("/")
        found = self._router.find(below)
        handler = None if found is None else found[2].get(call.method)
        if found is None or handler is None:
            return refused(call, ApiError("InvalidUrl", f"Destination URL not reachable: {call.path}"))
        self._advance()
        try:
            return handler(replace(call, params=found[1], version=version))
        except ApiError as refusal:
            return refused(call, refusal)

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────

    def _create(self, call: Call) -> Reply:
        body = _told(call)
        operation, content = str(body.get("operation")), str(body.get("contentType") or "XML")
        sobject = self._service.org.catalog.get(str(body.get("object")))
        if operation not in _OPERATIONS:
            raise ApiError("InvalidJob", f"Unable to parse Job: unknown operation {operation}")
        if sobject is None:
            raise ApiError(
                "InvalidEntity", f"Entity '{body.get('object')}' is not supported by the Bulk API."
            )
        if content not in _TYPES:
            raise ApiError("InvalidJob", f"contentType {content} is not supported by this simulator")
        key = body.get("externalIdFieldName")
        if operation == "upsert" and (not key or sobject.field(str(key)) is None):
            raise ApiError("InvalidJob", "External ID was blank for " + sobject.name)
        self._service.jobs_made += 1
        mode = "Serial" if str(body.get("concurrencyMode")) in {"1", "Serial"} else "Parallel"
        job = _Job(
            _JOBS.id_of(self._service.jobs_made),
            call.version,
            operation,
            sobject.name,
            content,
            self._now(),
            None if not key else str(key),
            mode,
        )
        self._jobs[job.id] = job
        return self._shown(call, job, 201)

    def _job(self, call: Call) -> _Job:
        found = self._jobs.get(normal_id(call.params["id"]) or "")
        if found is None:
            raise ApiError("InvalidJob", f"Invalid job id: {call.params['id']}")
        return found

    def _batch(self, call: Call) -> _Batch:
        found = self._job(call).batches.get(normal_id(call.params["batch"]) or "")
        if found is None:
            raise ApiError("InvalidBatch", f"Invalid batch id: {call.params['batch']}")
        return found

    def _info(self, call: Call) -> Reply:
        return self._shown(call, self._job(call))

    def _change(self, call: Call) -> Reply:
        job, state = self._job(call), _told(call).get("state")
        if state not in {"Closed", "Aborted"}:
            raise ApiError("InvalidJob", f"A job cannot be given the state {state}")
        if job.state != "Open":
            raise ApiError("InvalidJobState", f"Closing already {job.state} Job not allowed")
        job.state = str(state)
        for batch in job.batches.values() if state == "Aborted" else ():
            if batch.state == "Queued":
                batch.state = "NotProcessed"
        return self._shown(call, job)

    def _shown(self, call: Call, job: _Job, status: int = 200) -> Reply:
        states = [batch.state for batch in job.batches.values()]
        shown: Row = {
            "apexProcessingTime": 0,
            "apiActiveProcessingTime": 0,
            "apiVersion": float(job.version),
            "assignmentRuleId": None,
            "concurrencyMode": job.mode,
            "contentType": job.content,
            "createdById": self._service.org.user_id,
            "createdDate": stamp(int(job.created_at)),
            "externalIdFieldName": job.key,
            "id": job.id,
            "numberBatchesCompleted": states.count("Completed"),
            "numberBatchesFailed": states.count("Failed"),
            "numberBatchesInProgress": states.count("InProgress"),
            "numberBatchesQueued": states.count("Queued"),
            "numberBatchesTotal": len(states),
            "numberRecordsFailed": sum(batch.failed for batch in job.batches.values()),
            "numberRecordsProcessed": sum(len(batch.results) for batch in job.batches.values()),
            "numberRetries": 0,
            "object": job.object,
            "operation": job.operation,
            "state": job.state,
            "systemModstamp": stamp(int(self._now())),
            "totalProcessingTime": 0,
        }
        return _worded(call, job, shown, job_xml(shown), status)

    # ── batches ──────────────────────────────────────────────────────────────────────────────────

    def _add(self, call: Call) -> Reply:
        job = self._job(call)
        if job.state != "Open":
            raise ApiError("InvalidJobState", f"Cannot add a batch to a job that is {job.state}")
        self._batches += 1
        batch = _Batch(_BATCHES.id_of(self._batches), self._batches, self._now(), call.body)
        job.batches[batch.id] = batch
        return self._shown_batch(call, job, batch, 201)

    def _shown_batch(self, call: Call, job: _Job, batch: _Batch, status: int = 200) -> Reply:
        shown = self._batch_row(job, batch)
        return _worded(call, job, shown, batch_xml(shown), status)

    def _batch_row(self, job: _Job, batch: _Batch) -> Row:
        return {
            "apexProcessingTime": 0,
            "apiActiveProcessingTime": 0,
            "createdDate": stamp(int(batch.created_at)),
            "id": batch.id,
            "jobId": job.id,
            "numberRecordsFailed": batch.failed,
            "numberRecordsProcessed": len(batch.results),
            "state": batch.state,
            "stateMessage": batch.message,
            "systemModstamp": stamp(int(self._now())),
            "totalProcessingTime": 0,
        }

    def _batch_info(self, call: Call) -> Reply:
        return self._shown_batch(call, self._job(call), self._batch(call))

    def _listed(self, call: Call) -> Reply:
        job = self._job(call)
        shown = [self._batch_row(job, batch) for batch in job.batches.values()]
        return _worded(call, job, {"batchInfo": shown}, list_xml("batchInfoList", "batchInfo", shown))

    def _request(self, call: Call) -> Reply:
        media = "application/json" if self._job(call).content == "JSON" else "text/csv"
        return Reply(200, self._batch(call).body, {"Content-Type": media})

    def _result(self, call: Call) -> Reply:
        job, batch = self._job(call), self._batch(call)
        if batch.state != "Completed":
            raise ApiError("InvalidBatch", "Batch not completed")
        if job.queries:
            result = _RESULTS.id_of(batch.number)
            return _worded(call, job, [result], list_xml("result-list", "result", [result]))
        if job.content == "JSON":
            return Reply(200, batch.results)
        lines = [["Id", "Success", "Created", "Error"]]
        for result in batch.results:
            good = result["success"] is True
            flags = [str(good).lower(), str(result.get("created") is True).lower()]
            lines.append([str(result.get("id") or ""), *flags, "" if good else error_cell(result)])
        return _csv(lines)

    def _records(self, call: Call) -> Reply:
        job, batch = self._job(call), self._batch(call)
        known = _RESULTS.id_of(batch.number)
        if not job.queries or batch.state != "Completed" or normal_id(call.params["result"]) != known:
            raise ApiError("InvalidBatch", f"Invalid result id: {call.params['result']}")
        return Reply(200, batch.results) if job.content == "JSON" else _csv(batch.rows)

    # ── work ─────────────────────────────────────────────────────────────────────────────────────

    def _now(self) -> float:
        return self._service.org.clock.now()

    def _advance(self) -> None:
        """Do the batches whose time has come."""
        due = self._now() - self._service.settings.bulk_seconds
        for job in self._jobs.values():
            for batch in job.batches.values():
                if batch.state == "Queued" and batch.created_at <= due:
                    self._work(job, batch)

    def _work(self, job: _Job, batch: _Batch) -> None:
        try:
            if job.queries:
                self._read(job, batch)
            else:
                self._write(job, batch)
            batch.state = "Completed"
        except ApiError as refusal:
            batch.state, batch.message = "Failed", f"InvalidBatch : {refusal.message}"

    def _read(self, job: _Job, batch: _Batch) -> None:
        text = batch.body.decode("utf-8", "replace")
        try:
            statement = prepare(self._service.org, text, job.version)
            columns = query_columns(statement)
        except ApiError as refusal:
            message = f"Failed to process query: {refusal.code}: {refusal.message}"
            raise ApiError("InvalidBatch", message) from None
        everything = _QUERIES[job.operation]
        shown = (statement.record(place) for place in statement.places(deleted=everything))
        records = [record for record in shown if record is not None]
        cells = [cell_of(column) for column in columns]
        batch.rows = [header_of(columns), *([cell(record) for cell in cells] for record in records)]
        moments = {column.field.name for column in columns if column.field.type in {"date", "datetime"}}
        batch.results = [_in_milliseconds(record, moments) for record in records]

    def _write(self, job: _Job, batch: _Batch) -> None:
        sobject = self._service.sobject(job.object)
        records = self._rows(job, batch)
        if len(records) > _MOST_ROWS:
            raise ApiError("InvalidBatch", f"Records per batch exceed the limit of {_MOST_ROWS}")
        results = carry_out(self._service, sobject, job.version, job.operation, job.key, records)
        for result in results:
            result.setdefault("id", None)
            result["created"] = result["success"] is True and (
                job.operation == "insert" or result.get("created") is True
            )
            for error in cast("list[Row]", result.get("errors") or []):
                error.setdefault("extendedErrorDetails", None)
        batch.results = results

    def _rows(self, job: _Job, batch: _Batch) -> list[Row]:
        sobject = self._service.sobject(job.object)
        if job.content == "JSON":
            found = Call("POST", "", body=batch.body).json()
            if not isinstance(found, list) or not all(
                isinstance(item, Mapping) for item in cast("list[object]", found)
            ):
                raise ApiError("InvalidBatch", "Failed to parse JSON: a list of objects is expected")
            kind: Row = {"attributes": {"type": sobject.name}}
            return [{**item, **kind} for item in cast("list[Row]", found)]
        try:
            lines = list(_DIALECT.rows(batch.body.decode("utf-8-sig")))
        except (UnicodeDecodeError, csv.Error) as problem:
            raise ApiError("InvalidBatch", f"Failed to parse CSV: {type(problem).__name__}") from None
        header, rows = (lines[0], lines[1:]) if lines else ([], [])
        for name in header:
            first = name.partition(".")[0].rpartition(":")[2]
            if sobject.field(name) is None and sobject.parent(first) is None:
                raise ApiError("InvalidBatch", f"Field name not found : {name}")
        if any(len(row) != len(header) for row in rows if row):
            raise ApiError(
                "InvalidBatch", "Failed to parse CSV. Number of columns in row does not match header"
            )
        return [record_of(sobject, header, row) for row in rows if row]


def refused(call: Call, refusal: ApiError) -> Reply:
    """A refusal as Bulk API 1.0 words it; its status is 400."""
    shown: Row = {"exceptionCode": refusal.code, "exceptionMessage": refusal.message}
    if _wants_json(call):
        return Reply(400, shown)
    return Reply(400, exception_xml(shown), {"Content-Type": "application/xml"})


def _wants_json(call: Call) -> bool:
    media = (call.headers.get("content-type", ""), call.headers.get("accept", ""))
    return any("json" in text for text in media)


def _worded(call: Call, job: _Job, shown: object, xml: bytes, status: int = 200) -> Reply:
    """JSON for whoever speaks it, and for jobs of JSON; XML for everybody else."""
    spoken = call.headers.get("content-type", "") + call.headers.get("accept", "")
    if _wants_json(call) or (job.content == "JSON" and "xml" not in spoken):
        return Reply(status, shown)
    return Reply(status, xml, {"Content-Type": "application/xml"})


def _told(call: Call) -> Mapping[str, object]:
    """What a job is to be, from JSON or XML."""
    if "xml" not in call.headers.get("content-type", "xml"):
        return call.object()
    if b"<!" in call.body:
        raise ApiError("InvalidXML", "a document type definition is not allowed")
    try:
        root = ET.fromstring(call.body)  # noqa: S314 - no entities can be declared in it
    except ET.ParseError as problem:
        raise ApiError("InvalidXML", str(problem)) from None
    return {item.tag.rpartition("}")[2]: (item.text or "").strip() for item in root}


def _csv(lines: list[list[str]]) -> Reply:
    return Reply(200, _DIALECT.text(lines), {"Content-Type": "text/csv"})


def _in_milliseconds(record: Row, moments: set[str]) -> Row:
    """A record whose dates and times are milliseconds since the epoch, as JSON results have them."""
    return {
        name: _milliseconds(value) if name in moments and isinstance(value, str) else value
        for name, value in record.items()
    }


def _milliseconds(text: str) -> int:
    if len(text) == 10:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000
    return epoch(text) * 1000

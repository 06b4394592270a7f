"""Query jobs of Bulk API 2.0: `/jobs/query`, and their results a page at a time.

The result is written down when a job completes, so that a locator gives the same rows as often as it is used.
"""

import base64
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from crmhub.testing.simulator.clock import days
from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.resources.bulk_cells import cell_of, header_of, query_columns
from crmhub_salesforce.simulator.resources.bulk_jobs import Job, Jobs, csv_reply, dialect_of
from crmhub_salesforce.simulator.service import PREFIX, Service
from crmhub_salesforce.simulator.soql.columns import Column
from crmhub_salesforce.simulator.soql.statement import Statement, prepare

_OPERATIONS = {"query": False, "queryAll": True}
_PAGE_ROWS = 50_000
_PIECE = 1_000
_DAILY_MEGABYTES = 976_562


@dataclass
class _QueryJob(Job):
    query: str = ""
    statement: Statement | None = None
    columns: tuple[Column, ...] = ()
    pieces: list[bytes] = field(default_factory=list[bytes])
    """The result, packed, `_PIECE` rows each."""
    ends: "array[int]" = field(default_factory=lambda: array("q", [0]))
    """Where each row ends in the whole of it."""

    def write(self, rows: list[list[str]]) -> None:
        """The next piece."""
        lines = [self.dialect.text([row]) for row in rows]
        for line in lines:
            self.ends.append(self.ends[-1] + len(line))
        self.pieces.append(zlib.compress(b"".join(lines), 1))

    def read(self, start: int, end: int) -> bytes:
        """The rows from `start` to before `end`."""
        first = start // _PIECE
        text = b"".join(zlib.decompress(piece) for piece in self.pieces[first : -(-end // _PIECE)])
        base = self.ends[first * _PIECE] if start < end else 0
        return text[self.ends[start] - base : self.ends[end] - base] if start < end else b""


def add_bulk_query(service: Service) -> None:
    """Add the routes of query jobs."""
    jobs = _QueryJobs(service)
    service.router.add("/jobs/query", POST=jobs.create, GET=jobs.all)
    service.router.add("/jobs/query/{id}", GET=jobs.info, PATCH=jobs.patch, DELETE=jobs.jobs.delete)
    service.router.add("/jobs/query/{id}/results", GET=jobs.results)
    service.router.add("/jobs/query/{id}/resultPages", GET=jobs.pages)


class _QueryJobs:
    def __init__(self, service: Service) -> None:
        self._service = service
        self.jobs = Jobs[_QueryJob](service, self._work)
        service.before_calls.append(self.jobs.advance)
        service.allowances |= {
            "DailyBulkV2QueryJobs": lambda: (
                service.settings.daily_bulk_query_jobs,
                self.jobs.created_within_a_day(),
            ),
            "DailyBulkV2QueryFileStorageMB": lambda: (_DAILY_MEGABYTES, self._megabytes()),
        }

    def create(self, call: Call) -> Reply:
        body = call.object()
        operation, query = str(body.get("operation")), body.get("query")
        if operation not in _OPERATIONS or not isinstance(query, str) or not query:
            raise ApiError("INVALIDJOB", "A query job needs an operation (query, queryAll) and a query")
        if self.jobs.created_within_a_day() >= self._service.settings.daily_bulk_query_jobs:
            raise ApiError("EXCEEDEDQUOTA", "ApiBatchItems Limit exceeded.")
        dialect = dialect_of(body)
        statement = prepare(self._service.org, query, call.version)
        now = self.jobs.now()
        job = _QueryJob(
            self.jobs.next_id(),
            call,
            operation,
            statement.sobject.name,
            dialect,
            now,
            query=query,
            statement=statement,
            columns=query_columns(statement),
        )
        self.jobs.known[job.id] = job
        self.jobs.begin(job)
        return Reply(200, self._head(job))

    def _megabytes(self) -> int:
        """How much the results of the last 24 hours take."""
        since = self.jobs.now() - days(1)
        recent = (job for job in self.jobs.known.values() if job.created_at > since)
        return -(-sum(job.ends[-1] for job in recent) // 1_000_000)

    def _head(self, job: _QueryJob) -> Row:
        return job.head(self._service.org.user_id)

    def _shown(self, job: _QueryJob) -> Row:
        shown: Row = {**self._head(job), "jobType": "V2Query"}
        shown |= {"numberRecordsProcessed": job.processed, "retries": 0, "totalProcessingTime": 1}
        if job.error is not None:
            shown["errorMessage"] = job.error
        return shown

    def all(self, call: Call) -> Reply:
        del call
        return self.jobs.listed(lambda job: {**self._head(job), "jobType": "V2Query"})

    def info(self, call: Call) -> Reply:
        return Reply(200, self._shown(self.jobs.of(call)))

    def patch(self, call: Call) -> Reply:
        job = self.jobs.of(call)
        if call.object().get("state") != "Aborted":
            raise ApiError("INVALIDJOBSTATE", "The only state that a query job can be given is Aborted")
        self.jobs.abort(job)
        return Reply(200, self._head(job))

    def _work(self, job: _QueryJob, share: float) -> None:
        if job.fails and share >= 0.5:
            job.fail("InternalServerError : query job failed", self.jobs.now())
            return
        if share < 1 or job.statement is None:
            return
        statement, everything = job.statement, _OPERATIONS[job.operation]
        if everything:
            self._service.org.empty_old_bins()
        cells = [cell_of(column) for column in job.columns]
        piece: list[list[str]] = []
        for record in _records(statement, deleted=everything):
            piece.append([cell(record) for cell in cells])
            if len(piece) == _PIECE:
                job.write(piece)
                piece = []
        job.write(piece)
        job.processed = len(job.ends) - 1
        job.change("JobComplete", self.jobs.now())

    def results(self, call: Call) -> Reply:
        job = self._ended(call)
        start = _place(call.one("locator"), len(job.ends) - 1)
        end = min(start + self._rows(call), len(job.ends) - 1)
        body = job.dialect.text([header_of(job.columns)])
        body += job.read(start, end)
        following = "null" if end >= len(job.ends) - 1 else _locator(end)
        return csv_reply(body, {"Sforce-Locator": following, "Sforce-NumberOfRecords": str(end - start)})

    def pages(self, call: Call) -> Reply:
        job, rows = self._ended(call), self._rows(call)
        starts = range(0, max(len(job.ends) - 1, 1), rows)
        below = f"{PREFIX}/v{call.version}/jobs/query/{job.id}/results?maxRecords={rows}"
        links = [below + (f"&locator={_locator(start)}" if start else "") for start in starts]
        return Reply(200, {"resultPages": [{"resultUrl": link} for link in links], "done": True})

    def _ended(self, call: Call) -> _QueryJob:
        job = self.jobs.of(call)
        if job.call.version != call.version:
            message = f"The job was created with version {job.call.version}"
            raise ApiError("API_VERSION_MISMATCH", message, status=409)
        if job.state != "JobComplete":
            message = f"Job is not complete. Current state of job is {job.state}"
            raise ApiError("INVALIDJOBSTATE", message)
        return job

    def _rows(self, call: Call) -> int:
        asked = call.one("maxRecords") or str(_PAGE_ROWS)
        if not asked.isascii() or not asked.isdigit() or int(asked) == 0:
            raise ApiError("INVALIDJOB", "maxRecords must be a positive whole number")
        return min(int(asked), self._service.settings.bulk_page_rows)


def _records(statement: Statement, *, deleted: bool) -> Iterator[Row]:
    for place in statement.places(deleted=deleted):
        record = statement.record(place)
        if record is not None:
            yield record


def _locator(start: int) -> str:
    return base64.urlsafe_b64encode(f"rows:{start}".encode()).decode().rstrip("=")


def _place(locator: str | None, rows: int) -> int:
    """Where the page of a locator begins; raises ApiError."""
    if locator is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode("ascii")
        place = int(text.removeprefix("rows:"))
    except ValueError:
        place = rows + 1
    if not 0 < place <= rows:
        raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return place

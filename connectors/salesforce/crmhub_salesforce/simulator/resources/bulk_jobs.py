"""What query jobs and ingest jobs of Bulk API 2.0 share: states by the clock, dialects, listing, the end.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Query", "Ingest", "Errors" (INVALIDJOBSTATE as replies
spell it).
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from crmhub.testing.simulator.clock import days
from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.ids import ObjectIds, normal_id
from crmhub_salesforce.simulator.service import Service
from crmhub_salesforce.simulator.values import stamp

KEPT_DAYS = 7
"""Days that a job and its results can be asked for."""
LONGEST_CELL = 150_000_000
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_DELIMITERS = {
    "COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`",
}  # fmt: skip
_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_QUEUED_SHARE = 0.1
_CSV = {"Content-Type": "text/csv"}
_IDS = ObjectIds("750")


@dataclass(frozen=True)
class Dialect:
    """How the CSV of a job is written."""

    delimiter: str = "COMMA"
    ending: str = "LF"

    @property
    def end(self) -> str:
        """What ends a line."""
        return _ENDINGS[self.ending]

    def text(self, rows: Iterable[Sequence[str]]) -> bytes:
        """Rows as the service writes them: every cell in quotes, UTF-8."""
        lines = io.StringIO(newline="")
        writer = csv.writer(
            lines, delimiter=_DELIMITERS[self.delimiter], lineterminator=self.end, quoting=csv.QUOTE_ALL
        )
        writer.writerows(rows)
        return lines.getvalue().encode("utf-8", "replace")

    def rows(self, text: str) -> Iterator[list[str]]:
        """The rows of a text; raises csv.Error."""
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
        return csv.reader(io.StringIO(text, newline=""), delimiter=_DELIMITERS[self.delimiter], strict=True)


def dialect_of(body: Mapping[str, object]) -> Dialect:
    """The dialect that a job is created with; raises ApiError."""
    if body.get("contentType", "CSV") != "CSV":
        raise ApiError("INVALIDJOB", "ContentType not supported for Bulk V2")
    found = Dialect(str(body.get("columnDelimiter", "COMMA")), str(body.get("lineEnding", "LF")))
    if found.delimiter not in _DELIMITERS or found.ending not in _ENDINGS:
        raise ApiError("INVALIDJOB", "Unknown columnDelimiter or lineEnding")
    return found


@dataclass
class Job:
    """One job. Its work is done a part at a time, as the clock goes from `started` on."""

    id: str
    call: Call
    operation: str
    object: str
    dialect: Dialect
    created_at: float
    state: str = "UploadComplete"
    changed_at: float = 0.0
    started: float | None = None
    fails: bool = False
    error: str | None = None
    processed: int = 0
    failed: int = 0

    def head(self, user_id: str) -> Row:
        """What every answer about the job says."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": user_id,
            "createdDate": stamp(int(self.created_at)),
            "systemModstamp": stamp(int(self.changed_at)),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.call.version),
            "lineEnding": self.dialect.ending,
            "columnDelimiter": self.dialect.delimiter,
        }

    def change(self, state: str, at: float) -> None:
        """Enter a state."""
        self.state, self.changed_at = state, at

    def fail(self, error: str, at: float) -> None:
        """End in failure."""
        self.error = error
        self.change("Failed", at)


J = TypeVar("J", bound=Job)


@dataclass
class Jobs(Generic[J]):
    """The jobs of one kind; `work` does what is due of one, given the share of its time that has gone by."""

    service: Service
    work: Callable[[J, float], None]
    known: dict[str, J] = field(default_factory=dict[str, J])

    def next_id(self) -> str:
        """An id for a new job; both kinds share the numbers."""
        self.service.jobs_made += 1
        return _IDS.id_of(self.service.jobs_made)

    def begin(self, job: J) -> None:
        """Queue a job whose data is all there."""
        job.started = self.now()
        job.change("UploadComplete", job.started)
        job.fails = self.service.faults.on_data("job_failure", job.call.method, job.call.path)

    def now(self) -> float:
        """The org's time."""
        return self.service.org.clock.now()

    def advance(self) -> None:
        """Do what is due of all jobs; forget those that are too old."""
        oldest = self.now() - days(KEPT_DAYS)
        for key in [key for key, job in self.known.items() if job.created_at < oldest]:
            del self.known[key]
        for job in self.known.values():
            if job.started is not None and job.state not in ENDED:
                self._advance(job, job.started)

    def _advance(self, job: J, started: float) -> None:
        takes = self.service.settings.bulk_seconds
        share = 1.0 if takes == 0 else min((self.now() - started) / takes, 1.0)
        if share >= _QUEUED_SHARE:
            if job.state == "UploadComplete":
                job.change("InProgress", self.now())
            self.work(job, share)

    def of(self, call: Call) -> J:
        """The job that a path names; raises ApiError."""
        found = self.known.get(normal_id(call.params["id"]) or "")
        if found is None:
            raise ApiError("NOT_FOUND", "The requested resource does not exist", status=404)
        return found

    def created_within_a_day(self) -> int:
        """How many jobs there are of the last 24 hours."""
        since = self.now() - days(1)
        return sum(1 for job in self.known.values() if job.created_at > since)

    def listed(self, show: Callable[[J], Row]) -> Reply:
        """All of them."""
        return Reply(
            200, {"done": True, "nextRecordsUrl": None, "records": [show(job) for job in self.known.values()]}
        )

    def abort(self, job: J) -> None:
        """End a job that has not ended; what it has done stays. Raises ApiError."""
        if job.state in ENDED:
            said = "Completed" if job.state == "JobComplete" else job.state
            raise ApiError("INVALIDJOBSTATE", f"Aborting already {said} Job not allowed")
        job.change("Aborted", self.now())

    def delete(self, call: Call) -> Reply:
        """Forget a job that has ended."""
        job = self.of(call)
        if job.state not in ENDED:
            raise ApiError("INVALIDJOBSTATE", f"Deleting not allowed on {job.state} Job")
        del self.known[job.id]
        return Reply(204)


def csv_reply(body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
    """A CSV; the service names no charset."""
    return Reply(200, body, {**_CSV, **(headers or {})})

"""Bulk read jobs: what a tier does with them, and Zoho's answers about them.

Source: Zoho CRM API v8, "Create Bulk Read Job", "Bulk Read Job Details", "Download Bulk Read Result".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from crmhub.connector import Native, Value
from crmhub.errors import NotFound
from crmhub.http import Sink
from crmhub_zoho.errors import error_of
from crmhub_zoho.records import is_record_id
from crmhub_zoho.tiers.answers import Answer, WriteAnswer

__all__ = ["MOST_FIELDS", "RESULT", "BulkReadCalls", "ReadJob", "body_of", "job_of", "no_result", "started"]

MOST_FIELDS = 200
"""Fields of one job, beside the id ("Create Bulk Read Job")."""
RESULT = "bulk_read_result"
"""The endpoint class of downloads, which have a limit of their own."""
_UNDER_WAY = frozenset({"ADDED", "QUEUED", "IN PROGRESS", "INPROGRESS"})


@dataclass(frozen=True, slots=True)
class ReadJob:
    """A job as it stands. Once it is done: its rows, whether more follow, and the token of the next page."""

    state: Literal["under way", "done", "failed"]
    count: int = 0
    more: bool = False
    token: str | None = None


class BulkReadCalls(Protocol):
    """What a tier that can run bulk read jobs does."""

    async def start(self, module: str, fields: Sequence[str], token: str | None) -> str:
        """A new job for the first page of 200,000 records, or for that of ``token``; its id.

        Not safe to send twice, since each job costs credits: raises ``UnknownOutcome`` where nobody knows.
        """
        ...

    async def job(self, id: str) -> ReadJob:
        """A job as it stands; raises ``NotFound`` where there is none any more."""
        ...

    async def result(self, id: str, into: Sink) -> None:
        """The zip archive of a job that is done; raises ``NotFound`` where there is none."""
        ...


def body_of(module: str, fields: Sequence[str], token: str | None) -> Native:
    """The body of a new job."""
    query: Native = {"module": {"api_name": module}, "fields": list(fields)}
    if token is not None:
        query["page_token"] = token
    return {"query": query, "file_type": "csv"}


def started(answer: WriteAnswer) -> str:
    """The id of the job that was started; raises what Zoho refused it with."""
    item = answer.items[0] if len(answer.items) == 1 else {}
    if item.get("status") == "error":
        raise error_of(item, answer.response).at(connection=answer.response.connection)
    details = item.get("details")
    id_ = details.get("id") if isinstance(details, dict) else None
    if not isinstance(id_, str | int) or not is_record_id(str(id_)):
        raise answer.response.unreadable("JSON without the id of a job")
    return str(id_)


def job_of(answer: Answer) -> ReadJob:
    """The one job of an answer; raises ``BadResponse`` for what is none."""
    told = answer.rows[0] if len(answer.rows) == 1 else {}
    state = told.get("state")
    if not isinstance(state, str):
        raise answer.response.unreadable("JSON without the state of a job")
    state = state.upper().replace("_", " ")
    if state in _UNDER_WAY:
        return ReadJob("under way")
    if state != "COMPLETED":
        return ReadJob("failed")
    result = told.get("result")
    found: Native = result if isinstance(result, dict) else {}
    count, token = found.get("count"), found.get("next_page_token")
    if not _is_count(count):
        raise answer.response.unreadable("JSON without the count of a job that is done")
    return ReadJob(
        "done",
        int(str(count)),
        found.get("more_records") is True,
        token if isinstance(token, str) and token else None,
    )


def no_result() -> NotFound:
    """A job that has no file."""
    return NotFound("the bulk read job has no result", hint="it may be too old: read again")


def _is_count(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

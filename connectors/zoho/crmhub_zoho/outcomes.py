"""What became of one written record, out of Zoho's answer for it."""

from __future__ import annotations

import re
from typing import Literal

from crmhub.connector import Native, Outcome, Problem, Value, WriteItem
from crmhub.errors import ConnectorError
from crmhub_zoho.errors import existing_id, problem_of
from crmhub_zoho.records import ID, MODIFIED

__all__ = ["is_gone", "outcome_of", "unknown"]

_DONE: dict[str, Literal["created", "updated", "deleted"]] = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
}
_OWN_ID = re.compile(r"\$(\.data)?(\[\d+\])?\.id")
_UPSERTED: dict[Value, Literal["created", "updated"]] = {"insert": "created", "update": "updated"}


def outcome_of(operation: str, item: WriteItem, answer: Native) -> Outcome:
    """The outcome in an answer (Zoho CRM API v8, "Insert Records", "Upsert Records")."""
    details = answer.get("details")
    known: Native = details if isinstance(details, dict) else {}
    if _is_success(answer):
        status = _UPSERTED.get(_key(answer.get("action"))) if operation == "upsert" else _DONE[operation]
        record = _id(known) or item.id
        if status is None or record is None:
            return Outcome(
                "unknown", record, problem=Problem("unreadable", "Zoho's answer names no record or no action")
            )
        version = known.get(MODIFIED)
        return Outcome(status, record, version if isinstance(version, str) else None)
    if not isinstance(answer.get("code"), str):
        return Outcome("unknown", item.id, problem=Problem("unreadable", "Zoho's answer tells no outcome"))
    problem = problem_of(answer)
    if operation == "update" and problem.code == "INVALID_DATA" and _is_of_the_record(known):
        return Outcome("rejected", item.id, problem=Problem(problem.code, "no such record", missing=True))
    if problem.code == "ALREADY_MODIFIED":
        return Outcome("conflict", item.id, problem=problem)
    if problem.code == "DUPLICATE_DATA":
        return Outcome("rejected", existing_id(answer), problem=problem)
    return Outcome("rejected", item.id, problem=problem)


def is_gone(answer: Native) -> bool:
    """Whether a refused delete may have been refused because there is no such record."""
    return not _is_success(answer) and answer.get("code") == "INVALID_DATA"


def unknown(error: ConnectorError, id: str | None) -> Outcome:
    """The outcome of an item that was sent and whose answer was lost."""
    problem = Problem(error.code or type(error).__name__, error.what, permanent=False)
    return Outcome("unknown", id, problem=problem)


def _is_success(answer: Native) -> bool:
    """Whether it was done: by the status, or by the code where there is none; in any case of letters."""
    said = answer.get("status", answer.get("code"))
    return isinstance(said, str) and said.casefold() == "success"


def _is_of_the_record(details: Native) -> bool:
    """Whether a refusal names nothing but the record's own id; that of a bad value names the field.

    The id of a row in a subform is named by a longer path.
    """
    path = details.get("json_path", "$.data[0].id")
    own = isinstance(path, str) and _OWN_ID.fullmatch(path) is not None
    return set(details) == {ID} or (details.get("api_name") == ID and own)


def _id(details: Native) -> str | None:
    record = details.get(ID)
    return str(record) if isinstance(record, str | int) and not isinstance(record, bool) else None


def _key(action: Value) -> str | None:
    return action if isinstance(action, str) else None

"""Salesforce's error codes in our words.

Source: REST API Developer Guide, "Status Codes and Error Responses"; SOAP API Developer Guide,
"StatusCode". A refused call is answered by an array of ``{message, errorCode, fields?}``; results of
single records inside a collection hold ``{statusCode, message, fields}``. The messages quote record
values, so most are replaced by our own words; what is taken out of them is the name of a column, a type
or an id.
"""

from __future__ import annotations

import re

from crmhub.connector import Native, Problem, Value
from crmhub.errors import (
    AlreadyExists,
    BadRequest,
    ConnectorError,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    Unavailable,
    Where,
)
from crmhub.http import Response
from crmhub.redact import redact
from crmhub_salesforce.codes import CODES, Meaning, Show
from crmhub_salesforce.ids import full_id

__all__ = [
    "classify",
    "error_of",
    "existing_id",
    "is_about_records",
    "is_gone",
    "is_transient",
    "passes",
    "problem_of",
    "text_of",
]

_TRANSIENT = frozenset({"UNABLE_TO_LOCK_ROW", "TXN_SECURITY_METERING_ERROR", "SERVER_UNAVAILABLE"})
_PASSING = _TRANSIENT | {
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "ENTITY_IS_LOCKED",
    "PROCESSING_HALTED",
    "STORAGE_LIMIT_EXCEEDED",
}
_WHOLE_BATCH = frozenset({"JSON_PARSER_ERROR", "INVALID_FIELD", "MALFORMED_ID", "INVALID_ID_FIELD"})
_OF_QUERIES = frozenset({"INVALID_FIELD", "MALFORMED_QUERY"})
_COLUMN = re.compile(
    r"No such column '([\w.]{1,120})' on entity '(\w{1,80})'|[Ff]ield '?([\w.]{1,120})'? can ?not be"
)
_UNUSABLE = re.compile(r"[Ff]ield '?([\w.]{1,120})'? can ?not be (sort|filter|group)ed in a query")
_MISMATCH = re.compile(r"criterion for field '([\w.]{1,120})' must be of type (\w{1,40})")
_OBJECT = re.compile(r"[Oo]bject type '(\w{1,80})' is not supported")
_PLACE = re.compile(r"ERROR at Row:(\d{1,6}):Column:(\d{1,6})")
_TYPE = re.compile(r"instance of (\w{1,40})\b")
_LIMIT = re.compile(r"max length=(\d{1,7})")
_RECORD_ID = re.compile(r"\bid: ([A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?)\b")
_FIELD = re.compile(r"\w[\w.]{0,120}")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,79}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s@]+@[^\s@]+|\d{4,}")
_LONGEST_MESSAGE = 200
_MOST_MATCHES = 10
_SLOW_DOWN = 420  # occurs, though no guide tells of it; other clients try again
_MATCHES = ("duplicateResult", "duplicateResut")  # its replies have the second, its types the first


def classify(response: Response) -> ConnectorError | None:
    """Salesforce's own word on a reply; ``None`` where it has none, or where the status says it better."""
    if response.status == 300:
        return AlreadyExists(
            f"Salesforce refused {response.method} {response.path}: several records have this external id",
            hint="make the field unique, or write by id",
            status=300,
            code="DUPLICATE_EXTERNAL_ID",
        )
    if response.status == 400 and _ended(response):
        return _error(CODES["INVALID_SESSION_ID"], {"errorCode": "InvalidSessionId"}, response)
    if response.status == _SLOW_DOWN:
        error = RateLimited(
            f"Salesforce asked for a pause: {response.method} {response.path} was answered 420"
        )
        error.applied = False if response.method == "GET" else None
        return error
    refusal = _refusal(response.peek())
    if not 400 <= response.status < 500 or refusal is None:
        return None
    meaning = _meaning(refusal)
    if meaning is None:
        return None if response.status in {401, 409, 412, 429} else _unknown(refusal, response)
    return _error(meaning, refusal, response)


def _ended(response: Response) -> bool:
    """Whether a bulk API says that the session is over: with status 400, and in words of its own.

    Source: Bulk API Developer Guide, "Bulk API 1.0 Errors" (``exceptionCode``, as XML or JSON).
    """
    body = response.peek()
    first = body[0] if isinstance(body, list) and body else body
    if isinstance(first, dict):
        return "InvalidSessionId" in (first.get("exceptionCode"), first.get("errorCode"))
    return b"<exceptionCode>InvalidSessionId</exceptionCode>" in response.content


def error_of(body: Value, status: int, response: Response) -> ConnectorError:
    """The error for a refusal that came inside of a successful reply (a composite request)."""
    refusal = _refusal(body) or {}
    kind = Unavailable if status >= 500 else BadRequest
    error = _error(_meaning(refusal) or Meaning(kind, "it gives no known reason"), refusal, response)
    error.status = status
    return error


def _meaning(refusal: Native) -> Meaning | None:
    code = code_of(refusal)
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _quota(refusal)
    return _misuse(refusal) or CODES.get(code)


def _misuse(refusal: Native) -> Meaning | None:
    """A field that is there, and that a query uses as it cannot be used: Salesforce has no code for it."""
    if code_of(refusal) not in _OF_QUERIES:
        return None
    message = text_of(refusal.get("message"))
    if found := _UNUSABLE.search(message):
        hint = "take it out there; long texts, encrypted and some system fields can only be selected"
        return Meaning(BadRequest, f"a query cannot {found[2]} by {found[1]}", hint)
    if found := _MISMATCH.search(message):
        hint = "texts and ids stand in single quotes; numbers, dates, times, true and false do not"
        words = f"the query compares {found[1]} with something that is no {found[2]}"
        return Meaning(BadRequest, words, hint)
    return None


def problem_of(refusal: Native) -> Problem:
    """Why one record of a write was refused, and what to do: our words, names of fields, no record values."""
    code = code_of(refusal)
    meaning = CODES.get(code) or Meaning(InvalidRecord, "Salesforce refused the record")
    passing = code in _PASSING or is_transient(refusal)
    words = _said(meaning, refusal)
    words = f"{words}; {meaning.hint}" if meaning.hint else words
    return Problem(code, words, _field(refusal), permanent=not passing)


def is_transient(refusal: Native) -> bool:
    """Whether a record was refused for a reason that passes within seconds.

    A trigger or flow that met a locked row reports it inside of its own message.
    """
    return code_of(refusal) in _TRANSIENT or "UNABLE_TO_LOCK_ROW" in text_of(refusal.get("message"))


def is_gone(refusal: Native) -> bool:
    """Whether a record was refused because it is already deleted."""
    return code_of(refusal) == "ENTITY_IS_DELETED"


def is_about_records(error: ConnectorError) -> bool:
    """Whether a refused batch may be refused for one of its records, so that halves of it can succeed.

    A gateway that blocks a request for its content says so in a code, or a page, of its own.
    """
    if error.code in _WHOLE_BATCH or isinstance(error, InvalidRecord | AlreadyExists):
        return True
    return isinstance(error, BadRequest) and error.status in {400, 413} and error.code not in CODES


def passes(error: ConnectorError) -> bool:
    """Whether a batch was refused, with nothing written, for a reason that passes within seconds."""
    return error.code in _TRANSIENT and error.applied is False


def existing_id(refusal: Native) -> str | None:
    """The record that already has the unique value, or the first that a duplicate rule found."""
    if not code_of(refusal).startswith("DUPLICATE"):
        return None
    named = _RECORD_ID.search(text_of(refusal.get("message")))
    return full_id(named[1]) if named else next(iter(_matched_ids(refusal)), None)


def code_of(refusal: Native) -> str:
    """The code of a refusal, whichever of its two names it has."""
    code = text_of(refusal.get("errorCode")) or text_of(refusal.get("statusCode"))
    return code if _CODE.fullmatch(code) else "UNKNOWN"


def text_of(value: Value) -> str:
    """The value if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def _refusal(body: Value) -> Native | None:
    first = body[0] if isinstance(body, list) and body else body
    if isinstance(first, dict) and "exceptionCode" in first:  # as some bulk resources word it
        first = {"errorCode": first["exceptionCode"], "message": first.get("exceptionMessage")}
    return first if isinstance(first, dict) and isinstance(first.get("errorCode"), str) else None


def _quota(refusal: Native) -> Meaning:
    if "concurrent" in text_of(refusal.get("message")).lower():
        return Meaning(RateLimited, "too many long calls are under way", "lower concurrency")
    return Meaning(
        QuotaExceeded,
        "the org's API calls of the last 24 hours are used up",
        "wait for the oldest to leave the 24 hours, or raise the allowance (Setup, Company Information)",
    )


def _unknown(refusal: Native, response: Response) -> ConnectorError:
    kinds = {403: PermissionDenied, 404: NotFound, 410: NotFound}
    return _error(
        Meaning(kinds.get(response.status, BadRequest), "it gives no known reason"), refusal, response
    )


def _error(meaning: Meaning, refusal: Native, response: Response) -> ConnectorError:
    error = meaning.kind(
        f"Salesforce refused {response.method} {response.path}: {_said(meaning, refusal)}",
        hint=meaning.hint,
        where=Where(object=_object(refusal), field=_field(refusal)),
        status=response.status,
        code=code_of(refusal),
        request_id=response.request_id,
    )
    if isinstance(error, AlreadyExists):
        error.existing_id = existing_id(refusal)
    return error


def _said(meaning: Meaning, refusal: Native) -> str:
    message = text_of(refusal.get("message"))
    detail = _detail(meaning.show, message, refusal)
    return f"{meaning.words} ({detail})" if detail else meaning.words


def _detail(show: Show, message: str, refusal: Native) -> str:
    if show == "admin":
        text = "".join(letter if letter.isprintable() else " " for letter in _QUOTED.sub("…", message))
        return redact(text)[:_LONGEST_MESSAGE]
    if show == "matches":
        found = _matched_ids(refusal)
        return f"it is like {', '.join(found[:_MOST_MATCHES])}" if found else ""
    if show == "fields":
        return ", ".join(_fields(refusal)[:20])
    patterns = {"column": _COLUMN, "object": _OBJECT, "place": _PLACE, "type": _TYPE, "limit": _LIMIT}
    found = patterns[show].search(message) if show in patterns else None
    if found is None:
        return ""
    if show == "column":
        return " of ".join(part for part in found.groups() if part)
    if show == "object":
        return found[1]
    if show == "place":
        return f"at row {found[1]}, column {found[2]}"
    return f"{'it should be a' if show == 'type' else 'at most'} {found[1]}"


def _fields(refusal: Native) -> list[str]:
    names = refusal.get("fields")
    found = names if isinstance(names, list) else []
    return [name for name in found if isinstance(name, str) and _FIELD.fullmatch(name)]


def _field(refusal: Native) -> str | None:
    """The first field that a refusal names, in its list or in its message."""
    if names := _fields(refusal):
        return names[0]
    message = text_of(refusal.get("message"))
    if code_of(refusal) == "DUPLICATE_VALUE":
        found = re.search(r"duplicate value found: (\w{1,80}) duplicates", message)
        return found[1] if found else None
    if code_of(refusal) not in _OF_QUERIES:
        return None
    found = _COLUMN.search(message) or _MISMATCH.search(message)
    return (found[1] or found[3]) if found else None


def _object(refusal: Native) -> str | None:
    """The object that Salesforce does not know."""
    found = _OBJECT.search(text_of(refusal.get("message"))) if code_of(refusal) == "INVALID_TYPE" else None
    return found[1] if found else None


def _matched_ids(refusal: Native) -> list[str]:
    """The records that a duplicate rule found (SOAP API Developer Guide, "DuplicateResult")."""
    result = next((refusal[name] for name in _MATCHES if isinstance(refusal.get(name), dict)), None)
    matches = [match for found in _parts(result, "matchResults") for match in _parts(found, "matchRecords")]
    records = [match.get("record") for match in matches]
    ids = [record.get("Id") for record in records if isinstance(record, dict)]
    known = [full_id(id_) for id_ in ids if isinstance(id_, str)]
    return list(dict.fromkeys(id_ for id_ in known if id_ is not None))


def _parts(holder: Value, name: str) -> list[Native]:
    parts = holder.get(name) if isinstance(holder, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []

"""Zoho's error codes in our words.

Source: Zoho CRM API v8, "Status Codes and Errors" and the error tables of the single APIs. A call that
is refused as a whole is answered by a bare ``{"code", "details", "message", "status": "error"}``; calls
that write several records answer an array of such objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmhub.connector import Native, Problem, Value
from crmhub.errors import (
    AlreadyExists,
    AuthError,
    BadRequest,
    Conflict,
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

__all__ = ["classify", "error_of", "is_about_records", "problem_of"]

_SCOPES: Mapping[str, str] = {
    "/coql": "ZohoCRM.coql.READ and that of the module",
    "/search": "ZohoSearch.securesearch.READ and that of the module",
    "/actions/watch": "ZohoCRM.notifications.ALL",
    "/bulk/": "ZohoCRM.bulk.ALL and that of the module",
    "/upload": "ZohoFiles.files.ALL and ZohoCRM.org.READ",
    "/__composite_requests": "ZohoCRM.composite_requests.CUSTOM and those of its calls",
    "/settings/": "ZohoCRM.settings.ALL",
    "/users": "ZohoCRM.users.READ",
    "/org": "ZohoCRM.org.READ",
}
"""The scope that a call needs, by what its path holds; all others are about records."""
_SCOPE_MISSING = "OAUTH_SCOPE_MISMATCH"
_PROFILE = "the user who issued the refresh token needs this permission in the profile or the sharing rules"


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a code means: our error, what to do, and whether the same record would fail again."""

    kind: type[ConnectorError]
    hint: str | None = None
    permanent: bool = True


_RECORD = _Meaning(InvalidRecord)
_CALL = _Meaning(BadRequest)
_QUERY = _Meaning(BadRequest, "check the query's brackets, quotes and names of fields")
_CODES: Mapping[str, _Meaning] = {
    "AUTHENTICATION_FAILURE": _Meaning(AuthError, "check the credentials"),
    "INVALID_TOKEN": _Meaning(AuthError, "check the data centre (region)"),
    _SCOPE_MISSING: _Meaning(PermissionDenied),
    "NO_PERMISSION": _Meaning(PermissionDenied, _PROFILE),
    "AUTHORIZATION_FAILED": _Meaning(PermissionDenied, _PROFILE),
    "TOO_MANY_REQUESTS": _Meaning(RateLimited, "lower concurrency", permanent=False),
    "RATE_LIMIT_EXCEEDED": _Meaning(RateLimited, "lower concurrency", permanent=False),
    "INTERNAL_ERROR": _Meaning(Unavailable, permanent=False),
    "INVALID_MODULE": _Meaning(NotFound, "check the module's API name in Zoho: Setup, Developer Hub, APIs"),
    "INVALID_URL_PATTERN": _Meaning(NotFound, "check the version and the path"),
    "RESOURCE_NOT_FOUND": _Meaning(NotFound),
    "ALREADY_MODIFIED": _Meaning(Conflict, "read the record again, then decide"),
    "DUPLICATE_DATA": _Meaning(AlreadyExists),
    "INVALID_DATA": _RECORD,
    "MANDATORY_NOT_FOUND": _RECORD,
    "MULTIPLE_OR_MULTI_ERRORS": _RECORD,
    "DEPENDENT_FIELD_MISSING": _RECORD,
    "DEPENDENT_MISMATCH": _RECORD,
    "EXPECTED_FIELD_MISSING": _RECORD,
    "NOT_APPROVED": _Meaning(InvalidRecord, "the record waits for approval in Zoho", permanent=False),
    "UNABLE_TO_PARSE_DATA_TYPE": _RECORD,
    "RECORD_IN_BLUEPRINT": _Meaning(InvalidRecord, "its blueprint alone moves this field: make a transition"),
    "RECORD_LOCKED": _Meaning(
        InvalidRecord, "the record is locked: try again once it is not", permanent=False
    ),
    "RECORD_NOT_IN_PROCESS": _Meaning(BadRequest, "no blueprint holds the record: update its field directly"),
    "ID_ALREADY_CONVERTED": _Meaning(BadRequest, "a lead is converted once: go on with what it has become"),
    "CONVERTED_RECORD": _Meaning(InvalidRecord, "the lead was converted: change what it has become"),
    "NOT_SUPPORTED": _CALL,
    "REQUIRED_PARAM_MISSING": _CALL,
    "EXPECTED_PARAM_MISSING": _CALL,
    "LIMIT_EXCEEDED": _CALL,
    "LIMIT_REACHED": _CALL,
    "AMBIGUITY_DURING_PROCESSING": _CALL,
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED": _CALL,
    "PAGINATION_LIMIT_EXCEEDED": _CALL,
    "EXPIRED_VALUE": _CALL,
    "TOKEN_BOUND_DATA_MISMATCH": _CALL,
    "INVALID_REQUEST_METHOD": _CALL,
    "INVALID_QUERY": _QUERY,
    "SYNTAX_ERROR": _QUERY,
    "CRITERIA_LIMIT_EXCEEDED": _CALL,
    "MEDIA_TYPE_NOT_SUPPORTED": _CALL,
}
_NO_CREDITS = "the organisation's API credits of the last 24 hours are used up"
_LONGEST_MESSAGE = 200
_WITH_BODY = frozenset({200, 201, 202, 207})


def classify(response: Response) -> ConnectorError | None:
    """Zoho's own word on a reply; ``None`` where it has none, or where the status says it better."""
    if response.status in _WITH_BODY and not response.content and response.taken is None:
        return response.unreadable("an empty body where JSON was expected")
    body = response.peek()
    if response.status >= 500 or not isinstance(body, dict):
        return None
    refusal = _refusal(body, response.status)
    return None if refusal is None else error_of(refusal, response)


def error_of(refusal: Native, response: Response) -> ConnectorError:
    """The error for one of Zoho's error objects, as the answer to a whole call."""
    code = _text(refusal.get("code"))
    meaning = _CODES.get(code, _CALL)
    kind, hint = meaning.kind, meaning.hint
    if kind is RateLimited and response.headers.get("x-api-credits-remaining", "").strip() == "0":
        kind, hint = QuotaExceeded, _NO_CREDITS
    if code == _SCOPE_MISSING:
        hint = _asking_for(response.path)
    field = field_of(refusal)
    error = kind(
        f"Zoho refused {response.method} {response.path}: {_said(refusal)}",
        hint=hint,
        where=Where(field=field),
        status=response.status,
        code=code,
        request_id=response.request_id,
    )
    if isinstance(error, AlreadyExists):
        error.existing_id = existing_id(refusal)
    return error


def _asking_for(path: str) -> str:
    scope = next((scope for part, scope in _SCOPES.items() if part in path), "ZohoCRM.modules.ALL")
    return f"sign in again (crmhub auth), or issue a refresh token, with the scope {scope}"


def problem_of(refusal: Native) -> Problem:
    """Why one record of a write was refused. Holds Zoho's words and names of fields, no record values."""
    code = _text(refusal.get("code")) or "UNKNOWN"
    meaning = _CODES.get(code, _RECORD)
    first = _first(refusal)
    said = f"{_said(first)}: {meaning.hint}" if meaning.hint else _said(first)
    return Problem(code, said, field_of(first), permanent=meaning.permanent)


def is_about_records(error: ConnectorError) -> bool:
    """Whether a refused batch may be refused for one of its records, so that halves of it can succeed."""
    meaning = _CODES.get(error.code or "")
    if meaning is not None and meaning.kind is not Unavailable:
        return issubclass(meaning.kind, InvalidRecord | AlreadyExists)
    return error.status in {400, 413, 422}


def existing_id(refusal: Native) -> str | None:
    """The record that already has the unique value, when Zoho names it."""
    details = refusal.get("details")
    if not isinstance(details, dict):
        return None
    found = details.get("id")
    if found is None and isinstance(record := details.get("duplicate_record"), dict):
        found = record.get("id")
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None


def field_of(refusal: Native) -> str | None:
    """The API name of the field that an error is about."""
    details = refusal.get("details")
    if not isinstance(details, dict):
        return None
    name = details.get("api_name") or details.get("column_name") or details.get("param_name")
    return name if isinstance(name, str) else None


def _refusal(body: Native, status: int) -> Native | None:
    """The error object of a reply that is a refusal of the whole call."""
    if body.get("status") == "error" and isinstance(body.get("code"), str):
        return body
    data = body.get("data")
    if status >= 400 and isinstance(data, list) and len(data) == 1 and isinstance(data[0], dict):
        inner = data[0]
        return inner if isinstance(inner.get("code"), str) and inner.get("status") == "error" else None
    return None


def _first(refusal: Native) -> Native:
    """Several faults of one record come as a list; the first one speaks for all."""
    details = refusal.get("details")
    errors = details.get("errors") if isinstance(details, dict) else None
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return errors[0]
    return refusal


def _said(refusal: Native) -> str:
    """Zoho's message with the names (never the values) out of the details."""
    message = _text(refusal.get("message")) or _text(refusal.get("code")) or "no reason given"
    details = refusal.get("details")
    parts = [message]
    if isinstance(details, dict):
        parts += [
            f"{name} {details[name]}"
            for name in (
                "api_name",
                "column_name",
                "param_name",
                "expected_data_type",
                "maximum_length",
                "limit",
            )
            if isinstance(details.get(name), str | int)
        ]
    text = "".join(letter if letter.isprintable() else " " for letter in ", ".join(parts))
    return redact(text)[:_LONGEST_MESSAGE]


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""

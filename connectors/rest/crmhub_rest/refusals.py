"""Refusals of the CRM in our words, by the rules of its description.

Messages quote what was sent, so nothing that stands in quotes, and no long number, is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from crmhub.connector import Problem, Value
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
    ReauthRequired,
    Unavailable,
    UnknownOutcome,
    Where,
)
from crmhub.http import Response
from crmhub.redact import redact
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.path import ABSENT, JsonPath
from crmhub_rest.language.refusal import Kind, Pattern, Rule
from crmhub_rest.nowhere import members
from crmhub_rest.schemas import Described
from crmhub_rest.seams import Seams

__all__ = [
    "ABOUT_RECORDS",
    "Gone",
    "classifier",
    "clean",
    "is_gone",
    "problem_of",
    "refused",
    "refused_token",
]


ABOUT_RECORDS = (BadRequest, InvalidRecord, AlreadyExists, NotFound, Conflict)
"""What a call can be refused for because of a record in it."""


class Gone(NotFound):
    """There is no such record."""


_KINDS: Mapping[Kind, type[ConnectorError]] = {
    "auth_expired": AuthError,
    "auth_invalid": AuthError,
    "reauth": ReauthRequired,
    "forbidden": PermissionDenied,
    "rate_limited": RateLimited,
    "quota": QuotaExceeded,
    "not_found": NotFound,
    "gone": Gone,
    "conflict": Conflict,
    "exists": AlreadyExists,
    "invalid": InvalidRecord,
    "bad_request": BadRequest,
    "unavailable": Unavailable,
    "unknown": UnknownOutcome,
}
_BY_STATUS: Mapping[int, Kind] = {
    400: "bad_request", 401: "auth_expired", 403: "forbidden", 404: "not_found", 409: "conflict",
    410: "not_found", 412: "conflict", 422: "invalid", 423: "conflict", 429: "rate_limited",
}  # fmt: skip
_VALUES = re.compile(
    r"'[^']*'|\"[^\"]*\"|[^\s@]+@[^\s@]+|\+?\d(?:[ ().-]{0,2}\d){6,}|\d{4,}|\[[^\]]*\]|\{[^}]*\}"
)
_LONGEST = 200
_NAME = re.compile(r"[\w.$-]{1,120}")


def classifier(
    crm: Crm, seams: Seams, credentials: Sequence[str]
) -> Callable[[Response], ConnectorError | None]:
    """Reads refusals for the HTTP client. ``credentials`` are the settings by which one signs in."""
    in_success = any(rule.in_success for rule in crm.errors)

    def classify(response: Response) -> ConnectorError | None:
        error = seams.error(response)
        if error is not None or (response.status < 400 and not in_success):
            return error
        body = response.peek()
        rule = _rule(crm, response.status, body)
        kind = rule.is_ if rule is not None else _BY_STATUS.get(response.status)
        if kind is None or (rule is None and response.status < 400):
            return None
        if rule is None and body is None:
            return None  # HTML or nothing: the client tells it better
        what = f"{crm.title} refused {response.method} {response.path}"
        error = _error(crm, kind, rule, body, what, response)
        if type(error) is AuthError and not error.hint:
            error.hint = f"look at {', '.join(credentials)} of the connection"
        return error

    return classify


def refused(crm: Crm, status: int, body: Value, what: str) -> ConnectorError:
    """The error for a refusal inside of a reply."""
    rule = _rule(crm, status, body)
    return _error(crm, rule.is_ if rule else _BY_STATUS.get(status, "invalid"), rule, body, what, None)


def is_gone(crm: Crm, error: ConnectorError) -> bool:
    """Whether the record is not there; where rules tell that, any other 404 is an error of the call."""
    if any(rule.is_ == "gone" for rule in crm.errors):
        return isinstance(error, Gone)
    return isinstance(error, NotFound)


def refused_token(crm: Crm, rules: Sequence[Rule], response: Response) -> ConnectorError | None:
    """What a reply of the token endpoint means by the first of these rules that fits it."""
    if response.status < 400:
        return None
    body = response.peek()
    code, message = crm.refusal.said(body, "code"), crm.refusal.said(body, "message")
    rule = next((rule for rule in rules if rule.fits(response.status, code, message, body)), None)
    what = f"{crm.title} gives no token"
    return None if rule is None else _error(crm, rule.is_, rule, body, what, response)


def problem_of(error: ConnectorError, of: Described | None = None, fields: Iterable[str] = ()) -> Problem:
    """The same for one item of a write, which had those ``fields``."""
    if of is not None and error.where.object not in (None, of.name):
        named = [name for name in fields if error.where.object in of.schema.fields[name].refers_to]
        field = error.where.field or (named[0] if len(named) == 1 else None)
        return Problem(error.code or type(error).__name__, error.what, field)
    return Problem(
        error.code or type(error).__name__,
        error.what,
        error.where.field,
        permanent=not isinstance(error, RateLimited | Unavailable | Conflict | QuotaExceeded),
        missing=isinstance(error, NotFound),
    )


def _rule(crm: Crm, status: int, body: Value) -> Rule | None:
    code, message = crm.refusal.said(body, "code"), crm.refusal.said(body, "message")
    return next((rule for rule in crm.errors if rule.fits(status, code, message, body)), None)


def _error(
    crm: Crm, kind: Kind, rule: Rule | None, body: Value, what: str, response: Response | None
) -> ConnectorError:
    message = crm.refusal.said(body, "message")
    said = clean(message or "") or _unread(crm, body)
    made = _KINDS[kind]
    error = made(
        f"{what}: {said}" if said else what,
        hint=(rule.hint if rule else "") or None,
        code=_name(crm.refusal.said(body, "code")),
        where=Where(
            object=rule.of if rule else None,
            field=_name(
                _found(rule.field if rule else None, body, message) or crm.refusal.said(body, "field")
            ),
        ),
        status=response.status if response else None,
    )
    if isinstance(error, AlreadyExists):
        error.existing_id = _found(rule.id if rule else None, body, message)
    told = response is not None and "retry-after" in response.headers
    if isinstance(error, RateLimited | QuotaExceeded) and rule is not None and not told:
        error.retry_after = rule.wait
    return error


def _unread(crm: Crm, body: Value) -> str:
    """What to look at where a refusal says something, and the description looks elsewhere for it."""
    paths = [*crm.refusal.code, *crm.refusal.message]
    if not isinstance(body, dict) or not paths or any(path.find(body) is not ABSENT for path in paths):
        return ""
    names = ", ".join(path.text for path in paths)
    return f"its reply has nothing at {names} (refusal in the CRM's description): {members(body)}"


def _found(where: JsonPath | Pattern | None, body: Value, message: str | None) -> str | None:
    if isinstance(where, JsonPath):
        return where.text_in(body)
    if where is None:
        return None
    found = where.compiled.search(message or "")
    return found[1] if found is not None and found.groups() else None


def clean(message: str) -> str:
    """A message without the values that it quotes."""
    hidden = _VALUES.sub("…", redact(message))  # in this order: half of a secret would not be known as one
    text = "".join(letter if letter.isprintable() else " " for letter in hidden)
    return redact(" ".join(text.split()))[:_LONGEST]


def _name(text: str | None) -> str | None:
    return text if text is not None and _NAME.fullmatch(text) else None

"""Errors of Zoho Books and Zoho Projects in our words.

Source: Zoho Books API v3, "Errors": ``code`` is 0 for success, and an error otherwise whatever the HTTP
status; 57 is a missing scope or permission, and a token that has ended; 44 and 45 are too many calls in a
minute and in a day. Zoho Projects API v3, "Errors": ``{"error": {"title", "details": {"message"}}}``, with
the lock after too many calls as a 429, or as a 400 whose message tells the minutes.
"""

from __future__ import annotations

import re
from math import inf

from crmhub.clock import Clock
from crmhub.connector import Native, Value
from crmhub.errors import (
    AuthError,
    BadRequest,
    ConnectorError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
)
from crmhub.http import OAuth, Response
from crmhub.redact import redact
from crmhub_zoho import scopes
from crmhub_zoho.auth import SCOPES

__all__ = ["LOCK", "Books", "projects"]

LOCK = 1800.0
"""Seconds for which Zoho Projects refuses everything after too many calls."""

_MINUTE = 60.0
_DOUBT = 600.0
_DENIED = 57
_BOOKS = "Zoho Books"
_PROJECTS = "Zoho Projects"
_MINUTES = re.compile(r"[Tt]ry again after (\d{1,4}) minute")
_LONGEST_MESSAGE = 200
_SERVER = 500


class Books:
    """What replies of Zoho Books say. A token that has ended is refused as one without the permission is."""

    def __init__(self, auth: OAuth, clock: Clock) -> None:
        self._auth = auth
        self._clock = clock
        self._doubted_at = -inf

    def __call__(self, response: Response) -> ConnectorError | None:
        """See :data:`crmhub.http.Classify`."""
        body = response.peek()
        code = body.get("code") if isinstance(body, dict) else None
        if response.status >= _SERVER or not isinstance(body, dict) or not isinstance(code, int) or code == 0:
            return None
        scope = _books_scope(response.path)
        if code == _DENIED and self._may_have_ended(scope):
            return _error(AuthError, _BOOKS, str(code), _text(body.get("message")), response, None)
        return _books_error(str(code), _text(body.get("message")), response, scope)

    def _may_have_ended(self, scope: str) -> bool:
        """Whether a new token may help.

        Not where the token lacks the scope, and once in ten minutes: a user who may not see the books must
        not cost a token with every call.
        """
        token, now = self._auth.token, self._clock.monotonic()
        granted = token.extra.get(SCOPES, "").split() if token else []
        if (granted and not scopes.covers(granted, scope)) or now - self._doubted_at < _DOUBT:
            return False
        self._doubted_at = now
        return True


def _books_error(code: str, message: str, response: Response, scope: str) -> ConnectorError:
    kind: type[ConnectorError] = BadRequest
    hint: str | None = None
    wait: float | None = None
    match code:
        case "57":
            kind, hint = PermissionDenied, _permission(scope, _BOOKS)
        case "45":
            kind, hint = QuotaExceeded, "the organisation's calls of Zoho Books for today are used up"
        case "6041":
            hint = "set books.organization to the id of an organisation that the user belongs to"
        case _ if response.status == 429:
            kind, hint = RateLimited, "100 calls a minute are allowed for an organisation of Zoho Books"
            wait = None if "retry-after" in response.headers else _MINUTE
        case _ if response.status == 404:
            kind = NotFound
        case _ if response.status == 401:
            kind = AuthError
        case _:
            pass
    return _error(kind, _BOOKS, code, message, response, hint, wait)


def projects(response: Response) -> ConnectorError | None:
    """What a reply of Zoho Projects says."""
    body = response.peek()
    told = body.get("error") if isinstance(body, dict) else None
    if response.status >= _SERVER or not isinstance(told, dict):
        locked = response.status == 429 and "retry-after" not in response.headers
        return _locked("TOO_MANY_REQUESTS", "", response) if locked else None
    title = _text(told.get("title")) or _text(told.get("code"))
    message = _message(told)
    if response.status == 429 or title == "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED":
        return _locked(title, message, response)
    kind: type[ConnectorError] = BadRequest
    hint: str | None = None
    if title == "INVALID_OAUTHSCOPE" or response.status == 403:
        kind, hint = PermissionDenied, _permission(_projects_scope(response.path), _PROJECTS)
    elif response.status == 401:
        kind = AuthError
    elif response.status == 404:
        kind = NotFound
    return _error(kind, _PROJECTS, title, message, response, hint)


def _locked(title: str, message: str, response: Response) -> ConnectorError:
    minutes = _MINUTES.search(message)
    wait = None if "retry-after" in response.headers else LOCK
    if minutes is not None:
        wait = int(minutes[1]) * _MINUTE
    hint = "after 100 calls in two minutes Zoho Projects refuses everything for half an hour"
    return _error(RateLimited, _PROJECTS, title, message, response, hint, wait)


def _error(
    kind: type[ConnectorError],
    product: str,
    code: str,
    message: str,
    response: Response,
    hint: str | None,
    wait: float | None = None,
) -> ConnectorError:
    said = "".join(letter if letter.isprintable() else " " for letter in message or code or "no reason given")
    error = kind(
        f"{product} refused {response.method} {response.path}: {redact(said)[:_LONGEST_MESSAGE]}",
        hint=hint,
        status=response.status,
        code=code or None,
        request_id=response.request_id,
    )
    if isinstance(error, RateLimited):
        error.retry_after = wait
    return error


def _permission(scope: str, product: str) -> str:
    return f"sign in again (crmhub auth) with the scope {scope}; the user needs the permission in {product}"


def _books_scope(path: str) -> str:
    area = next((area for area in ("invoices", "contacts") if f"/{area}" in path), "settings")
    return f"ZohoBooks.{area}.READ"


def _projects_scope(path: str) -> str:
    areas = {"/phases": "milestones", "/tasks": "tasks", "/portals": "portals"}
    return f"ZohoProjects.{next((area for part, area in areas.items() if part in path), 'projects')}.READ"


def _message(told: Native) -> str:
    details = told.get("details")
    if isinstance(details, list) and details:
        details = details[0]
    found = details.get("message") if isinstance(details, dict) else None
    return _text(found) or _text(told.get("message")) or _text(told.get("title"))


def _text(value: Value) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

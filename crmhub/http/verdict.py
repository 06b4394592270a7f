"""From a reply to an error of our tree: the connector's own reading first, then the status."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeAlias

from crmhub.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    Conflict,
    ConnectorError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unavailable,
    UnknownOutcome,
)
from crmhub.http.response import Response
from crmhub.http.shown import scrub

__all__ = ["SAFE", "SUCCESS", "Classify", "retry_after", "verdict"]

Classify: TypeAlias = Callable[[Response], ConnectorError | None]
SUCCESS: Collection[int] = range(200, 300)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""

_LONGEST_PAUSE = 86_400.0  # a broken header must not silence a connection for good
_KINDS: dict[int, tuple[type[ConnectorError], str | None]] = {
    401: (AuthError, "check the credentials and that they belong to this instance"),
    403: (PermissionDenied, "ask an administrator of the CRM for the permission or scope"),
    404: (NotFound, None),
    408: (Unavailable, None),  # the server did not receive the whole request (RFC 9110, 15.5.9)
    409: (Conflict, "read the record again, then decide"),
    410: (NotFound, None),
    412: (Conflict, "read the record again, then decide"),
    429: (RateLimited, None),
}


def verdict(response: Response, classify: Classify | None, ok: Collection[int]) -> ConnectorError | None:
    """What is wrong with the reply, or ``None``.

    A status outside of 2xx that the caller lists in ``ok`` is none of our business. Otherwise the
    connector's ``classify`` is asked first, since vendors put their code where they like; it may call
    ``response.json()`` freely. Its word about ``applied`` is believed.
    """
    accepted = response.status in ok
    if accepted and not 200 <= response.status < 300:
        return None
    error = _classified(response, classify) if classify else None
    if error is None and not accepted:
        error = _by_status(response)
    if error is None and response.problem:
        error = response.unreadable(response.problem)
    if error is None:
        return None
    error.at(connection=response.connection)
    error.status = error.status or response.status
    error.request_id = error.request_id or response.request_id
    return error


def retry_after(response: Response, now: datetime) -> float | None:
    """Seconds that the reply asks to wait: ``Retry-After`` as seconds or as a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return min(float(text), _LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(text)
        seconds = (at - now).total_seconds() if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_PAUSE)


def _classified(response: Response, classify: Classify) -> ConnectorError | None:
    try:
        error = classify(response)
    except (BadResponse, UnknownOutcome):
        return None
    if error is not None:
        error.what = scrub(error.what)
        error.args = (error.what,)
        error.hint = scrub(error.hint) if error.hint else error.hint
        error.code = scrub(error.code) if error.code else error.code
    return error


def _by_status(response: Response) -> ConnectorError:
    status = response.status
    if 200 <= status < 300:
        return response.unreadable(f"the unexpected status {status}")
    if 300 <= status < 400:
        return _error(
            response,
            BadResponse,
            "redirects are not followed, since they would carry the credentials; check the base URL",
        )
    if status >= 500 and not response.repeatable:
        return _error(response, UnknownOutcome, "read back before sending it again")
    kind, hint = _KINDS.get(status, (Unavailable if status >= 500 else BadRequest, None))
    error = _error(response, kind, hint)
    if status >= 500 and response.method not in SAFE:
        error.applied = None
    return error


def _error(response: Response, kind: type[ConnectorError], hint: str | None) -> ConnectorError:
    known = response.status in _STATUSES
    phrase = f"{response.status} {HTTPStatus(response.status).phrase}" if known else str(response.status)
    # Data can echo a record; the connector's classify takes code and message out of it instead.
    shown = response.shown()
    what = f"{response.method} {response.path} was answered {phrase}" + (f": {shown}" if shown else "")
    return kind(what, hint=hint)


_STATUSES = frozenset(int(status) for status in HTTPStatus)

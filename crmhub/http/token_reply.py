"""Reading what a token endpoint answers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import SecretStr

from crmhub.errors import AuthError, ConnectorError, RateLimited, ReauthRequired, Unavailable, Where
from crmhub.http.response import Response
from crmhub.http.shown import scrub
from crmhub.http.tokens import Token

if TYPE_CHECKING:
    from crmhub.native import Value

__all__ = ["read_token"]

_PASSING = frozenset({"temporarily_unavailable", "server_error"})
_PLAIN_CODE = re.compile(r"[A-Za-z0-9_. -]{1,80}")


def read_token(
    response: Response,
    *,
    now: datetime,
    base_url: str | None = None,
    dead: frozenset[str] = frozenset({"invalid_grant"}),
    throttled: frozenset[str] = frozenset(),
) -> Token:
    """The token in a token endpoint's reply (RFC 6749, section 5), whatever its status.

    ``base_url`` is the reply's member that names where to call, ``dead`` the error codes after which
    only a person can help, ``throttled`` those that mean too many token requests. Raises
    ``ReauthRequired``, ``RateLimited``, ``AuthError`` for any other error, and ``BadResponse`` for a
    reply that is no JSON object or holds no access token.
    """
    reply = response.json()
    if not isinstance(reply, dict):
        raise response.unreadable("JSON that is not an object")
    if code := reply.get("error"):
        raise _refusal(response, _code(code), dead, throttled)
    if response.status >= 400:
        raise _refusal(response, None, dead, throttled)
    access = reply.get("access_token")
    if not isinstance(access, str) or not access:
        raise response.unreadable("JSON without an access_token")
    refresh = reply.get("refresh_token")
    place = reply.get(base_url) if base_url else None
    return Token(
        access=SecretStr(access),
        refresh=SecretStr(refresh) if isinstance(refresh, str) and refresh else None,
        expires_at=_expiry(reply.get("expires_in"), now),
        base_url=place.rstrip("/") if isinstance(place, str) and place else None,
    )


def _refusal(
    response: Response, code: str | None, dead: frozenset[str], throttled: frozenset[str]
) -> ConnectorError:
    """The error for a refusal; without ``code`` it is not OAuth's own, but perhaps of what is in between."""
    what = "the token endpoint refused the request"
    place = Where(connection=response.connection)
    if code in dead:
        return ReauthRequired(
            "the refresh token is no longer accepted",
            hint="sign in again or issue a new refresh token",
            where=place,
            status=response.status,
            code=code,
            request_id=response.request_id,
        )
    if code in throttled:
        kind: type[ConnectorError] = RateLimited
    elif code in _PASSING:
        kind = Unavailable
    else:
        kind = AuthError
    return kind(
        what,
        hint="check client id, client secret and region" if kind is AuthError else None,
        where=place,
        status=response.status,
        code=code,
        request_id=response.request_id,
    )


def _code(error: Value) -> str:
    return scrub(error) if isinstance(error, str) and _PLAIN_CODE.fullmatch(error) else "unreadable_error"


def _expiry(seconds: Value, now: datetime) -> datetime | None:
    """``expires_in`` is a number (RFC 6749, 5.1), by some vendors written as text."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal | str):
        return None
    try:
        return now + timedelta(seconds=float(seconds))
    except (ValueError, OverflowError):
        return None

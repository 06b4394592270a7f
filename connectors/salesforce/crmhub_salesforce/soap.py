"""SOAP ``login()``, for set-ups from before OAuth.

Source: SOAP API Developer Guide, "login()" and "ExceptionCode"; Salesforce Help 005132110: ``login()`` is in
versions 31.0 to 64.0 only, off in orgs made since Winter '26, and retired with Summer '27.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from pydantic import SecretStr

from crmhub.errors import (
    AuthError,
    BadResponse,
    ConnectorError,
    PermissionDenied,
    RateLimited,
    ReauthRequired,
    Unavailable,
)
from crmhub.http import HttpClient, HttpSettings, Response, Token
from crmhub.http.paths import origin

__all__ = ["client_settings", "login"]

_LAST = 64.0
_TIMEOUT = 60.0
_PARTNER = "urn:partner.soap.sforce.com"
_WHY: Mapping[str, tuple[type[ConnectorError], str, str]] = {
    "INVALID_LOGIN": (
        AuthError,
        "username, password or security token is wrong, or the user is locked out",
        "try them in a browser; a new password brings a new security token",
    ),
    "LOGIN_MUST_USE_SECURITY_TOKEN": (
        AuthError,
        "from this address a security token is needed",
        "set security_token (Settings, Reset My Security Token), or add the address to the trusted IP ranges",
    ),
    "INVALID_OPERATION": (
        AuthError,
        "the org does not allow SOAP login()",
        "sign in by another flow: client_id with private_key or client_secret",
    ),
    "UNSUPPORTED_API_VERSION": (
        AuthError,
        "the org no longer knows SOAP login()",
        "sign in by another flow: client_id with private_key or client_secret",
    ),
    "PASSWORD_LOCKOUT": (AuthError, "the user is locked out", "an administrator unlocks the user in Setup"),
    "ORG_LOCKED": (AuthError, "the org is locked", "ask Salesforce support"),
    "LOGIN_DURING_RESTRICTED_TIME": (
        AuthError,
        "the user may not sign in at this hour",
        "widen the login hours of the user's profile",
    ),
    "LOGIN_DURING_RESTRICTED_DOMAIN": (
        AuthError,
        "the user may not sign in from this address",
        "widen the login IP ranges of the user's profile",
    ),
    "API_DISABLED_FOR_ORG": (
        PermissionDenied,
        "the API is not enabled for this user or edition",
        "enable 'API Enabled' in the user's profile",
    ),
    "LOGIN_RATE_EXCEEDED": (
        RateLimited,
        "this user signs in too often",
        "let the processes of a connection share a token store",
    ),
    "SERVER_UNAVAILABLE": (Unavailable, "Salesforce is not available", "try again"),
    "UNKNOWN_EXCEPTION": (Unavailable, "Salesforce failed", "try again"),
}


def client_settings(base_url: str) -> HttpSettings:
    """The client that passwords are sent by: to that host, once, without a token."""
    return HttpSettings(base_url=base_url, retries=0, timeout=_TIMEOUT)


async def login(http: HttpClient, username: str, password: SecretStr, version: str) -> Token:
    """A session, and where it is good. Raises ``AuthError`` and what else a fault means."""
    number = f"{min(float(version), _LAST):.1f}"
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="{_PARTNER}"><e:Body>'
        f"<p:login><p:username>{escape(username)}</p:username>"
        f"<p:password>{escape(password.get_secret_value())}</p:password></p:login></e:Body></e:Envelope>"
    )
    response = await http.request(
        "POST",
        f"/services/Soap/u/{number}",
        content=body.encode(),
        headers={"content-type": "text/xml; charset=utf-8", "soapaction": "login", "accept": "text/xml"},
        idempotent=True,
        ok=(200, 500),
        expect="any",
    )
    answer = _parsed(response)
    if response.status != 200:
        raise _refusal(answer, response)
    session, place = _text(answer, "sessionId"), _text(answer, "serverUrl")
    if not session or not place:
        raise _strange(response, "without a session")
    if _text(answer, "passwordExpired") == "true":
        raise ReauthRequired("the user's password has expired", hint="set a new one", code="PASSWORD_EXPIRED")
    origin(place)
    scheme, _, rest = place.partition("://")
    return Token(access=SecretStr(session), base_url=f"{scheme}://{rest.partition('/')[0]}")


def _parsed(response: Response) -> ET.Element:
    """The envelope; one that declares entities is not looked at."""
    if b"<!" in response.content:
        raise _strange(response, "that declares a document type")
    try:
        return ET.fromstring(response.content)  # noqa: S314 - see above
    except ET.ParseError:
        raise _strange(response, "that is no XML") from None


def _text(answer: ET.Element, name: str) -> str:
    """The text of the first element of that name, whatever its namespace."""
    return next((found.text or "" for found in answer.iterfind(f".//{{*}}{name}")), "")


def _refusal(answer: ET.Element, response: Response) -> ConnectorError:
    code = _text(answer, "exceptionCode")
    if not code.replace("_", "").isalnum() or not code.isascii():
        return _strange(response, "with a fault that has no code")
    kind, what, hint = _WHY.get(code, (AuthError, "it gives no known reason", "look the code up"))
    return kind(
        f"Salesforce refused to sign us in: {what}",
        hint=hint,
        status=response.status,
        code=code,
        request_id=response.request_id,
    )


def _strange(response: Response, how: str) -> BadResponse:
    """Nothing of the answer is shown, since a session may be in it."""
    return BadResponse(
        f"SOAP login() was answered in a way {how}",
        hint="login_url must be a host of Salesforce's, not of a page or a proxy",
        status=response.status,
        request_id=response.request_id,
    )

"""SOAP `login()`: an envelope in, a session or a fault out.

Source: SOAP API Developer Guide, "login()" and "API Fault Element"; Salesforce Help 005132110, "Platform
SOAP API login() Retirement": there is no `login()` from version 65.0 on, and orgs made since Winter '26
have it switched off.
"""

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from crmhub_salesforce.simulator.calls import RETIRED

_PATH = re.compile(r"/services/soap/[cu]/(\d+)\.0(?:/[a-z0-9]*)?", re.IGNORECASE)
_METADATA = re.compile(r"/services/soap/m/", re.IGNORECASE)
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_FIRST_WITHOUT_LOGIN = 65
_OLDEST = 31


class Fault(Exception):
    """A refusal, with its exception code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def xml(self) -> str:
        """The envelope; its HTTP status is 500."""
        code, message = escape(self.code), escape(self.message)
        detail = (
            '<sf:LoginFault xsi:type="sf:LoginFault">'
            f"<sf:exceptionCode>{code}</sf:exceptionCode>"
            f"<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault>"
        )
        fault = (
            f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>"
            f"<detail>{detail}</detail></soapenv:Fault>"
        )
        return _enveloped(fault, "urn:fault.partner.soap.sforce.com", "sf")


def is_soap(path: str) -> bool:
    """Whether a path leads to the SOAP API."""
    return path.lower().startswith("/services/soap/")


def login(
    path: str, body: bytes, opened: Callable[[str, str], str], base_url: str, ids: tuple[str, str]
) -> str:
    """The reply's envelope.

    `opened` gives a session for a username and a password, or raises Fault; `ids` are the org's and the
    user's. Raises Fault.
    """
    if _METADATA.match(path):
        message = (
            "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"
        )
        raise Fault("INSUFFICIENT_ACCESS", message)
    version = _version(path)
    username, password = _asked(body)
    if version >= _FIRST_WITHOUT_LOGIN:
        raise Fault("INVALID_OPERATION", f"login() is not available in API version {version}.0")
    session = opened(username, password)
    org_id, user_id = ids
    place = f"{base_url}/services/Soap/u/{version}.0/{org_id[:15]}"
    result = (
        "<loginResponse><result>"
        f"<metadataServerUrl>{escape(place.replace('/u/', '/m/'))}</metadataServerUrl>"
        "<passwordExpired>false</passwordExpired><sandbox>false</sandbox>"
        f"<serverUrl>{escape(place)}</serverUrl><sessionId>{escape(session)}</sessionId>"
        f"<userId>{user_id}</userId>"
        f"<userInfo><organizationId>{org_id}</organizationId><userId>{user_id}</userId>"
        f"<userName>{escape(username)}</userName><sessionSecondsValid>7200</sessionSecondsValid></userInfo>"
        "</result></loginResponse>"
    )
    return _enveloped(result, "urn:partner.soap.sforce.com", "")


def _version(path: str) -> int:
    match = _PATH.fullmatch(path)
    number = int(match[1]) if match else 0
    if number in RETIRED or number < _OLDEST:
        raise Fault("UNSUPPORTED_API_VERSION", "UNSUPPORTED_API_VERSION: the API version is not supported")
    return number


def _asked(body: bytes) -> tuple[str, str]:
    """Username and password of a `login` request."""
    if b"<!" in body:
        raise Fault("UNKNOWN_EXCEPTION", "a document type definition is not allowed")
    try:
        envelope = ET.fromstring(body)  # noqa: S314 - no entities can be declared in it
    except ET.ParseError as problem:
        raise Fault("UNKNOWN_EXCEPTION", f"the message is not well-formed XML: {problem}") from None
    found = envelope.find(f"{{{_ENVELOPE}}}Body/{{urn:partner.soap.sforce.com}}login")
    if found is None:
        raise Fault("INVALID_OPERATION", "only login() is answered here")
    username, password = (
        found.findtext(f"{{urn:partner.soap.sforce.com}}{name}") or "" for name in ("username", "password")
    )
    return username, password


def _enveloped(content: str, namespace: str, prefix: str) -> str:
    named = f"xmlns:{prefix}" if prefix else "xmlns"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_ENVELOPE}"'
        f' {named}="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>"
    )

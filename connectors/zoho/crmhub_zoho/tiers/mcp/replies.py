"""What a tool said, in the shapes in which Zoho's and other servers say it, as a reply of the API.

Read in this order: `structuredContent`, JSON in the first text; one wrapping in `{"data": ...}` is taken
off; then it is Zoho's own envelope. A text that asks for approval is neither success nor failure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import msgspec

from crmhub.connector import Value
from crmhub.errors import (
    ApprovalRequired,
    BadRequest,
    BadResponse,
    ConnectorError,
    RateLimited,
    Unavailable,
    UnknownOutcome,
)
from crmhub.http import Response

__all__ = ["Said", "approval", "asks_approval", "lost", "response_of"]

_APPROVAL = re.compile(
    r"\b(requires?|needs?|awaiting|await|pending)\s+(\w+\s+){0,2}approval\b"
    r"|\bapproval\s+(is\s+)?(required|needed|pending)\b",
    re.IGNORECASE,
)
_BAD_ARGUMENTS = re.compile(
    r"\b(invalid|unknown|missing|unexpected)\s+(\w+\s+)?arguments?\b|\bvalidation errors?\b", re.IGNORECASE
)
_TOO_FAST = re.compile(
    r"\btoo many requests\b|\brate[ -]?limit(ed|s)?\b.*\b(exceeded|reached)\b", re.IGNORECASE
)
_BESIDE_A_MESSAGE = frozenset({"message", "status", "success", "code"})
_JSON = {"content-type": "application/json"}

_exact = msgspec.json.Decoder(float_hook=Decimal).decode
_loose = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Said:
    """A tool's result: whether it calls itself an error, its structured content and its first text."""

    tool: str
    failed: bool
    structured: object = None
    text: str = ""


def response_of(said: Said, *, changes: bool, connection: str) -> Response:
    """The result as a reply of Zoho's API, for a call that ``changes`` something or only reads.

    Raises :class:`~crmhub.errors.ApprovalRequired`, and otherwise what a result means that shows neither
    records nor Zoho's error: :class:`~crmhub.errors.UnknownOutcome` when something may have been changed.
    """
    found, value = _value(said)
    if not found:
        return _without_json(said, changes=changes, connection=connection)
    value = _unwrapped(value)
    message = _only_message(value)
    if message is not None:
        if asks_approval(message):
            raise approval(said.tool)
        if said.failed and _TOO_FAST.search(message):
            raise RateLimited(f"the tool {said.tool} says that calls came too fast")
        raise _unclear(said, message, changes=changes)
    if said.failed and _says_internal(value):
        raise lost(f"the tool {said.tool} failed: INTERNAL_ERROR", changes=changes)
    refused = said.failed or (isinstance(value, dict) and _is_refusal(value))
    return _response(said, _encode(value), 400 if refused else 200, changes, connection)


def approval(tool: str) -> ApprovalRequired:
    """The error for a call that waits for a person."""
    return ApprovalRequired(
        f"the tool {tool} waits for somebody's approval; nothing has been done yet",
        hint="approve it where the server asks for it, or let a person do it; do not send it by another way",
        code="approval_required",
    )


def asks_approval(text: str) -> bool:
    """Whether a text says that a person has to agree first."""
    return _APPROVAL.search(text) is not None


def lost(what: str, *, changes: bool) -> ConnectorError:
    """The error for a call of which nobody knows what became of it."""
    if changes:
        return UnknownOutcome(what, hint="it may have been applied; read back before sending it again")
    return Unavailable(what)


def _value(said: Said) -> tuple[bool, Value]:
    text = said.text.strip()
    exact: Value = None
    readable = False
    if text[:1] in {"{", "["}:
        try:
            exact, readable = cast("Value", _exact(text)), True
        except (msgspec.DecodeError, RecursionError):
            readable = False
    if said.structured is None:
        return readable, exact
    if readable and _loose(text) == said.structured:
        return True, exact  # the same, with all its digits
    return True, _as_decimals(cast("Value", said.structured))


def _as_decimals(value: Value) -> Value:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: _as_decimals(one) for name, one in value.items()}
    return [_as_decimals(one) for one in value] if isinstance(value, list) else value


def _unwrapped(value: Value) -> Value:
    if isinstance(value, dict) and isinstance(value.get("data"), dict) and "code" not in value:
        return value["data"]
    return value


def _only_message(value: Value) -> str | None:
    """The message of an object that has nothing else to tell; Zoho's own errors always have a code."""
    if not isinstance(value, dict) or set(value) - _BESIDE_A_MESSAGE or _is_refusal(value):
        return None
    message = value.get("message")
    return message if isinstance(message, str) else None


def _is_refusal(value: Mapping[str, Value]) -> bool:
    return isinstance(value.get("code"), str) and value.get("status") == "error"


def _says_internal(value: Value) -> bool:
    return isinstance(value, dict) and _is_refusal(value) and value.get("code") == "INTERNAL_ERROR"


def _without_json(said: Said, *, changes: bool, connection: str) -> Response:
    text = said.text.strip()
    if asks_approval(text):
        raise approval(said.tool)
    if said.failed and _TOO_FAST.search(text):
        raise RateLimited(f"the tool {said.tool} says that calls came too fast")
    if said.failed and _BAD_ARGUMENTS.search(text):
        # a server's complaint may repeat the value that it complains of
        raise BadRequest(
            f"the tool {said.tool} does not take these arguments",
            hint="name its arguments under tools in the settings",
        )
    if said.failed or text:
        raise _unclear(said, text, changes=changes)
    if changes:
        raise lost(f"the tool {said.tool} said nothing", changes=True)
    return _response(said, b"", 204, changes, connection)


def _unclear(said: Said, text: str, *, changes: bool) -> ConnectorError:
    """Only a message: it may stand for either. It is not shown, since it may hold values of a record."""
    told = f"{len(text)} characters of text" if text else "nothing"
    what = (
        f"the tool {said.tool} {'failed and said' if said.failed else 'answered'} {told} instead of records"
    )
    return lost(what, changes=True) if changes else BadResponse(what, hint="another tier can read it")


def _response(said: Said, content: bytes, status: int, changes: bool, connection: str) -> Response:
    return Response(
        status,
        _JSON,
        content,
        method="MCP",
        path=said.tool,
        repeatable=not changes,
        connection=connection,
    )

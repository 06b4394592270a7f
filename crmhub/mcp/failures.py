"""Failures on the way to a tool, as errors of ours.

The MCP library knows JSON-RPC errors only, and ends a whole session where a connection breaks. So our HTTP
client (:mod:`crmhub.mcp.wire`) turns what happened to one call into such an error, with a note
of the HTTP status, or of whether the call was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, cast

from crmhub.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConnectorError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unavailable,
    Unsupported,
)
from crmhub.mcp.said import approval, asks_approval, lost

__all__ = ["SESSION_GONE", "UNKNOWN_TOOL", "Note", "meaning"]

SESSION_GONE = "session_gone"
UNKNOWN_TOOL = "unknown_tool"
_KEY = "crmhub"
_NEEDS_CAPABILITY = -32021
_UNREADABLE = -32700
_WORDS = {
    _UNREADABLE: "parse error",
    -32600: "invalid request",
    -32601: "no such method",
    -32602: "invalid arguments",
    -32020: "headers and body differ",
    -32022: "unsupported protocol version",
}
_BY_THE_SERVER = frozenset({-32601, -32602, -32020, -32022})
"""Errors with which a server refuses a message as such (JSON-RPC 2.0; MCP 2026-07-28). The library itself
uses the two others of those too, for replies that it cannot read."""
_TOOL = re.compile(
    r"\b(unknown|no such|not found)\b.*\btool\b|\btool\b.*\b(unknown|not found)\b", re.IGNORECASE
)
_CREDENTIALS = "check the token and the address of the MCP server; they are others than the API's"

Data: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Note:
    """What is known about an HTTP call: its ``status``, or (``None``) that no reply came, and ``why``.

    ``sent`` is false when the server is known not to have got it.
    """

    status: int | None = None
    why: str = ""
    sent: bool = True
    retry_after: float | None = None

    def data(self) -> Data:
        """The note as an error's data."""
        values: Data = {"status": self.status, "why": self.why, "sent": self.sent, "wait": self.retry_after}
        return {_KEY: values}


def meaning(code: int, message: str, data: object, *, tool: str | None, changes: bool) -> ConnectorError:
    """Our error for one of JSON-RPC, in answer to a call of ``tool`` (``None``: to opening the session)."""
    what = f"the tool {tool}" if tool else "the MCP server"
    if asks_approval(message) or (tool is not None and code == _NEEDS_CAPABILITY):
        return approval(tool or "a tool")
    note = _note(data)
    if note is not None and note.status is None:
        if not note.sent:
            return Unavailable(f"the MCP server cannot be reached: {note.why}")
        return lost(f"the answer of {what} was lost: {note.why}", changes=changes)
    if (
        note is not None
        and note.status is not None
        and (error := _by_status(note, note.status, what, changes))
    ):
        return error
    if tool is not None and code in _BY_THE_SERVER and _TOOL.search(message):
        return Unsupported(f"the MCP server has no tool {tool} any more", code=UNKNOWN_TOOL)
    # The message itself is not shown: servers repeat in it what they complain of.
    said = f"{code}, {_WORDS[code]}" if code in _WORDS else str(code)
    if code in _BY_THE_SERVER or (note is not None and code in _WORDS):
        return BadRequest(f"{what} refused the call ({said})", status=note.status if note else None)
    if code == _UNREADABLE and not changes:
        return BadResponse(f"the answer of {what} cannot be read ({said})", hint="another tier can read it")
    return lost(f"{what} failed ({said})", changes=changes)


def _by_status(note: Note, status: int, what: str, changes: bool) -> ConnectorError | None:
    answered = f"{what} was answered HTTP {status}"
    if status == 401:
        return AuthError(
            f"the MCP server refused the token (HTTP {status})", hint=_CREDENTIALS, status=status
        )
    if status == 403:
        return PermissionDenied(answered, hint=_CREDENTIALS, status=status)
    if status == 404:
        if note.why == SESSION_GONE:
            return Unavailable("the MCP server has ended the session", status=status, code=SESSION_GONE)
        return NotFound(answered, hint="check the address of the MCP server", status=status)
    if status == 429:
        return RateLimited(answered, retry_after=note.retry_after, status=status)
    if status >= 500:
        error = lost(answered, changes=changes)
        error.status = status
        return error
    return None


def _note(data: object) -> Note | None:
    values = cast("Data", data).get(_KEY) if isinstance(data, dict) else None
    if not isinstance(values, dict):
        return None
    found = cast("Data", values)
    status, wait = found.get("status"), found.get("wait")
    return Note(
        status if isinstance(status, int) else None,
        str(found.get("why", "")),
        sent=found.get("sent") is not False,
        retry_after=float(wait) if isinstance(wait, int | float) else None,
    )

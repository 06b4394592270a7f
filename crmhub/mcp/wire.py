"""The HTTP client under the MCP library: it notes what became of each call, and lets no call end a session.

Source: the package httpx2 (a fork of httpx), which the MCP library uses.
"""

from __future__ import annotations

import json
import ssl
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import httpx2

from crmhub.mcp.failures import SESSION_GONE, Data, Note

if TYPE_CHECKING:
    from httpx2._client import UseClientDefault
    from httpx2._types import AuthTypes

__all__ = ["MOST_BYTES", "Wire"]

MOST_BYTES = 32 * 1024 * 1024
"""Of one reply or one event."""
_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
_NO_VERSION = -32022
_SERVER_ERROR = -32000
_LONGEST_PAUSE = 86_400.0
_EVENTS = "text/event-stream"


class Wire(httpx2.AsyncClient):
    """A client whose POST always gets a reply: one that was lost is told as a JSON-RPC error."""

    async def send(
        self,
        request: httpx2.Request,
        *,
        stream: bool = False,
        auth: AuthTypes | UseClientDefault | None = httpx2.USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = httpx2.USE_CLIENT_DEFAULT,
    ) -> httpx2.Response:
        """Send a request. The bodies of replies to POST are whole, except of an event stream."""
        if request.method != "POST":
            return await super().send(request, stream=stream, auth=auth, follow_redirects=follow_redirects)
        try:
            response = await super().send(request, stream=True, auth=auth, follow_redirects=follow_redirects)
            if response.has_redirect_location or (response.is_success and _kind(response) == _EVENTS):
                return response
            content = await _whole(response)
        except httpx2.TransportError as error:
            return _told(request, Note(why=_why(error), sent=not isinstance(error, _NEVER_SENT)))
        if content is None:
            return _told(request, Note(why=f"more than {MOST_BYTES} bytes"))
        if response.is_error:
            return _refused(request, response, content)
        names = ("content-type", "mcp-session-id")
        headers = {name: response.headers[name] for name in names if name in response.headers}
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)


async def _whole(response: httpx2.Response) -> bytes | None:
    """The body, or ``None`` when it is too large."""
    parts: list[bytes] = []
    size = 0
    try:
        async with aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > MOST_BYTES:
                    return None
                parts.append(chunk)
    finally:
        await response.aclose()
    return b"".join(parts)


def _refused(request: httpx2.Request, response: httpx2.Response, content: bytes) -> httpx2.Response:
    """A reply with an error status: the server's own JSON-RPC error, with a note of the status."""
    code, message = _error_in(content)
    if code == _NO_VERSION:  # the library reads from it which revisions there are
        return httpx2.Response(
            response.status_code,
            headers={"content-type": "application/json"},
            content=content,
            request=request,
        )
    status = response.status_code
    why = SESSION_GONE if status == 404 and "mcp-session-id" in request.headers else ""
    note = Note(status, why, retry_after=_wait(response.headers.get("retry-after", "")))
    return _told(request, note, _SERVER_ERROR if code is None else code, message, status)


def _error_in(content: bytes) -> tuple[int | None, str]:
    try:
        body = cast("object", json.loads(content))
    except (ValueError, RecursionError):
        return None, ""
    found = cast("Data", body).get("error") if isinstance(body, dict) else None
    error = cast("Data", found) if isinstance(found, dict) else {}
    code, message = error.get("code"), error.get("message")
    return (code if isinstance(code, int) else None), (message if isinstance(message, str) else "")


def _told(
    request: httpx2.Request, note: Note, code: int = _SERVER_ERROR, message: str = "", status: int = 502
) -> httpx2.Response:
    """A reply that tells the library of an error in its own words."""
    error = {"code": code, "message": message or note.why or "no answer", "data": note.data()}
    return httpx2.Response(status, json={"jsonrpc": "2.0", "id": None, "error": error}, request=request)


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _wait(text: str) -> float | None:
    plain = text.strip()
    return min(float(plain), _LONGEST_PAUSE) if plain.isascii() and plain.isdigit() else None


def _why(error: httpx2.TransportError) -> str:
    """The kind of failure; its text may hold the address, and with it a key."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__

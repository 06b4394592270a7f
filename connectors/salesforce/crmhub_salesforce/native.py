"""simple-salesforce on the connection's own HTTP client.

The library brings a ``requests`` session of its own, without timeouts, retries or one owner of the
token. Here its session gets an adapter that hands each request to our client instead, so that tokens,
limits, retries and redaction hold for it too. The library always says ``https://HOST``; where calls
really go (the org's instance, or a simulator on plain http) is our client's business, and a request for
any other host is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Literal, cast
from urllib.parse import parse_qs, unquote, urlsplit

import anyio.from_thread
import requests
from requests.adapters import BaseAdapter
from simple_salesforce.api import Salesforce

from crmhub.connector import Value
from crmhub.errors import BadRequest
from crmhub.http import HttpClient, Response, quote

__all__ = ["ask", "threaded"]

_HOST = "crmhub.my.salesforce.com"  # a name for our client; nothing is ever sent there
_NO_TOKEN = "held by crmhub"  # noqa: S105 - a placeholder: our client puts the real one in
_OURS = frozenset(
    {"accept", "accept-encoding", "authorization", "connection", "content-length", "host", "user-agent"}
)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    params: Mapping[str, list[str]]
    headers: Mapping[str, str]
    content: bytes | None


class _Wanted(Exception):
    """Stops simple-salesforce at the request that it would send."""

    def __init__(self, request: _Request) -> None:
        super().__init__(request.method)
        self.request = request


class _Adapter(BaseAdapter):
    """Sends by ``send_by`` what a ``requests`` session wants to send."""

    def __init__(self, send_by: Callable[[_Request], Response]) -> None:
        super().__init__()
        self._send_by = send_by

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002
        timeout: object = None,  # noqa: ARG002
        verify: object = True,  # noqa: ARG002
        cert: object = None,  # noqa: ARG002
        proxies: object = None,  # noqa: ARG002
    ) -> requests.Response:
        """The answer to a request; timeouts, certificates and proxies are our client's."""
        answer = self._send_by(_translated(request))
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.headers.pop("content-encoding", None)  # our client has unpacked it
        response.encoding = "utf-8"
        response.url = request.url or ""
        response.request = request
        response.raw = BytesIO(answer.content)
        return response

    def close(self) -> None:
        """Nothing to close: our client owns the connections."""


async def ask(http: HttpClient, version: str, question: Callable[[Salesforce], object]) -> Value:
    """The answer to a question that takes simple-salesforce one GET, without a thread.

    The library is asked twice: the first time it is stopped at its request, which is then sent by our
    client; the second time it finds the reply. So nothing blocks, and simulated time stays exact.
    """

    def stop(request: _Request) -> Response:
        raise _Wanted(request)

    try:
        question(_client(version, stop))
    except _Wanted as wanted:
        request = wanted.request
    else:
        raise BadRequest("simple-salesforce had nothing to ask")
    answer = await _send(http, request, "json")

    def reply(again: _Request) -> Response:
        if again != request:
            raise BadRequest("simple-salesforce asks for more than one thing")
        return answer

    return cast("Value", question(_client(version, reply)))


def threaded(http: HttpClient, version: str) -> Salesforce:
    """simple-salesforce for use in worker threads of ``anyio.to_thread.run_sync``.

    Its calls are made by our client in the event loop, so they must not be made in the loop's own
    thread. What goes wrong is raised as the errors of :mod:`crmhub.errors`.
    """

    def send(request: _Request) -> Response:
        return anyio.from_thread.run(_send, http, request, "any")

    return _client(version, send)


def _client(version: str, send_by: Callable[[_Request], Response]) -> Salesforce:
    session = requests.Session()
    session.trust_env = False
    adapter = _Adapter(send_by)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return Salesforce(
        session_id=_NO_TOKEN,
        instance_url=f"https://{_HOST}",
        session=session,
        version=version,
        object_pairs_hook=None,
        parse_float=Decimal,
    )


def _translated(request: requests.PreparedRequest) -> _Request:
    parts = urlsplit(request.url or "")
    if (parts.scheme, parts.netloc) != ("https", _HOST):
        raise BadRequest("refused to send the connection's credentials to another host")
    body = request.body
    if body is not None and not isinstance(body, str | bytes):
        raise BadRequest("a streamed body cannot be sent")
    return _Request(
        method=request.method or "GET",
        path="/".join(quote(unquote(part)) if part else "" for part in parts.path.split("/")),
        params=parse_qs(parts.query, keep_blank_values=True),
        headers={name: str(value) for name, value in request.headers.items() if name.lower() not in _OURS},
        content=body.encode() if isinstance(body, str) else body,
    )


async def _send(http: HttpClient, request: _Request, expect: Literal["json", "any"]) -> Response:
    path = request.path.rstrip("/") or "/"
    return await http.request(
        request.method,
        path,
        params=request.params,
        headers=request.headers,
        content=request.content,
        expect=expect,
    )

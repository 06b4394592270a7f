"""simple-salesforce on the connection's own HTTP client.

The library brings a ``requests`` session of its own, without timeouts, retries or one owner of the
token. Here its session gets an adapter that hands each request to our client instead, so that tokens,
limits, retries and redaction hold for it too. The library always says ``https://HOST``; where calls
really go (the org's instance, or a simulator on plain http) is our client's business, and a request for
any other host is refused.

The library joins record ids to URLs as browsers do, so that an id could name another resource; and it
repeats a refused request with a new session for ever. Here an id names one record (:class:`_Objects`), and
only our client renews sessions, once. Its metadata API has a client of its own and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Literal, NoReturn, cast
from urllib.parse import parse_qs, unquote, urlsplit

import anyio.from_thread
import requests
from requests.adapters import BaseAdapter
from simple_salesforce.api import Salesforce, SFType

from crmhub.connector import Value
from crmhub.errors import BadRequest, Unsupported
from crmhub.http import HttpClient, Response, quote
from crmhub_salesforce.soql import identifier

__all__ = ["ask", "threaded"]

_HOST = "crmhub.my.salesforce.com"  # a name for our client; nothing is ever sent there
_NO_TOKEN = "held by crmhub"  # noqa: S105 - a placeholder: our client puts the real one in
_CHANGES = re.compile(r"(?:deleted|updated)/\?[^#]*")
_BELOW = re.compile(
    r"(?:describe(?:/layouts/?[A-Za-z0-9]*)?/?"
    r"|[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?(?:/[A-Za-z]\w*)?"
    r"|[A-Za-z]\w*/[^/?#\\]+)?",
    re.ASCII,
)
"""Below an object: its describe; a record by its id, and perhaps a file of it; a record by an external id."""
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


class _Objects(SFType):
    """The records of one object: what is asked for stays below it, and is one record or a call about all."""

    def get_by_custom_id(
        self, custom_id_field: str, custom_id: str, headers: object = None, **kwargs: object
    ) -> object:
        """The record with that external id; the library's own method cannot say a blank."""
        below = f"{identifier(custom_id_field)}/{quote(custom_id, name='custom_id')}"
        return self.get(below, cast("dict[str, str] | None", headers), **kwargs)

    def _call_salesforce(self, method: str, url: str, *args: object, **kwargs: object) -> requests.Response:
        below = url.removeprefix(self.base_url)
        if below == url or not (_CHANGES.fullmatch(below) or _BELOW.fullmatch(below)):
            where = "another host" if not url.startswith(f"https://{_HOST}/") else "another resource"
            raise BadRequest(f"refused to let a record id lead to {where}", hint="give a plain record id")
        if "?" not in below:
            _segments(below)
        ask = cast("Callable[..., requests.Response]", super()._call_salesforce)
        return ask(method, url, *args, **kwargs)


class _Client(Salesforce):
    """The library's client, without the parts that have a client of their own."""

    def __getattr__(self, name: str) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        if name.startswith("__") or name in {"bulk", "bulk2"}:
            return super().__getattr__(name)
        return _Objects(
            identifier(name),
            self.session_id,
            self.sf_instance,
            sf_version=self.sf_version,
            session=self.session,
            salesforce=self,
            parse_float=Decimal,
            object_pairs_hook=dict,
        )

    @property
    def mdapi(self) -> NoReturn:
        """Refused: it would call another host, without a token."""
        raise Unsupported(
            "simple-salesforce's metadata API has a client of its own",
            hint="use request() with /services/data",
        )


class _Adapter(BaseAdapter):
    """Sends by ``send_by`` what a ``requests`` session wants to send."""

    def __init__(self, send_by: Callable[[_Request], Response]) -> None:
        super().__init__()
        self._send_by = send_by

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - this one and those below: the shape of an adapter
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
    return _Client(
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
        path=_segments(parts.path),
        params=parse_qs(parts.query, keep_blank_values=True),
        headers={name: str(value) for name, value in request.headers.items() if name.lower() not in _OURS},
        content=body.encode() if isinstance(body, str) else body,
    )


def _segments(path: str) -> str:
    """The path with each of its parts as one segment, and none that leads elsewhere."""
    return "/".join(quote(unquote(part)) if part else "" for part in path.split("/"))


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

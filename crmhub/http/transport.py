"""The only place that sends: httpx, its failures in our words, and doubles mounted in process."""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeAlias, cast

import anyio

from crmhub.errors import UsageError
from crmhub.http.addresses import Reach, Resolve
from crmhub.http.lean import httpx
from crmhub.http.lost import Lost
from crmhub.http.quiet import quiet
from crmhub.http.shown import scrub
from crmhub.http.streams import Body, Sink

__all__ = ["Received", "Transport", "asgi_transport"]


_CONNECT_TIMEOUT = 10.0
_KEEP_ALIVE = 15.0
_SLOWEST = 65_536  # bytes a second of a file that is streamed
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_SENDABLE = re.compile(r"([!-~]([\t -~]*[!-~])?)?")  # RFC 9110, section 5.5
_DECODERS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


@cache
def _trusted() -> ssl.SSLContext:
    """Whom TLS trusts, read once a process: reading it takes longer than a call, and is the same for all."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class Received:
    """A reply as it came. ``problem`` says why its body cannot be had; ``passing``, that it may pass.

    ``taken`` is how many bytes of it went into a sink, which leaves ``content`` empty.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    problem: str = ""
    passing: bool = True
    taken: int | None = None


class Transport:
    """One lazily opened ``httpx.AsyncClient``: keep-alive, gzip, no redirects, no cookies.

    Certificates are always verified; proxies and extra certificate authorities are taken from the
    usual environment variables (``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE``), ``.netrc`` is not.
    Beyond its ``reach`` no connection is opened (by a proxy: the proxy's own affair).
    """

    def __init__(
        self,
        *,
        headers: Mapping[str, str],
        timeout: float,
        concurrency: int,
        max_body: int,
        mounted: httpx.AsyncBaseTransport | None = None,
        reach: Reach = "any",
        resolve: Resolve | None = None,
    ) -> None:
        self._headers = {"accept-encoding": "gzip", **headers}
        self._timeout = timeout
        self._concurrency = concurrency
        self._max_body = max_body
        self._mounted = mounted
        self._reach: Reach = reach
        self._resolve = resolve
        self._client: httpx.AsyncClient | None = None
        self._closed = False

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | Body | None,
        into: Sink | None = None,
    ) -> Received:
        """The reply with its body decoded; that of a success goes ``into`` the sink. Raises :class:`Lost`.

        ``timeout`` holds for the whole exchange, so that a body that trickles in cannot hang a sync; a file
        that is streamed has so much longer as a slow line takes for what has passed of it.
        """
        client = self._opened()
        if (name := _unsendable({**self._headers, **headers})) is not None:
            why = (
                f"the header {name} would hold a line break, a space at an end or another sign that none can"
            )
            raise Lost(f"{why}: look at the setting that it is made of", sent=False, hopeless=True)
        try:
            with quiet(), anyio.move_on_after(self._timeout) as patience:
                return await self._exchange(client, method, url, headers, content, into, patience)
        except Lost as refused:
            lost = refused.with_traceback(None)
        except httpx.HTTPError as error:
            lost = _lost(error)
        except (httpx.InvalidURL, UnicodeEncodeError):
            lost = Lost("the URL is not valid", sent=False, hopeless=True)
        else:
            lost = Lost(f"no complete answer within {self._timeout:g} s", sent=True)
        # Raised out here, since httpx's exceptions and frames hold the request with its credentials.
        raise lost

    async def aclose(self) -> None:
        """Close all connections; nothing can be sent afterwards."""
        self._closed = True
        client, self._client = self._client, None
        if client:
            await client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._closed:
            raise UsageError(
                "the connection was closed while it was at work",
                hint="let its calls end before the hub is closed or the connection removed",
            )
        if self._client is None:
            self._client = httpx.AsyncClient(
                headers=self._headers,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                timeout=httpx.Timeout(self._timeout, connect=min(_CONNECT_TIMEOUT, self._timeout / 2)),
                limits=httpx.Limits(
                    max_connections=self._concurrency + 1,  # one for the token endpoint
                    max_keepalive_connections=self._concurrency,
                    keepalive_expiry=_KEEP_ALIVE,
                ),
                follow_redirects=False,
                transport=self._mounted,
                verify=_trusted(),
            )
            if self._mounted is None and self._reach != "any":
                from crmhub.http.guarded import guard

                guard(self._client, self._reach, self._resolve)
        return self._client

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | Body | None,
        into: Sink | None,
        patience: anyio.CancelScope,
    ) -> Received:
        if content is None or isinstance(content, bytes):
            request = client.build_request(method, url, headers=headers, content=content)
            return await self._replied(client, request, into, patience)
        headers = {**headers, "content-length": str(content.size)}
        async with content.open() as pieces:
            stream = _Pieces(pieces, patience)
            request = client.build_request(method, url, headers=headers, content=stream)
            request.stream = stream  # httpx has put a generator around it
            return await self._replied(client, request, into, patience)

    async def _replied(
        self,
        client: httpx.AsyncClient,
        request: httpx.Request,
        into: Sink | None,
        patience: anyio.CancelScope,
    ) -> Received:
        response = await client.send(request, stream=True)
        try:
            if into is not None and response.is_success and response.status_code != 204:
                return await _pour(response, into, patience)
            return await self._receive(response)
        finally:
            await response.aclose()

    async def _receive(self, response: httpx.Response) -> Received:
        """Never more than ``max_body`` bytes: httpx itself would unpack a bomb a chunk at a time."""
        status = response.status_code
        headers = cast("Mapping[str, str]", response.headers)
        if response.is_stream_consumed:  # a transport that is not the network may hand it over read
            return Received(status, headers, await response.aread())
        chunks: list[bytes] = []
        size = 0
        # Left by cancelling, since a break would leave httpx's nested generators open (trio warns).
        with anyio.CancelScope() as reading:
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > self._max_body:
                    chunks.clear()
                    reading.cancel()
                else:
                    chunks.append(chunk)
        if size > self._max_body:
            return Received(status, headers, b"", self._too_large, passing=False)
        raw = b"".join(chunks)
        coding = headers.get("content-encoding", "identity").strip().lower()
        if not raw or coding in {"identity", ""}:
            return Received(status, headers, raw)
        if coding not in _DECODERS:
            return Received(status, headers, b"", "a content encoding that was not asked for", passing=False)
        try:
            body = _inflate(raw, _DECODERS[coding], self._max_body)
        except (zlib.error, EOFError):
            return Received(status, headers, b"", "a compressed body that is broken or cut off")
        if body is None:
            return Received(status, headers, b"", self._too_large, passing=False)
        return Received(status, headers, body)

    @property
    def _too_large(self) -> str:
        return f"a body of more than {self._max_body} bytes"


async def _pour(response: httpx.Response, into: Sink, patience: anyio.CancelScope) -> Received:
    """A body of any size, passed on as it comes."""
    status = response.status_code
    headers = cast("Mapping[str, str]", response.headers)
    if headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        return Received(status, headers, b"", "a content encoding that was not asked for", passing=False)
    await into.begin()
    if response.is_stream_consumed:
        content = await response.aread()
        await into.write(content)
        return Received(status, headers, b"", taken=len(content))
    taken = 0
    failed: Exception | None = None
    # As above: httpx's generators are neither left nor thrown into; only they themselves are cancelled.
    with anyio.CancelScope() as reading:
        async for chunk in response.aiter_raw():
            if failed is not None:
                continue
            try:
                with anyio.CancelScope(shield=True):
                    await into.write(chunk)
                taken += len(chunk)
                patience.deadline += len(chunk) / _SLOWEST
            except Exception as error:  # noqa: BLE001 - raised below, whatever the sink's trouble is
                failed = error
                reading.cancel()
    if failed is not None:
        raise failed
    return Received(status, headers, b"", taken=taken)


def _inflate(raw: bytes, wbits: int, most: int) -> bytes | None:
    """``raw`` unpacked, or ``None`` when that is more than ``most`` bytes; members may follow each other."""
    parts: list[bytes] = []
    size = 0
    while raw:
        unpacker = zlib.decompressobj(wbits)
        part = unpacker.decompress(raw, most - size + 1)
        size += len(part)
        if size > most:
            return None
        if not unpacker.eof:
            raise EOFError
        parts.append(part)
        raw = unpacker.unused_data
    return b"".join(parts)


def _unsendable(headers: Mapping[str, str]) -> str | None:
    """The name of a header that cannot be sent. It is told here, since other libraries quote the value."""
    return next((name for name, value in headers.items() if not _SENDABLE.fullmatch(value)), None)


def _lost(error: httpx.HTTPError) -> Lost:
    certificate = _certificate_problem(error)
    if certificate:
        return Lost(certificate, sent=False, hopeless=True)
    detail = scrub(str(error))
    why = f"{type(error).__name__}: {detail}" if detail else type(error).__name__
    hopeless = isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError)
    return Lost(why, sent=not isinstance(error, _NEVER_SENT), hopeless=hopeless)


def _certificate_problem(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return ""


_Message: TypeAlias = MutableMapping[str, Any]  # pyright: ignore[reportExplicitAny] - ASGI's own type
_App: TypeAlias = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]
]


class _Pieces(httpx.AsyncByteStream):
    """A request body a piece at a time. No generator, for the reason told at ``_Whole``."""

    def __init__(self, pieces: AsyncIterator[bytes], patience: anyio.CancelScope) -> None:
        self._pieces = pieces
        self._patience = patience

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        self._patience.deadline += len(piece) / _SLOWEST
        return piece


class _Whole(httpx.AsyncByteStream):
    """A request body in one piece. No generator, which trio would miss when an app reads only half."""

    def __init__(self, content: bytes) -> None:
        self._rest = [content]

    def __aiter__(self) -> _Whole:
        return self

    async def __anext__(self) -> bytes:
        if not self._rest:
            raise StopAsyncIteration
        return self._rest.pop()


class _InProcess(httpx.ASGITransport):
    """An application called in process; the exceptions by which it cuts a connection cut it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.stream = _Whole(await request.aread())
        try:
            return await super().handle_async_request(request)
        except Exception as error:
            if not _cuts_connection(error):
                raise
        raise httpx.ReadError("the connection was cut", request=request)


def _cuts_connection(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(
            _cuts_connection(part) for part in cast("BaseExceptionGroup[BaseException]", error).exceptions
        )
    return bool(getattr(error, "cuts_connection", False))


def asgi_transport(app: _App) -> httpx.AsyncBaseTransport:
    """Calls ``app`` in process instead of the network, on asyncio and on trio.

    An exception out of the app whose ``cuts_connection`` is true becomes a cut connection; any other
    comes through as it is, since it is a mistake in the app.
    """
    return _InProcess(app)

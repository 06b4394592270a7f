"""The browser's way back: a listener on this machine that hears one answer to one sign-in.

Source: RFC 8252, 7.3 and 8.3 (loopback redirects), RFC 6749, 4.1.2 (what comes back).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import anyio
from anyio.abc import SocketStream
from anyio.streams.stapled import MultiListener

from crmhub import redact
from crmhub.clock import Clock
from crmhub.errors import AuthError, ConfigError, UsageError
from crmhub.sign_in import Attempt, SignIn

__all__ = ["sign_in_by_browser"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_HEAD = 16_384
_ONE_REQUEST = 10.0  # seconds for one browser to send its request
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_HEADERS = (
    "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\nConnection: close"
)


async def sign_in_by_browser(
    steps: SignIn,
    *,
    redirect_uri: str,
    scopes: tuple[str, ...],
    show: Callable[[str], None],
    clock: Clock,
    patience: float,
) -> None:
    """Show the URL at which the person agrees, wait until the browser comes back, exchange its code.

    ``redirect_uri`` is ``http`` on this machine with a port, exactly as the CRM knows it. What does not
    bear the attempt's state is turned away, and the first answer that does ends the listening. Raises
    :class:`~crmhub.errors.AuthError` when the person refuses or ``patience`` seconds pass,
    :class:`~crmhub.errors.ConfigError` when the port cannot be had.
    """
    attempt = Attempt.at(redirect_uri)
    async with _listening(redirect_uri) as listener:
        show(steps.authorize_url(attempt, scopes))
        told = await _answer_to(attempt, listener, clock, patience)
    if "code" not in told:
        said = told["error"] if _PLAIN.fullmatch(told["error"]) else "an error"
        raise AuthError(f"the sign-in ended without access: {said}", hint="run it again, and accept")
    redact.register(told["code"])
    await steps.exchange(told["code"], attempt, told)


@asynccontextmanager
async def _listening(redirect_uri: str) -> AsyncGenerator[MultiListener[SocketStream]]:
    parts = urlsplit(redirect_uri)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if parts.scheme != "http" or host not in _LOOPBACK or not port or parts.query or parts.fragment:
        raise UsageError(
            f"redirect URI {redirect_uri!r} does not lead to this machine",
            hint="for example http://localhost:8765/callback, as it stands in the CRM's settings",
        )
    try:
        listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or type(error).__name__}",
            hint="stop what listens there, or name another --redirect-uri, here and in the CRM",
        ) from None
    async with listener:
        yield listener


async def _answer_to(
    attempt: Attempt, listener: MultiListener[SocketStream], clock: Clock, patience: float
) -> Mapping[str, str]:
    """The first answer that bears the attempt's state."""
    heard = _Heard(attempt)
    async with anyio.create_task_group() as tasks:

        async def handle(stream: SocketStream) -> None:
            async with stream:
                await heard.reply(stream)
            if heard.answer is not None:
                tasks.cancel_scope.cancel()

        tasks.start_soon(listener.serve, handle)
        await clock.sleep(patience)
        tasks.cancel_scope.cancel()
    if heard.answer is None:
        raise AuthError(f"nobody signed in within {patience:g} s", hint="run it again when you are ready")
    return heard.answer


@dataclass
class _Heard:
    """What came to the listener; ``answer`` is the one that counts."""

    attempt: Attempt
    answer: Mapping[str, str] | None = field(default=None, repr=False)

    async def reply(self, stream: SocketStream) -> None:
        """Read one request and answer it."""
        status, text = HTTPStatus.BAD_REQUEST, "This is not a request that crmhub understands."
        try:
            with anyio.move_on_after(_ONE_REQUEST):
                status, text = self._judged(await _request_line(stream))
            body = f"<!doctype html><title>crmhub</title><p>{text}</p>"
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{_HEADERS}\r\nContent-Length: {len(body)}"
            await stream.send(f"{head}\r\n\r\n{body}".encode())
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
            return  # the browser went away; the answer, if it was one, is heard all the same

    def _judged(self, line: str) -> tuple[HTTPStatus, str]:
        method, _, rest = line.partition(" ")
        try:
            target = urlsplit(rest.partition(" ")[0])
        except ValueError:
            return HTTPStatus.BAD_REQUEST, "This is not a request that crmhub understands."
        if target.path != (urlsplit(self.attempt.redirect_uri).path or "/"):
            return HTTPStatus.NOT_FOUND, "There is nothing here."
        if method != "GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, "There is nothing here to send to."
        pairs = parse_qsl(target.query)
        told = dict(pairs)
        state = told.pop("state", "")
        if len(pairs) != len(dict(pairs)) or not hmac.compare_digest(
            state.encode(), self.attempt.state.encode()
        ):
            text = "This does not belong to the sign-in under way. Use the address that crmhub printed last."
            return HTTPStatus.BAD_REQUEST, text
        if ("code" in told) == ("error" in told):
            return HTTPStatus.BAD_REQUEST, "Neither a code nor an error came back."
        if self.answer is not None:
            return HTTPStatus.GONE, "This sign-in has been answered."
        self.answer = told
        return HTTPStatus.OK, "crmhub has heard. You can close this page; the terminal tells how it went."


async def _request_line(stream: SocketStream) -> str:
    """The first line of a request whose head has come whole, so that the browser reads the answer."""
    head = b""
    while b"\r\n\r\n" not in head:
        if len(head) > _LONGEST_HEAD:
            return ""
        head += await stream.receive()
    return head.partition(b"\r\n")[0].decode("ascii", "replace")

"""Connections that never end in a private network, whatever a name leads to.

A name that was looked up before a call may lead elsewhere a moment later (DNS rebinding). So it is looked up
here, once for each connection that is opened: every address is checked, and the connection goes to one of
these. TLS and the header ``Host`` still know the name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from socket import SOCK_STREAM
from typing import cast

import anyio
import httpcore

from crmhub.http.addresses import Reach, Resolve, may_reach
from crmhub.http.lean import httpx
from crmhub.http.lost import Lost

__all__ = ["guard"]

_HEAD_START = 0.25  # seconds that an address has before the next one is tried (RFC 8305, section 8)


def guard(client: httpx.AsyncClient, reach: Reach, resolve: Resolve | None) -> None:
    """Let the client's own connections lead to such addresses only; those by a proxy stay as they are.

    httpx (0.28) has no public way to this that leaves the environment's proxies to it, so its pool is
    reached for; where a later one has none, this raises ``AttributeError``.
    """
    transport = cast("httpx.AsyncHTTPTransport", client._transport)  # pyright: ignore[reportPrivateUsage]
    pool = transport._pool  # pyright: ignore[reportPrivateUsage]
    inner = cast("httpcore.AsyncNetworkBackend", pool._network_backend)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    pool._network_backend = _Guarded(inner, reach, resolve or _resolved)  # pyright: ignore[reportPrivateUsage]


class _Guarded(httpcore.AsyncNetworkBackend):
    """A network in which names are looked up and checked, and ``inner`` connects to addresses."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend, reach: Reach, resolve: Resolve) -> None:
        self._inner = inner
        self._reach: Reach = reach
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the host; raises :class:`Lost` where one of its addresses is not allowed."""

        async def connect(address: str) -> httpcore.AsyncNetworkStream:
            return await self._inner.connect_tcp(
                address, port, local_address=local_address, socket_options=socket_options
            )

        try:
            with anyio.fail_after(timeout):
                return await _first(await self._checked(host, port), connect)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._resolve(host, port)
        if not addresses:
            raise httpcore.ConnectError("the host has no address")
        if not all(may_reach(address, self._reach) for address in addresses):
            raise Lost(
                f"{host} leads to a private network or to this machine",
                sent=False,
                hopeless=True,
                hint="if the CRM is there, set private_hosts: true in the connection",
            )
        return addresses


async def _resolved(host: str, port: int) -> Sequence[str]:
    found = await anyio.getaddrinfo(host, port, type=SOCK_STREAM)
    return [*dict.fromkeys(address[0] for *_, address in found)]


async def _first(
    addresses: Sequence[str], connect: Callable[[str], Awaitable[httpcore.AsyncNetworkStream]]
) -> httpcore.AsyncNetworkStream:
    """The connection that stands first. The next address is tried when one fails, or takes its time."""
    streams: list[httpcore.AsyncNetworkStream] = []
    failures: list[Exception] = []

    async def attempt(address: str, failed: anyio.Event) -> None:
        try:
            streams.append(await connect(address))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            failures.append(error)
            failed.set()
        else:
            tasks.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as tasks:
            for address in addresses:
                failed = anyio.Event()
                tasks.start_soon(attempt, address, failed)
                with anyio.move_on_after(_HEAD_START):
                    await failed.wait()
    except BaseException:
        await _close(streams)
        raise
    await _close(streams[1:])
    if not streams:
        raise failures[-1]
    return streams[0]


async def _close(streams: Sequence[httpcore.AsyncNetworkStream]) -> None:
    with anyio.CancelScope(shield=True):
        for stream in streams:
            await stream.aclose()

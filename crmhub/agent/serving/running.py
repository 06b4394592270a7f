"""Serving a hub's tools until told to stop: over HTTP to whoever has a token, over stdio to one agent."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, cast

import uvicorn
from mcp.server.stdio import stdio_server

from crmhub.agent.assembling import Assembled
from crmhub.agent.identity import Agent
from crmhub.agent.policy.serving import Issuer
from crmhub.agent.serving.bearers import AnyBearer, Bearer, JwtBearer, StoredBearer, bearer_of_request
from crmhub.agent.serving.http import PATH, make_app
from crmhub.agent.serving.server import TextPart, make_server
from crmhub.errors import ConfigError
from crmhub.http import HttpClient, HttpSettings
from crmhub.http.paths import origin
from crmhub.native import Native

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from crmhub.hub import Hub

__all__ = ["DEFAULT_PORT", "HttpServing", "bound", "http_serving", "serve_stdio"]

DEFAULT_PORT: Final = 9001
_OWN: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LAST_WORDS: Final = 10
"""Seconds that calls under way have at the end."""
_WAITING: Final = 128
_KEYS_WITHIN: Final = 10.0
_MOST_KEYS: Final = 1_000_000


class HttpServing:
    """An application that is ready to be served: its socket takes connections already."""

    def __init__(self, app: Starlette, sock: socket.socket, url: str) -> None:
        self.url = url
        """Of ``/mcp``, as agents reach it."""
        self._sock = sock
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,
                log_level="warning",
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=_LAST_WORDS,
            )
        )

    async def serve(self) -> None:
        """Serve until SIGINT, SIGTERM or :meth:`stop`."""
        await self._server.serve(sockets=[self._sock])

    def stop(self) -> None:
        """End :meth:`serve`; calls under way are answered."""
        self._server.should_exit = True


@asynccontextmanager
async def http_serving(
    hub: Hub,
    assembled: Assembled,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    text: TextPart = "line",
    json_response: bool = False,
) -> AsyncGenerator[HttpServing]:
    """Take the address, and make what is served on it. Port 0 takes any free one.

    Raises :class:`ConfigError` for an address that cannot be had, and for one that others can reach while
    the agents file does not say by which names they do.
    """
    serving = assembled.agents.serving
    if host not in _OWN and not serving.hosts:
        raise ConfigError(
            f"{host} can be reached by others, and nothing says by which name they come",
            hint="name it in the agents file: serving: {hosts: [crm.example.com]}",
        )
    async with AsyncExitStack() as stack:
        sock = stack.enter_context(bound(host, port))
        shown = f"[{host}]" if ":" in host else host
        url = serving.url or f"http://{shown}:{sock.getsockname()[1]}{PATH}"
        issuer = serving.issuer
        scopes = [issuer.scope] if issuer and issuer.scope else []
        bearers: list[Bearer] = [StoredBearer((await hub.store()).agent_tokens, url, scopes)]
        if issuer is not None:
            fetch = _keys_of(hub, issuer, stack)
            bearers.append(JwtBearer(issuer, url, hub.clock, hub.events, fetch))
        gate, audit = assembled.gate, assembled.audit
        server = make_server(gate, audit, bearer_of_request, transport="http", text=text, desk=assembled.desk)
        app = make_app(server, AnyBearer(bearers), audit, serving, url, json_response=json_response)
        yield HttpServing(app, sock, url)


async def serve_stdio(assembled: Assembled, agent: str, *, text: TextPart = "line") -> None:
    """Serve one agent over standard input and output, until the input ends.

    Raises :class:`ConfigError` for an agent that the agents file does not name.
    """
    if assembled.agents.policy_of(agent) is None:
        known = ", ".join(assembled.agents.agents) or "nobody"
        raise ConfigError(f"no agent {agent!r}", hint=f"the agents file names {known}")
    me = Agent(agent)
    server = make_server(
        assembled.gate, assembled.audit, lambda: me, transport="stdio", text=text, desk=assembled.desk
    )
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises :class:`ConfigError` for an address that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its protocol asyncio knows that it is TCP, and lets small replies leave at once.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_WAITING)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another --port"
        ) from None
    return sock


def _keys_of(hub: Hub, issuer: Issuer, stack: AsyncExitStack) -> Callable[[], Awaitable[Native]]:
    """How the issuer's keys are fetched, by a client that lives as long as the stack."""
    scheme, host, port = origin(issuer.keys)
    client = HttpClient(
        HttpSettings(f"{scheme}://{host}:{port}", retries=1, timeout=_KEYS_WITHIN, max_body=_MOST_KEYS),
        connection="the issuer of agents' tokens",
        clock=hub.clock,
        events=hub.events,
        random=hub.random,
    )
    stack.push_async_callback(client.aclose)

    async def fetch() -> Native:
        return cast("Native", (await client.request("GET", issuer.keys)).json())

    return fetch

"""A session with an MCP server, kept and used again. The one file that uses the MCP library.

Source: the package mcp, 2.3: it negotiates the revision (2026-07-28, else a handshake), has its own HTTP
client (httpx2), and its session belongs to the task that opened it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent
from pydantic import ValidationError

from crmhub import redact
from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, ConnectorError, Unavailable
from crmhub.mcp.apart import run_apart
from crmhub.mcp.failures import SESSION_GONE, UNKNOWN_TOOL, meaning
from crmhub.mcp.quiet import quiet
from crmhub.mcp.said import Said, approval, lost
from crmhub.mcp.settings import ServerSettings
from crmhub.mcp.wire import MOST_BYTES, Wire

__all__ = ["Session"]

_CONNECT = 10.0  # seconds
_FAREWELL = 5.0  # seconds to say goodbye
_MOST_PAGES = 100  # of a list of tools; a server that never ends must not hang a call


@dataclass(eq=False)
class _Opened:
    """One session from its opening to its end, owned by a task of its own."""

    ready: anyio.Event = field(default_factory=anyio.Event)
    closing: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    client: Client | None = None
    calls: int = 0
    """Under way; a session that is given up is left only after the last of them."""
    dropped: bool = False
    tools: dict[str, Mapping[str, Value]] = field(default_factory=dict[str, Mapping[str, Value]])
    error: ConnectorError | None = None


class Session:
    """Opens on first use, and again after it was lost. Calls may be made from any task."""

    def __init__(self, settings: ServerSettings, connection: str) -> None:
        self._settings = settings
        self._connection = connection
        self._turn = anyio.Lock()
        self._opened: _Opened | None = None
        for secret in (settings.url, settings.token, *settings.env.values()):
            if secret is not None:
                redact.register(secret.get_secret_value())
        if settings.url is not None:
            for value in httpx2.URL(settings.url.get_secret_value()).params.values():
                redact.register(value)

    async def tools(self) -> Mapping[str, Mapping[str, Value]]:
        """The schemas of the arguments of all tools that the server lists, by name."""
        return (await self._open()).tools

    async def call(self, tool: str, arguments: Native, *, changes: bool) -> Said:
        """What the tool says. Raises the errors of :mod:`crmhub.errors`.

        A session that the server has forgotten is opened anew, and the call sent again: it was not taken.
        """
        for last in (False, True):
            opened = await self._open()
            opened.calls += 1
            try:
                return await self._call(opened, tool, arguments, changes=changes)
            except MCPError as error:
                kind = _meaning(error, tool, changes=changes)
                if self._settings.command is not None or kind.code in {UNKNOWN_TOOL, SESSION_GONE}:
                    self._drop(opened)
            finally:
                opened.calls -= 1
                if opened.dropped and opened.calls == 0:
                    opened.closing.set()
            if last or kind.code != SESSION_GONE:
                raise kind.at(connection=self._connection)
        raise AssertionError  # both rounds return or raise

    async def aclose(self) -> None:
        """Say goodbye; the next call opens a new session."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        opened.closing.set()
        with anyio.move_on_after(_FAREWELL):
            await opened.ended.wait()
        opened.scope.cancel()

    async def _call(self, opened: _Opened, tool: str, arguments: Native, *, changes: bool) -> Said:
        client = cast("Client", opened.client)
        result: object = None
        with quiet(), anyio.move_on_after(self._settings.timeout) as limit:
            try:
                result = await client.session.call_tool(tool, arguments, allow_input_required=True)
            except (ValidationError, RuntimeError) as error:
                # not what was agreed on: the tool's own schema, or the protocol
                problem = f"the tool {tool} was answered with a malformed result ({type(error).__name__})"
                raise (lost(problem, changes=True) if changes else BadResponse(problem)).at(
                    connection=self._connection
                ) from None
        if limit.cancelled_caught:
            what = f"no complete answer of the tool {tool} within {self._settings.timeout:g} s"
            raise lost(what, changes=changes).at(connection=self._connection)
        if not isinstance(result, CallToolResult):  # the server asks a person something
            raise approval(tool).at(connection=self._connection)
        text = next((one.text for one in result.content if isinstance(one, TextContent)), "")
        return Said(tool, result.is_error, cast("object", result.structured_content), text)

    # ── the session itself ───────────────────────────────────────────────────────────────────────

    async def _open(self) -> _Opened:
        async with self._turn:
            if self._opened is None or self._opened.ended.is_set():
                opened = _Opened()
                try:
                    await self._begin(opened)
                except BaseException:
                    opened.scope.cancel()
                    raise
                self._opened = opened
            return self._opened

    async def _begin(self, opened: _Opened) -> None:
        run_apart(lambda: self._own(opened), f"mcp-{self._connection}")
        with anyio.move_on_after(self._settings.timeout):
            await opened.ready.wait()
        if opened.error is not None:
            raise opened.error.at(connection=self._connection)
        if opened.client is None:
            what = f"the MCP server did not open a session within {self._settings.timeout:g} s"
            raise Unavailable(what).at(connection=self._connection)

    def _drop(self, opened: _Opened) -> None:
        opened.dropped = True
        if self._opened is opened:
            self._opened = None

    async def _own(self, opened: _Opened) -> None:
        """Enter the session, keep it until it is to end or fails, leave it: all in this one task."""
        try:
            with opened.scope, quiet():
                async with self._client() as client:
                    opened.tools = await _listed(client)
                    opened.client = client
                    opened.ready.set()
                    await opened.closing.wait()
        except Exception as error:  # noqa: BLE001 - told to whoever waits for the session
            opened.error = _opening_error(error)
        finally:
            opened.ended.set()
            opened.ready.set()

    def _client(self) -> AbstractAsyncContextManager[Client]:
        if self._settings.url is None:
            return _by_command(self._settings)
        return _by_http(self._settings, self._settings.url.get_secret_value())


@asynccontextmanager
async def _by_http(settings: ServerSettings, url: str) -> AsyncGenerator[Client]:
    token = settings.token
    headers = {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
    limits = httpx2.Timeout(settings.timeout, connect=_CONNECT)
    async with Wire(headers=headers, timeout=limits) as http:
        transport = streamable_http_client(url, http_client=http, max_sse_event_size=MOST_BYTES)
        async with Client(transport, cache=None) as client:
            yield client


@asynccontextmanager
async def _by_command(settings: ServerSettings) -> AsyncGenerator[Client]:
    command, *arguments = settings.command or ("",)
    env = {name: value.get_secret_value() for name, value in settings.env.items()}
    bridge = StdioServerParameters(command=command, args=arguments, env=env)
    # A bridge prints its address, and with it the key. Opening the null device waits for nothing.
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230
        async with Client(stdio_client(bridge, nowhere), cache=None) as client:
            yield client


async def _listed(client: Client) -> dict[str, Mapping[str, Value]]:
    """All pages of the list of tools."""
    tools: dict[str, Mapping[str, Value]] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools |= {tool.name: tool.input_schema for tool in page.tools}
        cursor = page.next_cursor
        if cursor is None:
            return tools
    raise BadResponse(f"the MCP server's list of tools has more than {_MOST_PAGES} pages")


def _meaning(error: MCPError, tool: str | None, *, changes: bool) -> ConnectorError:
    return meaning(error.code, error.message, cast("object", error.data), tool=tool, changes=changes)


def _opening_error(error: BaseException) -> ConnectorError:
    """Why there is no session; of several reasons the first."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, MCPError):
        return _meaning(error, None, changes=False)
    if isinstance(error, FileNotFoundError):
        return Unavailable(
            "the command of the MCP server is not there", hint="install it, or mend the settings"
        )
    return Unavailable(f"the MCP server could not be reached: {type(error).__name__}")

"""An MCP endpoint over a double: JSON-RPC over Streamable HTTP, on top of the double's own API and state.

Source: Model Context Protocol, "Streamable HTTP" of 2025-06-18 (a handshake, then a session id) and of
2026-07-28 (no session; every request says its version). The credential is a token of its own as `Bearer`, as
`?key=` or in the path (`/mcp/<token>/message`), as remote servers of vendors take it.
"""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar, cast

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from crmhub.document import suggest
from crmhub.testing.simulator.app import PATTERN_KEY
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import dump_json, json_response, load_json
from crmhub.testing.simulator.mcp_switches import Switches

PATH: Final = "/mcp"
_PATHS: Final = re.compile(r"/mcp(?:/message|/(?P<token>[^/]+)/message)?")
HANDSHAKE: Final = ("2025-03-26", "2025-06-18", "2025-11-25")
MODERN: Final = "2026-07-28"
_META: Final = "io.modelcontextprotocol/"
_SESSION: Final = "mcp-session-id"
_BEARER: Final = "bearer "
_PARSE, _INVALID, _NO_METHOD, _PARAMS = -32700, -32600, -32601, -32602
_HEADER_MISMATCH, _NO_CAPABILITY, _NO_VERSION = -32020, -32021, -32022

Message = dict[str, object]
Schema = dict[str, object]

_Call = TypeVar("_Call")
_Call_co = TypeVar("_Call_co", covariant=True)


class WrongArguments(Exception):
    """The arguments do not fit the tool's schema."""


class Tool(Protocol[_Call_co]):
    """A tool: what its arguments stand for is a call of the double's own kind."""

    @property
    def description(self) -> str:
        """What the tool does."""
        ...

    @property
    def schema(self) -> Schema:
        """The JSON Schema of the arguments."""
        ...

    @property
    def changes(self) -> bool:
        """Whether the tool writes."""
        ...

    def call(self, arguments: Mapping[str, object]) -> _Call_co:
        """What to ask of the API; raises WrongArguments."""
        ...


def is_endpoint(path: str) -> bool:
    """Whether it is one of the endpoint's addresses, with or without a token in it."""
    return _PATHS.fullmatch(path) is not None


class RpcError(Exception):
    """A JSON-RPC error and the HTTP status it comes with."""

    def __init__(self, code: int, message: str, data: object = None, status: int = 200) -> None:
        super().__init__(message)
        self.status = status
        self.body: Message = {"code": code, "message": message}
        if data is not None:
            self.body["data"] = data


@dataclass
class Session:
    """What a client that shook hands has: a version, and whether it said that it is ready."""

    version: str
    ready: bool = False
    ended: anyio.Event = field(default_factory=anyio.Event)


class McpServer(Generic[_Call]):
    """The endpoint. `token` is its credential; `sessions` are those of handshake clients by id.

    `tools_of` gives the tools by the word of `mcp_names`; `ask` makes a call with the rights of the server's
    own connection, and says it as a tool's result. Raises SimulatorError where the switches take away a tool
    that there is not.
    """

    def __init__(
        self,
        title: str,
        token: str,
        switches: Switches,
        tools_of: Callable[[str], Mapping[str, Tool[_Call]]],
        ask: Callable[[_Call], Awaitable[Message]],
    ) -> None:
        self.token = token
        self.switches = switches
        self.sessions: dict[str, Session] = {}
        self._title = title
        self._tools_of = tools_of
        self._ask = ask
        known = tools_of(switches.names)
        for name in sorted(switches.missing - known.keys()):
            raise SimulatorError(f"mcp_missing: no tool {name!r}; {suggest(name, known)}")

    @property
    def tools(self) -> Mapping[str, Tool[_Call]]:
        """The tools that are shown now, in a fixed order."""
        known = self._tools_of(self.switches.names)
        return {name: tool for name, tool in known.items() if name not in self.switches.missing}

    async def answer(self, request: Request) -> Response:
        """Answer one HTTP call to the endpoint."""
        request.scope[PATTERN_KEY] = PATH
        if not self._is_allowed(request):
            challenge = f'Bearer error="invalid_token", resource_metadata="{_metadata_url(request)}"'
            return json_response({"error": "invalid_token"}, 401, {"WWW-Authenticate": challenge})
        match request.method:
            case "POST":
                return await self._post(request)
            case "GET" if self.switches.era != "modern":
                return self._stream(request)
            case "DELETE" if self.switches.era != "modern":
                return self._end(request)
            case _:
                return Response(status_code=405, headers={"Allow": "POST"})

    def _is_allowed(self, request: Request) -> bool:
        header = request.headers.get("authorization", "")
        given = header[len(_BEARER) :] if header.lower().startswith(_BEARER) else None
        if given is None:
            place = _PATHS.fullmatch(request.url.path.rstrip("/"))
            given = (place and place["token"]) or request.query_params.get("key", "")
        return secrets.compare_digest(given.encode(), self.token.encode())

    # ── sessions ─────────────────────────────────────────────────────────────────────────────────

    def _session(self, request: Request) -> Session:
        name = request.headers.get(_SESSION)
        if not name:
            raise RpcError(_INVALID, "Bad Request: Missing session ID", status=400)
        session = self.sessions.get(name)
        if session is None:
            raise RpcError(_INVALID, "Session not found", status=404)
        return session

    def _stream(self, request: Request) -> Response:
        """The stream for what the server has to say by itself; it says nothing, and ends with the session."""
        try:
            session = self._session(request)
        except RpcError as error:
            return _error_reply(None, error)

        async def silence() -> AsyncIterator[bytes]:
            yield b": open\n\n"
            await session.ended.wait()

        response = StreamingResponse(silence(), media_type="text/event-stream")
        response.body = b""  # for fault rules that look at it
        return response

    def _end(self, request: Request) -> Response:
        try:
            self._session(request).ended.set()
        except RpcError as error:
            return _error_reply(None, error)
        del self.sessions[request.headers[_SESSION]]
        return Response(status_code=204)

    def end_all(self) -> None:
        """Forget all sessions, as a server that was restarted does."""
        for session in self.sessions.values():
            session.ended.set()
        self.sessions.clear()

    # ── messages ─────────────────────────────────────────────────────────────────────────────────

    async def _post(self, request: Request) -> Response:
        number: object = None
        try:
            message = _message(await request.body())
            number = message.get("id")
            _check_accept(request)
            method = str(message["method"])
            request.scope[PATTERN_KEY] = f"{PATH} {_shown(method, message)}"
            params = _params(message)
            if "id" not in message:
                return self._notified(request, method)
            if self._is_modern(request, params):
                result = await self._modern(request, method, params)
                return self._reply(number, {"resultType": "complete", **result})
            if method == "initialize":
                return self._initialized(number, params)
            _check_session(request, self._session(request))
            return self._reply(number, await self._result(method, params))
        except RpcError as error:
            return _error_reply(number, error)

    def _is_modern(self, request: Request, params: Message) -> bool:
        if self.switches.era == "handshake":
            return False
        meta = params.get("_meta")
        named = isinstance(meta, dict) and f"{_META}protocolVersion" in meta
        modern = named or request.headers.get("mcp-protocol-version") == MODERN
        if self.switches.era == "modern" and not modern:
            data = {"supported": [MODERN], "requested": str(params.get("protocolVersion", ""))}
            raise RpcError(_NO_VERSION, "Unsupported protocol version", data, 400)
        return modern

    async def _modern(self, request: Request, method: str, params: Message) -> Message:
        meta = params.get("_meta")
        envelope = cast("Message", meta) if isinstance(meta, dict) else {}
        version = envelope.get(f"{_META}protocolVersion")
        if request.headers.get("mcp-protocol-version") != version:
            raise RpcError(_HEADER_MISMATCH, "MCP-Protocol-Version differs from the body", status=400)
        if version != MODERN:
            data = {"supported": [MODERN], "requested": version}
            raise RpcError(_NO_VERSION, "Unsupported protocol version", data, 400)
        if f"{_META}clientCapabilities" not in envelope:
            raise RpcError(_PARAMS, "_meta lacks clientCapabilities", status=400)
        if request.headers.get("mcp-method") != method:
            raise RpcError(_HEADER_MISMATCH, "Mcp-Method differs from the body", status=400)
        if method == "tools/call" and request.headers.get("mcp-name") != params.get("name"):
            raise RpcError(_HEADER_MISMATCH, "Mcp-Name differs from the body", status=400)
        if method == "server/discover":
            return {"supportedVersions": [MODERN], "capabilities": {"tools": {}}, **_UNCACHED}
        result = await self._result(method, params)
        return {**result, **_UNCACHED} if method == "tools/list" else result

    def _initialized(self, number: object, params: Message) -> Response:
        asked = params.get("protocolVersion")
        if not isinstance(asked, str) or not isinstance(params.get("clientInfo"), dict):
            raise RpcError(_PARAMS, "initialize needs protocolVersion and clientInfo", status=400)
        session = Session(asked if asked in HANDSHAKE else HANDSHAKE[1])
        name = secrets.token_hex(16)
        self.sessions[name] = session
        result: Message = {
            "protocolVersion": session.version,
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": f"{self._title} (simulated)", "version": "1"},
        }
        response = self._reply(number, result)
        response.headers[_SESSION] = name
        return response

    def _notified(self, request: Request, method: str) -> Response:
        if self.switches.era != "modern" and method == "notifications/initialized":
            self._session(request).ready = True
        return Response(status_code=202)

    async def _result(self, method: str, params: Message) -> Message:
        match method:
            case "ping":
                return {}
            case "tools/list":
                return self._page(params.get("cursor"))
            case "tools/call":
                return await self._called(params)
            case _:
                raise RpcError(_NO_METHOD, f"Method not found: {method}")

    def _page(self, cursor: object) -> Message:
        tools = list(self.tools.items())
        start = 0
        if cursor is not None:
            text = str(cursor).removeprefix("page-")
            if text == str(cursor) or not text.isdigit() or int(text) >= len(tools):
                raise RpcError(_PARAMS, "Invalid cursor")
            start = int(text)
        end = start + self.switches.page
        shown = [
            {
                "name": name,
                "description": tool.description,
                "inputSchema": tool.schema,
                "annotations": {"readOnlyHint": not tool.changes},
            }
            for name, tool in tools[start:end]
        ]
        return {"tools": shown} if end >= len(tools) else {"tools": shown, "nextCursor": f"page-{end}"}

    async def _called(self, params: Message) -> Message:
        tool = self.tools.get(str(params.get("name")))
        if tool is None:
            raise RpcError(_PARAMS, f"Unknown tool: {params.get('name')}")
        arguments = params.get("arguments")
        try:
            call = tool.call(cast("Message", arguments) if isinstance(arguments, dict) else {})
        except WrongArguments as wrong:
            return said(f"Invalid arguments: {wrong}", failed=True)
        if self.switches.approval == "all" or (self.switches.approval == "writes" and tool.changes):
            return said("MCP tool call requires approval", failed=True)
        return await self._ask(call)

    def _reply(self, number: object, result: Message) -> Response:
        message = {"jsonrpc": "2.0", "id": number, "result": result}
        if self.switches.reply == "json":
            return json_response(message)
        return Response(
            b"event: message\ndata: " + dump_json(message) + b"\n\n", 200, None, "text/event-stream"
        )


def said(text: str, *, failed: bool, structured: object = None) -> Message:
    """A tool's result: its text, if any, and its structured content, if any."""
    result: Message = {"content": [{"type": "text", "text": text}] if text else [], "isError": failed}
    return result if structured is None else {**result, "structuredContent": structured}


_UNCACHED: Message = {"ttlMs": 0, "cacheScope": "private"}


def _message(body: bytes) -> Message:
    try:
        value = load_json(body)
    except msgspec.DecodeError:
        raise RpcError(_PARSE, "Parse error", status=400) from None
    if not isinstance(value, dict):
        raise RpcError(_INVALID, "Invalid Request: one message a call", status=400)
    message = cast("Message", value)
    if message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        raise RpcError(_INVALID, "Invalid Request", status=400)
    return message


def _params(message: Message) -> Message:
    params = message.get("params")
    return cast("Message", params) if isinstance(params, dict) else {}


def _check_accept(request: Request) -> None:
    accepted = request.headers.get("accept", "")
    if "application/json" not in accepted or "text/event-stream" not in accepted:
        raise RpcError(_INVALID, "Not Acceptable: accept application/json and text/event-stream", status=406)


def _check_session(request: Request, session: Session) -> None:
    if not session.ready:
        raise RpcError(_INVALID, "notifications/initialized was not received", status=400)
    version = request.headers.get("mcp-protocol-version")
    if version is not None and version != session.version:
        raise RpcError(_INVALID, f"Bad Request: the session speaks {session.version}", status=400)


def _shown(method: str, message: Message) -> str:
    """A message as statistics name it: a call with its tool."""
    name = _params(message).get("name")
    return f"{method} {name}" if method == "tools/call" else method


def _error_reply(number: object, error: RpcError) -> Response:
    return json_response({"jsonrpc": "2.0", "id": number, "error": error.body}, error.status)


def _metadata_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/.well-known/oauth-protected-resource{PATH}"

"""How the MCP endpoint reaches the API: as a client with a Zoho connection of its own.

So its calls cost credits, count towards concurrency and are refused as anybody's are.
"""

import random
from typing import Final, Protocol
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.oauth import opaque
from crmhub.testing.simulator.options import Options
from crmhub_zoho.simulator.mcp import McpServer
from crmhub_zoho.simulator.mcp_switches import Switches
from crmhub_zoho.simulator.mcp_tools import ToolCall
from crmhub_zoho.simulator.oauth import LIFE, Accounts

_ROOT: Final = "/crm/v8"
_GRANT: Final = "mcp"


class Api(Protocol):
    """What is needed of the double."""

    options: Options

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        ...


def make_server(api: Api, accounts: Accounts, scopes: frozenset[str], switches: Switches) -> McpServer:
    """The MCP endpoint over `api`, with a token that a seed makes."""
    source = random.Random(f"zoho-mcp-{api.options.seed}")
    token, connection = opaque(source, 40), f"1000.{opaque(source, 64)}"

    async def ask(call: ToolCall) -> Response:
        if accounts.live(connection) is None:
            accounts.book.issue(connection, _GRANT, scopes, LIFE)
        return await api.answer(_request(call, connection))

    return McpServer(token, switches, ask)


def _request(call: ToolCall, token: str) -> Request:
    path = f"{_ROOT}{call.path}"
    headers = {**call.headers, "Authorization": f"Zoho-oauthtoken {token}"}
    body = b"" if call.body is None else dump_json(call.body)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "server": ("mcp", 80),
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": urlencode(call.params).encode(),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ],
    }
    return Request(scope, receive)

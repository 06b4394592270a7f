"""How the MCP endpoint reaches the API: as a client with a Zoho connection of its own.

So its calls cost credits, count towards concurrency and are refused as anybody's are.
"""

import random
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.inner import inner_request
from crmhub.testing.simulator.mcp import McpServer, Message
from crmhub.testing.simulator.mcp_switches import Switches
from crmhub.testing.simulator.oauth import opaque
from crmhub.testing.simulator.options import Options
from crmhub_zoho.simulator.mcp_results import told
from crmhub_zoho.simulator.mcp_tools import ToolCall, tools_of
from crmhub_zoho.simulator.oauth import LIFE, Accounts

_ROOT: Final = "/crm/v8"
_GRANT: Final = "mcp"


class Api(Protocol):
    """What is needed of the double."""

    options: Options

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        ...


def make_server(
    api: Api, accounts: Accounts, scopes: frozenset[str], switches: Switches
) -> McpServer[ToolCall]:
    """The MCP endpoint over `api`, with a token that a seed makes."""
    source = random.Random(f"zoho-mcp-{api.options.seed}")
    token, connection = opaque(source, 40), f"1000.{opaque(source, 64)}"

    async def ask(call: ToolCall) -> Message:
        if accounts.live(connection) is None:
            accounts.book.issue(connection, _GRANT, scopes, LIFE)
        headers = {**call.headers, "Authorization": f"Zoho-oauthtoken {connection}"}
        request = inner_request(call.method, f"{_ROOT}{call.path}", call.params, headers, call.body)
        return told(await api.answer(request), switches.result)

    return McpServer("Zoho CRM", token, switches, tools_of, ask)

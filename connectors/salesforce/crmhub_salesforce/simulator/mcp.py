"""The MCP endpoint: tools over the same org, asked by a session of the server's own.

So its calls count towards the day's calls and are refused as anybody's are.
"""

import random
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.inner import inner_request
from crmhub.testing.simulator.jsons import load_json
from crmhub.testing.simulator.mcp import McpServer, Message
from crmhub.testing.simulator.mcp_switches import Switches
from crmhub.testing.simulator.oauth import opaque
from crmhub_salesforce.simulator.mcp_results import told
from crmhub_salesforce.simulator.mcp_tools import ToolCall, tools_of
from crmhub_salesforce.simulator.sessions import Sessions

_ROOT = "/services/data/v62.0"


class Api(Protocol):
    """What is needed of the double."""

    sessions: Sessions

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        ...


def make_server(api: Api, seed: int, switches: Switches) -> McpServer[ToolCall]:
    """The MCP endpoint over `api`, with a token that a seed makes."""
    sessions: list[str] = []

    async def ask(call: ToolCall) -> Message:
        if not sessions or not api.sessions.live(sessions[-1]):
            sessions.append(api.sessions.open())
        headers = {"Authorization": f"Bearer {sessions[-1]}"}
        reply = await api.answer(inner_request("GET", f"{_ROOT}{call.path}", call.params, headers))
        body = bytes(reply.body)
        if "json" in reply.headers.get("content-type", ""):
            answer = load_json(body)
        else:  # a gateway's own words
            answer = [{"errorCode": f"HTTP {reply.status_code}", "message": body.decode("utf-8", "replace")}]
        return told(call, answer, switches.result, api.sessions.username)

    token = opaque(random.Random(f"salesforce-mcp-{seed}"), 40)
    return McpServer("Salesforce", token, switches, tools_of, ask)

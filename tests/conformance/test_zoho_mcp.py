"""The conformance checks again, with an MCP server making the calls that its tools can make."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import ClassVar

import pytest
from starlette.types import Receive, Scope, Send

from crmhub.testing.conformance.suite import Conformance
from crmhub.testing.simulator.serve import running
from crmhub_zoho.conformance import ZohoOrg, ZohoTarget

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mcp") is None, reason="the MCP library is not installed"),
    # The library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


class McpTarget(ZohoTarget):
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[ZohoOrg]:
        async with super().open() as org:
            _count_calls(org)
            with running(org.played) as state:
                mcp = {"url": f"{state.url}/mcp", "token": org.played.mcp.token}
                org.settings = {**org.settings, "tiers": {"context": "agent", "sdk": False, "mcp": mcp}}
                yield org
                await org.aclose()


def _count_calls(org: ZohoOrg) -> None:
    """Have the calls to the MCP server counted, which come by a socket, as all others are."""
    answer = org.played.app

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/mcp":
            await org.called(f"{scope['method']} /mcp")
        await answer(scope, receive, send)

    org.played.app = counted


class TestZohoByMcp(Conformance):
    target = McpTarget()
    skips: ClassVar[Mapping[int, str]] = {
        6: "the MCP server has a token of its own, so that the API's is not renewed for its calls",
        8: "the MCP server has a grant of its own, by which calls go on",
    }

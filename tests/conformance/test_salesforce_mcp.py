"""The conformance checks again, with an MCP server making the calls that its tools can make."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import ClassVar

import pytest
from starlette.types import Receive, Scope, Send

from crmhub.testing.conformance.catalog import all_checks
from crmhub.testing.conformance.check import ConformanceCheck
from crmhub.testing.conformance.suite import Conformance
from crmhub.testing.simulator.serve import running
from crmhub_salesforce.conformance import SalesforceOrg, SalesforceTarget

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mcp") is None, reason="the MCP library is not installed"),
    # The library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


class McpTarget(SalesforceTarget):
    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SalesforceOrg]:
        async with super().open() as org:
            _count_calls(org)
            with running(org.played) as state:
                mcp = {"url": state.credentials["mcp_url"], "token": state.credentials["mcp_token"]}
                org.settings = {**org.settings, "tiers": {"context": "agent", "mcp": mcp}}
                yield org
                await org.aclose()


def _count_calls(org: SalesforceOrg) -> None:
    """Have the calls to the MCP server counted, which come by a socket, as all others are."""
    answer = org.played.app

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/mcp":
            await org.called(f"{scope['method']} /mcp")
        await answer(scope, receive, send)

    org.played.app = counted


class TestSalesforceByMcp(Conformance):
    target = McpTarget()
    skips: ClassVar[Mapping[int, str]] = {
        6: "the MCP server has a token of its own, so that the API's is not renewed for its calls",
        7: "the MCP server has a token of its own, so that the API's is not rotated for its calls",
        8: "the MCP server has a grant of its own, by which calls go on",
    }

    @pytest.mark.parametrize("backend", ["asyncio", pytest.param("trio", marks=pytest.mark.full)])
    @pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.id)
    def test_check(self, check: ConformanceCheck, backend: str) -> None:
        """As inherited; on trio in the full run only, for its time."""
        super().test_check(check, backend)

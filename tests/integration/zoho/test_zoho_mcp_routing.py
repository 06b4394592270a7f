"""An agent's calls go by the MCP server where there is one, and only safely by another way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from crmhub.connector import Missing, WriteItem, WriteRequest
from crmhub.errors import ApprovalRequired, RateLimited
from crmhub.routing import routed
from crmhub.testing.simulator.serve import running
from crmhub_zoho import Connector
from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho.conftest import Org, World

pytest.importorskip("mcp", reason="the MCP library comes with crmhub-zoho[mcp]")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

NAME = "Account_Name"


@asynccontextmanager
async def agents(org: Org, **changed: object) -> AsyncGenerator[Connector]:
    """A connection whose MCP server is the organisation's own, with those settings changed."""
    assert isinstance(org.double, ZohoDouble)
    with running(org.double) as state:
        mcp = {"url": f"{state.url}/mcp", "token": org.double.mcp.token, **changed}
        connector = org.connect(tiers={"context": "agent", "sdk": False, "mcp": mcp})
        try:
            yield connector
        finally:
            await connector.aclose()


def served(org: Org) -> list[tuple[object, object]]:
    told = (event.detail for event in org.heard if event.name == "tier.served")
    return [(detail["operation"], detail["tier"]) for detail in told]


async def test_an_agents_record_comes_by_mcp_and_is_the_one_that_rest_gives(make_org: World) -> None:
    org = make_org(rows=3)
    (one, *_) = org.truth("Accounts")
    async with agents(org) as connector:
        (by_mcp,) = await connector.get("Accounts", [one], [NAME])
        with routed(tier="rest"):
            (by_rest,) = await connector.get("Accounts", [one], [NAME])
        (made,) = await connector.write(WriteRequest("Accounts", "create", [WriteItem({NAME: "New"})]))
    assert by_mcp == by_rest
    assert not isinstance(by_mcp, Missing)
    assert made.id in org.truth("Accounts")
    assert served(org) == [("get", "mcp"), ("get", "rest"), ("create", "mcp")]


async def test_an_update_on_condition_and_a_query_go_by_rest(make_org: World) -> None:
    org = make_org(rows=1)
    ((one, (version, *_)),) = org.truth("Accounts").items()
    async with agents(org) as connector:
        item = WriteItem({"Employees": 5}, id=one, if_version=str(version))
        (outcome,) = await connector.write(WriteRequest("Accounts", "update", [item]))
        await org.pages(connector, "Accounts", NAME)
    assert outcome.status == "updated"
    assert served(org) == [("update", "rest"), ("read", "rest")]


async def test_where_the_servers_own_token_is_refused_rest_answers(make_org: World) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    async with agents(org, token="wrong") as connector:
        (row,) = await connector.get("Accounts", [one], [NAME])
    assert not isinstance(row, Missing)
    assert served(org) == [("get", "rest")]


async def test_a_server_that_is_gone_is_left_alone_after_a_while(make_org: World) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    async with agents(org, url="http://127.0.0.1:9/mcp") as connector:
        for _ in range(6):
            await connector.get("Accounts", [one], [NAME])
        assert [figures.state for figures in connector.tiers.figures()] == ["open", "absent", "closed"]
    assert served(org) == [("get", "rest")] * 6


async def test_what_a_person_has_to_approve_is_done_by_nobody_else(make_org: World) -> None:
    org = make_org(settings={"mcp_approval": "writes"})
    async with agents(org) as connector:
        with pytest.raises(ApprovalRequired):
            await connector.write(WriteRequest("Accounts", "create", [WriteItem({NAME: "New"})]))
        (mcp, *_) = connector.tiers.figures()
    assert (mcp.tier, mcp.calls, mcp.failures) == ("mcp", 1, 0)
    assert not org.truth("Accounts")
    assert org.calls("POST /crm/v8/Accounts") == []


async def test_a_create_whose_reply_was_lost_is_unknown_and_made_by_no_other_tier(make_org: World) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        org.double.faults.replace(["lost@/mcp:1x"])
        (outcome,) = await connector.write(WriteRequest("Accounts", "create", [WriteItem({NAME: "Once"})]))
    assert outcome.status == "unknown"
    assert len(org.truth("Accounts")) == 2
    assert org.calls("POST /crm/v8/Accounts") == []


async def test_a_tool_that_the_server_lacks_is_passed_over_and_blames_no_tier(make_org: World) -> None:
    org = make_org(settings={"mcp_missing": "ZohoCRM_createRecords"})
    async with agents(org) as connector:
        (outcome,) = await connector.write(WriteRequest("Accounts", "create", [WriteItem({NAME: "New"})]))
        (mcp, *_) = connector.tiers.figures()
    assert (outcome.status, mcp.state, mcp.failures) == ("created", "closed", 0)
    assert served(org) == [("create", "rest")]


async def test_single_records_go_by_the_tools_for_one_and_searches_by_theirs(make_org: World) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        await connector.write(WriteRequest("Accounts", "update", [WriteItem({NAME: "Renamed"}, id=one)]))
        found = [page async for page in connector.search("Accounts", "Renamed", [NAME], 5)]
    assert [row[NAME] for page in found for row in page.upserts] == ["Renamed"]
    for tool in ("getRecord", "updateRecord", "searchRecords"):
        assert org.double.stats.calls[f"POST /mcp tools/call ZohoCRM_{tool}"] == 1


async def test_a_tool_call_that_came_too_fast_is_waited_for_and_made_again_by_no_other_tier(
    make_org: World,
) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        began = org.clock.monotonic()
        org.double.faults.replace(["429+7@/mcp:1x"])
        await connector.get("Accounts", [one], [NAME])
    assert org.clock.monotonic() - began >= 7
    assert served(org) == [("get", "mcp")] * 2


async def test_credits_that_are_used_up_are_told_by_a_tools_result_too(make_org: World) -> None:
    org = make_org(rows=1)
    assert isinstance(org.double, ZohoDouble)
    (one,) = org.truth("Accounts")
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        before = len(org.calls())
        org.double.limits.credits_a_day = org.double.limits.used
        with pytest.raises(RateLimited, match="TOO_MANY_REQUESTS"):
            await connector.get("Accounts", [one], [NAME])
        mcp, *_ = connector.tiers.figures()
    assert len(org.calls()) == before
    assert (mcp.state, mcp.failures) == ("closed", 0)

"""An agent's calls go by the MCP server where there is one, and only safely by another way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import anyio
import pytest

from crmhub.connector import Missing, Native, WriteItem, WriteRequest
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
async def agents(org: Org, sync_key: str | None = None, **changed: object) -> AsyncGenerator[Connector]:
    """A connection whose MCP server is the organisation's own, with those settings of it changed."""
    assert isinstance(org.double, ZohoDouble)
    with running(org.double) as state:
        mcp = {"url": f"{state.url}/mcp", "token": org.double.mcp.token, **changed}
        connector = org.connect(sync_key=sync_key, tiers={"context": "agent", "sdk": False, "mcp": mcp})
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


# ── writes whose answer was lost ─────────────────────────────────────────────────────────────────


async def test_an_update_whose_answer_was_lost_is_read_back_and_not_made_again(make_org: World) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    fields: Native = {NAME: "Renamed", "Employees": 12, "Annual_Revenue": Decimal("10.50"), "Phone": None}
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        org.double.faults.replace(["lost@/mcp:1x"])
        (outcome,) = await connector.write(WriteRequest("Accounts", "update", [WriteItem(fields, id=one)]))
    ((version, name),) = org.truth("Accounts", NAME).values()
    assert (outcome.status, outcome.id, name) == ("updated", one, "Renamed")
    assert outcome.version is not None
    assert datetime.fromisoformat(outcome.version) == datetime.fromisoformat(str(version))
    assert org.calls("PUT /crm/v8/Accounts") == []
    assert served(org) == [("get", "mcp"), ("update", "rest")]


async def test_an_update_that_never_arrived_is_made_by_rest(make_org: World) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        org.double.faults.replace(["cut@/mcp:1x"])
        item = WriteItem({NAME: "Renamed"}, id=one)
        (outcome,) = await connector.write(WriteRequest("Accounts", "update", [item]))
    ((_, name),) = org.truth("Accounts", NAME).values()
    assert (outcome.status, name) == ("updated", "Renamed")
    assert len(org.calls("PUT /crm/v8/Accounts")) == 1


async def test_of_two_updates_of_one_record_neither_is_made_again(make_org: World) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    items = [WriteItem({NAME: name}, id=one) for name in ("First", "Second")]
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        org.double.faults.replace(["lost@/mcp:1x"])
        outcomes = await connector.write(WriteRequest("Accounts", "update", items))
    ((_, name),) = org.truth("Accounts", NAME).values()
    assert ([outcome.status for outcome in outcomes], name) == (["unknown", "updated"], "Second")


@pytest.mark.parametrize("fault", ["lost", "cut"])
async def test_an_upsert_or_delete_whose_answer_was_lost_is_made_by_rest(make_org: World, fault: str) -> None:
    org = make_org(rows=1)
    (one,) = org.truth("Accounts")
    async with agents(org) as connector:
        await connector.get("Accounts", [one], [NAME])
        org.double.faults.replace([f"{fault}@/mcp:1x"])
        upsert = WriteRequest("Accounts", "upsert", [WriteItem({"Phone": "1"}, key="Made once")], match=NAME)
        (upserted,) = await connector.write(upsert)
        org.double.faults.replace([f"{fault}@/mcp:1x"])
        (deleted,) = await connector.write(WriteRequest("Accounts", "delete", [WriteItem(id=one)]))
    assert (upserted.ok, deleted.status) == (True, "deleted")
    assert list(org.truth("Accounts", NAME)) == [upserted.id]


@pytest.mark.parametrize("fault", ["lost", "cut"])
async def test_a_create_that_fills_the_sync_key_is_made_once_whatever_becomes_of_its_answer(
    make_org: World, fault: str, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text("Accounts: [{name: Sync_Key, type: text, length: 60, unique: true}]")
    org = make_org(schema=schema)
    async with agents(org, sync_key="Sync_Key") as connector:
        await connector.get("Accounts", ["554023110000099999"], [NAME])
        org.double.faults.replace([f"{fault}@/mcp:1x"])
        items = [WriteItem({NAME: f"Account {n}", "Sync_Key": f"key-{n}"}) for n in range(3)]
        outcomes = await connector.write(WriteRequest("Accounts", "create", items))
    assert [outcome.status for outcome in outcomes] == ["created"] * 3
    assert {str(outcome.id) for outcome in outcomes} == set(org.truth("Accounts"))


async def test_a_create_is_not_repeated_by_a_sync_key_that_zoho_does_not_keep_unique(
    make_org: World, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text("Accounts: [{name: Sync_Key, type: text, length: 60}]")
    org = make_org(schema=schema)
    async with agents(org, sync_key="Sync_Key") as connector:
        await connector.get("Accounts", ["554023110000099999"], [NAME])
        org.double.faults.replace(["lost@/mcp:1x"])
        item = WriteItem({NAME: "Account 1", "Sync_Key": "key-1"})
        (outcome,) = await connector.write(WriteRequest("Accounts", "create", [item]))
    assert outcome.status == "unknown"
    assert len(org.truth("Accounts")) == 1


# ── activities and notes ─────────────────────────────────────────────────────────────────────────


async def related(connector: Connector, deal: str, name: str) -> list[Native]:
    pages = connector.extras.relations.records("Deals", deal, name, ["Subject", "Due_Date"])
    return [row async for page in pages for row in page]


@pytest.mark.parametrize("names", ["official", "plain"])
async def test_an_agents_activities_are_made_and_read_by_tools(make_org: World, names: str) -> None:
    org = make_org(rows={"Deals": 1}, settings={"mcp_names": names})
    (deal,) = org.truth("Deals")
    about: Native = {"What_Id": {"id": deal}, "$se_module": "Deals"}
    task: Native = {"Subject": "Ring back", "Due_Date": "2026-03-01", **about}
    note: Native = {"Note_Content": "On site", "Parent_Id": {"module": {"api_name": "Deals"}, "id": deal}}
    async with agents(org) as connector:
        (made,) = await connector.write(WriteRequest("Tasks", "create", [WriteItem(task)]))
        (noted,) = await connector.write(WriteRequest("Notes", "create", [WriteItem(note)]))
        by_mcp = await related(connector, deal, "Tasks")
        with routed(tier="rest"):
            by_rest = await related(connector, deal, "Tasks")
        found = await connector.get("Notes", [str(noted.id)], ["Note_Content", "Parent_Id"])
    assert (made.status, noted.status) == ("created", "created")
    assert by_mcp == by_rest == [{"id": made.id, "Subject": "Ring back", "Due_Date": "2026-03-01"}]
    assert next(row for row in found if not isinstance(row, Missing))["Note_Content"] == "On site"
    get_by = "mcp" if names == "official" else "rest"  # no plain tool gets a note
    by_tools = [("create", "mcp"), ("create", "mcp"), ("related", "mcp")]
    assert served(org) == [*by_tools, ("related", "rest"), ("get", get_by)]


async def test_a_long_related_list_comes_in_pages_of_one_tier(make_org: World) -> None:
    org = make_org(rows={"Deals": 1})
    (deal,) = org.truth("Deals")
    tasks = [{"Subject": f"Task {n}", "What_Id": {"id": deal}, "$se_module": "Deals"} for n in range(230)]
    async with agents(org) as connector:
        await connector.write(
            WriteRequest("Tasks", "create", [WriteItem(cast("Native", one)) for one in tasks])
        )
        org.heard.clear()
        assert len(await related(connector, deal, "Tasks")) == 230
    assert served(org) == [("related", "mcp")]
    assert org.double.stats.calls["POST /mcp tools/call ZohoCRM_getRelatedRecords"] == 2


async def test_where_the_server_has_no_tool_for_related_lists_rest_reads_them(make_org: World) -> None:
    org = make_org(rows={"Deals": 1}, settings={"mcp_missing": "ZohoCRM_getRelatedRecords"})
    (deal,) = org.truth("Deals")
    async with agents(org) as connector:
        assert await related(connector, deal, "Tasks") == []
    assert served(org) == [("related", "rest")]


@pytest.mark.parametrize("era", ["handshake", "modern"])
async def test_all_calls_of_a_connection_go_by_one_session(make_org: World, era: str) -> None:
    org = make_org(rows=5, settings={"mcp_era": era})
    async with agents(org) as connector:
        async with anyio.create_task_group() as tasks:
            for one in org.truth("Accounts"):
                tasks.start_soon(connector.get, "Accounts", [one], [NAME])
        await connector.write(WriteRequest("Accounts", "create", [WriteItem({NAME: "New"})]))
    calls = org.double.stats.calls
    assert sum(count for name, count in calls.items() if "tools/call" in name) == 6
    opened = "initialize" if era == "handshake" else "server/discover"
    assert calls[f"POST /mcp {opened}"] == 1

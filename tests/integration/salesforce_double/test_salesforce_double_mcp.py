"""The Salesforce double's MCP endpoint, asked by the official client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_salesforce.simulator import SalesforceDouble

mcp = pytest.importorskip("mcp", reason="the official client comes with crmhub-salesforce[mcp]")
httpx2 = pytest.importorskip("httpx2")

from mcp import Client, MCPError  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402
from mcp.types import CallToolResult, TextContent  # noqa: E402

pytestmark = [
    pytest.mark.anyio,
    # The library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]
SOQL = "SELECT Id, Name, AnnualRevenue, Owner.Email FROM Account ORDER BY Id"
ORG = {"usernameOrAlias": "me", "directory": "/tmp"}


@asynccontextmanager
async def asked(rows: int = 3, **settings: str) -> AsyncGenerator[tuple[SalesforceDouble, Client]]:
    double = SalesforceDouble(Options(rows=rows, seed=5, settings=settings))
    with running(double) as state:
        assert state.credentials["mcp_url"] == f"{state.url}/mcp"
        headers = {"Authorization": f"Bearer {state.credentials['mcp_token']}"}
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(state.credentials["mcp_url"], http_client=http)
            async with Client(transport, cache=None) as client:
                yield double, client


def text_of(result: CallToolResult) -> str:
    return next((one.text for one in result.content if isinstance(one, TextContent)), "")


def rows_of(value: object) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", cast("dict[str, object]", value)["records"])


async def names(client: Client) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        found += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("shape", ["both", "text", "structured", "wrapped", "data"])
@pytest.mark.parametrize("era", ["handshake", "modern"])
async def test_the_pack_gives_the_orgs_records_in_each_shape_and_era(shape: str, era: str) -> None:
    async with asked(mcp_result=shape, mcp_era=era, mcp_reply="sse") as (double, client):
        result = await client.call_tool("salesforce_soql_query", {"soql_query": SOQL, "limit": 2})
        truth = sorted(double.truth("Account"), key=lambda row: str(row["Id"]))
    text, structured = text_of(result), result.structured_content
    assert (text == "", structured is None) == (shape == "structured", shape == "text")
    for value in (json.loads(text) if text else None, structured):
        if value is not None:
            told = value["result"] if shape == "wrapped" else value["data"] if shape == "data" else value
            assert (told["success"], told["totalSize"]) == (True, 3)
            assert [row["Name"] for row in rows_of(told)] == [row["Name"] for row in truth][:2]
            assert rows_of(told)[0]["attributes"] == {
                "type": "Account", "url": f"/services/data/v62.0/sobjects/Account/{truth[0]['Id']}"
            }  # fmt: skip


async def test_the_packs_tools_filter_search_and_name_the_org() -> None:
    async with asked(12) as (double, client):
        assert await names(client) == [
            f"salesforce_{name}"
            for name in (
                "get_accounts", "get_opportunities", "get_contacts", "search_records", "soql_query",
                "list_orgs",
            )
        ]  # fmt: skip
        usual = (await client.call_tool("salesforce_get_accounts", {})).structured_content
        assert len(rows_of(usual)) == 5
        deal = next(row for row in double.truth("Opportunity") if row["AccountId"])
        account = next(row for row in double.truth("Account") if row["Id"] == deal["AccountId"])
        given = {"account_name": str(account["Name"]).lower(), "stage": deal["StageName"], "limit": 50}
        deals = rows_of((await client.call_tool("salesforce_get_opportunities", given)).structured_content)
        assert deal["Id"] in {row["Id"] for row in deals}
        assert {row["StageName"] for row in deals} == {deal["StageName"]}
        nobody = {"account_name": "100%_'\\"}
        assert rows_of((await client.call_tool("salesforce_get_contacts", nobody)).structured_content) == []
        found = rows_of(
            (
                await client.call_tool("salesforce_search_records", {"search_term": str(account["Name"])})
            ).structured_content
        )
        assert account["Id"] in {row["Id"] for row in found}
        (org,) = rows_of((await client.call_tool("salesforce_list_orgs", {})).structured_content)
        assert org["Id"] == double.org.id


async def test_what_the_api_refuses_is_told_with_its_code_and_calls_are_counted() -> None:
    async with asked(mcp_names="plain", daily_api_requests="3") as (double, client):
        for _ in range(2):
            wrong = await client.call_tool("run_soql_query", {"soql_query": "SELECT Nope FROM Account"})
            told = cast("dict[str, object]", wrong.structured_content)
            assert (told["success"], str(told["error"])[:14]) == (False, "INVALID_FIELD:")
        assert double.used == 2
        double.expire_tokens()
        right = await client.call_tool("run_soql_query", {"soql_query": SOQL})
        assert len(rows_of(right.structured_content)) == 3
        spent = await client.call_tool("run_soql_query", {"soql_query": SOQL})
        assert "REQUEST_LIMIT_EXCEEDED" in text_of(spent)


async def test_arguments_that_do_not_fit_and_unknown_tools_are_refused() -> None:
    async with asked() as (double, client):
        for arguments in ({}, {"soql_query": 5}, {"soql_query": SOQL, "limit": 0}, {"q": SOQL}):
            result = await client.call_tool("salesforce_soql_query", arguments)
            assert result.is_error
            assert text_of(result).startswith("Invalid arguments: ")
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("run_soql_query", {})
        assert double.used == 0


async def test_salesforces_own_server_answers_by_a_sentence_and_json() -> None:
    async with asked(mcp_names="dx") as (double, client):
        assert await names(client) == ["get_username", "run_soql_query", "list_all_orgs"]
        result = await client.call_tool("run_soql_query", {"query": SOQL, **ORG})
        orgs = await client.call_tool("list_all_orgs", {"directory": ORG["directory"]})
        wrong = await client.call_tool("run_soql_query", {"query": "SELECT Id FROM Nope", **ORG})
    sentence, _, body = text_of(result).partition("\n\n")
    assert (sentence, result.structured_content) == ("SOQL query results:", None)
    told = json.loads(body)
    assert (told["totalSize"], told["done"], len(told["records"])) == (3, True, 3)
    assert json.loads(text_of(orgs).partition("\n\n")[2])[0]["orgId"] == double.org.id
    assert wrong.is_error
    assert text_of(wrong).startswith("Failed to query org: ")


async def test_the_server_of_texts_writes_a_line_for_each_field() -> None:
    async with asked(mcp_names="records") as (double, client):
        given = {"objectName": "Account", "fields": ["Id", "Owner.Email"], "orderBy": "Id", "limit": 1}
        result = await client.call_tool("salesforce_query_records", given)
        first = min(double.truth("Account"), key=lambda row: str(row["Id"]))
        wanted = {
            "searchTerm": str(first["Name"]),
            "objects": [{"name": "Account", "fields": ["Id"]}, {"name": "Lead", "fields": ["Id"]}],
        }
        found = await client.call_tool("salesforce_search_all", wanted)
    lines = text_of(result).split("\n")
    assert lines[:3] == ["Query returned 1 records:", "", "Record 1:"]
    assert lines[3] == f"    Id: {first['Id']}"
    assert lines[4].startswith("    Owner.Email: ")
    assert f"  Record 1:\n    Id: {first['Id']}\n" in text_of(found)
    assert "\nLead (0 records found):\n" in text_of(found)


@pytest.mark.parametrize(
    "wrong", [{"mcp_names": "all"}, {"mcp_result": "xml"}, {"mcp_missing": "salesforce_get_account"}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SimulatorError, match=next(iter(wrong))):
        SalesforceDouble(Options(settings=wrong))

"""An MCP server in front of an org as a tier: the records that REST gives, or REST itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from crmhub.connector import Missing, Native, WriteItem, WriteRequest
from crmhub.errors import (
    ApprovalRequired,
    AuthError,
    BadRequest,
    QuotaExceeded,
    Unsupported,
)
from crmhub.mapping.compiled import compile_map
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub.routing import CallContext, routed
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import Org, World
    from tests.integration.salesforce.mcp_server import Shape

pytest.importorskip("mcp", reason="the MCP library comes with crmhub-salesforce[mcp]")

from tests.integration.salesforce.mcp_server import Says, served

pytestmark = [
    pytest.mark.anyio,
    # The library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


STAMP = "2026-01-01T00:00:00.000+0000"


def connected(org: Org, says: Says, **tiers: object) -> Connector:
    return org.connect(tiers={"mcp": {"url": says.url}, **tiers})


def first(org: Org, object: str, count: int) -> list[str]:
    return [str(row["Id"]) for row in org.double.truth(object)][:count]


async def found(connector: Connector, text: str, limit: int = 10) -> list[Native]:
    pages = connector.search("Account", text, ["Name", "AnnualRevenue"], limit)
    return [row async for page in pages for row in page.upserts]


async def rows_of(connector: Connector, soql: str) -> list[Native]:
    return [row async for page in connector.query(soql) for row in page.upserts]


@pytest.mark.parametrize(
    ("object", "shape"),
    [("Account", "structured"), ("Contact", "text"), ("Lead", "data"), ("Opportunity", "wrapped")],
)
async def test_a_record_through_mcp_has_the_canonical_values_that_rest_gives(
    make_org: World, shape: Shape, object: str
) -> None:
    org = make_org(rows=12)
    with served(org.double, shape=shape) as says:
        connector = connected(org, says)
        spec = next(
            one for one in load_mapping(shipped_mappings()["salesforce"]).maps if one.object == object
        )
        compiled = compile_map(spec, await connector.describe(object))
        ids, fields = first(org, object, 10), list(compiled.fields)
        with routed("agent") as route:
            by_mcp = await connector.get(object, ids, fields)
        by_rest = await connector.get(object, ids, fields)
        await connector.aclose()
    assert [(call.operation, call.tier) for call in route.served] == [("get", "mcp")]
    assert len(by_rest) == 10
    for one, other in zip(by_mcp, by_rest, strict=True):
        assert not isinstance(one, Missing)
        assert not isinstance(other, Missing)
        assert one == other
        assert compiled.read(one) == compiled.read(other)
    assert len(says.asked) == 1


@pytest.mark.parametrize("prefix", ["salesforce_", ""])
async def test_an_agent_is_served_the_newest_searches_and_queries_as_rest_would(
    make_org: World, prefix: str
) -> None:
    org = make_org(rows=12)
    with served(org.double, prefix=prefix) as says:
        connector = connected(org, says, context="agent")
        (row,) = await org.connect().get("Account", first(org, "Account", 1), ["Name"])
        assert not isinstance(row, Missing)
        word = str(row["Name"]).split()[0]
        soql = "SELECT Id, Name, Owner.Email FROM Account ORDER BY Id LIMIT 7"
        with routed("agent") as route:
            newest = await connector.newest("Account", ["Name"], 4)
            searched = await found(connector, word)
            queried = await rows_of(connector, soql)
        assert [(call.operation, call.tier) for call in route.served] == [
            ("list", "mcp"), ("search", "mcp"), ("query", "mcp"),
        ]  # fmt: skip
        with routed("fallback"):
            assert (await connector.newest("Account", ["Name"], 4)).value == newest.value
            assert await found(connector, word) == searched
            assert await rows_of(connector, soql) == queried
        assert len(searched) >= 1
        assert len(queried) == 7
        tools = await connector.mcp.operations()
        await connector.aclose()
    assert tools["get_accounts"] == f"{prefix}get_accounts"
    assert tools["list_orgs"] is None


async def test_writes_counts_and_reads_go_by_rest_whoever_asks(make_org: World) -> None:
    org = make_org(rows=3)
    with served(org.double) as says:
        connector = connected(org, says, context="agent")
        with routed("agent") as route:
            assert await connector.count("Account") == 3
            await connector.write(WriteRequest("Account", "create", [WriteItem({"Name": "New"})]))
            assert len(await org.pages(connector, "Account", "Name")) > 0
        with routed(tier="mcp"), pytest.raises(Unsupported, match="cannot create"):
            await connector.write(WriteRequest("Account", "create", [WriteItem({"Name": "No"})]))
        await connector.aclose()
    assert [(call.operation, call.tier) for call in route.served] == [
        ("count", "rest"), ("create", "rest"), ("read", "rest"),
    ]  # fmt: skip
    assert says.asked == []


@pytest.mark.parametrize(
    "instead",
    [
        {"success": True, "totalSize": 9, "records": []},
        {"success": False, "error": "something went wrong"},
        {"success": False, "error": "INVALID_SESSION_ID: Session expired or invalid"},
        "Here are your accounts: Acme",
        {"success": True},
    ],
)
async def test_what_is_not_the_whole_answer_is_read_by_rest(
    make_org: World, instead: dict[str, object] | str
) -> None:
    org = make_org(rows=3)
    with served(org.double) as says:
        says.instead = instead
        connector = connected(org, says, context="agent")
        with routed("agent") as route:
            assert len(await rows_of(connector, "SELECT Id FROM Account")) == 3
            assert len((await connector.newest("Account", ["Name"], 3)).value) == 3
        await connector.aclose()
    assert {call.tier for call in route.served} == {"rest"}


async def test_records_of_another_object_are_not_taken_from_a_server(make_org: World) -> None:
    org = make_org(rows=1)
    other = {"attributes": {"type": "Contact"}, "Id": "003Hs0000000001IAA", "SystemModstamp": STAMP}
    with served(org.double) as says:
        says.instead = {"success": True, "totalSize": 1, "records": [other]}
        connector = connected(org, says, context="agent")
        with routed("agent") as route:
            (found,) = (await connector.newest("Account", ["Name"], 1)).value
        await connector.aclose()
    assert str(found["Id"]).startswith("001")
    assert {call.tier for call in route.served} == {"rest"}


async def test_deleted_records_and_counts_are_told_as_rest_tells_them(make_org: World) -> None:
    org = make_org(rows=3)
    ids = first(org, "Account", 3)
    await org.remove(ids[:1])
    with served(org.double) as says:
        connector = connected(org, says, context="agent")
        with routed("agent") as route:
            (gone, there) = await connector.get("Account", ids[:2], ["Name"])
            assert await rows_of(connector, "SELECT COUNT() FROM Account") == []
        await connector.aclose()
    assert isinstance(gone, Missing)
    assert gone.life == "deleted"
    assert not isinstance(there, Missing)
    assert {call.tier for call in route.served} == {"rest"}


@pytest.mark.parametrize(
    ("instead", "kind"),
    [
        ({"success": False, "error": "MALFORMED_QUERY: unexpected token: 'mary@example.com'"}, BadRequest),
        ({"error": {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}}, QuotaExceeded),
        ({"success": False, "error": "this call requires approval"}, ApprovalRequired),
    ],
)
async def test_what_every_tier_would_be_answered_is_raised_without_values(
    make_org: World, instead: dict[str, object], kind: type[Exception]
) -> None:
    org = make_org(rows=1)
    with served(org.double) as says:
        says.instead = instead
        connector = connected(org, says, context="agent")
        with routed("agent"), pytest.raises(kind) as caught:
            await rows_of(connector, "SELECT Id FROM Account")
        await connector.aclose()
    assert "mary" not in str(caught.value)


async def test_a_server_that_keeps_failing_is_left_alone_and_costs_nothing(make_org: World) -> None:
    org = make_org(rows=1)
    with served(org.double) as says:
        connector = connected(org, says, context="agent")
    contexts: list[CallContext] = ["agent"] * 12
    for context in contexts:
        with routed(context) as route:
            assert len(await rows_of(connector, "SELECT Id FROM Account")) == 1
        assert route.served[-1].tier == "rest"
    await connector.aclose()
    assert {one.tier: one.state for one in connector.tiers.figures()} == {"mcp": "open", "rest": "closed"}
    fell = [event.detail for event in org.heard if event.name == "tier.fell_back"]
    assert fell


async def test_calls_of_tools_wait_for_the_limits_and_are_counted(make_org: World) -> None:
    org = make_org(rows=1)
    with served(org.double) as says:
        connector = connected(
            org,
            says,
            context="agent",
        )
        await connector.count("Account")
        before = (await connector.usage()).used
        await rows_of(connector, "SELECT Id FROM Account")
        after = (await connector.usage()).used
        await connector.aclose()
    assert after == before + 1


async def test_an_operation_is_asked_by_its_own_tool_with_arguments_that_are_checked(make_org: World) -> None:
    org = make_org(rows=9)
    with served(org.double) as says:
        connector = connected(org, says)
        tools = connector.mcp
        assert len(await tools.ask("get_accounts")) == 5
        named = await tools.ask("get_accounts", {"limit": 2, "account_name": "Acme"})
        assert says.asked[-1] == ("get_accounts", {"limit": 2, "account_name": "Acme"})
        assert [sorted(row) for row in named] == [["Id", "Name"]] * 2
        asked = len(says.asked)
        for wrong in ({"limit": 0}, {"limit": "5"}, {"stage": "Won"}, {"account_name": " "}):
            with pytest.raises(BadRequest):
                await tools.ask("get_accounts", wrong)
        with pytest.raises(BadRequest, match="needs soql_query"):
            await tools.ask("run_soql_query")
        with pytest.raises(Unsupported, match="no tool for list_orgs"):
            await tools.ask("list_orgs")
        assert len(says.asked) == asked
        await connector.aclose()


async def test_the_settings_name_another_tool_and_its_arguments(make_org: World) -> None:
    org = make_org(rows=2)
    with served(org.double, prefix="corp-") as says:
        choice = {"tool": "corp-soql_query", "arguments": {"soql_query": "soql_query"}}
        connector = org.connect(
            tiers={"mcp": {"url": says.url, "tools": {"run_soql_query": choice}}, "context": "agent"}
        )
        assert len(await rows_of(connector, "SELECT Id FROM Account")) == 2
        await connector.aclose()
    assert len(says.asked) == 1


async def test_a_tier_that_is_not_configured_is_absent_and_says_so(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect()
    await connector.try_tiers()
    assert {one.tier: one.state for one in connector.tiers.figures()} == {"mcp": "absent", "rest": "closed"}
    with routed(tier="mcp"), pytest.raises(Unsupported, match="not configured"):
        await connector.get("Account", first(org, "Account", 1), ["Name"])


# ── servers of several makes, by the double's own endpoint ───────────────────────────────────────

MINE = {"usernameOrAlias": "me@example.com", "directory": "/srv"}
TOLD: dict[str, dict[str, object]] = {
    "dx": {
        "run_soql_query": {"tool": "run_soql_query", "values": MINE},
        "list_orgs": {"tool": "list_all_orgs", "values": {"directory": "/srv"}},
    },
    "records": {
        "get_accounts": {
            "tool": "salesforce_query_records",
            "values": {"objectName": "Account", "fields": ["Id", "Name", "Phone", "Owner.Email"]},
        },
    },
}


@contextmanager
def beside(make_org: World, rows: int = 12, **settings: str) -> Generator[tuple[Org, Connector]]:
    """An org, and a connection that agents use by the double's MCP endpoint."""
    org = make_org(rows=rows, settings=settings)
    with running(org.double) as state:
        mcp = {"url": state.credentials["mcp_url"], "token": state.credentials["mcp_token"]}
        tools = TOLD.get(settings["mcp_names"], {})
        yield org, org.connect(tiers={"mcp": {**mcp, "tools": tools}, "context": "agent"})


def bytes_of(rows: Sequence[Native | Missing]) -> list[bytes]:
    return [b"" if isinstance(row, Missing) else dump_json(row) for row in rows]


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        *[("pack", shape) for shape in ("both", "text", "structured", "wrapped", "data", "bare")],
        ("plain", "both"),
        ("dx", "both"),
    ],
)
async def test_records_are_the_same_to_the_last_byte_by_servers_of_each_make(
    make_org: World, names: str, shape: str
) -> None:
    with beside(make_org, mcp_names=names, mcp_result=shape) as (org, connector):
        for kind in ("Account", "Contact", "Opportunity", "Lead", "Task", "Event"):
            ids = first(org, kind, 5)
            described = await connector.describe(kind)
            fields = [name for name in described.fields if name != "Id"]
            with routed("agent") as route:
                by_mcp = await connector.get(kind, ids, fields)
                newest = await connector.newest(kind, fields, 3)
            assert [call.tier for call in route.served] == ["mcp", "mcp"]
            with routed("fallback"):
                assert bytes_of(by_mcp) == bytes_of(await connector.get(kind, ids, fields))
                assert bytes_of(newest.value) == bytes_of((await connector.newest(kind, fields, 3)).value)
        await connector.aclose()


async def test_salesforces_own_server_is_told_the_org_and_names_those_that_it_knows(make_org: World) -> None:
    with beside(make_org, rows=2, mcp_names="dx") as (org, connector):
        (one,) = await connector.mcp.ask("list_orgs")
        assert one["orgId"] == org.double.org.id
        with routed("agent") as route, pytest.raises(BadRequest, match="INVALID_FIELD"):
            await rows_of(connector, "SELECT Nope FROM Account")
        assert not route.served
        assert len(await connector.mcp.ask("run_soql_query", {"soql_query": "SELECT Id FROM Account"})) == 2
        await connector.aclose()


async def test_lines_of_text_are_shown_as_they_are_and_read_by_rest(make_org: World) -> None:
    with beside(make_org, mcp_names="records") as (org, connector):
        rows = await connector.mcp.ask("get_accounts", {"limit": 3})
        truth = {row["Id"]: row for row in org.double.truth("Account")}
        assert len(rows) == 3
        for row in rows:
            told = truth[row["Id"]]
            assert (row["Name"], row["Phone"]) == (told["Name"], told["Phone"])
            assert "@" in str(row["Owner.Email"])
        with routed("agent") as route:
            assert len(await rows_of(connector, "SELECT Id FROM Account")) == 12
        assert [call.tier for call in route.served] == ["rest"]
        await connector.aclose()


# ── what agents ask by name ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("names", ["pack", "plain"])
async def test_what_agents_ask_by_name_is_the_same_by_the_tool_and_by_rest(
    make_org: World, names: str
) -> None:
    with beside(make_org, mcp_names=names) as (org, connector):
        deal = next(row for row in org.double.truth("Opportunity") if row["AccountId"])
        account = next(row for row in org.double.truth("Account") if row["Id"] == deal["AccountId"])
        part = str(account["Name"])[1:-1].upper()
        asked: list[tuple[str, Native]] = [
            ("get_accounts", {}),
            ("get_accounts", {"account_name": part, "limit": 50}),
            ("get_opportunities", {"account_name": part, "stage": str(deal["StageName"]), "limit": 3}),
            ("get_contacts", {"limit": 7}),
            ("get_contacts", {"account_name": "50%_o'Neil\\"}),
            ("search_records", {"search_term": str(account["Name"]), "limit": 10}),
            ("run_soql_query", {"soql_query": "SELECT Id, Name, Owner.Email FROM Lead ORDER BY Id"}),
            ("run_soql_query", {"soql_query": "SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry"}),
        ]
        for operation, arguments in asked:
            with routed("agent"):
                by_tool = await connector.ask(operation, arguments)
            with routed("fallback"):
                by_rest = await connector.ask(operation, arguments)
            assert (by_tool.tier, by_rest.tier) == ("mcp", "rest"), operation
            assert sorted(bytes_of(by_tool.value)) == sorted(bytes_of(by_rest.value)), operation
            found = len(by_rest.value)
            assert (found > 0) == ("50%" not in str(arguments.get("account_name", ""))), operation
        with routed("agent"):
            orgs = await connector.ask("list_orgs")
        with routed("fallback"):
            (one,) = (await connector.ask("list_orgs")).value
        assert (orgs.tier, orgs.value[0]["Id"], one["Id"]) == ("mcp", org.double.org.id, org.double.org.id)
        await connector.aclose()


async def test_what_a_server_has_no_tool_for_and_what_it_fails_at_is_asked_of_rest(make_org: World) -> None:
    missing = "salesforce_get_accounts,salesforce_list_orgs"
    with beside(make_org, mcp_names="pack", mcp_missing=missing) as (org, connector):
        with routed("agent") as route:
            assert len((await connector.ask("get_accounts")).value) == 5
            assert len((await connector.ask("list_orgs")).value) == 1
            org.double.faults.replace(["503@/mcp"])
            assert len((await connector.ask("get_contacts")).value) == 5
            org.double.faults.replace([])
            assert len((await connector.ask("get_contacts", {"limit": 60})).value) == 12
        assert [(call.operation, call.tier) for call in route.served] == [
            ("get_accounts", "rest"), ("list_orgs", "rest"), ("get_contacts", "rest"),
            ("get_contacts", "rest"),  # more than fifty are bulk
        ]  # fmt: skip
        wrongs: list[tuple[str, Native]] = [
            ("get_leads", {}),
            ("get_accounts", {"limit": 0}),
            ("get_accounts", {"stage": "Won"}),
            ("search_records", {}),
            ("search_records", {"search_term": "x"}),
            ("run_soql_query", {"soql_query": " "}),
        ]
        for operation, arguments in wrongs:
            with pytest.raises(BadRequest):
                await connector.ask(operation, arguments)
        await connector.aclose()


@pytest.mark.parametrize(
    "name",
    ["50%_o'Neil\\", "a\\%b", "a\\_b", '"quoted" \\\\ twice', "%", "_", "\\", "'; DELETE", "Ünï – 東京 🙂"],
)
async def test_a_name_is_looked_for_as_it_is_written(make_org: World, name: str) -> None:
    with beside(make_org, rows=6, mcp_names="pack") as (org, connector):
        await org.connect().write(
            WriteRequest("Account", "create", [WriteItem({"Name": f"x{name}y"}), WriteItem({"Name": "ab"})])
        )
        wanted = {str(row["Id"]) for row in org.double.truth("Account") if name in str(row["Name"])}
        for context in ("agent", "fallback"):
            with routed(context):
                found = await connector.ask("get_accounts", {"account_name": name, "limit": 20})
            assert {str(row["Id"]) for row in found.value} == wanted
        await connector.aclose()


@pytest.mark.parametrize("reply", ["json", "sse"])
async def test_one_session_serves_all_calls_and_a_lost_one_is_opened_again(
    make_org: World, reply: str
) -> None:
    with beside(make_org, mcp_names="pack", mcp_era="handshake", mcp_reply=reply) as (org, connector):
        ids = first(org, "Account", 8)

        async def get(id_: str) -> None:
            await connector.get("Account", [id_], ["Name"])

        with routed("agent") as route:
            for _ in range(2):
                async with anyio.create_task_group() as tasks:
                    for id_ in ids:
                        tasks.start_soon(get, id_)
                assert len(org.double.mcp.sessions) == 1
                org.double.mcp.end_all()
            await get(ids[0])
        assert [call.tier for call in route.served] == ["mcp"] * 17
        await connector.aclose()
        assert len(org.double.mcp.sessions) == 0


async def test_credentials_that_the_server_refuses_are_no_other_tiers(make_org: World) -> None:
    org = make_org(rows=2)
    with running(org.double) as state:
        mcp = {"url": state.credentials["mcp_url"], "token": "WRONG-MCP-TOKEN"}
        connector = org.connect(tiers={"mcp": mcp, "context": "agent"})
        with routed("agent") as route:
            assert len(await rows_of(connector, "SELECT Id FROM Account")) == 2
        with routed(tier="mcp"), pytest.raises(AuthError) as caught:
            await rows_of(connector, "SELECT Id FROM Account")
        await connector.aclose()
    assert [call.tier for call in route.served] == ["rest"]
    assert "WRONG" not in str(caught.value)

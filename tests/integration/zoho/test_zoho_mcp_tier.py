"""The MCP tier of the Zoho connector against a served double: the same records, and everything that fails."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import cast

import anyio
import pytest

from crmhub.clock import ManualClock
from crmhub.connector import Native, Value
from crmhub.errors import (
    ApprovalRequired,
    AuthError,
    BadRequest,
    BadResponse,
    ConnectorError,
    NotFound,
    RateLimited,
    Unavailable,
    UnknownOutcome,
    Unsupported,
)
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings
from crmhub.mapping.compiled import compile_map
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho.records import normaliser
from crmhub_zoho.simulator.double import ZohoDouble
from crmhub_zoho.tiers.mcp import Mcp, McpSettings
from tests.integration.zoho.conftest import World

pytest.importorskip("mcp", reason="the MCP library comes with crmhub-zoho[mcp]")

pytestmark = [
    pytest.mark.anyio,
    # The library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

TOKEN = "a-token-that-nobody-may-see-0123456789"


@dataclass
class Server:
    """A double on a socket, and a tier that uses its MCP endpoint."""

    double: ZohoDouble
    url: str
    tier: Mcp

    def names(self) -> set[str]:
        """The names of all accounts."""
        return {str(row["Account_Name"]) for row in self.double.truth("Accounts")}

    def first(self, module: str = "Accounts") -> str:
        """The id of a record."""
        return str(next(self.double.truth(module))["id"])

    def calls(self, part: str) -> int:
        """How many calls to the endpoint had that in their name."""
        return sum(count for name, count in self.double.stats.calls.items() if part in name)


@asynccontextmanager
async def served(
    *faults: str, rows: int = 3, tier: dict[str, object] | None = None, **switches: str
) -> AsyncGenerator[Server]:
    """A server with those switches, and a tier with those settings."""
    settings = {f"mcp_{name}": value for name, value in switches.items()}
    double = ZohoDouble(Options(rows=rows, settings=settings, faults=faults))
    with running(double) as state:
        url = f"{state.url}/mcp"
        given = {"url": url, "token": double.mcp.token, **(tier or {})}
        one = Mcp(McpSettings.model_validate(given), "zoho", http())
        try:
            yield Server(double, url, one)
        finally:
            await one.aclose()


def http() -> HttpClient:
    """The client whose limits the calls wait for; it makes none itself, and has none made twice."""
    settings = HttpSettings("http://localhost", retries=0)
    clock = ManualClock()
    return HttpClient(settings, connection="zoho", clock=clock, events=Events(clock), random=Random(1))


def body(*names: str) -> Native:
    rows: list[Value] = [{"Account_Name": name} for name in names]
    return {"data": rows}


# ── the same records ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("module", ["Accounts", "Contacts", "Leads", "Deals", "Tasks", "Events", "Calls"])
async def test_a_record_through_mcp_has_the_canonical_values_that_rest_gives(
    make_org: World, module: str
) -> None:
    org = make_org(rows=20)
    connector = org.connect()
    spec = next(one for one in load_mapping(shipped_mappings()["zoho"]).maps if one.object == module)
    compiled = compile_map(spec, await connector.describe(module))
    fields = [name for name in compiled.fields if "." not in name]
    ids = [str(row["id"]) for row in org.double.truth(module)][:10]
    by_rest = [compiled.read(cast("Native", row)) for row in await connector.get(module, ids, fields)]
    with running(org.double) as state:
        given = {"url": f"{state.url}/mcp", "token": org.double.credentials["mcp_token"]}
        tier = Mcp(McpSettings.model_validate(given), "zoho", http())
        listed = (await tier.records(module, fields[:50], ids=ids)).rows
        single = [cast("Native", await tier.record(module, one, fields)) for one in ids]
        await tier.aclose()
    for rows in (listed, single):
        normaliser(None)(rows, module)
        by_id = {str(row["id"]): row for row in rows}
        assert [compiled.read(by_id[one]) for one in ids] == by_rest


@pytest.mark.parametrize("result", ["text", "structured", "both", "wrapped"])
@pytest.mark.parametrize("reply", ["json", "sse"])
async def test_every_shape_of_results_gives_the_same_rows_to_the_last_digit(result: str, reply: str) -> None:
    async with served(result=result, reply=reply) as server:
        made = await server.tier.insert(
            "Deals", {"data": [{"Deal_Name": "Big", "Stage": "Qualification"}]}, 1
        )
        record = str(cast("Native", made.items[0]["details"])["id"])
        await server.tier.update("Deals", {"data": [{"id": record, "Amount": Decimal("1234567.89")}]}, 1)
        row = await server.tier.record("Deals", record, ["Deal_Name", "Amount"])
        found = await server.tier.records("Deals", ["Deal_Name"], per_page=2)
        truth = next(one for one in server.double.truth("Deals") if one["id"] == record)
    assert row is not None
    assert row == {"id": record, "Deal_Name": "Big", "Amount": truth["Amount"]}
    assert str(row["Amount"]) == "1234567.89"
    assert (len(found.rows), found.more) == (2, True)


@pytest.mark.parametrize("names", ["official", "plain"])
async def test_every_operation_works_by_zohos_names_and_by_plain_ones(names: str) -> None:
    async with served(names=names) as server:
        tier = server.tier
        account = server.first()
        deal = server.first("Deals")
        assert (await tier.record("Accounts", account, ["Account_Name"])) is not None
        assert len((await tier.records("Contacts", ["Last_Name"])).rows) == 3
        await tier.insert("Accounts", body("Findable"), 1)
        assert [
            row["Account_Name"] for row in (await tier.search("Accounts", "Findable", [], 1, 5)).rows
        ] == ["Findable"]
        changed = await tier.update("Accounts", {"data": [{"id": account, "Account_Name": "Renamed"}]}, 1)
        about = {"Subject": "Ring", "What_Id": {"id": deal}, "$se_module": "Deals"}
        await tier.insert("Tasks", {"data": [cast("Native", about)]}, 1)
        noted = await tier.note("Deals", deal, {"Note_Title": "Seen", "Note_Content": "On site"})
        tasks = (await tier.related("Deals", deal, "Tasks", ["Subject"], 200)).rows
        tools = await tier.operations()
        assert "Renamed" in server.names()
    assert [one["status"] for one in [*changed.items, *noted.items]] == ["success", "success"]
    assert "Ring" in [row["Subject"] for row in tasks]
    expected = "ZohoCRM_getRecord" if names == "official" else "get_account"
    assert (tools["get_account"], tools["add_note"] is not None) == (expected, True)


async def test_what_only_zohos_own_tools_can_do() -> None:
    async with served() as server:
        tier = server.tier
        account = server.first()
        stale = await tier.update_if(
            "Accounts", account, {"data": [{"Phone": "1"}]}, "2001-01-01T00:00:00+00:00"
        )
        upserted = await tier.upsert("Accounts", body("New here"), 1)
        rows = (await tier.coql("select Account_Name from Accounts where Account_Name = 'New here'", 10)).rows
        gone = await tier.delete("Accounts", [str(rows[0]["id"])], triggers=True)
        assert "New here" not in server.names()
    assert stale.items[0]["code"] == "ALREADY_MODIFIED"
    assert upserted.items[0]["action"] == "insert"
    assert gone.items[0]["status"] == "success"


async def test_pages_follow_each_other_to_the_end() -> None:
    async with served(rows=5) as server:
        seen: list[str] = []
        token: str | None = None
        while True:
            page = await server.tier.records("Accounts", ["Account_Name"], per_page=2, token=token)
            seen += [str(row["id"]) for row in page.rows]
            token = page.token
            if not page.more:
                break
        assert sorted(seen) == sorted(str(row["id"]) for row in server.double.truth("Accounts"))


async def test_nothing_found_is_no_rows() -> None:
    async with served() as server:
        assert await server.tier.record("Accounts", "554023000000000001", ["Account_Name"]) is None
        assert (await server.tier.search("Accounts", "nobodyhasthis", [], 1, 5)).rows == []


async def test_the_table_can_be_overridden() -> None:
    choice = {"tool": "ZohoCRM_executeCOQLQuery", "arguments": {"fields": "body.select_query"}}
    tools: dict[str, object] = {"list_accounts": choice, "list": "ZohoCRM_getRecords"}
    async with served(tier={"tools": tools}) as server:
        query = "select Account_Name from Accounts where id is not null limit 1"
        with pytest.raises(Unsupported, match="per_page"):
            await server.tier.records("Accounts", [query])
        assert len((await server.tier.records("Contacts", ["Last_Name"])).rows) == 3
        assert (await server.tier.operations())["list_accounts"] == "ZohoCRM_executeCOQLQuery"


# ── the session ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("era", ["handshake", "modern"])
async def test_a_session_is_opened_once_and_used_by_all_tasks(era: str) -> None:
    async with served(era=era) as server:
        record = server.first()

        async def read() -> None:
            assert await server.tier.record("Accounts", record, []) is not None

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(read)
        assert server.calls("tools/call") == 10
        assert server.calls("server/discover") == 1
        assert server.calls("initialize") == (2 if era == "handshake" else 0)  # and its notification


async def test_a_session_that_the_server_forgot_is_opened_anew() -> None:
    async with served(era="handshake") as server:
        await server.tier.records("Accounts", ["Account_Name"])
        server.double.mcp.end_all()
        await server.tier.insert("Accounts", body("Once only"), 1)
        assert server.calls("POST /mcp initialize") == 2
        assert [row["Account_Name"] for row in server.double.truth("Accounts")].count("Once only") == 1


async def test_closing_ends_the_session_and_the_next_call_opens_another() -> None:
    async with served(era="handshake") as server:
        await server.tier.records("Accounts", ["Account_Name"])
        await server.tier.aclose()
        assert server.double.mcp.sessions == {}
        await server.tier.records("Accounts", ["Account_Name"])
        assert len(server.double.mcp.sessions) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("era", ["handshake", "modern"])
def test_an_event_loop_that_ends_takes_the_session_with_it(
    backend: str, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    double = ZohoDouble(Options(rows=1, settings={"mcp_era": era}))
    with running(double) as state:
        settings = {"url": f"{state.url}/mcp", "token": double.mcp.token}

        async def read_and_forget() -> int:
            tier = Mcp(McpSettings.model_validate(settings), "zoho", http())
            return len((await tier.records("Accounts", ["Account_Name"])).rows)

        assert anyio.run(read_and_forget, backend=backend) == 1
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert "mcp-zoho" not in {thread.name for thread in threading.enumerate()}


async def test_a_call_that_is_lost_ends_no_other_call() -> None:
    async with served(era="modern") as server:
        await server.tier.operations()
        server.double.faults.replace(["lost@/mcp:1x"])
        outcomes: list[str] = []

        async def read() -> None:
            try:
                await server.tier.records("Accounts", ["Account_Name"])
            except Unavailable:
                outcomes.append("lost")
            else:
                outcomes.append("read")

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(read)
        assert sorted(outcomes) == ["lost", "read", "read", "read", "read"]
        assert server.calls("server/discover") == 1


async def test_a_task_that_is_cancelled_leaves_the_session_to_the_others() -> None:
    async with served() as server:
        await server.tier.operations()
        server.double.faults.replace(["hang@/mcp:1x"])
        with anyio.move_on_after(0.1) as scope:
            await server.tier.records("Accounts", ["Account_Name"])
        assert scope.cancelled_caught
        assert len((await server.tier.records("Accounts", ["Account_Name"])).rows) == 3


# ── what fails ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reply", ["json", "sse"])
@pytest.mark.parametrize("fault", ["lost@/mcp:1x", "truncated@/mcp:1x", "empty@/mcp:1x"])
async def test_a_write_whose_answer_is_lost_is_unknown_and_a_read_can_go_elsewhere(
    fault: str, reply: str
) -> None:
    async with served(reply=reply) as server:
        await server.tier.operations()
        server.double.faults.replace([fault])
        with pytest.raises(UnknownOutcome) as write:
            await server.tier.insert("Accounts", body("Perhaps"), 1)
        assert "Perhaps" in server.names()
        server.double.faults.replace([fault])
        with pytest.raises((Unavailable, BadResponse)) as read:
            await server.tier.records("Accounts", ["Account_Name"])
    assert (write.value.applied, read.value.applied) == (None, False)


@pytest.mark.parametrize(
    ("fault", "kind", "written"),
    [
        ("401@/mcp", AuthError, AuthError),
        ("429+7@/mcp", RateLimited, RateLimited),
        ("503@/mcp", Unavailable, UnknownOutcome),
        ("html@/mcp", Unavailable, UnknownOutcome),
        ("404@/mcp", NotFound, NotFound),
    ],
)
async def test_a_refusal_of_the_endpoint_is_told_by_its_status(
    fault: str, kind: type[ConnectorError], written: type[ConnectorError]
) -> None:
    async with served(era="modern") as server:
        await server.tier.operations()
        server.double.faults.replace([fault])
        with pytest.raises(kind) as read:
            await server.tier.records("Accounts", ["Account_Name"])
        with pytest.raises(written):
            await server.tier.insert("Accounts", body("Never"), 1)
        assert "Never" not in server.names()
    assert read.value.where.connection == "zoho"
    assert not isinstance(read.value, RateLimited) or read.value.retry_after == 7


async def test_a_wrong_token_is_an_error_of_credentials_that_shows_none() -> None:
    async with served(tier={"token": TOKEN}) as server:
        with pytest.raises(AuthError) as refused:
            await server.tier.insert("Accounts", body("Never"), 1)
    assert refused.value.applied is False
    settings = McpSettings.model_validate({"url": server.url, "token": TOKEN})
    assert TOKEN not in f"{refused.value!r} {refused.value} {server.tier!r} {settings!r}"


async def test_a_server_that_is_not_there_has_taken_nothing() -> None:
    tier = Mcp(
        McpSettings.model_validate({"url": "http://localhost:9/mcp?key=hidden-key-123"}), "zoho", http()
    )
    with pytest.raises(Unavailable) as refused:
        await tier.insert("Accounts", body("Never"), 1)
    assert refused.value.applied is False
    assert "hidden-key-123" not in str(refused.value)


async def test_a_call_has_a_deadline() -> None:
    async with served(tier={"timeout": 0.5}) as server:
        await server.tier.operations()
        server.double.faults.replace(["hang@/mcp"])
        with pytest.raises(UnknownOutcome, match=r"within 0\.5 s"):
            await server.tier.insert("Accounts", body("Never"), 1)
        with pytest.raises(Unavailable, match=r"within 0\.5 s"):
            await server.tier.records("Accounts", ["Account_Name"])


async def test_what_needs_approval_is_an_outcome_of_its_own() -> None:
    async with served(approval="all") as server:
        with pytest.raises(ApprovalRequired) as write:
            await server.tier.insert("Accounts", body("Not yet"), 1)
        with pytest.raises(ApprovalRequired):
            await server.tier.records("Accounts", ["Account_Name"])
        assert "Not yet" not in server.names()
    assert (write.value.applied, write.value.code) == (None, "approval_required")


async def test_a_message_alone_is_no_records_and_no_proof_of_a_write() -> None:
    async with served(result="message") as server:
        with pytest.raises(BadResponse):
            await server.tier.records("Accounts", ["Account_Name"])
        with pytest.raises(UnknownOutcome):
            await server.tier.insert("Accounts", body("Perhaps"), 1)


async def test_a_missing_tool_is_an_operation_that_the_tier_cannot_do() -> None:
    async with served(missing="ZohoCRM_createRecords,ZohoCRM_getRecord") as server:
        with pytest.raises(Unsupported, match="create_account"):
            await server.tier.insert("Accounts", body("Never"), 1)
        assert (await server.tier.operations())["get_account"] is None
        assert len((await server.tier.records("Accounts", ["Account_Name"])).rows) == 3


async def test_a_tool_that_has_gone_meanwhile_is_looked_for_again() -> None:
    async with served() as server:
        await server.tier.operations()
        server.double.mcp.switches.names = "plain"
        with pytest.raises(Unsupported):
            await server.tier.records("Accounts", ["Account_Name"])
        assert len((await server.tier.records("Accounts", ["Account_Name"])).rows) == 3


async def test_zohos_own_refusals_keep_their_codes() -> None:
    async with served() as server:
        refused = await server.tier.insert("Accounts", {"data": [{"Phone": "1"}]}, 1)
        with pytest.raises(NotFound) as unknown:
            await server.tier.records("Nothing", ["Name"])
        with pytest.raises(BadRequest):
            await server.tier.records("Accounts/../org", ["Name"])
        with pytest.raises(Unsupported):
            await server.tier.records("Accounts", [f"Field{number}" for number in range(51)])
    assert refused.items[0]["code"] == "MANDATORY_NOT_FOUND"
    assert unknown.value.code == "INVALID_MODULE"


async def test_nothing_of_a_call_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served() as server:
        secret = server.double.mcp.token
        keyed = Mcp(McpSettings.model_validate({"url": f"{server.url}?key={secret}"}), "zoho", http())
        rows = (await keyed.records("Accounts", ["Account_Name"])).rows
        await keyed.aclose()
    name = str(rows[0]["Account_Name"])
    loggers = ("mcp", "httpx2", "httpcore2", "client")
    theirs = [one.getMessage() for one in caplog.records if one.name.startswith(loggers)]
    assert theirs == []
    assert not any(name in one.getMessage() or secret in one.getMessage() for one in caplog.records)


# ── a local bridge ───────────────────────────────────────────────────────────────────────────────

BRIDGE = """
import os, sys
from mcp.server import MCPServer
server = MCPServer("bridge")
print("https://example.com/mcp?key=secret", file=sys.stderr)

@server.tool()
def get_account(account_id: str) -> dict:
    if account_id == "1":
        os._exit(1)
    return {"data": [{"id": account_id, "Account_Name": os.environ["SECRET_NAME"]}]}

server.run("stdio")
"""


@pytest.mark.slow
async def test_a_local_bridge_speaks_over_its_pipes_and_is_started_again_when_it_died(
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = [sys.executable, "-c", BRIDGE]
    tier = Mcp(
        McpSettings.model_validate({"command": command, "env": {"SECRET_NAME": "Acme"}}), "zoho", http()
    )
    try:
        wanted = {"id": "7", "Account_Name": "Acme"}
        assert await tier.record("Accounts", "7", ["Account_Name"]) == wanted
        with pytest.raises(Unavailable):
            await tier.record("Accounts", "1", ["Account_Name"])
        assert await tier.record("Accounts", "7", ["Account_Name"]) == wanted
    finally:
        await tier.aclose()
    assert "secret" not in "".join(capfd.readouterr())


async def test_a_bridge_that_is_not_installed_is_told() -> None:
    tier = Mcp(McpSettings.model_validate({"command": ["no-such-bridge-anywhere"]}), "zoho", http())
    with pytest.raises(Unavailable, match="command"):
        await tier.operations()


# ── absence ──────────────────────────────────────────────────────────────────────────────────────


async def test_without_settings_the_tier_is_absent_and_says_so() -> None:
    tier = Mcp(None, "zoho", http())
    assert "not configured" in (tier.absent() or "")
    with pytest.raises(Unsupported, match="not configured"):
        await tier.records("Accounts", ["Account_Name"])


async def test_without_the_library_the_tier_is_absent_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    tier = Mcp(McpSettings.model_validate({"url": "http://localhost:9"}), "zoho", http())
    assert "crmhub-zoho[mcp]" in (tier.absent() or "")


def test_the_library_is_imported_with_the_first_call_only() -> None:
    code = "import sys, crmhub_zoho.tiers.mcp; sys.exit('mcp' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0

"""The manager for programs that know Zoho's tiers: its calls, and which tier serves each."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from crmhub import blocking
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Value
from crmhub.errors import ConfigError, InvalidRecord, NotFound, UsageError
from crmhub.events import Event
from crmhub.hub import Hub
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho import ZohoIntegrationManager, manager
from crmhub_zoho.environment import settings_of
from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.api_doubles import Both, both

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),  # the MCP library's
]

CLIENT = {"ZOHO_CLIENT_ID": "1000.A", "ZOHO_CLIENT_SECRET": "s"}
SETTINGS = {"client_id": "1000.A", "client_secret": "s"}


@pytest.fixture
async def world() -> AsyncIterator[Both]:
    async with both(rows=60) as world:
        yield world


@pytest.fixture
def zoho(world: Both) -> ZohoIntegrationManager:
    return ZohoIntegrationManager(world.connection("zoho"))


@pytest.fixture
def served(world: Both) -> list[tuple[object, object]]:
    """Which calls were served by which tiers."""
    return heard_by(world.hub)


def heard_by(hub: Hub) -> list[tuple[object, object]]:
    served: list[tuple[object, object]] = []

    def note(event: Event) -> None:
        if event.name == "tier.served":
            served.append((event.detail["operation"], event.detail["tier"]))

    hub.events.subscribe(note)
    return served


def ids(rows: list[dict[str, Any]]) -> list[str]:  # pyright: ignore[reportExplicitAny]
    return [str(row["id"]) for row in rows]


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_account_is_zohos_own_record(world: Both, zoho: ZohoIntegrationManager) -> None:
    (truth, *_) = world.doubles["zoho"].truth("Accounts")
    account = await zoho.get_account(str(truth["id"]))
    assert account["Account_Name"] == truth["Account_Name"]
    assert cast("dict[str, object]", account["Owner"])["name"]
    with pytest.raises(NotFound, match="no such record · connection zoho, object Accounts"):
        await zoho.get_account("554023110000009999")


async def test_without_filters_the_newest_come(world: Both, zoho: ZohoIntegrationManager) -> None:
    newest = sorted(
        (str(row["id"]) for row in world.doubles["zoho"].truth("Accounts")), key=int, reverse=True
    )
    assert ids(await zoho.get_accounts(limit=3)) == newest[:3]
    assert ids(await zoho.get_accounts()) == newest[:50]
    assert sorted(ids(await zoho.get_accounts(limit=None))) == sorted(newest)


async def test_a_record_is_the_same_by_every_call(zoho: ZohoIntegrationManager) -> None:
    made = await zoho.create_account({"Account_Name": "Vandelay", "Rating": "Active"})
    (newest,) = await zoho.get_accounts(limit=1)
    assert newest["id"] == made.id
    assert [newest] == await zoho.bulk_get_accounts([made.id])
    assert newest in await zoho.get_accounts({"status": "Active"}, limit=None)
    single = await zoho.get_account(made.id)
    assert {name: single[name] for name in newest} == newest


async def test_filters_choose_and_all_of_them_must_hold(zoho: ZohoIntegrationManager, world: Both) -> None:
    rows = [*world.doubles["zoho"].truth("Accounts")]
    owner = cast("dict[str, str]", rows[0]["Owner"])
    mine = [str(row["id"]) for row in rows if cast("dict[str, str]", row["Owner"])["id"] == owner["id"]]
    assert ids(await zoho.get_accounts({"owner": owner["id"]}, limit=None)) == sorted(mine, key=int)
    assert ids(await zoho.get_accounts({"owner": owner["email"]}, limit=None)) == sorted(mine, key=int)
    since = datetime.now(UTC) - timedelta(minutes=5)
    made = await zoho.create_account(
        {"Account_Name": "Kramerica", "Rating": "Active", "Owner": {"id": owner["id"]}}
    )
    await zoho.create_account({"Account_Name": "Other", "Rating": "Shut Down", "Owner": {"id": owner["id"]}})
    filters = {"status": "Active", "modified_since": since, "owner": owner["id"]}
    assert ids(await zoho.get_accounts(filters)) == [made.id]
    assert ids(await zoho.query_accounts({**filters, "modified_since": since.isoformat()})) == [made.id]
    assert len(await zoho.get_accounts({"status": None, "owner": None}, limit=7)) == 7


async def test_a_deals_status_is_open_won_or_lost(zoho: ZohoIntegrationManager) -> None:
    won = await zoho.list_deals({"status": "won"}, limit=None)
    assert won
    assert {str(row["Stage"]) for row in won} == {"Closed Won"}
    assert await zoho.get_deal(ids(won)[0])
    assert await zoho.list_deals({"status": "Won"}, limit=None) == won


async def test_a_search_finds_words(zoho: ZohoIntegrationManager) -> None:
    found = await zoho.search_accounts("Acme", limit=2)
    assert found
    assert all("Acme" in str(row["Account_Name"]) for row in found)


async def test_what_is_gone_is_left_out_of_a_batch(zoho: ZohoIntegrationManager, world: Both) -> None:
    there = [str(row["id"]) for row in world.doubles["zoho"].truth("Accounts")][:3]
    found = await zoho.bulk_get_accounts([*there, "554023110000009999"])
    assert ids(found) == there


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_written_is_there_in_zohos_own_fields(zoho: ZohoIntegrationManager) -> None:
    account = await zoho.create_account({"Account_Name": "Pendant", "Employees": 5})
    assert (account.status, account.version is not None) == ("created", True)
    await zoho.update_account(account.id, {"Employees": 6, "Website": None})
    deal = await zoho.create_deal(
        {
            "Deal_Name": "Big",
            "Stage": "Qualification",
            "Closing_Date": "2026-12-31",
            "Account_Name": {"id": account.id},
        }
    )
    await zoho.update_deal(deal.id, {"Stage": "Closed Won"})
    task = await zoho.create_task(
        {"Subject": "Call", "What_Id": {"id": account.id}, "$se_module": "Accounts"}
    )
    note = await zoho.add_note("Accounts", account.id, "They like it")
    assert (await zoho.get_account(account.id))["Employees"] == 6
    assert (await zoho.get_deal(deal.id))["Stage"] == "Closed Won"
    activities = await zoho.get_activities(account.id)
    assert {name: ids(rows) for name, rows in activities.items()} == {
        "Tasks": [task.id],
        "Events": [],
        "Calls": [],
    }
    assert note.id


def test_its_help_shows_nothing_of_the_environment() -> None:
    assert "PATH" not in str(inspect.signature(ZohoIntegrationManager.from_environment))


async def test_activities_of_a_module_that_there_is_not_are_not_just_none(
    zoho: ZohoIntegrationManager,
) -> None:
    with pytest.raises(NotFound, match=r"'Acounts'.*did you mean 'Accounts'"):
        await zoho.get_activities("554023110000001001", module="Acounts")


async def test_a_refused_write_names_its_field(zoho: ZohoIntegrationManager) -> None:
    with pytest.raises(InvalidRecord, match="Account_Name"):
        await zoho.create_account({"Website": "https://x.example"})
    with pytest.raises(NotFound):
        await zoho.update_account("554023110000009999", {"Employees": 1})


# ── who serves ───────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def with_mcp() -> AsyncGenerator[tuple[ZohoIntegrationManager, list[tuple[object, object]], list[str]]]:
    """A manager whose Zoho has an MCP server, which calls were served by whom, and ids of accounts."""
    double = make_double("zoho", Options(rows=60))
    assert isinstance(double, ZohoDouble)
    with running(double) as state:
        names = ("client_id", "client_secret", "refresh_token")
        values = {name: double.credentials[name] for name in names}
        tiers: Value = {"sdk": False, "mcp": {"url": f"{state.url}/mcp", "token": double.mcp.token}}
        settings = ConnectionSettings("zoho", "zoho", {**values, "api_url": state.url, "tiers": tiers})
        async with Hub(Config({"zoho": settings}, "sqlite:///:memory:")) as hub:
            accounts = [str(row["id"]) for row in double.truth("Accounts")]
            yield ZohoIntegrationManager(hub["zoho"]), heard_by(hub), accounts


async def test_an_agents_records_come_by_mcp() -> None:
    pytest.importorskip("mcp", reason="the MCP library comes with crmhub-zoho[mcp]")
    async with with_mcp() as (zoho, served, accounts):
        await zoho.get_account(accounts[0])
        assert len(await zoho.get_accounts(limit=5)) == 5
        await zoho.search_accounts("Acme")
        await zoho.create_account({"Account_Name": "By an agent"})
        assert served == [("get", "mcp"), ("list", "mcp"), ("search", "mcp"), ("create", "mcp")]
        served.clear()
        await zoho.get_accounts({"status": "Active"})
        assert served == [("read", "rest"), ("get", "mcp")]
        served.clear()
        await zoho.get_account(accounts[0], context="fallback")
        assert served == [("get", "rest")]


async def test_more_than_fifty_records_are_bulk(
    zoho: ZohoIntegrationManager, served: list[tuple[object, object]]
) -> None:
    pytest.importorskip("zohocrmsdk", reason="the SDK comes with crmhub-zoho[sdk]")
    await zoho.get_accounts(limit=51, context="interactive")
    await zoho.get_accounts(limit=50, context="interactive")
    assert served == [("list", "sdk"), ("list", "rest")]


async def test_a_tier_can_be_named_for_a_query(
    zoho: ZohoIntegrationManager, served: list[tuple[object, object]]
) -> None:
    await zoho.query_accounts({"status": "Active"}, tier="rest")
    assert served == [("read", "rest"), ("get", "rest")]
    with pytest.raises(UsageError, match="no tier 'soap'; tiers: mcp, sdk, rest"):
        await zoho.query_accounts({"status": "Active"}, tier="soap")


# ── wrong calls ──────────────────────────────────────────────────────────────────────────────────

# Calls as somebody without a type checker would write them.
Call = Callable[[Any], object]  # pyright: ignore[reportExplicitAny]

WRONG: dict[str, tuple[Call, str]] = {
    "unknown filter": (
        lambda m: m.get_accounts({"stage": "x"}),
        "no filter 'stage'.*status, modified_since, owner",
    ),
    "filters as text": (lambda m: m.get_accounts("Active"), "filters: a str is not a table"),
    "limit as text": (lambda m: m.get_accounts(limit="5"), "limit: a str"),
    "unknown context": (lambda m: m.get_accounts(context="agnet"), "context agnet.*agent, background"),
    "a time without zone": (lambda m: m.get_accounts({"modified_since": "2026-01-31"}), "names no time zone"),
    "no time": (lambda m: m.get_accounts({"modified_since": "yesterday"}), "this is no time"),
    "a stage as a deal's status": (
        lambda m: m.list_deals({"status": "Closed Won"}),
        "status: a deal's is not that.*open, won, lost",
    ),
    "id as number": (lambda m: m.get_account(5), "id: an id is a text"),
    "ids as text": (lambda m: m.bulk_get_accounts("5"), "ids: a list"),
    "data as text": (lambda m: m.create_account("Acme"), "data: a str is not a table"),
    "nothing to write": (lambda m: m.update_account("5", {}), "nothing to write"),
    "an update without id": (lambda m: m.update_deal("", {"Amount": 1}), "id: an id"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_call_is_told(zoho: ZohoIntegrationManager, name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(UsageError, match=message):
        await cast("Any", call(zoho))  # pyright: ignore[reportExplicitAny]


def test_a_connection_of_the_blocking_api_is_refused_at_once() -> None:
    with blocking.Hub(Config({})) as hub, pytest.raises(UsageError, match="asynchronous"):
        ZohoIntegrationManager(hub.add("zoho", "zoho", **SETTINGS))  # pyright: ignore[reportArgumentType]


def test_the_manager_only_passes_calls_on() -> None:
    assert len(inspect.getsource(manager).splitlines()) < 100


# ── the environment ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, {}),
        ({"ZOHO_REFRESH_TOKEN": "r", "ZOHO_REGION": " "}, {"refresh_token": "r"}),
        ({"ZOHO_REGION": "EU"}, {"region": "eu"}),
        ({"ZOHO_REGION": "com.au"}, {"region": "au"}),
        ({"ZOHO_REGION": ".com"}, {"region": "us"}),
        ({"ZOHO_API_VERSION": "8"}, {"version": "v8"}),
        ({"ZOHO_BASE_URL": "https://www.zohoapis.eu"}, {"region": "eu", "environment": "production"}),
        (
            {"ZOHO_BASE_URL": "https://sandbox.zohoapis.in/crm/v7/", "ZOHO_REGION": "in"},
            {"region": "in", "environment": "sandbox", "version": "v7"},
        ),
        (
            {"ZOHO_BASE_URL": "http://127.0.0.1:8080/crm/v8"},
            {"api_url": "http://127.0.0.1:8080", "version": "v8"},
        ),
        ({"ZOHO_DB_HOST": "db", "ZOHO_ORGANIZATION_ID": "1", "ZOHO_REDIRECT_URL": "https://x"}, {}),
    ],
)
def test_the_environments_names_become_settings(given: dict[str, str], meant: dict[str, str]) -> None:
    assert settings_of({**CLIENT, **given}) == {**SETTINGS, **meant}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "ZOHO_CLIENT_ID and ZOHO_CLIENT_SECRET not set"),
        ({"ZOHO_CLIENT_ID": "x", "ZOHO_CLIENT_SECRET": ""}, "ZOHO_CLIENT_SECRET not set"),
        ({**CLIENT, "ZOHO_REGION": "moon"}, "no data centre 'moon'.*ae, au"),
        ({**CLIENT, "ZOHO_API_VERSION": "latest"}, "ZOHO_API_VERSION: 'latest'"),
        ({**CLIENT, "ZOHO_BASE_URL": "zohoapis.eu"}, "ZOHO_BASE_URL"),
        (
            {**CLIENT, "ZOHO_BASE_URL": "https://www.zohoapis.eu", "ZOHO_REGION": "us"},
            "ZOHO_REGION is us, and ZOHO_BASE_URL is of eu",
        ),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings_of(given)


async def test_a_manager_of_the_environment_has_a_hub_of_its_own() -> None:
    double = make_double("zoho", Options(rows=3))
    with running(double) as state:
        names = {"ZOHO_CLIENT_ID": "client_id", "ZOHO_CLIENT_SECRET": "client_secret"}
        names["ZOHO_REFRESH_TOKEN"] = "refresh_token"
        environ = {name: double.credentials[key] for name, key in names.items()}
        environ["ZOHO_BASE_URL"] = f"{state.url}/crm/v8"
        async with ZohoIntegrationManager.from_environment(environ, store="sqlite:///:memory:") as zoho:
            assert len(await zoho.get_accounts()) == 3
        with pytest.raises(UsageError, match="closed"):
            await zoho.get_accounts()

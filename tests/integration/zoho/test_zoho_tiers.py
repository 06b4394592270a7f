"""Which tier makes a call, and what that changes: nothing but the way. Without the SDK: all by REST."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from crmhub.connector import Missing, WriteItem, WriteRequest
from crmhub.errors import Unsupported
from crmhub.routing import CallContext, routed
from crmhub_zoho import ZohoConfig

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"


def served(org: Org) -> list[Mapping[str, object]]:
    return [event.detail for event in org.heard if event.name == "tier.served"]


async def test_a_caller_that_names_no_context_is_served_by_rest(make_org: World) -> None:
    org = make_org(rows=3)
    connector = org.connect()
    ids = list(org.truth("Accounts"))
    await connector.get("Accounts", ids, [NAME])
    await connector.write(WriteRequest("Accounts", "create", [WriteItem({NAME: "New"})] * 60))
    await org.pages(connector, "Accounts", NAME)
    assert [page async for page in connector.search("Accounts", "New", [NAME], 5)]
    assert [(one["operation"], one["tier"], one["why"]) for one in served(org)] == [
        ("get", "rest", "no context"),
        ("create", "rest", "no context"),
        ("read", "rest", "no context"),
        ("search", "rest", "no context"),
    ]


async def test_a_connection_can_have_a_context_and_a_call_another(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect(tiers={"context": "background", "sdk": False})
    (one,) = org.truth("Accounts")
    await connector.get("Accounts", [one], [NAME])
    with routed("fallback"):
        await connector.get("Accounts", [one], [NAME])
    assert [detail["why"] for detail in served(org)] == [
        "background; sdk: switched off: tiers.sdk is false",
        "fallback",
    ]


async def test_a_tier_that_is_asked_for_and_absent_is_said_to_be(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect(tiers={"sdk": False})
    (one,) = org.truth("Accounts")
    with routed(tier="sdk"), pytest.raises(Unsupported, match=r"sdk: switched off: tiers\.sdk is false"):
        await connector.get("Accounts", [one], [NAME])


async def test_queries_are_made_by_rest_in_every_context(make_org: World) -> None:
    org = make_org(rows=3)
    with routed("bulk"):
        pages = await org.pages(org.connect(), "Accounts", NAME)
    assert sum(len(page.upserts) for page in pages) == 3
    assert [(one["operation"], one["tier"]) for one in served(org)] == [("read", "rest")]


@pytest.mark.parametrize("context", ["agent", "bulk", None])
async def test_queries_and_counts_tell_who_served_them(make_org: World, context: CallContext | None) -> None:
    org = make_org(3)
    connector = org.connect()
    with routed(context):
        assert await connector.count("Accounts") == 3
        async with aclosing(connector.query("select id from Accounts where id is not null")) as pages:
            assert [len(page.upserts) async for page in pages] == [3]
    why = context or "no context"
    assert [(one["operation"], one["tier"], one["why"]) for one in served(org)] == [
        ("count", "rest", why),
        ("query", "rest", why),
    ]


async def test_another_version_of_the_api_than_the_sdk_speaks_goes_by_rest(make_org: World) -> None:
    org = make_org()
    absent = org.connect(version="v7").tiers.absence("sdk")
    assert absent == "the SDK speaks v8, the connection v7"


@pytest.mark.skipif(find_spec("zohocrmsdk") is not None, reason="the SDK is installed")
async def test_without_the_sdk_the_tier_says_what_to_install(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect()
    (one,) = org.truth("Accounts")
    with routed("bulk"):
        await connector.get("Accounts", [one], [NAME])
    (detail,) = served(org)
    assert detail["why"] == "bulk; sdk: not installed: pip install 'crmhub-zoho[sdk]'"


@pytest.mark.parametrize(("limit", "calls"), [(1, 1), (200, 1), (201, 2), (430, 3), (5_000, 3)])
async def test_the_newest_records_are_listed_up_to_a_limit(make_org: World, limit: int, calls: int) -> None:
    org = make_org(rows={"Accounts": 430})
    found = (await org.connect().newest("Accounts", [NAME], limit)).value
    newest = sorted(org.truth("Accounts"), key=int, reverse=True)
    assert [row["id"] for row in found] == newest[:limit]
    assert len(org.calls("GET /crm/v8/Accounts")) == calls


async def test_no_more_than_two_thousand_are_listed(make_org: World) -> None:
    org = make_org(rows={"Accounts": 2_100})
    assert len((await org.connect().newest("Accounts", [NAME], 10_000)).value) == 2_000


async def test_what_a_list_cannot_show_is_read_by_id(make_org: World) -> None:
    org = make_org(rows=3)
    connector = org.connect()
    fields = [*(await connector.describe("Deals")).fields]
    assert len(fields) <= 50
    wide = (
        await connector.newest("Deals", [*fields, *(f"$extra_{number}" for number in range(50))], 2)
    ).value
    ids = sorted(org.truth("Deals"), key=int, reverse=True)[:2]
    assert wide == await connector.get("Deals", ids, fields)


async def test_a_probe_fills_the_figures_of_every_tier_that_is_there(make_org: World) -> None:
    org = make_org(rows=1)
    connector = org.connect(tiers={"sdk": False})
    await connector.try_tiers()
    mcp, sdk, rest = connector.tiers.figures()
    assert mcp.absent == "not configured: no MCP server in the connection's settings"
    assert (sdk.state, sdk.calls) == ("absent", 0)
    assert (rest.state, rest.calls, rest.failures) == ("closed", 1, 0)


async def test_a_probe_that_fails_is_a_figure_and_no_error(make_org: World) -> None:
    org = make_org(faults=("500@GET /crm/v8/Accounts",))
    connector = org.connect(tiers={"sdk": False})
    await connector.try_tiers()
    rest = connector.tiers.figures()[-1]
    assert (rest.calls, rest.failures) == (1, 1)


def test_the_settings_of_tiers_are_checked() -> None:
    keys = {"client_id": "a", "client_secret": "b", "refresh_token": "c"}
    with pytest.raises(ValueError, match="context"):
        ZohoConfig.model_validate({**keys, "tiers": {"context": "sometimes"}})


# Decimals of many digits and conditional updates: the same by any tier, see test_zoho_sdk_tier.py.
async def test_a_wide_amount_is_written_exactly_in_every_context(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    amount = Decimal("1234567890123456.12")
    item = WriteItem({NAME: "Wide", "Annual_Revenue": amount})
    with routed("bulk"):
        (created,) = await connector.write(WriteRequest("Accounts", "create", [item]))
        (row,) = await connector.get("Accounts", [str(created.id)], ["Annual_Revenue"])
    assert not isinstance(row, Missing)
    assert row["Annual_Revenue"] == amount

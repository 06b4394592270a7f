"""Credits: priced before they are spent, kept for people, corrected by what Zoho tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from crmhub.connector import NOT_SENT, Native, WriteItem, WriteRequest
from crmhub.errors import QuotaExceeded
from crmhub.http import Allowance
from crmhub.routing import routed
from crmhub_zoho.limits import allowance_of
from crmhub_zoho.simulator.double import ZohoDouble
from crmhub_zoho.simulator.limits import EDITIONS

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"


def played(org: Org) -> ZohoDouble:
    assert isinstance(org.double, ZohoDouble)
    return org.double


def used(org: Org) -> int:
    """Credits, as the double counts them."""
    return played(org).limits.used


def marks(org: Org) -> list[object]:
    return [event.detail["percent"] for event in org.heard if event.name == "quota.used"]


# ── the edition ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", EDITIONS)
async def test_what_an_edition_grants_is_what_the_double_counts(make_org: World, name: str) -> None:
    org = make_org(settings={"edition": name})
    usage = await org.connect().usage()
    users = len(played(org).org.users)
    edition = EDITIONS[name]
    assert usage.most == edition.credits_for(users)
    assert usage.why == f"{name} edition, {users} users"


async def test_the_double_says_how_generous_it_is(make_org: World) -> None:
    org = make_org()
    assert (await org.connect().usage()).most == played(org).limits.credits_a_day == 5_000_000


@pytest.mark.parametrize(
    ("paid_type", "users", "most", "concurrency"),
    [
        ("free", 3, 5_000, 5),
        ("standard", 1_000, 100_000, 10),
        ("professional", 10, 55_000, 15),
        ("Zoho One", 10, 60_000, 20),
        ("zohoone", 10_000, 5_000_000, 20),
        ("CRM Plus", 10_000, 20_050_000, 25),
    ],
)
def test_editions_by_their_names(paid_type: str, users: int, most: int, concurrency: int) -> None:
    org: Native = {"license_details": {"paid_type": paid_type, "users_license_purchased": users}}
    told = allowance_of(org)
    assert (told.most, told.concurrency) == (most, concurrency)


@pytest.mark.parametrize("details", [{}, None, {"paid_type": None}, {"paid_type": "platinum\n"}, []])
def test_an_edition_that_nobody_knows_grants_nothing_that_is_known(details: object) -> None:
    told = allowance_of({"license_details": details})  # pyright: ignore[reportArgumentType]
    assert (told.most, told.concurrency) == (None, None)
    assert told.why.startswith("not known")
    assert "\n" not in told.why


@pytest.mark.parametrize("users", [None, True, -4, "12"])
def test_users_that_are_not_told_add_nothing(users: object) -> None:
    org = {"license_details": {"paid_type": "enterprise", "users_license_purchased": users}}
    told = allowance_of(org)  # pyright: ignore[reportArgumentType]
    assert told == Allowance(50_000, 20, "enterprise edition, 0 users")


async def test_a_few_calls_do_not_ask_for_the_edition_and_many_ask_once(make_org: World) -> None:
    org = make_org({"Accounts": 120})
    connector = org.connect()
    await org.pages(connector, "Accounts", NAME)
    assert org.calls("/org") == []
    ids = list(org.truth("Accounts"))
    for _ in range(2):
        for one in ids[:60]:
            await connector.get("Accounts", [one], [NAME])
    assert org.calls("/org") == ["GET /crm/v8/org"]


async def test_without_the_scope_credits_are_counted_and_nothing_is_stopped(make_org: World) -> None:
    org = make_org({"Accounts": 3}, settings={"scopes": "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL"})
    connector = org.connect()
    await connector.get("Accounts", list(org.truth("Accounts")), [NAME])
    usage = await connector.usage()
    assert (usage.most, usage.share, usage.left, usage.concurrency) == (None, None, None, 5)
    assert usage.used == used(org)
    assert usage.why.startswith("not known: Zoho refused GET /crm/v8/org")


@pytest.mark.parametrize(("configured", "at_once"), [(None, 20), (3, 3)])
async def test_as_many_calls_are_made_at_once_as_the_edition_allows(
    make_org: World, configured: int | None, at_once: int
) -> None:
    org = make_org({"Accounts": 60}, settings={"edition": "enterprise"})
    connector = org.connect(concurrency=configured)
    assert (await connector.usage()).concurrency == at_once
    async with anyio.create_task_group() as group:
        for one in org.truth("Accounts"):
            group.start_soon(connector.get, "Accounts", [one], [NAME])
    assert all(event.detail["status"] == 200 for event in org.heard if event.name == "http.call")


async def test_an_edition_with_few_calls_at_once_is_never_met_with_more(make_org: World) -> None:
    org = make_org({"Accounts": 60}, settings={"edition": "free"})
    connector = org.connect()
    async with anyio.create_task_group() as group:
        for one in org.truth("Accounts"):
            group.start_soon(connector.get, "Accounts", [one], [NAME])
    assert all(event.detail["status"] == 200 for event in org.heard if event.name == "http.call")
    assert (await connector.usage()).concurrency == 5


# ── the budget ───────────────────────────────────────────────────────────────────────────────────


async def test_every_call_is_paid_as_zoho_counts_it(make_org: World) -> None:
    org = make_org({"Accounts": 450, "Deals": 5})
    connector = org.connect()
    await org.pages(connector, "Accounts", NAME)
    await org.pages(connector, "Accounts", NAME, page_size=200)
    await connector.write(
        WriteRequest("Accounts", "create", [WriteItem({NAME: f"New {n}"}) for n in range(133)])
    )
    ids = list(org.truth("Accounts"))
    await connector.get("Accounts", ids[:150], [NAME])
    await connector.write(WriteRequest("Accounts", "delete", [WriteItem(id=one) for one in ids[:3]]))
    assert [page async for page in connector.search("Accounts", "New", [NAME], 300)]
    assert await connector.count("Accounts") == 580
    await connector.check()
    assert [page async for page in connector.query("select id from Deals where id is not null")]
    usage = await connector.usage()
    assert usage.used == used(org)


async def test_jobs_stop_before_the_reserve_and_people_go_on(make_org: World) -> None:
    org = make_org({"Accounts": 3}, settings={"credits": "100"})
    ids = list(org.truth("Accounts"))
    connector = org.connect(credits=100, reserve=0.2, concurrency=5)
    for _ in range(79):
        await connector.get("Accounts", ids, [NAME])
    with pytest.raises(QuotaExceeded, match="80 of 100 credits of the last 24 hours are used") as stopped:
        await connector.get("Accounts", ids, [NAME])
    assert stopped.value.retry_after is not None
    with routed("interactive"):
        for _ in range(20):
            await connector.get("Accounts", ids, [NAME])
    assert used(org) == 100
    assert marks(org) == [50, 80, 100]


async def test_a_connection_for_people_may_use_the_reserve(make_org: World) -> None:
    org = make_org({"Accounts": 1}, settings={"credits": "20"})
    ids = list(org.truth("Accounts"))
    connector = org.connect(credits=20, reserve=0.5, tiers={"context": "interactive"})
    for _ in range(19):
        await connector.get("Accounts", ids, [NAME])
    assert used(org) == 20


async def test_what_others_spend_is_seen_once_half_is_used(make_org: World) -> None:
    org = make_org({"Accounts": 1}, settings={"credits": "1000"})
    ids = list(org.truth("Accounts"))
    connector = org.connect(credits=1_000, concurrency=5)
    await connector.get("Accounts", ids, [NAME])
    played(org).limits.spend(600)
    await connector.get("Accounts", ids, [NAME])
    usage = await connector.usage()
    assert (usage.used, usage.others) == (603, 600)
    played(org).limits.spend(200)
    await connector.get("Accounts", ids, [NAME])
    with pytest.raises(QuotaExceeded, match="804 of 1,000"):
        await connector.get("Accounts", ids, [NAME])


async def test_a_write_that_meets_the_end_tells_what_was_not_sent(make_org: World) -> None:
    org = make_org(settings={"credits": "1000"})
    connector = org.connect(credits=50, reserve=0.0, concurrency=1)
    await connector.describe("Accounts")
    items = [WriteItem({NAME: f"New {number}"}) for number in range(600)]
    outcomes = await connector.write(WriteRequest("Accounts", "create", items))
    assert [one.status for one in outcomes] == ["created"] * 400 + ["rejected"] * 200
    last = outcomes[-1].problem
    assert last is not None
    assert (last.code, last.permanent) == (NOT_SENT, False)
    assert "41 of 50 credits" in last.message
    assert "it goes on at 2026-01-02" in last.message


async def test_a_read_that_meets_the_end_goes_on_there_a_day_later(make_org: World) -> None:
    org = make_org({"Accounts": 100})
    connector = org.connect(credits=8, reserve=0.0, concurrency=1)
    mirror = org.mirror(NAME)
    with pytest.raises(QuotaExceeded) as stopped:
        await mirror.follow(connector, "Accounts", page_size=10)
    assert 0 < len(mirror.rows) < 100
    org.clock.advance(stopped.value.retry_after or 0.0)
    await mirror.follow(connector, "Accounts", page_size=10)
    assert mirror.rows == org.truth("Accounts", NAME)

"""What operations will cost, told before they are made: the same as what the double then counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crmhub.connection import Connection
from crmhub.connector import WriteItem, WriteRequest
from crmhub.errors import BadRequest, NotFound, Unsupported, UsageError
from crmhub.events import Event
from crmhub.models import Account, ActivityBase, Contact, Deal
from crmhub.routing import routed
from crmhub.usage import Estimate, Operation, Planned
from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.api_doubles import Both, both
from tests.memory_hub import hub_of

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"


# ── the connector ────────────────────────────────────────────────────────────────────────────────


async def spent(org: Org, work: Callable[[], Awaitable[object]]) -> tuple[int, int]:
    """Calls and credits of the work."""
    assert isinstance(org.double, ZohoDouble)
    calls, credits_used = len(org.calls()), org.double.limits.used
    await work()
    return len(org.calls()) - calls, org.double.limits.used - credits_used


@pytest.mark.parametrize("records", [0, 1, 200, 201, 1_000, 2_000, 2_001, 4_000, 4_500])
@pytest.mark.parametrize("page_size", [200, 2_000])
async def test_a_read_costs_what_was_estimated(make_org: World, records: int, page_size: int) -> None:
    org = make_org({"Accounts": records})
    connector = org.connect(page_size=page_size, concurrency=1)
    await connector.describe("Accounts")
    told = await connector.estimate(Planned("read", "Accounts", fields=(NAME,)))
    assert await spent(org, lambda: org.pages(connector, "Accounts", NAME)) == (told.calls, told.cost)
    assert told.how == f"queries (COQL) of {page_size:,} rows"
    assert told.unit == "credits"


@pytest.mark.parametrize("fields", [("Subject",), ("Subject", "$se_module"), ("Subject", "Tag")])
async def test_fields_that_queries_lack_are_priced(make_org: World, fields: tuple[str, ...]) -> None:
    org = make_org({"Tasks": 250})
    connector = org.connect(concurrency=1)
    await connector.describe("Tasks")
    told = await connector.estimate(Planned("read", "Tasks", fields=fields))
    assert await spent(org, lambda: org.pages(connector, "Tasks", *fields)) == (told.calls, told.cost)


async def test_modules_that_queries_do_not_know_are_priced_by_lists(make_org: World) -> None:
    org = make_org({"Accounts": 2, "Notes": 401})
    connector = org.connect(concurrency=1)
    await connector.describe("Notes")
    told = await connector.estimate(Planned("read", "Notes", fields=("Note_Title",), records=401))
    assert (told.calls, told.cost, told.how) == (3, 3, "lists of 200 records")


@pytest.mark.parametrize("records", [1, 10, 11, 100, 101, 250])
async def test_writes_cost_what_was_estimated(make_org: World, records: int) -> None:
    org = make_org({})
    connector = org.connect()
    await connector.describe("Accounts")
    new = [WriteItem({NAME: f"New {number}"}) for number in range(records)]
    told = await connector.estimate(Planned("create", "Accounts", records))
    request = WriteRequest("Accounts", "create", new)
    assert await spent(org, lambda: connector.write(request)) == (told.calls, told.cost)
    again = [WriteItem({}, key=f"New {number}") for number in range(records)]
    told = await connector.estimate(Planned("upsert", "Accounts", records))
    upsert = WriteRequest("Accounts", "upsert", again, match=NAME)
    assert await spent(org, lambda: connector.write(upsert)) == (told.calls, told.cost)
    ids = list(org.truth("Accounts"))
    told = await connector.estimate(Planned("get", "Accounts", records, (NAME,)))
    assert await spent(org, lambda: connector.get("Accounts", ids, [NAME])) == (told.calls, told.cost)
    told = await connector.estimate(Planned("newest", "Accounts", records, (NAME,)))
    assert await spent(org, lambda: connector.newest("Accounts", [NAME], records)) == (told.calls, told.cost)
    told = await connector.estimate(Planned("delete", "Accounts", records))
    gone = WriteRequest("Accounts", "delete", [WriteItem(id=one) for one in ids])
    assert await spent(org, lambda: connector.write(gone)) == (told.calls, told.cost)


async def test_search_and_count_cost_what_was_estimated(make_org: World) -> None:
    org = make_org({})
    await org.add("Accounts", 230)
    connector = org.connect()
    await connector.describe("Accounts")

    async def search() -> None:
        assert [page async for page in connector.search("Accounts", "Added", [NAME], 230)]

    told = await connector.estimate(Planned("search", "Accounts", 230, (NAME,)))
    assert await spent(org, search) == (told.calls, told.cost) == (2, 2)
    told = await connector.estimate(Planned("count", "Accounts", 1))
    assert await spent(org, lambda: connector.count("Accounts")) == (told.calls, told.cost)


async def test_an_estimate_asks_only_how_many_there_are(make_org: World) -> None:
    org = make_org({"Accounts": 30})
    connector = org.connect()
    await connector.describe("Accounts")
    before = len(org.calls())
    await connector.estimate(Planned("read", "Accounts", 5_000, (NAME,)))
    await connector.estimate(Planned("create", "Accounts", 5_000))
    assert len(org.calls()) == before
    await connector.estimate(Planned("read", "Accounts"))
    assert org.calls()[before:] == ["GET /crm/v8/Accounts/actions/count"]


async def test_an_estimate_tells_whether_the_credits_are_there(make_org: World) -> None:
    org = make_org({"Accounts": 3})
    connector = org.connect(credits=100, reserve=0.2, concurrency=5)
    await connector.describe("Accounts")
    planned = Planned("create", "Accounts", 900)
    told = await connector.estimate(planned)
    assert (told.cost, told.left, told.fits) == (90, 79, False)
    with routed("interactive"):
        told = await connector.estimate(planned)
    assert (told.left, told.fits) == (99, True)


async def test_where_the_edition_is_not_known_nobody_knows_what_is_left(make_org: World) -> None:
    connector = make_org({"Accounts": 3}).connect()
    told = await connector.estimate(Planned("read", "Accounts", fields=(NAME,)))
    assert (told.left, told.fits) == (None, None)


async def test_what_cannot_be_done_has_no_price(make_org: World) -> None:
    connector = make_org({}).connect()
    with pytest.raises(NotFound):
        await connector.estimate(Planned("read", "Nonsense"))
    with pytest.raises(BadRequest, match="Nonsense"):
        await connector.estimate(Planned("read", "Accounts", fields=("Nonsense",)))
    with pytest.raises(BadRequest, match="how many records"):
        await connector.estimate(Planned("create", "Accounts"))
    with pytest.raises(Unsupported, match="cannot upsert Tasks"):
        await connector.estimate(Planned("upsert", "Tasks", 3))
    with pytest.raises(Unsupported, match="users have no price"):
        await connector.estimate(Planned("read", "users"))


# ── a connection's models ────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def world() -> AsyncIterator[Both]:
    async with both(rows=5) as world:
        yield world


@pytest.fixture
def zoho(world: Both) -> Connection:
    return world.connection("zoho")


async def test_a_listing_costs_what_was_estimated(world: Both, zoho: Connection) -> None:
    for model in (Account, Contact, Deal, ActivityBase):
        await zoho.of(model).list(limit=1)  # what has to be learnt first is no part of the price
        told = await zoho.estimate("list", model)
        heard = listening(world)
        await zoho.of(model).list()
        assert len(heard) == told.calls, model


async def test_a_listing_of_some_costs_what_was_estimated(world: Both, zoho: Connection) -> None:
    await zoho.accounts.list(limit=1)
    told = await zoho.estimate("read", Account, records=3)
    heard = listening(world)
    await zoho.accounts.list(limit=3)
    assert (len(heard), told.cost) == (told.calls, 1)


async def test_objects_without_a_mapping_are_estimated_by_name(world: Both, zoho: Connection) -> None:
    products = zoho.object("Products")
    await products.list(fields=["Product_Name"])
    told = await zoho.estimate("read", "Products", fields=["Product_Name"])
    heard = listening(world)
    await products.list(fields=["Product_Name"])
    assert len(heard) == told.calls


def listening(world: Both) -> list[Event]:
    heard: list[Event] = []

    def hear(event: Event) -> None:
        if event.name == "http.call":
            heard.append(event)

    world.hub.events.subscribe(hear)
    return heard


@pytest.mark.parametrize(
    ("operation", "records", "calls", "cost"),
    [("create", 250, 3, 25), ("update", 5, 1, 1), ("upsert", 100, 1, 10), ("delete", 101, 2, 2)],
)
async def test_writes_by_model(
    zoho: Connection, operation: Operation, records: int, calls: int, cost: int
) -> None:
    told = await zoho.estimate(operation, Contact, records=records)
    assert (told.calls, told.cost) == (calls, cost)
    assert told.how == "100 records a call"


async def test_what_is_asked_for_wrongly_is_told(zoho: Connection) -> None:
    with pytest.raises(UsageError, match="say how many records to create"):
        await zoho.estimate("create", Account)
    with pytest.raises(UsageError, match="no operation 'reed'"):
        await zoho.estimate("reed", Account)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="records"):
        await zoho.estimate("create", Account, records=-1)
    with pytest.raises(UsageError, match="has no field 'nmae'"):
        await zoho.estimate("read", Account, fields=["nmae"])


async def test_the_crm_in_memory_counts_calls(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        assert await hub["crm"].estimate("read", Account) == Estimate(
            3, 3, "calls", "pages of 2, 100 records a write"
        )

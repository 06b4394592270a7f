"""Short lists of what was made last, through a hub's connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crmhub.connection import Connection
from crmhub.errors import Unsupported, UsageError
from crmhub.events import Event
from crmhub.models import Account, Contact
from crmhub.routing import routed
from tests.integration.api_doubles import Both, both
from tests.memory_hub import hub_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[Both]:
    async with both(rows=5) as world:
        yield world


@pytest.fixture
def zoho(world: Both) -> Connection:
    return world.connection("zoho")


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (3, 3), (100, 5)])
async def test_the_newest_come_first_and_no_more_than_asked_for(
    zoho: Connection, limit: int, count: int
) -> None:
    by_id = sorted([one.id for one in await zoho.deals.list()], key=lambda id_: int(str(id_)), reverse=True)
    found = await zoho.deals.newest(limit)
    assert [deal.id for deal in found] == by_id[:count]
    assert found == await zoho.deals.get_many([str(id_) for id_ in by_id[:count]])


async def test_a_model_in_several_objects_is_put_in_order(zoho: Connection) -> None:
    lead = await zoho.contacts.create(Contact(last_name="Lead", kind="lead", company="Globex"))
    found = await zoho.contacts.newest(10)
    assert lead.id in [one.id for one in found]
    times = [one.created_at for one in found if one.created_at]
    assert len(times) == 10
    assert times == sorted(times, reverse=True)
    assert [one.id for one in await zoho.contacts.newest(4)] == [one.id for one in found[:4]]


async def test_chosen_fields_alone_are_set_and_raw_keeps_zohos_record(zoho: Connection) -> None:
    made = await zoho.accounts.create(Account(name="Acme", website="https://acme.example"))
    (account,) = await zoho.accounts.newest(1, fields=["name"], raw=True)
    assert (account.id, account.name, account.website) == (made.id, "Acme", None)
    assert account.raw is not None
    assert account.raw["Account_Name"] == "Acme"


async def test_every_field_of_any_object_comes(zoho: Connection) -> None:
    (product,) = await zoho.object("Products").newest(1, raw=True)
    (again,) = await zoho.object("Products").get_many([product.id or ""], raw=True)
    assert product == again


async def test_the_context_chooses_the_tier(world: Both, zoho: Connection) -> None:
    heard: list[Event] = []
    world.hub.events.subscribe(heard.append)
    with routed(tier="sdk"):
        first = await zoho.accounts.newest(2)
    with routed("fallback"):
        second = await zoho.accounts.newest(2)
    assert first == second
    told = [one.detail for one in heard if one.name == "tier.served"]
    assert [(one["operation"], one["tier"]) for one in told] == [("list", "sdk"), ("list", "rest")]


async def test_who_has_no_such_list_is_named(zoho: Connection, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="users"):
        await zoho.users.newest(5)
    async with hub_of(tmp_path) as hub:
        with pytest.raises(Unsupported, match=r"newest.*list"):
            await hub["crm"].accounts.newest(5)


async def test_a_limit_that_is_no_number_is_told_at_the_call(zoho: Connection) -> None:
    with pytest.raises(UsageError, match="limit"):
        zoho.accounts.newest(None)  # pyright: ignore[reportArgumentType]

"""Zoho's notifications through a hub's connection: subscribed, renewed, proved, and read again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from crmhub.connection import Connection
from crmhub.connector import Deletion
from crmhub.errors import AuthError, InvalidRecord, NotFound, Unsupported, UsageError
from crmhub.models import Account, Contact, CustomObject, Deal, User
from crmhub.powers import Changes
from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.api_doubles import Both, both
from tests.memory_hub import hub_of

pytestmark = pytest.mark.anyio

STRICT = """
crm: zoho
version: 1
maps:
  - model: account
    object: Accounts
    fields: {number: Account_Name, employees: {to: Account_Name, as: int, dir: read}}
"""
URL = "https://app.example.com/zoho"


@pytest.fixture
async def world() -> AsyncIterator[Both]:
    async with both(rows=2) as world:
        yield world


@pytest.fixture
def zoho(world: Both) -> Connection:
    return world.connection("zoho")


async def messages(world: Both) -> list[Changes]:
    """What the messages tell that were sent since this was asked last."""
    double = world.doubles["zoho"]
    assert isinstance(double, ZohoDouble)
    hooks = world.connection("zoho").webhooks
    bodies = [json.dumps(one["body"]).encode() for one in double.outbox(clear=True)]
    return [change for body in bodies for change in await hooks.parse(body, {})]


async def again(world: Both, mapping: Path | None = None) -> Connection:
    """The connection made anew, as by another process."""
    settings = world.hub.config.connections["zoho"].values
    await world.hub.remove("zoho")
    return world.hub.add("zoho", "zoho", mapping=mapping, **settings)


async def test_what_changed_comes_as_models_and_who_is_gone_apart(world: Both, zoho: Connection) -> None:
    await zoho.webhooks.subscribe([Account], URL)
    kept = await zoho.accounts.create(Account(name="Acme"))
    gone = await zoho.accounts.create(Account(name="Globex"))
    await zoho.accounts.delete(gone.id)
    (page,) = await zoho.webhooks.read(await messages(world))
    assert (page.object, page.checkpoint) == ("Accounts", None)
    assert page.records == [await zoho.accounts.get(kept.id)]
    assert page.deleted == [Deletion(gone.id)]


async def test_a_model_stands_for_all_objects_that_hold_it(world: Both, zoho: Connection) -> None:
    made = await zoho.webhooks.subscribe([Contact, "Products", Contact], URL)
    assert [one.object for one in made] == ["Contacts", "Leads", "Products"]
    await zoho.contacts.create(Contact(last_name="Scorpio", kind="lead", company="Globex"))
    await zoho.object("Products").create(CustomObject(custom={"Product_Name": "Stapler"}))
    lead, product = await zoho.webhooks.read(await messages(world))
    assert [(type(one).__name__, one.object) for one in lead.records] == [("Contact", "Leads")]
    (stapler,) = product.records
    assert isinstance(stapler, CustomObject)
    assert stapler.custom["Product_Name"] == "Stapler"


async def test_what_several_messages_tell_of_is_read_once(zoho: Connection, world: Both) -> None:
    deal, other = (str(one.id) for one in await zoho.deals.list())
    before = world.doubles["zoho"].stats.calls.total()
    assert await zoho.webhooks.read([]) == []
    assert world.doubles["zoho"].stats.calls.total() == before
    told = [Changes("Deals", changed=(deal,)), Changes("Deals", changed=(other, deal)), Changes("Deals")]
    (page,) = await zoho.webhooks.read(told)
    assert [one.id for one in page.records] == [deal, other]
    assert all(isinstance(one, Deal) and one.stage and one.stage.name for one in page.records)


async def test_a_record_told_as_deleted_that_is_there_is_no_deletion(zoho: Connection) -> None:
    account = (await zoho.accounts.create(Account(name="Restored"))).id
    (page,) = await zoho.webhooks.read([Changes("Accounts", deleted=(account,))])
    assert ([one.id for one in page.records], page.deleted) == ([account], [])


async def test_a_record_that_cannot_be_read_is_told_and_keeps_no_other_back(
    world: Both, tmp_path: Path
) -> None:
    mapping = tmp_path / "strict.yaml"
    mapping.write_text(STRICT)
    zoho = await again(world, mapping)
    made = await zoho.accounts.create_many([Account(number="twelve"), Account(number="12")])
    bad, good = (str(one.id) for one in made)
    told = [Changes("Accounts", changed=(bad, good))]
    with pytest.raises(InvalidRecord):
        await zoho.webhooks.read(told)
    invalid: list[InvalidRecord] = []
    (page,) = await zoho.webhooks.read(told, on_invalid=invalid.append)
    assert [one.id for one in page.records] == [good]
    assert [one.where.record for one in invalid] == [bad]


async def test_another_process_renews_and_ends_what_this_one_made(zoho: Connection, world: Both) -> None:
    made = await zoho.webhooks.subscribe([Account, Deal], URL)
    other = await again(world)
    standing = await other.webhooks.renew_due()
    assert sorted(standing, key=lambda one: one.object) == list(made)
    await other.webhooks.unsubscribe([Account])
    assert [one.object for one in await other.webhooks.renew_due()] == ["Deals"]
    await other.webhooks.unsubscribe()
    assert await other.webhooks.renew_due() == []


async def test_a_strangers_message_is_refused(zoho: Connection) -> None:
    await zoho.webhooks.subscribe([Account], URL)
    stranger = {"channel_id": "1", "token": "x", "module": "Accounts", "ids": ["1"], "operation": "update"}
    with pytest.raises(AuthError):
        await zoho.webhooks.parse(json.dumps(stranger).encode(), {"content-type": "application/json"})


async def test_what_cannot_be_subscribed_to_is_named(zoho: Connection) -> None:
    with pytest.raises(NotFound, match="Acounts"):
        await zoho.webhooks.subscribe(["Acounts"], URL)
    with pytest.raises(Unsupported, match="users"):
        await zoho.webhooks.subscribe([User], URL)


# Calls as somebody without a type checker would write them.
Call = Callable[[Any], object]  # pyright: ignore[reportExplicitAny]

WRONG: dict[str, tuple[Call, str]] = {
    "a model instead of a list": (lambda w: w.subscribe(Account, URL), "objects: a list is expected"),
    "a name instead of a list": (lambda w: w.subscribe("Accounts", URL), "objects: a list is expected"),
    "a record": (lambda w: w.subscribe([3], URL), "objects: an int is not a model"),
    "no URL": (lambda w: w.subscribe([Account], None), "url: a text is expected, not None"),
    "a URL that is not safe": (lambda w: w.subscribe([Account], "http://app.example.com"), "https"),
    "a naive time": (lambda w: w.renew_due(datetime(2026, 1, 1)), "names no time zone"),  # noqa: DTZ001
    "a decoded body": (lambda w: w.parse({"token": "x"}, {}), "raw_body: the body as it came.*not a dict"),
    "a text": (lambda w: w.parse("{}", {}), "raw_body: the body as it came.*not a str"),
    "headers that are none": (lambda w: w.parse(b"{}", "x"), "headers: a str is not a table"),
    "a change that is none": (lambda w: w.read(["1"]), "changes: a str where Changes are expected.*parse"),
    "one change": (lambda w: w.read(Changes("Deals")), "changes: a list is expected, not a Changes"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_argument_is_told_before_anything_is_sent(
    zoho: Connection, world: Both, name: str
) -> None:
    call, message = WRONG[name]
    with pytest.raises(UsageError, match=message):
        await cast("Any", call(zoho.webhooks))  # pyright: ignore[reportExplicitAny]
    assert not [one for one in world.doubles["zoho"].stats.calls if "watch" in one]


async def test_a_crm_that_sends_no_messages_says_what_to_do_instead(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        with pytest.raises(Unsupported, match=r"webhooks.*changes"):
            await hub["crm"].webhooks.renew_due()

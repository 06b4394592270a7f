"""The records of a connection as models, read and written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, cast

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connector import Outcome, Problem, Value, WriteRequest
from crmhub.errors import AlreadyExists, ConfigError, Conflict, InvalidRecord, NotFound, Unsupported
from crmhub.hub import Hub
from crmhub.models import (
    Account,
    Call,
    Contact,
    Deal,
    DealStatus,
    Money,
    Phone,
    Record,
    Ref,
    Task,
    Unknown,
    UserRef,
)
from crmhub.testing.memory import MemoryConnector

pytestmark = pytest.mark.anyio

MAPPING = """
crm: memory
version: 1
maps:
  - model: user
    object: people
    fields: {id: {to: id, dir: read}, email: {to: email, dir: read}}
  - model: account
    object: companies
    fields:
      name: name
      phones[role=main].raw: phone
      phones[role=fax].raw: fax
      parent: {ref: account, to: parent_id}
      owner: {ref: user, to: owner_id, by: email}
      custom.tier: tier
  - model: contact
    object: persons
    set: {kind: person}
    fields: {last_name: name, "emails[role=primary].value": email}
  - {model: contact, object: leads, set: {kind: lead}, fields: {last_name: name}}
  - model: deal
    object: deals
    fields:
      name: name
      amount: {to: amount, as: money}
      status: {to: state, as: {enum: {"Closed - Won": won, Running: open}}}
  - model: activity
    object: todos
    set: {type: task}
    where: {kind: todo}
    fields: {subject: name}
  - model: activity
    object: todos
    set: {type: call}
    where: {kind: call}
    fields: {subject: name, duration: {to: seconds, as: {duration: seconds}}}
  - model: property
    object: houses
    fields: {name: name, bedrooms: {to: beds, as: int}}
"""

STAGED = """
crm: memory
version: 1
maps:
  - model: stage
    object: stages
    fields:
      id: {to: id, dir: read}
      label: {to: label, dir: read}
      outcome: {to: outcome, as: {enum: {open: open, won: won, lost: lost}}, dir: read}
  - model: deal
    object: sales
    fields: {name: name, stage: {ref: stage, to: stage_id, by: label}}
"""

OBJECTS = {
    "people": {"email": "text"},
    "stages": {"label": "text", "outcome": "text"},
    "sales": {"name": "text", "stage_id": "text"},
    "companies": dict.fromkeys(("name", "phone", "fax", "parent_id", "owner_id", "tier", "credit"), "text"),
    "persons": {"name": "text", "email": "text"},
    "leads": {"name": "text"},
    "deals": {"name": "text", "amount": "decimal", "state": "text"},
    "todos": {"name": "text", "kind": "text", "seconds": "text"},
    "houses": {"name": "text", "beds": "text"},
}


class Property(Record):
    """A model of a user's own."""

    model: ClassVar[str] = "property"
    name: str | None = None
    bedrooms: int | None = None


class Customer(Account):
    """A built-in model with one more field."""

    credit: Money | None = None


@asynccontextmanager
async def crm(tmp_path: Path, mapping: str = MAPPING, *models: type[Record]) -> AsyncGenerator[Hub]:
    path = tmp_path / "memory.yaml"
    path.write_text(mapping)
    config = Config({}, store="sqlite:///:memory:")
    async with Hub(config, models=models or (Property,), clock=ManualClock()) as hub:
        hub.add("crm", "memory", mapping=path, objects=cast("Value", OBJECTS), page_size=2)
        yield hub


def rows(hub: Hub, object_: str) -> list[dict[str, object]]:
    return [dict(row) for row in cast("MemoryConnector", hub["crm"].connector).records[object_].values()]


async def test_a_record_is_created_read_changed_and_deleted(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        deals = hub["crm"].deals
        id_ = (await deals.create(Deal(name="Big", amount=Money(Decimal("10.50"))))).id
        deal = await deals.get(id_)
        assert (deal.name, deal.amount, deal.connection, deal.object) == (
            "Big",
            Money(Decimal("10.50")),
            "crm",
            "deals",
        )
        await deals.update(id_, Deal(amount=None))
        changed = await deals.get(id_)
        assert (changed.name, changed.amount) == ("Big", None)
        await deals.delete(id_)
        await deals.delete(id_)
        with pytest.raises(NotFound, match=f"connection crm, object deals, record {id_}"):
            await deals.get(id_)


async def test_records_come_in_pages_and_one_by_one(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        for number in range(5):
            await hub["crm"].deals.create(Deal(name=f"Deal {number}"))
        assert [len(page) async for page in hub["crm"].deals.list().pages()] == [2, 2, 1]
        assert [deal.name async for deal in hub["crm"].deals.list(limit=3)] == ["Deal 0", "Deal 1", "Deal 2"]


async def test_the_native_record_comes_when_it_is_asked_for(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        id_ = (await hub["crm"].deals.create(Deal(name="Big"))).id
        assert (await hub["crm"].deals.get(id_)).raw is None
        raw = (await hub["crm"].deals.get(id_, raw=True)).raw
        assert raw is not None
        assert raw["name"] == "Big"


async def test_the_vendors_word_is_kept_beside_the_canonical_one(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        known = (await hub["crm"].deals.create(Deal(name="Big", status=DealStatus.WON))).id
        odd = (await hub["crm"].deals.create(Deal(name="Odd", status=Unknown("On ice")))).id
        won, iced = await hub["crm"].deals.get(known), await hub["crm"].deals.get(odd)
        assert (won.status, won.vendor) == (DealStatus.WON, {"status": "Closed - Won"})
        assert (iced.status, iced.vendor) == (Unknown("On ice"), {"status": "On ice"})


async def test_a_deals_status_follows_from_its_stage(tmp_path: Path) -> None:
    async with crm(tmp_path, STAGED) as hub:
        memory = cast("MemoryConnector", hub["crm"].connector)
        memory._store("stages", {"id": "s9", "label": "Champagne", "outcome": "won"})
        memory._store("sales", {"id": "x1", "name": "Big", "stage_id": "s9"})
        memory._store("sales", {"id": "x2", "name": "Odd", "stage_id": "gone"})
        big, odd = [deal async for deal in hub["crm"].deals.list()]
        assert (big.status, big.stage) == (DealStatus.WON, Ref(model="stage", id="s9", name="Champagne"))
        assert (odd.status, odd.stage) == (None, Ref(model="stage", id="gone"))


async def test_deals_are_chosen_by_a_status_that_follows_from_their_stages(tmp_path: Path) -> None:
    async with crm(tmp_path, STAGED) as hub:
        memory = cast("MemoryConnector", hub["crm"].connector)
        for id_, outcome in (("s1", "won"), ("s2", "open"), ("s3", "won")):
            memory._store("stages", {"id": id_, "label": id_, "outcome": outcome})
            memory._store("sales", {"name": f"in {id_}", "stage_id": id_})
        deals = hub["crm"].deals
        assert [deal.name for deal in await deals.list(where={"status": "won"})] == ["in s1", "in s3"]
        assert await deals.count(where={"status": ["open", "won"]}) == 3
        assert await deals.count(where={"status": "won", "stage": "s1"}) == 1
        assert await deals.count(where={"status": "abandoned"}) == 0


async def test_a_list_that_is_set_is_the_whole_list(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        accounts = hub["crm"].accounts
        phones = [Phone(role="main", raw="1"), Phone(role="fax", raw="2")]
        id_ = (await accounts.create(Account(name="A", phones=phones))).id
        await accounts.update(id_, Account(phones=[Phone(role="main", raw="3")]))
        assert [(phone.role, phone.raw) for phone in (await accounts.get(id_)).phones or []] == [
            ("main", "3")
        ]
        (row,) = rows(hub, "companies")
        assert row["fax"] is None


async def test_what_has_no_place_in_the_crm_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        with pytest.raises(
            InvalidRecord, match=r"phones\[role=pager\]: has no place in companies; there are phones\[role="
        ):
            await hub["crm"].accounts.create(Account(name="A", phones=[Phone(role="pager", raw="1")]))
        with pytest.raises(InvalidRecord, match=r"website: has no place in companies"):
            await hub["crm"].accounts.create(Account(name="A", website="x.example"))
        with pytest.raises(InvalidRecord, match=r"custom\.colour: has no place"):
            await hub["crm"].accounts.create(Account(name="A", custom={"colour": "red"}))
        assert rows(hub, "companies") == []


async def test_custom_fields_and_references_travel(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        memory = cast("MemoryConnector", hub["crm"].connector)
        memory._store("people", {"id": "p1", "email": "Ann@example.com"})
        parent = (await hub["crm"].accounts.create(Account(name="Parent"))).id
        made = await hub["crm"].accounts.create(
            Account(
                name="Child",
                parent=Ref(model="account", id=parent),
                owner=UserRef(email="ann@EXAMPLE.com"),
                custom={"tier": "gold"},
            )
        )
        read = await hub["crm"].accounts.get(made.id)
        assert (read.parent, read.custom) == (Ref(model="account", id=parent), {"tier": "gold"})
        assert read.owner == UserRef(id="p1")
        with pytest.raises(InvalidRecord, match="owner: no such user"):
            await hub["crm"].accounts.create(Account(name="C", owner=UserRef(email="bob@example.com")))


async def test_models_that_share_an_object_are_told_apart(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        await hub["crm"].activities.create(Task(subject="Do it"))
        await hub["crm"].activities.create(Call(subject="Ring", duration=timedelta(minutes=2)))
        found = [activity async for activity in hub["crm"].activities.list()]
        assert [(type(activity).__name__, activity.subject) for activity in found] == [
            ("Task", "Do it"),
            ("Call", "Ring"),
        ]
        assert [call.duration async for call in hub["crm"].of(Call).list()] == [timedelta(minutes=2)]


async def test_people_and_leads_are_contacts_of_two_objects(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        contacts = hub["crm"].contacts
        person = (await contacts.create(Contact(last_name="Ann"))).id
        lead = (await contacts.create(Contact(kind="lead", last_name="Bob"))).id
        assert [(c.kind, c.last_name) async for c in contacts.list()] == [("person", "Ann"), ("lead", "Bob")]
        assert (await contacts.get(lead)).kind == "lead"
        with pytest.raises(Unsupported, match="persons and leads"):
            await contacts.delete(person)
        await contacts.delete(lead, object="leads")
        assert rows(hub, "leads") == []


async def test_a_model_of_ones_own_is_read_and_written(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        id_ = (await hub["crm"].of(Property).create(Property(name="Villa", bedrooms=4))).id
        assert (await hub["crm"].of(Property).get(id_)).bedrooms == 4


async def test_a_subclass_with_more_fields_takes_its_parents_place(tmp_path: Path) -> None:
    mapping = MAPPING.replace("custom.tier: tier", "credit: {to: credit, as: money}")
    async with crm(tmp_path, mapping, Property, Customer) as hub:
        id_ = (await hub["crm"].of(Customer).create(Customer(name="C", credit=Money(Decimal(5))))).id
        assert (await hub["crm"].of(Customer).get(id_)).credit == Money(Decimal(5))
        assert isinstance(await hub["crm"].accounts.get(id_), Customer)


async def test_a_class_that_nobody_registered_says_how(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        with pytest.raises(ConfigError, match=r"Customer is not mapped.*models=\[Customer\]"):
            await hub["crm"].of(Customer).get("1")


async def test_a_write_on_a_stale_version_is_a_conflict(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        id_ = (await hub["crm"].deals.create(Deal(name="Big"))).id
        seen = await hub["crm"].deals.get(id_)
        cast("ManualClock", hub.clock).advance(5)
        await hub["crm"].deals.update(id_, Deal(name="Bigger"))
        with pytest.raises(Conflict, match="read it again"):
            await hub["crm"].deals.update(id_, Deal(name="Smaller"), if_version=seen.version)


class Taken(MemoryConnector):
    """Refuses every record because another one has its unique value."""

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        return [Outcome("rejected", "companies-7", problem=Problem("DUPLICATE", "taken", "name"))]


async def test_a_record_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        taken = hub.add("taken", Taken, mapping=tmp_path / "memory.yaml", objects=cast("Value", OBJECTS))
        for write in (
            taken.accounts.create(Account(name="Acme")),
            taken.accounts.update("companies-1", Account(name="Acme")),
        ):
            with pytest.raises(AlreadyExists, match=r"taken.*field name.*DUPLICATE") as caught:
                await write
            assert caught.value.existing_id == "companies-7"
        with pytest.raises(InvalidRecord):  # its own value
            await taken.accounts.update("companies-7", Account(name="Acme"))


async def test_a_value_that_cannot_be_read_names_record_and_field(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        cast("MemoryConnector", hub["crm"].connector)._store("deals", {"name": "Big", "amount": "plenty"})
        with pytest.raises(InvalidRecord, match=r"cannot be read as amount.*field amount") as caught:
            _ = [deal async for deal in hub["crm"].deals.list()]
        assert "plenty" not in str(caught.value)


async def test_names_that_do_not_exist_are_met_with_suggestions(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        with pytest.raises(ConfigError, match=r"no connection 'cmr'.*did you mean 'crm'"):
            hub["cmr"]
        with pytest.raises(ConfigError, match="is there already"):
            hub.add("crm", "memory")
        hub.add("other", "memmory")
        with pytest.raises(ConfigError, match="did you mean 'memory'"):
            await hub["other"].deals.get("1")


async def test_an_object_that_this_org_lacks_holds_no_records(tmp_path: Path) -> None:
    async with crm(tmp_path) as hub:
        fewer = {name: fields for name, fields in OBJECTS.items() if name != "leads"}
        small = hub.add(
            "small", "memory", mapping=tmp_path / "memory.yaml", objects=cast("Value", fewer), page_size=2
        )
        await small.contacts.create(Contact(last_name="Ann"))
        assert [contact.last_name for contact in await small.contacts.list()] == ["Ann"]
        assert await small.contacts.count() == 1
        with pytest.raises(NotFound, match="no such object"):
            await small.contacts.create(Contact(kind="lead", last_name="Bob"))


SHARED = """
crm: memory
version: 1
maps:
  - {model: property, object: things, where: {kind: house}, fields: {name: name}}
  - {model: account, object: things, fields: {name: name, site: place}}
"""


async def test_chosen_fields_leave_records_to_the_models_that_they_belong_to(tmp_path: Path) -> None:
    path = tmp_path / "shared.yaml"
    path.write_text(SHARED)
    rows = [{"id": "h1", "name": "Villa", "kind": "house"}, {"id": "c1", "name": "Acme", "kind": "firm"}]
    fields = dict.fromkeys(("name", "place", "kind"), "text")
    async with Hub(Config({}, store="sqlite:///:memory:"), models=[Property], clock=ManualClock()) as hub:
        things = cast("Value", {"things": rows})
        accounts = hub.add(
            "crm", "memory", mapping=path, objects=cast("Value", {"things": fields}), rows=things
        ).accounts
        assert [account.id for account in await accounts.list()] == ["c1"]
        assert [account.id for account in await accounts.list(fields=["name"])] == ["c1"]
        assert await accounts.count() == 1

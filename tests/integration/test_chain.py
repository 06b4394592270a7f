"""Zoho → HubSpot → Pipedrive → GoHighLevel: what is lost was named before, and the rest arrives.

The comparison goes its own way: from what Zoho's double holds straight to what GoHighLevel's does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from crmhub.mapping.losses import Loss, kind_of_map
from crmhub.models import Account, Contact, Deal, Money, Ref
from crmhub.store import RecordRef
from crmhub.testing.sales import generate, write_users
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from tests.integration.chain import CHAIN, LEGS, Chain, chain
from tests.integration.test_main_job import REAL

pytestmark = pytest.mark.anyio

Row: TypeAlias = "Mapping[str, object]"
Named: TypeAlias = "tuple[str, str, str]"
"""A model, its kind, and a path."""
ADDRESS = ("line1", "city", "region", "postal_code", "country")
STATUS = {
    "Not Started": "planned", "In Progress": "in_progress", "Waiting for input": "waiting",
    "Deferred": "deferred", "Completed": "completed",
}  # fmt: skip


def addresses(role: str, *fields: str) -> dict[str, str]:
    return {f"addresses[role={role}].{part}": name for part, name in zip(ADDRESS, fields, strict=True)}


def zoho_address(role: str, prefix: str) -> dict[str, str]:
    parts = ("Street", "City", "State", "Zip" if role in {"mailing", "other"} else "Code", "Country")
    return addresses(role, *(f"{prefix}_{part}" for part in parts))


TIMES = {"created_at": "Created_Time", "updated_at": "Modified_Time"}
EVER = {**TIMES, "last_activity_at": "Last_Activity_Time", "owner": "Owner"}
ZOHO: dict[tuple[str, str], dict[str, str]] = {
    ("account", ""): {
        "name": "Account_Name", "number": "Account_Number", "site": "Account_Site", "type": "Account_Type",
        "industry": "Industry", "rating": "Rating", "employees": "Employees",
        "annual_revenue": "Annual_Revenue", "website": "Website", "description": "Description",
        "phones[role=main].raw": "Phone", "phones[role=fax].raw": "Fax", "parent": "Parent_Account",
        "custom.year_established": "Year_Established",
        **zoho_address("billing", "Billing"), **zoho_address("shipping", "Shipping"), **EVER,
    },
    ("contact", "person"): {
        "salutation": "Salutation", "first_name": "First_Name", "last_name": "Last_Name",
        "full_name": "Full_Name", "title": "Title", "department": "Department",
        "emails[role=primary].value": "Email", "emails[role=secondary].value": "Secondary_Email",
        "phones[role=main].raw": "Phone", "phones[role=mobile].raw": "Mobile",
        "phones[role=home].raw": "Home_Phone", "phones[role=other].raw": "Other_Phone",
        "phones[role=assistant].raw": "Asst_Phone", "phones[role=fax].raw": "Fax",
        "birthday": "Date_of_Birth", "lead_source": "Lead_Source", "email_opt_out": "Email_Opt_Out",
        "description": "Description", "account": "Account_Name", "reports_to": "Reporting_To",
        **zoho_address("mailing", "Mailing"), **zoho_address("other", "Other"), **EVER,
    },
    ("deal", ""): {
        "name": "Deal_Name", "amount": "Amount", "probability": "Probability",
        "expected_revenue": "Expected_Revenue", "stage": "Stage", "expected_close": "Closing_Date",
        "type": "Type", "source": "Lead_Source", "next_step": "Next_Step", "description": "Description",
        "account": "Account_Name", "primary_contact": "Contact_Name", "custom.product": "Product",
        "custom.engage_date": "Engage_Date", "custom.opportunity_id": "Opportunity_Id", **EVER,
    },
    ("activity", "task"): {
        "subject": "Subject", "body": "Description", "due_at": "Due_Date", "status": "Status",
        "priority": "Priority", "contact": "Who_Id", "regarding": "What_Id", "completed_at": "Closed_Time",
        "owner": "Owner", **TIMES,
    },
    ("activity", "meeting"): {
        "subject": "Event_Title", "body": "Description", "starts_at": "Start_DateTime",
        "ends_at": "End_DateTime", "all_day": "All_day", "location": "Venue", "contact": "Who_Id",
        "regarding": "What_Id", "owner": "Owner", **TIMES,
    },
    ("activity", "note"): {
        "subject": "Note_Title", "body": "Note_Content", "regarding": "Parent_Id", "owner": "Owner", **TIMES,
    },
}  # fmt: skip
GOHIGHLEVEL: dict[tuple[str, str], dict[str, str]] = {
    ("account", ""): {
        "name": "name", "website": "website", "description": "description", "phones[role=main].raw": "phone",
        "created_at": "createdAt", "updated_at": "updatedAt",
        **addresses("billing", "address", "city", "state", "postalCode", "country"),
    },
    ("contact", "person"): {
        "first_name": "firstName", "last_name": "lastName", "full_name": "name",
        "emails[role=primary].value": "email", "phones[role=main].raw": "phone", "account": "businessId",
        "birthday": "dateOfBirth", "lead_source": "source", "owner": "assignedTo",
        "created_at": "dateAdded", "updated_at": "dateUpdated",
        **addresses("mailing", "address1", "city", "state", "postalCode", "country"),
    },
    ("deal", ""): {
        "name": "name", "amount": "monetaryValue", "probability": "forecastProbability",
        "stage": "pipelineStageId", "status": "status", "expected_close": "forecastExpectedCloseDate",
        "source": "source", "primary_contact": "contactId", "custom.opportunity_id": "opportunity",
        "owner": "assignedTo", "created_at": "createdAt", "updated_at": "updatedAt",
    },
    ("activity", "task"): {
        "subject": "title", "body": "body", "due_at": "dueDate", "status": "completed",
        "contact": "contactId", "owner": "assignedTo",
    },
    ("activity", "meeting"): {
        "subject": "title", "body": "description", "starts_at": "startTime", "ends_at": "endTime",
        "location": "address", "contact": "contactId", "owner": "assignedUserId", "created_at": "dateAdded",
        "updated_at": "dateUpdated",
    },
    ("activity", "note"): {
        "subject": "title", "body": "body", "regarding": "contactId", "owner": "userId",
        "created_at": "dateAdded",
    },
}  # fmt: skip
OBJECTS = {
    ("account", ""): ("Accounts", "businesses"),
    ("contact", "person"): ("Contacts", "contacts"),
    ("contact", "lead"): ("Leads", None),
    ("deal", ""): ("Deals", "opportunities"),
    ("activity", "task"): ("Tasks", "tasks"),
    ("activity", "meeting"): ("Events", "appointments"),
    ("activity", "call"): ("Calls", None),
    ("activity", "note"): ("Notes", "notes"),
}
WHOLE: set[Named] = {
    *(("account", "", path) for path in ("name", "website", *addresses("billing", *"abcde"))),
    *(("contact", "person", path) for path in ("first_name", "last_name", "account", "owner")),
    *(("deal", "", path) for path in ("name", "owner", "status", "custom.opportunity_id")),
    *(("activity", "task", path) for path in ("subject", "body", "owner")),
    *(("activity", "meeting", path) for path in ("subject", "location", "owner")),
}
"""What is not even named: it arrives in every record that does."""
DEALS = 800
ONCE = pytest.mark.parametrize("anyio_backend", ["asyncio"])  # each sync's own tests run on both
CHANGED_IN_FORM: set[Named] = {
    ("contact", "person", "emails[role=primary].value"), ("contact", "person", "phones[role=main].raw"),
    *(("deal", "", path) for path in ("amount", "stage", "expected_close", "primary_contact")),
    *(("activity", "task", path) for path in ("due_at", "status", "contact")),
    ("activity", "note", "regarding"),
}  # fmt: skip
"""What is named, but arrives: in another form, or under a condition."""


class Start:
    """What Zoho's double holds, a canonical path at a time."""

    def __init__(self, room: Chain) -> None:
        self._room = room

    def value(self, key: tuple[str, str], path: str, row: Row) -> object:
        """The value, brought into a form that any CRM's can have."""
        if (key, path) == (("deal", ""), "status"):
            stage = str(row["Stage"])
            return "won" if stage == "Closed Won" else "lost" if stage.startswith("Closed Lost") else "open"
        held = row.get(ZOHO[key][path])
        if isinstance(held, dict):
            return plain(cast("Row", held)["email" if path == "owner" else "name"])
        return STATUS[str(held)] if path == "status" else plain(held)


class End:
    """What GoHighLevel's double holds."""

    def __init__(self, room: Chain) -> None:
        double = room.doubles["gohighlevel"]
        assert isinstance(double, GoHighLevelDouble)
        stages = double.agency.main.pipelines[0].stages
        businesses, people = room.truth("gohighlevel", "businesses"), room.truth("gohighlevel", "contacts")
        people_by_id = {id_: row["name"] for id_, row in people.items()}
        self._names: dict[str, Mapping[str, object]] = {
            "owner": {id_: row["email"] for id_, row in room.truth("gohighlevel", "users").items()},
            "account": {id_: row["name"] for id_, row in businesses.items()},
            "stage": {stage.id: stage.name for stage in stages},
            **dict.fromkeys(("contact", "primary_contact", "regarding"), people_by_id),
        }

    def value(self, key: tuple[str, str], path: str, row: Row) -> object:
        """The value, in the same form; ``None`` where GoHighLevel has no field for it."""
        field = GOHIGHLEVEL[key].get(path)
        if field is None:
            return None
        if path.startswith("custom."):
            fields = cast("list[Row]", row.get("customFields") or [])
            return next(
                (plain(one["fieldValue"]) for one in fields if one["id"] == "OpportunityOfSales01"), None
            )
        held = row.get(field)
        if path in self._names:
            return None if held is None else plain(self._names[path][str(held)])
        if path == "status" and isinstance(held, bool):
            return "completed" if held else "planned"
        return plain(held if path not in {"due_at", "expected_close"} or held is None else str(held)[:10])


def plain(value: object) -> object:
    """Texts as they are, instants in UTC, numbers as decimals; what is empty is nothing."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value)).normalize()
    text = str(value)
    if len(text) > 18 and text[10] == "T":
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")
    return text or None


@dataclass(frozen=True)
class Stop:
    """Where a record of Zoho's went no further, and what was said about it."""

    target: str
    reason: str
    field: str | None


async def follow(room: Chain, object_: str, ids: Iterable[str]) -> tuple[dict[str, str], dict[str, Stop]]:
    """Where Zoho's records are in GoHighLevel, by the links of each leg, and where the others stopped."""
    store = await room.hub.store()
    places = {id_: RecordRef("zoho", object_, id_) for id_ in ids}
    stops: dict[str, Stop] = {}
    for source, target in LEGS:
        letters = {letter.source: letter for letter in await store.dead_letters.open(limit=100_000)}
        by_object: dict[str, list[str]] = {}
        for place in places.values():
            by_object.setdefault(place.object, []).append(place.id)
        links = {
            link.source: link.target
            for name, its in by_object.items()
            for link in (await store.links.find((source, name), target, its)).values()
        }
        for id_, place in list(places.items()):
            if place in links:
                places[id_] = links[place]
            else:
                letter = letters.get(place)
                stops[id_] = Stop(target, letter.reason if letter else "no way", letter and letter.field)
                del places[id_]
    return {id_: place.id.rpartition("/")[2] for id_, place in places.items()}, stops


@ONCE
async def test_what_a_chain_loses_was_named_before_and_the_rest_arrives(tmp_path: Path) -> None:
    data = tmp_path / "data"
    generate(data, accounts=8, deals=30, agents=5, seed=7)
    async with chain(tmp_path, data, people=6) as room:
        await carried_as_named(room)
        assert [report.writes for report in await room.sync_all()] == [0, 0, 0]
        await changes_follow(room)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the real dataset is not part of the project")
@ONCE
async def test_the_real_data_too(tmp_path: Path) -> None:
    """All accounts and some of the deals: associations go into HubSpot one by one."""
    data = tmp_path / "data"
    data.mkdir()
    for file in REAL.iterdir():
        (data / file.name).write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:DEALS]))
    write_users(data / "sales_teams.csv", data / "users.csv")
    async with chain(tmp_path, data, people=100) as room:
        await carried_as_named(room)
        assert [report.writes for report in await room.sync_all()] == [0, 0, 0]


async def carried_as_named(room: Chain) -> None:
    """The chain is asked, then run, then compared."""
    losses = await room.hub.losses(*CHAIN)
    assert [report.writes > 0 for report in await room.sync_all()] == [True, True, True]
    named = {(loss.model, loss.kind, loss.path) for loss in losses}
    assert WHOLE & named == set()
    start, end = Start(room), End(room)
    different: set[Named] = set()
    for key, (object_, there) in OBJECTS.items():
        rows = room.truth("zoho", object_)
        arrived, stops = await follow(room, object_, rows)
        await stopped_as_named(room, key, stops.values(), losses)
        assert bool(arrived) == ((*key, "") not in named)
        if there is None:
            continue
        found = {id_.rpartition("/")[2]: row for id_, row in room.truth("gohighlevel", there).items()}
        assert sorted(arrived.values()) == sorted(found), "nothing is there twice, nor from elsewhere"
        paths = {*ZOHO[key], *GOHIGHLEVEL[key]} if key == ("deal", "") else {*ZOHO[key]}
        different |= {
            (*key, path)
            for path in paths
            for id_, at in arrived.items()
            if start.value(key, path, rows[id_]) != end.value(key, path, found[at])
        }
    assert different - named == set()
    assert not CHANGED_IN_FORM & {
        (loss.model, loss.kind, loss.path) for loss in losses if loss.fate == "lost"
    }
    assert not different & {("deal", "", path) for path in ("stage", "status", "primary_contact")}


async def stopped_as_named(
    room: Chain, key: tuple[str, str], stops: Iterable[Stop], losses: Sequence[Loss]
) -> None:
    """What stopped on a leg had a field that was named as refused there, or waits for what had."""
    for stop in set(stops) - {stop for stop in stops if stop.reason == "waiting"}:
        own = [loss for loss in losses if (loss.model, loss.kind, loss.target) == (*key, stop.target)]
        if stop.reason == "no way":
            assert [loss.fate for loss in own if not loss.path] == ["lost"]
            continue
        mapping = await room.hub[stop.target].mapping()
        there = next(one for one in mapping.of_model(key[0]) if kind_of_map(one) == key[1])
        refused = {there.by_path[loss.path].to[0] for loss in own if loss.fate == "refused"}
        assert stop.field in refused, stop


async def changes_follow(room: Chain) -> None:
    """What people change in Zoho is at the other end after one more run of each leg; deletions unlink."""
    zoho = room.hub["zoho"]
    deals = room.truth("zoho", "Deals")
    arrived, _ = await follow(room, "Deals", deals)
    changed, gone = list(arrived)[:2]
    account = str(cast("Row", deals[changed]["Account_Name"])["id"])
    person = str(cast("Row", deals[changed]["Contact_Name"])["id"])
    stage = next(id_ for id_, label in await labels(room) if label == "Closed Won")
    change = Deal(name="Renamed", amount=Money(Decimal(77), None), stage=Ref(model="stage", id=stage))
    await zoho.deals.update(changed, change)
    await zoho.accounts.update(account, Account(website="https://changed.example"))
    await zoho.contacts.update(person, Contact(last_name="Changed"))
    await zoho.deals.delete(gone)
    held = len(room.truth("gohighlevel", "opportunities"))
    reports = await room.sync_all()

    assert [report.writes for report in reports] == [3, 3, 3]
    assert [report.totals["unlinked"] for report in reports] == [1, 0, 0]
    deal = room.truth("gohighlevel", "opportunities")[arrived[changed]]
    end = End(room)
    assert [end.value(("deal", ""), path, deal) for path in ("name", "amount", "stage", "status")] == [
        "Renamed", Decimal(77), "Closed Won", "won",
    ]  # fmt: skip
    assert str(end.value(("deal", ""), "primary_contact", deal)).endswith(" Changed")
    websites = {row.get("website") for row in room.truth("gohighlevel", "businesses").values()}
    assert "https://changed.example" in websites
    assert len(room.truth("gohighlevel", "opportunities")) == held
    assert [report.writes for report in await room.sync_all()] == [0, 0, 0]


async def labels(room: Chain) -> list[tuple[str, str]]:
    """Zoho's stages, id and label."""
    directory = await room.hub["zoho"].directory("stage")
    assert directory is not None
    return [(id_, str(entry["label"])) for id_, entry in directory.entries.items()]

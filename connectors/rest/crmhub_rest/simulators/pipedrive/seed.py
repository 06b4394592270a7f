"""Seeded records: believable business data, each computed from the seed and its place; nothing is kept.

Records point at each other by arithmetic on places, so that both directions are found without a scan.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded, Table
from crmhub_rest.simulators.numbers import NumberIds, mixed
from crmhub_rest.simulators.pipedrive.activities import blank_activity
from crmhub_rest.simulators.pipedrive.company import PLURAL, Company, stamp
from crmhub_rest.simulators.pipedrive.contacts import blank_organization, blank_person
from crmhub_rest.simulators.pipedrive.deals import blank_deal
from crmhub_rest.simulators.pipedrive.fields import ADDRESS_PARTS
from crmhub_rest.simulators.pipedrive.ids import LeadIds
from crmhub_rest.simulators.pipedrive.leads import blank_lead, fill_labels
from crmhub_rest.simulators.pipedrive.notes import blank_note
from crmhub_rest.simulators.pipedrive.pipelines import fill_pipelines
from crmhub_rest.simulators.pipedrive.seed_custom import custom_values
from crmhub_rest.simulators.pipedrive.standard import ACTIVITY_TYPES
from crmhub_rest.simulators.world import (
    CITIES,
    STREETS,
    Times,
    company,
    partner,
    partners_of,
    person,
    pick,
)

SEEDED = ("organization", "person", "deal", "activity", "lead", "note")
_HALF = ("lead", "note")
_SUBJECTS = ("Follow up", "Send the offer", "Demo", "Quarterly review", "Ask for the signed contract")
_NOTES = (
    "Called, wants <b>a discount</b>.",
    "Met at the fair.",
    "<p>Prefers e-mail.</p>",
    "Budget approved.",
)
_CURRENCIES = ("USD", "USD", "EUR", "INR")


@dataclass
class _World:
    held: Company
    seed: int
    counts: dict[str, int]

    def __post_init__(self) -> None:
        user = self.held.admin
        self.users = [one.id for one in self.held.users if one.active]
        self.templates: dict[str, Row] = {
            "organization": blank_organization(self.held, user),
            "person": blank_person(self.held, user),
            "deal": blank_deal(self.held, user),
            "activity": blank_activity(self.held, user),
            "lead": blank_lead(self.held, user),
            "note": blank_note(self.held, user),
        }
        self.custom = {kind: book.custom for kind, book in self.held.fields.items()}

    def number(self, kind: str, place: int) -> int:
        return mixed(self.seed, SEEDED.index(kind), place)

    def values(self, kind: str, number: int, place: int) -> dict[str, object]:
        return custom_values(self.custom[kind], number, place, self.counts, self.users)

    def link(self, kind: str, place: int, target: str) -> int | None:
        found = partner(place, self.counts[kind], self.counts[target])
        return None if found is None else found + 1


def fill(held: Company, options: Options) -> None:
    """Put in what the company begins with: types of activities, pipelines, labels, and the seeded rows."""
    _fill_types(held)
    fill_labels(held)
    fill_pipelines(held)
    world = _World(held, options.seed, _counts(options))
    for kind in SEEDED:
        if world.counts[kind]:
            ids = LeadIds(options.seed) if kind == "lead" else NumberIds(1)
            held.tables[kind] = Table(ids, _seeded(world, kind))


def _counts(options: Options) -> dict[str, int]:
    main = options.rows if isinstance(options.rows, int) else 0
    counts: dict[str, int] = {}
    for kind in SEEDED:
        given = options.rows_of(PLURAL[kind], main // 2 if kind in _HALF else None)
        counts[kind] = given or options.rows_of(PLURAL[kind].capitalize(), given)
    return counts


def _fill_types(held: Company) -> None:
    for place, (key, name, icon) in enumerate(ACTIVITY_TYPES):
        moment = held.now_text().replace("T", " ").rstrip("Z")
        held.activity_types.append(
            {
                "id": place + 1,
                "order_nr": place + 1,
                "name": name,
                "key_string": key,
                "icon_key": icon,
                "active_flag": True,
                "color": "FFFFFF",
                "is_custom_flag": False,
                "add_time": moment,
                "update_time": moment,
            }
        )


def _seeded(world: _World, kind: str) -> Seeded:
    times = Times(world.counts[kind])
    make, template, users = _MAKERS[kind], world.templates[kind], world.users
    ids = LeadIds(world.seed) if kind == "lead" else None
    v1 = kind == "note"

    def whole(place: int) -> Row:
        number = world.number(kind, place)
        row = {
            "id": ids.id_of(place) if ids else place + 1,
            **template,
            "add_time": stamp(times.created(place)),
            "update_time": stamp(times.modified(place)),
            ("user_id" if v1 else "owner_id"): users[place * 7 % len(users)],
        }
        make(world, number, place, row)
        return row

    def locate(field: str, value: str) -> Iterable[int] | None:
        target = _LINKED.get((kind, field))
        if target is None or not value.isdigit():
            return () if target else None
        return partners_of(int(value) - 1, world.counts[kind], world.counts[target])

    return Seeded(times.count, whole, times.modified, locate)


_LINKED = {
    ("person", "org_id"): "organization",
    ("deal", "org_id"): "organization",
    ("deal", "person_id"): "person",
    ("activity", "deal_id"): "deal",
    ("activity", "person_id"): "person",
    ("note", "deal_id"): "deal",
}


def _organization(world: _World, number: int, place: int, row: Row) -> None:
    city, state, code, country = pick(CITIES, number >> 4)
    street = pick(STREETS, number >> 9)
    house = number % 200 + 1
    row["name"] = company(number, place)
    row["website"] = f"https://www.company{place}.example.com" if number & 3 else None
    row["employee_count"] = (number >> 16) % 5_000 + 1 if number & 7 else None
    row["annual_revenue"] = (number >> 20) % 9_000 * 10_000 if number & 7 else None
    row["industry"] = (number >> 12) % 5 + 1 if number & 12 else None
    row["label_ids"] = [5 + number % 3] if number & 16 else []
    row["address"] = {
        "value": f"{house} {street}, {city}, {country}",
        **dict.fromkeys(ADDRESS_PARTS),
        "country": country,
        "admin_area_level_1": state,
        "locality": city,
        "route": street,
        "street_number": str(house),
        "postal_code": code,
        "formatted_address": f"{house} {street}, {city} {code}, {country}",
    }
    row["custom_fields"] = world.values("organization", number, place)


def _person(world: _World, number: int, place: int, row: Row) -> None:
    somebody = person(number, place)
    row |= {"name": somebody.name, "first_name": somebody.first, "last_name": somebody.last}
    emails = (
        [somebody.email, *([f"private{place}@example.net"] if number & 7 == 0 else [])] if number % 11 else []
    )
    row["emails"] = [
        {"value": email, "primary": spot == 0, "label": "work" if spot == 0 else "home"}
        for spot, email in enumerate(emails)
    ]
    row["phones"] = [{"value": somebody.phone, "primary": True, "label": "work"}] if number & 6 else []
    row["org_id"] = world.link("person", place, "organization")
    row["job_title"] = pick(("Buyer", "CEO", "Engineer", None), number >> 6)
    row["label_ids"] = [5 + number % 3] if number & 16 else []
    row["custom_fields"] = world.values("person", number, place)


def _deal(world: _World, number: int, place: int, row: Row) -> None:
    org, somebody = world.link("deal", place, "organization"), world.link("deal", place, "person")
    stage = number % 8 + 1
    row |= {
        "title": f"{company(world.number('organization', org - 1), org - 1) if org else 'New'} deal",
        "org_id": org,
        "person_id": somebody,
        "stage_id": stage,
        "pipeline_id": 1 if stage <= 5 else 2,
        "value": Decimal((number >> 10) % 900_000) / 4 if number & 3 else (number >> 10) % 90_000,
        "currency": pick(_CURRENCIES, number >> 5),
        "status": pick(("open", "open", "won", "lost"), number >> 3),
        "label_ids": [number % 3 + 1] if number & 32 else [],
        "probability": (number >> 7) % 101 if number & 64 else None,
        "expected_close_date": stamp(_moment(row) + (number >> 8) % 90 * 86_400)[:10],
        "origin": "ManuallyCreated",
        "stage_change_time": row["update_time"],
        "custom_fields": world.values("deal", number, place),
    }
    if row["status"] != "open":
        closed = cast("str", row["update_time"])
        row |= {f"{row['status']}_time": closed, "close_time": closed}
        row |= {f"local_{row['status']}_date": closed[:10], "local_close_date": closed[:10]}
        row["lost_reason"] = "Too expensive" if row["status"] == "lost" else None


def _activity(world: _World, number: int, place: int, row: Row) -> None:
    key, _, _ = pick(ACTIVITY_TYPES, number)
    somebody = world.link("activity", place, "person")
    done = bool(number & 8)
    row |= {
        "type": key,
        "subject": pick(_SUBJECTS, number >> 4),
        "deal_id": world.link("activity", place, "deal"),
        "person_id": somebody,
        "org_id": world.link("activity", place, "organization"),
        "participants": [{"person_id": somebody, "primary": True}] if somebody else [],
        "due_date": stamp(_moment(row) + (number >> 9) % 30 * 86_400)[:10],
        "due_time": f"{(number >> 14) % 10 + 8:02}:{number % 4 * 15:02}:00" if number & 3 else None,
        "duration": "00:30:00" if number & 3 else None,
        "busy": bool(number & 16),
        "done": done,
        "marked_as_done_time": row["update_time"] if done else None,
        "note": pick(_NOTES, number >> 6) if number & 32 else None,
        "priority": 263 + number % 3 if number & 64 else None,
    }


def _lead(world: _World, number: int, place: int, row: Row) -> None:
    somebody, org = world.link("lead", place, "person"), world.link("lead", place, "organization")
    row |= {
        "title": f"{person(world.number('person', place), place).name} lead",
        "person_id": somebody,
        "organization_id": org if number & 3 or somebody is None else None,
        "value": {"amount": (number >> 10) % 9_000, "currency": "USD"} if number & 4 else None,
        "label_ids": [world.held.lead_labels[number % 3]["id"]] if number & 8 else [],
        "was_seen": bool(number & 16),
        "custom_fields": world.values("deal", number, place),
    }


def _note(world: _World, number: int, place: int, row: Row) -> None:
    row |= {"content": pick(_NOTES, number), "deal_id": world.link("note", place, "deal")}
    if row["deal_id"] is None:
        row["org_id"] = world.link("note", place, "organization")
    row["pinned_to_deal_flag"] = bool(number & 64) and row["deal_id"] is not None


_MAKERS: dict[str, Callable[[_World, int, int, Row], None]] = {
    "organization": _organization,
    "person": _person,
    "deal": _deal,
    "activity": _activity,
    "lead": _lead,
    "note": _note,
}


def _moment(row: Row) -> int:
    return int(datetime.fromisoformat(cast("str", row["update_time"])).astimezone(UTC).timestamp())

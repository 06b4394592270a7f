"""Seeded records: messy business data, each computed from the seed and its place.

Nothing is kept: a row is made when it is read. Records that point at each other do so by arithmetic on
places, so that both directions are found without a scan. Times are milliseconds since the epoch.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_rest.simulators.gohighlevel import vocabulary as words
from crmhub_rest.simulators.gohighlevel.ids import IdBlock
from crmhub_rest.simulators.gohighlevel.pipelines import Pipeline
from crmhub_rest.simulators.numbers import mixed
from crmhub_rest.simulators.world import Times, company, partner, partners_of, person, pick

OBJECTS = ("contacts", "businesses", "opportunities", "tasks", "notes", "appointments")
CONTACT_PLACE, BUSINESS_PLACE = "_contact", "_business"
"""Where a row notes the place of its parent: places can be looked up in an index, ids, which differ by case,
cannot.
"""
_FIRST_PHONE = 2_015_550_000
_EMAIL = re.compile(r"[a-z.\-]*?(\d+)@.*", re.ASCII)
_PHONE = re.compile(r"\+1(\d{10})", re.ASCII)
_PARENTS = {
    ("contacts", BUSINESS_PLACE): "businesses",
    **{(name, CONTACT_PLACE): "contacts" for name in ("opportunities", "tasks", "notes", "appointments")},
}


@dataclass(frozen=True)
class World:
    """What the makers know: how many rows there are, ids, people, pipelines, custom fields by key."""

    seed: int
    counts: Mapping[str, int]
    ids: Mapping[str, IdBlock]
    users: Sequence[str]
    pipelines: Sequence[Pipeline]
    calendars: Sequence[str]
    fields: Mapping[str, str]

    def number(self, salt: int, place: int) -> int:
        """A 64-bit number that looks random, always the same for (seed, salt, place)."""
        return mixed(self.seed, salt, place)

    def contact_of(self, child: str, place: int) -> Row:
        """What a row at `place` says of its contact; nothing where there are no contacts."""
        contact = partner(place, self.counts[child], self.counts["contacts"])
        if contact is None:
            return {}
        return {CONTACT_PLACE: contact, "contactId": self.ids["contacts"].id_of(contact)}

    def children(self, parent: str, child: str, place: int) -> Iterable[int]:
        """The places of the children that go with the parent at `place`."""
        return partners_of(place, self.counts[child], self.counts[parent])


def counts_of(options: Options) -> dict[str, int]:
    """How many rows each object begins with: `rows` in each, half as many notes."""
    main = options.rows if isinstance(options.rows, int) else 0
    return {name: options.rows_of(name, main // 2 if name == "notes" else None) for name in OBJECTS}


def seeded_rows(world: World) -> dict[str, Seeded]:
    """The seeded rows of every object that has some."""
    return {name: _seeded(world, name) for name in OBJECTS if world.counts[name]}


def _seeded(world: World, name: str) -> Seeded:
    make, times, id_of = _MAKERS[name], Times(world.counts[name]), world.ids[name].id_of

    def modified(place: int) -> int:
        return times.modified(place) * 1000

    def whole(place: int) -> Row:
        row: Row = {"id": id_of(place), **make(world, place)}
        row["dateAdded"] = times.created(place) * 1000
        row["dateUpdated"] = modified(place)
        return row

    def locate(field: str, value: str) -> Iterable[int] | None:
        parent = _PARENTS.get((name, field))
        if parent is not None:
            return world.children(parent, name, int(value)) if value.isdigit() else ()
        return _locate_person(field, value) if name == "contacts" else None

    return Seeded(times.count, whole, modified, locate)


def _locate_person(field: str, value: str) -> Iterable[int] | None:
    match field:
        case "email":
            found = _EMAIL.fullmatch(value)
            return (int(found[1]),) if found else ()
        case "phone":
            found = _PHONE.fullmatch(value)
            return (int(found[1]) - _FIRST_PHONE,) if found else ()
        case _:
            return None


def _company(world: World, place: int) -> str:
    return company(world.number(2, place), place)


def _business(world: World, place: int) -> Row:
    n = world.number(2, place)
    city, state, code, country = pick(words.CITIES, n)
    row: Row = {"name": _company(world, place), "city": city, "postalCode": code, "country": country}
    if state:
        row["state"] = state
    if n & 24:
        row["phone"] = f"+1{3_015_550_000 + place}"
        row["website"] = f"https://company{place}.example.com"
    if n & 96:
        row["address"] = pick(words.STREETS, n >> 12)
        row["email"] = f"office@company{place}.example.com"
    if n & 384 == 0:
        row["description"] = pick(words.NOTES, n >> 20)
    return row


def _contact(world: World, place: int) -> Row:
    n = world.number(1, place)
    someone = person(n, place)
    tags = [tag for bit, tag in enumerate(words.TAGS) if n >> (50 + bit) & 3 == 3]
    row: Row = {"type": "customer" if "customer" in tags else "lead", "lastName": someone.last, "tags": tags}
    row["source"] = pick(words.SOURCES, n >> 8)
    row["dnd"] = n & 448 == 0
    row["country"] = "US"
    if n % 23:
        row["firstName"] = someone.first
    if n % 11:
        row["email"] = someone.email
    if n & 6:
        row["phone"] = f"+1{_FIRST_PHONE + place}"
    if n % 7:
        row["assignedTo"] = world.users[place * 7 % len(world.users)]
    if n & 12:
        city, state, code, row["country"] = pick(words.CITIES, n >> 18)
        row |= {"city": city, "postalCode": code, "address1": pick(words.STREETS, n >> 22)}
        if state:
            row["state"] = state
    if world.counts["businesses"] and n % 17:
        business = place * world.counts["businesses"] // world.counts["contacts"]
        row[BUSINESS_PLACE] = business
        row["businessId"] = world.ids["businesses"].id_of(business)
        row["companyName"] = _company(world, business)
    if n & 3_584 == 0:
        birthday = datetime(1950 + n % 50, n % 12 + 1, n % 28 + 1, tzinfo=UTC)
        row["dateOfBirth"] = int(birthday.timestamp()) * 1000
    row["customFields"] = _contact_values(world, n)
    return row


def _contact_values(world: World, n: int) -> Row:
    values: Row = {}
    if n & 48:
        values[world.fields["contact.preferred_language"]] = ("English", "Español", "Deutsch")[n % 3]
    if n & 192:
        values[world.fields["contact.lead_score"]] = (n >> 5) % 100
    if n & 768 == 0:
        values[world.fields["contact.interests"]] = ["Buying", "Selling"][: n % 2 + 1]
    return values


def _opportunity(world: World, place: int) -> Row:
    n = world.number(3, place)
    pipeline = world.pipelines[n % len(world.pipelines)]
    stage = pipeline.stages[(n >> 4) % len(pipeline.stages)]
    changed = Times(world.counts["opportunities"]).modified(place) * 1000
    row: Row = {
        "name": f"{pick(words.DEALS, n >> 8)} {place + 1}",
        "pipelineId": pipeline.id,
        "pipelineStageId": stage.id,
        "status": ("open", "open", "won", "lost", "open", "abandoned")[(n >> 12) % 6],
        "source": pick(words.SOURCES, n >> 16),
        **world.contact_of("opportunities", place),
        "lastStatusChangeAt": changed,
        "lastStageChangeAt": changed,
    }
    if n & 7:
        row["monetaryValue"] = (n >> 20) % 40_000 + 100
    if n % 5:
        row["assignedTo"] = world.users[place * 5 % len(world.users)]
    row["customFields"] = {world.fields["opportunity.segment"]: ("Small", "Large")[n % 2]} if n & 56 else {}
    return row


def _task(world: World, place: int) -> Row:
    n = world.number(4, place)
    due = Times(world.counts["tasks"]).created(place) * 1000 + (n % 60) * 86_400_000
    row: Row = {
        "title": pick(words.TASKS, n),
        "dueDate": due // 1_800_000 * 1_800_000,
        "completed": bool(n & 64),
        **world.contact_of("tasks", place),
    }
    if n & 3:
        row["body"] = pick(words.NOTES, n >> 10)
    if n % 5:
        row["assignedTo"] = world.users[n % len(world.users)]
    return row


def _note(world: World, place: int) -> Row:
    n = world.number(5, place)
    return {
        "body": pick(words.NOTES, n),
        "userId": world.users[(n >> 8) % len(world.users)],
        **world.contact_of("notes", place),
    }


def _appointment(world: World, place: int) -> Row:
    n = world.number(6, place)
    start = (
        (Times(world.counts["appointments"]).created(place) * 1000 + (n % 30) * 86_400_000)
        // 1_800_000
        * 1_800_000
    )
    return {
        "title": pick(words.MEETINGS, n),
        "calendarId": world.calendars[(n >> 4) % len(world.calendars)],
        **world.contact_of("appointments", place),
        "appointmentStatus": ("confirmed", "showed", "noshow", "cancelled", "new")[(n >> 8) % 5],
        "assignedUserId": world.users[(n >> 12) % len(world.users)],
        "startTime": start,
        "endTime": start + 1_800_000 * ((n >> 16) % 3 + 1),
    }


_MAKERS: Mapping[str, Callable[[World, int], Row]] = {
    "contacts": _contact,
    "businesses": _business,
    "opportunities": _opportunity,
    "tasks": _task,
    "notes": _note,
    "appointments": _appointment,
}

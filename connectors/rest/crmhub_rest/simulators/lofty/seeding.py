"""Seeded records: believable leads and what belongs to them, each computed from the seed and its place."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_rest.simulators.lofty import ids, vocabulary
from crmhub_rest.simulators.lofty import team as kinds
from crmhub_rest.simulators.lofty.times import birthday
from crmhub_rest.simulators.numbers import mixed
from crmhub_rest.simulators.world import FIRST_NAMES, LAST_NAMES, Times, partner, partners_of, pick

_DAY: Final = 86_400
_SALTS: Final = {name: number for number, name in enumerate(kinds.BLOCKS, 1)}
_DOMAIN: Final = "example.com"


@dataclass(frozen=True)
class World:
    """How many rows there are of each kind, and how they belong together: by arithmetic on places."""

    seed: int
    counts: dict[str, int]
    members: Sequence[int]

    def number(self, kind: str, place: int) -> int:
        """A 64-bit number that looks random, always the same for (seed, kind, place)."""
        return mixed(self.seed, _SALTS[kind], place)

    def created(self, kind: str, place: int) -> int:
        """Creation in epoch seconds."""
        return Times(self.counts[kind]).created(place)

    def modified(self, kind: str, place: int) -> int:
        """Last change in epoch seconds."""
        return Times(self.counts[kind]).modified(place)

    def owner(self, lead_place: int) -> int:
        """The member whom a lead is assigned to."""
        return self.members[lead_place * 7 % len(self.members)]

    def lead_of(self, kind: str, place: int) -> int:
        """The place of the lead that a row belongs to."""
        return partner(place, self.counts[kind], self.counts[kinds.LEADS]) or 0

    def places_of(self, kind: str, lead_id: str) -> Iterable[int]:
        """The places of the rows that belong to a lead."""
        place = ids.LEADS.place_of(lead_id)
        return () if place is None else partners_of(place, self.counts[kind], self.counts[kinds.LEADS])


def counts_of(options: Options) -> dict[str, int]:
    """How many rows each kind begins with; without leads there is nothing."""
    main = options.rows if isinstance(options.rows, int) else 0
    counts = {
        name: options.rows_of(name, main // 2 if name == kinds.NOTES else None) for name in kinds.BLOCKS
    }
    return counts if counts[kinds.LEADS] else dict.fromkeys(counts, 0)


def seeded_rows(world: World) -> dict[str, Seeded]:
    """The seeded rows of every kind that has some."""
    return {name: _seeded(world, name) for name, count in world.counts.items() if count}


def locate_person(world: World, field: str, key: str) -> int | None:
    """The place of the seeded lead that may have this e-mail address or phone number."""
    digits = key.partition("@")[0].rpartition(".")[2] if field == "emails" else key[3:]
    if not digits.isascii() or not digits.isdigit() or int(digits) >= world.counts[kinds.LEADS]:
        return None
    place = int(digits)
    held = _email(world, place) if field == "emails" else _phone(place)
    return place if held == key and (field != "phones" or _has_phone(world, place)) else None


def _seeded(world: World, name: str) -> Seeded:
    make = _MAKERS[name]

    def locate(field: str, value: str) -> Iterable[int] | None:
        return world.places_of(name, value) if field == "leadId" and name != kinds.LEADS else None

    return Seeded(
        world.counts[name],
        lambda place: make(world, place),
        lambda place: world.modified(name, place),
        locate,
    )


def _email(world: World, place: int) -> str:
    n = world.number(kinds.LEADS, place)
    plain = pick(FIRST_NAMES, n >> 32).encode("ascii", "ignore").decode().lower()
    return f"{plain.strip('-')}.{place}@{_DOMAIN}"


def _phone(place: int) -> str:
    return f"512{place:07}"


def _has_phone(world: World, place: int) -> bool:
    return world.number(kinds.LEADS, place) % 13 != 0


def _lead(world: World, place: int) -> Row:
    n = world.number(kinds.LEADS, place)
    city, state, code = vocabulary.PLACES[n % len(vocabulary.PLACES)]
    created = world.created(kinds.LEADS, place)
    row: Row = {
        "leadId": ids.LEADS.at(place),
        "firstName": pick(FIRST_NAMES, n >> 32),
        "lastName": pick(LAST_NAMES, n >> 40) if n % 23 else "",
        "emails": [_email(world, place)],
        "phones": [_phone(place)] if _has_phone(world, place) else [],
        "leadTypes": [(2, 1, 5, 6)[n >> 5 & 3]],
        "source": vocabulary.SOURCES[(n >> 8) % len(vocabulary.SOURCES)],
        "stageId": ids.STAGES.at((n >> 11) % len(vocabulary.LEAD_STAGES)),
        "assignedUserId": world.owner(place),
        "tags": [vocabulary.SEEDED_TAGS[(n >> 14) % len(vocabulary.SEEDED_TAGS)]] if n & 3 == 0 else [],
        "segments": [vocabulary.SEGMENTS[(n >> 17) % len(vocabulary.SEGMENTS)]] if n & 12 == 0 else [],
        "score": (n >> 20) % 100,
        "createTime": created,
        "assignTime": created,
        "lastUpdateTime": world.modified(kinds.LEADS, place),
        "lastTouch": world.modified(kinds.LEADS, place) if n & 16 else None,
        "properties": [],
    }
    if n & 96:
        street = f"{(n >> 24) % 9000 + 1} {vocabulary.STREETS[(n >> 28) % len(vocabulary.STREETS)]}"
        place_row: Row = {"streetAddress": street, "city": city, "state": state, "zipCode": code}
        row["properties"] = [{"id": ids.PROPERTIES.at(place), **place_row, "mailAddress": True}]
    if n & 384 == 0:
        row["birthday"] = birthday(date(1950 + n % 50, n % 12 + 1, n % 28 + 1))
    if n & 1536 == 0:
        row["buyingTimeFrame"] = vocabulary.TIME_FRAMES[n % 4]
        row["preQual"] = vocabulary.YES_NO[n & 1]
    return row


def _transaction(world: World, place: int) -> Row:
    n = world.number(kinds.TRANSACTIONS, place)
    lead = world.lead_of(kinds.TRANSACTIONS, place)
    kind = ("Purchase", "Purchase", "Purchase", "Listing", "Listing", "Lease", "Other")[n % 7]
    stages = vocabulary.TRANSACTION_STAGES[kind]
    stage = stages[(n >> 5) % len(stages)]
    created = world.created(kinds.TRANSACTIONS, place)
    price = (n >> 9) % 900_000 + 150_000
    row: Row = {
        "transactionId": ids.TRANSACTIONS.at(place),
        "leadId": ids.LEADS.at(lead),
        "transactionName": f"{n % 9000 + 1} {vocabulary.STREETS[(n >> 13) % len(vocabulary.STREETS)]}",
        "transactionType": kind,
        "transactionStatus": stage,
        "assignedAgent": world.owner(lead),
        "homePrice": price,
        "commissionRate": 3,
        "gci": price * 3 // 100,
        "created": created * 1_000,
        "updated": world.modified(kinds.TRANSACTIONS, place) * 1_000 + place % 1_000,
        "customFields": [],
    }
    if n & 7:
        row["expectedCloseDate"] = (created + (n >> 16) % 120 * _DAY) * 1_000
    if stage in vocabulary.DONE_STAGES:
        row["closeDate"] = (created + (n >> 20) % 150 * _DAY) * 1_000
    return row


def _task(world: World, place: int) -> Row:
    n = world.number(kinds.TASKS, place)
    lead = world.lead_of(kinds.TASKS, place)
    kind = ("Call", "Email", "Appointment", "Text", "Other", "Appointment")[n % 6]
    created = world.created(kinds.TASKS, place)
    start = created + (n >> 8) % 60 * _DAY - created % 900
    return {
        "id": ids.TASKS.at(place),
        "leadId": ids.LEADS.at(lead),
        "creatorId": world.members[0],
        "content": vocabulary.TASKS[(n >> 12) % len(vocabulary.TASKS)],
        "type": kind,
        "start": start,
        "end": start + (3_600 if kind == "Appointment" else 0),
        "address": vocabulary.PLACES[n % len(vocabulary.PLACES)][0] if kind == "Appointment" else None,
        "assignedRole": "Agent",
        "assignedUserId": world.owner(lead),
        "finished": start + _DAY if n & 64 else None,
        "created": created,
        "updated": world.modified(kinds.TASKS, place),
    }


def _note(world: World, place: int) -> Row:
    n = world.number(kinds.NOTES, place)
    lead = world.lead_of(kinds.NOTES, place)
    return {
        "id": ids.NOTE_TIMELINE.at(place),
        "noteId": ids.NOTES.at(place),
        "leadId": ids.LEADS.at(lead),
        "creatorId": world.owner(lead),
        "content": vocabulary.NOTES[n % len(vocabulary.NOTES)],
        "isPin": n & 31 == 0,
        "systemNote": n & 15 == 1,
        "created": world.created(kinds.NOTES, place),
        "updated": world.modified(kinds.NOTES, place),
    }


def _talk(world: World, place: int) -> Row:
    n = world.number(kinds.TALKS, place)
    lead = world.lead_of(kinds.TALKS, place)
    channel = ("Call", "Call", "Text", "Email")[n & 3]
    row: Row = {
        "id": ids.TIMELINE.at(place),
        "leadId": ids.LEADS.at(lead),
        "agentId": world.owner(lead),
        "channel": channel,
        "kind": ("LOGGED", "MANUAL", "AUTO")[(n >> 4) % 3],
        "direction": "Inbound" if n & 64 else "Outbound",
        "content": vocabulary.NOTES[(n >> 8) % len(vocabulary.NOTES)],
        "time": world.created(kinds.TALKS, place),
    }
    if channel == "Call":
        row["phone"] = _phone(lead)
        row["outcome"] = vocabulary.OUTCOMES[(n >> 12) % 3]
        row["duration"] = (n >> 16) % 900
    elif channel == "Email":
        row["subject"] = "Homes for you"
        row["to"], row["from"] = _email(world, lead), "agent@example.com"
    return row


_MAKERS: Final[dict[str, Callable[[World, int], Row]]] = {
    kinds.LEADS: _lead,
    kinds.TRANSACTIONS: _transaction,
    kinds.TASKS: _task,
    kinds.NOTES: _note,
    kinds.TALKS: _talk,
}

"""Seeded records: believable people and what belongs to them, each computed from the seed and its place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row, Seeded
from crmhub_rest.simulators.numbers import mixed
from crmhub_rest.simulators.world import FIRST_NAMES, LAST_NAMES, Times, partner, pick
from crmhub_rollout.simulator import crm as kinds
from crmhub_rollout.simulator.crm import DEAL_STAGES, PERSON_STAGES, blocks_of, originals, precise, stamp

SEEDED: Final = (
    *(kinds.PEOPLE, kinds.NOTES, kinds.TASKS, kinds.APPOINTMENTS, kinds.CALLS, kinds.TEXTS, kinds.DEALS),
)
_DAY: Final = 86_400
_PLACES: Final = (("Austin", "TX", "78701"), ("Tampa", "FL", "33602"), ("San José", "CA", "95112"))
_TAGS: Final = ("Hot", "Zillow", "Referral", "VIP")
_SOURCES: Final = ("Website", "Zillow", "Open House", "Referral")
_TEXTS: Final = (
    "Wants a garden; no HOA.",
    "Second showing booked.\nBring the survey.",
    "“No calls at work.”",
)


@dataclass(frozen=True)
class World:
    """How many rows there are of each kind in the CRM of a number, and whom they belong to."""

    seed: int
    number: int
    app: str
    counts: dict[str, int]
    users: Sequence[str]

    def mixed(self, name: str, place: int) -> int:
        """A 64-bit number that looks random, always the same for (seed, CRM, kind, place)."""
        return mixed(self.seed + self.number * 101, kinds.KINDS.index(name) + 1, place)

    def modified(self, name: str, place: int) -> int:
        """Last change in epoch seconds; several rows share a moment."""
        return Times(self.counts[name]).modified(place)

    def person(self, name: str, place: int) -> str:
        """The id of the person that a row belongs to."""
        return blocks_of(self.number)[kinds.PEOPLE].id_of(
            place * self.counts[kinds.PEOPLE] // self.counts[name]
        )

    def owner(self, place: int) -> str:
        """The user who owns a row."""
        return self.users[place * 7 % len(self.users)]


def counts_of(options: Options) -> dict[str, int]:
    """How many rows each kind begins with; without people there is nothing."""
    main = options.rows if isinstance(options.rows, int) else 0
    counts = {name: options.rows_of(name, main // 2 if name != kinds.PEOPLE else None) for name in SEEDED}
    return counts if counts[kinds.PEOPLE] else dict.fromkeys(counts, 0)


def seeded_rows(world: World) -> dict[str, Seeded]:
    """The seeded rows of every kind that has some."""
    return {name: _seeded(world, name) for name, count in world.counts.items() if count}


def locate_person(world: World, field: str, key: str) -> int | None:
    """The place of the seeded person that may have this e-mail address or phone number."""
    digits = key.partition("@")[0].rpartition(".")[2] if field == "emails" else key[3:]
    if not digits.isascii() or not digits.isdigit() or int(digits) >= world.counts[kinds.PEOPLE]:
        return None
    place = int(digits)
    return place if key == (_email(world, place) if field == "emails" else _phone(place)) else None


def _seeded(world: World, name: str) -> Seeded:
    make, block, count = _MAKERS[name], blocks_of(world.number)[name], world.counts[name]

    def whole(place: int) -> Row:
        values = make(world, place, world.mixed(name, place))
        created, modified = Times(count).created(place), world.modified(name, place)
        return {
            "id": block.id_of(place),
            **values,
            "created": stamp(created),
            "updated": stamp(modified),
            "rolloutUpdated": precise(modified + 5 + place % 1_000 / 1_000),
            **originals(world.app, name, place, values),
        }

    return Seeded(count, whole, lambda place: world.modified(name, place))


def _email(world: World, place: int) -> str:
    first = pick(FIRST_NAMES, world.mixed(kinds.PEOPLE, place))
    plain = first.encode("ascii", "ignore").decode()
    return f"{plain if place % 29 == 0 else plain.lower()}.{place}@example.com"


def _phone(place: int) -> str:
    return f"512{place:07}"


def _name(n: int) -> str:
    return f"{pick(FIRST_NAMES, n)} {pick(LAST_NAMES, n >> 8)}"


def _person(world: World, place: int, n: int) -> Row:
    first, last = pick(FIRST_NAMES, n), pick(LAST_NAMES, n >> 8)
    city, state, code = _PLACES[(n >> 12) % len(_PLACES)]
    stage = (n >> 16) % (len(PERSON_STAGES) - 1)
    address: Row = {"type": "home", "street": f"{n % 9_000 + 1} Main St", "city": city, "state": state}
    return {
        "name": _name(n),
        "firstName": first,
        "lastName": last,
        "assignedUserId": world.owner(place),
        "stageId": blocks_of(world.number)[kinds.STAGES].id_of(stage),
        "stage": PERSON_STAGES[stage],
        "tags": [_TAGS[(n >> 20) % len(_TAGS)]] if n & 3 == 0 else [],
        "emails": [{"value": _email(world, place), "type": "home", "status": "Valid", "isPrimary": True}],
        "phones": [{"value": _phone(place), "type": "mobile", "status": "Valid", "isPrimary": True}],
        "addresses": [{**address, "code": code, "country": "US"}] if n & 96 else [],
        "source": _SOURCES[(n >> 24) % len(_SOURCES)],
        "sourceId": None,
        "contactTypes": ["Buyer" if n & 128 else "Seller"],
        "jobTitle": "Engineer" if n & 256 else None,
        "companyName": f"Company {place}" if n & 512 else None,
        "birthday": f"{1950 + n % 50}-{n % 12 + 1:02}-{n % 28 + 1:02}" if n & 1024 else None,
        "lastActivity": stamp(world.modified(kinds.PEOPLE, place)),
    }


def _note(world: World, place: int, n: int) -> Row:
    author = world.owner(place)
    words: Row = {"subject": "Call" if n & 1 else "", "body": _TEXTS[n % len(_TEXTS)], "isHtml": False}
    return {
        "personId": world.person(kinds.NOTES, place),
        **words,
        "createdById": author,
        "updatedById": author,
    }


def _task(world: World, place: int, n: int) -> Row:
    due = Times(world.counts[kinds.TASKS]).created(place) + (n >> 4) % 60 * _DAY
    return {
        "personId": world.person(kinds.TASKS, place),
        "name": ("Call back", "Send the disclosure", "Book the inspection")[n % 3],
        "type": ("Call", "Email", "Follow Up")[n % 3],
        "assignedUserId": world.owner(place),
        "isCompleted": n & 64 == 0,
        "dueDate": stamp(due)[:10],
        "dueDateTime": stamp(due) if n & 128 else None,
    }


def _appointment(world: World, place: int, n: int) -> Row:
    start = Times(world.counts[kinds.APPOINTMENTS]).created(place) + (n >> 4) % 60 * _DAY
    person, user = world.person(kinds.APPOINTMENTS, place), world.owner(place)
    return {
        "title": ("Showing", "Listing appointment", "Closing")[n % 3],
        "description": "",
        "location": f"{n % 9_000 + 1} Main St",
        "type": "Showing",
        "startsAt": stamp(start),
        "endsAt": stamp(start + 3_600),
        "isAllDay": False,
        "userId": user,
        "createdById": user,
        "invitees": [{"personId": person}, {"userId": user}],
    }


def _call(world: World, place: int, n: int) -> Row:
    return {
        "personId": world.person(kinds.CALLS, place),
        "userId": world.owner(place),
        "phone": _phone(place),
        "note": _TEXTS[n % len(_TEXTS)],
        "outcome": ("Interested", "No Answer", "Left Message")[n % 3],
        "isIncoming": n & 8 == 0,
        "duration": (n >> 4) % 900,
        "toNumber": _phone(place),
        "fromNumber": "4155550100",
    }


def _message(world: World, place: int, n: int) -> Row:
    return {
        "personId": world.person(kinds.TEXTS, place),
        "userId": world.owner(place),
        "message": _TEXTS[n % len(_TEXTS)],
        "isIncoming": n & 8 == 0,
        "status": "Delivered",
        "toNumber": _phone(place),
        "fromNumber": "4155550100",
        "sent": stamp(world.modified(kinds.TEXTS, place)),
    }


def _deal(world: World, place: int, n: int) -> Row:
    pipeline = n % len(DEAL_STAGES)
    name, stages = list(DEAL_STAGES.items())[pipeline]
    step = (n >> 4) % len(stages)
    lead = partner(place, world.counts[kinds.DEALS], world.counts[kinds.PEOPLE]) or 0
    person: Row = {"id": world.person(kinds.DEALS, place), "name": _name(world.mixed(kinds.PEOPLE, lead))}
    return {
        "name": f"{n % 9_000 + 1} Main St",
        "description": "",
        "price": (n >> 8) % 900_000 + 150_000,
        "projectedCloseDate": stamp(Times(1).start + (n >> 12) % 900 * _DAY)[:10],
        "stageId": f"{pipeline + 1}{step + 1:02}",
        "stageName": stages[step],
        "pipelineId": blocks_of(world.number)[kinds.PIPELINES].id_of(pipeline),
        "pipelineName": name,
        "status": "Active",
        "people": [person],
        "users": [{"id": world.owner(place)}],
    }


_MAKERS: Final[dict[str, Callable[[World, int, int], Row]]] = {
    kinds.PEOPLE: _person,
    kinds.NOTES: _note,
    kinds.TASKS: _task,
    kinds.APPOINTMENTS: _appointment,
    kinds.CALLS: _call,
    kinds.TEXTS: _message,
    kinds.DEALS: _deal,
}

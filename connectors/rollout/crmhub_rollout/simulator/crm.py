"""One connected CRM, as Rollout's data view holds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final, cast

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.table import NO_ROWS, Row, Seeded, Table
from crmhub_rollout.simulator.hooks import Hooks
from crmhub_rollout.simulator.ids import UuidBlock

PEOPLE, NOTES, TASKS, APPOINTMENTS, CALLS = "people", "notes", "tasks", "appointments", "calls"
TEXTS, DEALS, EVENTS = "textMessages", "deals", "events"
USERS, STAGES, PIPELINES = "users", "stages", "pipelines"
KINDS: Final = (
    *(PEOPLE, NOTES, TASKS, APPOINTMENTS, CALLS, TEXTS, DEALS, EVENTS),
    *(USERS, STAGES, PIPELINES),
)
PERSON_STAGES: Final = ("Lead", "Hot Prospect", "Nurture", "Active Client", "Pending", "Past Client", "Trash")
DEAL_STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "Buyers": ("Offer", "Under Contract", "Closed"),
    "Sellers": ("Listing Agreement", "Active", "Under Contract", "Sold"),
}


@dataclass
class Crm:
    """The records of one credential. `app` is the key of the connected CRM."""

    number: int
    app: str
    credential_id: str
    ready_at: float
    clock: SimClock
    hooks: Hooks
    seeded: Mapping[str, Seeded]
    locate_person: Callable[[str, str], int | None]
    users: list[Row]
    tables: dict[str, Table] = field(init=False)
    _people: dict[tuple[str, str], set[int]] = field(default_factory=dict[tuple[str, str], set[int]])

    def __post_init__(self) -> None:
        self.blocks = blocks_of(self.number)
        self.tables = {name: Table(self.blocks[name], self.seeded.get(name, NO_ROWS)) for name in KINDS}
        for user in self.users:
            self.add(USERS, user, quiet=True)
        for weight, name in enumerate(PERSON_STAGES):
            self.add(
                STAGES,
                {"name": name, "orderWeight": (weight + 1) * 1_000, "isProtected": name == "Lead"},
                quiet=True,
            )
        for weight, (name, stages) in enumerate(DEAL_STAGES.items()):
            steps = [{"id": f"{weight + 1}{place + 1:02}", "name": one} for place, one in enumerate(stages)]
            self.add(
                PIPELINES, {"name": name, "orderWeight": (weight + 1) * 1_000, "stages": steps}, quiet=True
            )

    def row(self, name: str, row_id: object) -> Row | None:
        """The live record with this id, or None."""
        return self.tables[name].get(row_id) if isinstance(row_id, str) else None

    def named(self, name: str, value: object) -> Row | None:
        """The record of that name, or None."""
        return next((row for row in self.tables[name].rows() if row.get("name") == value), None)

    def deal_stage(self, stage_id: object) -> tuple[Row, Row] | None:
        """The pipeline and the stage of a deal's stage id, or None."""
        for pipeline in self.tables[PIPELINES].rows():
            for stage in cast("list[Row]", pipeline["stages"]):
                if stage["id"] == stage_id:
                    return pipeline, stage
        return None

    def add(self, name: str, values: Mapping[str, object], *, quiet: bool = False) -> Row:
        """Keep a new record."""
        table = self.tables[name]
        place = table.next_place
        at = stamp(self.clock.now())
        row: Row = {"id": table.id_at(place), **values, "created": at, "updated": at}
        row |= {"rolloutUpdated": precise(self.clock.now()), **originals(self.app, name, place, values)}
        table.insert(row, self.clock.seconds())
        self._note(name, place, None, row)
        if not quiet:
            self.hooks.tell(f"{name}Created", name, [str(row["id"])])
            if row.get("tags") and name == PEOPLE:
                self.hooks.tell("peopleTagsCreated", name, [str(row["id"])])
        return row

    def change(self, name: str, row: Row, values: Mapping[str, object]) -> Row:
        """Write into a record."""
        table = self.tables[name]
        place = table.place_of(str(row["id"]))
        if place is None:
            raise KeyError(row["id"])
        after = {**row, **values, "updated": stamp(self.clock.now())}
        after["rolloutUpdated"] = precise(self.clock.now())
        after |= originals(self.app, name, place, after)
        table.replace(place, after, self.clock.seconds())
        self._note(name, place, row, after)
        self.hooks.tell(f"{name}Updated", name, [str(row["id"])])
        added = {*cast("list[str]", after.get("tags") or [])} - {*cast("list[str]", row.get("tags") or [])}
        if name == PEOPLE and added:
            self.hooks.tell("peopleTagsCreated", name, [str(row["id"])])
        return after

    def remove(self, name: str, row: Row) -> None:
        """Delete a record."""
        table = self.tables[name]
        place = table.place_of(str(row["id"]))
        if place is None:
            raise KeyError(row["id"])
        table.delete(place, self.clock.seconds())
        self._note(name, place, row, None)
        self.hooks.tell(f"{name}Deleted", name, [str(row["id"])])

    def people_with(self, field_name: str, value: str) -> list[int]:
        """The places of the people with this e-mail address (in this case) or phone number."""
        key = person_key(field_name, value)
        found = set(self._people.get((field_name, key), ()))
        table, place = self.tables[PEOPLE], self.locate_person(field_name, key)
        if place is not None and table.is_live(place) and not table.touched(place):
            found.add(place)
        return sorted(found)

    def _note(self, name: str, place: int, before: Row | None, after: Row | None) -> None:
        if name != PEOPLE:
            return
        for field_name in ("emails", "phones"):
            for key in _keys(field_name, before):
                self._people.get((field_name, key), set[int]()).discard(place)
            for key in _keys(field_name, after):
                self._people.setdefault((field_name, key), set[int]()).add(place)


def _keys(field_name: str, row: Row | None) -> list[str]:
    items = cast("list[Row]", (row or {}).get(field_name) or [])
    return [person_key(field_name, str(item["value"])) for item in items]


@cache
def blocks_of(number: int) -> dict[str, UuidBlock]:
    """The ids of every kind of record of the CRM of that number."""
    return {name: UuidBlock(kind, number) for kind, name in enumerate(KINDS, 1)}


def person_key(field_name: str, value: str) -> str:
    """The form in which addresses (as they are) and numbers (their digits) are compared."""
    return value if field_name == "emails" else "".join(char for char in value if char.isdigit())[-10:]


def originals(app: str, name: str, place: int, values: Mapping[str, object]) -> Row:
    """What the connected CRM itself calls the record, and how it holds it."""
    own = {key: value for key, value in values.items() if key not in {"original", "originalIds"}}
    return {
        "originalIds": {"id": str(place + 1)},
        "original": {**own, "id": place + 1, "system": app, "kind": name},
    }


def stamp(instant: float) -> str:
    """Epoch seconds as `2026-01-31T09:00:00+00:00`."""
    return datetime.fromtimestamp(int(instant), UTC).isoformat()


def precise(instant: float) -> str:
    """Epoch seconds as `2026-01-31T09:00:00.123Z`."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

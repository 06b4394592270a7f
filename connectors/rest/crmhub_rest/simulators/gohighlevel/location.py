"""A location (sub-account): what it holds, and every change to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.table import NO_ROWS, Row, Seeded, Table
from crmhub_rest.simulators.gohighlevel.fields import CustomField
from crmhub_rest.simulators.gohighlevel.ids import IdBlock
from crmhub_rest.simulators.gohighlevel.pipelines import Pipeline, Stage
from crmhub_rest.simulators.gohighlevel.seed import BUSINESS_PLACE, CONTACT_PLACE, OBJECTS

CHILDREN = ("tasks", "notes", "appointments", "opportunities")


class Listener(Protocol):
    """Hears of changes: the object, what happened (`create`, `update`, `delete`), the row before and
    after.
    """

    def __call__(self, location: "Location", name: str, event: str, before: Row, after: Row) -> None:
        """Take note of a change."""
        ...


def _nobody(location: "Location", name: str, event: str, before: Row, after: Row) -> None:
    del location, name, event, before, after


@dataclass
class Calendar:
    """A calendar in which appointments are made."""

    id: str
    name: str
    added: int


@dataclass
class Location:
    """A location. Times in rows are milliseconds; `version` rises with every change. `in_order`: no row was
    added at an earlier time than the one before it, as when somebody turns the clock back.
    """

    id: str
    name: str
    company_id: str
    clock: SimClock
    ids: Mapping[str, IdBlock]
    tables: Mapping[str, Table]
    pipelines: tuple[Pipeline, ...]
    calendars: dict[str, Calendar]
    fields: dict[str, CustomField]
    values: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    version: int = 0
    in_order: bool = True
    listener: Listener = _nobody
    _made: int = 0
    _newest: dict[str, int] = field(default_factory=dict[str, int])

    def now(self) -> int:
        """The present instant in milliseconds since the epoch."""
        return int(self.clock.now() * 1000)

    def get(self, name: str, row_id: str) -> Row | None:
        """The live row with this id."""
        return self.tables[name].get(row_id)

    def add(self, name: str, row: Row) -> Row:
        """Keep a new row; its id and times are given to it."""
        table, now = self.tables[name], self.now()
        row = {**row, "id": self.ids[name].id_of(table.next_place), "dateAdded": now, "dateUpdated": now}
        self._note_time(name, now)
        table.insert(self._linked(row), now)
        self._tell(name, "create", {}, row)
        return row

    def change(self, name: str, row_id: str, changes: Mapping[str, object]) -> Row:
        """Change a live row; None takes a value away. The time of its change moves."""
        table = self.tables[name]
        place = table.place_of(row_id)
        if place is None:
            raise KeyError(row_id)
        before, now = table.row(place), self.now()
        row = {key: value for key, value in {**before, **changes}.items() if value is not None}
        row["dateUpdated"] = now
        table.replace(place, self._linked(row), now)
        self._tell(name, "update", before, row)
        return row

    def remove(self, name: str, row_id: str) -> None:
        """Delete a live row; with a contact go its tasks, notes, appointments and opportunities.

        Source of the latter: help.gohighlevel.com, deleting contacts.
        """
        table = self.tables[name]
        place = table.place_of(row_id)
        if place is None:
            raise KeyError(row_id)
        if name == "contacts":
            for child in CHILDREN:
                for row in self.of_contact(child, row_id):
                    self.remove(child, str(row["id"]))
        if name == "businesses":
            for row in self.members(row_id):
                self.change("contacts", str(row["id"]), {"businessId": None})
        gone = table.delete(place, self.now()).row
        self._tell(name, "delete", gone, gone)

    def bring_back(self, name: str, place: int) -> None:
        """Restore a deleted row, changed now."""
        table, now = self.tables[name], self.now()
        table.restore(place, now)
        row = {**table.row(place), "dateUpdated": now}
        table.replace(place, row, now)
        self._tell(name, "create", {}, row)

    def of_contact(self, name: str, contact_id: str) -> list[Row]:
        """The tasks, notes, appointments or opportunities of a contact, oldest first."""
        return self._found(name, CONTACT_PLACE, self.ids["contacts"].place_of(contact_id))

    def members(self, business_id: str) -> list[Row]:
        """The contacts of a business, oldest first."""
        return self._found("contacts", BUSINESS_PLACE, self.ids["businesses"].place_of(business_id))

    def find(self, name: str, field: str, value: str) -> list[Row]:
        """The live rows whose `field` equals `value` without regard to case, oldest first."""
        table = self.tables[name]
        return [table.row(place) for place in table.find(field, value)]

    def new_id(self, name: str) -> str:
        """An id for something that is in no table."""
        self._made += 1
        return IdBlock(f"{self.id}-{name}", 0).id_of(self._made)

    def pipeline(self, pipeline_id: object) -> Pipeline | None:
        """The pipeline with this id."""
        return next((one for one in self.pipelines if one.id == pipeline_id), None)

    def stage(self, stage_id: object) -> Stage | None:
        """The stage with this id, of whichever pipeline."""
        return next((stage for one in self.pipelines if (stage := one.stage(stage_id))), None)

    def note_tags(self, names: list[str]) -> None:
        """Let the location know of tags that a contact was given."""
        for name in names:
            if name not in self.tags.values():
                self.tags[self.new_id("tags")] = name

    def _note_time(self, name: str, now: int) -> None:
        table = self.tables[name]
        if name not in self._newest:
            last = table.next_place - 1
            self._newest[name] = cast("int", table.row(last)["dateAdded"]) if table.is_live(last) else 0
        self.in_order = self.in_order and now >= self._newest[name]
        self._newest[name] = now

    def _found(self, name: str, link: str, place: int | None) -> list[Row]:
        if place is None:
            return []
        table = self.tables[name]
        return [table.row(found) for found in table.find(link, str(place))]

    def _linked(self, row: Row) -> Row:
        for link, key, parent in (
            (CONTACT_PLACE, "contactId", "contacts"),
            (BUSINESS_PLACE, "businessId", "businesses"),
        ):
            place = self.ids[parent].place_of(str(row.get(key, "")))
            row.pop(link, None)
            if place is not None:
                row[link] = place
        return row

    def _tell(self, name: str, event: str, before: Row, after: Row) -> None:
        self.version += 1
        self.listener(self, name, event, before, after)


def make_tables(ids: Mapping[str, IdBlock], seeded: Callable[[str], Seeded | None]) -> dict[str, Table]:
    """The tables of a location."""
    return {name: Table(ids[name], seeded(name) or NO_ROWS) for name in OBJECTS}

"""The team: everything that a Lofty account holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.table import Row, Seeded, Table
from crmhub.testing.simulator.users_file import UserSpec
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.hooks import Hooks
from crmhub_rest.simulators.lofty.rows import seconds, texts
from crmhub_rest.simulators.lofty.vocabulary import LEAD_STAGES, SEEDED_TAGS, TRANSACTION_STAGES

_MOST_VIEWS = 12
LEADS, TRANSACTIONS, TASKS, NOTES, TALKS = "Leads", "Transactions", "Tasks", "Notes", "Communications"
BLOCKS = {
    LEADS: ids.LEADS,
    TRANSACTIONS: ids.TRANSACTIONS,
    TASKS: ids.TASKS,
    NOTES: ids.NOTES,
    TALKS: ids.TIMELINE,
}


@dataclass(frozen=True)
class CustomField:
    """A custom field of leads (known by its name) or of transactions (known by its id)."""

    id: int
    name: str
    type: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A stage of leads, or of the transactions of one type."""

    id: int
    name: str


@dataclass(frozen=True)
class Member:
    """A member of the team."""

    id: int
    number: int
    user: UserSpec

    @property
    def admin(self) -> bool:
        """Whether the member owns the account."""
        return self.number == 0


@dataclass
class Team:
    """The tables and the words of one account. `caller` is whom the credentials belong to."""

    clock: SimClock
    timezone: str
    persist_seconds: float
    members: list[Member]
    seeded: Mapping[str, Seeded]
    locate_person: Callable[[str, str], int | None]
    lead_fields: list[CustomField]
    transaction_fields: list[CustomField]
    hooks: Hooks
    site_activities: dict[int, list[Row]] = field(default_factory=dict[int, list[Row]])
    history: dict[int, list[Row]] = field(default_factory=dict[int, list[Row]])

    def __post_init__(self) -> None:
        none = Seeded(0, lambda place: {"place": place}, lambda place: place)
        self.tables = {name: Table(block, self.seeded.get(name, none)) for name, block in BLOCKS.items()}
        self.leads, self.transactions = self.tables[LEADS], self.tables[TRANSACTIONS]
        self.tasks, self.notes, self.talks = self.tables[TASKS], self.tables[NOTES], self.tables[TALKS]
        self.stages = [Stage(ids.STAGES.at(place), name) for place, name in enumerate(LEAD_STAGES)]
        self.pipelines: dict[str, list[Stage]] = {}
        number = 0
        for kind, names in TRANSACTION_STAGES.items():
            self.pipelines[kind] = [
                Stage(ids.TRANSACTION_STAGES.at(number + place), name) for place, name in enumerate(names)
            ]
            number += len(names)
        self.tags = {name: ids.TAGS.at(place) for place, name in enumerate(SEEDED_TAGS)}
        self._waiting: list[tuple[str, int, float]] = []
        self._version = 0
        self._views: dict[object, tuple[object, list[int]]] = {}
        self._people: dict[tuple[str, str], set[int]] = {}

    @property
    def caller(self) -> Member:
        """Whom the credentials belong to: the owner of the account."""
        return self.members[0]

    def member(self, member_id: object) -> Member | None:
        """The member with this id, or None."""
        return next((one for one in self.members if one.id == member_id), None)

    def stage(self, name: str) -> Stage | None:
        """The lead stage of that name, in any case, or None."""
        return next((one for one in self.stages if one.name.lower() == name.strip().lower()), None)

    def tag_id(self, name: str) -> int:
        """The id of a tag, which is made if there is none of that name."""
        return self.tags.setdefault(name, ids.TAGS.at(len(self.tags)))

    def now(self) -> int:
        """The present instant in epoch seconds."""
        return self.clock.seconds()

    def visible(self, row: Row) -> bool:
        """Whether a row that was just created can be read yet."""
        return seconds(row, "_ready") <= self.clock.now()

    def get(self, name: str, row_id: int) -> Row | None:
        """The live row with this id, if it can be read yet."""
        row = self.tables[name].get(str(row_id))
        return row if row is not None and self.visible(row) else None

    def all_readable(self, name: str) -> bool:
        """Whether there is no new row that cannot be read yet."""
        return self._unready(name) == 0

    def count(self, name: str) -> int:
        """How many rows can be read."""
        return len(self.tables[name]) - self._unready(name)

    def add(self, name: str, make: Callable[[int], Row], *, late: bool = False) -> Row:
        """Keep a new row, which `make` gives for its id; `late` ones can be read only after a while."""
        table = self.tables[name]
        place = table.next_place
        row = make(BLOCKS[name].at(place))
        if late and self.persist_seconds > 0:
            row["_ready"] = self.clock.now() + self.persist_seconds
            self._waiting.append((name, place, self.clock.now() + self.persist_seconds))
        table.insert(row, self.now())
        self._changed(name, place, None, row)
        return row

    def change(self, name: str, row_id: int, row: Row) -> None:
        """Put `row` in the place of the row with this id."""
        table = self.tables[name]
        place = table.place_of(str(row_id))
        if place is None:
            raise KeyError(row_id)
        before = table.row(place)
        table.replace(place, row, self.now())
        self._changed(name, place, before, row)

    def remove(self, name: str, row_id: int) -> Row:
        """Delete the row with this id (leads go to the trash); what it held."""
        table = self.tables[name]
        place = table.place_of(str(row_id))
        if place is None:
            raise KeyError(row_id)
        gone = table.delete(place, self.now())
        self._changed(name, place, gone.row, None)
        return gone.row

    def restore_lead(self, place: int) -> None:
        """Bring a lead back from the trash, changed now."""
        self.leads.restore(place, self.now())
        row = {**self.leads.row(place), "lastUpdateTime": self.now()}
        self.leads.replace(place, row, self.now())
        self._changed(LEADS, place, None, row)

    def view(self, name: str, key: object, find: Callable[[], list[int]]) -> list[int]:
        """The places that `find` gives, kept under `key` until something changes."""
        state = (self._version, self._unready(name))
        kept = self._views.get((name, key))
        if kept is not None and kept[0] == state:
            return kept[1]
        places = find()
        self._views.pop((name, key), None)
        self._views[name, key] = (state, places)
        if len(self._views) > _MOST_VIEWS:
            del self._views[next(iter(self._views))]
        return places

    def of_lead(self, name: str, lead_id: int) -> list[Row]:
        """The readable rows of a lead, oldest first."""
        table = self.tables[name]
        rows = (table.row(place) for place in table.find("leadId", lead_id))
        return [row for row in rows if self.visible(row)]

    def people(self, field_name: str, value: str) -> list[int]:
        """The places of the live leads with this e-mail address or phone number."""
        key = person_key(field_name, value)
        found = set(self._people.get((field_name, key), ()))
        place = self.locate_person(field_name, key)
        if place is not None and self.leads.is_live(place) and not self.leads.touched(place):
            found.add(place)
        return sorted(found)

    def _unready(self, name: str) -> int:
        if not self._waiting:
            return 0
        now = self.clock.now()
        self._waiting = [one for one in self._waiting if one[2] > now]
        return sum(1 for one in self._waiting if one[0] == name and self.tables[name].is_live(one[1]))

    def _changed(self, name: str, place: int, before: Row | None, after: Row | None) -> None:
        self._version += 1
        if name != LEADS:
            return
        for field_name in ("emails", "phones"):
            for value in texts(before or {}, field_name):
                self._people.get((field_name, person_key(field_name, value)), set[int]()).discard(place)
            for value in texts(after or {}, field_name):
                key = field_name, person_key(field_name, value)
                self._people.setdefault(key, set[int]()).add(place)


def person_key(field_name: str, value: str) -> str:
    """The form in which addresses and numbers are compared."""
    if field_name == "emails":
        return value.strip().lower()
    return "".join(char for char in value if char.isdigit())[-10:]

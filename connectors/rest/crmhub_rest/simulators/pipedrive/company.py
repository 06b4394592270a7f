"""The state of one company: its tables, users, fields and webhooks."""

import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.schema_file import load_schema
from crmhub.testing.simulator.table import Deleted, Row, Table
from crmhub.testing.simulator.users_file import DEFAULT_USERS, load_users
from crmhub_rest.simulators.numbers import NumberIds
from crmhub_rest.simulators.pipedrive.fields import FieldBook, declare
from crmhub_rest.simulators.pipedrive.ids import LeadIds
from crmhub_rest.simulators.pipedrive.people import User, make_users
from crmhub_rest.simulators.pipedrive.settings import Settings
from crmhub_rest.simulators.pipedrive.standard import CURRENCIES, DEFAULT_CUSTOM

KINDS = ("deal", "person", "organization", "activity", "note", "lead", "pipeline", "stage")
PLURAL = {
    "deal": "deals",
    "person": "persons",
    "organization": "organizations",
    "activity": "activities",
    "note": "notes",
    "lead": "leads",
    "pipeline": "pipelines",
    "stage": "stages",
}
WITH_FIELDS = ("deal", "person", "organization", "activity")
KEPT = 30 * 86_400
"""How long a deleted record can still be seen, in seconds."""
MOST_OUTGOING = 100_000
_FIRST_CUSTOM_NUMBER = 4_001
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Change:
    """What happened to a record: `action` is create, change or delete; `merged`: the other of a merge."""

    action: str
    kind: str
    ident: int | str
    row: Row | None
    previous: Row | None
    user: User
    merged: int | None = None


class Company:
    """One company and all that is in it. Rows are kept as v2 shows them; times are texts of whole seconds."""

    id = 12_345_678
    name = "Fernhill Kitchens"
    domain = "fernhill-sandbox"

    def __init__(self, clock: SimClock, options: Options, settings: Settings) -> None:
        self.clock = clock
        self.settings = settings
        self.random = random.Random(f"pipedrive-{options.seed}")
        self.users = make_users(load_users(options.users) or DEFAULT_USERS)
        numbers = itertools.count(_FIRST_CUSTOM_NUMBER)
        self.fields = {kind: FieldBook(kind, options.seed, numbers) for kind in WITH_FIELDS}
        for kind, declared in DEFAULT_CUSTOM.items():
            for name, type_, labels in declared:
                self.fields[kind].add(name, type_, labels)
        declare(self.fields, load_schema(options.schema))
        self.tables: dict[str, Table] = {
            kind: Table(LeadIds(options.seed) if kind == "lead" else NumberIds(1)) for kind in KINDS
        }
        self.activity_types: list[dict[str, object]] = []
        self.lead_labels: list[dict[str, object]] = []
        self.outbox: deque[dict[str, object]] = deque(maxlen=MOST_OUTGOING)
        self.listeners: list[Callable[[Change], None]] = []
        self.followers: dict[tuple[str, int], list[Row]] = {}
        """Who follows which record, by kind and id."""
        self.follower_log: dict[tuple[str, int], list[Row]] = {}
        self._follows = itertools.count(1)
        self.versions: dict[str, int] = dict.fromkeys(KINDS, 0)
        """How often each table was written to."""
        self.orders: dict[tuple[str, str], tuple[int, list[tuple[object, int]]]] = {}
        """Sorted positions by kind and field, and for which version of the table they are."""

    @property
    def admin(self) -> User:
        """The user to whom the credentials belong."""
        return self.users[0]

    @property
    def seats(self) -> int:
        """How many users are active."""
        return sum(user.active for user in self.users)

    @property
    def currencies(self) -> list[str]:
        """The codes of the currencies that amounts can have."""
        return [code for code, *_ in CURRENCIES]

    def user(self, ident: object) -> User | None:
        """The user with this id."""
        return next((one for one in self.users if one.id == ident and not isinstance(ident, bool)), None)

    def now(self) -> int:
        """The present instant in whole seconds since the epoch."""
        return self.clock.seconds()

    def now_text(self) -> str:
        """The present instant as v2 writes it."""
        return stamp(self.now())

    def next_follower(self) -> int:
        """The number of a new follower."""
        return next(self._follows)

    def uuid(self) -> str:
        """A new UUID."""
        bits = f"{self.random.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"

    def live(self, kind: str, ident: object) -> Row | None:
        """The record with this id, unless it is deleted."""
        return self.tables[kind].get(str(ident))

    def gone(self, kind: str, ident: object) -> Deleted | None:
        """The deleted record with this id, as long as it is kept."""
        found = self.tables[kind].deleted_by_id(str(ident))
        return found if found is not None and found.at > self.now() - KEPT else None

    def any(self, kind: str, ident: object) -> Row | None:
        """The record with this id, live or deleted."""
        found = self.live(kind, ident)
        gone = None if found is not None else self.gone(kind, ident)
        return found if gone is None else gone.row

    def deleted(self, kind: str) -> Iterator[Deleted]:
        """The deleted records that are still kept, in the order of their deletion."""
        since = self.now() - KEPT
        return (one for one in self.tables[kind].deleted() if one.at > since)

    def add(self, kind: str, row: Row, user: User) -> Row:
        """Keep a new record, which gets the next id, and tell the listeners."""
        table = self.tables[kind]
        text = table.id_at(table.next_place)
        row = {"id": text if kind == "lead" else int(text), **row}
        table.insert(row, self.now())
        self._told(Change("create", kind, _ident(row), row, None, user))
        return row

    def change(self, kind: str, before: Row, row: Row, user: User, merged: int | None = None) -> Row:
        """Put a record in the place of what it was, and tell the listeners."""
        table = self.tables[kind]
        place = table.place_of(str(before["id"]))
        if place is None:
            raise KeyError(before["id"])
        table.replace(place, row, self.now())
        self._told(Change("change", kind, _ident(row), row, before, user, merged))
        return row

    def delete(self, kind: str, row: Row, marked: Row, user: User, merged: int | None = None) -> None:
        """Delete a record; `marked` is what can still be seen of it."""
        table = self.tables[kind]
        place = table.place_of(str(row["id"]))
        if place is None:
            raise KeyError(row["id"])
        table.replace(place, marked, self.now())
        table.delete(place, self.now(), str(user.id))
        self._told(Change("delete", kind, _ident(row), None, row, user, merged))

    def restore(self, kind: str, row: Row, user: User) -> Row:
        """Bring a deleted record back as `row`."""
        table = self.tables[kind]
        gone = table.deleted_by_id(str(row["id"]))
        if gone is None:
            raise KeyError(row["id"])
        table.restore(gone.place, self.now())
        table.replace(gone.place, row, self.now())
        self._told(Change("change", kind, _ident(row), row, gone.row, user))
        return row

    def _told(self, change: Change) -> None:
        self.versions[change.kind] += 1
        for listener in self.listeners:
            listener(change)


def stamp(instant: int) -> str:
    """Epoch seconds as v2 writes times."""
    number, rest = divmod(instant, 86_400)
    return f"{_day(number)}T{rest // 3_600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


@cache
def _day(number: int) -> str:
    return date.fromordinal(_EPOCH + number).isoformat()


def _ident(row: Row) -> int | str:
    ident = row["id"]
    return ident if isinstance(ident, int) else str(ident)

"""A table of native records: seeded rows that cost nothing until read, and what was done to them since.

Every row has a place: seeded rows 0 … n-1, created rows from n on. Ids are arithmetic on places, so that
order by id is order by place and the position of an id is found without a scan. Times of last change of
untouched seeded rows rise with the place, so that the start of a time range is found by bisection.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Protocol

Row = dict[str, object]


class Ids(Protocol):
    """How an object's ids and the places of its rows belong together; ids must rise with places."""

    def id_of(self, place: int) -> str:
        """The id of the row at `place`."""
        ...

    def place_of(self, row_id: str) -> int | None:
        """The place of `row_id`, or None if no row of this object can have it."""
        ...


@dataclass(frozen=True)
class Seeded:
    """The rows a table begins with, computed from their places.

    `modified` gives a row's time of last change (epoch seconds) and must not fall as places rise. `locate`
    gives, for a field and a normalised value, the places that may hold it (a superset); None: not known, look
    at all rows.
    """

    count: int
    make: Callable[[int], Row]
    modified: Callable[[int], int]
    locate: Callable[[str, str], Iterable[int] | None] | None = None


NO_ROWS = Seeded(0, lambda place: {"place": place}, lambda place: place)


@dataclass(frozen=True)
class Deleted:
    """A deleted row: where it was, when it went (epoch seconds), by whom, and what it held."""

    place: int
    at: int
    by: str
    row: Row


@dataclass(frozen=True)
class TableState:
    """What a table held at some time."""

    next_place: int
    own: dict[int, Row]
    stamps: dict[int, int]
    by_stamp: list[tuple[int, int]]
    gone: dict[int, Deleted]
    purged: set[int]


class Table:
    """Live and deleted rows of one object, in id order or in order of last change."""

    def __init__(self, ids: Ids, seeded: Seeded = NO_ROWS) -> None:
        self._ids = ids
        self._seeded = seeded
        self._next = seeded.count
        self._own: dict[int, Row] = {}
        self._stamps: dict[int, int] = {}
        self._by_stamp: list[tuple[int, int]] = []
        self._gone: dict[int, Deleted] = {}
        self._purged: set[int] = set()
        self._indexes: dict[str, FieldIndex] = {}

    def __len__(self) -> int:
        """How many rows are live."""
        return self._next - len(self._gone) - len(self._purged)

    @property
    def next_place(self) -> int:
        """The place that the next created row will get."""
        return self._next

    def place_of(self, row_id: str) -> int | None:
        """The place of the live row with this id, or None."""
        place = self._ids.place_of(row_id)
        return place if place is not None and self.is_live(place) else None

    def is_live(self, place: int) -> bool:
        """Whether there is a row at `place` that is not deleted."""
        return 0 <= place < self._next and place not in self._gone and place not in self._purged

    def id_at(self, place: int) -> str:
        """The id of the row at `place`."""
        return self._ids.id_of(place)

    def row(self, place: int) -> Row:
        """The live row at `place`. Untouched seeded rows are made anew at each call; do not change the
        dict.
        """
        own = self._own.get(place)
        return self._seeded.make(place) if own is None else own

    def get(self, row_id: str) -> Row | None:
        """The live row with this id, or None."""
        place = self.place_of(row_id)
        return None if place is None else self.row(place)

    def modified(self, place: int) -> int:
        """When the row at `place` last changed, in epoch seconds."""
        stamp = self._stamps.get(place)
        return self._seeded.modified(place) if stamp is None else stamp

    def places(
        self, *, after: int = -1, before: int | None = None, descending: bool = False
    ) -> Iterator[int]:
        """Live places strictly between `after` and `before`, in id order."""
        end = self._next if before is None else min(before, self._next)
        span = range(max(after + 1, 0), end)
        ordered = reversed(span) if descending else iter(span)
        if not self._gone and not self._purged:
            return iter(ordered)
        return (place for place in ordered if place not in self._gone and place not in self._purged)

    def places_by_modified(
        self, *, since: int | None = None, until: int | None = None, descending: bool = False
    ) -> Iterator[int]:
        """Live places last changed within [since, until] (epoch seconds), in order of (change, id)."""
        first, last = self._seeded_range(since, until)
        seeded = (
            (self._seeded.modified(place), place)
            for place in (range(last - 1, first - 1, -1) if descending else range(first, last))
            if place not in self._stamps and place not in self._gone and place not in self._purged
        )
        low, high = self._changed_range(since, until)
        changed = self._by_stamp[low:high]
        if descending:
            changed.reverse()
        return (place for _, place in merge(seeded, changed, reverse=descending))

    def about_modified(self, since: int | None, until: int | None) -> int:
        """About how many rows last changed within [since, until]: an upper bound, found without a scan."""
        first, last = self._seeded_range(since, until)
        low, high = self._changed_range(since, until)
        return last - first + high - low

    def span_by_modified(self, since: int | None, until: int | None) -> range | None:
        """The places last changed within [since, until] as one range; None once a row was created,
        changed or deleted.
        """
        if self._stamps or self._gone or self._purged:
            return None
        return range(*self._seeded_range(since, until))

    def rows(self) -> Iterator[Row]:
        """All live rows in id order."""
        return (self.row(place) for place in self.places())

    def insert(self, row: Row, modified: int) -> int:
        """Keep a new row, changed at `modified` (epoch seconds), at the next place, which is returned."""
        place = self._next
        self._next += 1
        self._put(place, row, modified)
        return place

    def replace(self, place: int, row: Row, modified: int) -> None:
        """Put `row` where a live row was, changed at `modified` (epoch seconds)."""
        if self._indexes:
            old = self.row(place)
            for index in self._indexes.values():
                index.remove(place, old)
        self._unstamp(place)
        self._put(place, row, modified)

    def delete(self, place: int, at: int, by: str = "") -> Deleted:
        """Move the live row at `place` among the deleted ones."""
        row = self.row(place)
        for index in self._indexes.values():
            index.remove(place, row)
        self._unstamp(place)
        self._own.pop(place, None)
        self._stamps.pop(place, None)
        gone = Deleted(place, at, by, row)
        self._gone[place] = gone
        return gone

    def restore(self, place: int, modified: int) -> None:
        """Bring a deleted row back, changed at `modified` (epoch seconds)."""
        gone = self._gone.pop(place)
        self._put(place, gone.row, modified)

    def purge(self, place: int) -> Deleted:
        """Forget the content of a deleted row for good."""
        gone = self._gone.pop(place)
        self._purged.add(place)
        return gone

    def deleted(self) -> Iterator[Deleted]:
        """The deleted rows that can still be restored, in the order of their deletion."""
        return iter(self._gone.values())

    def deleted_by_id(self, row_id: str) -> Deleted | None:
        """The deleted row with this id, or None."""
        place = self._ids.place_of(row_id)
        return None if place is None else self._gone.get(place)

    def state(self) -> TableState:
        """What the table holds now, to be brought back later."""
        copies = (dict(self._own), dict(self._stamps), list(self._by_stamp), dict(self._gone))
        return TableState(self._next, *copies, set(self._purged))

    def bring_back(self, state: TableState) -> None:
        """Make the table what it was."""
        self._next = state.next_place
        self._own, self._stamps = dict(state.own), dict(state.stamps)
        self._by_stamp, self._gone = list(state.by_stamp), dict(state.gone)
        self._purged = set(state.purged)
        self._indexes.clear()

    def find(self, field: str, value: object) -> list[int]:
        """Live places whose `field` equals `value` (texts without regard to case), lowest first; kept as an
        index.
        """
        key = index_key(value)
        if key is None:
            return []
        index = self._indexes.get(field)
        if index is None:
            index = self._indexes[field] = self._build(field)
        return index.find(key, self)

    def _build(self, field: str) -> "FieldIndex":
        seeded = self._seeded
        computed = seeded.count > 0 and seeded.locate is not None and seeded.locate(field, "") is not None
        index = FieldIndex(field, seeded.locate if computed else None)
        for place in self._own if computed else list(self.places()):
            index.add(place, self.row(place))
        return index

    def touched(self, place: int) -> bool:
        """Whether the row at `place` was created or changed since the beginning."""
        return place in self._own

    def _put(self, place: int, row: Row, modified: int) -> None:
        self._own[place] = row
        self._stamps[place] = modified
        insort(self._by_stamp, (modified, place))
        for index in self._indexes.values():
            index.add(place, row)

    def _unstamp(self, place: int) -> None:
        stamp = self._stamps.get(place)
        if stamp is not None:
            del self._by_stamp[bisect_left(self._by_stamp, (stamp, place))]

    def _changed_range(self, since: int | None, until: int | None) -> tuple[int, int]:
        low = 0 if since is None else bisect_left(self._by_stamp, (since, -1))
        high = len(self._by_stamp) if until is None else bisect_left(self._by_stamp, (until + 1, -1))
        return low, max(low, high)

    def _seeded_range(self, since: int | None, until: int | None) -> tuple[int, int]:
        span = range(self._seeded.count)
        first = 0 if since is None else bisect_left(span, since, key=self._seeded.modified)
        last = len(span) if until is None else bisect_right(span, until, key=self._seeded.modified)
        return first, max(first, last)


class FieldIndex:
    """Which places hold a value in one field."""

    def __init__(self, field: str, locate: Callable[[str, str], Iterable[int] | None] | None) -> None:
        self._field = field
        self._locate = locate
        self._places: dict[str, list[int]] = {}

    def add(self, place: int, row: Row) -> None:
        """Note that `row` stands at `place`."""
        key = index_key(row.get(self._field))
        if key is not None:
            insort(self._places.setdefault(key, []), place)

    def remove(self, place: int, row: Row) -> None:
        """Forget that `row` stood at `place`."""
        key = index_key(row.get(self._field))
        places = self._places.get(key, []) if key is not None else []
        if place in places:
            places.remove(place)

    def find(self, key: str, table: Table) -> list[int]:
        """The live places that hold `key`, lowest first."""
        kept = self._places.get(key, [])
        if self._locate is None:
            return list(kept)
        untouched = (
            place
            for place in self._locate(self._field, key) or ()
            if table.is_live(place)
            and not table.touched(place)
            and index_key(table.row(place).get(self._field)) == key
        )
        return sorted([*kept, *untouched])


def index_key(value: object) -> str | None:
    """The form in which values are compared in an index: texts without case and outer space; None if there is
    none.
    """
    if value is None or value == "":
        return None
    return value.strip().casefold() if isinstance(value, str) else str(value)

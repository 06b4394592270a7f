"""Which rows fit and in which order, and where a cursor stands among them.

What was found last is kept until something changes, so that going through pages is quick with many rows.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import total_ordering

from crmhub.testing.simulator.table import Row, Table
from crmhub_rest.simulators.gohighlevel.location import Location

_MOST_KEPT = 8
Key = tuple[object, ...]


@dataclass(frozen=True)
class Sort:
    """One field to sort by. `read` gives the value of a row, None where there is none. Sorting by `dateAdded`
    or `dateUpdated` alone needs no row.
    """

    field: str
    descending: bool
    read: Callable[[Row], object]


@dataclass(frozen=True)
class Criteria:
    """What to look for: `name` tells one search from another; `fits` None: everything. `among` gives the
    places that may fit, where they are known.
    """

    name: str
    fits: Callable[[Row], bool] | None
    among: Callable[[], Iterable[int]] | None
    sort: tuple[Sort, ...]


class Orderer:
    """Finds and sorts the rows of one location's object."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str, int], list[int]] = OrderedDict()

    def ordered(
        self, location: Location, name: str, criteria: Criteria, hidden_after: int | None
    ) -> "Ordered":
        """The places that fit, in order. Rows added after `hidden_after` (milliseconds) are not found yet."""
        order = ",".join(f"{one.field} {one.descending}" for one in criteria.sort)
        known = (location.id, f"{name} {criteria.name}", order, location.version)
        found = self._kept.get(known) if hidden_after is None else None
        if found is None:
            found = _find(location, name, criteria, hidden_after)
            if hidden_after is None:
                self._kept[known] = found
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return Ordered(location, name, criteria.sort, found)


@dataclass(frozen=True)
class Ordered:
    """Places in order."""

    location: Location
    name: str
    sort: tuple[Sort, ...]
    places: list[int]

    def after(self, values: Sequence[object], row_id: str) -> int | None:
        """The position after the row with these sort values and this id; None if no row can have them."""
        place = self.location.ids[self.name].place_of(row_id)
        if place is None or len(values) != len(self.sort):
            return None
        parts = [_part(value, one.descending) for value, one in zip(values, self.sort, strict=True)]
        cursor: Key = (*parts, _tie(self.sort, place))
        try:
            return bisect_right(self.places, cursor, key=self._key)  # pyright: ignore[reportCallIssue, reportArgumentType]
        except TypeError:
            return None  # a text where there are numbers, or the other way round

    def row(self, place: int) -> Row:
        """The row at a place."""
        return self.location.tables[self.name].row(place)

    def cursor(self, place: int) -> list[object]:
        """What leads to the rows after this one: the sort values and the id."""
        row = self.row(place)
        return [*(one.read(row) for one in self.sort), row["id"]]

    def _key(self, place: int) -> Key:
        return _key(self.sort, place, self.location.tables[self.name])


def _find(location: Location, name: str, criteria: Criteria, hidden_after: int | None) -> list[int]:
    table = location.tables[name]
    places: Iterable[int] = criteria.among() if criteria.among else table.places()
    found = [place for place in places if table.is_live(place)]
    if criteria.fits is not None or hidden_after is not None:
        found = [place for place in found if _fits(table.row(place), criteria.fits, hidden_after)]
    if [one.field for one in criteria.sort] == ["dateAdded"] and location.in_order:
        found.sort(reverse=criteria.sort[0].descending)
        return found
    keys = {place: _key(criteria.sort, place, table) for place in found}
    found.sort(key=keys.__getitem__)  # pyright: ignore[reportArgumentType]
    return found


def _fits(row: Row, fits: Callable[[Row], bool] | None, hidden_after: int | None) -> bool:
    if hidden_after is not None and int(str(row["dateAdded"])) > hidden_after:
        return False
    return fits is None or fits(row)


def _key(sort: tuple[Sort, ...], place: int, table: Table) -> Key:
    if [one.field for one in sort] == ["dateUpdated"]:
        parts = [_part(table.modified(place), sort[0].descending)]
    else:
        row = table.row(place)
        parts = [_part(one.read(row), one.descending) for one in sort]
    return (*parts, _tie(sort, place))


def _tie(sort: tuple[Sort, ...], place: int) -> int:
    return -place if sort[0].descending else place


def _part(value: object, descending: bool) -> tuple[int, object]:
    """A value as a part of a key; rows without one come last in either direction."""
    if value is None or value == "":
        return 1, 0
    if isinstance(value, (int, Decimal)):
        return 0, -value if descending else value
    text = str(value).lower()
    return 0, _Falling(text) if descending else text


@total_ordering
@dataclass(frozen=True)
class _Falling:
    text: str

    def __lt__(self, other: object) -> bool:
        return self.text > other.text if isinstance(other, _Falling) else NotImplemented

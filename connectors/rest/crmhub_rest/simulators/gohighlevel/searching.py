"""What the two search endpoints share: the body's page, order and filters, and the page that they give."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.call import Call
from crmhub_rest.simulators.gohighlevel.errors import invalid
from crmhub_rest.simulators.gohighlevel.filters import FieldOf, Filters, bounds_of, read_filters, too_far
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.ordering import Criteria, Ordered, Orderer, Sort
from crmhub_rest.simulators.gohighlevel.shapes import text_of, whole_of

MOST_BY_PAGES = 10_000
MOST_IN_PAGE = 500
_LONGEST_QUERY = 75


@dataclass(frozen=True)
class Searched:
    """An object that can be searched. `sorts`: field to how its value is read; `added` is the name of the
    time of creation, by which hits are sorted if nothing else is asked for; `changed` that of the last
    change. `indexed`: filter fields whose values are found without a scan, and the row's own names for them.
    """

    name: str
    limit: str
    added: str
    changed: str
    field_of: Callable[[Location], FieldOf]
    sorts: Mapping[str, Callable[[Row], object]]
    words: Callable[[Row], Iterable[object]]
    indexed: Mapping[str, str]


@dataclass(frozen=True)
class Hits:
    """A page of hits: rows with the cursors that lead on from them, and how many there are in all."""

    rows: list[Row]
    cursors: list[list[object]]
    total: int


def search(call: Call, location: Location, orderer: Orderer, what: Searched) -> Hits:
    """The page that the body asks for; raises GhlError (422)."""
    size = whole_of(call.body, what.limit, 0, least=1, most=MOST_IN_PAGE)
    ordered = orderer.ordered(
        location, what.name, _criteria(call, location, what), hidden_after(call, location)
    )
    start = _start(call, ordered, size)
    places = ordered.places[start : start + size]
    rows, cursors = [ordered.row(place) for place in places], [ordered.cursor(place) for place in places]
    if rows and call.fault("duplicate_ids"):
        rows, cursors = [rows[0], *rows], [cursors[0], *cursors]
    if rows and call.fault("loop_token"):
        cursors = [cast("list[object]", call.body.get("searchAfter")) or cursors[0]] * len(cursors)
    return Hits(rows, cursors, len(ordered.places))


def hidden_after(call: Call, location: Location) -> int | None:
    """From when on new rows are not in the index yet; None if the index is always fresh."""
    delay = call.settings.index_delay
    return location.now() - delay * 1000 if delay else None


def all_of(tests: Sequence[Callable[[Row], bool]]) -> Callable[[Row], bool] | None:
    """One test for all of them; None where there are none."""
    if not tests:
        return None
    return lambda row: all(test(row) for test in tests)


def text_test(query: str, words: Callable[[Row], Iterable[object]]) -> Callable[[Row], bool]:
    """Whether a row holds what was typed."""
    wanted = query.strip().lower()
    return lambda row: any(wanted in str(word).lower() for word in words(row) if word)


def _criteria(call: Call, location: Location, what: Searched) -> Criteria:
    items = cast("list[object]", call.body.get("filters") or [])
    filters = read_filters(items, what.field_of(location))
    query = text_of(call.body, "query")
    if len(query) > _LONGEST_QUERY:
        raise invalid(f"query must be shorter than or equal to {_LONGEST_QUERY} characters")
    typed = text_test(query, what.words) if query else None
    tests = [test for test in (filters.fits if filters else None, typed) if test is not None]
    name = json.dumps([items, query], sort_keys=True, default=str)
    return Criteria(name, all_of(tests), _among(location, what, filters), _sort(call, what))


def _among(location: Location, what: Searched, filters: Filters | None) -> Callable[[], Iterable[int]] | None:
    table = location.tables[what.name]
    for field, operator, value in filters.simple if filters else ():
        if operator == "eq" and field == "id" and isinstance(value, str):
            place = table.place_of(value)
            return lambda place=place: () if place is None else (place,)
        if operator == "eq" and field in what.indexed and isinstance(value, str):
            return lambda field=field, value=value: table.find(what.indexed[field], value)
        if operator == "range" and field == what.changed:
            low, high = bounds_of(value)
            return lambda low=low, high=high: table.places_by_modified(since=low, until=high)
    return None


def _sort(call: Call, what: Searched) -> tuple[Sort, ...]:
    wanted = cast("Sequence[Mapping[str, object]]", call.body.get("sort") or ())
    sort: list[Sort] = []
    for place, one in enumerate(wanted):
        field, direction = one.get("field"), one.get("direction")
        if not isinstance(field, str) or field not in what.sorts:
            raise invalid(f"sort.{place}.field must be one of the following values: {', '.join(what.sorts)}")
        if direction not in {"asc", "desc"}:
            raise invalid(f"sort.{place}.direction must be one of the following values: asc, desc")
        name = {what.changed: "dateUpdated", what.added: "dateAdded"}.get(field, field)
        sort.append(Sort(name, direction == "desc", what.sorts[field]))
    return tuple(sort) or (Sort("dateAdded", True, what.sorts[what.added]),)


def _start(call: Call, ordered: Ordered, size: int) -> int:
    cursor = cast("list[object]", call.body.get("searchAfter") or [])
    if cursor:
        if whole_of(call.body, "page", 1) > 1:
            raise invalid("page should not be provided with searchAfter")
        start = ordered.after(cursor[:-1], str(cursor[-1]))
        if start is None:
            raise invalid("searchAfter is not valid")
        return start
    page = max(whole_of(call.body, "page", 1), 1)
    if page * size > MOST_BY_PAGES:
        raise too_far()
    return (page - 1) * size

"""Search: what the index knows, which may be a while behind.

Source: HubSpot "CRM search": at most 200 results a page and 10,000 altogether; archived records are not
found, associations not shown; one sort.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    as_texts,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.catalog.properties import Property
from crmhub_rest.simulators.hubspot.errors import bad_json, invalid
from crmhub_rest.simulators.hubspot.filters import Filter, comparable, parse_groups
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.rendering import record, value
from crmhub_rest.simulators.hubspot.resources.objects import struck

MOST = 200
CAP = 10_000
LONGEST_QUERY = 3_000
_DEFAULT = 10
_KEPT = 16
_INDEXED = ("EQ", "IN")
_LINKED = "associations."


class Search:
    """Answers searches, and remembers the latest so that their next pages cost nothing."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[str, int, bytes], list[int]] = OrderedDict()

    def answer(self, call: Call) -> Response:
        """`POST /objects/{type}/search`."""
        store = call.store()
        body = call.body
        limit, start = _limit(body), _start(body)
        if start + limit > CAP:
            raise invalid(
                f"The search would go past {CAP} results, which is as far as paging goes: after {start}, "
                f"limit {limit}"
            )
        names = as_texts(body.get("properties"), "properties") or list(store.type.shown)
        places = self._places(call, store, body)
        page = places[start : start + limit]
        results = [record(call.portal, store, _known(store, place), names) for place in page]
        told: Body = {"total": len(places), "results": struck(call, store, results)}
        if limit and start + limit < len(places):
            after = start if call.fault("loop_token") else start + limit
            told["paging"] = {"next": {"after": str(after)}}
        return reply(told)

    def _places(self, call: Call, store: Store, body: Body) -> list[int]:
        asked = {
            name: part for name, part in body.items() if name in {"filterGroups", "filters", "sorts", "query"}
        }
        key = (store.name, call.portal.version, dump_json(asked))
        found = None if store.former else self._found.get(key)
        if found is None:
            found = find(call, store, body)
            self._found[key] = found
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return found


def find(call: Call, store: Store, body: Body) -> list[int]:
    """The places of all records that a search finds, in its order; raises HubSpotError."""
    groups = parse_groups({**store.properties, **_linked_types(call, store)}, body)
    words = _words(body)
    name, descending = _sort(store, body)
    by_time = name == store.type.modified
    _forget(call, store)
    chosen: dict[int, None] = {}
    for group in groups or [[]]:
        left = _left(store, group)
        for place in _candidates(call, store, group, by_time=by_time, descending=descending):
            if place not in chosen and _fits(call, store, place, left, words):
                chosen[place] = None
    if not store.former and len(groups) < 2 and (by_time or name == "hs_object_id"):
        places = list(chosen)
        return places if by_time or not descending else places[::-1]
    return _sorted(call, store, chosen, name, descending=descending)


def _fits(call: Call, store: Store, place: int, group: Sequence[Filter], words: Sequence[str]) -> bool:
    former = store.former.get(place)
    if former is not None and former.row is None:
        return False
    if not group and not words:
        return True
    row = _known(store, place)
    if not all(one.holds(_held(call, store, row, one.one.name)) for one in group):
        return False
    texts = " ".join(str(row.get(name, "")) for name in store.type.searched).lower()
    return all(word in texts for word in words)


def _linked_types(call: Call, store: Store) -> dict[str, Property]:
    """Filters can ask for the ids of associated records by what looks like properties."""
    found: dict[str, Property] = {}
    for other in call.portal.links.others(store.name):
        one = Property(f"{_LINKED}{other}", other, "enumeration", "checkbox")
        singular = call.portal.stores[other].type.singular
        found |= {one.name: one, f"{_LINKED}{singular}": one}
    return found


def _held(call: Call, store: Store, row: Row, name: str) -> object:
    if not name.startswith(_LINKED):
        return value(call.portal, store, row, name)
    linked = call.portal.links.of((store.name, str(row["hs_object_id"])), name.removeprefix(_LINKED))
    return ";".join(other_id for other_id, _ in linked)


def _known(store: Store, place: int) -> Row:
    """What the index holds at `place`."""
    former = store.former.get(place)
    return former.row if former is not None and former.row is not None else store.table.row(place)


def _forget(call: Call, store: Store) -> None:
    """Let the index learn what is due."""
    now = call.portal.now()
    for place in [place for place, former in store.former.items() if former.until <= now]:
        del store.former[place]


def _candidates(
    call: Call, store: Store, group: Sequence[Filter], *, by_time: bool, descending: bool
) -> Iterable[int]:
    """Places that can fit the group, in the order asked for where that is by time of change, else by id."""
    since, until = _span(store, group)
    table = store.table
    old = [place for place, former in store.former.items() if former.row is not None]
    for one in group:
        linked = one.one.name.startswith(_LINKED)
        if one.operator in _INDEXED and (linked or one.one.type == "string"):
            values = one.values if one.operator == "IN" else (one.value or "",)
            there = sorted(
                {place for text in values for place in _places_of(call, store, one.one.name, text)}
            )
            if by_time:
                there.sort(key=table.modified, reverse=descending)
            return dict.fromkeys([*there, *old])
    after, before = _ids(store, group)
    if by_time or since is not None or until is not None:
        timed = [
            place
            for place in table.places_by_modified(since=since, until=until, descending=descending and by_time)
            if place > after and (before is None or place < before)
        ]
        return [*dict.fromkeys([*timed, *old])] if by_time else sorted({*timed, *old})
    return [*table.places(after=after, before=before), *(place for place in old if not table.is_live(place))]


def _left(store: Store, group: Sequence[Filter]) -> Sequence[Filter]:
    """The filters that candidates do not meet already, so that rows need not be made to see it."""
    found_by_value = any(one.operator in _INDEXED and one.one.type != "datetime" for one in group)
    return group if store.former or found_by_value else [one for one in group if not _is_range(store, one)]


def _is_range(store: Store, one: Filter) -> bool:
    if one.one.name == store.type.modified:
        return one.operator in {"EQ", "GTE", "LTE", "BETWEEN"}
    id_ = one.one.name == "hs_object_id" and (one.value or "").isdigit()
    return id_ and one.operator in {"GT", "GTE", "LT", "LTE"}


def _places_of(call: Call, store: Store, name: str, text: str) -> list[int]:
    """The places that hold `text` in a property, or are associated with the record of that id."""
    if not name.startswith(_LINKED):
        return store.table.find(name, text)
    linked = call.portal.links.of((name.removeprefix(_LINKED), text), store.name)
    places = (store.table.place_of(other_id) for other_id, _ in linked)
    return [place for place in places if place is not None]


def _span(store: Store, group: Sequence[Filter]) -> tuple[int | None, int | None]:
    """The range of times of change that the group allows, in epoch milliseconds."""
    since: int | None = None
    until: int | None = None
    for one in group:
        if one.one.name != store.type.modified:
            continue
        low, high = one.bound(one.value), one.bound(one.high)
        if one.operator in {"GT", "GTE", "EQ", "BETWEEN"} and low is not None:
            since = low if since is None else max(since, low)
        last = {"LT": low, "LTE": low, "EQ": low, "BETWEEN": high}.get(one.operator)
        if last is not None:
            until = last if until is None else min(until, last)
    return since, until


def _ids(store: Store, group: Sequence[Filter]) -> tuple[int, int | None]:
    """The range of places (exclusive) that filters on the id allow."""
    after, before = -1, None
    for one in group:
        if one.one.name != "hs_object_id" or not (one.value or "").isdigit():
            continue
        place = int(one.value or "") - store.ids.first
        if one.operator in {"GT", "GTE", "BETWEEN", "EQ"}:
            after = max(after, place - (one.operator != "GT"))
        if one.operator in {"LT", "LTE", "EQ"}:
            before = place + (one.operator != "LT")
    return after, before


def _sorted(call: Call, store: Store, places: Iterable[int], name: str, *, descending: bool) -> list[int]:
    one = store.properties[name]
    keyed: list[tuple[object, int]] = []
    bare: list[int] = []
    for place in places:
        held = value(call.portal, store, _known(store, place), name)
        if held is None or held == "":
            bare.append(place)
        else:
            key = comparable(one, str(held))
            keyed.append(((isinstance(key, str), key), place))
    keyed.sort(key=lambda pair: cast("tuple[bool, str]", pair[0]), reverse=descending)
    return [*(place for _, place in keyed), *sorted(bare)]


def _words(body: Body) -> list[str]:
    query = text_or_none(body, "query") or ""
    if len(query) > LONGEST_QUERY:
        raise invalid(f"The query is longer than {LONGEST_QUERY} characters")
    return query.lower().split()


def _sort(store: Store, body: Body) -> tuple[str, bool]:
    """The property to sort by and whether the highest comes first; by id where nothing is said."""
    given = body.get("sorts")
    if given is None or given == []:
        return "hs_object_id", False
    if not isinstance(given, list):
        raise bad_json("Cannot deserialize value of type `java.util.ArrayList` for sorts")
    sorts = cast("list[object]", given)
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed")
    one = sorts[0]
    if isinstance(one, dict):
        item = cast("Body", one)
        name = required_text(item, "propertyName")
        direction = text_or_none(item, "direction") or "ASCENDING"
        if direction not in {"ASCENDING", "DESCENDING"}:
            raise invalid(f"Unknown sort direction {direction}")
        descending = direction == "DESCENDING"
    else:
        text = str(one)
        name, descending = text.removeprefix("-"), text.startswith("-")
    if name not in store.properties:
        raise invalid(
            f"There was a problem with the request. Property {name} does not exist", propertyName=[name]
        )
    return name, descending


def _limit(body: Body) -> int:
    given = body.get("limit", _DEFAULT)
    text = str(_DEFAULT if given is None else given)
    if not text.isdigit():
        raise bad_json(f"Cannot deserialize value of type `int` from {text!r}")
    if not 0 <= int(text) <= MOST:
        raise invalid(f"Invalid limit {text}: it must be at most {MOST}")
    return int(text)


def _start(body: Body) -> int:
    text = text_or_none(body, "after") or "0"
    if not (text.isascii() and text.isdigit()):
        raise invalid(f"Invalid value for after: {text} is not an integer")
    return int(text)


def endpoints(search: Search) -> Iterator[Endpoint]:
    """The routes of both forms of paths."""
    yield Endpoint("POST", "/crm/v3/objects/{type}/search", "v3", search.answer, searches=True)
    yield Endpoint("POST", "/crm/objects/{version}/{type}/search", "dated", search.answer, searches=True)

"""Lists of v2 in pages: which records, in which order, from which one on.

A cursor is a position in the order (field, its value, direction, id) and not a snapshot: what changes between
two pages moves. Its form is that of the examples in Pipedrive's API file.
"""

import base64
import binascii
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import cast

import msgspec

from crmhub.testing.simulator.jsons import dump_json, load_json
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call
from crmhub_rest.simulators.pipedrive.company import Company, stamp
from crmhub_rest.simulators.pipedrive.errors import invalid

Key = tuple[object, int]
"""What a list is ordered by, and the id."""
FIELDS_CHANGED = "update_time"
_WHOLE = ("id", "order_nr")
_FEW = 2_000
"""So many changed records are sorted for each page; where there are more, all are gone through by id."""


@dataclass(frozen=True)
class Order:
    """How a list is sorted."""

    field: str = "id"
    descending: bool = False

    @property
    def direction(self) -> str:
        """The direction as it is written."""
        return "desc" if self.descending else "asc"


@dataclass(frozen=True)
class Wanted:
    """Which records of a kind a call wants to see.

    `places` are candidates (None: all); `since` and `until` bound the time of change in epoch seconds,
    `until` without itself; `live` and `gone` say whether such are meant.
    """

    kind: str
    matches: Callable[[Row], bool]
    places: Iterable[int] | None = None
    since: int | None = None
    until: int | None = None
    live: bool = True
    gone: bool = False


@dataclass(frozen=True)
class Page:
    """Records, and the cursor of the next page."""

    rows: list[Row]
    next_cursor: str | None


def read_order(call: Call, *more: str) -> Order:
    """The parameters `sort_by` and `sort_direction`."""
    field = call.one_of("sort_by", ("id", "update_time", "add_time", *more), "id")
    return Order(field, call.one_of("sort_direction", ("asc", "desc"), "asc") == "desc")


def page_of(call: Call, wanted: Wanted, order: Order) -> Page:
    """The page that a call asks for by `cursor` and `limit`; raises ApiError for a cursor that is none."""
    limit = call.limit()
    start = _read_cursor(call.params.get("cursor"), order)
    rows: list[Row] = []
    keys: list[Key] = []
    for key, row in _walk(call.company, wanted, order, start):
        rows.append(row)
        keys.append(key)
        if len(rows) > limit:
            break
    cursor = _write_cursor(keys[limit], order) if len(rows) > limit else None
    if cursor is not None and call.fault("loop_token"):
        cursor = call.params.get("cursor") or _write_cursor(keys[0], order)
    return Page(rows[:limit], cursor)


def simple_page(call: Call, items: list[Row], limit: int | None = None) -> Page:
    """A page of a list that is at hand, in its own order."""
    limit = call.limit() if limit is None else limit
    start = _read_cursor(call.params.get("cursor"), Order())
    first = cast("int", start[0]) if start else 0
    more = _write_cursor((first + limit, first + limit), Order()) if len(items) > first + limit else None
    return Page(items[first : first + limit], more)


def _walk(company: Company, wanted: Wanted, order: Order, start: Key | None) -> Iterator[tuple[Key, Row]]:
    table = company.tables[wanted.kind]
    streams: list[Iterator[tuple[Key, Row]]] = []
    if wanted.live:
        keys = _live_keys(company, wanted, order, start)
        after = (key for key in keys if start is None or not _before(key, start, order))
        streams.append((key, table.row(key[1] - 1)) for key in after)
    if wanted.gone:
        streams.append(_gone(company, wanted, order))
    for key, row in merge(
        *streams, key=lambda pair: cast("tuple[int, int]", pair[0]), reverse=order.descending
    ):
        if start is not None and _before(key, start, order):
            continue
        if wanted.matches(row):
            yield key, row


def _before(key: Key, start: Key, order: Order) -> bool:
    left, right = cast("tuple[int, int]", key), cast("tuple[int, int]", start)
    return left > right if order.descending else left < right


def _live_keys(company: Company, wanted: Wanted, order: Order, start: Key | None) -> Iterator[Key]:
    """The keys of the live candidates in order, from about `start` on."""
    table = company.tables[wanted.kind]
    since, until = wanted.since, None if wanted.until is None else wanted.until - 1
    if wanted.places is not None:
        inside = (place for place in wanted.places if _within(table.modified(place), since, until))
        yield from sorted(
            (_key(company, wanted.kind, order, place) for place in inside), reverse=order.descending
        )
        return
    if order.field == FIELDS_CHANGED:
        if start is not None:
            at = cast("int", start[0])
            since, until = (since, at) if order.descending else (at, until)
        for place in table.places_by_modified(since=since, until=until, descending=order.descending):
            yield table.modified(place), place + 1
        return
    bounded = since is not None or until is not None
    if bounded and (order.field != "id" or table.about_modified(since, until) <= _FEW):
        changed = table.places_by_modified(since=since, until=until)
        keys = (_key(company, wanted.kind, order, place) for place in changed)
        yield from sorted(keys, reverse=order.descending)
        return
    if order.field == "id":
        at = start[1] - 1 if start else None
        bounds = {} if at is None else ({"before": at + 1} if order.descending else {"after": at - 1})
        for place in table.places(**bounds, descending=order.descending):
            if not bounded or _within(table.modified(place), since, until):
                yield place + 1, place + 1
        return
    yield from _sorted(company, wanted.kind, order, start)


def _sorted(company: Company, kind: str, order: Order, start: Key | None) -> Iterator[Key]:
    """All keys of a kind in an order that its table does not keep; made anew only after changes."""
    cached = company.orders.get((kind, order.field))
    if cached is None or cached[0] != company.versions[kind]:
        keys = sorted(_key(company, kind, order, place) for place in company.tables[kind].places())
        cached = company.orders[kind, order.field] = (company.versions[kind], keys)
    keys = cached[1]
    if order.descending:
        end = len(keys) if start is None else bisect_left(keys, (start[0], start[1] + 1))
        return reversed(keys[:end])
    return iter(keys[0 if start is None else bisect_left(keys, start) :])


def _gone(company: Company, wanted: Wanted, order: Order) -> Iterator[tuple[Key, Row]]:
    until = None if wanted.until is None else wanted.until - 1
    pairs: list[tuple[Key, Row]] = []
    for one in company.deleted(wanted.kind):
        if _within(one.at, wanted.since, until):
            value = one.at if order.field == FIELDS_CHANGED else _value(one.row[order.field])
            pairs.append(((value, one.place + 1), one.row))
    return iter(sorted(pairs, key=lambda pair: cast("tuple[int, int]", pair[0]), reverse=order.descending))


def _key(company: Company, kind: str, order: Order, place: int) -> Key:
    table = company.tables[kind]
    if order.field == "id":
        return place + 1, place + 1
    if order.field == FIELDS_CHANGED:
        return table.modified(place), place + 1
    return _value(table.row(place)[order.field]), place + 1


def _value(value: object) -> int | str:
    return value if isinstance(value, int) else str(value or "")


def _within(instant: int, since: int | None, until: int | None) -> bool:
    return (since is None or instant >= since) and (until is None or instant <= until)


def _write_cursor(key: Key, order: Order) -> str:
    value = stamp(cast("int", key[0])) if order.field == FIELDS_CHANGED else key[0]
    told = {"field": order.field, "fieldValue": value, "sortDirection": order.direction, "id": key[1]}
    return base64.urlsafe_b64encode(dump_json(told)).decode().rstrip("=")


def _read_cursor(text: str | None, order: Order) -> Key | None:
    if text is None:
        return None
    try:
        told = load_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        told = None
    match told:
        case {
            "field": str() as field,
            "fieldValue": (int() | str()) as value,
            "sortDirection": str() as way,
            "id": int() as ident,
        } if field == order.field and way == order.direction and isinstance(value, int) == (field in _WHOLE):
            return _position(field, value, ident)
        case _:
            raise invalid("cursor", "is not a valid cursor of this list")


def _position(field: str, value: int | str, ident: int) -> Key:
    if field != FIELDS_CHANGED:
        return value, ident
    return _instant(str(value)), ident


def _instant(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise invalid("cursor", "is not a valid cursor of this list") from None

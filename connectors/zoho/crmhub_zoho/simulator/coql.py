"""COQL queries: `POST /coql`.

Source: Zoho CRM API v8, "COQL Overview": up to 2,000 rows a call; rows always have their id; lookups are
shown as `{"id"}`; 204 when nothing is found; credits 1, 2 or 3 for a limit up to 200, 1,000 or 2,000.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.coql_columns import Resolved, each, invalid_column, resolve, sort_key
from crmhub_zoho.simulator.coql_parser import Item, Order, Query, parse_coql
from crmhub_zoho.simulator.coql_where import ALL, Bounds, Test, bounds_of, key_of, test_of
from crmhub_zoho.simulator.errors import ZohoError
from crmhub_zoho.simulator.fields import NUMBER_TYPES
from crmhub_zoho.simulator.listing import struck
from crmhub_zoho.simulator.org import Module, Org

_SELECTIVE = 4


def run_query(call: Call) -> Response:
    """`POST /coql`."""
    text = call.body.get("select_query")
    if not isinstance(text, str):
        details = {"api_name": "select_query", "json_path": "$.select_query"}
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", details)
    query = parse_coql(text)
    call.require(f"modules.{module_of(call.org, query).name}.READ")
    rows, more = answer(call.org, query)
    if not rows:
        return nothing()
    return reply({"data": struck(call, rows), "info": {"count": len(rows), "more_records": more}})


def module_of(org: Org, query: Query) -> Module:
    """The queried module; raises ZohoError."""
    module = org.modules.get(query.module)
    if module is None:
        details = {"module": query.module}
        raise ZohoError(400, "INVALID_MODULE", "the module name given seems to be invalid", details)
    return module


def answer(org: Org, query: Query) -> tuple[list[Row], bool]:
    """The rows of the reply, and whether more would follow; raises ZohoError."""
    module = module_of(org, query)
    columns = [resolve(org, module, item.column.text) for item in query.items]
    test = test_of(org, module, query.where)
    bounds = bounds_of(org, module, query.where)
    if query.group or any(item.function for item in query.items):
        rows = _grouped(query, columns, _matching(module, query, test, bounds, descending=False))
        window = rows[query.offset : query.offset + query.limit + 1]
        return window[: query.limit], len(window) > query.limit
    found = _ordered(org, module, query, test, bounds)
    show = _shower(query.items, columns)
    return [show(row) for row in found[: query.limit]], len(found) > query.limit


def _shower(items: Sequence[Item], columns: Sequence[Resolved]) -> Callable[[Row], Row]:
    pairs = list(zip(items, columns, strict=True))
    plain = [item.key for item, column in pairs if column.plain == item.key]
    others = [(item.key, column.shown) for item, column in pairs if column.plain != item.key]

    def show(row: Row) -> Row:
        get = row.get
        shown: Row = {name: get(name) for name in plain}
        for key, read in others:
            shown[key] = read(row)
        shown["id"] = row["id"]
        return shown

    return show


def _ordered(org: Org, module: Module, query: Query, test: Test, bounds: Bounds) -> list[Row]:
    """The rows from the offset on, one more than the limit if there are."""
    window = slice(query.offset, query.offset + query.limit + 1)
    order = query.order
    by_id = not order or (len(order) == 1 and order[0].key == "id")
    descending = bool(order) and order[0].descending
    if by_id and bounds.exact:
        places = islice(_by_id(module, bounds, descending=descending), window.start, window.stop)
        return [module.table.row(place) for place in places]
    if by_id:
        matching = _matching(module, query, test, bounds, descending=descending)
        return list(islice(matching, window.start, window.stop))
    if _by_time(order) and key_of(module, query.where) is None:
        span = bounds.stamps
        places = module.table.places_by_modified(since=span.low, until=span.high, descending=descending)
        rows = (row for row in map(module.table.row, places) if test(row))
        return list(islice(rows, window.start, window.stop))
    rows = list(_matching(module, query, test, bounds, descending=False))
    for part in reversed(order):
        read = resolve(org, module, part.key).value
        rows.sort(key=lambda row, read=read: sort_key(read(row)), reverse=part.descending)
    return rows[window]


def _by_time(order: Sequence[Order]) -> bool:
    names = [part.key for part in order]
    same_way = len({part.descending for part in order}) == 1
    return same_way and names in (["Modified_Time"], ["Modified_Time", "id"])


def _matching(module: Module, query: Query, test: Test, bounds: Bounds, *, descending: bool) -> Iterator[Row]:
    """The rows that pass, in id order."""
    table = module.table
    key = key_of(module, query.where)
    if key is not None:
        places: Iterable[int] = sorted(table.find(*key), reverse=descending)
    elif bounds.stamps != ALL and _is_selective(module, bounds):
        span = bounds.stamps
        places = sorted(table.places_by_modified(since=span.low, until=span.high), reverse=descending)
    else:
        places = _by_id(module, bounds, descending=descending)
    return (row for row in map(table.row, places) if test(row))


def _is_selective(module: Module, bounds: Bounds) -> bool:
    about = module.table.about_modified(bounds.stamps.low, bounds.stamps.high)
    return about * _SELECTIVE < len(module.table)


def _by_id(module: Module, bounds: Bounds, *, descending: bool) -> Iterator[int]:
    low, high = bounds.places.low, bounds.places.high
    after = -1 if low is None else low - 1
    return module.table.places(after=after, before=None if high is None else high + 1, descending=descending)


def _grouped(query: Query, columns: Sequence[Resolved], rows: Iterator[Row]) -> list[Row]:
    keys = {column.text for column in query.group}
    for item in query.items:
        if item.function is None and item.column.text not in keys:
            raise invalid_column(item.column.text, clause="group by")
    for item, column in zip(query.items, columns, strict=True):
        if item.function in {"sum", "avg"} and column.field.data_type not in NUMBER_TYPES:
            raise invalid_column(item.column.text, clause="aggregate")
    pairs = list(zip(query.items, columns, strict=True))
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        key = tuple(_hashable(column.value(row)) for item, column in pairs if item.function is None)
        groups.setdefault(key, []).append(row)
    if not groups and not query.group:
        groups[()] = []
    shown = [
        {item.key: _cell(item, column, members) for item, column in pairs} for members in groups.values()
    ]
    for part in reversed(query.order):
        if part.key not in {item.key for item in query.items}:
            raise invalid_column(part.key, clause="order by")
        shown.sort(key=lambda row, part=part: sort_key(row[part.key]), reverse=part.descending)
    return shown


def _hashable(value: object) -> object:
    members = each(value)
    return value if members == [value] else tuple(members)


def _cell(item: Item, column: Resolved, rows: Sequence[Row]) -> object:
    if item.function is None:
        return column.shown(rows[0])
    values = [value for value in map(column.value, rows) if value is not None]
    if item.function == "count":
        return len(values)
    if not values:
        return None
    match item.function:
        case "min":
            return min(values, key=sort_key)
        case "max":
            return max(values, key=sort_key)
        case _:
            total = sum((Decimal(str(value)) for value in values), Decimal(0))
            return total if item.function == "sum" else round(total / len(values), 9).normalize() + 0


def _price(call: Call) -> int:
    try:
        limit = parse_coql(str(call.body.get("select_query"))).limit
    except ZohoError:
        return 1
    return 1 if limit <= 200 else 2 if limit <= 1_000 else 3


def _heavy(call: Call) -> bool:
    del call
    return True


ENDPOINTS = (Endpoint("POST", "/coql", run_query, ("coql.READ",), _price, _heavy),)

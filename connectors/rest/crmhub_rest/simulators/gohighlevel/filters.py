"""The filters of the search endpoints: `{field, operator, value}` and groups `{group: AND | OR, filters}`.

Source: "Contacts Search API" and "Opportunities Search API", the pages that the OpenAPI files lead to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.errors import GhlError, invalid
from crmhub_rest.simulators.gohighlevel.times import parse_instant

Test = Callable[[Row], bool]
EQUAL: Final = ("eq", "not_eq", "exists", "not_exists")
TEXT: Final = (*EQUAL, "contains", "not_contains")
DATE: Final = ("range", "exists", "not_exists")
NUMBER: Final = (*EQUAL, "range")
_LONGEST = 75
_DEEPEST = 10
_BOUNDS: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    "gte": lambda value, bound: value >= bound,
    "gt": lambda value, bound: value > bound,
    "lte": lambda value, bound: value <= bound,
    "lt": lambda value, bound: value < bound,
}


@dataclass(frozen=True)
class FilterField:
    """A field that can be filtered: which operators it knows and how a row's value is read."""

    operators: tuple[str, ...]
    read: Callable[[Row], object]


FieldOf = Callable[[str], FilterField | None]


@dataclass(frozen=True)
class Filters:
    """All of a search's filters: `fits`, and the simple ones that every row must fit: (field, operator,
    value).
    """

    fits: Test
    simple: tuple[tuple[str, str, object], ...]


def read_filters(items: Sequence[object], field_of: FieldOf) -> Filters | None:
    """The filters of a body (all must fit); None where there are none. Raises GhlError (422)."""
    if not items:
        return None
    tests = [_test(item, field_of, f"filters.{place}") for place, item in enumerate(items)]
    simple = [
        (str(one["field"]), str(one["operator"]), one.get("value"))
        for one in _mappings(items)
        if "field" in one
    ]
    return Filters(lambda row: all(test(row) for test in tests), tuple(simple))


def bounds_of(value: object) -> tuple[int | None, int | None]:
    """The bounds of a range of instants as whole milliseconds, both within the range."""
    given = cast("Mapping[str, object]", value)
    low, high = None, None
    for name, bound in given.items():
        number = int(_amount(bound) or 0)
        match name:
            case "gte":
                low = number
            case "gt":
                low = number + 1
            case "lte":
                high = number
            case _:
                high = number - 1
    return low, high


def _test(item: object, field_of: FieldOf, where: str) -> Test:
    if where.count(".filters.") > _DEEPEST:
        raise invalid("filters must not be nested deeper")
    if not isinstance(item, dict):
        raise invalid(f"{where} must be an object")
    given = cast("dict[str, object]", item)
    if "group" in given or "filters" in given:
        return _group(given, field_of, where)
    name, operator = given.get("field"), given.get("operator")
    found = field_of(name) if isinstance(name, str) else None
    if found is None:
        raise invalid(f"{where}.field: {name} is not a field that can be filtered")
    if operator not in found.operators:
        raise invalid(f"{where}.operator must be one of the following values: {', '.join(found.operators)}")
    return _simple(str(operator), found.read, given.get("value"), where)


def _group(given: Mapping[str, object], field_of: FieldOf, where: str) -> Test:
    inner = given.get("filters")
    if given.get("group") not in {"AND", "OR"}:
        raise invalid(f"{where}.group must be one of the following values: AND, OR")
    if not isinstance(inner, list) or not inner:
        raise invalid(f"{where}.filters should not be empty")
    items = enumerate(cast("list[object]", inner))
    tests = [_test(one, field_of, f"{where}.filters.{place}") for place, one in items]
    if given["group"] == "OR":
        return lambda row: any(test(row) for test in tests)
    return lambda row: all(test(row) for test in tests)


def _simple(operator: str, read: Callable[[Row], object], value: object, where: str) -> Test:
    match operator:
        case "exists":
            return lambda row: not _empty(read(row))
        case "not_exists":
            return lambda row: _empty(read(row))
        case "range":
            within = _range(value, where)
            return lambda row: within(read(row))
        case _:
            pass
    wanted = cast("list[object]", value) if isinstance(value, list) else [value]
    if any(isinstance(one, str) and len(one) > _LONGEST for one in wanted):
        raise invalid(f"{where}.value must be shorter than or equal to {_LONGEST} characters")
    if not wanted or any(one is None or isinstance(one, (dict, list)) for one in wanted):
        raise invalid(f"{where}.value should not be empty")
    keys = [_plain(one) for one in wanted]
    test = _holding([str(key) for key in keys], read) if "contains" in operator else _equal(keys, read)
    return (lambda row: not test(row)) if operator.startswith("not_") else test


def _equal(keys: list[object], read: Callable[[Row], object]) -> Test:
    return lambda row: any(one in keys for one in _plain_all(read(row)))


def _holding(keys: list[str], read: Callable[[Row], object]) -> Test:
    return lambda row: any(key in str(one) for one in _plain_all(read(row)) for key in keys)


def _range(value: object, where: str) -> Callable[[object], bool]:
    if not isinstance(value, dict) or not value or set(cast("dict[str, object]", value)) - set(_BOUNDS):
        raise invalid(f"{where}.value must be an object with gte, lte, gt or lt")
    bounds: list[tuple[Callable[[Decimal, Decimal], bool], Decimal]] = []
    for name, bound in cast("dict[str, object]", value).items():
        amount = _amount(bound)
        if amount is None:
            raise invalid(f"{where}.value.{name} must be a number or a date")
        bounds.append((_BOUNDS[name], amount))

    def within(found: object) -> bool:
        amount = _amount(found)
        return amount is not None and all(test(amount, bound) for test, bound in bounds)

    return within


def _amount(value: object) -> Decimal | None:
    """A number or an instant as a number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    text = str(value)
    if text.lstrip("-").isdigit():
        return Decimal(text)
    instant = parse_instant(text)
    return None if instant is None else Decimal(instant)


def _empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _plain(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _plain_all(value: object) -> Iterable[object]:
    if _empty(value):
        return ()
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return [_plain(one) for one in values]


def _mappings(items: Sequence[object]) -> list[dict[str, object]]:
    return [cast("dict[str, object]", one) for one in items if isinstance(one, dict)]


def too_far() -> GhlError:
    """422: pages by number end at 10,000 records."""
    return invalid("page * limit must not be greater than 10000, use searchAfter for more records")

"""The where clause: a test for rows, and the ranges of ids and times in which rows can pass it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.coql_columns import Resolved, each, invalid_column, resolve
from crmhub_zoho.simulator.coql_parser import Condition, Pair, syntax_error
from crmhub_zoho.simulator.fields import LOOKUP_TYPES, NUMBER_TYPES, Field
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import Module, Org
from crmhub_zoho.simulator.values import instant, plain_date

Test = Callable[[Row], bool]
Where = Condition | Pair

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NULLS = frozenset({"is null", "is not null"})
_SETS = frozenset({"=", "!=", "in", "not in"}) | _NULLS
_ORDER = _SETS | {">", ">=", "<", "<=", "between", "not between"}
_TEXT = _SETS | {"like", "not like"}
_LIKE = re.compile(r"%?[^%]+%", re.DOTALL)
_SIGNS: Mapping[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
}


def test_of(org: Org, module: Module, where: Where) -> Test:
    """A test for rows of `module`; raises ZohoError."""
    if isinstance(where, Condition):
        return _condition(org, module, where)
    left, right = test_of(org, module, where.left), test_of(org, module, where.right)
    if where.word == "and":
        return lambda row: left(row) and right(row)
    return lambda row: left(row) or right(row)


def _condition(org: Org, module: Module, where: Condition) -> Test:
    column = resolve(org, module, where.column.text)
    operator = where.operator
    if operator not in _operators(column.field):
        raise syntax_error(
            "the operator is not supported for the column", operator=operator, column_name=where.column.text
        )
    value = column.value
    if operator in _NULLS:
        return (
            (lambda row: value(row) is None)
            if operator == "is null"
            else (lambda row: value(row) is not None)
        )
    if operator.endswith("like"):
        return _like(column, where)
    read = _reader(org, column.field, where.column.text)
    wanted = [read(text) for text in where.values]
    negated = operator.startswith(("!", "not "))
    if column.field.data_type == "multiselectpicklist":
        return _members(column, {str(one) for one in wanted}, negated=negated)
    convert = _converter(column.field)
    if operator.endswith("between"):
        return _compared(
            value, convert, lambda one: _sign(one, wanted[0]) >= 0 >= _sign(one, wanted[1]), negated=negated
        )
    if operator in _SIGNS and operator != "=":
        passes = _SIGNS[operator]
        return _compared(value, convert, lambda one: passes(_sign(one, wanted[0])), negated=False)
    known = set(wanted)
    return _compared(value, convert, lambda one: one in known, negated=negated)


def _operators(one: Field) -> frozenset[str]:
    kind = one.data_type
    if one.api_name == "id" or kind in NUMBER_TYPES or kind in {"bigint", "date", "datetime"}:
        return _ORDER
    if kind == "boolean":
        return frozenset({"=", "!="}) | _NULLS
    if kind in LOOKUP_TYPES:
        return _SETS
    return _TEXT


def _compared(
    value: Callable[[Row], object],
    convert: Callable[[object], object],
    passes: Callable[[object], bool],
    *,
    negated: bool,
) -> Test:
    def test(row: Row) -> bool:
        found = value(row)
        return found is not None and passes(convert(found)) != negated

    return test


def _sign(left: object, right: object) -> int:
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return (left > right) - (left < right)
    one, other = str(left), str(right)
    return (one > other) - (one < other)


def _converter(one: Field) -> Callable[[object], object]:
    kind = one.data_type
    if kind in NUMBER_TYPES or kind == "bigint":
        return lambda value: Decimal(str(value))
    if kind in {"date", "datetime", "boolean"} or kind in LOOKUP_TYPES:
        return lambda value: value
    return lambda value: str(value).casefold()


def _reader(org: Org, one: Field, name: str) -> Callable[[str], object]:
    kind = one.data_type
    if one.api_name == "id" or kind in LOOKUP_TYPES:
        return lambda text: _id(one, name, text)
    if kind in NUMBER_TYPES or kind == "bigint":
        return lambda text: _number(name, kind, text)
    if kind == "boolean":
        return lambda text: _boolean(name, text)
    if kind == "date":
        return lambda text: _or_invalid(name, kind, plain_date(text))
    if kind == "datetime":
        return lambda text: _or_invalid(name, kind, instant(org, text))
    if kind == "multiselectpicklist":
        return lambda text: text
    return str.casefold


def _or_invalid(name: str, kind: str, value: object) -> object:
    if value is None:
        raise invalid_column(name, expected_data_type=kind)
    return value


def _id(one: Field, name: str, text: str) -> object:
    found = _or_invalid(name, "bigint", as_record_id(text))
    return Decimal(str(found)) if one.data_type == "bigint" else found


def _number(name: str, kind: str, text: str) -> Decimal:
    if _NUMBER.fullmatch(text) is None:
        raise invalid_column(name, expected_data_type=kind)
    return Decimal(text)


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise invalid_column(name, expected_data_type="boolean")
    return text.lower() == "true"


def _members(column: Resolved, wanted: set[str], *, negated: bool) -> Test:
    def test(row: Row) -> bool:
        found = column.value(row)
        return found is not None and any(item in wanted for item in each(found)) != negated

    return test


def _like(column: Resolved, where: Condition) -> Test:
    pattern = where.values[0]
    if where.operator == "not like" and not (
        pattern.startswith("%") and pattern.endswith("%") and len(pattern) > 2
    ):
        raise syntax_error("not like takes only the form '%text%'", operator="not like")
    if "%" in pattern and _LIKE.fullmatch(pattern) is None:
        raise syntax_error("like takes only the forms 'text%' and '%text%'", operator="like")
    regex = re.compile(".*".join(re.escape(part) for part in pattern.split("%")), re.IGNORECASE | re.DOTALL)
    negated = where.operator == "not like"

    def test(row: Row) -> bool:
        found = column.value(row)
        if found is None:
            return negated
        return any(regex.fullmatch(str(text)) for text in each(found)) != negated

    return test


@dataclass(frozen=True)
class Span:
    """Whole numbers from `low` to `high`, both included; None: open."""

    low: int | None = None
    high: int | None = None

    def both(self, other: "Span") -> "Span":
        """What is in both."""
        lows = [one for one in (self.low, other.low) if one is not None]
        highs = [one for one in (self.high, other.high) if one is not None]
        return Span(max(lows, default=None), min(highs, default=None))

    def either(self, other: "Span") -> "Span":
        """The smallest span that holds both."""
        low = None if self.low is None or other.low is None else min(self.low, other.low)
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        return Span(low, high)


ALL = Span()


@dataclass(frozen=True)
class Bounds:
    """Where rows that can pass a test are: places, times of change; `exact` when the places alone decide."""

    places: Span = ALL
    stamps: Span = ALL
    exact: bool = False


def bounds_of(org: Org, module: Module, where: Where) -> Bounds:
    """The bounds of a clause that `test_of` has accepted."""
    if isinstance(where, Condition):
        return _bounds(org, module, where)
    left, right = bounds_of(org, module, where.left), bounds_of(org, module, where.right)
    if where.word == "and":
        exact = left.exact and right.exact
        return Bounds(left.places.both(right.places), left.stamps.both(right.stamps), exact)
    return Bounds(left.places.either(right.places), left.stamps.either(right.stamps))


def _bounds(org: Org, module: Module, where: Condition) -> Bounds:
    if where.column.text == "id":
        if where.operator == "is not null":
            return Bounds(exact=True)
        span = _span(where.operator, [module.ids.bound(text) for text in where.values])
        return Bounds(places=span, exact=where.operator in {"=", ">", ">=", "<", "<=", "between"})
    if where.column.text == "Modified_Time" and where.values:
        return Bounds(stamps=_span(where.operator, [_seconds(org, text) for text in where.values]))
    return Bounds()


def _seconds(org: Org, text: str) -> int:
    return int(datetime.fromisoformat(str(instant(org, text))).timestamp())


def _span(operator: str, values: list[int]) -> Span:
    match operator:
        case ">":
            return Span(low=values[0] + 1)
        case ">=":
            return Span(low=values[0])
        case "<":
            return Span(high=values[0] - 1)
        case "<=":
            return Span(high=values[0])
        case "=" | "in" | "between":
            return Span(min(values), max(values)) if operator != "between" else Span(values[0], values[1])
        case _:
            return ALL


_KEYED = frozenset({"text", "email", "phone", "website", "lookup", "bigint"})


def key_of(module: Module, where: Where) -> tuple[str, str] | None:
    """A field and a value that every passing row has in it, if the clause says so and an index helps."""
    if isinstance(where, Pair):
        return (key_of(module, where.left) or key_of(module, where.right)) if where.word == "and" else None
    one = module.fields.get(where.column.text)
    if one is None or one.data_type not in _KEYED or where.operator != "=" or not where.values[0].strip():
        return None
    return where.column.text, where.values[0]

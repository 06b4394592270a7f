"""Functions of fields: of dates, labels, formats, currencies, distances (SOQL and SOSL Reference, "Date
Functions", "toLabel()", "FORMAT()", "convertCurrency()", "Location-Based SOQL Queries").

A term is a field or a function of one, with the type of what it gives and a way to read it from a row.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import NUMBER_TYPES, Field, field
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.soql.columns import Getter, Scope
from crmhub_salesforce.simulator.soql.lexer import error_at, unescaped
from crmhub_salesforce.simulator.soql.syntax import Expr, Function, Literal, Path
from crmhub_salesforce.simulator.values import as_double

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})

_DatePart = Callable[[datetime, int], object]
"""A part of a moment, given the month in which the fiscal year begins."""


def _fiscal(moment: datetime, first: int) -> tuple[int, int]:
    """Fiscal year (named after the year in which it ends) and month."""
    month = (moment.month - first) % 12 + 1
    return moment.year + (first > 1 and moment.month >= first), month


def _day_of_year(moment: datetime) -> int:
    return moment.timetuple().tm_yday


_PARTS: Mapping[str, _DatePart] = {
    "CALENDAR_YEAR": lambda moment, _: moment.year,
    "CALENDAR_QUARTER": lambda moment, _: (moment.month + 2) // 3,
    "CALENDAR_MONTH": lambda moment, _: moment.month,
    "DAY_IN_MONTH": lambda moment, _: moment.day,
    "DAY_IN_WEEK": lambda moment, _: moment.isoweekday() % 7 + 1,
    "DAY_IN_YEAR": lambda moment, _: _day_of_year(moment),
    "DAY_ONLY": lambda moment, _: moment.date().isoformat(),
    "FISCAL_YEAR": lambda moment, first: _fiscal(moment, first)[0],
    "FISCAL_QUARTER": lambda moment, first: (_fiscal(moment, first)[1] + 2) // 3,
    "FISCAL_MONTH": lambda moment, first: _fiscal(moment, first)[1],
    "HOUR_IN_DAY": lambda moment, _: moment.hour,
    "WEEK_IN_MONTH": lambda moment, _: (moment.day - 1) // 7 + 1,
    "WEEK_IN_YEAR": lambda moment, _: (_day_of_year(moment) - 1) // 7 + 1,
}
_OF_MOMENTS = frozenset({"DAY_ONLY", "HOUR_IN_DAY"})
KNOWN = (
    AGGREGATES
    | frozenset(_PARTS)
    | {"TOLABEL", "FORMAT", "CONVERTCURRENCY", "CONVERTTIMEZONE", "DISTANCE", "GEOLOCATION", "GROUPING"}
)
_RADIUS = {"mi": 3958.8, "km": 6371.0}


@dataclass(frozen=True)
class Term:
    """What stands on the left of a condition, in GROUP BY or in ORDER BY: its type, and how to read it."""

    field: Field
    get: Getter


def is_aggregate(call: Function) -> bool:
    """Whether a function is of a group's values, itself or within FORMAT()."""
    if call.name in AGGREGATES or call.name == "GROUPING":
        return True
    return any(isinstance(arg, Function) and is_aggregate(arg) for arg in call.args)


def same(one: Expr, other: Expr, scope: Scope) -> bool:
    """Whether two expressions mean the same."""
    if isinstance(one, Path) and isinstance(other, Path):
        return scope.column(one) == scope.column(other)
    if isinstance(one, Function) and isinstance(other, Function):
        return str(one).lower() == str(other).lower()
    return False


def term(scope: Scope, expr: Expr) -> Term:
    """A field or function of a row; raises ApiError where it does not fit."""
    if isinstance(expr, Path):
        column = scope.column(expr)
        return Term(column.field, scope.getter(column))
    match expr.name:
        case name if name in _PARTS:
            return _part(scope, expr)
        case "TOLABEL":
            return _labelled(_single(scope, expr))
        case "FORMAT":
            return _formatted(scope, _single(scope, expr))
        case "CONVERTCURRENCY":
            return _converted(scope, expr)
        case "DISTANCE":
            return _distance(scope, expr)
        case _:
            raise error_at(scope.text, expr.pos, f"unexpected token: '{expr.name}'")


def _wrong(scope: Scope, call: Function, what: str) -> ApiError:
    return error_at(scope.text, call.pos, f"Invalid use of function {call.name}: {what}")


def _single(scope: Scope, call: Function) -> Term:
    if len(call.args) != 1 or isinstance(call.args[0], Literal):
        raise _wrong(scope, call, "it takes one field")
    return term(scope, call.args[0])


def _part(scope: Scope, call: Function) -> Term:
    inner, zone = call, UTC
    arg = call.args[0] if len(call.args) == 1 else None
    if isinstance(arg, Function) and arg.name == "CONVERTTIMEZONE":
        inner, zone = arg, scope.org.zone
    source = _single(scope, inner)
    types = {"datetime"} if call.name in _OF_MOMENTS or inner is not call else {"date", "datetime"}
    if source.field.type not in types:
        raise _wrong(scope, call, f"{source.field.name} is of type {source.field.type}")
    part, first, get = _PARTS[call.name], scope.org.fiscal_start, source.get

    def value(row: Row) -> object:
        text = get(row)
        return part(_moment(text, zone), first) if isinstance(text, str) else None

    kind = "date" if call.name == "DAY_ONLY" else "int"
    return Term(field(call.name, call.name, kind), value)


def _moment(text: str, zone: tzinfo) -> datetime:
    if len(text) == 10:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).astimezone(zone)


def _labelled(source: Term) -> Term:
    labels = {choice.value: choice.label for choice in source.field.choices}
    get = source.get

    def value(row: Row) -> object:
        held = get(row)
        return ";".join(labels.get(part, part) for part in held.split(";")) if isinstance(held, str) else held

    return Term(replace(source.field, type="string", choices=()), value)


def _converted(scope: Scope, call: Function) -> Term:
    source = _single(scope, call)
    if source.field.type != "currency" or not scope.org.rates:
        raise _wrong(scope, call, f"{source.field.name} is no amount in a currency of several")
    return in_own_currency(scope, source)


def in_own_currency(scope: Scope, source: Term) -> Term:
    """Amounts in the org's own currency, by the rates of the org; anything else as it is."""
    rates, get = scope.org.rates, source.get
    if source.field.type != "currency" or not rates:
        return source

    def value(row: Row) -> object:
        held = get(row)
        rate = rates.get(str(row.get("CurrencyIsoCode")), Decimal(1))
        return as_double(round(held / rate, 6)) if isinstance(held, Decimal) else held

    return Term(source.field, value)


def _formatted(scope: Scope, source: Term) -> Term:
    """As the user's locale writes it (en_US)."""
    get, kind, zone = source.get, source.field.type, scope.org.zone
    several = bool(scope.org.rates)

    def value(row: Row) -> object:
        held = get(row)
        code = str(row.get("CurrencyIsoCode")) if several else None
        return None if held is None else formatted(held, kind, zone, code)

    return Term(replace(source.field, type="string", choices=()), value)


def formatted(held: object, kind: str, zone: tzinfo, code: str | None = None) -> object:
    """A value as the web pages show it to a user of the locale en_US."""
    match held:
        case str() if kind in {"date", "datetime"}:
            moment = _moment(held, zone)
            day = f"{moment.month}/{moment.day}/{moment.year}"
            clock = f"{moment.hour % 12 or 12}:{moment:%M %p}"
            return day if kind == "date" else f"{day}, {clock}"
        case Decimal() | int() if kind == "currency":
            return f"{code} {held:,.2f}" if code else f"${held:,.2f}"
        case Decimal() | int() if kind in NUMBER_TYPES and not isinstance(held, bool):
            whole, _, decimals = f"{held:,f}".partition(".")
            short = f"{whole}.{decimals}" if decimals.strip("0") else whole
            return f"{short}%" if kind == "percent" else short
        case _:
            return held


def _distance(scope: Scope, call: Function) -> Term:
    """Miles or kilometres between an address and a place, or between two addresses."""
    if len(call.args) != 3:
        raise _wrong(scope, call, "it takes two places and a unit")
    unit = call.args[2]
    text = unescaped(str(unit.value)) if isinstance(unit, Literal) and unit.kind == "string" else ""
    if text not in _RADIUS:
        raise _wrong(scope, call, "the unit is 'mi' or 'km'")
    start, end = _place(scope, call, call.args[0]), _place(scope, call, call.args[1])
    radius = _RADIUS[text]

    def value(row: Row) -> object:
        one, other = start(row), end(row)
        return None if one is None or other is None else Decimal(str(radius * _angle(one, other)))

    return Term(field("DISTANCE", "DISTANCE", "double"), value)


_Place = tuple[float, float]


def _place(scope: Scope, call: Function, arg: Expr | Literal) -> Callable[[Row], _Place | None]:
    if isinstance(arg, Function) and arg.name == "GEOLOCATION" and len(arg.args) == 2:
        degrees = [float(found) for part in arg.args if (found := _number(part)) is not None]
        if len(degrees) == 2:
            fixed = (degrees[0], degrees[1])
            return lambda _: fixed
    if isinstance(arg, Path):
        column = scope.column(arg)
        if column.field.type == "address":
            get = scope.getter(column)
            return lambda row: _of_address(get(row))
    raise _wrong(scope, call, "a place is an address field or GEOLOCATION(latitude, longitude)")


def _number(arg: Expr | Literal) -> int | Decimal | None:
    value = arg.value if isinstance(arg, Literal) else None
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _of_address(value: object) -> _Place | None:
    parts: Mapping[str, object] = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
    latitude, longitude = parts.get("latitude"), parts.get("longitude")
    return None if latitude is None or longitude is None else (float(str(latitude)), float(str(longitude)))


def _angle(one: _Place, other: _Place) -> float:
    """The angle between two places on the globe (haversine)."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(math.radians, place)) for place in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * math.asin(math.sqrt(min(half, 1.0)))

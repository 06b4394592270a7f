"""Checking conditions against the types of fields, and turning them into functions of a row."""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import NUMBER_TYPES, TEXT_TYPES, Field
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.ids import normal_id
from crmhub_salesforce.simulator.soql.columns import Getter, Scope
from crmhub_salesforce.simulator.soql.functions import Term, is_aggregate, term
from crmhub_salesforce.simulator.soql.lexer import error_at, like_pattern, unescaped
from crmhub_salesforce.simulator.soql.periods import period
from crmhub_salesforce.simulator.soql.syntax import (
    Both,
    Compare,
    Condition,
    Either,
    Expr,
    Function,
    Includes,
    InList,
    InQuery,
    Literal,
    Negation,
    Query,
)
from crmhub_salesforce.simulator.values import read_date, read_instant

Predicate = Callable[[Row], bool]
Inner = Callable[[Query, Field], set[str]]
"""Runs the query of a semi-join and gives the ids that it selects."""
Resolve = Callable[[Expr], Term]
"""Finds what a condition is about; raises ApiError."""

_ORDERING: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNORDERED = frozenset({"boolean", "multipicklist"})
_IDS = frozenset({"id", "reference"})
_SHOWN_TYPES = {"datetime": "dateTime"}


class Conditions:
    """Compiles the conditions of one statement."""

    def __init__(self, scope: Scope, inner: Inner, resolve: Resolve | None = None) -> None:
        self._scope = scope
        self._inner = inner
        self._resolve = resolve or self._of_row
        self.zone = scope.org.zone
        self.today = scope.org.clock.moment(self.zone).date()

    def predicate(self, condition: Condition) -> Predicate:
        """Whether a row fulfils the condition; raises ApiError where names or types do not fit."""
        match condition:
            case Both(items):
                return _all([self.predicate(item) for item in items])
            case Either(items):
                return _any([self.predicate(item) for item in items])
            case Negation(item):
                inner = self.predicate(item)
                return lambda row: not inner(row)
            case Compare():
                return self._compare(condition)
            case InList():
                return self._in_list(condition)
            case InQuery():
                return self._in_query(condition)
            case Includes():
                return self._includes(condition)

    def _of_row(self, expr: Expr) -> Term:
        """A field or function of a row, if it may be filtered by."""
        if isinstance(expr, Function):
            if is_aggregate(expr) or expr.name in {"CONVERTCURRENCY", "FORMAT"}:
                raise self._error(expr.pos, f"unexpected token: '{expr.name}'", "MALFORMED_QUERY")
            return term(self._scope, expr)
        column = self._scope.column(expr)
        if column.field.type == "address":
            message = "Address fields can only be filtered using Distance expressions"
            raise self._error(expr.pos, message, "INVALID_FIELD")
        if not column.field.filterable:
            message = f"field '{column.field.name}' can not be filtered in a query call"
            raise self._error(expr.pos, message, "INVALID_FIELD")
        return Term(column.field, self._scope.getter(column))

    def _error(self, pos: int, message: str, code: str) -> ApiError:
        return error_at(self._scope.text, pos, message, code)

    def _bad_operator(self, path: Expr, field: Field) -> ApiError:
        message = f"invalid operator on {field.type} field"
        return self._error(path.pos, message, "INVALID_QUERY_FILTER_OPERATOR")

    def value(self, path: Expr, field: Field, literal: Literal) -> object:
        """The value that a literal means for this field, in the form rows hold; None for null and empty text.

        Raises ApiError (INVALID_FIELD) for a literal of another type, (INVALID_QUERY_FILTER_OPERATOR) for a
        bad id.
        """
        if literal.kind == "null":
            return None
        if field.type in TEXT_TYPES:
            return self._text(path, field, literal)
        if field.type in NUMBER_TYPES and literal.kind in {"int", "double"}:
            return literal.value
        if field.type == "currency" and literal.kind == "currency" and isinstance(literal.value, tuple):
            return self._amount(literal, *literal.value)
        if field.type == "boolean" and literal.kind == "boolean":
            return literal.value
        if field.type in {"date", "datetime"} and isinstance(literal.value, str):
            kind = _SHOWN_TYPES.get(field.type, field.type)
            read = read_date if field.type == "date" else read_instant
            if literal.kind == kind:
                found = read(literal.value)
                if found is not None:
                    return found
                raise self._error(literal.pos, f"invalid {kind}: {literal.value}", "MALFORMED_QUERY")
        raise self._wrong_type(path, field)

    def _amount(self, literal: Literal, code: str, amount: object) -> Decimal:
        """An amount of a currency, in the org's own."""
        rate = (self._scope.org.rates or {code: Decimal(1)}).get(code)
        if rate is None:
            raise self._error(literal.pos, f"invalid currency code: {code}", "MALFORMED_QUERY")
        return Decimal(str(amount)) / rate

    def _text(self, path: Expr, field: Field, literal: Literal) -> str | None:
        if literal.kind != "string":
            raise self._wrong_type(path, field)
        text = unescaped(str(literal.value))
        if not text or field.type not in _IDS:
            return text or None
        known = normal_id(text)
        if known is None:
            message = f"invalid ID field: {text}"
            raise self._error(path.pos, message, "INVALID_QUERY_FILTER_OPERATOR")
        return known

    def _wrong_type(self, path: Expr, field: Field) -> ApiError:
        text = field.type in TEXT_TYPES
        kind = "string" if text else _SHOWN_TYPES.get(field.type, field.type)
        message = (
            f"value of filter criterion for field '{field.name}' must be of type {kind} "
            f"and should {'' if text else 'not '}be enclosed in quotes"
        )
        return self._error(path.pos, message, "INVALID_FIELD")

    def _compare(self, condition: Compare) -> Predicate:
        found = self._resolve(condition.path)
        field, get, sign = found.field, found.get, condition.operator
        if sign == "LIKE":
            return self._like(condition, found)
        if sign not in {"=", "!="} and field.type in _UNORDERED:
            raise self._bad_operator(condition.path, field)
        if condition.value.kind == "named" and field.type in {"date", "datetime"}:
            return self._in_period(condition, field, get)
        wanted = self.value(condition.path, field, condition.value)
        if condition.value.kind == "currency":
            get = _in_own_currency(get, self._scope.org.rates)
        if wanted is None:
            return _null(get, sign)
        return _folded(get, sign, wanted) if _folds(field) else _plain(get, sign, wanted)

    def _in_period(self, condition: Compare, field: Field, get: Getter) -> Predicate:
        first, after = (bound(day, field, self.zone) for day in self.days(condition.value))
        match condition.operator:
            case "=":
                return lambda row: isinstance(value := get(row), str) and first <= value < after
            case "!=":
                return lambda row: not (isinstance(value := get(row), str) and first <= value < after)
            case "<":
                return _plain(get, "<", first)
            case "<=":
                return _plain(get, "<", after)
            case ">":
                return _plain(get, ">=", after)
            case _:
                return _plain(get, ">=", first)

    def days(self, literal: Literal) -> tuple[date, date]:
        """The days that a named date literal means today: the first, and the one after the last."""
        word, n = literal.value if isinstance(literal.value, tuple) else ("TODAY", 0)
        return period(word, int(n), self.today, self._scope.org.fiscal_start)

    def _like(self, condition: Compare, found: Term) -> Predicate:
        field, literal = found.field, condition.value
        if field.type not in TEXT_TYPES or field.type in _IDS or field.type == "multipicklist":
            raise self._bad_operator(condition.path, field)
        if literal.kind != "string":
            raise self._wrong_type(condition.path, field)
        matches, get = like_pattern(str(literal.value)).fullmatch, found.get
        return lambda row: isinstance(value := get(row), str) and matches(value) is not None

    def _in_list(self, condition: InList) -> Predicate:
        column = self._resolve(condition.path)
        if column.field.type == "multipicklist":
            raise self._bad_operator(condition.path, column.field)
        folds = _folds(column.field)
        wanted: set[object] = set()
        for literal in condition.values:
            value = self.value(condition.path, column.field, literal)
            wanted.add(value.casefold() if folds and isinstance(value, str) else value)
        return _among(column.get, wanted, folds=folds, negated=condition.negated)

    def _in_query(self, condition: InQuery) -> Predicate:
        column = self._resolve(condition.path)
        if column.field.type not in _IDS:
            message = (
                f"The inner and outer selects should not be on fields that are no ids: {column.field.name}"
            )
            raise self._error(condition.pos, message, "MALFORMED_QUERY")
        wanted: set[object] = {*self._inner(condition.query, column.field)}
        return _among(column.get, wanted, folds=False, negated=condition.negated)

    def _includes(self, condition: Includes) -> Predicate:
        column = self._resolve(condition.path)
        if column.field.type != "multipicklist":
            raise self._bad_operator(condition.path, column.field)
        groups = [
            frozenset(
                part.casefold()
                for part in (self._text(condition.path, column.field, literal) or "").split(";")
            )
            for literal in condition.values
        ]
        get, negated = column.get, condition.negated

        def included(row: Row) -> bool:
            value = get(row)
            chosen = {part.casefold() for part in value.split(";")} if isinstance(value, str) else set[str]()
            return any(group <= chosen for group in groups) != negated

        return included


def bound(day: date, field: Field, zone: tzinfo) -> str:
    """The beginning of a day, in the user's time zone, in the form in which this field's values are kept."""
    if field.type == "date" or day in {date.min, date.max}:
        return day.isoformat()
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _folds(field: Field) -> bool:
    return field.type in TEXT_TYPES and field.type not in _IDS


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) and second(row)
    return lambda row: all(part(row) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) or second(row)
    return lambda row: any(part(row) for part in parts)


def _in_own_currency(get: Getter, rates: Mapping[str, Decimal]) -> Getter:
    def value(row: Row) -> object:
        held = get(row)
        rate = rates.get(str(row.get("CurrencyIsoCode")), Decimal(1))
        return held / rate if isinstance(held, Decimal | int) else held

    return value


def _null(get: Getter, sign: str) -> Predicate:
    match sign:
        case "=":
            return lambda row: get(row) is None
        case "!=":
            return lambda row: get(row) is not None
        case _:
            return lambda _: False


def _plain(get: Getter, sign: str, wanted: object) -> Predicate:
    match sign:
        case "=":
            return lambda row: get(row) == wanted
        case "!=":
            return lambda row: get(row) != wanted
        case _:
            compare = _ORDERING[sign]
            return lambda row: (value := get(row)) is not None and compare(value, wanted)


def _folded(get: Getter, sign: str, wanted: object) -> Predicate:
    key = str(wanted).casefold()
    match sign:
        case "=":
            return lambda row: isinstance(value := get(row), str) and value.casefold() == key
        case "!=":
            return lambda row: not isinstance(value := get(row), str) or value.casefold() != key
        case _:
            compare = _ORDERING[sign]
            return lambda row: isinstance(value := get(row), str) and compare(value.casefold(), key)


def _among(get: Getter, wanted: set[object], *, folds: bool, negated: bool) -> Predicate:
    def among(row: Row) -> bool:
        value = get(row)
        key = value.casefold() if folds and isinstance(value, str) else value
        return (key in wanted) != negated

    return among


def number(value: object) -> Decimal | int | None:
    """A row's value as a number, if it is one."""
    return value if isinstance(value, Decimal | int) and not isinstance(value, bool) else None

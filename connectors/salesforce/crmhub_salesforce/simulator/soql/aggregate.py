"""Grouped queries and aggregate functions, subtotals included (SOQL and SOSL Reference, "GROUP BY", "GROUP
BY ROLLUP", "GROUP BY CUBE", "HAVING").
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cmp_to_key
from itertools import combinations
from typing import Any

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import NUMBER_TYPES, TEXT_TYPES, Field
from crmhub_salesforce.simulator.catalog.fields import field as field_of
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.soql.columns import Getter, Scope
from crmhub_salesforce.simulator.soql.conditions import Conditions, Inner, Predicate, number
from crmhub_salesforce.simulator.soql.functions import (
    AGGREGATES,
    Term,
    formatted,
    in_own_currency,
    is_aggregate,
    same,
    term,
)
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.syntax import (
    Expr,
    FieldItem,
    Function,
    FunctionItem,
    Item,
    Literal,
    Path,
    Query,
)
from crmhub_salesforce.simulator.values import as_double

Fold = Callable[[list[object]], object]
MOST_SUBTOTALS = 3
"""So many fields may be listed in ROLLUP or CUBE."""


@dataclass(frozen=True)
class _Measure:
    """A function of a group's values."""

    get: Getter
    fold: Fold


@dataclass
class _Group:
    """One group: which keys it stands for, their values, and what was collected for each measure."""

    mask: tuple[bool, ...]
    keys: tuple[object, ...]
    values: list[list[object]]
    results: list[object] = field(default_factory=list[object])

    def row(self) -> Row:
        """The group as a row that conditions and orders can read."""
        row: Row = {f"f{place}": value for place, value in enumerate(self.results)}
        for place, (kept, value) in enumerate(zip(self.mask, self.keys, strict=True)):
            row[f"g{place}"] = 0 if kept else 1
            if kept and value is not None:
                row[f"k{place}"] = value
        return row


class Aggregation:
    """A statement whose rows are groups."""

    def __init__(self, scope: Scope, query: Query, inner: Inner) -> None:
        self._scope = scope
        self._query = query
        self._keys = [self._key(expr) for expr in query.group]
        if query.subtotals and len(query.group) > MOST_SUBTOTALS:
            message = f"A maximum of {MOST_SUBTOTALS} fields can be listed in {query.subtotals}"
            raise error_at(query.text, query.group[MOST_SUBTOTALS].pos, message)
        self._measures: list[_Measure] = []
        self._unnamed = 0
        self._outputs: dict[str, Getter] = {}
        for item in query.items:
            self._output(item)
        self._having: Predicate | None = None
        if query.having is not None:
            self._having = Conditions(scope, inner, self._of_group).predicate(query.having)
        self._order = [(self._of_group(key.path), key) for key in query.order]
        if not query.group and query.limit is not None:
            message = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
            raise ApiError("MALFORMED_QUERY", message)

    def _error(self, pos: int, message: str) -> ApiError:
        return error_at(self._query.text, pos, message)

    def _key(self, expr: Expr) -> Term:
        if isinstance(expr, Function) and is_aggregate(expr):
            raise self._error(expr.pos, f"Grouped field should not be aggregated: {expr}")
        found = term(self._scope, expr)
        if isinstance(expr, Path) and not found.field.groupable:
            message = f"field '{found.field.name}' can not be grouped in a query call"
            raise self._error(expr.pos, message)
        return found

    def _place(self, expr: Expr) -> int | None:
        """Which of the group keys an expression is."""
        places = (n for n, key in enumerate(self._query.group) if same(key, expr, self._scope))
        return next(places, None)

    def _of_group(self, expr: Expr) -> Term:
        """A key or a measure, to be read from a group's row."""
        if isinstance(expr, Function) and is_aggregate(expr):
            return self._measure(expr)
        if isinstance(expr, Function) and expr.name in {"FORMAT", "TOLABEL"}:
            inner = expr.args[0]
            if isinstance(inner, Path) and self._place(inner) is not None:
                return self._shown(expr, self._of_group(inner))
        place = self._place(expr)
        if place is None:
            raise self._error(expr.pos, f"Field must be grouped or aggregated: {expr}")
        name = f"k{place}"
        return Term(self._keys[place].field, lambda row: row.get(name))

    def _shown(self, call: Function, found: Term) -> Term:
        if call.name == "TOLABEL":
            labels = {choice.value: choice.label for choice in found.field.choices}
            get = found.get
            return Term(found.field, lambda row: labels.get(str(get(row)), get(row)))
        kind, zone, get = found.field.type, self._scope.org.zone, found.get
        return Term(field_of("FORMAT", "FORMAT", "string"), lambda row: formatted(get(row), kind, zone))

    def _measure(self, call: Function) -> Term:
        if len(call.args) != 1 or isinstance(call.args[0], Literal):
            raise self._error(call.pos, f"unexpected token: '{call.name}'")
        inner = call.args[0]
        if call.name == "FORMAT" and isinstance(inner, Function):
            return self._shown(call, self._measure(inner))
        if call.name == "GROUPING":
            place = self._place(inner)
            if place is None or not self._query.subtotals:
                raise self._error(call.pos, f"Grouping field must be grouped: {inner}")
            name = f"g{place}"
            return Term(field_of("GROUPING", "GROUPING", "int"), lambda row: row.get(name))
        if call.name not in AGGREGATES or (isinstance(inner, Function) and is_aggregate(inner)):
            raise self._error(call.pos, f"unexpected token: '{call.name}'")
        found = term(self._scope, inner)
        if not _allowed(call.name, found.field):
            message = f"field {found.field.name} does not support aggregate operator {call.name}"
            raise self._error(call.pos, message)
        get = in_own_currency(self._scope, found).get
        self._measures.append(_Measure(get, _FOLDS[call.name](found.field)))
        name = f"f{len(self._measures) - 1}"
        kept = call.name in {"MIN", "MAX"}
        kind = found.field if kept else field_of(call.name, call.name, _KINDS.get(call.name, "double"))
        return Term(kind, lambda row: row.get(name))

    def _output(self, item: Item) -> None:
        match item:
            case FieldItem(path, alias):
                found = self._of_group(path)
                self._add(alias or found.field.name, found, path.pos)
            case FunctionItem(Function() as call, alias, pos):
                found = self._of_group(call)
                self._add(alias or self._unnamed_name(call, found), found, pos)
            case FunctionItem():
                raise self._error(item.pos, "Grouped query cannot use COUNT()")
            case _:
                pos = getattr(item, "pos", 0)
                raise self._error(pos, "Grouped query cannot select this")

    def _unnamed_name(self, call: Function, found: Term) -> str:
        if call.name == "TOLABEL":
            return found.field.name
        self._unnamed += 1
        return f"expr{self._unnamed - 1}"

    def _add(self, name: str, found: Term, pos: int) -> None:
        if name.lower() in {known.lower() for known in self._outputs}:
            raise self._error(pos, f"duplicate alias: {name}")
        self._outputs[name] = found.get

    def _masks(self) -> list[tuple[bool, ...]]:
        """Which keys each kind of group stands for; the others are summed up."""
        count = len(self._keys)
        match self._query.subtotals:
            case "ROLLUP":
                return [tuple(n < kept for n in range(count)) for kept in range(count, -1, -1)]
            case "CUBE":
                chosen = (pick for size in range(count, -1, -1) for pick in combinations(range(count), size))
                return [tuple(n in pick for n in range(count)) for pick in chosen]
            case _:
                return [(True,) * count]

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """The groups, in the order of their keys or as asked for."""
        groups: dict[tuple[object, ...], _Group] = {}
        masks = self._masks()
        for row in rows:
            keys = tuple(key.get(row) for key in self._keys)
            folded = tuple(value.casefold() if isinstance(value, str) else value for value in keys)
            measured = [measure.get(row) for measure in self._measures]
            for mask in masks:
                key = (mask, *(value for value, kept in zip(folded, mask, strict=True) if kept))
                group = groups.get(key)
                if group is None:
                    group = groups[key] = _Group(mask, keys, [[] for _ in self._measures])
                for held, value in zip(group.values, measured, strict=True):
                    if value is not None:
                        held.append(value)
        if not self._keys and not groups:
            groups[()] = _Group((), (), [[] for _ in self._measures])
        found: list[Row] = []
        for group in sorted(groups.values(), key=_rank):
            group.results = [
                measure.fold(held) for measure, held in zip(self._measures, group.values, strict=True)
            ]
            row = group.row()
            if self._having is None or self._having(row):
                found.append(row)
        return [self._record(row) for row in self._sorted(found)]

    def _sorted(self, rows: list[Row]) -> list[Row]:
        for found, key in reversed(self._order):
            get = found.get
            first = key.nulls_first is not False
            sign = -1 if key.descending else 1

            def compare(
                one: Row, other: Row, get: Getter = get, first: bool = first, sign: int = sign
            ) -> int:
                left, right = _comparable(get(one)), _comparable(get(other))
                if left is None or right is None:
                    return ((right is None) - (left is None)) * (1 if first is False else -1)
                return sign * (int(left > right) - int(left < right))

            rows.sort(key=cmp_to_key(compare))
        return rows

    def _record(self, row: Row) -> Row:
        shown: Row = {name: get(row) for name, get in self._outputs.items()}
        return {"attributes": {"type": "AggregateResult"}, **shown}


def _rank(group: _Group) -> tuple[object, ...]:
    """Groups by their keys, nulls first, a subtotal behind what it sums up."""
    return tuple(
        (not kept, value is not None and kept, str(_comparable(value)).rjust(20) if kept else "")
        for kept, value in zip(group.mask, group.keys, strict=True)
    )


def _comparable(value: object) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _allowed(function: str, field: Field) -> bool:
    if function in {"SUM", "AVG"}:
        return field.type in NUMBER_TYPES
    return field.aggregatable


_KINDS = {"COUNT": "int", "COUNT_DISTINCT": "int"}


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def _sum(field: Field) -> Fold:
    def fold(values: list[object]) -> object:
        total = sum((Decimal(found) for value in values if (found := number(value)) is not None), Decimal(0))
        if not values:
            return None
        return int(total) if field.type == "int" else as_double(total)

    return fold


def _average(field: Field) -> Fold:
    del field

    def fold(values: list[object]) -> object:
        numbers = [Decimal(found) for value in values if (found := number(value)) is not None]
        return as_double(sum(numbers, Decimal(0)) / len(numbers)) if numbers else None

    return fold


def _extreme(pick: Callable[..., object]) -> Callable[[Field], Fold]:
    def of(field: Field) -> Fold:
        text = field.type in TEXT_TYPES
        return lambda values: pick(values, key=_folded if text else None) if values else None

    return of


_FOLDS: dict[str, Callable[[Field], Fold]] = {
    "COUNT": lambda _: len,
    "COUNT_DISTINCT": lambda _: lambda values: len({_folded(value) for value in values}),
    "SUM": _sum,
    "AVG": _average,
    "MIN": _extreme(min),
    "MAX": _extreme(max),
}

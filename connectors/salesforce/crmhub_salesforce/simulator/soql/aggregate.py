"""Grouped queries and aggregate functions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import NUMBER_TYPES, TEXT_TYPES, Field
from crmhub_salesforce.simulator.soql.columns import Getter, Scope
from crmhub_salesforce.simulator.soql.conditions import number
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.syntax import FieldItem, FunctionItem, Item, Query
from crmhub_salesforce.simulator.values import as_double

Fold = Callable[[list[object]], object]


@dataclass(frozen=True)
class _Output:
    """A column of the result: one of the group keys, or a function of the group's values."""

    name: str
    key: int | None
    get: Getter
    fold: Fold


class Aggregation:
    """A statement whose rows are groups."""

    def __init__(self, scope: Scope, query: Query) -> None:
        self._scope = scope
        self._query = query
        columns = [scope.column(path) for path in query.group]
        for path, column in zip(query.group, columns, strict=True):
            if not column.field.groupable:
                message = f"field '{column.field.name}' can not be grouped in a query call"
                raise error_at(query.text, path.pos, message)
        self._keys = [scope.getter(column) for column in columns]
        self._key_names = [column.field.name for column in columns]
        self._unnamed = 0
        self._outputs = [self._output(item) for item in query.items]
        for key in query.order:
            if str(key.path).lower() not in {str(path).lower() for path in query.group}:
                message = "Ordering groups by anything but grouped fields is not supported by this simulator"
                raise error_at(query.text, key.path.pos, message)

    def _output(self, item: Item) -> _Output:
        text = self._query.text
        match item:
            case FieldItem(path, alias):
                wanted = self._scope.column(path)
                for place, grouped in enumerate(self._query.group):
                    if self._scope.column(grouped) == wanted:
                        name = alias or wanted.field.name
                        return _Output(name, place, self._keys[place], len)
                raise error_at(text, path.pos, f"Field must be grouped or aggregated: {path}")
            case FunctionItem(function, path, alias, pos) if path is not None and function != "TOLABEL":
                column = self._scope.column(path)
                if not _allowed(function, column.field):
                    message = f"field {column.field.name} does not support aggregate operator {function}"
                    raise error_at(text, pos, message)
                name = alias or f"expr{self._unnamed}"
                self._unnamed += alias is None
                return _Output(name, None, self._scope.getter(column), _FOLDS[function](column.field))
            case FunctionItem():
                raise error_at(text, item.pos, "Grouped query cannot use COUNT() or toLabel()")
            case _:
                raise error_at(text, item.pos, "Grouped query cannot select this")

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """The groups, in the order of their keys."""
        groups: dict[tuple[object, ...], list[list[object]]] = {}
        shown: dict[tuple[object, ...], tuple[object, ...]] = {}
        for row in rows:
            values = tuple(get(row) for get in self._keys)
            key = tuple(value.casefold() if isinstance(value, str) else value for value in values)
            columns = groups.get(key)
            if columns is None:
                columns = groups[key] = [[] for _ in self._outputs]
                shown[key] = values
            for output, column in zip(self._outputs, columns, strict=True):
                if output.key is None:
                    column.append(output.get(row))
        if not self._keys and not groups:
            groups[()] = [[] for _ in self._outputs]
            shown[()] = ()
        ordered = sorted(groups, key=lambda key: [(value is not None, str(value)) for value in key])
        for place, key in reversed(list(enumerate(self._query.order))):
            del place
            if key.descending:
                position = [str(path).lower() for path in self._query.group].index(str(key.path).lower())
                ordered.sort(key=lambda found, at=position: str(found[at]), reverse=True)
        return [self._record(groups[key], shown[key]) for key in ordered]

    def _record(self, columns: list[list[object]], values: tuple[object, ...]) -> Row:
        record: Row = {"attributes": {"type": "AggregateResult"}}
        for output, column in zip(self._outputs, columns, strict=True):
            if output.key is not None:
                record[output.name] = values[output.key]
            else:
                record[output.name] = output.fold([value for value in column if value is not None])
        return record


def _allowed(function: str, field: Field) -> bool:
    if function in {"SUM", "AVG"}:
        return field.type in NUMBER_TYPES
    return field.aggregatable


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

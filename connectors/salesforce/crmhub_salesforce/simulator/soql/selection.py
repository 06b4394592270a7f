"""From a row to a record of the reply: selected fields, nested parents, child records."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from dataclasses import field as item_field

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.soql.columns import NAME_ENTITY, Column, Getter, Scope, reader
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.syntax import (
    ChildItem,
    FieldItem,
    FieldsItem,
    FunctionItem,
    Item,
    Path,
    Query,
)

MAX_FIELDS_ROWS = 200
Children = Callable[[ChildItem], tuple[str, Getter]]
"""Compiles a child relationship: its name, and how to get the child records of a row."""


def record_url(version: str, sobject: str, record_id: object) -> str:
    """Where a record can be read."""
    return f"/services/data/v{version}/sobjects/{sobject}/{record_id}"


@dataclass
class _Parent:
    """A parent to be shown inside the record."""

    step: Field
    shown: dict[str, "Getter | _Parent"] = item_field(default_factory=dict[str, "Getter | _Parent"])


class Selection:
    """What one statement shows of a row."""

    def __init__(self, scope: Scope, query: Query, version: str, children: Children) -> None:
        self._scope = scope
        self._query = query
        self._version = version
        self._plain: dict[str, object] = {}
        shown: dict[str, Getter | _Parent] = {}
        for item in query.items:
            self._add(shown, item, children)
        own = {item.name: item for item in scope.sobject.fields}
        if all(name in own and own[name].type != "address" and name not in self._special for name in shown):
            self._plain = {name: False if own[name].type == "boolean" else None for name in shown}
        self._shown = _getters(scope.org, shown, version)

    _special: frozenset[str] = frozenset()

    def record(self, row: Row) -> Row:
        """The record to show for a row."""
        name = self._scope.sobject.name
        shown: Row = {
            "attributes": {
                "type": name,
                "url": f"/services/data/v{self._version}/sobjects/{name}/{row['Id']}",
            }
        }
        if self._plain:
            get = row.get
            for key, default in self._plain.items():
                shown[key] = get(key, default)
            return shown
        for key, value in self._shown:
            shown[key] = value(row)
        return shown

    def _add(self, shown: "dict[str, Getter | _Parent]", item: Item, children: Children) -> None:
        match item:
            case FieldItem(path, alias):
                if alias is not None:
                    message = "only aggregate expressions use field aliasing"
                    raise error_at(self._query.text, path.pos, message)
                self._add_column(shown, path, self._scope.column(path))
            case FieldsItem():
                for column in self._all_fields(item):
                    shown.setdefault(column.name, reader(column, self._scope.sobject))
            case FunctionItem(path=Path() as path):
                column = self._scope.column(path)
                self._special |= {item.alias or column.field.name}
                shown[item.alias or column.field.name] = _labelled(column.field, self._scope.getter(column))
            case ChildItem():
                name, getter = children(item)
                shown[name] = getter
            case FunctionItem():
                raise error_at(self._query.text, item.pos, f"unexpected token: '{item.function}'")

    def _add_column(self, shown: "dict[str, Getter | _Parent]", path: Path, column: Column) -> None:
        for step in column.steps:
            name = step.relationship or step.name
            parent = shown.setdefault(name, _Parent(step))
            if not isinstance(parent, _Parent):
                raise self._twice(path)
            shown = parent.shown
        if column.field.name in shown:
            raise self._twice(path)
        if column.entity is NAME_ENTITY and column.field.name == "Type":
            shown[column.field.name] = self._scope.getter(Column((), column.field, NAME_ENTITY))
        else:
            shown[column.field.name] = reader(column.field, column.entity)

    def _twice(self, path: Path) -> ApiError:
        return error_at(self._query.text, path.pos, f"duplicate field selected: {path}")

    def _all_fields(self, item: FieldsItem) -> Iterable[Field]:
        limit = self._query.limit
        if item.which != "STANDARD" and (limit is None or limit > MAX_FIELDS_ROWS):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_ROWS}"
            raise error_at(self._query.text, item.pos, message)
        wanted = {"ALL": (True, False), "STANDARD": (False,), "CUSTOM": (True,)}[item.which]
        return [field for field in self._scope.sobject.fields if field.custom in wanted]


def _labelled(asked: Field, get: Getter) -> Getter:
    labels = {choice.value: choice.label for choice in asked.choices}
    return lambda row: labels.get(str(get(row)), get(row))


def _getters(org: Org, shown: "dict[str, Getter | _Parent]", version: str) -> list[tuple[str, Getter]]:
    return [
        (name, _nested(org, what, version) if isinstance(what, _Parent) else what)
        for name, what in shown.items()
    ]


def _nested(org: Org, parent: _Parent, version: str) -> Getter:
    inner = _getters(org, parent.shown, version)
    reference, named = parent.step.name, parent.step.polymorphic

    def value(row: Row) -> object:
        key = row.get(reference)
        found = org.known(key) if isinstance(key, str) else None
        sobject = org.catalog.of_id(str(key))
        if found is None or sobject is None:
            return None
        url = record_url(version, sobject.name, key)
        shown: Row = {"attributes": {"type": "Name" if named else sobject.name, "url": url}}
        for name, get in inner:
            shown[name] = get(found)
        return shown

    return value

"""From a row to a record of the reply: selected fields, nested parents, child records."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from dataclasses import field as item_field

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.soql.columns import NAME_ENTITY, Column, Getter, Scope, reader
from crmhub_salesforce.simulator.soql.functions import is_aggregate, term
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.syntax import (
    ChildItem,
    FieldItem,
    FieldsItem,
    Function,
    FunctionItem,
    Item,
    Path,
    Query,
    TypeItem,
)

MAX_FIELDS_ROWS = 200
_MADE = frozenset({"address", "base64"})
"""Types of which a row holds something else than what is shown."""
_SHOWN = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY", "DISTANCE"})
"""Functions of single records; those of dates belong to groups and conditions."""
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
    typed: bool = False
    """Whether it is shown as what it is, though the relationship is polymorphic."""


@dataclass
class _Shape:
    """What is shown of rows of one object, by name."""

    scope: Scope
    version: str
    shown: dict[str, "Getter | _Parent"] = item_field(default_factory=dict[str, "Getter | _Parent"])
    special: set[str] = item_field(default_factory=set[str])
    """What is more than the row's own value of that name."""

    def add(
        self,
        path: Path,
        column: Column,
        call: Function | None = None,
    ) -> None:
        """Show a field, or a function of it in its place, within the parents that lead to it."""
        shown = self.shown
        for step in column.steps:
            name = step.relationship or step.name
            parent = shown.setdefault(name, _Parent(step))
            if not isinstance(parent, _Parent):
                raise self.twice(path)
            shown = parent.shown
        if column.field.name in shown:
            raise self.twice(path)
        own = Column((), column.field, column.entity)
        if call is not None:
            scope = Scope(self.scope.org, column.entity, self.scope.text)
            inner = Function(call.name, (Path((column.field.name,), path.pos), *call.args[1:]), call.pos)
            self.special.add(column.field.name)
            shown[column.field.name] = term(scope, inner).get
        elif column.entity is NAME_ENTITY and column.field.name == "Type":
            shown[column.field.name] = self.scope.getter(own)
        else:
            shown[column.field.name] = reader(column.field, column.entity, self.version)

    def twice(self, path: Path) -> ApiError:
        """The error for what is asked for two times."""
        return error_at(self.scope.text, path.pos, f"duplicate field selected: {path}")


class Selection:
    """What one statement shows of a row."""

    def __init__(self, scope: Scope, query: Query, version: str, children: Children) -> None:
        self._scope = scope
        self._query = query
        self._version = version
        self._plain: dict[str, object] = {}
        self._shape = _Shape(scope, version)
        shown = self._shape.shown
        for item in query.items:
            self._add(shown, item, children)
        own = {item.name: item for item in scope.sobject.fields}
        if all(
            name in own and own[name].type != "address" and name not in self._shape.special for name in shown
        ):
            self._plain = {name: False if own[name].type == "boolean" else None for name in shown}
        self._shown = _getters(scope.org, shown, version)

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
                self._shape.add(path, self._scope.column(path))
            case FieldsItem():
                for field in self._all_fields(item):
                    if field.name in shown:
                        raise self._shape.twice(Path((field.name,), item.pos))
                    shown[field.name] = reader(field, self._scope.sobject, self._version)
            case FunctionItem(Function() as call, alias, pos):
                self._add_function(shown, call, alias, pos)
            case TypeItem():
                step, value = self._by_type(item)
                if step in shown:
                    raise self._shape.twice(item.path)
                shown[step] = value
            case ChildItem():
                name, getter = children(item)
                shown[name] = getter
            case FunctionItem():
                raise error_at(self._query.text, item.pos, "unexpected token: 'COUNT'")

    def _add_function(
        self, shown: "dict[str, Getter | _Parent]", call: Function, alias: str | None, pos: int
    ) -> None:
        """A function of a field; without an alias it stands where the field would."""
        if call.name not in _SHOWN or is_aggregate(call):
            raise error_at(self._query.text, pos, f"Field must be grouped or aggregated: {call}")
        found = term(self._scope, call)
        path = call.args[0]
        if alias is None and isinstance(path, Path):
            self._shape.add(path, self._scope.column(path), call)
            return
        name = alias or f"expr{sum(1 for known in shown if known.startswith('expr'))}"
        if name in shown:
            raise error_at(self._query.text, pos, f"duplicate alias: {name}")
        self._shape.special.add(name)
        shown[name] = found.get

    def _by_type(self, item: TypeItem) -> tuple[str, Getter]:
        """A polymorphic parent, shown as its type wants it."""
        org, text = self._scope.org, self._query.text
        step = self._scope.sobject.parent(item.path.parts[-1]) if len(item.path.parts) == 1 else None
        if step is None or not step.polymorphic:
            message = f"TYPEOF is only allowed for polymorphic relationships: {item.path}"
            raise error_at(text, item.path.pos, message)
        ways: dict[str, Getter] = {}
        for kind, paths in item.cases:
            target = org.catalog.get(str(kind))
            if target is None or target.name not in step.targets:
                message = f"'{kind}' is not a type of the relationship {item.path}"
                raise error_at(text, kind.pos, message, "INVALID_TYPE")
            ways[target.name] = self._shown_by(Scope(org, target, text), paths, step)
        otherwise = None
        if item.otherwise is not None:
            otherwise = self._shown_by(Scope(org, NAME_ENTITY, text), item.otherwise, step)

        def value(row: Row) -> object:
            target = org.catalog.of_id(str(row.get(step.name)))
            way = otherwise if target is None else ways.get(target.name, otherwise)
            return None if way is None else way(row)

        return step.relationship or step.name, value

    def _shown_by(self, scope: Scope, paths: Iterable[Path], step: Field) -> Getter:
        shape = _Shape(scope, self._version)
        for path in paths:
            shape.add(path, scope.column(path))
        return _nested(scope.org, _Parent(step, shape.shown, typed=True), self._version)

    def _all_fields(self, item: FieldsItem) -> Iterable[Field]:
        limit = self._query.limit
        if item.which != "STANDARD" and (limit is None or limit > MAX_FIELDS_ROWS):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_ROWS}"
            raise error_at(self._query.text, item.pos, message)
        wanted = {"ALL": (True, False), "STANDARD": (False,), "CUSTOM": (True,)}[item.which]
        return [field for field in self._scope.sobject.fields if field.custom in wanted]


def _getters(org: Org, shown: "dict[str, Getter | _Parent]", version: str) -> list[tuple[str, Getter]]:
    return [
        (name, _nested(org, what, version) if isinstance(what, _Parent) else what)
        for name, what in shown.items()
    ]


def _nested(org: Org, parent: _Parent, version: str) -> Getter:
    inner = _getters(org, parent.shown, version)
    reference, named = parent.step.name, parent.step.polymorphic and not parent.typed

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

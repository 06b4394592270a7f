"""Cells of bulk queries' results: which columns there can be, and a record's values as text."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.soql.columns import Column
from crmhub_salesforce.simulator.soql.statement import Statement

_COMPOUND = frozenset({"address", "location"})


def query_columns(statement: Statement) -> tuple[Column, ...]:
    """The selected fields; raises ApiError for what no query job gives."""
    columns = statement.columns()
    if columns is None or statement.query.offset:
        message = "Aggregates, functions, subqueries, FIELDS and OFFSET are not supported in Bulk Query"
        raise ApiError("API_ERROR", message)
    if any(column.field.type in _COMPOUND for column in columns):
        raise ApiError("API_ERROR", "Selecting compound data not supported in Bulk Query")
    if any(column.field.type == "base64" for column in columns):
        raise ApiError("API_ERROR", "Binary fields not supported in Bulk Query")
    return columns


def header_of(columns: Sequence[Column]) -> list[str]:
    """The names of the columns, through their parents."""
    return [_name(column) for column in columns]


def _name(column: Column) -> str:
    return ".".join([*_path(column), column.field.name])


def _path(column: Column) -> list[str]:
    return [step.relationship or step.name for step in column.steps]


def cell_of(column: Column) -> Callable[[Row], str]:
    """How to read a column's text from a record as a query shows it."""
    path, name, instant = _path(column), column.field.name, column.field.type == "datetime"

    def cell(record: Row) -> str:
        holder: Mapping[str, object] = record
        for step in path:
            inner = holder.get(step)
            if not isinstance(inner, Mapping):
                return ""
            holder = cast("Mapping[str, object]", inner)
        text = _text(holder.get(name))
        return text.replace("+0000", "Z") if instant else text

    return cell


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return str(value)
        case _:
            return str(value)

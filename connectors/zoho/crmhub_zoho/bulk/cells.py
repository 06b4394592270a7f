"""Cells of a bulk read's CSV as the values that a query gives.

Source: Zoho CRM API v8, "Download Bulk Read Result": the id is always there, lookups are ids, the choices of
a multi-select are joined by semicolons, times are ISO 8601, what is empty has no text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, Where
from crmhub_zoho.records import ID
from crmhub_zoho.schema import LOOKUPS, ModuleSchema

__all__ = ["inexact", "reader"]

_MULTIPLE = ";"
_TEXTS = frozenset(
    {
        *("text", "textarea", "rich_textarea", "richtext", "email", "phone", "website", "picklist"),
        *("date", "datetime", "bigint"),
    }
)
_NUMBERS = frozenset({"integer", "currency", "double", "decimal", "percent"})
_BOOLEANS = {"true": True, "false": False}
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)

_Read = Callable[[str], Value]


def inexact(schema: ModuleSchema, columns: Sequence[str]) -> str | None:
    """The first of the columns whose cells do not tell exactly what a query gives; ``None``: all do."""
    return next((name for name in columns if name != ID and not _is_exact(schema, name)), None)


def reader(
    schema: ModuleSchema, columns: Sequence[str], header: Sequence[str]
) -> Callable[[list[str]], Native]:
    """How the rows under ``header`` are read; raises ``BadResponse`` where one of ``columns`` is not there.

    What it gives raises ``BadResponse`` for a row that does not fit the header, or a cell its field.
    """
    module = schema.schema.object
    places = {ID if name.lower() == ID else name: place for place, name in enumerate(header)}
    missing = next((name for name in columns if name not in places), None)
    if missing is not None:
        raise _odd(module, missing, f"the file has no column {missing}")
    cells: list[tuple[str, int, _Read]] = [
        (name, places[name], _read(schema.data_types.get(name, ""))) for name in columns if name != ID
    ]
    at_id, width = places[ID], len(header)

    def read(row: list[str]) -> Native:
        if len(row) != width:
            raise BadResponse(
                f"a row of the file has {len(row)} cells under a header of {width}",
                where=Where(object=module),
            )
        found: Native = {ID: row[at_id]}
        for name, place, value in cells:
            text = row[place]
            try:
                found[name] = value(text) if text else None
            except ValueError:
                raise _odd(module, name, f"a cell of {name} is not a {schema.data_types[name]}") from None
        return found

    return read


def _is_exact(schema: ModuleSchema, name: str) -> bool:
    kind = schema.data_types.get(name)
    if kind == "multiselectpicklist":
        choices = schema.schema.fields[name].choices
        return bool(choices) and not any(_MULTIPLE in choice.value for choice in choices)
    return kind in _TEXTS or kind in _NUMBERS or kind in LOOKUPS or kind == "boolean"


def _read(data_type: str) -> _Read:
    if data_type in LOOKUPS:
        return _linked
    if data_type in _NUMBERS:
        return _number
    if data_type == "boolean":
        return _boolean
    return _several if data_type == "multiselectpicklist" else str


def _linked(text: str) -> Value:
    return {ID: text}


def _number(text: str) -> Value:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError
    return int(text) if match[1] is None else Decimal(text)


def _boolean(text: str) -> Value:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError from None


def _several(text: str) -> Value:
    return list[Value](text.split(_MULTIPLE))


def _odd(module: str, field: str, what: str) -> BadResponse:
    return BadResponse(what, where=Where(object=module, field=field))

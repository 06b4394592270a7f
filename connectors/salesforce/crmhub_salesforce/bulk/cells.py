"""Cells of a query job's CSV as the values that a query gives.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Query": all values are text, and null has none; times end
in ``Z`` where REST writes ``+0000``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, Where
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import NUMBERS, Described

__all__ = ["inexact", "reader"]

_TEXTS = frozenset(
    {
        *("string", "textarea", "picklist", "multipicklist", "combobox", "reference", "date", "time"),
        *("email", "phone", "url", "encryptedstring"),
    }
)
_BOOLEANS = {"true": True, "false": False}
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,4})?", re.ASCII)

_Read = Callable[[str], Value]


def inexact(of: Described, fields: Sequence[str]) -> str | None:
    """The first field whose cells do not tell exactly what a query gives; ``None``: all do.

    That is so for compound fields, files, and fields of parents: a cell does not tell a parent that is not
    there from one whose field is empty.
    """
    return next((name for name in fields if _reads(of.type_of(name)) is None), None)


def reader(of: Described, fields: Sequence[str], header: Sequence[str]) -> Callable[[Sequence[str]], Native]:
    """How the rows under ``header`` are read; raises ``BadResponse`` where one of ``fields`` is not there.

    What it gives raises ``BadResponse`` for a row that does not fit the header, or a cell its field.
    """
    places = {name.lower(): place for place, name in enumerate(header)}
    cells: list[tuple[str, int, _Read]] = []
    for name in fields:
        place, read = places.get(name.lower()), _reads(of.type_of(name))
        if place is None or read is None:
            raise _odd(of, name, f"the result of the job has no column {name}")
        cells.append((name, place, read))
    width = len(header)

    def row_of(row: Sequence[str]) -> Native:
        if len(row) != width:
            raise BadResponse(
                f"a row of the job's result has {len(row)} cells under a header of {width}",
                where=Where(object=of.name),
            )
        found: Native = {}
        for name, place, value in cells:
            text = row[place]
            try:
                found[name] = value(text) if text else None
            except ValueError:
                raise _odd(of, name, f"a cell of {name} is not a {of.type_of(name)}") from None
        return found

    return row_of


def _reads(kind: str | None) -> _Read | None:
    if kind in _TEXTS:
        return str
    if kind in NUMBERS:
        return _number
    return {"boolean": _boolean, "datetime": _instant, "id": _id}.get(kind or "")


def _number(text: str) -> Value:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError
    return int(text) if match[1] is None and match[2] is None else Decimal(text)


def _boolean(text: str) -> Value:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError from None


def _id(text: str) -> Value:
    return full_id(text) or text


def _instant(text: str) -> Value:
    return f"{text[:-1]}+0000" if text.endswith("Z") else text


def _odd(of: Described, field: str, what: str) -> BadResponse:
    return BadResponse(what, where=Where(object=of.name, field=field))

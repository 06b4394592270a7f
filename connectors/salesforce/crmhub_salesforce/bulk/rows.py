"""Records as rows of the CSV that an ingest job reads.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Prepare Data to Ingest": an empty cell leaves a field
alone, ``#N/A`` clears it, ``Account.External_Id__c`` refers by a parent's external id; 150 MB once encoded,
which 100 MB are at most; 32,000 characters a cell.

A text file says less than JSON. A record that it cannot say exactly is left to collections.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from crmhub.connector import Native, Value
from crmhub_salesforce.batches import Ready
from crmhub_salesforce.schema import Described

__all__ = ["Row", "Table", "by_columns", "row_of", "tables"]

MOST_BYTES = 90_000_000
MOST_ROWS = 1_000_000
_LONGEST_CELL = 32_000
_NULL = "#N/A"
# A carriage return may come to be a line feed on the way.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?)(Z|[+-]\d\d:?\d\d)")


@dataclass(frozen=True, slots=True)
class Row:
    """An item and its texts by column."""

    item: Ready
    texts: Mapping[str, str]


@dataclass(slots=True)
class Table:
    """The rows of one job, and the columns that they need."""

    columns: dict[str, None] = field(default_factory=dict[str, None])
    rows: list[Row] = field(default_factory=list[Row])
    size: int = 0

    def csv(self) -> bytes:
        """The file: UTF-8, commas, line feeds, every cell in quotes."""
        packed = io.BytesIO()
        text = io.TextIOWrapper(packed, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(self.columns)
        writer.writerows(self.cells(row) for row in self.rows)
        text.flush()
        return packed.getvalue()

    def cells(self, row: Row) -> list[str]:
        """A row under the header."""
        return [row.texts.get(name, "") for name in self.columns]


def tables(rows: Iterable[Row]) -> Iterator[Table]:
    """The rows in as few tables as a job each can take."""
    table = Table()
    for row in rows:
        size = sum(len(text.encode()) + len(name) + 6 for name, text in row.texts.items())
        if table.size + size > MOST_BYTES or len(table.rows) == MOST_ROWS:
            yield table
            table = Table()
        table.rows.append(row)
        table.columns.update(dict.fromkeys(row.texts))
        table.size += size
    if table.rows:
        yield table


def row_of(item: Ready, of: Described, operation: str) -> Row | None:
    """The item as a row; ``None`` where a row cannot say exactly what the item says."""
    if operation == "delete":
        return None if item.key is None else Row(item, {"Id": item.key})
    texts: dict[str, str] = {}
    for name, value in item.body.items():
        if name == "attributes":
            continue
        if value is None or value == "":
            if operation != "create":  # a new record has nothing there to be cleared
                texts[name] = _NULL
            continue
        column, content = (name, value) if not isinstance(value, dict) else _reference(name, value)
        text = _text(content, of.type_of(name))
        if not column or text is None:
            return None
        texts["Id" if column == "id" else column] = text
    return Row(item, texts) if texts else None


def _reference(name: str, value: Native) -> tuple[str, Value]:
    """Column and content of ``{"Account": {"External_Id__c": "k"}}``; no column for what is none."""
    about = value.get("attributes")
    kind = about.get("type") if isinstance(about, dict) else None
    keys = [key for key in value if key != "attributes"]
    if len(keys) != 1:
        return "", None
    return (f"{kind}:{name}.{keys[0]}" if isinstance(kind, str) else f"{name}.{keys[0]}"), value[keys[0]]


def _text(value: Value, kind: str | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value.strip() or value != value.strip() or value == _NULL:
        return None
    if kind == "datetime":
        found = _INSTANT.fullmatch(value)
        if found is None:
            return None
        zone = found[2] if found[2] == "Z" or ":" in found[2] else f"{found[2][:3]}:{found[2][3:]}"
        return found[1] + zone
    return None if len(value) > _LONGEST_CELL or _CONTROL.search(value) else value


def by_columns(header: Sequence[str], columns: Iterable[str]) -> list[int] | None:
    """Where the columns of a table stand in a result; ``None`` where one is not there."""
    places = {name.lower(): place for place, name in enumerate(header)}
    found = [places.get(name.lower()) for name in columns]
    known = [place for place in found if place is not None]
    return known if len(known) == len(found) else None

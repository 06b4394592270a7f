"""Records as rows of the CSV file that a bulk write job reads.

Source: Zoho CRM API v8, "Create Bulk Write Job" (fields by column, formats of times, records that a look-up
leads to by their ids, choices joined by semicolons) and "Bulk Write Limitations" (25,000 rows, 200 columns,
one CSV file of 25 MB, in a zip archive).

A text file says less than JSON. What it cannot say exactly is left to the ordinary way: a field that is
cleared, text with spaces around it, subforms, lists of links, files.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from crmhub.connector import Native, Value, WriteItem, WriteRequest
from crmhub_zoho.payloads import payload
from crmhub_zoho.prices import BULK_WRITE_ROWS
from crmhub_zoho.records import ID, is_record_id
from crmhub_zoho.schema import LOOKUPS, ModuleSchema

__all__ = ["Row", "Table", "row_of", "tables"]

MOST_BYTES = 24_000_000  # of the file, before it is packed; Zoho takes 25 MB
MOST_COLUMNS = 200
_JOINED = ";"
_TEXTS = frozenset({"text", "textarea", "email", "phone", "website", "picklist"})
_NUMBERS = frozenset({"integer", "bigint", "long", "currency", "double", "decimal", "percent"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_FORMATS = {"date": "yyyy-MM-dd", "datetime": "yyyy-MM-dd'T'HH:mm:ssXXX"}


@dataclass(frozen=True, slots=True)
class Row:
    """An item as texts by field, and its place in the request."""

    place: int
    texts: Mapping[str, str]


@dataclass(slots=True)
class Table:
    """The rows of one job, and the columns that they need: the key, if there is one, before all others."""

    columns: dict[str, None] = field(default_factory=dict[str, None])
    rows: list[Row] = field(default_factory=list[Row])
    size: int = 0

    def takes(self, row: Row, size: int) -> bool:
        """Whether there is room for one more."""
        columns = len(self.columns) + sum(name not in self.columns for name in row.texts)
        return len(self.rows) < BULK_WRITE_ROWS and columns <= MOST_COLUMNS and self.size + size <= MOST_BYTES

    def add(self, row: Row, size: int) -> None:
        """One more row."""
        self.rows.append(row)
        self.columns.update(dict.fromkeys(row.texts))
        self.size += size

    def header(self, key: str | None, schema: ModuleSchema) -> list[str]:
        """The columns in order: the key, text that comes back as it was sent, the others."""
        plain = [name for name in self.columns if schema.data_types.get(name) in _TEXTS]
        first = [key] if key is not None else []
        return list(dict.fromkeys([*first, *plain, *self.columns]))

    def mappings(self, header: Sequence[str], schema: ModuleSchema) -> list[Value]:
        """Which column is which field, and how it is to be read."""
        return [_mapping(name, index, schema) for index, name in enumerate(header)]

    def archive(self, name: str, header: Sequence[str]) -> bytes:
        """The CSV file ``name`` in a zip archive."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as file:
            text = io.TextIOWrapper(file, "utf-8", newline="")
            writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writerow(header)
            writer.writerows([row.texts.get(name, "") for name in header] for row in self.rows)
            text.flush()
        return packed.getvalue()


def tables(rows: Iterable[Row]) -> Iterator[Table]:
    """The rows in as few tables as a job each can take."""
    table = Table()
    for row in rows:
        size = sum(len(text.encode()) + 3 for text in row.texts.values()) + MOST_COLUMNS * 3
        if not table.takes(row, size):
            if table.rows:
                yield table
            table = Table()
        table.add(row, size)
    if table.rows:
        yield table


def row_of(request: WriteRequest, item: WriteItem, schema: ModuleSchema, place: int) -> Row | None:
    """The item as a row; ``None`` where a row cannot say exactly what the item says."""
    texts: dict[str, str] = {}
    for name, value in payload(request, item, schema).items():
        if value is None and request.operation == "create":
            continue  # a new record has nothing there to be cleared
        if name == ID and request.operation != "update":
            return None
        text = _cell(value, "bigint" if name == ID else schema.data_types.get(name, ""))
        if text is None:
            return None
        texts[name] = text
    needed = {ID} if request.operation == "update" else set[str]()
    return Row(place, texts) if set(texts) - needed and len(texts) <= MOST_COLUMNS else None


def _cell(value: Value, data_type: str) -> str | None:
    if data_type in _TEXTS:
        return _plain(value)
    if data_type in _NUMBERS:
        return _number(value, data_type)
    if data_type == "boolean":
        return ("true" if value else "false") if isinstance(value, bool) else None
    if data_type in _FORMATS:
        pattern = _DATE if data_type == "date" else _INSTANT
        return value if isinstance(value, str) and pattern.fullmatch(value) else None
    if data_type in LOOKUPS:
        return _pointed(value)
    return _chosen(value) if data_type == "multiselectpicklist" else None


def _plain(value: Value) -> str | None:
    fits = isinstance(value, str) and value and value == value.strip() and not _CONTROL.search(value)
    return value if fits and isinstance(value, str) else None


def _number(value: Value, data_type: str) -> str | None:
    if isinstance(value, str) and data_type in {"bigint", "long"}:
        return value if value.isascii() and value.isdigit() else None
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _pointed(value: Value) -> str | None:
    if not isinstance(value, dict) or set(value) - {ID, "name"}:
        return None
    id_ = value.get(ID)
    return id_ if isinstance(id_, str) and is_record_id(id_) else None


def _chosen(value: Value) -> str | None:
    if not isinstance(value, list) or not value:
        return None
    texts = [_plain(one) for one in value]
    if any(text is None or _JOINED in text for text in texts):
        return None
    return _JOINED.join(text for text in texts if text)


def _mapping(name: str, index: int, schema: ModuleSchema) -> Native:
    mapping: Native = {"api_name": name, "index": index}
    data_type = schema.data_types.get(name, "")
    if data_type in _FORMATS:
        mapping["format"] = _FORMATS[data_type]
    if data_type in LOOKUPS:
        mapping["find_by"] = ID
    return mapping

"""Rows of a bulk write: how columns of a CSV file become records, and what became of each row.

Source: Zoho CRM API v8, "Create Bulk Write Job" (field mappings) and "Download Bulk Write Result" (STATUS,
RECORD_ID and ERRORS, the latter as `<code>-<column>`, several joined by colons).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import cast

from crmhub_zoho.simulator.bulk_files import MULTIPLE
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.fields import LOOKUP_TYPES, NUMBER_TYPES, USER_TYPES, Field
from crmhub_zoho.simulator.org import SE_MODULE, Module, Org
from crmhub_zoho.simulator.records import Records

_DATE_PARTS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
SHOWN_COLUMNS = 3


@dataclass(frozen=True)
class Mapped:
    """A field and the column it is read from (None: only the default); `find_by` finds a lookup's record."""

    field: Field
    index: int | None
    format: str | None = None
    find_by: str | None = None
    default: str | None = None
    module: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a row: ADDED, UPDATED or SKIPPED."""

    status: str
    record_id: str = ""
    errors: str = ""


def read_rows(content: bytes, encoding: str) -> tuple[list[str], list[list[str]]] | None:
    """The header and the rows of a CSV file; None if it is none."""
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    first = text.partition("\n")[0]
    delimiter = max(",;|", key=first.count)
    lines = [
        line for line in csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter) if line
    ]
    return (lines[0], lines[1:]) if lines else None


@dataclass(frozen=True)
class RowWriter:
    """Writes rows as the user `by`, by one `operation` (insert, update or upsert)."""

    org: Org
    records: Records
    module: Module
    operation: str
    mappings: Sequence[Mapped]
    header: Sequence[str]
    find_by: str | None
    by: str
    ignore_empty: bool

    def write(self, row: Sequence[str]) -> Outcome:
        """Write one row."""
        try:
            item = self._item(row)
            if self.operation == "insert":
                details = self.records.insert(self.module, item, "$", self.by)
                return Outcome("ADDED", str(details["id"]))
            found = self._found(item)
            if found is None and self.operation == "update":
                return Outcome("SKIPPED", "", f"RESOURCE_NOT_FOUND-{self._title(self.find_by or 'id')}")
            if found is None:
                item.pop("id", None)
                details = self.records.insert(self.module, item, "$", self.by)
                return Outcome("ADDED", str(details["id"]))
            self.records.update(self.module, {**item, "id": found}, "$", self.by)
            return Outcome("UPDATED", found)
        except ZohoError as refusal:
            return Outcome("SKIPPED", "", self._errors(refusal))

    def shown(self, row: Sequence[str], outcome: Outcome) -> list[str]:
        """The row of the result file."""
        return [*self._first(row), outcome.status, outcome.record_id, outcome.errors]

    def shown_header(self) -> list[str]:
        """The header of the result file."""
        return [*self._first(self.header), "STATUS", "RECORD_ID", "ERRORS"]

    def _first(self, row: Sequence[str]) -> list[str]:
        indexes = [one.index for one in self.mappings if one.index is not None][:SHOWN_COLUMNS]
        return [row[index] if index < len(row) else "" for index in indexes]

    def _item(self, row: Sequence[str]) -> dict[str, object]:
        item: dict[str, object] = {}
        for one in self.mappings:
            text = row[one.index].strip() if one.index is not None and one.index < len(row) else ""
            text = text or one.default or ""
            if text:
                item[one.field.api_name] = self._value(one, text)
                if one.module is not None:
                    item[SE_MODULE] = one.module
            elif not self.ignore_empty and self.operation != "insert":
                item[one.field.api_name] = None
        return item

    def _value(self, one: Mapped, text: str) -> object:
        kind = one.field.data_type
        if kind in NUMBER_TYPES:
            return _number(kind, text)
        if kind == "boolean":
            return {"true": True, "false": False}.get(text.lower(), text)
        if kind == "multiselectpicklist":
            return [part.strip() for part in text.split(MULTIPLE)]
        if kind in LOOKUP_TYPES:
            return self._linked(one, text)
        if kind == "tags":
            return [{"name": part.strip()} for part in text.split(MULTIPLE)]
        return _time(text, one.format) if one.format and kind in {"date", "datetime"} else text

    def _linked(self, one: Mapped, text: str) -> object:
        if one.field.data_type in USER_TYPES:
            users = self.org.users.values()
            by_email = next((user.id for user in users if user.email.lower() == text.lower()), None)
            return {"id": by_email or text}
        if one.find_by in {None, "id"}:
            return {"id": text}
        row: Details = {SE_MODULE: one.module} if one.module else {}
        for module in self.org.targets(one.field, row):
            places = module.table.find(one.find_by, text) if one.find_by else []
            if places:
                return {"id": module.table.id_at(places[0])}
        details: Details = {"api_name": one.field.api_name}
        raise ZohoError(400, "RESOURCE_NOT_FOUND", "the lookup's record is not there", details)

    def _found(self, item: Mapping[str, object]) -> str | None:
        name = self.find_by or "id"
        if name == "id":
            record_id = str(item.get("id") or "")
            return record_id if self.module.table.place_of(record_id) is not None else None
        places = self.module.table.find(name, item.get(name))
        return self.module.table.id_at(places[0]) if places else None

    def _title(self, name: str) -> str:
        for one in self.mappings:
            if one.field.api_name == name and one.index is not None and one.index < len(self.header):
                return self.header[one.index]
        return name

    def _errors(self, refusal: ZohoError) -> str:
        several = refusal.details.get("errors")
        items = cast("list[Details]", several) if isinstance(several, list) else [refusal.envelope()]
        return ":".join(self._error(one) for one in items)

    def _error(self, item: Details) -> str:
        name = cast("Details", item["details"]).get("api_name")
        return f"{item['code']}-{self._title(str(name))}" if name else str(item["code"])


def _number(kind: str, text: str) -> object:
    try:
        return int(text) if kind == "integer" else Decimal(text)
    except (ValueError, InvalidOperation):
        return text


def _time(text: str, pattern: str) -> str:
    for part, sign in _DATE_PARTS.items():
        pattern = pattern.replace(part, sign)
    try:
        moment = datetime.strptime(text, pattern.replace("'T'", "T").replace("XXX", "%z"))  # noqa: DTZ007
    except ValueError:
        return text
    return moment.isoformat(timespec="seconds") if "%H" in pattern else moment.date().isoformat()

"""The body of a written record, and which record that is."""

from __future__ import annotations

import re

from crmhub.connector import Native, Value, WriteItem, WriteRequest
from crmhub_zoho.records import ID
from crmhub_zoho.schema import LOOKUPS, ModuleSchema

__all__ = ["name_of", "payload"]

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


def name_of(request: WriteRequest, item: WriteItem) -> str:
    """What says which record an item is about; nothing for a new one."""
    return (item.key or "").casefold() if request.operation == "upsert" else item.id or ""


def payload(request: WriteRequest, item: WriteItem, schema: ModuleSchema) -> Native:
    """The item's fields with its id or its key; ids are text, since they do not fit a JavaScript number."""
    row: Native = {
        name: _formed(value, schema.data_types.get(name, "")) for name, value in item.fields.items()
    }
    if request.operation == "update" and item.id is not None:
        row[ID] = item.id
    if request.operation == "upsert" and request.match is not None:
        row[request.match] = item.key
    return row


def _formed(value: Value, data_type: str) -> Value:
    """Instants in the form that Zoho takes; a look-up given by the record's id alone, as an object."""
    if not isinstance(value, str):
        return value
    if data_type == "datetime":
        return _instant(value)
    return {ID: value} if data_type in LOOKUPS else value


def _instant(value: str) -> str:
    """An instant in the one form that Zoho takes: whole seconds and a numeric offset, no ``Z``."""
    match = _INSTANT.fullmatch(value)
    return value if match is None else match[1] + match[2].replace("Z", "+00:00")

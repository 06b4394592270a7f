"""The body of a written record."""

from __future__ import annotations

import re

from crmhub.connector import Native, Value, WriteItem, WriteRequest
from crmhub_zoho.records import ID
from crmhub_zoho.schema import ModuleSchema

__all__ = ["payload"]

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


def payload(request: WriteRequest, item: WriteItem, schema: ModuleSchema) -> Native:
    """The item's fields with its id or its key; ids are text, since they do not fit a JavaScript number."""
    row: Native = {
        name: _instant(value) if schema.data_types.get(name) == "datetime" else value
        for name, value in item.fields.items()
    }
    if request.operation == "update" and item.id is not None:
        row[ID] = item.id
    if request.operation == "upsert" and request.match is not None:
        row[request.match] = item.key
    return row


def _instant(value: Value) -> Value:
    """An instant in the one form that Zoho takes: whole seconds and a numeric offset, no ``Z``."""
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else match[1] + match[2].replace("Z", "+00:00")

"""Rows of subforms and of multi-select lookups, which are kept with their record.

Source: Zoho CRM API v8, "Insert Subform Data", "Update Subform Data": a row with an id changes that row, one
without is appended, one with `_delete` (null) is deleted, rows that are not named stay, and an empty list
deletes all of them. A row of a multi-select lookup holds one lookup.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.fields import Field
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import Org
from crmhub_zoho.simulator.values import BadValue, stored

_DELETE = "_delete"


def kept_rows(org: Org, one: Field, value: object, path: str, before: Sequence[Row]) -> list[Row] | None:
    """The rows of the field `one` after `value` was sent for it at `path`; raises ZohoError."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise _bad(one.api_name, path, expected_data_type="jsonarray")
    items = cast("list[object]", value)
    if not items:
        return None
    rows = {str(row["id"]): row for row in before}
    for number, item in enumerate(items):
        place = f"{path}[{number}]"
        if not isinstance(item, Mapping):
            raise _bad(one.api_name, place, expected_data_type="jsonobject")
        given = cast("Mapping[str, object]", item)
        if given.get("id") is None:
            made = {"id": org.next_row_id(), **_values(org, one, given, place, new=True)}
            rows[str(made["id"])] = made
            continue
        row_id = as_record_id(given["id"]) or ""
        if row_id not in rows:
            details = {"api_name": "id", "json_path": f"{place}.id"}
            raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", details)
        if _DELETE in given:
            if given[_DELETE] is not None:
                raise _bad(_DELETE, f"{place}.{_DELETE}")
            del rows[row_id]
            continue
        values = _values(org, one, given, place, new=False)
        rows[row_id] = {name: kept for name, kept in {**rows[row_id], **values}.items() if kept is not None}
    return list(rows.values()) or None


def _values(org: Org, one: Field, given: Mapping[str, object], path: str, *, new: bool) -> Row:
    values: Row = {}
    for child in one.rows:
        name = child.api_name
        if name in given:
            try:
                values[name] = stored(org, child, given[name], given)
            except BadValue as bad:
                raise _bad(name, f"{path}.{name}{bad.below}", **bad.details) from None
        if child.mandatory and values.get(name) is None and (new or name in given):
            details: Details = {"api_name": name, "json_path": f"{path}.{name}"}
            raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", details)
    return {name: kept for name, kept in values.items() if kept is not None or not new}


def _bad(name: str, path: str, **more: object) -> ZohoError:
    return ZohoError(400, "INVALID_DATA", "invalid data", {**more, "api_name": name, "json_path": path})

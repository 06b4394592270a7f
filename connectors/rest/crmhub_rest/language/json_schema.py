"""The language as JSON Schema (draft 2020-12), for editors: completion, and mistakes as one types.

:func:`crmhub_rest.language.load.parse` is the judge: whatever it takes, the schema takes. A schema cannot see
what ``like`` lays under a table, so that it never misses a key below the top.
"""

from __future__ import annotations

from typing import cast

from crmhub.mapping.json_schema import DRAFT
from crmhub.native import Native, Value
from crmhub_rest.language.crm import Crm

__all__ = ["connector_schema"]

_ID = "https://crmhub.readthedocs.io/en/latest/schemas/connector.v1.json"
_LIKE: Native = {
    "type": "string",
    "description": "The shape that is laid under this table; a key that is null here is taken out of it.",
}
_SHAPED = ("CrmObject", "Link", "Listing", "Call", "Write")
"""What shapes are most often for, so that editors complete their keys."""


def connector_schema() -> Native:
    """The schema of descriptions."""
    schema = cast("Native", Crm.model_json_schema(by_alias=True))
    inner = cast("dict[str, Native]", schema.pop("$defs"))
    definitions: Native = {name: _shaped(_plain(part)) for name, part in inner.items()}
    whole = _plain(schema)
    shapes: list[Value] = [{"$ref": f"#/$defs/{name}"} for name in _SHAPED if name in inner]
    properties = cast("Native", whole["properties"])
    properties["shapes"] = {
        "type": "object",
        "additionalProperties": {"anyOf": [*shapes, {"type": "object"}]},
        "description": "Tables by name that others are like; one can be like one that stands before it.",
    }
    return {"$schema": DRAFT, "$id": _ID, **whole, "title": "crmhub connector", "$defs": definitions}


def _plain(schema: Native) -> Native:
    """A part of the schema without what pydantic adds for itself; docstrings' code marks are Markdown's."""
    found: Native = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "description" and isinstance(value, str):
            found[key] = " ".join(value.replace("``", "`").split())
        elif key in {"properties", "$defs"} and isinstance(value, dict):
            found[key] = {
                name: _plain(part) if isinstance(part, dict) else part for name, part in value.items()
            }
        else:
            found[key] = _part(value)
    return found


def _part(value: Value) -> Value:
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, list):
        return [_part(one) for one in value]
    return value


def _shaped(definition: Native) -> Native:
    """A table that can be like a shape, or be in one: what it needs may stand there, or be taken out here."""
    properties = definition.get("properties")
    if not isinstance(properties, dict):
        return definition
    loose: Native = {
        name: {"anyOf": [part, {"type": "null"}], **_told(part)} for name, part in properties.items()
    }
    kept = {key: part for key, part in definition.items() if key != "required"}
    return {**kept, "properties": {"like": _LIKE, **loose}}


def _told(part: Value) -> Native:
    return {"description": part["description"]} if isinstance(part, dict) and "description" in part else {}

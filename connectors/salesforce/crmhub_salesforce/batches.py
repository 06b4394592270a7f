"""What is sent for the items of a write: checked, cut into batches, as the collections API has it.

Source: REST API Developer Guide, "sObject Collections": 200 records a call, each with its type; an
update names the id, an upsert the value of the external id, among the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from crmhub.connector import Native, Problem, WriteItem, WriteRequest
from crmhub.errors import BadRequest, Where
from crmhub_salesforce.foreign import Foreign, referred
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import Described

__all__ = ["WRITE_BATCH", "Ready", "demand", "demand_operation", "for_update", "in_batches", "prepared"]

WRITE_BATCH = 200


@dataclass(frozen=True, slots=True)
class Ready:
    """An item that can be sent: its place in the request, what identifies it, and what is sent."""

    place: int
    key: str | None
    """The id, or the value of the match field: two of the same must not be in one batch."""
    body: Native
    if_version: str | None
    foreign: Foreign
    """The references by external ids among what is sent."""


def demand(request: WriteRequest, of: Described) -> None:
    """Raise ``BadRequest`` unless the object knows the operation and an upsert can match by that field."""
    demand_operation(request.operation, of)
    where = Where(object=of.name, field=request.match)
    if request.operation == "upsert" and request.match not in of.external_ids:
        known = ", ".join(of.external_ids) or "none"
        raise BadRequest(
            "an upsert matches by an external id field", hint=f"{of.name} has: {known}", where=where
        )


def demand_operation(operation: Literal["create", "update", "upsert", "delete"], of: Described) -> None:
    """Raise ``BadRequest`` unless the object knows the operation and the user may do it."""
    flags = {
        "create": {"createable"},
        "update": {"updateable"},
        "upsert": {"createable", "updateable"},
        "delete": {"deletable"},
    }
    if flags[operation] - of.flags:
        raise BadRequest(
            f"{of.name} does not allow {operation}, or the user may not",
            hint="give the user the permission by profile or permission set",
            where=Where(object=of.name),
        )


def prepared(request: WriteRequest, of: Described, place: int, item: WriteItem) -> Ready | Problem:
    """The item as it is sent, or why it cannot be."""
    # A multi-select picklist is one text there (Object Reference, "Field Types").
    fields = {
        name: ";".join(map(str, value)) if isinstance(value, list) and of.has(name) else value
        for name, value in item.fields.items()
    }
    key: str | None = None
    if request.operation in {"update", "delete"}:
        key = full_id(item.id or "")
        if key is None or (of.key_prefix and not key.startswith(of.key_prefix)):
            return Problem("MALFORMED_ID", f"the item has no id of {of.name}", "Id")
        if full_id(str(fields.get("Id"))) == key:
            del fields["Id"]  # a record sent back as it was read
    if request.operation == "upsert":
        match = request.match or ""
        key = item.key
        if not key:
            return Problem("MISSING_ARGUMENT", "the item has no value of the field to match by", match)
        if str(fields.pop(match, key)) != key:
            return Problem("INVALID_FIELD", "the field to match by has two values", match)
    found = referred(of, fields)
    if isinstance(found, Problem):
        return found
    problem = _unwritable(request, of, found.names)
    if problem is not None:
        return problem
    body: Native = {"attributes": {"type": of.name}, **found.fields}
    if request.operation == "update":
        body["id"] = key
    if request.operation == "upsert":
        body[request.match or ""] = key
    return Ready(place, key, body, item.if_version, found)


def in_batches(items: Sequence[Ready]) -> list[list[Ready]]:
    """The items in order, in batches within which no id or key comes twice."""
    batches: list[list[Ready]] = []
    keys: set[str] = set()
    for item in items:
        folded = (item.key or "").casefold()  # external ids are matched without regard to case
        if not batches or len(batches[-1]) == WRITE_BATCH or (folded and folded in keys):
            batches.append([])
            keys.clear()
        batches[-1].append(item)
        keys.add(folded)
    return batches


def for_update(item: Ready, of: Described, match: str | None) -> Ready | None:
    """The item without fields that can only be set on create; ``None`` when it has none of them."""
    kept: Native = {
        name: value
        for name, value in item.body.items()
        if name == match or _survives(of, of.parent(name) or name)
    }
    return None if len(kept) == len(item.body) else replace(item, body=kept)


def _survives(of: Described, name: str) -> bool:
    """Whether a field can stay in an update of a record that was to be created."""
    return not of.holds(name, "createable") or of.holds(name, "updateable")


def _unwritable(request: WriteRequest, of: Described, fields: Sequence[str]) -> Problem | None:
    """Why one of the fields cannot be sent: a field that is left out silently would seem to be written."""
    for name in fields:
        if not of.has(name):
            near = get_close_matches(name, of.raw, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            return Problem("INVALID_FIELD", f"{of.name} has no field of that name{meant}", name)
        allowed = {
            "create": of.holds(name, "createable"),
            "update": of.holds(name, "updateable"),
            "upsert": of.holds(name, "createable") or of.holds(name, "updateable"),
            "delete": True,
        }
        if not allowed[request.operation]:
            return Problem(
                "INVALID_FIELD_FOR_INSERT_UPDATE", f"the field cannot be written by {request.operation}", name
            )
    return None

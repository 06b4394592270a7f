"""What is sent for the items of a write: checked, cut into batches, as the collections API has it.

Source: REST API Developer Guide, "sObject Collections": 200 records a call, each with its type; an
update names the id, an upsert the value of the external id, among the fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Literal, TypeAlias

from crmhub.connector import Native, Problem, WriteItem, WriteRequest
from crmhub.errors import BadRequest, Where
from crmhub.native import unsayable_part
from crmhub_salesforce.foreign import Foreign, referred
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import NUMBERS, Described

__all__ = [
    "WRITE_BATCH",
    "Ready",
    "by_parent",
    "demand",
    "demand_operation",
    "folded",
    "for_update",
    "gives",
    "in_batches",
    "prepared",
    "refers",
]

Key: TypeAlias = tuple[str, str]
"""An external id: its field, and its value as values are compared."""

WRITE_BATCH = 200
_MOST_DIGITS = 20
"""Of a number that is a key; Salesforce keeps 18."""
_NO_PARENTS = frozenset({"User", "Group", "Queue", "Profile", "RecordType"})
"""Objects whose records are not locked when another refers to them."""


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
    problem = _unsayable(request, item)
    if problem is not None:
        return problem
    # A multi-select picklist is one text there (Object Reference, "Field Types").
    fields = {
        name: ";".join(map(str, value)) if isinstance(value, list) and of.has(name) else value
        for name, value in item.fields.items()
    }
    key: str | None = None
    if request.operation in {"update", "delete"}:
        key = full_id(item.id or "")
        if key is None or (of.key_prefix and not key.startswith(of.key_prefix)):
            return Problem("MALFORMED_ID", f"the item has no id of {of.name} (15 or 18 characters)", "Id")
        if full_id(str(fields.get("Id"))) == key:
            del fields["Id"]  # a record sent back as it was read
    if request.operation == "upsert":
        match = request.match or ""
        key = item.key
        if not key:
            return Problem("MISSING_ARGUMENT", "the item has no value of the field to match by", match)
        if folded(key, of.type_of(match)) is None:
            return Problem("JSON_PARSER_ERROR", "the field to match by has numbers", match)
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


def in_batches(items: Sequence[Ready], of: Described) -> list[list[Ready]]:
    """The items in order, in batches within which no id or key comes twice, nor is referred to.

    Records of one object that are saved together cannot refer to each other by external ids (Apex Developer
    Guide, "Creating Parent and Child Records in a Single Statement Using Foreign Keys").
    """
    batches: list[list[Ready]] = []
    keys: set[str] = set()
    given: set[Key] = set()
    for item in items:
        name = (item.key or "").casefold()  # external ids are matched without regard to case
        meets = (name and name in keys) or not given.isdisjoint(refers(item, of))
        if not batches or len(batches[-1]) == WRITE_BATCH or meets:
            batches.append([])
            keys.clear()
            given.clear()
        batches[-1].append(item)
        keys.add(name)
        given.update(gives(item, of))
    return batches


def gives(item: Ready, of: Described) -> set[Key]:
    """The external ids by which others can refer to the record that an item makes or changes."""
    found = [(name, item.body.get(name)) for name in of.external_ids]
    return {(name, str(value).strip().casefold()) for name, value in found if value is not None}


def refers(item: Ready, of: Described) -> set[Key]:
    """The external ids by which an item refers to records of its own object."""
    found: set[Key] = set()
    for relationship, key in item.foreign.keys.items():
        inner, reference = item.body.get(relationship), of.parent(relationship)
        own = reference is not None and of.name in of.schema.fields[reference].refers_to
        if own and isinstance(inner, dict):
            found.add((key, str(inner.get(key)).strip().casefold()))
    return found


def by_parent(items: Sequence[Ready], of: Described) -> Sequence[Ready]:
    """The items in another order: records of one parent side by side, so that few batches lock it.

    Parents stay before their children where they were, and the items of one record in their order. What
    goes in one batch stays as it is.
    """
    references = _lockers(of)
    if len(items) <= WRITE_BATCH or not references:
        return items
    times: Counter[str] = Counter()
    # By how often the record came before, then by parent, in the order of their first children.
    groups: list[dict[object, list[Ready]]] = []
    for item in items:
        name = (item.key or "").casefold()
        turn = times[name] if name else 0
        times[name] += 1
        if turn == len(groups):
            groups.append({})
        groups[turn].setdefault(_parent(item, references), []).append(item)
    return [item for turn in groups for group in turn.values() for item in group]


def folded(key: str, kind: str | None) -> str | None:
    """A key as it is compared: without regard to case, or by its number; ``None`` where it is none."""
    if kind not in NUMBERS:
        return key.strip().casefold()
    try:
        number = Decimal(key)
    except InvalidOperation:
        return None
    exact = number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS
    return f"{number.normalize():f}" if exact else None


def for_update(item: Ready, of: Described, match: str | None) -> Ready | None:
    """The item without fields that can only be set on create; ``None`` when it has none of them."""
    kept: Native = {
        name: value
        for name, value in item.body.items()
        if name == match or _survives(of, of.parent(name) or name)
    }
    return None if len(kept) == len(item.body) else replace(item, body=kept)


def _lockers(of: Described) -> Sequence[tuple[str, str]]:
    """The references whose records are locked when a child is saved, with their relationships."""
    return [
        (name, of.relationship(name))
        for name, spec in of.schema.fields.items()
        if spec.type == "ref" and not _NO_PARENTS.issuperset(spec.refers_to)
    ]


def _parent(item: Ready, references: Sequence[tuple[str, str]]) -> object:
    """What tells an item's parent from others: the first that it names; nothing for an item without one."""
    for name, relationship in references:
        value = item.body.get(name)
        if isinstance(value, str) and value:
            return name, full_id(value) or value
        inner = item.body.get(relationship) if relationship else None
        if isinstance(inner, dict):
            return name, *(f"{key}={inner[key]}".casefold() for key in inner if key != "attributes")
    return None


def _unsayable(request: WriteRequest, item: WriteItem) -> Problem | None:
    """Why the item cannot be sent at all: else its batch could not be."""
    found = unsayable_part(item.fields) or unsayable_part({request.match or "": item.key})
    return found and Problem("JSON_PARSER_ERROR", f"it cannot be sent: {found[1]}", found[0])


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

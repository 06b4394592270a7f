"""References by an external id: ``Account.External_Id__c: A-1`` in place of that account's id.

Sources: REST API Developer Guide, "Insert or Update (Upsert) a Record Using an External ID" (relating records
by a foreign key); Bulk API 2.0, "Relationship Fields in a Header Row" (the dotted names).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from crmhub.connector import Native, Problem, Value
from crmhub_salesforce.schema import Described

__all__ = ["Foreign", "referred", "unmet"]

_UNMET = re.compile(
    r"^Foreign key external ID: .* not found for field (\w{1,80}) (?:in|of|on) entity (\w{1,80})$", re.DOTALL
)
_SEVERAL = re.compile(r"^Foreign key external ID: .* matches .* in entity (\w{1,80})$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Foreign:
    """``fields`` as they are sent; ``names`` of the object's own fields that they set.

    ``keys`` has, for each relationship that is used, the field of the parent by which it is found.
    """

    fields: Native
    names: tuple[str, ...]
    keys: Mapping[str, str]


def referred(of: Described, given: Mapping[str, Value]) -> Foreign | Problem:
    """The fields with relationships resolved as far as the describe does; or what is wrong with one.

    A relationship is given by a dotted name or as the API has it, ``{"Account": {"External_Id__c": "A-1"}}``:
    so the object of a polymorphic one can be named in ``attributes``. ``None`` clears the reference.
    """
    fields: Native = {}
    names: list[str] = []
    keys: dict[str, str] = {}
    for name, value in given.items():
        relationship, _, key = name.partition(".")
        reference = None if of.has(name) else of.parent(relationship)
        if reference is None:
            fields[name] = value
            names.append(name)
            continue
        if reference in names or reference in given:
            return Problem("INVALID_FIELD", f"{reference} is given twice", name)
        names.append(reference)
        if value is None:
            fields[reference] = None
            continue
        inner: Native | None = {key: value} if key else value if isinstance(value, dict) else None
        found = None if inner is None else _key_of(inner)
        if inner is None or found is None:
            return Problem(
                "INVALID_FIELD", "a relationship is given by one field of its object, and a value of it", name
            )
        if "attributes" not in inner and len(of.schema.fields[reference].refers_to) > 1:
            return Problem(
                "INVALID_FIELD", "say in attributes of which object the record is, as there are several", name
            )
        fields[relationship], keys[relationship] = inner, found
    return Foreign(fields, tuple(names), keys)


def unmet(problem: Problem, message: str, foreign: Foreign) -> Problem:
    """The problem in our words, with its field, where a reference led to no record or to several."""
    if problem.code != "INVALID_FIELD":
        return problem
    found, several = _UNMET.match(message), _SEVERAL.match(message)
    if found is not None:
        fits = [f"{name}.{key}" for name, key in foreign.keys.items() if key == found[1]]
        field = fits[0] if len(fits) == 1 else None
        return Problem(problem.code, f"no {found[2]} has this value of {found[1]}", field)
    if several is not None:
        return Problem(problem.code, f"several records of {several[1]} have this value", problem.field)
    return problem


def _key_of(inner: Native) -> str | None:
    """The one field by which a parent is named."""
    names = [name for name in inner if name != "attributes"]
    if len(names) != 1 or not isinstance(inner[names[0]], str | int) or "." in names[0]:
        return None
    return names[0]

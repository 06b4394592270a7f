"""Items of a write, checked and made ready before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from crmhub.connector import Native, Problem, Value, WriteItem, WriteRequest
from crmhub.errors import BadRequest, Unsupported, Where
from crmhub.native import unsayable_part
from crmhub_rest.either import parted
from crmhub_rest.language.members import apart
from crmhub_rest.language.path import ABSENT
from crmhub_rest.language.template import Scope
from crmhub_rest.language.write import Operation, Write
from crmhub_rest.schemas import Described

__all__ = ["Ready", "demand", "demand_able", "keys_of", "prepared", "with_defaults"]

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Ready:
    """An item that can be sent: its place in the request, and what is sent of it."""

    place: int
    id: str | None
    key: str | None
    """The value of the field that an upsert matches by."""
    fields: Native
    """Flat fields of the record itself."""
    links: Native
    """Fields that are links."""
    if_version: str | None


def demand_able(operation: Operation, of: Described, title: str) -> Write:
    """How the object is written. Raises ``Unsupported`` where it cannot be, in that way."""
    write = of.says.write
    if write is None or operation not in write.operations:
        can = ", ".join(sorted(write.operations)) if write is not None else ""
        raise Unsupported(
            f"{title} cannot {operation} {of.name} here",
            hint=f"it can {can}" if can else "the object is only read",
            where=Where(object=of.name),
        )
    return write


def demand(request: WriteRequest, of: Described, title: str) -> Write:
    """The same for a request. Raises ``BadRequest`` where an upsert matches by what is not unique."""
    write = demand_able(request.operation, of, title)
    if request.operation == "upsert":
        keys = keys_of(write, of)
        if request.match not in keys:
            raise BadRequest(
                "an upsert matches by a unique field",
                hint=f"{of.name} has: {', '.join(keys) or 'none'}",
                where=Where(object=of.name, field=request.match),
            )
    return write


def keys_of(write: Write, of: Described) -> list[str]:
    """Fields that an upsert can match by."""
    named = list(write.upsert.keys if write.upsert is not None else [])
    if "upsert" in write.batch:
        named += write.batch["upsert"].keys
    unique = [name for name, spec in of.schema.fields.items() if spec.unique]
    return list(dict.fromkeys([name for name in named if name != "*"] + (unique if "*" in named else [])))


def prepared(request: WriteRequest, of: Described, place: int, item: WriteItem) -> Ready | Problem:
    """The item as it is sent, or why it cannot be."""
    if request.operation in {"update", "delete"} and not item.id:
        return Problem("MISSING_ID", f"the item has no id of {of.name}", of.says.key)
    fields = dict(item.fields)
    if fields.get(of.says.key) == item.id:
        fields.pop(of.says.key, None)  # a record sent back as it was read
    for name, part in (apart(item.id or "", of.says.parts) or {}).items() if of.says.parts else ():
        if str(fields.get(name)) == part:
            del fields[name]
    if request.operation == "upsert":
        match = request.match or ""
        if not item.key:
            return Problem("MISSING_KEY", "the item has no value of the field to match by", match)
        if str(fields.get(match, item.key)) != item.key:
            return Problem("TWO_KEYS", "the field to match by has two values", match)
        fields[match] = item.key
    for name, value in fields.items():
        problem = _unwritable(request, of, name) or _too_long(of, name, value) or _no_choice(of, name, value)
        if problem is not None:
            return problem
    if (unsaid := unsayable_part(fields)) is not None:
        return Problem("UNSAYABLE", f"it cannot be sent: {unsaid[1]}", unsaid[0])
    if request.operation == "create" and (lacking := _lacking(of, fields)) is not None:
        return Problem("REQUIRED_FIELD", "no record can be created without it", lacking)
    written = parted(of.says, fields, new=request.operation == "create")
    if isinstance(written, Problem):
        return written
    links: Native = {name: value for name, value in written.items() if name in of.says.links}
    own: Native = {name: value for name, value in written.items() if name not in links}
    return Ready(place, item.id, item.key, own, links, item.if_version)


def with_defaults(write: Write, fields: Native, scope: Scope) -> Native:
    """The fields of a create, with those that every create needs."""
    filled = dict(fields)
    for name, template in write.required.items():
        if filled.get(name) is None and (value := template.fill(scope)) is not ABSENT:
            filled[name] = value
    return filled


def _lacking(of: Described, fields: Native) -> str | None:
    """A field that a create needs and does not have."""
    write = of.says.write
    given = {
        *(name for name, value in fields.items() if value is not None),
        *(write.required if write else ()),
    }
    return next((name for name, says in of.says.fields.items() if says.required and name not in given), None)


def _too_long(of: Described, name: str, value: Value) -> Problem | None:
    """Why a text cannot be sent: some CRMs would cut it without a word."""
    spec = of.schema.fields.get(name)
    most = spec.max_length if spec is not None else None
    if most is None or not isinstance(value, str) or len(value) <= most:
        return None
    return Problem("TOO_LONG", f"the field takes {most} characters at most", name)


def _no_choice(of: Described, name: str, value: Value) -> Problem | None:
    """Why a label cannot be sent: the CRM would only say that it wants a number."""
    if of.has_choice(name, value):
        return None
    known = ", ".join(of.codes[name])
    return Problem("UNKNOWN_CHOICE", f"the field has no such choice; it has: {known[:_SHOWN]}", name)


def _unwritable(request: WriteRequest, of: Described, name: str) -> Problem | None:
    """Why a field cannot be sent: one that is left out silently would seem to be written."""
    head = name.partition(".")[0]
    spec = of.schema.fields.get(head)
    if spec is None:
        if of.told is None and not of.says.fields:
            return None
        near = get_close_matches(head, of.schema.fields, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        return Problem("UNKNOWN_FIELD", f"{of.name} has no field of that name{meant}", head)
    allowed = {
        "create": spec.creatable,
        "update": spec.updatable,
        "upsert": spec.creatable or spec.updatable,
        "delete": True,
    }
    if not allowed[request.operation]:
        return Problem("READ_ONLY_FIELD", f"the field cannot be written by {request.operation}", head)
    return None

"""Models on their way into a CRM: the map that takes a record, and its native fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from crmhub.conditions import pointed, rule_of
from crmhub.connector import Native, Outcome, Problem, WriteItem
from crmhub.errors import (
    AlreadyExists,
    ConfigError,
    Conflict,
    CrmhubError,
    InvalidRecord,
    NotFound,
    UnknownOutcome,
    Unsupported,
    UsageError,
    Where,
)
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.codecs.choice import EnumCodec
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.rules import Rule
from crmhub.models import Record, Ref, UserRef
from crmhub.org import Org
from crmhub.reading import Choice, Reader

__all__ = ["as_outcome", "keyed", "map_for", "match_of", "native_of", "refused"]

_Model = TypeVar("_Model", bound=Record)


def map_for(org: Org, maps: Sequence[CompiledMap], record: Record) -> CompiledMap:
    """The map that takes the record, by its class and its constants (kind, type)."""
    for mapped in maps:
        held = {name: getattr(record, name, None) for name in mapped.spec.constants}
        if isinstance(record, mapped.spec.record) and held == dict(mapped.spec.constants):
            return mapped
    raise ConfigError(
        f"no map of connection {org.name!r} takes this {type(record).__name__}",
        hint="look at the set: of its maps",
    )


async def match_of(org: Org, mapped: CompiledMap, match: str) -> str:
    """The native field that an upsert by the canonical path ``match`` matches by.

    Raises :class:`Unsupported`, naming what can be matched by, where the CRM cannot.
    """
    keys = (await org.able(mapped.object)).upsert_keys
    paths = [path for path, rule in mapped.by_path.items() if rule.writes and rule.to[0] in keys]
    named = [path for path in paths if path == match or mapped.by_path[path].path.head == match]
    if len(named) == 1:
        return mapped.by_path[named[0]].to[0]
    if rule_of(mapped, match) is None:
        raise UsageError(
            f"match: {mapped.model} has no field {match!r} in this CRM", where=Where(org.name, mapped.object)
        )
    raise Unsupported(
        f"{mapped.object} cannot be upserted by {match}",
        hint=f"match by {' or '.join(paths)}" if paths else "look it up, then create or update it",
        where=Where(org.name, mapped.object),
    )


async def native_of(org: Org, mapped: CompiledMap, record: Record, *, create: bool) -> Native:
    """The native fields of what the record sets. Raises :class:`InvalidRecord`, naming the field.

    A record that was read from a CRM brings along what that CRM alone decides (when it was changed,
    totals, a status that follows from the stage): that is left out. Set in a record of one's own, it
    is an error, as it would not be written.
    """
    try:
        values = mapped.flatten(_without_derived(record, mapped) if record.connection else record)
        if record.connection is None:
            _refuse_read_only(mapped, values, create=create)
        for rule in mapped.rules:
            if (rule.ref and values.get(rule.path.text) is not None) or rule.kind == "user":
                await _point(org, rule, record, values)
        native = mapped.write(values, create=create, today=org.clock.now().date()).fields
        return _as_it_was_said(mapped, record, values, native) if record.connection == org.name else native
    except CodecError as error:
        path = str(error).partition(":")[0]
        where = Where(org.name, mapped.object, record.id, path if path in mapped.by_path else None)
        raise InvalidRecord(f"cannot be written: {error}", where=where) from None


def _without_derived(record: _Model, mapped: CompiledMap) -> _Model:
    """The record without a status that was derived from its stage when it was read."""
    derived = "status" in record.changes() and "status" not in mapped.by_path and "stage" in mapped.by_path
    if not derived:
        return record
    lean = record.model_copy()
    lean.model_fields_set.discard("status")
    return lean


def _as_it_was_said(mapped: CompiledMap, record: Record, values: Values, native: Native) -> Native:
    """The native fields with the CRM's own literal for each choice that still means what was read.

    Several literals can mean the same; a record that is written back must not change from one to another.
    """
    for path, rule in mapped.by_path.items():
        said = record.vendor.get(rule.path.head)
        codec = rule.narrow
        if said is None or not isinstance(codec, EnumCodec) or native.get(rule.to[0]) is None:
            continue
        if codec.decode(said) == str(values.get(path)):
            native[rule.to[0]] = said
    return native


def _refuse_read_only(mapped: CompiledMap, values: Mapping[str, object], *, create: bool) -> None:
    for path, value in values.items():
        rule = mapped.by_path[path]
        if value is not None and rule.path.head != "id" and not rule.writes:
            raise CodecError(f"{path}: only the CRM sets it")
        if rule.policy == "create_only" and not create:
            raise CodecError(f"{path}: it can only be set on create")


async def _point(org: Org, rule: Rule, record: Record, values: Values) -> None:
    """Turn a reference into a pointer; a user without an id, or of another CRM, is looked up."""
    text = rule.path.text
    if text not in values:
        return
    held: object = getattr(record, rule.path.head)
    foreign = record.connection is not None and record.connection != org.name
    if isinstance(held, UserRef) and (held.id is None or foreign):
        try:
            values[text] = Pointer(await pointed(org, rule, text, held.model_copy(update={"id": None})))
        except NotFound:
            raise CodecError(f"{text}: no such user in this CRM") from None
    elif isinstance(held, Ref) and held.model == Record.model and record.connection == org.name:
        del values[text]  # as it was read: the CRM did not say of which kind it is, and it stays so
    elif values[text] is not None:
        if foreign:
            raise CodecError(
                f"{text}: points to a record of connection {record.connection!r}; "
                "leave it out, or let hub.sync carry records over"
            )
        if rule.prefixes and isinstance(held, Ref) and rule.model_of(held.id) != held.model:
            raise CodecError(f"{text}: by its id it is no {held.model} that can stand there")
        values[text] = Pointer(str(values[text]), await _object_of(org, rule, held))


async def _object_of(org: Org, rule: Rule, held: object) -> str | None:
    """The object that a reference to one of several models points to."""
    if rule.type is None or not isinstance(held, Ref):
        return None
    maps = (await org.mapping((held.model,))).of_model(held.model)
    if held.model not in rule.ref or not maps:
        raise CodecError(f"{rule.path.text}: say which it is: model {' or '.join(rule.ref)}")
    if len({mapped.object for mapped in maps}) == 1:
        return maps[0].object
    # a contact can be one of the leads: only the CRM knows
    found = await Reader(org, maps[0].spec.record).by_ids([held.id], Choice(frozenset()))
    if held.id not in found:
        raise CodecError(f"{rule.path.text}: no such {held.model}")
    return found[held.id].object


def keyed(item: Native, match: str, where: Where) -> WriteItem:
    """The item of an upsert: its key apart from its other fields."""
    fields = dict(item)
    key = fields.pop(match, None)
    if key is None or isinstance(key, dict | list):
        raise InvalidRecord("has no value to be matched by", where=where)
    return WriteItem(fields, key=str(key))


def as_outcome(error: InvalidRecord, record: Record | None) -> Outcome:
    """The outcome of an item that could not even be sent."""
    return Outcome(
        "rejected", record and record.id, problem=Problem("invalid", error.what, error.where.field)
    )


def refused(outcome: Outcome, where: Where) -> CrmhubError:
    """The error that an outcome that is not ``ok`` stands for; ``where`` names the record to be written."""
    problem = outcome.problem
    message = problem.message if problem else outcome.status
    code = problem.code if problem else None
    if outcome.status == "conflict":
        return Conflict(message, where=where, code=code, hint="read it again, then write")
    if outcome.status == "unknown":
        return UnknownOutcome(message, where=where, code=code, hint="read it back before you send it again")
    place = Where(where.connection, where.object, where.record, problem.field if problem else None)
    if problem is not None and problem.missing:
        return NotFound(message, where=where, code=code)
    if outcome.id is not None and outcome.id != where.record:  # another record is in the way
        hint = "update that one, or choose another value"
        return AlreadyExists(message, where=place, code=code, existing_id=outcome.id, hint=hint)
    return InvalidRecord(message, where=place, code=code)

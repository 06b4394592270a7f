"""Conditions on canonical fields, as a CRM's own fields and literals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from crmhub.connector import Condition, ObjectCapabilities
from crmhub.document import suggest
from crmhub.errors import NotFound, Unsupported, UsageError, Where
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.codecs.choice import EnumCodec
from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.encoding import Pointer, encode
from crmhub.mapping.rules import Rule
from crmhub.models import DealStatus, Ref, UserRef
from crmhub.native import Value
from crmhub.org import Org

__all__ = ["can_ask", "conditions", "modified_after", "rule_of"]


async def conditions(
    org: Org, mapped: CompiledMap, able: ObjectCapabilities, where: Mapping[str, object]
) -> tuple[Condition, ...] | None:
    """The conditions that hold for the object's records; ``None`` when none of them can meet ``where``.

    Raises :class:`Unsupported` where the CRM, or the mapping, has no exact way to ask.
    """
    found: list[Condition] = []
    for name, value in await _asked(org, mapped, where):
        rule = rule_of(mapped, name)
        if value == []:
            return None
        if name in mapped.spec.constants:
            if mapped.spec.constants[name] in _several(value):
                continue
            return None  # all its records are of another kind
        if rule is None:
            if value is None:
                continue
            return None  # the object has no such field, so no record of it has that value
        if not (able.filters & {"*", rule.to[0], rule.to[0].partition(".")[0]}):
            raise _no_way(org, mapped, name, f"{mapped.object} cannot be filtered by it")
        literals: list[Value] = []
        for each in _several(value):
            if isinstance(each, Ref) and rule.ref and each.model not in rule.ref:
                continue  # it never points to such a record, whatever its id
            literals += await _literals(org, mapped, rule, name, each)
        if not literals:
            return None
        if len(literals) == 1:
            found.append(Condition(rule.to[0], "eq", literals[0]))
        else:
            found.append(Condition(rule.to[0], "in", literals))
    return tuple(found)


def modified_after(able: ObjectCapabilities, since: datetime) -> Condition | None:
    """The condition for records changed at ``since`` or later, if the CRM can be asked for it."""
    if able.modified is None or not (able.filters & {"*", able.modified}):
        return None
    return Condition(able.modified, "ge", since.replace(microsecond=0).isoformat())


def rule_of(mapped: CompiledMap, name: str) -> Rule | None:
    """The rule behind a canonical path; a list or a group that has one rule needs no more than its name.

    Raises :class:`UsageError` where it has several.
    """
    if name in mapped.by_path:
        return mapped.by_path[name]
    found = [rule for rule in mapped.rules if rule.path.head == name]
    if len(found) > 1:
        paths = ", ".join(rule.path.text for rule in found)
        raise UsageError(f"{name}: say which of {paths}", where=Where(object=mapped.object))
    return found[0] if found else None


def can_ask(mapped: CompiledMap, name: str) -> bool:
    """Whether the map has the field, sets it, or has a deal's stage where its status follows from that."""
    known = rule_of(mapped, name) is not None or name in mapped.spec.constants
    return known or (name == "status" and "stage" in mapped.by_path)


async def _asked(org: Org, mapped: CompiledMap, where: Mapping[str, object]) -> Sequence[tuple[str, object]]:
    """The conditions; a status that the CRM does not keep becomes the stages that mean it."""
    stage = mapped.by_path.get("stage")
    if where.get("status") is None or "status" in mapped.by_path or stage is None or "stage" not in stage.ref:
        return [*where.items()]
    wanted = _several(where["status"])
    for status in wanted:
        if status not in {*DealStatus}:
            hint = suggest(str(status), map(str, DealStatus))
            raise UsageError(f"where: status: no stage means {status!r}", hint=hint, where=Where(org.name))
    directory = await org.directory("stage")
    meant = [
        Ref(model="stage", id=id_)
        for id_, entry in (directory.entries.items() if directory else ())
        if entry.get("outcome") in wanted
    ]
    others = [(name, value) for name, value in where.items() if name != "status"]
    return [*others, ("stage", meant)]


def _several(value: object) -> list[object]:
    several = isinstance(value, list | tuple | set | frozenset)
    return list(cast("list[object]", value)) if several else [value]


async def _literals(org: Org, mapped: CompiledMap, rule: Rule, name: str, value: object) -> list[Value]:
    """The native literals that mean the value: several where a table has several."""
    if value is None:
        return [None]
    narrow = rule.narrow
    if rule.wide is not None or len(rule.to) > 1:
        raise _no_way(org, mapped, name, "it stands in several fields there")
    if isinstance(narrow, EnumCodec):
        meant: list[Value] = [text for text in narrow.natives if narrow.decode(text) == value]
        return meant or ([str(value)] if narrow.keeps else [])
    if narrow is not None and (narrow.lossy or not narrow.encodes):
        raise _no_way(org, mapped, name, "its mapping has no exact way back")
    if rule.ref:
        value = Pointer(await pointed(org, rule, name, value))
    try:
        return [native for _name, native in encode(rule, value, None, frozenset())][:1]
    except CodecError as error:
        raise UsageError(f"where: {name}: {error}") from None


async def pointed(org: Org, rule: Rule, name: str, value: object) -> str:
    """The id that a reference stands for: of a record, or of a user told by id, e-mail or name."""
    if isinstance(value, Ref):
        return value.id
    if isinstance(value, str):
        return value
    if not isinstance(value, UserRef):
        raise UsageError(f"{name}: a Ref, a UserRef or an id is expected")
    if value.id is not None:
        return value.id
    directory = await org.directory(rule.ref[0])
    found = directory and (directory.find("email", value.email) or directory.find("name", value.name))
    if not found:
        raise NotFound(f"{name}: no such user in this CRM", where=Where(connection=org.name))
    return found


def _no_way(org: Org, mapped: CompiledMap, name: str, why: str) -> Unsupported:
    return Unsupported(
        f"records cannot be chosen by {name}: {why}",
        hint="list them without that condition and compare on your side",
        where=Where(org.name, mapped.object),
    )

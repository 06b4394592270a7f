"""The laws that a map keeps when values go through it to the CRM and back.

A law looks at one map, some canonical values and a native record that stands there already, and
gives its breaches: for which path, what was written, and what came back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from crmhub.connector import Native, Value
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.rules import Rule
from crmhub.mapping.values import comparable_form

__all__ = ["LAWS", "TODAY", "Breach", "Case", "Law", "is_lossy", "merged", "pointed"]

TODAY = date(2026, 2, 28)
"""The day that ``today`` in a default means while laws are tried."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a law is tried on."""

    mapping: ConnectionMapping
    map: CompiledMap
    values: Values
    base: Native
    """A native record as it stands before the values are written."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that did not hold, and how it showed."""

    path: str
    wrote: Native
    came_back: object


_Check: TypeAlias = Callable[[Case], Iterator[Breach]]


@dataclass(frozen=True, slots=True)
class Law:
    """A law by name, what it says, and the function that looks for breaches."""

    name: str
    says: str
    breaches: _Check


def is_lossy(rule: Rule) -> bool:
    """Whether a value may come back changed once, and must then stay."""
    return rule.lossy or (rule.codec is not None and rule.codec.lossy)


def pointed(mapped: CompiledMap, values: Values) -> Values:
    """The values with references as pointers, as they are when they are written."""
    return {
        path: Pointer(str(value)) if value is not None and mapped.by_path[path].ref else value
        for path, value in values.items()
    }


def merged(base: Native, fields: Mapping[str, Value]) -> Native:
    """The record after a write: what was sent replaces what stood there, parts of a compound one by one."""
    record = dict(base)
    for name, value in fields.items():
        standing = record.get(name)
        if isinstance(value, dict) and isinstance(standing, dict):
            record[name] = merged(standing, value)
        else:
            record[name] = value
    return record


def _heads(rule: Rule) -> set[str]:
    names = (*rule.to, *rule.extra, *((rule.type,) if rule.type else ()))
    return {name.partition(".")[0] for name in names}


def _both_ways(mapped: CompiledMap, values: Values) -> Iterator[Rule]:
    for path in values:
        rule = mapped.by_path[path]
        if rule.reads and rule.writes:
            yield rule


def _differs(rule: Rule, one: object, other: object) -> bool:
    form = comparable_form(rule.compare)
    return form(one) != form(other)


def _reread(mapped: CompiledMap, record: Native, tried: Values, wrote: Native) -> tuple[Values, list[Breach]]:
    """What a record reads as, and breaches for those of the tried paths that cannot be read."""
    values, faults = mapped.read_or_faults(record)
    return values, [
        Breach(fault.field, wrote, f"error: {fault.native} {fault.reason}")
        for fault in faults
        if tried.get(fault.field) is not None
    ]


def _put_get(case: Case) -> Iterator[Breach]:
    """Written as a new record, values read the same; lossy ones settle after one round."""
    mapped = case.map
    wrote = mapped.write(pointed(mapped, case.values), create=True, today=TODAY).fields
    back, broken = _reread(mapped, wrote, case.values, wrote)
    yield from broken

    def again() -> Values:
        rewritten = mapped.write(pointed(mapped, back), create=True, today=TODAY).fields
        return mapped.read_or_faults(rewritten)[0]

    unread = {breach.path for breach in broken}
    rules = [rule for rule in _both_ways(mapped, case.values) if rule.path.text not in unread]
    given = [rule for rule in rules if not _is_filled(rule, case.values)]
    yield from _changed(given, case.values, back, again, wrote)


def _put_put(case: Case) -> Iterator[Breach]:
    """Written over a record, values read the same; lossy ones settle after one round."""
    mapped = case.map
    wrote = mapped.write(pointed(mapped, case.values), base=case.base).fields
    after = merged(case.base, wrote)
    back, broken = _reread(mapped, after, case.values, wrote)
    yield from broken

    def again() -> Values:
        rewritten = mapped.write(pointed(mapped, back), base=after).fields
        return mapped.read_or_faults(merged(after, rewritten))[0]

    unread = {breach.path for breach in broken}
    rules = [rule for rule in _both_ways(mapped, case.values) if rule.path.text not in unread]
    yield from _changed([rule for rule in rules if rule.policy == "always"], case.values, back, again, wrote)


def _changed(
    rules: Sequence[Rule], values: Values, back: Values, again: Callable[[], Values], wrote: Native
) -> Iterator[Breach]:
    """Values that came back different; for lossy rules, different once more in a second round."""
    settled: Values | None = None
    for rule in rules:
        path = rule.path.text
        value, found = values[path], back.get(path)
        if is_lossy(rule) and value is not None:
            settled = again() if settled is None else settled
            value, found = found, settled.get(path)
        if _differs(rule, value, found):
            yield Breach(path, wrote, found)


def _is_filled(rule: Rule, values: Values) -> bool:
    """Whether a create fills the field in, since it would be empty."""
    return values[rule.path.text] is None and rule.default_on_create is not None


def _get_put(case: Case) -> Iterator[Breach]:
    """A record read and written back stays as it is, to the letter."""
    mapped = case.map
    values, _faults = mapped.read_or_faults(case.base)
    wrote = mapped.write(pointed(mapped, values), base=case.base).fields
    after = merged(case.base, wrote)
    for rule in _both_ways(mapped, values):
        changed = [name for name in _heads(rule) if after.get(name) != case.base.get(name)]
        if changed:
            yield Breach(rule.path.text, wrote, {name: case.base.get(name) for name in changed})


def _clear(case: Case) -> Iterator[Breach]:
    """``None`` empties the field, alone and over a record."""
    mapped = case.map
    for rule in _both_ways(mapped, case.values):
        if rule.policy != "always":
            continue
        path = rule.path.text
        for base in (None, case.base):
            wrote = mapped.write({path: None}, base=base).fields
            found = mapped.read_or_faults(merged(base or {}, wrote))[0].get(path)
            if found is not None or (base is None and not wrote):
                yield Breach(path, wrote, found)


def _partial(case: Case) -> Iterator[Breach]:
    """A change of one path touches the native fields of its rule and no others."""
    mapped = case.map
    for path, value in case.values.items():
        rule = mapped.by_path[path]
        if not rule.writes:
            continue
        wrote = mapped.write(pointed(mapped, {path: value}), base=case.base).fields
        strange = set(wrote) - _heads(rule)
        if strange:
            yield Breach(path, wrote, f"{', '.join(sorted(strange))} written too")


def _model(case: Case) -> Iterator[Breach]:
    """Values that become a model instance and come out of it again are the same."""
    mapped = case.map
    wanted = {path: value for path, value in case.values.items() if mapped.by_path[path].reads}
    back = mapped.flatten(mapped.build(wanted))
    for path, value in wanted.items():
        if _differs(mapped.by_path[path], value, back.get(path)):
            yield Breach(path, {}, back.get(path))


def _belongs(case: Case) -> Iterator[Breach]:
    """A record that the map creates is read by the same map again; other models can be mapped beside it."""
    mapped = case.map
    wrote = mapped.write(pointed(mapped, case.values), create=True, today=TODAY).fields
    reader = case.mapping.of_record(mapped.object, wrote)
    beside = reader is not None and (reader.model != mapped.model and reader.spec.where == mapped.spec.where)
    if reader is not mapped and not beside:
        yield Breach("where", wrote, f"the map at {reader.spec.at}" if reader else "no map")


def _defaults(case: Case) -> Iterator[Breach]:
    """What is filled in on create can be read."""
    mapped = case.map
    wrote = mapped.write({}, create=True, today=TODAY).fields
    _values, faults = mapped.read_or_faults(wrote)
    for fault in faults:
        yield Breach(fault.field, wrote, f"{fault.native} {fault.reason}")


def _guarded(check: _Check) -> _Check:
    """The check, with whatever a mapping raises as a breach instead."""

    def guarded(case: Case) -> Iterator[Breach]:
        try:
            yield from check(case)
        except Exception as error:  # noqa: BLE001 - whatever a codec or model raises is what is looked for
            kind = "error" if isinstance(error, CodecError) else f"unexpected {type(error).__name__}"
            yield Breach(_culprit(case, check), _written(case), f"{kind}: {error}")

    return guarded


def _culprit(case: Case, check: _Check) -> str:
    """The first path that alone raises too; nothing where several do it together."""
    for path, value in case.values.items():
        alone = Case(case.mapping, case.map, {path: value}, case.base)
        try:
            for _ in check(alone):
                pass
        except Exception:  # noqa: BLE001 - that is the question
            return path
    return ""


def _written(case: Case) -> Native:
    try:
        return case.map.write(pointed(case.map, case.values), create=True, today=TODAY).fields
    except Exception:  # noqa: BLE001 - the breach itself says what was raised
        return {}


def _law(name: str, says: str, check: _Check) -> Law:
    return Law(name, says, _guarded(check))


LAWS: tuple[Law, ...] = (
    _law("put-get", "what is written reads the same", _put_get),
    _law("put-put", "what is written over a record reads the same", _put_put),
    _law("get-put", "what is read and written back changes nothing", _get_put),
    _law("clear", "None empties the field", _clear),
    _law("partial", "a change touches its own native fields only", _partial),
    _law("model", "the model keeps what was read", _model),
    _law("belongs", "a created record is read by the map that created it", _belongs),
    _law("defaults", "what is filled in on create can be read", _defaults),
)

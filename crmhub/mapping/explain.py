"""One record's way through a mapping, field by field, and on into another CRM's.

The result is data that holds record values; it is made only where somebody asks for one record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.rules import Rule
from crmhub.mapping.status import STATUS, status_way
from crmhub.native import Native, Value

__all__ = ["Explanation", "Resolver", "Row", "explain"]


class Resolver(Protocol):
    """Finds the record that a reference means in the target."""

    def __call__(
        self, source: CompiledMap, rule: Rule, value: object, resolved: Values
    ) -> tuple[Pointer | None, str]:
        """The record, if there is one, and in words how it was found or why not.

        ``rule`` is the target's; ``resolved`` holds the record's references that are resolved already.
        """
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One canonical path: where its value comes from, what it is, where it goes."""

    path: str
    native: tuple[str, ...] = ()
    given: tuple[Value, ...] = ()
    """The native values, in the order of ``native``."""
    codec: str = ""
    value: object = None
    present: bool = False
    """Whether the source says anything, be it that the field is empty."""
    fault: str | None = None
    """Why the native value cannot be read."""
    target: tuple[str, ...] = ()
    sent: Native | None = None
    """Native fields that a create in the target would send for this path."""
    note: str = ""
    """How a reference was found, what was filled in, or why the value goes nowhere."""
    at: str = ""
    """``file:line:col`` of the rule."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A record's way: rows in the order of the mapping, and the native fields that nothing reads."""

    model: str
    source: str
    target: str | None
    rows: tuple[Row, ...]
    unread: tuple[str, ...]


def explain(
    record: Native,
    source: CompiledMap,
    target: CompiledMap | None = None,
    *,
    resolve: Resolver | None = None,
    today: date | None = None,
    derived: Mapping[str, tuple[object, str]] | None = None,
) -> Explanation:
    """What becomes of ``record``. Without ``resolve`` references are named, not looked up.

    ``derived`` has values of paths that the source does not tell by themselves, and from what they follow.
    """
    values, faults = source.read_or_faults(record)
    reasons = {fault.field: fault.reason for fault in faults}
    way = _Way(source, target, resolve, today, derived or {})
    rows = [way.row(rule, record, values, reasons.get(rule.path.text)) for rule in source.rules]
    rows += way.added()
    read = {name.partition(".")[0] for rule in source.rules for name in (*rule.to, *rule.extra)}
    unread = tuple(name for name in record if name not in read and name not in source.spec.where)
    return Explanation(source.model, source.object, target.object if target else None, tuple(rows), unread)


class _Way:
    def __init__(
        self,
        source: CompiledMap,
        target: CompiledMap | None,
        resolve: Resolver | None,
        today: date | None,
        derived: Mapping[str, tuple[object, str]],
    ) -> None:
        self._source = source
        self._target = target
        self._resolve = resolve
        self._today = today
        self._derived = derived
        self._resolved: Values = {}

    def row(self, rule: Rule, record: Native, values: Values, fault: str | None) -> Row:
        path = rule.path.text
        native = (*rule.to, *rule.extra)
        there = self._target.by_path.get(path) if self._target else None
        sent, note = (None, "") if self._target is None or fault else self._sent(rule, there, values)
        return Row(
            path=path, native=native, given=tuple(_lookup(record, name) for name in native),
            codec=_way_of(rule), value=values.get(path), present=path in values, fault=fault,
            target=there.to if there else (), sent=sent, note=note, at=rule.at,
        )  # fmt: skip

    def added(self) -> Iterator[Row]:
        """What the target gets that the source does not know at all."""
        for rule in self._target.rules if self._target else ():
            if rule.path.text not in self._source.by_path and rule.writes:
                value, origin = self._derived.get(rule.path.text, (None, ""))
                sent, note = self._written(rule, {} if value is None else {rule.path.text: value})
                note = note or origin
                if sent:
                    yield Row(
                        rule.path.text, codec=_way_of(rule), target=rule.to, sent=sent, note=note, at=rule.at
                    )

    def _sent(self, rule: Rule, there: Rule | None, values: Values) -> tuple[Native | None, str]:
        path = rule.path.text
        if path == STATUS and self._target and status_way(self._source, self._target) == "by_stage":
            return None, "told by the stage in the target"
        if there is None:
            return None, "no place in the target"
        if not there.writes:
            return None, "read-only in the target"
        if not rule.reads:
            return None, "only written, never read"
        value = values.get(path)
        if value is None:
            sent, note = self._written(there, {})
            return sent, note or ("empty" if path in values else "not in the record")
        if not there.ref:
            return self._written(there, {path: value})
        if self._resolve is None:
            return None, f"{there.ref[0]} is found by {there.by}" if there.by else "found by its link"
        pointer, how = self._resolve(self._source, there, value, self._resolved)
        if pointer is None:
            return None, how
        self._resolved[path] = pointer
        sent, note = self._written(there, {path: pointer})
        return sent, how or note

    def _written(self, rule: Rule, values: Values) -> tuple[Native | None, str]:
        """What a create sends for one rule, and what there is to say about it."""
        target = self._target
        if target is None:
            return None, ""
        try:
            payload = target.write(values, create=True, today=self._today)
        except CodecError as error:
            return None, str(error).removeprefix(f"{rule.path.text}: ")
        heads = {
            name.partition(".")[0] for name in (*rule.to, *rule.extra, *((rule.type,) if rule.type else ()))
        }
        sent = {name: value for name, value in payload.fields.items() if name in heads}
        if not sent:
            return None, ""
        if rule.path.text in payload.defaulted:
            return sent, "filled in, since the target demands it"
        return sent, "" if values else "the mapping's default"


def _way_of(rule: Rule) -> str:
    if not rule.ref:
        return rule.spelled
    found = f"{' or '.join(rule.ref)}{' by ' + rule.by if rule.by else ''}"
    return f"ref: {found}"


def _lookup(record: Native, name: str) -> Value:
    """A native value by dotted name; ``None`` where there is none."""
    value: Value = record
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value

"""What a record loses on its way through two mappings, said before anything is written.

A way is judged rule by rule: whether the target has a place for a field, whether it writes it, what its
codec and its schema make of a value. Whatever depends on tables of users and stages is judged by the sync.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from crmhub.mapping.check import enum_of
from crmhub.mapping.codecs.base import CodecError, Kind
from crmhub.mapping.codecs.money import MoneyCodec
from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.laws import is_lossy
from crmhub.mapping.rules import Rule
from crmhub.mapping.status import CLOSED, STAGE, STATUS, StatusWay, status_way
from crmhub.mapping.values import Comparison
from crmhub.models import Money
from crmhub.schema import FieldSpec, ObjectSchema

__all__ = ["Carried", "Fate", "Loss", "Side", "few", "kind_of_map", "losses_between"]

Fate: TypeAlias = Literal["lost", "partly", "changed", "refused", "filled", "once"]
"""What becomes of a field: it never arrives, some of its values do not, values may be others, records with
(or without) it are set aside, an empty one is filled in, later changes do not follow."""

_DAY = date(2026, 3, 1)
_PROBES: dict[Kind, object] = {
    "text": "Ada Byron",
    "int": 42,
    "decimal": Decimal("1234.56"),
    "ratio": Decimal("0.335"),
    "bool": True,
    "date": _DAY,
    "datetime": datetime(2026, 3, 1, 13, 45, 30, tzinfo=UTC),
    "duration": timedelta(hours=1, minutes=2, seconds=5),
}
"""Ordinary values; what does not come back from the target as it was is changed there."""
_FORMS = {"emails": "Ada.Byron@Example.com", "phones": "+1 415-555-0100"}
_MOST_NAMED = 6
_WHOLE = "whole numbers alone"


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that does not come through as it is, with the leg on which that happens."""

    model: str
    kind: str
    """What the map is for, where a model has several: ``lead``, ``task``."""
    path: str
    """The canonical path; empty for whole records."""
    fate: Fate
    why: str
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """A map with the schema of its object, where that is known."""

    map: CompiledMap
    schema: ObjectSchema | None = None
    keys: Collection[str] = ()
    """The fields by which the CRM itself tells records apart, although it may be told to take doubles."""

    def field(self, rule: Rule) -> FieldSpec | None:
        """How the CRM describes a rule's field; ``None`` for a part of one."""
        return self.schema.fields.get(rule.to[0]) if self.schema else None


def kind_of_map(mapped: CompiledMap) -> str:
    """What a map is for, in a word: the constants that it sets."""
    return " ".join(str(value) for value in mapped.spec.constants.values())


@dataclass
class Carried:
    """What is known of the values that come to a map: on the first leg nothing, later what is left."""

    words: dict[str, Sequence[str]] = field(default_factory=dict[str, "Sequence[str]"])
    """The choices that a path can hold, in canonical words."""
    sure: set[str] = field(default_factory=set[str])
    """Paths that are never empty."""


def losses_between(source: Side, target: Side, carried: Carried | None = None) -> list[Loss]:
    """What is lost or changed from one map to its counterpart, in the order of the source's rules.

    ``carried`` is what comes to the source's map, and becomes what comes to the target's.
    """
    return list(_Way(source, target, carried or Carried()).losses())


@dataclass(frozen=True)
class _Way:
    source: Side
    target: Side
    carried: Carried
    comparison: Comparison = field(init=False)
    status: StatusWay | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "comparison", Comparison(self.source.map, self.target.map))
        object.__setattr__(self, "status", status_way(self.source.map, self.target.map))

    def losses(self) -> Iterator[Loss]:
        for rule in self.source.map.rules:
            if rule.reads and rule.path.text != "id":
                for fate, why in self.of_rule(rule):
                    yield self.loss(rule.path.text, fate, why)
        for rule in self.target.map.rules:
            if rule.writes and not self.is_read(rule):
                for fate, why in self.of_unread(rule):
                    yield self.loss(rule.path.text, fate, why)

    def loss(self, path: str, fate: Fate, why: str) -> Loss:
        mapped = self.source.map
        return Loss(mapped.model, kind_of_map(mapped), path, fate, why)

    def is_read(self, rule: Rule) -> bool:
        own = self.source.map.by_path.get(rule.path.text)
        return own is not None and own.reads

    def of_rule(self, rule: Rule) -> Iterator[tuple[Fate, str]]:
        """What becomes of a field that the source has."""
        there = self.target.map.by_path.get(rule.path.text)
        if rule.path.text == STATUS and self.status == "by_stage":
            words = _words(rule, self.source.field(rule))
            if words is None or not {*words} <= {"open", *CLOSED}:
                yield "partly", "told by the stage there: open, won and lost alone"
        elif there is None:
            described = self.source.field(rule)
            label = described.label if described and described.custom else ""
            yield "lost", f"no place{f': {label}' if label else ''}"
        elif not there.writes:
            yield "lost", "only read there"
        elif "ignore" in {rule.compare, there.compare}:
            yield "lost", "compare: ignore"
        else:
            yield from self.of_pair(rule, there)

    def of_pair(self, rule: Rule, there: Rule) -> Iterator[tuple[Fate, str]]:
        """What becomes of a field that both sides have."""
        missing = [model for model in rule.ref if model not in there.ref]
        if missing:
            whole = len(missing) == len(rule.ref)
            yield "lost" if whole else "partly", f"points to no {' or '.join(missing)} there"
        if rule.path.text == STAGE and self.status == "by_stage":
            yield "changed", "of won and lost deals: the one there that means it"
        if there.policy != "always":
            yield "once", "set on create alone" if there.policy == "create_only" else "never over what stands"
        if is_lossy(there):
            yield "changed", there.spelled or "kept in a form of its own"
        if self.is_demanded_here(rule):
            self.carried.sure.add(rule.path.text)
        if rule.path.text not in self.carried.sure:
            if there.default_on_create is not None:
                yield "filled", f"when empty: {there.default_on_create}"
                self.carried.sure.add(rule.path.text)
            elif self.is_demanded(there):
                yield "refused", "demanded: records without it"
                self.carried.sure.add(rule.path.text)
        if not rule.ref:
            yield from self.of_values(rule, there)

    def of_unread(self, rule: Rule) -> Iterator[tuple[Fate, str]]:
        """What becomes of a field that only the target has."""
        if rule.path.text == STATUS and self.status == "from_stage":
            return
        if rule.path.text == STATUS and STAGE in self.source.map.by_path:
            yield "lost", "neither a field of the source nor told by its stages"
        if rule.default_on_create is not None:
            yield "filled", f"{rule.default_on_create}"
        elif self.is_demanded(rule):
            yield "refused", "demanded, and nothing fills it: every record"

    def is_demanded(self, there: Rule) -> bool:
        described = self.target.field(there)
        return described is not None and described.required and described.creatable

    def is_demanded_here(self, rule: Rule) -> bool:
        described = self.source.field(rule)
        return described is not None and described.required

    def of_values(self, rule: Rule, there: Rule) -> Iterator[tuple[Fate, str]]:
        """What becomes of plain values."""
        if isinstance(rule.codec, MoneyCodec) and isinstance(there.codec, MoneyCodec):
            yield from _of_money(rule.codec, there.codec)
        elif not is_lossy(there) and (changed := self.probed(rule, there)):
            yield "changed", changed
        here, described = self.source.field(rule), self.target.field(there)
        if described is None:
            return
        yield from self.of_words(rule, there, here, described)
        if not (here and here.unique):
            if described.unique:
                yield "refused", "what another record there has"
            elif described.name in self.target.keys:
                yield "refused", "what another record there has, unless it takes doubles"
        if described.max_length and here and (here.max_length or 0) > described.max_length:
            yield "partly", f"at most {described.max_length} characters"
        if rule.kind in {"decimal", "money", "ratio"}:
            if described.type == "int":
                yield "changed", _WHOLE
            elif here and described.scale is not None and (here.scale or 9) > described.scale:
                yield "changed", f"{described.scale} decimal places"

    def probed(self, rule: Rule, there: Rule) -> str | None:
        """How an ordinary value comes back from the target, where that differs."""
        value = _FORMS.get(rule.path.head, _PROBES.get(rule.kind))
        if value is None:
            return None
        path = rule.path.text
        try:
            written = self.target.map.write({path: value}, create=True, today=_DAY).fields
            back = self.target.map.read(written).get(path)
        except CodecError:
            return f"{rule.kind} here, {there.spelled} there" if rule.kind != there.kind else None
        if self.comparison.comparable({path: value}) == self.comparison.comparable({path: back}):
            return None
        return there.spelled if rule.kind == there.kind else f"{rule.kind} here, {there.kind} there"

    def of_words(
        self, rule: Rule, there: Rule, here: FieldSpec | None, described: FieldSpec
    ) -> Iterator[tuple[Fate, str]]:
        """What becomes of choices: those that the target's list does not have."""
        path = rule.path.text
        words = self.carried.words.get(path) or _words(rule, here)
        if not described.choices or not described.restricted:
            if words:
                self.carried.words[path] = words
            return
        known = {choice.value for choice in described.choices}
        encode = there.narrow.encode if there.narrow else str
        if words is None:
            yield "refused", f"what is none of its {len(known)} choices"
            return
        foreign = [word for word in words if str(encode(word)) not in known]
        if foreign:
            yield "refused", f"no choice there: {few(foreign)}"
        self.carried.words[path] = [word for word in words if word not in foreign]


def few(names: Sequence[str]) -> str:
    """The first few of some names, each once, for a line of text."""
    unique = list(dict.fromkeys(names))
    rest = len(unique) - _MOST_NAMED
    return ", ".join(unique[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _words(rule: Rule, described: FieldSpec | None) -> Sequence[str] | None:
    """The choices that a field has in the source, in canonical words; ``None`` where it takes any."""
    if described is None or not described.choices:
        return None
    decode = rule.narrow.decode if enum_of(rule.codec) and rule.narrow else str
    words = [choice.value for choice in described.choices if choice.active and choice.value]
    return list(dict.fromkeys(str(decode(word)) for word in words))


def _of_money(codec: MoneyCodec, there: MoneyCodec) -> Iterator[tuple[Fate, str]]:
    here, beyond = _currency(codec), _currency(there)
    if here is None and beyond is not None:
        yield "changed", "no currency here: it gets the target's own"
    try:
        there.encode_all(Money(Decimal(1), here), (None, None))
    except CodecError:
        yield "refused", f"amounts in another currency than {beyond or 'none'}"


def _currency(codec: MoneyCodec) -> str | None:
    """A currency that amounts can have; ``None`` where they have none."""
    money = codec.decode_all((Decimal(1), "XTS") if codec.extra else (Decimal(1),))
    return money.currency if money else None

"""Checking a mapping against the CRM's own schema: what a parser alone cannot know.

Each finding is one line: ``file:line:col: <canonical path>: what; suggestion``. Errors are what the
CRM would refuse or what cannot be read; warnings are what may be meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from typing import Literal, TypeAlias

from crmhub.mapping.codecs.base import Codec, WideCodec
from crmhub.mapping.codecs.chains import ChainCodec, WideChainCodec
from crmhub.mapping.codecs.choice import EnumCodec
from crmhub.mapping.codecs.text import TextCodec
from crmhub.mapping.rules import MappingSpec, MapSpec, Rule
from crmhub.native import Value
from crmhub.schema import Choice, FieldSpec, FieldType, ObjectSchema

__all__ = ["Finding", "Severity", "check_map", "check_mapping", "enum_of", "no_object"]

Severity: TypeAlias = Literal["error", "warning"]

_SHIPPED = str(resources.files("crmhub.mappings"))

_NOT_TEXT: frozenset[FieldType] = frozenset({"bool", "multi_enum", "multi_ref", "address", "geo", "json"})
"""Native types whose JSON is no text and no number, so that nothing reads them without a codec."""
_TYPED: frozenset[FieldType] = frozenset(
    {"int", "decimal", "money", "percent", "duration", "date", "datetime", "time"}
)
"""Native types that refuse most texts."""
_POINTING: frozenset[FieldType] = frozenset({"ref", "text", "enum", "int", "json", "computed"})
_LISTS: frozenset[FieldType] = frozenset({"multi_enum", "multi_ref", "json", "computed"})
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or may be, with the place in the file where it stands."""

    severity: Severity
    at: str
    """``file:line:col``."""
    path: str
    """The canonical path; for a whole map, its object."""
    what: str
    mend: str = ""

    def __str__(self) -> str:
        mark = "warning: " if self.severity == "warning" else ""
        return f"{self.at}: {mark}{self.path}: {self.what}{'; ' + self.mend if self.mend else ''}"


def check_mapping(spec: MappingSpec, schemas: Mapping[str, ObjectSchema]) -> list[Finding]:
    """What is wrong with the maps whose objects have a schema, in the order of the file."""
    objects: dict[str, set[str]] = {}
    for entry in spec.maps:
        objects.setdefault(entry.model, set()).add(entry.object)
    return [
        finding
        for entry in spec.maps
        if entry.object in schemas
        for finding in check_map(entry, schemas[entry.object], objects)
    ]


def check_map(
    entry: MapSpec, schema: ObjectSchema, objects: Mapping[str, Collection[str]] | None = None
) -> list[Finding]:
    """What is wrong with one map. ``objects`` are the native objects of each model, for references."""
    checks = [_RuleCheck(rule, schema, objects or {}) for rule in entry.rules]
    findings = [finding for check in checks for finding in check.findings()]
    return [*findings, *_constants(entry, schema), *_unfilled(entry, schema)]


def no_object(entry: MapSpec, near: str) -> Finding:
    """An object that the org lacks: an error, unless the shipped mapping knows it from other orgs."""
    if entry.at.startswith(_SHIPPED):
        what = f"this org has no {entry.object}, or hides it from this user: the map is left out"
        return Finding("warning", entry.at, entry.object, what)
    return Finding("error", entry.at, entry.object, f"no object {entry.object!r}", near)


def _constants(entry: MapSpec, schema: ObjectSchema) -> Iterator[Finding]:
    """Fields of ``where``: they must exist, and take their constant where the map creates records."""
    creates = any(rule.writes for rule in entry.rules)
    for name, value in entry.where.items():
        described = schema.fields.get(name)
        at = f"{entry.object}.where"
        if described is None:
            yield Finding("error", entry.at, at, *_no_field(name, schema))
        elif creates and not described.creatable:
            yield Finding("error", entry.at, at, f"{name} cannot be set on create")
        elif _is_foreign(value, described.choices):
            severity: Severity = "error" if described.restricted else "warning"
            yield Finding(
                severity, entry.at, at, f"{name} has no choice {value!r}", _listed_choices(described)
            )


def _unfilled(entry: MapSpec, schema: ObjectSchema) -> Iterator[Finding]:
    """Fields that the CRM demands on create and that nothing fills."""
    writing = [rule for rule in entry.rules if rule.writes]
    if not writing:
        return
    filled = {_head(name) for rule in writing for name in (*rule.to, *rule.extra)} | set(entry.where)
    read = {_head(name): rule for rule in entry.rules for name in rule.to}
    for name, described in schema.fields.items():
        if not described.required or not described.creatable or name in filled:
            continue
        rule = read.get(name)
        yield Finding(
            "error",
            rule.at if rule else entry.at,
            rule.path.text if rule else entry.object,
            f"{name} is required on create and nothing fills it",
            "let the rule write it" if rule else f"map it, or add where: {{{name}: …}}",
        )


@dataclass(frozen=True, slots=True)
class _RuleCheck:
    rule: Rule
    schema: ObjectSchema
    objects: Mapping[str, Collection[str]]

    def findings(self) -> Iterator[Finding]:
        rule = self.rule
        others = (*rule.extra, *((rule.type,) if rule.type else ()))
        for name in (*rule.to, *others):
            if _head(name) not in self.schema.fields and not name.startswith("$"):  # $…: outside the schema
                yield self.unknown(_head(name))
        for name in rule.to:
            described = self.schema.fields.get(_head(name))
            if described is None:
                continue
            yield from self.direction(described)
            if "." not in name:
                yield from self.types(described)
                yield from self.choices(described)
            yield from self.target(described)

    def finding(self, severity: Severity, what: str, mend: str = "") -> Finding:
        return Finding(severity, self.rule.at, self.rule.path.text, what, mend)

    def unknown(self, name: str) -> Finding:
        """A field that the org lacks: an error, unless the shipped mapping knows it from other orgs."""
        what, near = _no_field(name, self.schema)
        if near or not self.rule.at.startswith(_SHIPPED):
            return self.finding("error", what, near)
        return self.finding("warning", f"{what}, or hides it from this user: the rule is left out")

    def direction(self, described: FieldSpec) -> Iterator[Finding]:
        """Whether what is read can be read and what is written can be written."""
        rule, name = self.rule, described.name
        if rule.reads and not described.readable:
            yield self.finding("error", f"{name} cannot be read", "add dir: write")
        if not rule.writes:
            return
        if described.computed or not (described.creatable or described.updatable):
            kind = "computed" if described.computed else "read-only"
            yield self.finding("error", f"{name} is {kind}", "add dir: read")
        elif not described.updatable and rule.policy != "create_only":
            yield self.finding("error", f"{name} can only be set on create", "add write: create_only")
        elif not described.creatable:
            yield self.finding("error", f"{name} cannot be set on create", "add dir: read")

    def types(self, described: FieldSpec) -> Iterator[Finding]:
        """Whether the codec, or none, fits the native type."""
        rule, type_ = self.rule, described.type
        if isinstance(rule.codec, TextCodec) and type_ in _TYPED and rule.writes:
            yield self.mismatch(described, "which refuses most texts", "add dir: read")
        elif rule.codec is not None:
            takes = rule.codec.takes
            if takes is not None and type_ not in takes:
                fits = f"it takes {', '.join(sorted(takes))}"
                yield self.mismatch(described, f"which the codec {rule.spelled} does not take", fits)
        elif rule.ref:
            if type_ not in _POINTING:
                yield self.mismatch(described, "which points to no record", "choose a lookup field")
        elif rule.kind == "texts":
            if type_ not in _LISTS:
                yield self.mismatch(described, "which holds no list", 'add as: {split: ";"}')
        elif rule.kind in {"text", "enum"}:
            if type_ in _NOT_TEXT:
                yield self.mismatch(
                    described, "which is not read as text", f"add as: {_codec_for(described)}"
                )
            elif type_ in _TYPED and rule.writes:
                yield self.mismatch(described, "which refuses most texts", "add dir: read, or a codec")

    def mismatch(self, described: FieldSpec, why: str, mend: str) -> Finding:
        what = (
            f"type mismatch: {self.rule.path.text} is {self.rule.kind}, {described.name} is {described.type}"
        )
        return self.finding("error", f"{what}, {why}", mend)

    def choices(self, described: FieldSpec) -> Iterator[Finding]:
        """Whether the enum table and the picklist know the same literals."""
        if not described.choices:
            return
        demanded = self.rule.default_on_create
        severity: Severity = "error" if described.restricted and self.rule.writes else "warning"
        if _is_foreign(demanded, described.choices):
            what = f"default_on_create: {described.name} has no choice {demanded!r}"
            yield self.finding(severity, what, _listed_choices(described))
        table = enum_of(self.rule.codec)
        if table is None:
            return
        foreign = [word for word in table.natives if _is_foreign(word, described.choices)]
        if foreign:
            what = f"the table names {_few(foreign)}, which {described.name} does not have"
            yield self.finding(severity, what, _listed_choices(described))
        known = {word.strip().casefold() for word in table.natives}
        active = [choice.value for choice in described.choices if choice.active and choice.value]
        uncovered = [word for word in active if word.strip().casefold() not in known]
        if uncovered and self.rule.reads:
            fate = "they are kept as they are" if table.keeps else "they cannot be read"
            yield self.finding("warning", f"the table lacks {_few(uncovered)} of {described.name}", fate)

    def target(self, described: FieldSpec) -> Iterator[Finding]:
        """Whether a lookup field points to the models that the rule says."""
        if not described.refers_to or described.type not in {"ref", "multi_ref"}:
            return
        for model in self.rule.ref:
            mapped = self.objects.get(model, ())
            if mapped and not set(mapped) & set(described.refers_to):
                what = f"{described.name} points to {_few(described.refers_to)}, not to an object of {model}"
                yield self.finding("warning", what)


def _head(name: str) -> str:
    return name.partition(".")[0]


def _no_field(name: str, schema: ObjectSchema) -> tuple[str, str]:
    return f"{schema.object} has no field {name!r}", _near(name, schema.fields)


def _near(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, or nothing: an object has too many fields to list."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def enum_of(codec: Codec | WideCodec | None) -> EnumCodec | None:
    """The enum table that sees the native literals: the codec itself, or the first of a chain."""
    if isinstance(codec, ChainCodec | WideChainCodec):
        return enum_of(codec.parts[0])
    return codec if isinstance(codec, EnumCodec) else None


def _codec_for(described: FieldSpec) -> str:
    return {"bool": "text", "multi_enum": '{split: ";"}'}.get(described.type, "json")


def _is_foreign(value: Value, choices: Sequence[Choice]) -> bool:
    return isinstance(value, str) and bool(choices) and value not in {choice.value for choice in choices}


def _listed_choices(described: FieldSpec) -> str:
    return f"choices: {_few([choice.value for choice in described.choices])}"


def _few(words: Sequence[str]) -> str:
    rest = len(words) - _MOST_NAMED
    return ", ".join(words[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")

"""Mapping files, parsed and checked: what stands in the YAML, with the place where it stands.

Every mistake is collected and told in one line: ``file:line:col``, the key, and a suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

from crmhub.document import Document, Step, suggest
from crmhub.errors import MappingError
from crmhub.mapping.codecs import make
from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, WideCodec
from crmhub.mapping.paths import Path, PathError, kind_of, parse_path
from crmhub.mapping.plain import plain
from crmhub.mapping.rules import Compare, CustomRule, MappingSpec, MapSpec, ModelOf, Policy, Rule
from crmhub.mistakes import Mistakes
from crmhub.models import Record
from crmhub.models.registry import BUILT_IN
from crmhub.native import Value
from crmhub.shapes import SHAPES

__all__ = ["parse_mapping"]

_RULE_KEYS = frozenset(
    {
        "to", "as", "ref", "by", "within", "type", "prefixes", "pick", "dir", "default",
        "default_on_create", "write", "lossy", "compare", "unknown",
    }
)  # fmt: skip
_MAP_KEYS = frozenset({"like", "model", "object", "set", "where", "fields", "custom", "needs"})
_NATIVE = re.compile(r"[A-Za-z_$][\w$ /()?-]*(\.[A-Za-z_$][\w$]*)?")
_DEFAULTS: dict[Kind, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "a text"),
    "enum": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "decimal": ((int, Decimal), "a number"),
    "ratio": ((int, Decimal), "a number"),
    "bool": ((bool,), "true or false"),
    "json": ((str, int, Decimal, bool), "a text, a number, true or false"),
}
"""Kinds whose values YAML can spell."""
_BARE_KINDS: frozenset[Kind] = frozenset({"text", "enum", "texts", "ref", "user", "json"})


def parse_mapping(document: Document, models: ModelOf, codecs: Mapping[str, Factory]) -> MappingSpec:
    """The checked mapping. Raises :class:`MappingError` with one line for every mistake."""
    document = plain(document)
    complaints = Mistakes(document)
    data = document.data
    if not isinstance(data, dict):
        raise MappingError(f"{document.at()}: a mapping file is a table with crm, version and maps")
    complaints.unknown((), data, frozenset({"crm", "version", SHAPES, "maps"}))
    crm = data.get("crm")
    if not isinstance(crm, str):
        complaints.add(("crm",), "name the CRM", "for example crm: zoho")
    if data.get("version") != 1:
        complaints.add(("version",), "the version of this format is 1", "write version: 1")
    entries = data.get("maps")
    if not isinstance(entries, list) or not entries:
        complaints.add(("maps",), "list at least one map")
        entries = []
    maps: list[MapSpec] = []
    for index, entry in enumerate(entries):
        parsed = _Map(("maps", index), complaints, models, codecs).parse(entry)
        if parsed:
            _refuse_hidden(("maps", index), parsed, maps, complaints)
            maps.append(parsed)
    complaints.fail(MappingError)
    return MappingSpec(str(crm), 1, tuple(maps), document.name)


def _refuse_hidden(
    at: tuple[Step, ...], entry: MapSpec, others: Sequence[MapSpec], complaints: Mistakes
) -> None:
    """Complain about a map whose records an earlier one of the same object takes.

    A model of a plugin's or of one's own can be one more view of records that are mapped already.
    """
    for other in others:
        if other.model != entry.model and not {other.model, entry.model} <= set(BUILT_IN):
            continue
        if other.object == entry.object and dict(other.where) == dict(entry.where):
            what = f"no record of {entry.object} gets here: the map at {other.at} takes the same ones"
            complaints.add(at, what, "tell them apart by where")
            return


@dataclass(frozen=True)
class _Map:
    where: tuple[Step, ...]
    complaints: Mistakes
    models: ModelOf
    codecs: Mapping[str, Factory]

    def parse(self, entry: Value) -> MapSpec | None:
        bad = len(self.complaints.lines)
        if not isinstance(entry, dict):
            self.complaints.add(self.where, "a map is a table with model, object and fields")
            return None
        self.complaints.unknown(self.where, entry, _MAP_KEYS)
        model, object_, fields = entry.get("model"), entry.get("object"), entry.get("fields")
        constants = _table(entry.get("set"))
        native = _table(entry.get("where"))
        if not isinstance(object_, str):
            self.complaints.add((*self.where, "object"), "name the CRM's object")
        needs = entry.get("needs")
        if needs is not None and not isinstance(needs, str):
            self.complaints.add((*self.where, "needs"), "name one setting of the connection")
        if constants is None or native is None:
            self.complaints.add(self.where, "set and where are tables of constants")
        record = self.record(model, constants or {})
        if not isinstance(fields, dict):
            self.complaints.add((*self.where, "fields"), "fields is a table of canonical path: rule")
        if record is None or not isinstance(fields, dict):
            return None
        rules = tuple(self.rules(record, fields))
        custom = self.custom(entry.get("custom"))
        self.written_twice(entry, rules)
        if len(self.complaints.lines) > bad:
            return None
        return MapSpec(
            str(model), record, str(object_), rules, constants or {}, native or {}, custom,
            self.complaints.document.at(self.where), needs if isinstance(needs, str) else None,
        )  # fmt: skip

    def record(self, model: Value, constants: Mapping[str, Value]) -> type[Record] | None:
        classes = self.models.get(model) if isinstance(model, str) else None
        if classes is None:
            self.complaints.add(
                (*self.where, "model"), f"unknown model {model!r}", suggest(str(model), self.models)
            )
            return None
        for record in classes:
            if all(_allows(record, name, value) for name, value in constants.items()):
                return record
        self.complaints.add(
            (*self.where, "set"), f"no {model} has {dict(constants)}", suggest("", _choices(classes))
        )
        return None

    def rules(self, record: type[Record], fields: Mapping[str, Value]) -> Iterator[Rule]:
        for text, value in fields.items():
            at = (*self.where, "fields", text)
            if value is None:
                continue
            try:
                path = parse_path(text)
                kind = kind_of(record, path)
            except PathError as error:
                self.complaints.add(at, str(error))
                continue
            rule = self.rule(at, path, kind, {"to": value} if isinstance(value, str) else value)
            if rule:
                yield rule

    def rule(self, at: tuple[Step, ...], path: Path, kind: Kind, value: Value) -> Rule | None:
        before = len(self.complaints.lines)
        if not isinstance(value, dict):
            self.complaints.add(at, "a rule is a native field or a table with to, as, ref, …")
            return None
        self.complaints.unknown(at, value, _RULE_KEYS)
        to = self.targets(at, value.get("to"))
        codec = self.codec(at, value)
        direction = self.one_of(at, value, "dir", ("read", "write"))
        policy = self.one_of(at, value, "write", ("always", "if_empty", "create_only")) or "always"
        compare = self.one_of(at, value, "compare", ("exact", "set", "text", "ignore")) or "exact"
        ref = _names(value.get("ref"))
        rule = Rule(
            path=path,
            kind=kind,
            to=to,
            codec=codec,
            given=value,
            spelled=_spelling(value.get("as")),
            ref=ref,
            by=_text(value.get("by")),
            within=_text(value.get("within")),
            type=_text(value.get("type")),
            prefixes=self.prefixes((*at, "prefixes"), ref, value.get("prefixes")),
            reads=direction != "write",
            writes=direction != "read",
            policy=cast("Policy", policy),
            pick=value.get("pick") == "first_set",
            default=value.get("default"),
            default_on_create=value.get("default_on_create"),
            lossy=value.get("lossy") is True,
            compare=cast("Compare", compare),
            at=self.complaints.document.at(at),
        )
        self.judge(at, rule, value)
        return rule if len(self.complaints.lines) == before else None

    def prefixes(self, at: tuple[Step, ...], ref: Sequence[str], value: Value) -> tuple[tuple[str, str], ...]:
        """How ids begin, and the model of each."""
        if value is None:
            return ()
        if not isinstance(value, dict) or not value or len(ref) < 2:
            mend = 'ref: [account, deal], prefixes: {"001": account, "006": deal}'
            self.complaints.add(at, "prefixes say which of several models an id is of", mend)
            return ()
        found: list[tuple[str, str]] = []
        for prefix, model in value.items():
            if isinstance(model, str) and model in ref:
                found.append((prefix, model))
            else:
                self.complaints.add((*at, prefix), f"{model!r} is none of ref: {', '.join(ref)}")
        return tuple(found)

    def judge(self, at: tuple[Step, ...], rule: Rule, value: Mapping[str, Value]) -> None:
        """The mistakes that show only when a rule is seen as a whole."""
        add = self.complaints.add
        if value.get("pick") not in (None, "first_set"):  # a tuple, since YAML's lists have no hash
            add((*at, "pick"), "pick knows only first_set")
        elif len(rule.to) > 1 and not rule.pick and rule.wide is None:
            mend = "add as: {join: …} or pick: first_set"
            add((*at, "to"), "several native fields are not invertible as they are", mend)
        if value.get("lossy") not in (None, True, False):
            add((*at, "lossy"), "lossy is true or false")
        if rule.default is not None:
            self.judge_default((*at, "default"), rule, rule.default)
        if rule.default_on_create is not None and not rule.writes:
            add((*at, "default_on_create"), "a rule that is only read cannot fill anything", "remove it")
        self.judge_reference(at, rule)
        if rule.codec is not None:
            self.judge_codec((*at, "as"), rule, rule.codec)
        elif value.get("as") is None:
            self.judge_bare(at, rule)

    def judge_default(self, at: tuple[Step, ...], rule: Rule, default: Value) -> None:
        known = _DEFAULTS.get(rule.kind)
        if rule.reads and rule.writes:
            self.complaints.add(at, "default needs a direction", "add dir: read or dir: write")
        elif known is None:
            mend = "for new records use default_on_create, in the CRM's own words"
            self.complaints.add(at, f"a {rule.kind} takes no default", mend)
        elif default.__class__ not in known[0]:
            self.complaints.add(at, f"{default!r} is not {known[1]}")

    def judge_reference(self, at: tuple[Step, ...], rule: Rule) -> None:
        add = self.complaints.add
        if rule.kind in {"ref", "user"} and not rule.ref:
            add(at, f"{rule.path.text} points to another record", "say which: ref: <model>")
        if rule.ref and rule.kind not in {"ref", "user"}:
            add((*at, "ref"), f"{rule.path.text} is a plain {rule.kind}, not a reference", "remove ref")
        for model in rule.ref:
            if model not in self.models:
                add((*at, "ref"), f"unknown model {model!r}", suggest(model, self.models))
            else:
                self.judge_look_up(at, rule, model)
        if rule.by and not rule.ref:
            add((*at, "by"), "by belongs to a reference", "add ref, or remove it")
        if rule.within and not rule.by:
            add((*at, "within"), "within narrows by", "add by")
        if rule.type and len(rule.ref) < 2:
            add((*at, "type"), "type is for references to several models")

    def judge_look_up(self, at: tuple[Step, ...], rule: Rule, model: str) -> None:
        """Whether the record can be found by what the rule says."""
        known = {name for record in self.models[model] for name in record.model_fields}
        for key, name in (("by", rule.by), ("within", rule.within)):
            if name is not None and name not in known:
                self.complaints.add((*at, key), f"{model} has no field {name!r}", suggest(name, known))

    def judge_bare(self, at: tuple[Step, ...], rule: Rule) -> None:
        if not rule.ref and rule.kind not in _BARE_KINDS:
            mend = f"add as: {rule.kind}"
            self.complaints.add(at, f"type mismatch: {rule.path.text} is {rule.kind}, not text", mend)

    def judge_codec(self, at: tuple[Step, ...], rule: Rule, codec: Codec | WideCodec) -> None:
        add = self.complaints.add
        if rule.ref and not codec.gives & {"text", "enum"}:
            add(at, "a reference's codec must give text")
        if not rule.ref and rule.kind != "json" and rule.kind not in codec.gives:
            given = " or ".join(sorted(codec.gives))
            add(at, f"type mismatch: {rule.path.text} is {rule.kind}, the codec gives {given}")
        if not (rule.reads and rule.writes):
            return
        ambiguous = cast("tuple[str, ...]", getattr(codec, "ambiguous", ()))
        if ambiguous and not rule.lossy:
            add(at, f"enum not one-to-one: {', '.join(ambiguous)}", "add dir: read, or lossy: true")
        elif not codec.encodes:
            add(at, "not invertible: the codec has no way back", "add dir: read")
        elif codec.lossy and not rule.lossy:
            add(at, "the codec loses something on the way", "add lossy: true, or dir: read")

    def codec(self, at: tuple[Step, ...], value: Mapping[str, Value]) -> Codec | WideCodec | None:
        given = value.get("as")
        unknown = value.get("unknown")
        if unknown is not None:
            if not isinstance(given, dict) or not isinstance(given.get("enum"), dict):
                self.complaints.add((*at, "unknown"), "unknown belongs to as: {enum: …}")
                return None
            table: Value = {"table": given["enum"], "unknown": unknown}
            whole: dict[str, Value] = {"enum": table}
            given = whole
        if given is None:
            return None
        try:
            return make(given, self.codecs)
        except CodecError as error:
            self.complaints.add((*at, "as"), str(error))
            return None

    def targets(self, at: tuple[Step, ...], value: Value) -> tuple[str, ...]:
        names = _names(value)
        if not names:
            self.complaints.add((*at, "to"), "say which native field", "to: <field>")
        for name in names:
            if not _NATIVE.fullmatch(name):
                self.complaints.add((*at, "to"), f"{name!r} is not a native field name")
        return names

    def one_of(
        self, at: tuple[Step, ...], value: Mapping[str, Value], key: str, known: tuple[str, ...]
    ) -> str | None:
        given = value.get(key)
        if given is None or given in known:
            return cast("str | None", given)
        self.complaints.add((*at, key), f"unknown {key} {given!r}", suggest(str(given), known))
        return None

    def custom(self, value: Value) -> CustomRule | None:
        at = (*self.where, "custom")
        if value is None:
            return None
        if not isinstance(value, dict):
            self.complaints.add(at, "custom is a table with match", 'custom: {match: ".*", to: custom}')
            return None
        self.complaints.unknown(at, value, frozenset({"match", "to", "exclude", "split", "datetime"}))
        if value.get("to", "custom") != "custom":
            self.complaints.add((*at, "to"), "custom fields go to custom")
        try:
            pattern = re.compile(str(value.get("match", ".*")))
        except re.error as error:
            self.complaints.add((*at, "match"), f"not a regular expression: {error}")
            return None
        place = self.complaints.document.at(at)
        exclude = frozenset(_names(value.get("exclude")))
        split, instants = _text(value.get("split")), _text(value.get("datetime"))
        return CustomRule(pattern, exclude, split, instants, place)

    def written_twice(self, entry: Mapping[str, Value], rules: Sequence[Rule]) -> None:
        """Whether something else has a say in a field that a rule writes."""
        constants, where = _table(entry.get("set")) or {}, _table(entry.get("where")) or {}
        owners: dict[str, Rule] = {}
        for rule in rules:
            at = (*self.where, "fields", rule.path.text)
            if rule.path.text in constants:
                self.complaints.add(at, f"{rule.path.text} is a constant of set", "remove one of them")
            for name in rule.to if rule.writes else ():
                if name in where:
                    self.complaints.add(at, f"{name} is a constant of where", "make it dir: read")
                other = next((owner for part, owner in owners.items() if _overlap(part, name)), rule)
                owners[name] = rule
                if other is not rule:
                    mend = "make one of them dir: read"
                    self.complaints.add(at, f"{name} is written by {other.path.text} too", mend)


def _overlap(one: str, other: str) -> bool:
    """Whether two dotted names are the same field, or one is part of the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _allows(record: type[Record], name: str, value: Value) -> bool:
    """Whether the model has a field of that name that can hold that constant."""
    if name not in record.model_fields:
        return False
    choices = _literals(record, name)
    return choices is None or value in choices


def _literals(record: type[Record], name: str) -> tuple[Value, ...] | None:
    from typing import get_args, get_origin

    annotation = cast("object", record.model_fields[name].annotation)
    return cast("tuple[Value, ...]", get_args(annotation)) if get_origin(annotation) is Literal else None


def _choices(classes: Sequence[type[Record]]) -> set[str]:
    return {
        f"{name}: {choice}"
        for record in classes
        for name in ("type", "kind")
        if name in record.model_fields
        for choice in _literals(record, name) or ()
    }


def _table(value: Value) -> dict[str, Value] | None:
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _names(value: Value) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    return ()


def _spelling(codec: Value) -> str:
    """A codec's name, or those of a chain, without parameters: for people to read."""
    if isinstance(codec, list):
        return ", ".join(_spelling(part) for part in codec)
    return next(iter(codec), "") if isinstance(codec, dict) else _text(codec) or ""


def _text(value: Value) -> str | None:
    return None if value is None else str(value)

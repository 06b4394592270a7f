"""Mapping files as JSON Schema (draft 2020-12), for editors: completion, and mistakes as one types.

The parser (:mod:`crmhub.mapping.parse`) is the judge: whatever it takes, the schema takes, while a
schema cannot see all that the parser sees, such as a field that two rules write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, cast, get_args, get_origin

from crmhub.mapping.codecs import CODECS, Factory, Kind
from crmhub.mapping.codecs.json_schema import CodecForm, codec_forms, codec_schema
from crmhub.mapping.paths import PathForms, path_forms
from crmhub.mapping.rules import ModelOf
from crmhub.models import Record
from crmhub.models.registry import BUILT_IN
from crmhub.native import Native, Value

__all__ = ["DRAFT", "mapping_schema", "rule_definitions"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ID = "https://crmhub.readthedocs.io/en/latest/schemas/mapping.v1.json"

# Written with negated ASCII sets, so that letters of all scripts pass wherever the pattern is read:
# \w means them in Python and does not in an editor.
_WORD = r"[^\x00-#%-/:-@\[-^`{-\x7f]"
_WORDS = r"[^\x00-\x1f!-#%-'*-,.:->@\[-^`{-\x7f]"
_NATIVE = rf"^[A-Za-z_$]{_WORDS}*(\.[A-Za-z_$]{_WORD}*)?$"
_KEY = "[a-z_][a-z0-9_]*"
_IS = "[A-Za-z0-9_ -]+"

_CUSTOM = rf"^custom(\[{_KEY}={_IS}\])?\.{_KEY}$"

_KINDS: tuple[Kind, ...] = get_args(Kind)
_DEFAULTS: Mapping[Kind, str | list[Value]] = {
    "text": "string",
    "enum": "string",
    "int": "integer",
    "decimal": "number",
    "ratio": "number",
    "bool": "boolean",
    "json": ["string", "number", "boolean"],
}
"""The type of a ``default``, of the kinds that take one."""
_BARE: frozenset[Kind] = frozenset({"text", "enum", "texts", "ref", "user", "json"})
"""Kinds that need no codec."""
_POINTING: frozenset[Kind] = frozenset({"ref", "user"})


def mapping_schema(models: ModelOf = BUILT_IN, codecs: Mapping[str, Factory] = CODECS) -> Native:
    """The schema of mapping files that use these models and codecs."""
    forms = codec_forms(codecs)
    kinds: Native = {f"rule.{kind}": _rule_of(kind, forms) for kind in _KINDS}
    fields: Native = {f"fields.{model}": _fields(classes) for model, classes in models.items()}
    constants: Native = {f"set.{model}": _set(classes) for model, classes in models.items()}
    return {
        "$schema": DRAFT,
        "$id": _ID,
        "title": "crmhub mapping",
        "description": "Ties the objects of one CRM to models, field by field.",
        "type": "object",
        "properties": {
            "crm": _told({"type": "string"}, "The CRM's name; for people."),
            "version": _told({"const": 1}, "The version of this format."),
            "shapes": {
                "description": "What several maps have in common, by name; one can be like one before it.",
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/shape"},
            },
            "maps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/map"}},
        },
        "required": ["crm", "version", "maps"],
        "additionalProperties": False,
        "$defs": {
            "map": {
                "description": "One object tied to one model.",
                "$ref": "#/$defs/shape",
                "anyOf": [{"required": ["like"]}, {"required": ["model", "object", "fields"]}],
            },
            "shape": _shape(models),
            "custom": _custom(),
            **rule_definitions(models, codecs),
            **kinds,
            **fields,
            **constants,
        },
    }


def rule_definitions(models: ModelOf = BUILT_IN, codecs: Mapping[str, Factory] = CODECS) -> Native:
    """The definitions ``rule``, ``codec`` and ``native``, for schemas that hold rules."""
    forms = codec_forms(codecs)
    return {"rule": _rule(models, forms), "codec": codec_schema(forms), "native": _native()}


def _native() -> Native:
    return {"type": "string", "pattern": _NATIVE, "description": "A native field; Owner.id is a part of one."}


def _shape(models: ModelOf) -> Native:
    """A map, or what several have in common: the model of one that is like it may stand elsewhere."""
    by_model: list[Value] = [
        {
            "if": {"properties": {"model": {"const": model}}, "required": ["model"]},
            "then": {
                "properties": {
                    "fields": {"$ref": f"#/$defs/fields.{model}"},
                    "set": {"anyOf": [{"$ref": f"#/$defs/set.{model}"}, {"type": "null"}]},
                }
            },
        }
        for model in models
    ]
    return {
        "type": "object",
        "properties": {
            "like": _told(
                {"type": "string"},
                "The shape that is laid under this map: what stands here replaces, null takes away.",
            ),
            "model": _told({"enum": [*models, None]}, "The model that the records become."),
            "object": _told({"type": ["string", "null"]}, "The CRM's own record type."),
            "set": _told({"type": ["object", "null"]}, "Constants of the model that this map stands for."),
            "where": _told(
                {"type": ["object", "null"]},
                "Constants of the native record: it belongs to this map if it carries them.",
            ),
            "needs": _told(
                {"type": ["string", "null"]},
                "The setting of a connection without which it does not have the object.",
            ),
            "fields": _told({"type": "object"}, "Canonical path: rule."),
            "custom": {"anyOf": [{"$ref": "#/$defs/custom"}, {"type": "null"}]},
        },
        "additionalProperties": False,
        "allOf": by_model,
    }


def _custom() -> Native:
    names: Native = {"type": ["string", "array", "null"], "items": {"type": "string"}}
    return {
        "description": "Custom fields that pass through, typed by the CRM's schema.",
        "type": "object",
        "properties": {
            "match": {
                "type": "string",
                "format": "regex",
                "description": "Found in the native names of those that pass.",
            },
            "to": {"const": "custom"},
            "exclude": _told(names, "Native names of those that do not."),
            "split": _told({"type": ["string", "null"]}, "How several choices are written as one text."),
            "datetime": _told(
                {"type": ["string", "null"]}, "How instants are written, as the codec datetime's out."
            ),
        },
        "additionalProperties": False,
    }


# ── rules ────────────────────────────────────────────────────────────────────────────────────────


def _rule(models: ModelOf, forms: Sequence[CodecForm]) -> Native:
    names = sorted(
        {name for classes in models.values() for record in classes for name in record.model_fields}
    )
    looked_up: Native = {"enum": [*names, None]}
    known: list[Value] = list(models)
    table: Native = {
        "type": "object",
        "properties": {
            "to": _told(
                {
                    "anyOf": [
                        {"$ref": "#/$defs/native"},
                        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/native"}},
                    ]
                },
                "Where the value is: a native field, or a list of them.",
            ),
            "as": _told(
                {
                    "anyOf": [
                        {"$ref": "#/$defs/codec"},
                        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/codec"}},
                        {"type": "null"},
                    ]
                },
                "How the value is converted.",
            ),
            "ref": _told(
                {"anyOf": [{"enum": [*known, None]}, {"type": "array", "items": {"enum": known}}]},
                "The model, or models, that the value points to.",
            ),
            "by": _told(looked_up, "The field by which the same record is found in another CRM."),
            "within": _told(looked_up, "The field that tells several answers to `by` apart."),
            "type": _told(
                {"type": ["string", "null"]},
                "For a `ref` to several models: the native field that names the object pointed to.",
            ),
            "prefixes": _told(
                {
                    "type": ["object", "null"],
                    "minProperties": 1,
                    "additionalProperties": {"enum": known},
                },
                "For a `ref` to several models: how ids begin, and the model of each.",
            ),
            "pick": _told({"enum": ["first_set", None]}, "Of several `to`, read the first that is set."),
            "dir": _told({"enum": ["read", "write", None]}, "Only one way."),
            "default": _told(
                {"type": ["string", "number", "boolean", "null"]}, "For an empty value; needs a `dir`."
            ),
            "default_on_create": _told({}, "Fills a native field that the CRM demands of new records."),
            "write": _told({"enum": ["always", "if_empty", "create_only", None]}, "When it is written."),
            "lossy": _told({"type": ["boolean", "null"]}, "Something is lost on the way, and that is meant."),
            "compare": _told({"enum": ["exact", "set", "text", "ignore", None]}, "How a change is noticed."),
            "unknown": _told(
                {"enum": ["keep", "error", None]}, "What becomes of a literal that the `enum` table lacks."
            ),
        },
        "required": ["to"],
        "additionalProperties": False,
        "allOf": [
            _needs("default", "dir"),
            _needs("by", "ref"),
            _needs("within", "by"),
            _where(_given("type"), _given("ref", {"type": "array", "minItems": 2})),
            _where(_given("prefixes"), _given("ref", {"type": "array", "minItems": 2})),
            _where(_given("unknown"), _given("as", {"type": "object", "required": ["enum"]})),
            _where(_given("default_on_create"), {"not": _given("dir", {"const": "read"})}),
            *_codec_conditions(forms),
        ],
    }
    return {
        "description": "A native field, a table that says more about it, or null for no rule.",
        "anyOf": [{"$ref": "#/$defs/native"}, table, {"type": "null"}],
    }


def _codec_conditions(forms: Sequence[CodecForm]) -> Iterator[Native]:
    """What a rule needs because of its codec, or because it has none."""
    wide: list[Value] = [form.name for form in forms if form.wide]
    several: Native = {
        "anyOf": [
            {"enum": wide},
            {"type": "object", "propertyNames": {"enum": wide}},
            {"type": "array"},
        ]
    }
    yield _where(
        _given("to", {"type": "array", "minItems": 2}),
        {"anyOf": [_given("pick"), _given("as", several)]},
    )
    one_way: list[Value] = [form.name for form in forms if not form.encodes]
    lossy: list[Value] = [form.name for form in forms if form.lossy and form.encodes]
    yield _where(_given("as", {"enum": one_way}), _given("dir"))
    yield _where(_given("as", {"enum": lossy}), {"anyOf": [_given("dir"), _given("lossy", {"const": True})]})


def _rule_of(kind: Kind, forms: Sequence[CodecForm]) -> Native:
    """A rule for a field of that kind."""
    constraints: dict[str, Value] = {"default": {"type": _types(kind)}}
    required: list[Value] = []
    if kind in _POINTING:
        constraints["ref"] = {"type": ["string", "array"], "minItems": 1}
        required.append("ref")
    else:
        constraints["ref"] = {"type": ["array", "null"], "maxItems": 0}
    if kind not in _BARE:
        required.append("as")
    fitting = [form for form in forms if _fits(form, kind)]
    chain: Native = {"type": "array"}
    none: list[Value] = [{"type": "null"}] if kind in _BARE else []
    constraints["as"] = {"anyOf": [codec_schema(fitting), chain, *none]}
    short: list[Value] = [] if required else ["string"]
    return {
        "$ref": "#/$defs/rule",
        "type": ["object", "null", *short],
        "properties": constraints,
        "required": required,
    }


def _types(kind: Kind) -> list[Value]:
    known = _DEFAULTS.get(kind, [])
    return [*([known] if isinstance(known, str) else known), "null"]


def _fits(form: CodecForm, kind: Kind) -> bool:
    if form.gives is None or kind == "json":
        return True
    return bool(form.gives & {"text", "enum"}) if kind in _POINTING else kind in form.gives


# ── the fields of a model ────────────────────────────────────────────────────────────────────────


def _fields(classes: Sequence[type[Record]]) -> Native:
    """The paths of a model with the rule that each takes; of several classes, those of all."""
    plain: dict[str, set[Kind]] = {}
    patterns: dict[str, set[Kind]] = {}
    for forms in (forms for record in classes for forms in path_forms(record)):
        if forms.kind is not None:
            plain.setdefault(forms.head, set()).add(forms.kind)
        for leaf, kind in forms.leaves.items():
            patterns.setdefault(_pattern(forms, leaf), set()).add(kind)
    named: Native = {path: _one_of(kinds) for path, kinds in plain.items()}
    matched: Native = {pattern: _one_of(kinds) for pattern, kinds in patterns.items()}
    elements = [forms for record in classes for forms in path_forms(record) if forms.listed]
    matched |= {_element_pattern(forms): _element(forms) for forms in elements}
    return {
        "type": "object",
        "properties": named,
        "patternProperties": {
            rf"^custom(\[{_KEY}={_IS}\])?\.{_KEY}$": {"$ref": "#/$defs/rule.json"},
            **matched,
        },
        "additionalProperties": False,
    }


def _pattern(forms: PathForms, leaf: str) -> str:
    if not forms.listed:
        return rf"^{forms.head}\.{leaf}$"
    return rf"^{forms.head}\[({'|'.join(forms.leaves)})={_IS}\]\.{leaf}$"


def _element_pattern(forms: PathForms) -> str:
    return rf"^{forms.head}\[({'|'.join(forms.leaves)})={_IS}\]$"


def _element(forms: PathForms) -> Native:
    """The rules of an element's fields."""
    rules: Native = {leaf: _one_of([kind]) for leaf, kind in forms.leaves.items()}
    return {"type": ["object", "null"], "properties": rules, "additionalProperties": False}


def _one_of(kinds: Iterable[Kind]) -> Native:
    rules: list[Value] = [{"$ref": f"#/$defs/rule.{kind}"} for kind in sorted(kinds)]
    return cast("Native", rules[0]) if len(rules) == 1 else {"anyOf": rules}


def _set(classes: Sequence[type[Record]]) -> Native:
    """The constants that a map may stand for."""
    choices: dict[str, list[Value] | None] = {}
    for record in classes:
        for name, field in record.model_fields.items():
            annotation = cast("object", field.annotation)
            known = list(get_args(annotation)) if get_origin(annotation) is Literal else None
            before = choices.get(name, [])
            choices[name] = None if known is None or before is None else [*before, *known]
    properties: Native = {
        name: {} if known is None else {"enum": list(dict.fromkeys(cast("list[str]", known)))}
        for name, known in choices.items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


# ── words of JSON Schema ─────────────────────────────────────────────────────────────────────────


def _told(schema: Native, description: str) -> Native:
    return {"description": description, **schema}


def _given(key: str, schema: Native | None = None) -> Native:
    """The key is there and has a value (of that schema); null is as good as absent."""
    value: Native = {"not": {"type": "null"}} if schema is None else schema
    return {"type": "object", "properties": {key: value}, "required": [key]}


def _where(condition: Native, then: Native) -> Native:
    return {"if": condition, "then": then}


def _needs(key: str, other: str) -> Native:
    return _where(_given(key), _given(other))

"""Custom fields: rules that come from the CRM's own schema instead of the mapping file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count
from typing import cast

from crmhub.mapping.codecs import make
from crmhub.mapping.codecs.base import Codec, CodecError, Kind, WideCodec
from crmhub.mapping.encoding import plain_value
from crmhub.mapping.paths import Path
from crmhub.mapping.rules import CustomRule, MapSpec, Rule
from crmhub.models import CustomObject
from crmhub.native import Value
from crmhub.schema import FieldSpec, FieldType, ObjectSchema

__all__ = ["STRUCTURED", "custom_key", "custom_rules", "object_map"]

_CODECS: dict[str, tuple[Kind, Value]] = {
    "int": ("int", "int"),
    "decimal": ("decimal", "decimal"),
    "money": ("decimal", "decimal"),
    "percent": ("decimal", "decimal"),
    "bool": ("bool", "bool"),
    "date": ("date", "date"),
}
_AS_TEXT = frozenset({"text", "html", "enum", "email", "phone", "url", "time"})


class _Pointed:
    """The id that a look-up field holds, which some CRMs wrap in an object with the record's name."""

    gives: frozenset[Kind] = frozenset({"text"})
    takes: frozenset[FieldType] | None = frozenset({"ref"})
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> str | None:
        """The id."""
        id_ = value.get("id") if isinstance(value, dict) else value
        if isinstance(id_, bool | dict | list):
            raise CodecError("is not the id of a record")
        return None if id_ is None else str(id_)

    def encode(self, value: object) -> Value:
        """The id alone; a connector knows how its CRM wants it."""
        if not isinstance(value, str):
            raise CodecError("needs the id of a record")
        return value


class _Several:
    """A choice of several: a list, or one text with semicolons; which, its connector knows."""

    gives: frozenset[Kind] = frozenset({"texts"})
    takes: frozenset[FieldType] | None = frozenset({"multi_enum"})
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> list[str]:
        """The chosen literals."""
        chosen = value.split(";") if isinstance(value, str) else value
        if not isinstance(chosen, list) or not all(isinstance(one, str) for one in chosen):
            raise CodecError("is not a list of texts")
        return [str(one) for one in chosen]

    def encode(self, value: object) -> Value:
        """The chosen literals as a list."""
        if not isinstance(value, list):
            raise CodecError("needs a list of texts")
        return [str(one) for one in cast("list[object]", value)]


class _Structure:
    """Objects and lists of objects, such as the rows of a subform, as they are."""

    gives: frozenset[Kind] = frozenset({"json"})
    takes: frozenset[FieldType] | None = frozenset({"json", "multi_ref"})
    encodes: bool = True
    lossy: bool = False

    def decode(self, value: Value) -> Value:
        """The same."""
        return value

    def encode(self, value: object) -> Value:
        """The same, with instants and dates in their ISO form."""
        if isinstance(value, dict):
            table = cast("dict[object, object]", value)
            return {str(name): self.encode(item) for name, item in table.items()}
        if isinstance(value, list):
            return [self.encode(item) for item in cast("list[object]", value)]
        return plain_value(value)


_OWN: dict[str, tuple[Kind, Codec | None]] = {
    "ref": ("text", _Pointed()),
    "multi_enum": ("texts", _Several()),
    "computed": ("json", None),
    "json": ("json", _Structure()),
    "multi_ref": ("json", _Structure()),
}
"""How any field of an object is read, where that differs from a mapped custom field."""

STRUCTURED: frozenset[FieldType] = frozenset({"json", "multi_ref"})
"""Types of fields whose value is a structure, given as it is: rows of a subform, tags, several look-ups."""


def object_map(object: str, crm: str) -> MapSpec:
    """The map of an object that no mapping file names: all its fields, by their native names."""
    rule = CustomRule(re.compile(""), every=True, at=f"{crm} {object}")
    return MapSpec(CustomObject.model, CustomObject, object, (), custom=rule, at=f"{crm} {object}")


def custom_key(native: str) -> str:
    """The canonical key of a custom field: lower case, without a vendor's ``__c`` or ``cf_`` mark."""
    return _cleaned(native.removesuffix("__c").removeprefix("cf_"))


def _cleaned(name: str) -> str:
    cleaned = "".join(char if char.isascii() and (char.isalnum() or char == "_") else "_" for char in name)
    return cleaned.lower() if cleaned[:1].isalpha() or cleaned[:1] == "_" else f"_{cleaned.lower()}"


def _free_key(native: str, taken: set[str]) -> str:
    """A key that no other field has: the plain one, else one of the whole name, else a numbered one."""
    whole = _cleaned(native)
    keys = chain((custom_key(native), whole), (f"{whole}_{number}" for number in count(2)))
    key = next(key for key in keys if key not in taken)
    taken.add(key)
    return key


def custom_rules(spec: MapSpec, schema: ObjectSchema) -> Iterator[Rule]:
    """A rule for each custom field that matches and that no rule of the file has taken."""
    custom = spec.custom
    if custom is None:
        return
    taken = {name for rule in spec.rules for name in rule.to}
    keys = {str(rule.path.leaf) for rule in spec.rules if rule.path.head == "custom"}
    for name, described in schema.fields.items():
        if custom.every:
            own = _own_form(described) if described.readable else None
            if own is not None:
                yield _rule(described, custom, name, *own)
        elif described.custom and name not in taken | custom.exclude and custom.match.search(name):
            form = _form(described, custom)
            if form is not None:
                kind, codec = form
                made = None if codec is None else make(codec)
                rule = _rule(described, custom, _free_key(name, keys), kind, made)
                yield replace(rule, spelled=codec) if isinstance(codec, str) else rule


def _form(described: FieldSpec, custom: CustomRule) -> tuple[Kind, Value] | None:
    """The kind of a custom field's canonical value and its codec; ``None`` for a type that is left out."""
    if described.type == "datetime":
        return "datetime", {"datetime": {"out": custom.datetime}} if custom.datetime else "datetime"
    if described.type == "multi_enum":
        return "texts", {"split": custom.split} if custom.split else None
    if described.type in _AS_TEXT:
        return "text", None
    return _CODECS.get(described.type)


def _own_form(described: FieldSpec) -> tuple[Kind, Codec | None] | None:
    """As :func:`_form`, for any field of an object; ``None`` for what is not one plain value."""
    if described.type in _OWN:
        return _OWN[described.type]
    if described.type in _AS_TEXT:
        return "text", None
    found = ("datetime", "datetime") if described.type == "datetime" else _CODECS.get(described.type)
    return found and (found[0], cast("Codec", make(found[1])))


def _rule(
    described: FieldSpec, custom: CustomRule, key: str, kind: Kind, codec: Codec | WideCodec | None
) -> Rule:
    return Rule(
        path=Path(f"custom.{key}", "custom", None, key),
        kind=kind,
        to=(described.name,),
        codec=codec,
        writes=not described.computed and (described.creatable or described.updatable),
        at=custom.at,
        derived_from_schema=True,
        compare="set" if kind == "texts" else "exact",
    )

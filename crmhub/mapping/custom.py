"""Custom fields: rules that come from the CRM's own schema instead of the mapping file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count

from crmhub.mapping.codecs import make
from crmhub.mapping.codecs.base import Kind
from crmhub.mapping.paths import parse_path
from crmhub.mapping.rules import CustomRule, MapSpec, Rule
from crmhub.native import Value
from crmhub.schema import FieldSpec, ObjectSchema

__all__ = ["custom_key", "custom_rules"]

_CODECS: dict[str, tuple[Kind, Value]] = {
    "int": ("int", "int"),
    "decimal": ("decimal", "decimal"),
    "money": ("decimal", "decimal"),
    "percent": ("decimal", "decimal"),
    "bool": ("bool", "bool"),
    "date": ("date", "date"),
}
_AS_TEXT = frozenset({"text", "html", "enum", "email", "phone", "url", "time"})


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
        if described.custom and name not in taken | custom.exclude and custom.match.search(name):
            form = _form(described, custom)
            if form is not None:
                yield _rule(described, custom, _free_key(name, keys), *form)


def _form(described: FieldSpec, custom: CustomRule) -> tuple[Kind, Value] | None:
    """The kind of a custom field's canonical value and its codec; ``None`` for a type that is left out."""
    if described.type == "datetime":
        return "datetime", {"datetime": {"out": custom.datetime}} if custom.datetime else "datetime"
    if described.type == "multi_enum":
        return "texts", {"split": custom.split} if custom.split else None
    if described.type in _AS_TEXT:
        return "text", None
    return _CODECS.get(described.type)


def _rule(described: FieldSpec, custom: CustomRule, key: str, kind: Kind, codec: Value) -> Rule:
    return Rule(
        path=parse_path(f"custom.{key}"),
        kind=kind,
        to=(described.name,),
        codec=None if codec is None else make(codec),
        spelled=codec if isinstance(codec, str) else "",
        writes=not described.computed and (described.creatable or described.updatable),
        at=custom.at,
        derived_from_schema=True,
        compare="set" if kind == "texts" else "exact",
    )

"""Custom fields from the schema file, in the words of the Metadata API, of describes, or obvious synonyms."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from crmhub.testing.simulator.schema_file import FieldSpec
from crmhub_salesforce.simulator.catalog.fields import Choice, Field
from crmhub_salesforce.simulator.catalog.sobject import SObject

_TYPES: Mapping[str, str] = {
    "text": "string",
    "string": "string",
    "textarea": "textarea",
    "longtextarea": "longtext",
    "longtext": "longtext",
    "html": "longtext",
    "richtextarea": "longtext",
    "picklist": "picklist",
    "multiselectpicklist": "multipicklist",
    "multipicklist": "multipicklist",
    "combobox": "combobox",
    "checkbox": "boolean",
    "boolean": "boolean",
    "bool": "boolean",
    "number": "double",
    "double": "double",
    "decimal": "double",
    "integer": "int",
    "int": "int",
    "currency": "currency",
    "percent": "percent",
    "date": "date",
    "datetime": "datetime",
    "email": "email",
    "phone": "phone",
    "url": "url",
    "lookup": "reference",
    "reference": "reference",
    "masterdetail": "reference",
}
_LENGTHS: Mapping[str, int] = {
    "string": 255,
    "textarea": 255,
    "longtext": 32768,
    "picklist": 255,
    "combobox": 255,
    "multipicklist": 4099,
    "email": 80,
    "phone": 40,
    "url": 255,
}
_NUMERIC = {"double", "currency", "percent"}
_KEY_TYPES = {"string", "double", "int", "email"}
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")


def with_fields(sobject: SObject, specs: Iterable[FieldSpec], objects: Iterable[str]) -> SObject:
    """The object with the declared fields; raises SimulatorError at the first that cannot be.

    A declaration that names a standard pick list replaces its values (and nothing else).
    """
    fields = list(sobject.fields)
    known = {name.lower(): name for name in objects}
    for spec in specs:
        position = next((n for n, item in enumerate(fields) if item.name.lower() == spec.name.lower()), None)
        if position is None:
            fields.append(_custom(sobject, spec, known))
        elif fields[position].choices and spec.choices:
            fields[position] = fields[position].with_choices(
                [Choice(choice.value, choice.label) for choice in spec.choices]
            )
        elif not fields[position].custom:
            raise spec.place.error(f"{sobject.name} has the standard field {fields[position].name} already")
        else:
            fields[position] = _custom(sobject, spec, known)
    return replace(sobject, fields=tuple(fields))


def _custom(sobject: SObject, spec: FieldSpec, objects: Mapping[str, str]) -> Field:
    if not sobject.customizable:
        raise spec.place.error(f"{sobject.name} cannot have custom fields")
    if _NAME.fullmatch(spec.name) is None:
        suggestion = re.sub(r"_+", "_", re.sub(r"\W", "_", spec.name)).strip("_")
        raise spec.place.error(
            f"a custom field's name is letters, digits and single underscores, then __c: {suggestion}__c"
        )
    word = spec.type.replace(" ", "").replace("_", "").replace("-", "").lower()
    kind = _TYPES.get(word)
    if kind is None:
        raise spec.place.error(f"unknown type {spec.type!r}; use one of {', '.join(sorted(_TYPES))}")
    if (spec.unique or spec.external_id) and kind not in _KEY_TYPES:
        raise spec.place.error(f"a field of type {spec.type} can be neither unique nor an external id")
    key = spec.unique or spec.external_id
    return Field(
        name=spec.name,
        label=spec.label.removesuffix("__c").strip() or spec.name,
        type="textarea" if kind == "longtext" else kind,
        length=18 if kind == "reference" else spec.length or _LENGTHS.get(kind, 0),
        precision=(spec.precision or 18) if kind in _NUMERIC else 0,
        scale=(2 if spec.decimals is None else spec.decimals) if kind in _NUMERIC else 0,
        digits=9 if kind == "int" else 0,
        createable=True,
        updateable=True,
        nillable=not spec.required and kind != "boolean",
        defaulted=kind == "boolean",
        id_lookup=key,
        unique=spec.unique,
        external_id=spec.external_id,
        restricted=_restricted(spec),
        choices=tuple(Choice(choice.value, choice.label) for choice in spec.choices),
        targets=_targets(spec, objects) if kind == "reference" else (),
        relationship=f"{spec.name[:-1]}r" if kind == "reference" else None,
        children=f"{sobject.label_plural.replace(' ', '_')}__r" if kind == "reference" else None,
    )


def _restricted(spec: FieldSpec) -> bool:
    more = spec.more or {}
    return any(more.get(key) is True for key in ("restricted", "restrictedPicklist"))


def _targets(spec: FieldSpec, objects: Mapping[str, str]) -> tuple[str, ...]:
    if not spec.reference_to:
        raise spec.place.error("a lookup needs its target: add `reference_to: Account`")
    for target in spec.reference_to:
        if target.lower() not in objects:
            raise spec.place.error(f"no object {target!r}; there are {', '.join(objects.values())}")
    return tuple(objects[target.lower()] for target in spec.reference_to)

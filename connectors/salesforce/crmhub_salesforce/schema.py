"""What an org says about its objects, in the contract's words.

Source: REST API Developer Guide, "sObject Describe"; Object Reference, "Field Types".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crmhub.connector import Choice, FieldSpec, FieldType, Native, ObjectSchema, Value
from crmhub.errors import BadResponse, Where

__all__ = ["CURSORS", "NUMBERS", "RECORD_TYPE", "Described", "described"]

CURSORS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
"""Fields by which changes can be read, the best first: the first moves with every change, also the
system's own; the second with changes by people; the third only finds new records."""

RECORD_TYPE = "RecordTypeId"
"""The field of a record's type, where the object has several."""

NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
"""Describe types whose values are numbers."""

_TYPES: Mapping[str, FieldType] = {
    "id": "text",
    "string": "text",
    "textarea": "text",
    "encryptedstring": "text",
    "combobox": "text",  # a text with suggestions
    "picklist": "enum",
    "multipicklist": "multi_enum",
    "reference": "ref",
    "boolean": "bool",
    "int": "int",
    "long": "int",
    "double": "decimal",
    "currency": "money",
    "percent": "percent",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "email": "email",
    "phone": "phone",
    "url": "url",
    "address": "address",
    "location": "geo",
    "base64": "file",
}
_WITH_SCALE = frozenset({"double", "currency", "percent"})


@dataclass(frozen=True, slots=True)
class Described:
    """One object's describe: ``raw`` by field name, as Salesforce gave it, and the contract's schema."""

    name: str
    key_prefix: str | None
    flags: frozenset[str]
    """What holds of the object: ``queryable``, ``createable``, ``deletable``, ``replicateable`` and so on."""
    raw: Mapping[str, Native]
    schema: ObjectSchema

    def has(self, field: str) -> bool:
        """Whether there is such a field, by its exact name."""
        return field in self.raw

    def holds(self, field: str, flag: str) -> bool:
        """Whether that flag of the field's describe is true."""
        return self.raw.get(field, {}).get(flag) is True

    def type_of(self, field: str) -> str | None:
        """The describe type of a field of this object; ``None`` for a parent's field."""
        return _text(self.raw.get(field, {}), "type") or None

    def parent(self, relationship: str) -> str | None:
        """The reference field of a relationship to a parent (``Account`` has ``AccountId``)."""
        return next(
            (name for name, raw in self.raw.items() if _text(raw, "relationshipName") == relationship), None
        )

    def relationship(self, field: str) -> str:
        """The relationship of a reference field to its parent; nothing where it has none."""
        return _text(self.raw.get(field, {}), "relationshipName")

    @property
    def cursor(self) -> str | None:
        """The field by which changes are read: the best one that can be filtered and sorted."""
        for field in CURSORS:
            if self.holds(field, "filterable") and self.holds(field, "sortable"):
                return field
        return None

    @property
    def has_delete_log(self) -> bool:
        """Whether its deletions are logged: it is replicated, and records of it can be deleted at all."""
        return "replicateable" in self.flags and self.can_be_deleted

    @property
    def can_be_deleted(self) -> bool:
        """Whether records of it can be deleted, by whomever."""
        return "deletable" in self.flags or self.has("IsDeleted")

    @property
    def name_field(self) -> str | None:
        """The field that holds the record's display name."""
        return next((name for name in self.raw if self.holds(name, "nameField")), None)

    @property
    def external_ids(self) -> tuple[str, ...]:
        """The fields that an upsert can match by."""
        return tuple(name for name in self.raw if self.holds(name, "externalId"))

    def is_sync_key(self, field: str) -> bool:
        """Whether upserts by that field are safe to repeat: a unique external id that can be written."""
        return all(self.holds(field, flag) for flag in ("externalId", "unique", "createable"))


def described(object: str, answer: Value) -> Described:
    """The describe of ``object``; raises ``BadResponse`` when it is not one."""
    fields = answer.get("fields") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(fields, list):
        raise BadResponse("the describe has no list of fields", where=Where(object=object))
    raw: dict[str, Native] = {}
    for field in fields:
        if not isinstance(field, dict) or not _text(field, "name") or not _text(field, "type"):
            raise BadResponse("the describe has a field without name or type", where=Where(object=object))
        raw[_text(field, "name")] = field
    name = _text(answer, "name") or object
    if name.casefold() != object.casefold():
        raise BadResponse("the describe is one of another object", where=Where(object=object))
    specs = {key: _spec(key, field) for key, field in raw.items()}
    if RECORD_TYPE in specs:
        specs[RECORD_TYPE] = replace(specs[RECORD_TYPE], choices=_record_types(answer))
    return Described(
        name=name,
        key_prefix=_text(answer, "keyPrefix") or None,
        flags=frozenset(key for key, value in answer.items() if value is True),
        raw=raw,
        schema=ObjectSchema(name, specs, _text(answer, "label")),
    )


def _spec(name: str, field: Native) -> FieldSpec:
    kind = _text(field, "type")
    length = field.get("length")
    scale = field.get("scale")
    creatable = field.get("createable") is True
    return FieldSpec(
        name,
        _type(kind, field),
        label=_text(field, "label"),
        creatable=creatable,
        updatable=field.get("updateable") is True,
        required=creatable and field.get("nillable") is False and field.get("defaultedOnCreate") is False,
        unique=field.get("unique") is True,
        custom=field.get("custom") is True,
        max_length=length if isinstance(length, int) and length > 0 else None,
        scale=scale if isinstance(scale, int) and kind in _WITH_SCALE else None,
        choices=_choices(field),
        restricted=field.get("restrictedPicklist") is True,
        refers_to=_texts(field.get("referenceTo")),
        computed=field.get("calculated") is True,
    )


def _type(kind: str, field: Native) -> FieldType:
    if kind == "textarea" and field.get("htmlFormatted") is True:
        return "html"
    return _TYPES.get(kind, "json")


def _choices(field: Native) -> tuple[Choice, ...]:
    entries = field.get("picklistValues")
    return tuple(
        Choice(
            _text(entry, "value"), _text(entry, "label") or _text(entry, "value"), entry.get("active") is True
        )
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
    )


def _record_types(answer: Native) -> tuple[Choice, ...]:
    """The org's own record types; active are those that the user may give to a record.

    The master record type stands for having none.
    """
    entries = answer.get("recordTypeInfos")
    return tuple(
        Choice(
            _text(entry, "recordTypeId"),
            _text(entry, "name"),
            entry.get("active") is True and entry.get("available") is True,
        )
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and entry.get("master") is not True and _text(entry, "recordTypeId")
    )


def _texts(values: Value) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _text(holder: Mapping[str, Value], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""

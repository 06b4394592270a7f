"""Schemas: an object's fields as the CRM's own metadata describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Choice", "FieldSpec", "FieldType", "ObjectSchema"]


FieldType: TypeAlias = Literal[
    "text", "html", "int", "decimal", "money", "percent", "bool", "date", "datetime", "time",
    "duration", "enum", "multi_enum", "ref", "multi_ref", "email", "phone", "url", "address", "geo",
    "file", "json", "computed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a picklist: the stored value, what people see, whether it can still be chosen."""

    value: str
    label: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One native field as the CRM's own metadata describes it."""

    name: str
    type: FieldType
    label: str = ""
    readable: bool = True
    creatable: bool = True
    updatable: bool = True
    required: bool = False
    """Demanded on create and not filled by the CRM itself."""
    unique: bool = False
    custom: bool = False
    max_length: int | None = None
    scale: int | None = None
    choices: tuple[Choice, ...] = ()
    restricted: bool = False
    """Only the listed choices are accepted."""
    refers_to: tuple[str, ...] = ()
    computed: bool = False


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """An object's fields, by native name."""

    object: str
    fields: Mapping[str, FieldSpec]
    label: str = ""

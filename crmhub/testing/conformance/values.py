"""Native values for the fields of a record, and whether two of them mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from crmhub.connector import FieldSpec, FieldType, Native, ObjectSchema, Value
from crmhub.testing.conformance.target import Sample

__all__ = ["differences", "example", "filled", "meaning"]

_NUMBERS: frozenset[FieldType] = frozenset({"int", "decimal", "money", "percent"})
_DAY = datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)


def example(spec: FieldSpec, number: int) -> Value:
    """A good value of the field, another one for each number below 40; ``None`` where a type has none."""
    number %= 40
    match spec.type:
        case "text" | "html":
            return f"{number}. example"[: spec.max_length].strip()
        case "int" | "percent":
            return 10 + number
        case "decimal" | "money":
            return Decimal("10.25") + number
        case "bool":
            return number % 2 == 1
        case "date":
            return (_DAY + timedelta(days=number)).date().isoformat()
        case "datetime":
            return (_DAY + timedelta(days=number)).isoformat()
        case "enum":
            choices = [choice.value for choice in spec.choices if choice.active]
            return choices[number % len(choices)] if choices else None
        case "email":
            return f"example{number}@example.com"
        case "phone":
            return f"+1 555 01{number:02d}"
        case "url":
            return f"https://example.com/{number}"
        case _:
            return None


def filled(sample: Sample, schema: ObjectSchema, number: int) -> Native:
    """A new record with a value in every field that can be created and changed and has an example."""
    examples = {
        name: example(spec, number)
        for name, spec in schema.fields.items()
        if spec.creatable and spec.updatable and spec.readable
    }
    return {**{name: value for name, value in examples.items() if value is not None}, **sample.row(number)}


def meaning(kind: FieldType, value: Value) -> object:
    """What a native value says, so that two spellings of the same are equal.

    Instants are aware UTC, dates text, numbers ``Decimal``, references the id they lead to, telephone numbers
    have no spaces, an empty text or list is ``None``.
    """
    if value in ("", []):
        return None
    if kind in _NUMBERS and isinstance(value, int | float | Decimal | str):
        return _number(value)
    if kind == "datetime" and isinstance(value, str):
        return _instant(value)
    if kind == "phone" and isinstance(value, str):
        return value.replace(" ", "")
    if kind == "ref" and isinstance(value, dict):
        return next((inner for name, inner in value.items() if name.lower() == "id"), value)
    return value


def differences(
    schema: ObjectSchema, wanted: Mapping[str, Value], found: Mapping[str, Value], names: Iterable[str]
) -> list[str]:
    """The fields in which ``found`` means something else than ``wanted``, each with both values."""
    wrong: list[str] = []
    for name in names:
        kind = schema.fields[name].type
        if meaning(kind, wanted.get(name)) != meaning(kind, found.get(name)):
            wrong.append(f"{name}: {wanted.get(name)!r} expected, {found.get(name)!r} found")
    return wrong


def _number(value: int | float | Decimal | str) -> object:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def _instant(value: str) -> object:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return value

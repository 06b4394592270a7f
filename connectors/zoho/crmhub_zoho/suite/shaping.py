"""Rows of Zoho Books and Zoho Projects, brought into one form and compared with conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from crmhub.connector import Choice, Condition, FieldSpec, FieldType, Native, ObjectSchema, Value
from crmhub.errors import BadRequest, BadResponse, Where

__all__ = ["Fields", "check_fields", "described", "holds", "keyed", "plain"]

Fields = Mapping[str, FieldType]

_OFFSET = re.compile(r"([+-]\d\d)(\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBERS = frozenset({"int", "decimal", "money", "percent"})
_ORDERED = frozenset({"ge", "gt", "le", "lt"})


def described(
    name: str,
    label: str,
    fields: Fields,
    *,
    key: str,
    choices: Mapping[str, Iterable[str]],
    refers_to: Mapping[str, str],
) -> ObjectSchema:
    """The schema of an object that can only be read."""
    return ObjectSchema(
        name,
        {
            field: FieldSpec(
                field,
                kind,
                label=field.replace("_", " "),
                creatable=False,
                updatable=False,
                unique=field == key,
                choices=tuple(Choice(value, value.replace("_", " ")) for value in choices.get(field, ())),
                restricted=field in choices,
                refers_to=(refers_to[field],) if field in refers_to else (),
            )
            for field, kind in fields.items()
        },
        label,
    )


def plain(row: Native, fields: Fields) -> Native:
    """The row with ids as text, dates and times as ISO 8601 has them, and nothing where Zoho has a blank."""
    for name, kind in fields.items():
        value = row.get(name)
        if isinstance(value, str):
            text = value.strip()
            if not text:
                row[name] = None
            elif kind == "date" and _DAY.match(text):
                row[name] = text[:10]
            elif kind == "datetime":
                row[name] = _with_colon(text)
        elif kind in {"text", "ref"} and isinstance(value, int) and not isinstance(value, bool):
            row[name] = str(value)
    return row


def keyed(rows: Sequence[Native], key: str, object: str) -> list[Native]:
    """The rows without repeated ones; raises ``BadResponse`` for one without its id."""
    found: dict[str, Native] = {}
    for row in rows:
        id_ = row.get(key)
        if not isinstance(id_, str) or not id_:
            raise BadResponse(f"a record of {object} came without {key}; it has {', '.join(sorted(row))}")
        found.setdefault(id_, row)
    return list(found.values())


def check_fields(filter: Iterable[Condition], can: Iterable[str], object: str) -> None:
    """Raise ``BadRequest`` for a condition on a field that cannot be asked for."""
    known = sorted(can)
    for one in filter:
        if one.field not in known:
            raise BadRequest(
                f"{object} cannot be chosen by {one.field}",
                hint=f"choose by {', '.join(known)}",
                where=Where(object=object, field=one.field),
            )


def holds(row: Native, filter: Iterable[Condition], fields: Fields) -> bool:
    """Whether the row meets all conditions; letter case does not count, as with Zoho itself."""
    return all(_meets(row.get(one.field), one, fields.get(one.field, "text")) for one in filter)


def _meets(value: Value, condition: Condition, kind: FieldType) -> bool:
    wanted = condition.value
    if condition.op == "in":
        several = wanted if isinstance(wanted, list) else [wanted]
        return any(_compared(value, each, kind) == 0 for each in several)
    order = _compared(value, wanted, kind)
    if order is None or (condition.op in _ORDERED and (value is None or wanted is None)):
        return False
    match condition.op:
        case "eq":
            return order == 0
        case "ge":
            return order >= 0
        case "gt":
            return order > 0
        case "le":
            return order <= 0
        case "lt":
            return order < 0


def _compared(value: Value, wanted: Value, kind: FieldType) -> int | None:
    """-1, 0 or 1 as the value is less, the same or more; ``None`` where the two cannot be compared."""
    if value is None or wanted is None:
        return 0 if value is wanted else None
    try:
        if kind in _NUMBERS:
            first, second = Decimal(str(value)), Decimal(str(wanted))
            return (first > second) - (first < second)
        if kind == "datetime":
            at, asked = (datetime.fromisoformat(_with_colon(str(one))) for one in (value, wanted))
            return (at > asked) - (at < asked)
    except (ArithmeticError, ValueError, TypeError):
        return None
    if kind == "bool":
        return 0 if value is wanted else None
    text, other = str(value).strip().casefold(), str(wanted).strip().casefold()
    return (text > other) - (text < other)


def _with_colon(text: str) -> str:
    """A time whose offset has a colon; Zoho Books leaves it out."""
    end = _OFFSET.fullmatch(text[-5:])
    return f"{text[:-5]}{end[1]}:{end[2]}" if end and "T" in text else text

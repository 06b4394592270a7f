"""References that stand in one of several fields, as one field and another that names the object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crmhub.connector import Choice, FieldSpec, Native, Problem, Value
from crmhub_rest.language.object import CrmObject

__all__ = ["OBJECT", "described", "expanded", "parted", "point"]

OBJECT = "_object"
"""What stands behind the reference's name in that of the field that names the object."""


def described(says: CrmObject, fields: Mapping[str, FieldSpec]) -> dict[str, FieldSpec]:
    """The two fields of each such reference."""
    found: dict[str, FieldSpec] = {}
    for name, parts in says.either.items():
        objects = tuple(parts.values())
        able = [fields[part] for part in parts if part in fields]
        creatable, updatable = (any(one.creatable for one in able), any(one.updatable for one in able))
        choices = tuple(Choice(one, one) for one in objects)
        found[name] = FieldSpec(name, "ref", name, creatable, updatable, refers_to=objects)
        found[f"{name}{OBJECT}"] = FieldSpec(
            f"{name}{OBJECT}", "enum", name, creatable, updatable, choices=choices, restricted=True
        )
    return found


def expanded(says: CrmObject, fields: Iterable[str]) -> list[str]:
    """The fields, with those that such references stand in."""
    found: list[str] = []
    for field in fields:
        parts = says.either.get(field.removesuffix(OBJECT), {})
        found += [field, *parts]
    return found


def point(says: CrmObject, rows: Sequence[Native]) -> None:
    """Put the first reference that is set, and its object, into each row."""
    for name, parts in says.either.items():
        for row in rows:
            held = next(((row[part], kind) for part, kind in parts.items() if row.get(part)), (None, None))
            row[name], row[f"{name}{OBJECT}"] = held


def parted(says: CrmObject, fields: Mapping[str, Value], *, new: bool) -> Native | Problem:
    """The fields with each such reference where it stands, or why that cannot be.

    Of a record that is there, fields that count before it are emptied; those behind it are left alone.
    """
    own = dict(fields)
    for name, parts in says.either.items():
        if name not in own:
            own.pop(f"{name}{OBJECT}", None)
            continue
        value, kind = own.pop(name), own.pop(f"{name}{OBJECT}", None)
        if value is not None and kind not in parts.values():
            known = ", ".join(parts.values())
            return Problem(
                "UNKNOWN_OBJECT", f"{name}{OBJECT} has to say of which object it is: {known}", name
            )
        for part, object_ in parts.items():
            mine = value is not None and object_ == kind
            if mine or not new:
                own[part] = value if mine else None
            if mine:
                break
    return own

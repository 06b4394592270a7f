"""Native values as the SDK's objects, and back.

The SDK checks exact types against the fields' metadata: a choice must be a ``Choice``, an amount a
``float``, a look-up a ``Record``. ``Details`` is that metadata as the SDK itself keeps it.
"""
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from typing import TypeAlias, cast

from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.record import Record
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

from crmhub.connector import Native, Value
from crmhub.errors import Unsupported, Where

__all__ = ["Details", "native", "object_of", "record_of"]

Details: TypeAlias = Mapping[str, Mapping[str, Mapping[str, object]]]
"""By module (in lower case) and field: ``type``, ``structure_name`` and what else the SDK knows of it."""

_CHOICE = "zohocrmsdk.src.com.zoho.crm.api.util.Choice"
_RECORD = "zohocrmsdk.src.com.zoho.crm.api.record.Record"
_ID = "id"
_NOTHING: Mapping[str, object] = {}


# ── to the SDK ───────────────────────────────────────────────────────────────────────────────────


def record_of(row: Native, details: Details, module: str | None) -> object:
    """A record with the row's fields. Raises :class:`Unsupported` for a value that it cannot hold."""
    known = {**_members(_RECORD), **details.get((module or "").lower(), {})}
    by_name = {str(member.get("name")): member for member in known.values()}
    record = Record()
    for name, value in row.items():
        if name == _ID:
            record.set_id(int(str(value)))
            continue
        try:
            typed = _typed(value, by_name.get(name, _NOTHING), details)
        except (ValueError, TypeError, AttributeError):
            raise _cannot_hold(name) from None
        record.add_key_value(name, typed)
    return record


def _typed(value: Value, detail: Mapping[str, object], details: Details) -> object:
    structure = detail.get("structure_name")
    kind = structure if isinstance(structure, str) else str(detail.get("type", ""))
    if isinstance(value, list):
        return [_typed_one(one, kind if kind != "List" else "", detail, details) for one in value]
    return _typed_one(value, kind, detail, details)


def _typed_one(value: Value, kind: str, detail: Mapping[str, object], details: Details) -> object:
    if value is None:
        return None
    if kind == _CHOICE:
        return Choice(value)
    if isinstance(value, dict):
        if kind == _RECORD:
            module = detail.get("module")
            return record_of(value, details, module if isinstance(module, str) else None)
        return object_of(value, kind, details) if kind in _known() else _plain(value)
    if kind == "DateTime":
        return datetime.fromisoformat(str(value))
    if kind == "Date":
        return date.fromisoformat(str(value))
    if kind in {"Integer", "Long"}:
        if not isinstance(value, int) and Decimal(str(value)) != int(Decimal(str(value))):
            raise ValueError
        return int(Decimal(str(value)))
    if kind in {"Double", "Float"} and not isinstance(value, bool):
        return _float(value)
    return _plain(value)


def object_of(value: Native, kind: str, details: Details) -> object:
    """An object of one of the SDK's classes, by its setters, which note what is to be sent."""
    package, _, name = kind.rpartition(".")
    made = cast("object", getattr(import_module(package), name)())
    members = {str(detail.get("name")): (member, detail) for member, detail in _members(kind).items()}
    for key, one in value.items():
        if key not in members:
            raise ValueError
        member, detail = members[key]
        getattr(made, f"set_{member}")(_typed(one, detail, details))
    return made


def _plain(value: Value) -> object:
    if isinstance(value, Decimal):
        return _float(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _float(value: Value) -> float:
    number = float(str(value))
    if Decimal(repr(number)) != Decimal(str(value)):
        raise ValueError
    return number


def _cannot_hold(field: str) -> Unsupported:
    return Unsupported(
        f"the SDK cannot hold the value of {field}",
        hint="another tier can: leave the tier out, or name rest",
        where=Where(field=field),
    )


# ── from the SDK ─────────────────────────────────────────────────────────────────────────────────


def native(value: object) -> object:
    """What the SDK made of a JSON value, as that value: ids are text, instants are in UTC."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, datetime):  # the SDK has turned it into this machine's zone
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Choice):
        return cast("object", value.get_value())  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, list):
        return [native(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return _with_text_id(
            {str(name): native(one) for name, one in cast("dict[object, object]", value).items()}
        )
    if isinstance(value, Record):
        return native(cast("object", value.get_key_values()))  # pyright: ignore[reportAttributeAccessIssue]
    return _with_text_id(_fields_of(value))


def _fields_of(model: object) -> dict[str, object]:
    """An object of the SDK by the names its JSON had; what it does not have is left out."""
    kind = type(model)
    package = kind.__module__.rpartition(".")[0]
    found: dict[str, object] = {}
    for member, detail in _members(f"{package}.{kind.__name__}").items():
        value = getattr(model, f"_{kind.__name__}__{member}", None)
        if value is not None and member != "key_modified":
            found[str(detail.get("name", member))] = native(value)
    return found


def _with_text_id(row: dict[str, object]) -> dict[str, object]:
    if type(row.get(_ID)) is int:
        row[_ID] = str(row[_ID])
    return row


def _members(kind: str) -> Mapping[str, Mapping[str, object]]:
    return cast("Mapping[str, Mapping[str, object]]", _known().get(kind, {}))


def _known() -> Mapping[str, object]:
    return cast("Mapping[str, object]", Initializer.json_details)

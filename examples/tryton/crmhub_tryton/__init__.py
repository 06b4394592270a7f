"""Tryton 8.2, as a CRM: parties, sale opportunities and notes by its REST API.

Sources: Tryton's documentation, "REST", "Domain syntax" and "JSON-RPC" (how values are typed in JSON).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from crmhub import hookimpl
from crmhub.connector import Native, Value
from crmhub_rest import Seams, connector

__all__ = ["Connector", "TypedValues", "crmhub_mappings"]

_HERE = Path(__file__).parent
_DATES = frozenset({"start_date", "end_date"})
_CLOCK = ("hour", "minute", "second", "microsecond")


class TypedValues(Seams):
    """Tryton writes a number as ``{"__class__": "Decimal", …}``, and dates in the same way."""

    def decode(self, object: str, record: Native) -> Native:  # noqa: ARG002 - the same for all objects
        """Plain values."""
        return {name: _plain(value) for name, value in record.items()}

    def encode(self, object: str, fields: Native) -> Native:  # noqa: ARG002 - the same for all objects
        """Typed values."""
        return {name: _typed(name, value) for name, value in fields.items()}


def _plain(value: Value) -> Value:
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    match kind:
        case "Decimal":
            return Decimal(str(value.get("decimal")))
        case "date":
            return _day(value).isoformat()
        case "datetime":  # in UTC, which Tryton does not say
            hour, minute, second, rest = (_number(value, name) for name in _CLOCK)
            return f"{_day(value).isoformat()}T{hour:02}:{minute:02}:{second:02}.{rest:06}Z"
        case _:
            return value


def _day(value: Native) -> date:
    return date(*(_number(value, name) for name in ("year", "month", "day")))


def _number(value: Native, name: str) -> int:
    found = value.get(name)
    return found if isinstance(found, int) else 0


def _typed(name: str, value: Value) -> Value:
    if name in _DATES and isinstance(value, str):
        day = date.fromisoformat(value)
        return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
    if isinstance(value, Decimal) or name == "amount":
        return None if value is None else {"__class__": "Decimal", "decimal": str(value)}
    return value


Connector = connector(_HERE / "tryton.yaml")


@hookimpl
def crmhub_mappings() -> Mapping[str, Path]:
    """How Tryton's fields are ours."""
    return {"tryton": _HERE / "mapping.yaml"}

"""Native values: what comes off the wire, before any mapping."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import TypeAlias

__all__ = ["Checkpoint", "Native", "Value", "unsayable", "unsayable_part"]

Value: TypeAlias = "str | int | Decimal | float | bool | list[Value] | dict[str, Value] | None"
"""One JSON value as it comes off the wire; numbers with a fraction are ``Decimal``."""

Native: TypeAlias = dict[str, Value]
"""A record in the CRM's own words."""

Checkpoint: TypeAlias = Mapping[str, Value]
"""Where an incremental read stands: JSON-able, made and understood by the connector alone."""

_DEEPEST = 60


def unsayable(value: object, deepest: int = _DEEPEST) -> str | None:
    """Why JSON cannot say a value as it is, in a few words; ``None``: it can.

    What is found before a batch is sent costs one record; an encoder would refuse the batch, or make
    ``null`` of what is no number.
    """
    if isinstance(value, str):
        return None if value.isascii() or _is_unicode(value) else "half of a surrogate pair is in it"
    if value is None or isinstance(value, int):
        return None
    if isinstance(value, float | Decimal):
        finite = value.is_finite() if isinstance(value, Decimal) else isfinite(value)
        return None if finite else "it is not a finite number"
    if not isinstance(value, list | dict):
        return "JSON has no such value"
    if deepest == 0:
        return "it is nested too deeply"
    parts: list[object] = [*value, *value.values()] if isinstance(value, dict) else [*value]
    return next((why for part in parts if (why := unsayable(part, deepest - 1)) is not None), None)


def unsayable_part(fields: Mapping[str, object]) -> tuple[str | None, str] | None:
    """The first field whose value JSON cannot say, and why; no name where that is what cannot be said."""
    for name, value in fields.items():
        if why := unsayable(name):
            return None, why
        if why := unsayable(value):
            return name, why
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""What texts on the wire say, where a field is of another type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import cast

import msgspec

from crmhub.connector import Value
from crmhub.schema import FieldType

__all__ = ["said"]


def said(kind: FieldType, text: str) -> Value:
    """What the text says as a value of that type: an empty one nothing; itself where it is none of it."""
    if not text:
        return None
    return _READERS[kind](text) if kind in _READERS else text


def _number(text: str) -> Value:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _several(text: str) -> Value:
    if not text.startswith("["):
        return [*text.split(";")]
    try:
        return cast("Value", msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text


_READERS: Mapping[FieldType, Callable[[str], Value]] = {
    "int": _number,
    "decimal": _number,
    "money": _number,
    "percent": _number,
    "bool": lambda text: {"true": True, "false": False}.get(text, text),
    "multi_enum": _several,
}

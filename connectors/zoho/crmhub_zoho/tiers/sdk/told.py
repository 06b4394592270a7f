"""Values as Zoho told them, where the SDK writes the same in another way.

It turns instants into this machine's zone, and forgets the organisation's; it makes 12.0 of an amount of 12.
"""

from __future__ import annotations

from decimal import Decimal

from crmhub.connector import Value
from crmhub_zoho.records import instant

__all__ = ["as_told"]


def as_told(value: Value, told: Value) -> Value:
    """The value that the SDK gave, with instants and numbers in it written as in the reply that it read."""
    if isinstance(value, dict) and isinstance(told, dict):
        return {name: as_told(one, told.get(name)) for name, one in value.items()}
    if isinstance(value, list) and isinstance(told, list) and len(value) == len(told):
        return [as_told(one, other) for one, other in zip(value, told, strict=True)]
    if isinstance(value, Decimal) and isinstance(told, int | Decimal):
        return told if value == told else value
    if isinstance(value, str) and isinstance(told, str) and value != told:
        ours = instant(value)
        return told if ours is not None and ours == instant(told) else value
    return value

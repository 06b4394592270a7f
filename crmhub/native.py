"""Native values: what comes off the wire, before any mapping."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

__all__ = ["Checkpoint", "Native", "Value"]

Value: TypeAlias = "str | int | Decimal | float | bool | list[Value] | dict[str, Value] | None"
"""One JSON value as it comes off the wire; numbers with a fraction are ``Decimal``."""

Native: TypeAlias = dict[str, Value]
"""A record in the CRM's own words."""

Checkpoint: TypeAlias = Mapping[str, Value]
"""Where an incremental read stands: JSON-able, made and understood by the connector alone."""

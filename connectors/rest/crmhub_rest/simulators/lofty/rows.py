"""Reading the values of stored rows, which hold times as epoch seconds and ids as numbers."""

from collections.abc import Mapping
from typing import cast

from crmhub.testing.simulator.table import Row


def whole(row: Mapping[str, object], key: str) -> int:
    """A stored whole number; 0 if there is none."""
    value = row.get(key)
    return value if isinstance(value, int) else 0


def seconds(row: Mapping[str, object], key: str) -> float:
    """A stored time in epoch seconds; 0 if there is none."""
    value = row.get(key)
    return value if isinstance(value, int | float) else 0.0


def text(row: Mapping[str, object], key: str) -> str:
    """A stored text; empty if there is none."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def texts(row: Mapping[str, object], key: str) -> list[str]:
    """A stored list of texts."""
    return cast("list[str]", row.get(key) or [])


def rows_in(row: Mapping[str, object], key: str) -> list[Row]:
    """A stored list of rows."""
    return cast("list[Row]", row.get(key) or [])


def full_name(row: Mapping[str, object]) -> str:
    """First and last name."""
    return f"{text(row, 'firstName')} {text(row, 'lastName')}".strip()

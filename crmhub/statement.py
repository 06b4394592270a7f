"""Statements in a CRM's own query language, with values in the places that are left for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import TypeAlias, cast

from crmhub.document import suggest
from crmhub.errors import UsageError

__all__ = ["Scalar", "bound"]

Scalar: TypeAlias = str | bool | int | float | Decimal | date | None
"""What can stand for a placeholder: a ``date`` may be a ``datetime``, which names its time zone."""

_PLACE = re.compile(
    r"(?P<string>'(?:\\.|''|[^'\\])*')|(?P<open>')|:(?P<name>[A-Za-z_][A-Za-z0-9_]*)", re.DOTALL
)


def bound(text: str, params: Mapping[str, object], literal: Callable[[Scalar], str]) -> str:
    """``text`` with each ``:name`` replaced by the literal of its value; ``[1, 2]`` becomes ``(1, 2)``.

    ``literal`` writes a value in the language, so that it cannot become syntax; what stands between
    quotes is left alone. Raises :class:`UsageError` for a name without a value, a value without a place,
    and a value of another kind.
    """
    used: set[str] = set()

    def replaced(match: re.Match[str]) -> str:
        if match["open"]:
            raise UsageError("query: a quote is not closed")
        name = match["name"]
        if name is None:
            return match["string"]
        if name not in params:
            raise UsageError(f"query: no value for :{name}", hint=suggest(name, params))
        used.add(name)
        return _written(name, params[name], literal)

    whole = _PLACE.sub(replaced, text)
    for name in params:
        if name not in used:
            raise UsageError(f"query: there is no :{name} in it", hint="outside of quotes")
    return whole


def _written(name: str, value: object, literal: Callable[[Scalar], str]) -> str:
    if not isinstance(value, list | tuple | set | frozenset):
        return literal(_scalar(name, value))
    several = [literal(_scalar(name, each)) for each in cast("list[object]", value)]
    if not several:
        raise UsageError(f"query: :{name} is an empty list", hint="ask nothing where nothing can be found")
    return f"({', '.join(several)})"


def _scalar(name: str, value: object) -> Scalar:
    if value is None or isinstance(value, str | bool | int | float | Decimal | date):
        return value
    raise UsageError(
        f"query: :{name}: a {type(value).__name__} is no value of a query",
        hint="a text, a number, a bool, a date, a datetime, None, or a list of them",
    )

"""Searches by criteria, e-mail address, phone number or word, as Zoho's index makes them.

Source: Zoho CRM API v8, "Search Records": at most 15 conditions and 2,000 results; ``equals`` on a text is
also met by texts that contain it; brackets, commas and backslashes in values are escaped by a backslash; a
time has an offset, never a ``Z``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import cast

from crmhub.connector import Native
from crmhub.document import suggest
from crmhub.errors import BadRequest, Where
from crmhub_zoho.extras.checks import module_name
from crmhub_zoho.records import normaliser
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.rest import MOST_FIELDS, PAGE, Rest

__all__ = ["Criterion", "Searching"]

Criterion = tuple[str, str, object]
"""Field, operator, value: ``("Account_Name", "starts_with", "Ac")``; lists for ``in`` and ``between``."""

MOST_CONDITIONS = 15
MOST_FOUND = 2_000
MOST_VALUES = 100
_OPERATORS = frozenset(
    {
        *("equals", "not_equal", "starts_with", "in", "between"),
        *("greater_than", "greater_equal", "less_than", "less_equal"),
    }
)
_ESCAPED = str.maketrans({letter: f"\\{letter}" for letter in "\\(),"})
_LISTS: Mapping[str, range] = MappingProxyType({"in": range(1, MOST_VALUES + 1), "between": range(2, 3)})


class Searching:
    """Searches modules."""

    def __init__(self, rest: Rest, schemas: Schemas) -> None:
        self._rest = rest
        self._schemas = schemas

    async def records(
        self, module: str, by: str, wanted: str | Sequence[Criterion], fields: Sequence[str], limit: int
    ) -> AsyncGenerator[Sequence[Native]]:
        """Pages of what is found ``by`` (``criteria``, ``email``, ``phone``, ``word``), at most ``limit``."""
        schema = await self._schemas.of(module_name(module))
        for name in fields:
            schema.check(name)
        if not 1 <= len(set(fields)) <= MOST_FIELDS:
            raise BadRequest(
                f"a search shows 1 to {MOST_FIELDS} fields, and {len(set(fields))} are asked for",
                hint="get the records by their ids for more",
                where=Where(object=module),
            )
        if isinstance(wanted, str):
            text = wanted
        else:
            for field, _, _ in wanted:
                schema.check(field)
            text = criteria(wanted)
        normalise = normaliser(schema)
        left, page = min(limit, MOST_FOUND), 1
        while left > 0:
            answer = await self._rest.found(module, {by: text}, fields, page, min(limit, PAGE))
            normalise(answer.rows, module)
            yield answer.rows[:left]
            left -= len(answer.rows)
            if not answer.more or not answer.rows:
                return
            page += 1


def criteria(wanted: Sequence[Criterion]) -> str:
    """The text for conditions that must all hold; no value can become syntax.

    Raises ``BadRequest``, naming the field, for what Zoho would not take.
    """
    if not 1 <= len(wanted) <= MOST_CONDITIONS:
        raise BadRequest(f"a search takes 1 to {MOST_CONDITIONS} conditions, and {len(wanted)} are given")
    parts = [f"({field}:{operator}:{_value(field, operator, value)})" for field, operator, value in wanted]
    return parts[0] if len(parts) == 1 else f"({'and'.join(parts)})"


def _value(field: str, operator: str, value: object) -> str:
    where = Where(field=field)
    if operator not in _OPERATORS:
        raise BadRequest(
            f"a search has no operator {operator!r}", hint=suggest(operator, _OPERATORS), where=where
        )
    sizes = _LISTS.get(operator)
    if sizes is None:
        return _written(value, where)
    several = list(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else []
    if len(several) not in sizes:
        wanted = "two values" if operator == "between" else f"a list of 1 to {MOST_VALUES} values"
        raise BadRequest(f"{operator} takes {wanted}", where=where)
    return ",".join(_written(each, where) for each in several)


def _written(value: object, where: Where) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BadRequest("a time names no time zone", hint="datetime(…, tzinfo=UTC)", where=where)
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | Decimal | float) and Decimal(str(value)).is_finite():
        return format(Decimal(str(value)), "f")
    if isinstance(value, str) and value and value.isprintable():
        return value.translate(_ESCAPED)
    raise BadRequest(
        "a search cannot compare with that value",
        hint="a printable text, a number, a bool, a date or a datetime with a time zone",
        where=where,
    )

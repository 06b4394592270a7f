"""SOQL, built so that a value can never become syntax.

Names are checked against the shape of API names, values become literals of their field's type. Source:
SOQL and SOSL Reference, "Quoted String Escape Sequences", "Date Formats and Date Literals in WHERE".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from crmhub.connector import Condition, Value
from crmhub.errors import BadRequest, Where
from crmhub.statement import Scalar
from crmhub_salesforce.schema import NUMBERS

__all__ = [
    "MOST_CHARACTERS",
    "compared",
    "counting",
    "identifier",
    "instant",
    "literal",
    "parameter",
    "path_of",
    "quoted",
    "select",
]

MOST_CHARACTERS = 100_000
"""Of one statement (SOQL and SOSL Reference, "SOQL and SOSL Limits for Search Queries")."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_DEEPEST = 5  # child-to-parent relationships in one path
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_SPECIAL = re.compile(r"[\\'\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OPERATORS = {"eq": "=", "ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_MOMENTS = frozenset({"date", "datetime"})
_CLOCK = re.compile(r"\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z")
_LARGEST_EXPONENT = 60


def identifier(name: str) -> str:
    """``name`` if it has the shape of an object's or field's API name; raises ``BadRequest``."""
    if _NAME.fullmatch(name) is None:
        raise BadRequest("a name in a query is not an API name", hint="API names have letters, digits and _")
    return name


def path_of(name: str) -> str:
    """``name`` if it is a field's API name or a path to a parent's field (``Owner.Email``)."""
    parts = name.split(".")
    if len(parts) > _DEEPEST + 1:
        raise BadRequest(f"a field path has more than {_DEEPEST} relationships")
    for part in parts:
        identifier(part)
    return name


def quoted(text: str) -> str:
    """``text`` as a string literal, exactly. Raises ``BadRequest`` for half a surrogate pair."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadRequest("a value in a query is not Unicode text")
    return "'" + _SPECIAL.sub(_escape, text) + "'"


def _escape(match: re.Match[str]) -> str:
    letter = match.group()
    return _ESCAPES.get(letter) or f"\\u{ord(letter):04x}"


def instant(moment: datetime) -> str:
    """An aware instant as a literal, in UTC, to the millisecond; raises ``BadRequest`` for a naive one."""
    if moment.tzinfo is None:
        raise BadRequest("a time in a query has no time zone", hint="write it like 2026-01-31T09:00:00Z")
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{text.removesuffix('.000')}Z"


def literal(value: Value, kind: str | None) -> str:
    """``value`` as a literal for a field of describe type ``kind`` (``None``: not known, by the value).

    Raises ``BadRequest`` for a value that the type cannot have; the message never shows the value.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return _demand(kind in {None, "boolean"}, "true" if value else "false", kind)
    if isinstance(value, int | Decimal | float):
        return _demand(kind is None or kind in NUMBERS, _number(value), kind)
    if not isinstance(value, str):
        raise BadRequest("a filter compares with text, a number, true, false or null")
    if kind in _MOMENTS:
        return _moment(value, kind)
    if kind == "time":
        return _demand(_CLOCK.fullmatch(value) is not None, value, kind)
    return _demand(kind != "boolean" and kind not in NUMBERS, quoted(value), kind)


def parameter(value: Scalar) -> str:
    """A value that a caller binds to a statement. Raises ``BadRequest`` as :func:`literal` does."""
    if isinstance(value, datetime):
        return instant(value)
    return value.isoformat() if isinstance(value, date) else literal(value, None)


def compared(condition: Condition, kind: str | None) -> str:
    """A condition as a boolean expression in parentheses where it needs them."""
    name = path_of(condition.field)
    try:
        if condition.op == "in":
            return _among(name, condition.value, kind)
        return f"{name} {_OPERATORS[condition.op]} {literal(condition.value, kind)}"
    except BadRequest as error:
        error.where = Where(field=name)
        raise


def select(
    fields: Sequence[str],
    object: str,
    conditions: Iterable[str] = (),
    *,
    order: Sequence[str] = (),
    newest_first: bool = False,
    limit: int | None = None,
) -> str:
    """A statement: ``fields`` (each once, whatever the case) of ``object`` where all conditions hold."""
    chosen = ", ".join({path_of(name).lower(): name for name in fields}.values())
    parts = [_from(chosen, object, conditions)]
    if order:
        way = " DESC" if newest_first else ""
        parts.append(f"ORDER BY {', '.join(path_of(name) + way for name in order)}")
    if limit is not None:
        parts.append(f"LIMIT {limit}")
    return _bounded(" ".join(parts))


def counting(object: str, conditions: Iterable[str] = ()) -> str:
    """The statement that counts the records of ``object`` for which all conditions hold."""
    return _bounded(_from("COUNT()", object, conditions))


def _from(chosen: str, object: str, conditions: Iterable[str]) -> str:
    where = " AND ".join(conditions)
    text = f"SELECT {chosen} FROM {identifier(object)}"  # noqa: S608 - names are checked, values are literals
    return f"{text} WHERE {where}" if where else text


def _bounded(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise BadRequest(
            f"the query would have {len(text)} characters, Salesforce reads {MOST_CHARACTERS}",
            hint="filter by fewer values at a time, or ask for fewer fields",
        )
    return text


def _among(name: str, values: Value, kind: str | None) -> str:
    if not isinstance(values, list):
        raise BadRequest("the condition 'in' needs a list")
    known = list(dict.fromkeys(literal(value, kind) for value in values if value is not None))
    parts = [f"{name} IN ({', '.join(known)})"] if known else []
    if None in values:
        parts.append(f"{name} = null")
    if not parts:
        return "Id = null"  # IN () is no SOQL; an empty list is met by no record
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _number(value: float | Decimal) -> str:
    number = Decimal(str(value))
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise BadRequest("a number in a query is out of range")
    return f"{number:f}"


def _moment(text: str, kind: str | None) -> str:
    try:
        if kind == "date":
            return date.fromisoformat(text).isoformat()
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"the field is compared with a {kind}, in ISO 8601") from None
    return instant(moment)


def _demand(holds: bool, text: str, kind: str | None) -> str:
    if not holds:
        raise BadRequest(f"a value of the wrong type is compared with a {kind} field")
    return text

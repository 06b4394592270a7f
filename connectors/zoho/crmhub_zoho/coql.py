"""COQL queries, built so that no value and no name can change what they ask.

Source: Zoho CRM API v8, "COQL Overview" and "COQL Limitations": a ``where`` is needed, more than two
conditions are nested in pairs, a quote inside a string is doubled, ``in`` takes 100 values, a query 25
conditions and 500 columns, a call gives 2,000 rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from crmhub.connector import Condition, Value
from crmhub.errors import BadRequest, Where
from crmhub.statement import Scalar

__all__ = [
    "MOST_COLUMNS",
    "MOST_ROWS",
    "all_of",
    "any_of",
    "conditions",
    "count",
    "has_limit",
    "identifier",
    "literal",
    "parameter",
    "select",
    "stamp",
]

MOST_COLUMNS = 500
MOST_ROWS = 2_000
MOST_CONDITIONS = 25
MOST_VALUES = 100

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*){0,2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OPERATORS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_UTC_TEXT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
_STRING = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_RESERVED = frozenset(
    {
        *("all", "and", "as", "asc", "avg", "between", "by", "case", "count", "cross", "desc", "distinct"),
        *("else", "end", "exists", "external", "false", "from", "full", "group", "having", "in", "inner"),
        *("is", "join", "left", "like", "limit", "max", "min", "not", "null", "offset", "on", "or", "order"),
        *("outer", "right", "select", "set", "sum", "table", "then", "to", "true", "union", "using"),
        *("values", "when", "where", "with"),
    }
)
_LIMIT = re.compile(r"\blimit\b", re.IGNORECASE)


def identifier(name: str, what: str = "field") -> str:
    """``name`` if it is an API name (with dots: through a lookup); raises ``BadRequest`` otherwise."""
    if len(name) > 160 or not _IDENTIFIER.fullmatch(name):
        shown = "".join(letter if letter.isprintable() else "?" for letter in name[:40])
        raise BadRequest(f"{shown!r} is not the API name of a {what}", hint="letters, digits and underscores")
    return name


def literal(value: Value) -> str:
    """``value`` as a COQL literal.

    Raises ``BadRequest`` for what cannot safely be one: a control character, a lone surrogate, a
    backslash (whether Zoho reads one as an escape is not documented), lists and objects.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal | float):
        return _number(Decimal(str(value)))
    if not isinstance(value, str):
        raise BadRequest(f"a {type(value).__name__} cannot be compared with in COQL")
    if "\\" in value or _CONTROL.search(value) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise BadRequest(
            "COQL cannot be asked for a value with a backslash, a control character or half a surrogate pair",
            hint="read without that condition and compare afterwards",
        )
    return "'" + value.replace("'", "''") + "'"


def stamp(at: datetime) -> str:
    """An instant as COQL wants it: with an offset, in whole seconds."""
    return literal(at.replace(microsecond=0).isoformat())


def parameter(value: Scalar) -> str:
    """A value that a caller binds to a query. Raises ``BadRequest`` as :func:`literal` does."""
    if value is None:
        raise BadRequest("COQL compares nothing with null", hint="write: is null, or: is not null")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BadRequest("a time in a query names no time zone", hint="datetime(…, tzinfo=UTC)")
        return stamp(value)
    return literal(value.isoformat() if isinstance(value, date) else value)


def all_of(parts: Sequence[str]) -> str:
    """``parts`` joined by ``and``, nested in pairs."""
    return _joined(parts, "and")


def any_of(parts: Sequence[str]) -> str:
    """``parts`` joined by ``or``, nested in pairs."""
    return _joined(parts, "or")


def conditions(wanted: Iterable[Condition], types: Mapping[str, str], *, room: int = 3) -> list[str]:
    """One bracketed expression for each condition; ``types`` holds Zoho's data types by field.

    ``room`` is how many conditions of the query are needed elsewhere. Raises ``BadRequest``, naming the
    field, for what COQL cannot ask.
    """
    built: list[str] = []
    used = room
    for one in wanted:
        try:
            expressions = _expressions(one, types.get(one.field, ""))
        except BadRequest as error:
            error.where = Where(field=one.field)
            raise
        used += len(expressions)
        if used > MOST_CONDITIONS:
            raise BadRequest(
                f"COQL takes {MOST_CONDITIONS} conditions and {MOST_VALUES} values in each",
                hint=f"ask for at most {(MOST_CONDITIONS - room) * MOST_VALUES} values at a time",
                where=Where(field=one.field),
            )
        built.append(any_of(expressions))
    return built


def select(
    columns: Sequence[str], module: str, where: str, *, order: str | None = None, limit: int | None = None
) -> str:
    """A query. ``where`` and ``order`` are built by this module's functions from checked names."""
    names = ", ".join(_column(column) for column in dict.fromkeys(columns))
    text = f"select {names} from {identifier(module, 'module')} where {where}"  # noqa: S608 - checked names
    if order:
        text += f" order by {order}"
    return f"{text} limit {limit}" if limit else text


def count(module: str, where: str) -> str:
    """A query that counts the rows of ``where``."""
    return f"select count(id) from {identifier(module, 'module')} where {where}"  # noqa: S608 - checked names


def has_limit(text: str) -> bool:
    """Whether a query written by hand has a ``limit`` of its own."""
    return _LIMIT.search(_STRING.sub("''", text)) is not None


def _column(name: str) -> str:
    """A field's name as a column; one that is a word of the language stands in quotes."""
    return f"'{identifier(name)}'" if name.lower() in _RESERVED else identifier(name)


def _expressions(one: Condition, data_type: str) -> list[str]:
    """The condition as alternatives: more than one only for a long ``in``."""
    name = _column(one.field)
    if one.op == "in":
        if not isinstance(one.value, list):
            raise BadRequest("an 'in' condition needs a list")
        values = list(dict.fromkeys(literal(_adapted(value, data_type)) for value in one.value))
        if not values:
            return ["id is null"]  # nothing can be in an empty list
        chunks = (values[start : start + MOST_VALUES] for start in range(0, len(values), MOST_VALUES))
        return [f"{name} in ({', '.join(chunk)})" for chunk in chunks]
    if one.op == "eq":
        if one.value is None:
            return [f"{name} is null"]
        return [f"{name} = {literal(_adapted(one.value, data_type))}"]
    return [f"{name} {_OPERATORS[one.op]} {literal(_adapted(one.value, data_type))}"]


def _adapted(value: Value, data_type: str) -> Value:
    """Instants in the one form that Zoho takes: whole seconds and a numeric offset, no ``Z``."""
    if data_type != "datetime" or not isinstance(value, str):
        return value
    match = _UTC_TEXT.fullmatch(value)
    return value if match is None else match[1] + match[2].replace("Z", "+00:00")


def _joined(parts: Sequence[str], word: str) -> str:
    if not parts:
        raise ValueError("a where clause needs a condition")
    joined = parts[0]
    for part in parts[1:]:
        joined = f"({joined} {word} {part})"
    return joined


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise BadRequest("infinity and NaN cannot be compared with in COQL")
    return format(value, "f")

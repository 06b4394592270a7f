"""SOQL as far as agents may write it: fields of one object, conditions, an order, a limit; nothing nested.

A statement is read into its parts and written anew from them, so that what is sent is what was looked at.
Grammar after "SOQL SELECT Syntax" of the SOQL and SOSL Reference, of which this is a small part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, TypeVar

from crmhub.agent.answers import Refused

__all__ = ["COUNTED", "Both", "Compared", "Condition", "Denied", "Order", "Statement", "parse"]

_Part = TypeVar("_Part")

COUNTED: Final = "total"
"""The name of the number in the one row of a statement that counts."""
_ALLOWED: Final = (
    "SELECT fields (or COUNT()) FROM one object, then WHERE, ORDER BY, LIMIT; no other functions, no GROUP "
    "BY, no fields of other objects, no nested queries"
)
_DEEPEST: Final = 8
_MOST_CONDITIONS: Final = 50
_MOST_VALUES: Final = 200
_MOST_ROWS: Final = 1_000_000_000
_TOKEN: Final = re.compile(
    r"""[ \t\r\n]+
    |(?P<string>'(?:\\[\\'"nrtbfNRTBF_%]|[^'\\\x00-\x1f\x7f-\x9f\u2028\u2029])*')
    |(?P<moment>[0-9]{4}-[0-9]{2}-[0-9]{2}
      (?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,3})?(?:Z|[+-][0-9]{2}:?[0-9]{2}))?)(?![0-9A-Za-z_.])
    |(?P<number>-?[0-9]{1,18}(?:\.[0-9]{1,18})?)(?![0-9A-Za-z_.])
    |(?P<relative>[A-Za-z_]{1,30}:[0-9]{1,4})(?![0-9A-Za-z_.:])
    |(?P<word>[A-Za-z][A-Za-z0-9_]{0,79})(?![0-9A-Za-z_.:])
    |(?P<sign><=|>=|!=|<>|=|<|>|[(),])""",
    re.VERBOSE,
)
_RESERVED: Final = frozenset(
    {
        "ALL", "AND", "ASC", "COUNT", "DESC", "EXCLUDES", "FALSE", "FIELDS", "FOR", "FROM", "GROUP",
        "HAVING", "IN", "INCLUDES", "LAST", "LIKE", "LIMIT", "NOT", "NULL", "NULLS", "OFFSET", "OR",
        "ORDER", "ROWS", "SCOPE", "SECURITY_ENFORCED", "SELECT", "TRUE", "TYPEOF", "UPDATE", "USING",
        "WHERE", "WITH",
    }
)  # fmt: skip
_DAYS: Final = frozenset(
    {
        "YESTERDAY", "TODAY", "TOMORROW", "LAST_WEEK", "THIS_WEEK", "NEXT_WEEK", "LAST_MONTH", "THIS_MONTH",
        "NEXT_MONTH", "LAST_90_DAYS", "NEXT_90_DAYS", "THIS_QUARTER", "LAST_QUARTER", "NEXT_QUARTER",
        "THIS_YEAR", "LAST_YEAR", "NEXT_YEAR",
    }
)  # fmt: skip
_RELATIVE: Final = re.compile(
    r"(LAST|NEXT)_N_(DAYS|WEEKS|MONTHS|QUARTERS|YEARS):[0-9]+|N_(DAYS|WEEKS|MONTHS)_AGO:[0-9]+"
)
_SIGNS: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Compared:
    """A field held against a value, or against several."""

    field: str
    operator: str
    values: tuple[str, ...]
    """Literals, as they are written."""

    def __str__(self) -> str:
        several = self.operator in {"IN", "NOT IN", "INCLUDES", "EXCLUDES"}
        value = f"({', '.join(self.values)})" if several else self.values[0]
        return f"{self.field} {self.operator} {value}"


@dataclass(frozen=True, slots=True)
class Denied:
    """What must not be so."""

    part: Condition

    def __str__(self) -> str:
        return f"(NOT {_bracketed(self.part)})"


@dataclass(frozen=True, slots=True)
class Both:
    """Conditions of which all, or one, must hold."""

    word: Literal["AND", "OR"]
    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return f" {self.word} ".join(_bracketed(part) for part in self.parts)


Condition: TypeAlias = Compared | Denied | Both


def _bracketed(part: Condition) -> str:
    return f"({part})" if isinstance(part, Both) else str(part)


@dataclass(frozen=True, slots=True)
class Order:
    """One field of the order."""

    field: str
    descending: bool = False
    nulls: Literal["FIRST", "LAST"] | None = None

    def __str__(self) -> str:
        nulls = f" NULLS {self.nulls}" if self.nulls else ""
        return f"{self.field}{' DESC' if self.descending else ''}{nulls}"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was read. ``str`` writes it anew."""

    object: str
    fields: tuple[str, ...]
    """Empty where it counts."""
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it asks for a number."""
        return not self.fields

    @property
    def names(self) -> frozenset[str]:
        """All fields that it reads, chooses by or sorts by."""
        chosen = _fields(self.where) if self.where is not None else ()
        return frozenset([*self.fields, *chosen, *(each.field for each in self.order)])

    def __str__(self) -> str:
        parts = [f"SELECT {', '.join(self.fields) or f'COUNT(Id) {COUNTED}'} FROM {self.object}"]  # noqa: S608 - of names and literals alone
        if self.where is not None:
            parts.append(f"WHERE {self.where}")
        if self.order:
            parts.append(f"ORDER BY {', '.join(map(str, self.order))}")
        if self.limit is not None:
            parts.append(f"LIMIT {self.limit}")
        return " ".join(parts)

    def bounded(self, rows: int | None) -> Statement:
        """The same for so many rows."""
        return replace(self, limit=rows)

    def within(self, objects: Mapping[str, Mapping[str, object]]) -> Statement:
        """The statement with names as these objects and their fields have them, and ``Id``.

        Raises :class:`Refused` for an object or a field that is not among them.
        """
        own = {name.upper(): name for name in objects if name.isascii()}.get(self.object.upper())
        if own is None:
            known = ", ".join(sorted(objects))
            raise Refused(
                "object_not_available",
                "there is no such object here",
                hint=f"there is: {known}" if known else "this agent has none to write queries for",
            )
        fields = {name.upper(): name for name in ["Id", *objects[own]]}
        if any(name.upper() not in fields for name in self.names):
            raise Refused(
                "field_not_available",
                f"{own}: there is no such field to read, choose or sort by here",
                hint=f"there is: {', '.join(sorted(fields.values()))}",
            )
        return replace(
            self,
            object=own,
            fields=tuple(dict.fromkeys(fields[name.upper()] for name in self.fields)),
            where=None if self.where is None else _named(self.where, fields),
            order=tuple(replace(each, field=fields[each.field.upper()]) for each in self.order),
        )


def _fields(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Compared):
        yield condition.field
    elif isinstance(condition, Denied):
        yield from _fields(condition.part)
    else:
        for part in condition.parts:
            yield from _fields(part)


def _named(condition: Condition, fields: Mapping[str, str]) -> Condition:
    if isinstance(condition, Compared):
        return replace(condition, field=fields[condition.field.upper()])
    if isinstance(condition, Denied):
        return Denied(_named(condition.part, fields))
    return Both(condition.word, tuple(_named(part, fields) for part in condition.parts))


def parse(text: str) -> Statement:
    """The statement that a text is. Raises :class:`Refused` for anything else."""
    return _Parser(_tokens(text)).statement()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


_END: Final = _Token("end", "")


def _tokens(text: str) -> Sequence[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _not_allowed(f"what stands at character {at + 1} is not allowed")
        at = match.end()
        if match.lastgroup is not None:
            found.append(_Token(match.lastgroup, match[match.lastgroup]))
    return found


def _not_allowed(why: str) -> Refused:
    return Refused("query_not_allowed", f"soql_query: {why}", hint=_ALLOWED)


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._conditions = 0

    def statement(self) -> Statement:
        self._demand("SELECT")
        fields = self._selected()
        self._demand("FROM")
        object_ = self._name("an object")
        where = self._any(0) if self._took("WHERE") else None
        order: tuple[Order, ...] = ()
        if self._took("ORDER"):
            self._demand("BY")
            order = self._order()
        limit = self._limit() if self._took("LIMIT") else None
        if self._next is not _END:
            raise _not_allowed("there is more than is allowed after its parts")
        if not fields and order:
            raise _not_allowed("a number has no order")
        return Statement(object_, fields, where, order, limit)

    # ── parts ────────────────────────────────────────────────────────────────────────────────────

    def _selected(self) -> tuple[str, ...]:
        if self._took("COUNT"):
            self._sign("(")
            self._sign(")")
            return ()
        return tuple(self._several(lambda: self._name("a field")))

    def _order(self) -> tuple[Order, ...]:
        return tuple(self._several(self._ordered))

    def _ordered(self) -> Order:
        name = self._name("a field")
        descending = self._took("DESC")
        if not descending:
            self._took("ASC")
        nulls: Literal["FIRST", "LAST"] | None = None
        if self._took("NULLS"):
            nulls = "LAST" if self._took("LAST") else "FIRST"
            if nulls == "FIRST":
                self._demand("FIRST")
        return Order(name, descending, nulls)

    def _limit(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit() or int(token.text) > _MOST_ROWS:
            raise _not_allowed("LIMIT is a whole number")
        return int(token.text)

    # ── conditions ───────────────────────────────────────────────────────────────────────────────

    def _any(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise _not_allowed("its conditions are nested too deeply")
        parts = [self._one(depth)]
        word = self._next.word
        if word not in {"AND", "OR"}:
            return parts[0]
        while self._took(word):
            parts.append(self._one(depth))
        if self._next.word in {"AND", "OR"}:
            raise _not_allowed("AND beside OR needs brackets")
        return Both("AND" if word == "AND" else "OR", tuple(parts))

    def _one(self, depth: int) -> Condition:
        if self._took("NOT"):
            if depth > _DEEPEST:
                raise _not_allowed("its conditions are nested too deeply")
            return Denied(self._one(depth + 1))
        if self._is_sign("("):
            self._take()
            inner = self._any(depth + 1)
            self._sign(")")
            return inner
        self._conditions += 1
        if self._conditions > _MOST_CONDITIONS:
            raise _not_allowed(f"there are more than {_MOST_CONDITIONS} conditions")
        return self._compared()

    def _compared(self) -> Compared:
        name = self._name("a field")
        token = self._take()
        if token.kind == "sign" and token.text in _SIGNS:
            return Compared(name, "!=" if token.text == "<>" else token.text, (self._value(),))
        if token.word == "LIKE":
            return Compared(name, "LIKE", (self._value("string"),))
        operator = token.word
        if operator == "NOT":
            self._demand("IN")
            operator = "NOT IN"
        if operator not in {"IN", "NOT IN", "INCLUDES", "EXCLUDES"}:
            raise _not_allowed("a comparison is expected after a field")
        self._sign("(")
        values = tuple(self._several(self._value))
        self._sign(")")
        return Compared(name, operator, values)

    def _value(self, kind: str | None = None) -> str:
        token = self._take()
        known = token.kind in {"string", "number", "moment"} if kind is None else token.kind == kind
        if known:
            return token.text
        if kind is None and (token.word in {"TRUE", "FALSE", "NULL"} or token.word in _DAYS):
            return token.word
        if kind is None and token.kind == "relative" and _RELATIVE.fullmatch(token.text.upper()):
            return token.text.upper()
        raise _not_allowed(
            "a value is expected: 'text', a number, a day, an instant, TRUE, FALSE, NULL or TODAY"
        )

    # ── tokens ───────────────────────────────────────────────────────────────────────────────────

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _took(self, word: str) -> bool:
        if self._next.word != word:
            return False
        self._at += 1
        return True

    def _demand(self, word: str) -> None:
        if not self._took(word):
            raise _not_allowed(f"{word} is expected")

    def _is_sign(self, sign: str) -> bool:
        return self._next.kind == "sign" and self._next.text == sign

    def _sign(self, sign: str) -> None:
        if not self._is_sign(sign):
            raise _not_allowed(f"{sign} is expected")
        self._at += 1

    def _name(self, what: str) -> str:
        token = self._take()
        if token.kind != "word" or token.word in _RESERVED:
            raise _not_allowed(f"the name of {what} is expected")
        return token.text

    def _several(self, one: Callable[[], _Part]) -> list[_Part]:
        found = [one()]
        while self._is_sign(","):
            self._take()
            found.append(one())
            if len(found) > _MOST_VALUES:
                raise _not_allowed(f"there are more than {_MOST_VALUES} in a list")
        return found

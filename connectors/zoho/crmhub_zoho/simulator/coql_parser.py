"""The grammar of COQL.

Source: Zoho CRM API v8, "COQL Overview" and "COQL Limitations": `select … from … where … [group by …]
[order by …] [limit n [offset m] | limit m, n]`. More than two conditions are nested in pairs: `((a and b)
and c)`. Keywords in any case; column names may stand in quotes; a quote inside a string is doubled.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from crmhub_zoho.simulator.errors import Details, ZohoError

MOST_COLUMNS = 500
MOST_CONDITIONS = 25
MOST_ORDER = 10
MOST_GROUP = 4
MOST_AGGREGATES = 5
MOST_VALUES = 100
MOST_ROWS = 2_000
MOST_OFFSET = 100_000
DEFAULT_ROWS = 200
AGGREGATES = frozenset({"count", "sum", "min", "max", "avg"})

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<word>[A-Za-z_$][\w$]*(?:(?:\.|->)[A-Za-z_$][\w$]*)*)
      | (?P<symbol>!=|>=|<=|[=<>(),])""",
    re.VERBOSE,
)
_RESERVED = frozenset(
    {
        *("select", "from", "where", "group", "order", "by", "limit", "offset", "and", "or", "not"),
        *("in", "like", "between", "is", "null", "asc", "desc", "as", "external"),
    }
)
_COMPARES = frozenset({"=", "!=", ">", ">=", "<", "<="})
_COLUMN = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|->)[A-Za-z_$][\w$]*)*")


@dataclass(frozen=True)
class Token:
    """A word of the query: its kind, text (unquoted) and place (from 0)."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Column:
    """A column as it was written, e.g. `Account_Name.Industry` or `What_Id->Deals.Deal_Name`."""

    text: str


@dataclass(frozen=True)
class Item:
    """A selected column or aggregate (`function` is then its lower-case name), and the key of its value."""

    column: Column
    key: str
    function: str | None = None


@dataclass(frozen=True)
class Condition:
    """A comparison; `operator` in lower case, e.g. `=`, `not in`, `is null`, `between`."""

    column: Column
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two conditions joined by `and` or `or`."""

    word: str
    left: "Condition | Pair"
    right: "Condition | Pair"


@dataclass(frozen=True)
class Order:
    """One part of `order by`; `key` is a column's text."""

    key: str
    descending: bool


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    items: tuple[Item, ...]
    module: str
    where: Condition | Pair
    group: tuple[Column, ...]
    order: tuple[Order, ...]
    limit: int
    offset: int


def syntax_error(message: str, **details: object) -> ZohoError:
    """The query breaks the grammar."""
    return ZohoError(400, "SYNTAX_ERROR", message, details)


def _limit(clause: str, most: int) -> ZohoError:
    return ZohoError(
        400, "LIMIT_EXCEEDED", f"The {clause} limit is exceeded", {"clause": clause, "limit": most}
    )


def parse_coql(text: str) -> Query:
    """The query in `text`; raises ZohoError."""
    try:
        return _Parser(text).query()
    except RecursionError:
        raise syntax_error("error occured while parsing the query", clause="where") from None


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._scan()
        self._next = 0
        self._conditions = 0

    def query(self) -> Query:
        self._need("select")
        items = self._items()
        self._need("from")
        module = self._name()
        if not self._take("where"):
            if self._peek().kind != "end" and self._peek().text.lower() not in {"group", "order", "limit"}:
                self._fail()
            raise syntax_error("missing clause", clause="where")
        where = self._pair()
        group = self._group()
        order = self._order()
        limit, offset = self._window()
        if self._peek().kind != "end":
            self._fail()
        return Query(items, module, where, group, order, limit, offset)

    def _scan(self) -> list[Token]:
        tokens: list[Token] = []
        at = 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:
                raise self._error(Token("bad", self._text[at : at + 10], at))
            kind, word = str(match.lastgroup), match[0]
            if kind == "string":
                word = word[1:-1].replace(word[0] * 2, word[0])
            if kind != "space":
                tokens.append(Token(kind, word, at))
            at = match.end()
        tokens.append(Token("end", "", len(self._text)))
        return tokens

    def _error(self, token: Token) -> ZohoError:
        before = self._text[: token.at]
        details: Details = {
            "line": before.count("\n") + 1,
            "column": token.at - (before.rfind("\n") + 1) + 1,
            "near": token.text,
        }
        return syntax_error("error occured while parsing the query", **details)

    def _fail(self) -> NoReturn:
        raise self._error(self._peek())

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _pop(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _take(self, word: str) -> bool:
        token = self._peek()
        found = token.kind in {"word", "symbol"} and token.text.lower() == word
        self._next += found
        return found

    def _need(self, word: str) -> None:
        if not self._take(word):
            self._fail()

    def _name(self) -> str:
        token = self._peek()
        if token.kind != "word" or token.text.lower() in _RESERVED:
            self._fail()
        return self._pop().text

    def _column(self) -> Column:
        token = self._peek()
        quoted = token.kind == "string" and _COLUMN.fullmatch(token.text) is not None
        if not quoted:
            return Column(self._name())
        return Column(self._pop().text)

    def _items(self) -> tuple[Item, ...]:
        items = [self._item()]
        while self._take(","):
            items.append(self._item())
        if len(items) > MOST_COLUMNS:
            raise _limit("select", MOST_COLUMNS)
        functions = [item for item in items if item.function]
        if len(functions) > MOST_AGGREGATES:
            raise _limit("aggregate", MOST_AGGREGATES)
        keys = [item.key for item in items]
        doubled = next((item.key for item in functions if keys.count(item.key) > 1), None)
        if doubled is not None:
            raise ZohoError(400, "DUPLICATE_DATA", "duplicate data", {"column_name": doubled})
        return tuple(items)

    def _item(self) -> Item:
        function = None
        word = self._peek().text
        if word.lower() in AGGREGATES and self._peek(1).text == "(":
            self._next += 2
            function = word.lower()
        column = self._column()
        key = column.text
        if function:
            self._need(")")
            key = f"{word}({column.text})"
        if self._take("as"):
            key = self._name()
        return Item(column, key, function)

    def _pair(self) -> Condition | Pair:
        left = self._operand()
        for word in ("and", "or"):
            if self._take(word):
                return Pair(word, left, self._operand())
        return left

    def _operand(self) -> Condition | Pair:
        if self._take("("):
            inner = self._pair()
            self._need(")")
            return inner
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise _limit("where", MOST_CONDITIONS)
        return self._condition()

    def _condition(self) -> Condition:
        column = self._column()
        if self._peek().text in _COMPARES and self._peek().kind == "symbol":
            return Condition(column, self._pop().text, (self._value(),))
        if self._take("is"):
            negated = self._take("not")
            self._need("null")
            return Condition(column, "is not null" if negated else "is null")
        prefix = "not " if self._take("not") else ""
        if self._take("like"):
            return Condition(column, f"{prefix}like", (self._value(),))
        if self._take("in"):
            return Condition(column, f"{prefix}in", self._values())
        if self._take("between"):
            low = self._value()
            self._need("and")
            return Condition(column, f"{prefix}between", (low, self._value()))
        raise self._error(self._peek())

    def _value(self) -> str:
        token = self._peek()
        truth = token.kind == "word" and token.text.lower() in {"true", "false"}
        if token.kind not in {"string", "number"} and not truth:
            self._fail()
        return self._pop().text

    def _values(self) -> tuple[str, ...]:
        self._need("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._need(")")
        if len(values) > MOST_VALUES:
            raise _limit("in", MOST_VALUES)
        return tuple(values)

    def _group(self) -> tuple[Column, ...]:
        if not self._take("group"):
            return ()
        self._need("by")
        columns = [self._column()]
        while self._take(","):
            columns.append(self._column())
        if len(columns) > MOST_GROUP:
            raise _limit("group by", MOST_GROUP)
        _refuse_doubles([column.text for column in columns])
        return tuple(columns)

    def _order(self) -> tuple[Order, ...]:
        if not self._take("order"):
            return ()
        self._need("by")
        parts = [self._order_part()]
        while self._take(","):
            parts.append(self._order_part())
        if len(parts) > MOST_ORDER:
            raise _limit("order by", MOST_ORDER)
        _refuse_doubles([part.key for part in parts])
        return tuple(parts)

    def _order_part(self) -> Order:
        item = self._item()
        descending = self._take("desc")
        if not descending:
            self._take("asc")
        return Order(item.key, descending)

    def _window(self) -> tuple[int, int]:
        limit, offset = DEFAULT_ROWS, 0
        if self._take("limit"):
            limit = self._whole()
            if self._take(","):
                offset, limit = limit, self._whole()
        if self._take("offset"):
            offset = self._whole()
        if limit > MOST_ROWS:
            raise _limit("limit", MOST_ROWS)
        if offset > MOST_OFFSET:
            raise _limit("offset", MOST_OFFSET)
        return limit, offset

    def _whole(self) -> int:
        token = self._peek()
        if token.kind != "number" or not token.text.isdigit():
            self._fail()
        return int(self._pop().text)


def _refuse_doubles(names: list[str]) -> None:
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ZohoError(400, "DUPLICATE_DATA", "duplicate data", {"column_name": doubled})

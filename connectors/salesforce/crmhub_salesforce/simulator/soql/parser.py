"""Parsing SOQL (SOQL and SOSL Reference, "SOQL SELECT Syntax").

Left out, each with an error that says so: HAVING, TYPEOF, date functions, `USING SCOPE`, `WITH`, `FOR
UPDATE`.
"""

from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import NoReturn

from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.soql.lexer import Token, error_at, tokens
from crmhub_salesforce.simulator.soql.periods import is_period, takes_number
from crmhub_salesforce.simulator.soql.syntax import (
    Both,
    ChildItem,
    Compare,
    Condition,
    Either,
    FieldItem,
    FieldsItem,
    FunctionItem,
    Includes,
    InList,
    InQuery,
    Item,
    Literal,
    Negation,
    Order,
    Path,
    Query,
)

MAX_LENGTH = 100_000
MAX_OFFSET = 2_000
MAX_DEPTH = 50
_LONGEST_NUMBER = 60
AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
_FUNCTIONS = AGGREGATES | {"TOLABEL"}
_OPERATORS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
_CLAUSES = frozenset(
    {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "WITH", "USING", "FOR", "ALL"}
)
_ABSENT = {
    "HAVING": "HAVING",
    "WITH": "WITH",
    "USING": "USING SCOPE",
    "FOR": "FOR VIEW, FOR REFERENCE and FOR UPDATE",
}


def parse(text: str) -> Query:
    """Parse one statement; raises ApiError (MALFORMED_QUERY, NUMBER_OUTSIDE_VALID_RANGE)."""
    if not text.strip():
        raise ApiError("MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    if len(text) > MAX_LENGTH:
        raise ApiError("MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_LENGTH} characters.")
    parser = _Parser(text)
    query = parser.query()
    parser.expect_end()
    return query


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    def _next(self) -> Token:
        token = self._now
        self._place += token.kind != "end"
        return token

    def _unexpected(self, token: Token | None = None) -> NoReturn:
        token = token or self._now
        raise error_at(self._text, token.pos, f"unexpected token: '{token.text}'")

    def _absent(self, pos: int, what: str) -> NoReturn:
        raise error_at(self._text, pos, f"{what} is not supported by this simulator")

    def _took(self, word: str) -> bool:
        if self._now.word == word or (self._now.kind == "mark" and self._now.text == word):
            self._place += 1
            return True
        return False

    def _expect(self, word: str) -> Token:
        token = self._now
        if not self._took(word):
            self._unexpected()
        return token

    def expect_end(self) -> None:
        """Refuse anything after the statement."""
        if self._now.kind != "end":
            self._unexpected()

    @contextmanager
    def _deeper(self) -> Generator[None]:
        """Refuse statements nested beyond what anyone writes."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ApiError("QUERY_TOO_COMPLICATED", "The query is nested too deeply")
        yield
        self._depth -= 1

    def query(self) -> Query:
        """SELECT … and all that follows."""
        with self._deeper():
            return self._query()

    def _query(self) -> Query:
        self._expect("SELECT")
        items = [self._item()]
        while self._took(","):
            items.append(self._item())
        self._expect("FROM")
        source = self._name()
        alias = self._name().text if self._now.kind == "name" and self._now.word not in _CLAUSES else None
        where = self._or_and() if self._clause("WHERE") else None
        group: list[Path] = []
        if self._clause("GROUP"):
            self._expect("BY")
            group.append(self._group_key())
            while self._took(","):
                group.append(self._group_key())
        order: list[Order] = []
        if self._clause("ORDER"):
            self._expect("BY")
            order.append(self._order())
            while self._took(","):
                order.append(self._order())
        limit = self._count() if self._clause("LIMIT") else None
        offset = self._offset() if self._clause("OFFSET") else 0
        if self._now.word in _ABSENT:
            self._absent(self._now.pos, _ABSENT[self._now.word])
        return Query(
            self._text,
            tuple(items),
            source.text,
            source.pos,
            alias,
            where,
            tuple(group),
            tuple(order),
            limit,
            offset,
        )

    def _clause(self, word: str) -> bool:
        if self._now.word in _ABSENT:
            self._absent(self._now.pos, _ABSENT[self._now.word])
        return self._took(word)

    def _name(self) -> Token:
        if self._now.kind != "name":
            self._unexpected()
        return self._next()

    def _path(self) -> Path:
        token = self._name()
        if self._now.text == "(":
            self._absent(token.pos, f"the function {token.text}")
        return Path(tuple(token.text.split(".")), token.pos)

    def _item(self) -> Item:
        token = self._now
        if self._took("("):
            child = self.query()
            self._expect(")")
            return ChildItem(child, token.pos + 1)
        if token.word == "TYPEOF":
            self._absent(token.pos, "TYPEOF")
        name = self._name()
        if name.word in _CLAUSES:
            self._unexpected(name)
        if not self._took("("):
            return FieldItem(Path(tuple(name.text.split(".")), name.pos), self._alias())
        if name.word == "FIELDS":
            which = self._name()
            if which.word not in {"ALL", "STANDARD", "CUSTOM"}:
                self._unexpected(which)
            self._expect(")")
            return FieldsItem(which.word, name.pos)
        if name.word not in _FUNCTIONS:
            self._absent(name.pos, f"the function {name.text}")
        path = None if name.word == "COUNT" and self._now.text == ")" else self._path()
        self._expect(")")
        return FunctionItem(name.word, path, self._alias(), name.pos)

    def _alias(self) -> str | None:
        if self._now.kind == "name" and self._now.word not in _CLAUSES:
            return self._next().text
        return None

    def _group_key(self) -> Path:
        if self._now.word in {"ROLLUP", "CUBE"}:
            self._absent(self._now.pos, f"GROUP BY {self._now.word}")
        return self._path()

    def _order(self) -> Order:
        path = self._path()
        descending = self._took("DESC")
        if not descending:
            self._took("ASC")
        nulls_first = None
        if self._took("NULLS"):
            nulls_first = self._took("FIRST")
            if not nulls_first:
                self._expect("LAST")
        return Order(path, descending, nulls_first)

    def _count(self) -> int:
        token = self._now
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > _LONGEST_NUMBER:
            self._unexpected()
        return int(self._next().text)

    def _offset(self) -> int:
        offset = self._count()
        if offset > MAX_OFFSET:
            raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
        return offset

    def _or_and(self) -> Condition:
        """Conditions joined by AND or by OR; mixing the two takes parentheses."""
        with self._deeper():
            return self._joined()

    def _joined(self) -> Condition:
        if self._took("NOT"):
            return Negation(self._condition())
        first = self._condition()
        for word, join in (("AND", Both), ("OR", Either)):
            if self._now.word == word:
                items = [first]
                while self._took(word):
                    items.append(self._condition())
                return join(tuple(items))
        return first

    def _condition(self) -> Condition:
        if self._took("("):
            inner = self._or_and()
            self._expect(")")
            return inner
        if self._now.word == "NOT":
            self._unexpected()
        path = self._path()
        token = self._next()
        if token.kind == "mark" and token.text in _OPERATORS:
            return Compare(path, "!=" if token.text == "<>" else token.text, self._literal())
        if token.word == "LIKE":
            return Compare(path, "LIKE", self._literal())
        if token.word == "NOT":
            self._expect("IN")
            return self._in(path, negated=True)
        if token.word == "IN":
            return self._in(path, negated=False)
        if token.word not in {"INCLUDES", "EXCLUDES"}:
            self._unexpected(token)
        return Includes(path, token.word == "EXCLUDES", self._list())

    def _in(self, path: Path, *, negated: bool) -> Condition:
        if self._now.text == "(" and self._tokens[self._place + 1].word == "SELECT":
            pos = self._next().pos
            inner = self.query()
            self._expect(")")
            return InQuery(path, negated, inner, pos)
        return InList(path, negated, self._list())

    def _list(self) -> tuple[Literal, ...]:
        if self._now.text == ":":
            self._bound(self._now)
        self._expect("(")
        values = [self._literal()]
        while self._took(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _bound(self, token: Token) -> NoReturn:
        raise error_at(self._text, token.pos, "Bind variables only allowed in Apex code")

    def _literal(self) -> Literal:
        token = self._next()
        if token.kind == "number" and len(token.text) > _LONGEST_NUMBER:
            self._unexpected(token)
        match token.kind:
            case "string" | "date":
                return Literal(token.kind, token.text, token.pos)
            case "dateTime":
                return Literal("dateTime", token.text.upper(), token.pos)
            case "number" if token.text.lstrip("+-").isdigit():
                return Literal("int", int(token.text), token.pos)
            case "number":
                return Literal("double", Decimal(token.text), token.pos)
            case _:
                return self._word(token)

    def _word(self, token: Token) -> Literal:
        word = token.word
        if token.text == ":":
            self._bound(token)
        if word in {"TRUE", "FALSE"}:
            return Literal("boolean", word == "TRUE", token.pos)
        if word == "NULL":
            return Literal("null", None, token.pos)
        if not is_period(word):
            self._unexpected(token)
        if not takes_number(word):
            return Literal("named", (word, 0), token.pos)
        self._expect(":")
        return Literal("named", (word, self._count()), token.pos)

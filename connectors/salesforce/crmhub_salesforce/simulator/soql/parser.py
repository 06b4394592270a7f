"""Parsing SOQL (SOQL and SOSL Reference, "SOQL SELECT Syntax").

Left out, with an error that says so: `WITH` (data categories; its security modes belong to Apex).
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Literal as OneOf
from typing import NoReturn

from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.soql.functions import KNOWN
from crmhub_salesforce.simulator.soql.lexer import Token, error_at, tokens
from crmhub_salesforce.simulator.soql.periods import is_period, takes_number
from crmhub_salesforce.simulator.soql.syntax import (
    Both,
    ChildItem,
    Compare,
    Condition,
    Either,
    Expr,
    FieldItem,
    FieldsItem,
    Function,
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
    TypeItem,
)

MAX_LENGTH = 100_000
MAX_OFFSET = 2_000
MAX_DEPTH = 50
_LONGEST_NUMBER = 60
_OPERATORS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
_CLAUSES = frozenset(
    {
        "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "WITH", "USING", "FOR", "ALL",
        "UPDATE", "AS",
    }
)  # fmt: skip
_MINE = {"EVERYTHING": False, "MINE": True, "TEAM": True, "MINE_AND_MY_GROUPS": True}
_MARKS = frozenset({"VIEW", "REFERENCE", "UPDATE"})
_CURRENCY = re.compile(r"[A-Za-z]{3}\d{1,20}")


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
        aliases = self._aliases(source)
        mine = self._scope() if self._took("USING") else False
        where = self._or_and() if self._took("WHERE") else None
        self._refuse_with()
        group, subtotals = self._group() if self._took("GROUP") else ((), "")
        having = self._or_and() if group and self._took("HAVING") else None
        order: list[Order] = []
        if self._took("ORDER"):
            self._expect("BY")
            order.append(self._order())
            while self._took(","):
                order.append(self._order())
        limit = self._count() if self._took("LIMIT") else None
        offset = self._offset() if self._took("OFFSET") else 0
        self._marks(ordered=bool(order))
        return Query(
            self._text,
            tuple(items),
            source.text,
            source.pos,
            aliases,
            mine,
            where,
            group,
            subtotals,
            having,
            tuple(order),
            limit,
            offset,
        )

    def _aliases(self, source: Token) -> dict[str, Path]:
        """What follows the object: an alias, and parents with aliases (`FROM Contact c, c.Account a`)."""
        found = {source.text.lower(): Path((), source.pos)}
        if (alias := self._alias()) is not None:
            found[alias.lower()] = Path((), source.pos)
        while self._took(","):
            path, alias = self._path(), self._alias()
            if alias is None:
                self._unexpected()
            found[alias.lower()] = path
        return found

    def _scope(self) -> bool:
        self._expect("SCOPE")
        token = self._name()
        if token.word not in _MINE:
            raise error_at(self._text, token.pos, f"Invalid scope: {token.text}")
        return _MINE[token.word]

    def _refuse_with(self) -> None:
        if self._now.word == "WITH":
            raise error_at(self._text, self._now.pos, "WITH is not supported by this simulator")

    def _group(self) -> tuple[tuple[Expr, ...], OneOf["", "ROLLUP", "CUBE"]]:
        self._expect("BY")
        subtotals: OneOf["", "ROLLUP", "CUBE"] = ""
        following = self._tokens[self._place + 1 : self._place + 2]
        if following and following[0].text == "(" and self._now.word in {"ROLLUP", "CUBE"}:
            subtotals = "ROLLUP" if self._next().word == "ROLLUP" else "CUBE"
            self._expect("(")
        keys = [self._expr()]
        while self._took(","):
            keys.append(self._expr())
        if subtotals:
            self._expect(")")
        return tuple(keys), subtotals

    def _marks(self, *, ordered: bool) -> None:
        """What may end a statement, none of which changes its result: FOR VIEW, UPDATE TRACKING."""
        while self._now.word == "FOR":
            self._next()
            token = self._name()
            if token.word not in _MARKS:
                self._unexpected(token)
            if token.word == "UPDATE" and ordered:
                self._unexpected(token)
        if self._took("UPDATE"):
            token = self._name()
            if token.word not in {"TRACKING", "VIEWSTAT"}:
                self._unexpected(token)
        if self._now.word == "ALL":
            raise error_at(self._text, self._now.pos, "ALL ROWS not allowed in this context")

    def _name(self) -> Token:
        if self._now.kind != "name":
            self._unexpected()
        return self._next()

    def _path(self) -> Path:
        token = self._name()
        return Path(tuple(token.text.split(".")), token.pos)

    def _expr(self) -> Expr:
        """A field, or a function of one."""
        with self._deeper():
            token = self._name()
            if not self._took("("):
                return Path(tuple(token.text.split(".")), token.pos)
            return self._function(token)

    def _function(self, name: Token) -> Function:
        """What follows the name of a function and a parenthesis."""
        if name.word not in KNOWN:
            self._unexpected(name)
        args = [self._argument()]
        while self._took(","):
            args.append(self._argument())
        self._expect(")")
        return Function(name.word, tuple(args), name.pos)

    def _argument(self) -> Expr | Literal:
        return self._expr() if self._now.kind == "name" else self._literal()

    def _item(self) -> Item:
        token = self._now
        if self._took("("):
            child = self.query()
            self._expect(")")
            return ChildItem(child, token.pos + 1)
        name = self._name()
        if name.word == "TYPEOF" and self._now.kind == "name":
            return self._typeof()
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
        if name.word == "COUNT" and self._took(")"):
            return FunctionItem(None, self._alias(), name.pos)
        return FunctionItem(self._function(name), self._alias(), name.pos)

    def _typeof(self) -> TypeItem:
        path = self._path()
        cases: list[tuple[Path, tuple[Path, ...]]] = []
        self._expect("WHEN")
        while True:
            kind = self._path()
            self._expect("THEN")
            cases.append((kind, self._paths()))
            if not self._took("WHEN"):
                break
        otherwise = self._paths() if self._took("ELSE") else None
        self._expect("END")
        return TypeItem(path, tuple(cases), otherwise)

    def _paths(self) -> tuple[Path, ...]:
        found = [self._path()]
        while self._took(","):
            found.append(self._path())
        return tuple(found)

    def _alias(self) -> str | None:
        if self._now.word == "AS":
            self._next()
            return self._name().text
        if self._now.kind == "name" and self._now.word not in _CLAUSES:
            return self._next().text
        return None

    def _order(self) -> Order:
        path = self._expr()
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
        path = self._expr()
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

    def _in(self, path: Expr, *, negated: bool) -> Condition:
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
        if _CURRENCY.fullmatch(token.text):
            return Literal("currency", (word[:3], self._amount(token)), token.pos)
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

    def _amount(self, token: Token) -> Decimal:
        """The number behind a currency's code, with its decimals if they follow at once."""
        more, end = self._now, token.pos + len(token.text)
        if more.pos == end and re.fullmatch(r"\.\d{1,20}", more.text):
            return Decimal(token.text[3:] + self._next().text)
        return Decimal(token.text[3:])

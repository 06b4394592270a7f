"""What a SOQL statement says, as parsed: names are not yet looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as OneOf

LiteralKind = OneOf["string", "int", "double", "currency", "date", "dateTime", "boolean", "null", "named"]


@dataclass(frozen=True)
class Path:
    """A field, perhaps through parents: `Account.Owner.Name`. `pos` is its offset in the statement."""

    parts: tuple[str, ...]
    pos: int

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Literal:
    """A value. Strings keep their source (escapes unresolved), since LIKE reads escapes differently.

    Named date literals hold (name, n), n being 0 without a number; amounts of a currency (code, amount).
    """

    kind: LiteralKind
    value: str | int | Decimal | bool | tuple[str, int] | tuple[str, Decimal] | None
    pos: int


@dataclass(frozen=True)
class Function:
    """A function of a field: `CALENDAR_YEAR(CloseDate)`. The name is in upper case."""

    name: str
    args: tuple["Expr | Literal", ...]
    pos: int

    def __str__(self) -> str:
        return f"{self.name}({', '.join(str(arg) for arg in self.args)})"


Expr = Path | Function


@dataclass(frozen=True)
class Compare:
    """`path operator value`; the operator is one of = != < <= > >= LIKE."""

    path: Expr
    operator: str
    value: Literal


@dataclass(frozen=True)
class InList:
    """`path [NOT] IN (values)`."""

    path: Expr
    negated: bool
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class InQuery:
    """`path [NOT] IN (SELECT …)`."""

    path: Expr
    negated: bool
    query: "Query"
    pos: int


@dataclass(frozen=True)
class Includes:
    """`path INCLUDES (values)` or EXCLUDES."""

    path: Expr
    negated: bool
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Both:
    """All of the conditions."""

    items: tuple["Condition", ...]


@dataclass(frozen=True)
class Either:
    """At least one of the conditions."""

    items: tuple["Condition", ...]


@dataclass(frozen=True)
class Negation:
    """Not the condition."""

    item: "Condition"


Condition = Compare | InList | InQuery | Includes | Both | Either | Negation


@dataclass(frozen=True)
class FieldItem:
    """A selected field; the alias is allowed in grouped queries only."""

    path: Path
    alias: str | None = None


@dataclass(frozen=True)
class FunctionItem:
    """A selected function of a field; None stands for `COUNT()`, a function of nothing."""

    call: Function | None
    alias: str | None
    pos: int


@dataclass(frozen=True)
class FieldsItem:
    """`FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`."""

    which: str
    pos: int


@dataclass(frozen=True)
class ChildItem:
    """A selected child relationship: `(SELECT … FROM Contacts)`."""

    query: "Query"
    pos: int


@dataclass(frozen=True)
class TypeItem:
    """`TYPEOF What WHEN Account THEN Phone, Name ELSE Name END`; `otherwise` is None without ELSE."""

    path: Path
    cases: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...] | None


Item = FieldItem | FunctionItem | FieldsItem | ChildItem | TypeItem


@dataclass(frozen=True)
class Order:
    """One ORDER BY key. `nulls_first` is None where nothing was said."""

    path: Expr
    descending: bool
    nulls_first: bool | None


@dataclass(frozen=True)
class Query:
    """A whole statement; `text` is its source, for error messages."""

    text: str
    items: tuple[Item, ...]
    source: str
    source_pos: int
    aliases: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """By alias (lower case): what it stands for, an empty path for the queried object itself."""
    mine: bool = False
    """Only records of the user's own (`USING SCOPE mine`)."""
    where: Condition | None = None
    group: tuple[Expr, ...] = ()
    subtotals: OneOf["", "ROLLUP", "CUBE"] = ""
    having: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def conjuncts(condition: Condition | None) -> Sequence[Condition]:
    """The conditions that must all hold."""
    if condition is None:
        return ()
    return condition.items if isinstance(condition, Both) else (condition,)

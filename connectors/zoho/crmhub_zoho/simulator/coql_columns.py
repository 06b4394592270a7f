"""What COQL columns mean: their types, their values in a row and how replies show them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.errors import ZohoError
from crmhub_zoho.simulator.fields import ANY_MODULE, LOOKUP_TYPES, USER_TYPES, Field
from crmhub_zoho.simulator.org import SE_MODULE, Module, Org

MOST_HOPS = 2
Read = Callable[[Row], object]

_ID = Field("id", "bigint", length=19)
_SE_MODULE = Field(SE_MODULE, "text")
_USER_PARTS = ("id", "first_name", "last_name", "full_name", "email")


def invalid_column(name: str, **more: object) -> ZohoError:
    """A column that is not there, or is used in a way that it cannot be."""
    return ZohoError(400, "INVALID_QUERY", "column given seems to be invalid", {"column_name": name, **more})


@dataclass(frozen=True)
class Resolved:
    """A column: the field it ends in, its value in a row (for comparing) and as replies show it.

    `plain` is the key under which a row of the queried module holds the shown value, if it is that simple.
    """

    field: Field
    value: Read
    shown: Read
    plain: str | None = None


def resolve(org: Org, module: Module, text: str) -> Resolved:
    """The meaning of a column of `module`; raises ZohoError."""
    if "->" in text:
        return _polymorphic(org, module, text)
    parts = text.split(".")
    if len(parts) - 1 > MOST_HOPS + 1:
        raise invalid_column(text)
    return _path(org, module, parts, text)


def _path(org: Org, module: Module, parts: list[str], text: str) -> Resolved:
    name, rest = parts[0], parts[1:]
    one = _field(module, name)
    if one is None or (rest and one.data_type not in LOOKUP_TYPES):
        raise invalid_column(text)
    if not rest:
        return _own(org, one)
    if rest == ["id"]:
        read = org.reader(one)
        return Resolved(_ID, read, read)
    if one.data_type in USER_TYPES:
        return _of_user(org, name, rest, text)
    if one.target == ANY_MODULE:
        raise invalid_column(text)
    return _through(org, one, org.modules[one.target], rest, text)


def _field(module: Module, name: str) -> Field | None:
    if name == "id":
        return _ID
    if name == SE_MODULE and "What_Id" in module.fields:
        return _SE_MODULE
    found = module.fields.get(name)
    return None if found is not None and found.rows else found  # COQL knows no subforms


def _own(org: Org, one: Field) -> Resolved:
    name = one.api_name
    if one.data_type in USER_TYPES:
        return Resolved(one, lambda row: row.get(name), lambda row: _reference(row.get(name)))
    if one.data_type == "lookup":
        read = org.reader(one)
        return Resolved(one, read, lambda row: _reference(read(row)))
    if one.data_type == "boolean":
        return Resolved(one, lambda row: row.get(name, False), lambda row: row.get(name, False))
    return Resolved(one, lambda row: row.get(name), lambda row: row.get(name), name)


def _reference(target: object) -> object:
    return None if target is None else {"id": target}


def _of_user(org: Org, name: str, rest: list[str], text: str) -> Resolved:
    if len(rest) != 1 or rest[0] not in _USER_PARTS:
        raise invalid_column(text)

    def read(row: Row) -> object:
        user = org.users.get(str(row.get(name)))
        return None if user is None else getattr(user, rest[0])

    return Resolved(Field(rest[0], "text"), read, read)


def _through(org: Org, one: Field, target: Module, rest: list[str], text: str) -> Resolved:
    inner = _path(org, target, rest, text)

    def follow(read: Read) -> Read:
        def through(row: Row) -> object:
            found = org.linked(one, row)
            return read(found[1]) if found is not None and found[0] is target else None

        return through

    return Resolved(inner.field, follow(inner.value), follow(inner.shown))


def _polymorphic(org: Org, module: Module, text: str) -> Resolved:
    name, _, rest = text.partition("->")
    target_name, _, path = rest.partition(".")
    one = module.fields.get(name)
    target = org.module(target_name)
    if one is None or one.target != ANY_MODULE or target is None or not path:
        raise invalid_column(text)
    return _through(org, one, target, path.split("."), text)


def each(value: object) -> list[object]:
    """The members of a multi-select value; any other value alone."""
    return cast("list[object]", value) if isinstance(value, list) else [value]


def sort_key(value: object) -> tuple[int, Decimal, str]:
    """A key that orders values of one column: nothing first, then numbers, then texts without case."""
    if value is None:
        return 0, Decimal(0), ""
    if isinstance(value, bool | int | Decimal):
        return 1, Decimal(value), ""
    text = str(value)
    return 2, Decimal(0), text.casefold()

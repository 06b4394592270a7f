r"""The search criteria language: `((Field:op:value)and(Field:op:value))`.

Source: Zoho CRM API v8, "Search Records": at most 15 conditions; `(`, `)`, `,` and `\` in values are
escaped with a backslash; date-times carry an offset; `equals` on texts finds what contains the value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.coql_columns import each
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.fields import LOOKUP_TYPES, NUMBER_TYPES, USER_TYPES, Field
from crmhub_zoho.simulator.org import Module, Org
from crmhub_zoho.simulator.values import instant, plain_date

MOST_CONDITIONS = 15
MOST_VALUES = 100
Test = Callable[[Row], bool]
V = TypeVar("V", Decimal, str)

_CONDITION = re.compile(r"\(\s*([\w.$]+)\s*:\s*(\w+)\s*:((?:[^()\\]|\\.)*)\)", re.DOTALL)
_JOIN = re.compile(r"\s*(and|or)\s*", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_EQUALITY = frozenset({"equals", "not_equal"})
_ORDER = frozenset({"greater_than", "greater_equal", "less_than", "less_equal", "between"})
_TEXT_OPS = _EQUALITY | {"starts_with", "in"}
_COMPARES: Mapping[str, Callable[[int], bool]] = {
    "equals": lambda sign: sign == 0,
    "in": lambda sign: sign == 0,
    "not_equal": lambda sign: sign != 0,
    "greater_than": lambda sign: sign > 0,
    "greater_equal": lambda sign: sign >= 0,
    "less_than": lambda sign: sign < 0,
    "less_equal": lambda sign: sign <= 0,
}


def invalid_query(reason: str, **details: object) -> ZohoError:
    """The criteria cannot be understood."""
    return ZohoError(400, "INVALID_QUERY", "Invalid query formed", {"reason": reason, **details})


@dataclass
class _Reader:
    org: Org
    module: Module
    text: str
    at: int = 0
    conditions: int = 0

    def all(self) -> Test:
        test = self.group()
        if self.at != len(self.text):
            raise self.error()
        return test

    def group(self) -> Test:
        """One or more operands, joined by and / or from left to right."""
        test = self.operand()
        while join := _JOIN.match(self.text, self.at):
            self.at = join.end()
            test = _joined(join[1].lower(), test, self.operand())
        return test

    def operand(self) -> Test:
        if condition := _CONDITION.match(self.text, self.at):
            self.at = condition.end()
            self.conditions += 1
            if self.conditions > MOST_CONDITIONS:
                raise ZohoError(
                    400,
                    "CRITERIA_LIMIT_EXCEEDED",
                    f"no of criterium that can be given exceed the limit {MOST_CONDITIONS}",
                )
            return _condition(self.org, self.module, condition[1], condition[2].lower(), condition[3])
        if not self.text.startswith("(", self.at):
            raise self.error()
        self.at += 1
        test = self.group()
        if not self.text.startswith(")", self.at):
            raise self.error()
        self.at += 1
        return test

    def error(self) -> ZohoError:
        return invalid_query(
            "the criteria is not in the expected form", near=self.text[self.at : self.at + 30]
        )


def parse_criteria(org: Org, module: Module, text: str) -> Test:
    """A test for rows; raises ZohoError."""
    try:
        return _Reader(org, module, text.strip()).all()
    except RecursionError:
        raise invalid_query("the criteria is nested too deeply") from None


def _joined(word: str, left: Test, right: Test) -> Test:
    if word == "and":
        return lambda row: left(row) and right(row)
    return lambda row: left(row) or right(row)


def _condition(org: Org, module: Module, name: str, operator: str, raw: str) -> Test:
    field_name, _, part = name.partition(".")
    one = Field("id", "bigint", length=19) if name == "id" else module.fields.get(field_name)
    where: Details = {"api_name": name, "operator": operator}
    if one is None or (part and (one.data_type not in LOOKUP_TYPES or part not in {"id", "name"})):
        raise invalid_query("the field is not available for search", **where)
    if operator not in _operators(one):
        raise invalid_query("invalid operator found", **where)
    values = [_plain(value) for value in _split(raw)] if operator in {"in", "between"} else [_plain(raw)]
    if operator == "in" and len(values) > MOST_VALUES:
        raise invalid_query(f'Only {MOST_VALUES} values are allowed in "IN" criteria', **where)
    if (operator == "between" and len(values) != 2) or not all(values):
        raise invalid_query("invalid value for search", **where)
    if one.data_type in LOOKUP_TYPES and part != "name":
        return _by_id(org, one, operator, values)
    if one.data_type in LOOKUP_TYPES:
        return _on_text(lambda row: _name_of(org, one, row), operator, values)
    if one.data_type in NUMBER_TYPES or one.data_type == "bigint":
        return _on_order(one, operator, [_number(value, where) for value in values], _as_number)
    if one.data_type in {"date", "datetime"}:
        return _on_order(one, operator, [_time(org, one, value, where) for value in values], _as_text)
    if one.data_type == "boolean":
        return _on_boolean(one, operator, values[0], where)
    if one.data_type in {"picklist", "multiselectpicklist"}:
        return _on_choice(one, operator, values)
    return _on_text(lambda row: row.get(one.api_name), operator, values)


def _operators(one: Field) -> frozenset[str]:
    match one.data_type:
        case "boolean":
            return _EQUALITY
        case "textarea":
            return _TEXT_OPS - {"in"}
        case "picklist" | "multiselectpicklist" | "lookup" | "ownerlookup" | "userlookup":
            return _EQUALITY | {"in"}
        case "date" | "datetime" | "bigint":
            return _EQUALITY | _ORDER | {"in"}
        case kind:
            return _EQUALITY | _ORDER | {"in"} if kind in NUMBER_TYPES else _TEXT_OPS


def _split(raw: str) -> list[str]:
    return re.split(r"(?<!\\),", raw)


def _plain(raw: str) -> str:
    return re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL).strip()


def _number(text: str, where: Details) -> Decimal:
    if _NUMBER.fullmatch(text) is None:
        raise invalid_query("invalid value for search", **where, expected_data_type="double")
    return Decimal(text)


def _time(org: Org, one: Field, text: str, where: Details) -> str:
    found = plain_date(text) if one.data_type == "date" else instant(org, text)
    if found is None:
        raise invalid_query("invalid value for search", **where, expected_data_type=one.data_type)
    return found


def _as_number(value: object) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | Decimal | str) else None


def _as_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _on_order(one: Field, operator: str, values: list[V], read: Callable[[object], V | None]) -> Test:
    def test(row: Row) -> bool:
        value = read(row.get(one.api_name))
        if value is None:
            return operator == "not_equal"
        if operator == "between":
            return values[0] <= value <= values[1]
        return any(_COMPARES[operator]((value > given) - (value < given)) for given in values)

    return test


def _on_text(read: Callable[[Row], object], operator: str, values: list[str]) -> Test:
    wanted = [value.casefold() for value in values]
    first = wanted[0]

    def test(row: Row) -> bool:
        value = read(row)
        text = value.casefold() if isinstance(value, str) else ""
        match operator:
            case "equals":
                return first in text
            case "not_equal":
                return text != first
            case "starts_with":
                return text.startswith(first)
            case _:
                return text in wanted

    return test


def _on_choice(one: Field, operator: str, values: list[str]) -> Test:
    def test(row: Row) -> bool:
        found = any(item in values for item in each(row.get(one.api_name)))
        return found != (operator == "not_equal")

    return test


def _on_boolean(one: Field, operator: str, text: str, where: Details) -> Test:
    if text.lower() not in {"true", "false"}:
        raise invalid_query("invalid value for search", **where, expected_data_type="boolean")
    wanted = (text.lower() == "true") == (operator == "equals")
    return lambda row: bool(row.get(one.api_name)) == wanted


def _by_id(org: Org, one: Field, operator: str, values: list[str]) -> Test:
    read = org.reader(one)
    return lambda row: (read(row) in values) != (operator == "not_equal")


def _name_of(org: Org, one: Field, row: Row) -> object:
    if one.data_type in USER_TYPES:
        user = org.users.get(str(row.get(one.api_name)))
        return user.full_name if user else None
    found = org.linked(one, row)
    return None if found is None else found[0].title(found[1])

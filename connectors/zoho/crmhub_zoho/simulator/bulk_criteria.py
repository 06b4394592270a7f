"""The criteria of a bulk read: groups of conditions in JSON, turned into the conditions of a query.

Source: Zoho CRM API v8, "Create Bulk Read Job" (criteria: at most 25 conditions; comparators by type).
"""

from collections.abc import Mapping
from typing import cast

from crmhub_zoho.simulator.coql_parser import Column, Condition, Pair
from crmhub_zoho.simulator.coql_where import Test, test_of
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.org import Module, Org

MOST_CONDITIONS = 25
MOST_VALUES = 100
EMPTY = "${EMPTY}"
_OPERATORS: Mapping[str, str] = {
    "equal": "=",
    "not_equal": "!=",
    "in": "in",
    "not_in": "not in",
    "less_than": "<",
    "less_equal": "<=",
    "greater_than": ">",
    "greater_equal": ">=",
    "between": "between",
    "not_between": "not between",
    "contains": "like",
    "not_contains": "not like",
    "starts_with": "like",
    "ends_with": "like",
}
_LISTS = frozenset({"in", "not_in", "between", "not_between"})
_LIKE: Mapping[str, tuple[str, str]] = {
    "contains": ("%", "%"),
    "not_contains": ("%", "%"),
    "starts_with": ("", "%"),
    "ends_with": ("%", ""),
}


def test_for(org: Org, module: Module, criteria: object) -> Test:
    """A test for rows; raises ZohoError."""
    where, count = _where(criteria)
    if count > MOST_CONDITIONS:
        raise ZohoError(
            400, "CRITERIA_LIMIT_EXCEEDED", "Criteria limit exceeded.", {"limit": MOST_CONDITIONS}
        )
    try:
        return test_of(org, module, where)
    except ZohoError as refusal:
        raise _translated(refusal) from None


def _translated(refusal: ZohoError) -> ZohoError:
    column = refusal.details.get("column_name")
    if refusal.code == "INVALID_QUERY" and "expected_data_type" in refusal.details:
        message = "Comparator and value in the criteria are not compatible."
        details: Details = {"api_name": column}
        return ZohoError(400, "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", message, details)
    if refusal.code == "INVALID_QUERY":
        message = "Field in the criteria is not available."
        return ZohoError(400, "FIELD_IN_CRITERIA_NOT_AVAILABLE", message, {"api_name": column})
    if "operator" in refusal.details:
        message = "Field and comparator in the criteria are not compatible."
        return ZohoError(
            400, "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE", message, {"api_name": column}
        )
    return refusal


def _where(criteria: object) -> tuple[Condition | Pair, int]:
    if not isinstance(criteria, Mapping):
        raise _invalid()
    item = cast("Mapping[str, object]", criteria)
    grouped, single = "group" in item or "group_operator" in item, "comparator" in item
    if grouped and single:
        raise ZohoError(400, "AMBIGUOUS_CRITERIA", "The criteria is ambiguous.", {})
    if not grouped:
        return _condition(item), 1
    operator = item.get("group_operator")
    word = operator.lower() if isinstance(operator, str) else ""
    if word not in {"and", "or"}:
        details: Details = {"supported": ["and", "or"]}
        raise ZohoError(400, "GROUP_OPERATOR_NOT_SUPPORTED", "Group operator is not supported.", details)
    group = item.get("group")
    if not isinstance(group, list) or len(cast("list[object]", group)) < 2:
        raise _invalid()
    members = [_where(one) for one in cast("list[object]", group)]
    joined = members[0][0]
    for member, _ in members[1:]:
        joined = Pair(word, joined, member)
    return joined, sum(count for _, count in members)


def _condition(item: Mapping[str, object]) -> Condition:
    field = item.get("field")
    named = cast("Mapping[str, object]", field).get("api_name") if isinstance(field, Mapping) else None
    name = named if isinstance(named, str) else item.get("api_name")
    if not isinstance(name, str) or not name:
        raise _invalid()
    comparator = item.get("comparator")
    operator = _OPERATORS.get(comparator) if isinstance(comparator, str) else None
    if not isinstance(comparator, str) or operator is None:
        details: Details = {"api_name": name, "supported": list(_OPERATORS)}
        message = "Comparator in the criteria is not supported."
        raise ZohoError(400, "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED", message, details)
    column, value = Column(name), item.get("value")
    if value == EMPTY:
        if comparator not in {"equal", "not_equal"}:
            raise _incompatible(name)
        return Condition(column, "is null" if comparator == "equal" else "is not null")
    values = [_text(name, one) for one in _values(name, comparator, value)]
    before, after = _LIKE.get(comparator, ("", ""))
    return Condition(column, operator, tuple(f"{before}{one}{after}" for one in values))


def _values(name: str, comparator: str, value: object) -> list[object]:
    if comparator not in _LISTS:
        return [value]
    values = cast("list[object]", value) if isinstance(value, list) else None
    if values is None or not values or (comparator.endswith("between") and len(values) != 2):
        raise _incompatible(name)
    if len(values) > MOST_VALUES:
        details: Details = {"api_name": name, "limit": MOST_VALUES}
        raise ZohoError(400, "VALUE_LIMIT_EXCEEDED_IN_CRITERIA", "Value limit exceeded.", details)
    return values


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        value = cast("Mapping[str, object]", value).get("id")
    if value is None or isinstance(value, list | Mapping):
        raise _incompatible(name)
    return str(value)


def _invalid() -> ZohoError:
    return ZohoError(400, "INVALID_CRITERIA", "The criteria is invalid.", {})


def _incompatible(name: str) -> ZohoError:
    message = "Comparator and value in the criteria are not compatible."
    return ZohoError(400, "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", message, {"api_name": name})

"""The filters of a search.

Source: HubSpot "CRM search": groups are joined by OR, the filters of one by AND; 5 groups, 10 filters in one,
25 together. Enumerations are compared exactly, other texts without regard to case; with IN and NOT_IN the
values of texts must be lower case.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.hubspot.call import Body, as_texts, objects_of, text_or_none
from crmhub_rest.simulators.hubspot.catalog.properties import Property
from crmhub_rest.simulators.hubspot.errors import HubSpotError, bad_json, invalid
from crmhub_rest.simulators.hubspot.times import milliseconds

MOST_GROUPS = 5
MOST_IN_GROUP = 10
MOST_FILTERS = 25
_ORDERED: Mapping[str, Callable[[int], bool]] = {
    "LT": lambda sign: sign < 0,
    "LTE": lambda sign: sign <= 0,
    "GT": lambda sign: sign > 0,
    "GTE": lambda sign: sign >= 0,
}
_OPERATORS = (
    *_ORDERED,
    *(
        "EQ",
        "NEQ",
        "BETWEEN",
        "IN",
        "NOT_IN",
        "HAS_PROPERTY",
        "NOT_HAS_PROPERTY",
        "CONTAINS_TOKEN",
        "NOT_CONTAINS_TOKEN",
    ),
)

Read = Callable[[Row, str], object]
Key = str | int | Decimal


@dataclass(frozen=True)
class Filter:
    """One condition on a property."""

    one: Property
    operator: str
    value: str | None = None
    high: str | None = None
    values: tuple[str, ...] = ()

    def holds(self, held: object) -> bool:
        """Whether the value meets the condition."""
        there = held is not None and held != ""
        match self.operator:
            case "HAS_PROPERTY":
                return there
            case "NOT_HAS_PROPERTY":
                return not there
            case _:
                # The tokens of nothing do not contain a token; everything else asks for a value.
                return self._met(str(held)) if there else self.operator == "NOT_CONTAINS_TOKEN"

    def _met(self, text: str) -> bool:
        match self.operator:
            case "EQ":
                return self._same(text, self.value or "")
            case "NEQ":
                return not self._same(text, self.value or "")
            case "IN":
                return any(self._listed(text, one) for one in self.values)
            case "NOT_IN":
                return not any(self._listed(text, one) for one in self.values)
            case "CONTAINS_TOKEN":
                return _has_token(text, self.value or "")
            case "NOT_CONTAINS_TOKEN":
                return not _has_token(text, self.value or "")
            case "BETWEEN":
                return self._sign(text, self.value) >= 0 and self._sign(text, self.high) <= 0
            case operator:
                return _ORDERED[operator](self._sign(text, self.value))

    def bound(self, text: str | None) -> int | None:
        """An instant (epoch milliseconds) among the values."""
        return None if text is None else milliseconds(text)

    def _same(self, text: str, other: str) -> bool:
        if self.one.many:
            return other in text.split(";")
        if self.one.type in {"enumeration", "bool"}:
            return text == other
        return comparable(self.one, text) == comparable(self.one, other)

    def _listed(self, text: str, other: str) -> bool:
        if self.one.type == "string":
            return text.lower() == other
        return self._same(text, other)

    def _sign(self, text: str, other: str | None) -> int:
        mine, theirs = comparable(self.one, text), comparable(self.one, other or "")
        if isinstance(mine, str) or isinstance(theirs, str):
            return (str(mine) > str(theirs)) - (str(mine) < str(theirs))
        return (mine > theirs) - (mine < theirs)


def comparable(one: Property, text: str) -> Key:
    """A value in the form in which values of that property are compared."""
    if one.type == "number":
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    if one.type in {"date", "datetime"}:
        instant = milliseconds(text)
        return text if instant is None else instant
    return text.lower()


def _has_token(text: str, pattern: str) -> bool:
    wanted = re.escape(pattern.strip().lower()).replace(r"\*", r"[^\s]*")
    words = text.lower()
    return re.search(rf"(?<![^\W_]){wanted}(?![^\W_])", words) is not None


def parse_groups(properties: Mapping[str, Property], body: Body) -> list[list[Filter]]:
    """The filters of a search, by group; a single group can be `filters` alone. Raises HubSpotError."""
    alone = objects_of(body, "filters")
    groups = (
        [alone] if alone else [objects_of(group, "filters") for group in objects_of(body, "filterGroups")]
    )
    if len(groups) > MOST_GROUPS:
        raise invalid(f"Too many filter groups: {len(groups)}, at most {MOST_GROUPS} are allowed")
    if sum(map(len, groups)) > MOST_FILTERS:
        raise invalid(f"Too many filters: {sum(map(len, groups))}, at most {MOST_FILTERS} are allowed")
    for group in groups:
        if len(group) > MOST_IN_GROUP:
            raise invalid(f"Too many filters in a group: {len(group)}, at most {MOST_IN_GROUP} are allowed")
    return [[_filter(properties, item) for item in group] for group in groups]


def _filter(properties: Mapping[str, Property], item: Body) -> Filter:
    name, operator = text_or_none(item, "propertyName"), text_or_none(item, "operator")
    if name is None or operator is None:
        raise bad_json(
            "Cannot build Filter, some of required attributes are not set "
            f"[{', '.join(one for one in ('propertyName', 'operator') if item.get(one) is None)}]"
        )
    one = properties.get(name)
    if one is None or one.archived:
        raise invalid(
            f"There was a problem with the request. Property {name} does not exist", propertyName=[name]
        )
    if operator not in _OPERATORS:
        raise invalid(
            f"There was a problem with the request. Unknown operator {operator}", operator=[operator]
        )
    value, high = text_or_none(item, "value"), text_or_none(item, "highValue")
    values = as_texts(item.get("values"), "values")
    if operator.endswith("HAS_PROPERTY"):
        if value is not None:
            raise _unbuilt(f"operator {operator} does not take a value")
    elif operator in {"IN", "NOT_IN"}:
        if not values:
            raise _unbuilt(f"operator {operator} requires values")
    elif value is None:
        raise _unbuilt(f"operator {operator} requires a value")
    elif operator == "BETWEEN" and high is None:
        raise _unbuilt(f"operator {operator} requires a highValue")
    for text in (value, high, *values):
        if text is not None and one.type in {"number", "date", "datetime"} and operator[-5:] != "TOKEN":
            _refuse_unreadable(one, text)
    return Filter(one, operator, value, high, tuple(values))


def _unbuilt(problem: str) -> HubSpotError:
    return bad_json(
        "Cannot construct instance of `com.hubspot.inbounddb.publicobject.core.v3.search.Filter`, "
        f"problem: {problem}"
    )


def _refuse_unreadable(one: Property, text: str) -> None:
    if isinstance(comparable(one, text), str):
        raise invalid(f"There was a problem with the request. {text} is no {one.type} for {one.name}")

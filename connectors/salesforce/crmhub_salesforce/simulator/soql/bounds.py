"""What a condition says about ids and times of change, so that a scan can begin and end where it must.

Bounds are safe: every row that fulfils the condition lies within them. Where the condition consists of
nothing but comparisons of the scanned field they are exact, and the condition need not be checked.
"""

from dataclasses import dataclass

from crmhub_salesforce.simulator.catalog.fields import TEXT_TYPES, Field
from crmhub_salesforce.simulator.soql.columns import Scope
from crmhub_salesforce.simulator.soql.conditions import Conditions
from crmhub_salesforce.simulator.soql.functions import term
from crmhub_salesforce.simulator.soql.syntax import (
    Both,
    Compare,
    Condition,
    Either,
    InList,
    Literal,
    Path,
    conjuncts,
)
from crmhub_salesforce.simulator.values import epoch

# The double moves both stamps together, so that either finds the place in the order of change.
CHANGE = frozenset({"systemmodstamp", "lastmodifieddate"})
ID = frozenset({"id"})
_ORDERED = frozenset({"<", "<=", ">", ">=", "="})


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest value, both included; None is open."""

    low: int | None = None
    high: int | None = None

    def both(self, other: "Bounds") -> "Bounds":
        """Within this and the other."""
        lows = [value for value in (self.low, other.low) if value is not None]
        highs = [value for value in (self.high, other.high) if value is not None]
        return Bounds(max(lows, default=None), min(highs, default=None))

    def either(self, other: "Bounds") -> "Bounds":
        """Within this or the other."""
        low = None if self.low is None or other.low is None else min(self.low, other.low)
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        return Bounds(low, high)

    @property
    def open(self) -> bool:
        """Whether nothing is known."""
        return self.low is None and self.high is None


class Finder:
    """Reads bounds and direct candidates out of a condition that has been checked already."""

    def __init__(self, scope: Scope, conditions: Conditions) -> None:
        self._scope = scope
        self._conditions = conditions

    def change(self, condition: Condition | None) -> Bounds:
        """Bounds on the time of last change, in epoch seconds."""
        match condition:
            case Both(items):
                found = Bounds()
                for item in items:
                    found = found.both(self.change(item))
                return found
            case Either(items):
                found = self.change(items[0])
                for item in items[1:]:
                    found = found.either(self.change(item))
                return found
            case Compare() if self._names(condition) in CHANGE:
                return self._moments(condition)
            case _:
                return Bounds()

    def places(self, condition: Condition | None) -> Bounds:
        """Bounds on the place of a row, from comparisons of its id."""
        match condition:
            case Both(items):
                found = Bounds()
                for item in items:
                    found = found.both(self.places(item))
                return found
            case Either(items):
                found = self.places(items[0])
                for item in items[1:]:
                    found = found.either(self.places(item))
                return found
            case Compare() if self._names(condition) == "id" and condition.operator in _ORDERED:
                return self._ids(condition)
            case _:
                return Bounds()

    def only(self, condition: Condition | None, names: frozenset[str]) -> bool:
        """Whether the condition is nothing but ordered comparisons of these own fields, joined by AND."""
        return all(
            isinstance(item, Compare)
            and self._names(item) in names
            and item.operator in _ORDERED
            and item.value.kind in {"dateTime", "string"}
            for item in conjuncts(condition)
        )

    def only_deleted(self, condition: Condition | None) -> bool:
        """Whether only deleted records can fulfil the condition."""
        return any(
            isinstance(item, Compare)
            and self._names(item) == "isdeleted"
            and (item.operator, item.value.value) in {("=", True), ("!=", False)}
            for item in conjuncts(condition)
        )

    def candidates(self, condition: Condition | None) -> set[int] | None:
        """The places that can fulfil the condition, where an id or an indexed field names them; None if
        unknown.
        """
        found: set[int] | None = None
        for item in conjuncts(condition):
            named = self._named(item)
            if named is not None:
                found = named if found is None else found & named
        return found

    def _names(self, condition: Compare | InList) -> str:
        if not isinstance(condition.path, Path):
            return ""
        column = self._scope.column(condition.path)
        return column.field.name.lower() if column.own else ""

    def _field(self, condition: Compare | InList) -> Field:
        return term(self._scope, condition.path).field

    def _moments(self, condition: Compare) -> Bounds:
        if condition.value.kind != "dateTime":
            return Bounds()
        field = self._field(condition)
        moment = self._conditions.value(condition.path, field, condition.value)
        seconds = epoch(str(moment))
        match condition.operator:
            case "=":
                return Bounds(seconds, seconds)
            case ">":
                return Bounds(seconds + 1)
            case ">=":
                return Bounds(seconds)
            case "<":
                return Bounds(None, seconds - 1)
            case "<=":
                return Bounds(None, seconds)
            case _:
                return Bounds()

    def _ids(self, condition: Compare) -> Bounds:
        wanted = self._id(condition, condition.value)
        if wanted is None:
            return Bounds()
        ids = self._scope.org.ids[self._scope.sobject.name]
        place = ids.first_at_or_after(wanted)
        hit = ids.place_of(wanted) == place
        match condition.operator:
            case ">":
                return Bounds(place + hit)
            case ">=":
                return Bounds(place)
            case "<":
                return Bounds(None, place - 1)
            case "<=":
                return Bounds(None, place if hit else place - 1)
            case _:
                return Bounds(place, place if hit else place - 1)

    def _id(self, condition: Compare | InList, literal: Literal) -> str | None:
        field = self._field(condition)
        value = self._conditions.value(condition.path, field, literal)
        return value if isinstance(value, str) else None

    def _named(self, condition: Condition) -> set[int] | None:
        if isinstance(condition, Compare) and condition.operator == "=":
            literals: tuple[Literal, ...] = (condition.value,)
        elif isinstance(condition, InList) and not condition.negated:
            literals = condition.values
        else:
            return None
        if not isinstance(condition.path, Path):
            return None
        column = self._scope.column(condition.path)
        if not column.own or not column.field.indexed or column.field.type not in TEXT_TYPES:
            return None
        table = self._scope.org.tables[self._scope.sobject.name]
        values = [self._conditions.value(condition.path, column.field, literal) for literal in literals]
        if any(value is None for value in values):
            return None
        if column.field.type == "id":
            places = (table.place_of(str(value)) for value in values)
            return {place for place in places if place is not None}
        return {place for value in values for place in table.find(column.field.name, value)}

"""Conditions on fields, as the CRM takes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

from crmhub.connector import Condition, Native, Value
from crmhub.errors import Unsupported, Where
from crmhub_rest.api import Api
from crmhub_rest.language.object import Filter
from crmhub_rest.pages import Got, Pages
from crmhub_rest.schemas import Described

__all__ = ["Conditions", "can_filter"]

_TIMES = frozenset({"date", "datetime"})
_CHOICES = frozenset({"enum", "multi_enum", "bool", "ref"})


def can_filter(filter: Filter) -> frozenset[str]:
    """Names of the fields that can be filtered; ``*`` stands for all."""
    return frozenset(filter.by) | frozenset(filter.fields)


class Conditions:
    """Conditions on the fields of one object."""

    def __init__(self, api: Api, of: Described, filter: Filter) -> None:
        self._api = api
        self._of = of
        self._filter = filter

    async def read(
        self, pages: Pages, conditions: Sequence[Condition], fields: Sequence[str]
    ) -> AsyncGenerator[Got]:
        """Pages of records that meet all conditions. Raises ``Unsupported`` for one that cannot be asked."""
        extra: Native = {}
        items: list[Native] = []
        for condition in conditions:
            parameter = self._filter.by.get(condition.field)
            if parameter is not None and condition.op == "eq" and condition.value is not None:
                extra[parameter] = self._value(condition.field, condition.value)
            elif self._filter.each and {"*", condition.field} & set(self._filter.fields):
                items.append(self._item(condition))
            else:
                raise self._unsupported(condition)
        scope = self._api.scope(self._of.name)
        for path, template in self._filter.each.items():
            extra[path.text] = [template.filled({**scope, **item}) for item in items]
        async with aclosing(pages.read("filter", self._filter, scope, fields, extra=extra)) as found:
            async for got in found:
                yield got

    def _item(self, condition: Condition) -> Native:
        bare = condition.value is None
        word = (
            self._filter.empty if bare and condition.op == "eq" else self._filter.operators.get(condition.op)
        )
        if word is None or (bare and condition.op != "eq"):
            raise self._unsupported(condition)
        if bare:
            return {"field": condition.field, "op": word}
        value = self._value(condition.field, condition.value)
        if condition.op == "in":
            return {"field": condition.field, "op": word, "values": self._listed(condition.field, value)}
        return {"field": condition.field, "op": word, "value": value}

    def _listed(self, field: str, value: Value) -> list[Value]:
        values: list[Value] = value if isinstance(value, list) else [value]
        spec = self._of.schema.fields.get(field)
        if not self._filter.lower or spec is None or spec.type in _CHOICES:
            return values
        return [one.lower() if isinstance(one, str) else one for one in values]

    def _value(self, field: str, value: Value) -> Value:
        spec = self._of.schema.fields.get(field)
        if isinstance(value, list):
            return [self._value(field, one) for one in value]
        if spec is not None and spec.type in _TIMES and isinstance(value, str) and "T" in value:
            return self._filter.times.write(datetime.fromisoformat(value))
        if spec is not None and spec.type == "ref" and self._api.crm.ids == "int" and str(value).isdigit():
            return int(str(value))
        return self._of.coded(field, value)

    def _unsupported(self, condition: Condition) -> Unsupported:
        known = sorted(can_filter(self._filter))
        return Unsupported(
            f"{self._of.name} cannot be filtered by {condition.field} ({condition.op})",
            hint=f"it can be by {', '.join(known)}" if known else "filter what comes",
            where=Where(object=self._of.name, field=condition.field),
        )

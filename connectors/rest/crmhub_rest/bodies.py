"""What is sent of an item: its fields as the CRM takes them, and what the call's placeholders stand for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from crmhub.clock import Clock
from crmhub.connector import Native, Value, WriteRequest
from crmhub_rest.api import Api
from crmhub_rest.batches import Ready, with_defaults
from crmhub_rest.language.path import ABSENT
from crmhub_rest.language.template import Scope
from crmhub_rest.language.times import TimeForm
from crmhub_rest.language.write import Write
from crmhub_rest.links import Links, ids_in
from crmhub_rest.lookup import Lookup
from crmhub_rest.schemas import Described

__all__ = ["Bodies", "trace_of"]

_NOW = TimeForm("iso")


def trace_of(item: Ready) -> str:
    """The text that tells an item's result from the others."""
    return f"crmhub-{item.place}"


class Bodies:
    """What is sent for the items of one request."""

    def __init__(
        self, api: Api, lookup: Lookup, of: Described, write: Write, request: WriteRequest, clock: Clock
    ) -> None:
        self._api = api
        self._lookup = lookup
        self._of = of
        self._write = write
        self._request = request
        self._clock = clock
        self._links = Links(api, of)

    async def scope(self, item: Ready, *, fields: bool = False) -> dict[str, Value]:
        """What the placeholders of an item's call stand for; with ``fields``, its fields too."""
        now = _NOW.write(self._clock.now())
        values: Native = {"trace": trace_of(item), "match": self._request.match, "now": now}
        if item.id is not None:
            values["id"] = self._api.key_sent(item.id, self._of.name)
        elif parts := self._of.says.parts:
            known = {name: self._reference(name, item.fields[name]) for name in parts if name in item.fields}
            values["id"] = known
        if item.key is not None:
            values["key"] = item.key
        if self._request.operation == "create" and (linked := self._linked(item)):
            values["links"] = linked
        scope = self._api.scope(self._of.name, values)
        if fields:
            scope["fields"] = await self.body(item, scope)
        return scope

    async def body(self, item: Ready, scope: Scope) -> Native:
        """The fields as the CRM takes them."""
        fields = {name: value for name, value in item.fields.items() if name not in self._of.says.parts}
        if self._request.operation in {"create", "upsert"}:
            fields = with_defaults(self._write, fields, scope)
        if self._api.crm.ids == "int":
            fields = {name: self._reference(name, value) for name, value in fields.items()}
        if self._of.codes:
            fields = {name: self._of.coded(name, value) for name, value in fields.items()}
        fields = {name: self._of.at(name, self._counted(name, value)) for name, value in fields.items()}
        record = self._of.says.record
        changing = item.id is not None and self._request.operation == "update"
        along = self._write.sent_along(fields) if changing else set[str]()
        held: Mapping[str, Value] = {}
        if item.id is not None and changing and (along or record.needs_held(fields)):
            held = await self._lookup.undecoded(self._of, item.id)
            flat = record.decode(dict(held))
            fields = {**{name: flat[name] for name in sorted(along) if name in flat}, **fields}
        return self._api.seams.encode(self._of.name, record.encode(fields, held))

    def _reference(self, name: str, value: Value) -> Value:
        spec = self._of.schema.fields.get(name)
        if spec is not None and spec.type == "ref" and isinstance(value, str) and value.isdigit():
            return int(value)
        return value

    def _counted(self, name: str, value: Value) -> Value:
        """A whole number written as one, where a field holds such: a strict CRM refuses ``120.00`` there."""
        spec = self._of.schema.fields.get(name)
        if spec is None or spec.type != "int" or not isinstance(value, Decimal):
            return value
        return int(value) if value == value.to_integral_value() else value

    def _linked(self, item: Ready) -> list[Value]:
        """What a create's call has for links."""
        entries = [
            link.on_create.fill(self._links.scope(link, {"to": id_}))
            for name, value in item.links.items()
            if (link := self._of.says.links[name]).on_create is not None
            for id_ in ids_in(value)
        ]
        return [entry for entry in entries if entry is not ABSENT]

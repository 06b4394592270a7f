"""The HubSpot that the conformance checks run against.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import ClassVar, cast

from crmhub.connector import FieldSpec, FieldType, Native, Value
from crmhub.testing.conformance.double import DoubleOrg, native
from crmhub.testing.conformance.target import Message, NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.options import Options
from crmhub_rest.presets import preset
from crmhub_rest.simulators.hubspot.catalog.properties import Property, PropertyOption
from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from crmhub_rest.simulators.hubspot.lives import merge, restore
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.records import Records

__all__ = ["HubSpotOrg", "HubSpotTarget", "target"]

_HOOK = "https://listener.example.com/hubspot"
_TYPES: Mapping[FieldType, tuple[str, str]] = {
    "text": ("string", "text"),
    "int": ("number", "number"),
    "decimal": ("number", "number"),
    "bool": ("bool", "booleancheckbox"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
    "enum": ("enumeration", "select"),
    "multi_enum": ("enumeration", "checkbox"),
}


class HubSpotOrg(DoubleOrg):
    """One portal, with owners and no records, that sends messages to an app."""

    name: ClassVar[str] = "hubspot"
    connector = preset("hubspot")
    token_path = "/oauth/2026-03/token"  # noqa: S105 - it is a path
    cap = 10_000

    def __init__(
        self, switches: Mapping[str, str] | None = None, rows: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(HubSpotDouble, Options(seed=5, settings=switches or {}, rows=rows or 0))
        known, portal = self.played.credentials, self.played.portal
        self.settings = {
            "base_url": self.base_url,
            "webhook_url": _HOOK,
            **{name: known[name] for name in ("client_id", "client_secret", "refresh_token")},
        }
        company = portal.stores["companies"]
        for name, unique in (("crmhub_key", True), ("region_code", False)):
            company.properties[name] = _property(name, "text", unique=unique)
        portal.subscriptions.target_url = _HOOK
        for kind in ("creation", "deletion", "restore", "merge"):
            portal.subscriptions.add(f"company.{kind}", None, None, active=True, now=portal.now())
        for name in ("name", "industry", "annualrevenue"):
            portal.subscriptions.add("company.propertyChange", name, None, active=True, now=portal.now())

    @property
    def played(self) -> HubSpotDouble:
        """The double."""
        assert isinstance(self.double, HubSpotDouble)  # noqa: S101 - made above
        return self.double

    async def truth(self, object: str) -> Sequence[Native]:
        """All live records, with properties beside the rest and as what their types say."""
        properties = self._store(object).properties if object in self.played.portal.stores else {}
        return [_flat(native(row), properties) for row in self.played.truth(object)]

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as the API's own checks let them in."""
        records, store = Records(self.played.portal), self._store(object)
        made = [records.create(store, records.drafted(store, _texts(row), [])) for row in rows]
        return [str(row["hs_object_id"]) for row in made]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        records, store = Records(self.played.portal), self._store(object)
        place = records.place(store, id)
        records.change(store, place, records.revised(store, place, _texts(fields)), "CRM_UI")

    async def remove(self, object: str, id: str) -> None:
        """A record archived."""
        records, store = Records(self.played.portal), self._store(object)
        records.archive(store, records.place(store, id), "CRM_UI")

    async def merge(self, object: str, winner: str, loser: str) -> str | None:
        """Two records merged: HubSpot makes a new one of them."""
        return str(merge(self.played.portal, self._store(object), winner, loser)["hs_object_id"])

    async def restore(self, object: str, id: str) -> None:
        """A record taken back out of the archive."""
        store = self._store(object)
        gone = store.table.deleted_by_id(id)
        if gone is None:
            raise NotHere(f"{object} {id} is not archived")
        restore(self.played.portal, store, gone)

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """A property of the portal's own."""
        choices = tuple(PropertyOption(choice.value, choice.label) for choice in field.choices)
        made = _property(field.name, field.type, unique=field.unique, choices=choices)
        self._store(object).properties[field.name] = made

    async def drop_field(self, object: str, name: str) -> None:
        """A property archived with the values that records had in it."""
        del self._store(object).properties[name]

    async def tie(self, object: str, name: str, count: int) -> tuple[str, Sequence[str]]:
        """A record with so many contacts."""
        (id_,) = await self.insert(object, [{"name": f"With {count}"}])
        others = await self.insert(
            "contacts", [{"email": f"c{n}@of{count}.example.com"} for n in range(count)]
        )
        store, contacts = self._store(object), self._store(name.removeprefix("associated_"))
        for other in others:
            Records(self.played.portal).link(store, id_, contacts, other)
        return id_, others

    async def messages(self) -> Sequence[Message]:
        """What HubSpot has sent to the app's address."""
        self.played.portal.send()
        sent = self.played.outbox(clear=True)
        return [
            Message(str(one["body"]).encode(), dict(cast("Mapping[str, str]", one["headers"])))
            for one in sent
        ]

    def forged(self, message: Message) -> Sequence[Message]:
        """Another body, another signature, none, an older kind of signature, and another time of sending."""
        signature, time = "X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"
        other = message.body.replace(b'"objectId":', b'"objectId":1', 1)
        without = {name: value for name, value in message.headers.items() if name != signature}
        later = str(int(message.headers[time]) + 1)
        return (
            Message(other, message.headers),
            Message(message.body, {**message.headers, signature: "AAAA"}),
            Message(message.body, {**message.headers, signature: ""}),
            Message(message.body, without),
            Message(message.body, {**message.headers, time: later}),
        )

    def revoke(self) -> None:
        """The app is uninstalled."""
        self.played.tokens.revoke_all()

    def rotate(self) -> None:
        """From now on each refresh gives another refresh token."""
        self.played.tokens.rotates = True

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials, and an app that may not read companies."""
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client"),
            Spoilt("a wrong refresh token", {"refresh_token": "WRONG-REFRESH-TOKEN"}, "refresh token"),
            Spoilt("a wrong token of a private app", {"access_token": "pat-na1-wrong"}, "token"),
        )

    def _store(self, object: str) -> Store:
        store = self.played.portal.store(object)
        if store is None:
            raise NotHere(f"the double has no {object}")
        return store


class HubSpotTarget(Target):
    """Companies of a HubSpot portal."""

    connector = "hubspot"
    sample = Sample(
        object="companies",
        text="name",
        long_text="description",
        number="numberofemployees",
        money="annualrevenue",
        enum="industry",
        ref="hubspot_owner_id",
        ref_object="owners",
        nowhere="999999999",
        unique="crmhub_key",
        custom="region_code",
        read_only="createdate",
        new_field="crmhub_check",
        many="associated_contacts",
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[HubSpotOrg]:
        """A fresh portal."""
        org = HubSpotOrg()
        try:
            yield org
        finally:
            await org.aclose()


target = HubSpotTarget()


def _property(
    name: str, kind: FieldType, *, unique: bool = False, choices: Sequence[PropertyOption] = ()
) -> Property:
    type_, field_type = _TYPES[kind]
    return Property(
        name, name, type_, field_type, "companyinformation", tuple(choices), unique=unique, custom=True
    )


def _flat(row: Native, properties: Mapping[str, Property]) -> Native:
    inner = row.pop("properties", None)
    held = inner if isinstance(inner, dict) else {}
    return {**row, **{name: _meant(properties.get(name), value) for name, value in held.items()}}


def _meant(one: Property | None, value: Value) -> Value:
    if one is None or not isinstance(value, str):
        return value
    if one.type == "number":
        return Decimal(value)
    if one.type == "bool":
        return value == "true"
    return [*value.split(";")] if one.many else value


def _texts(row: Mapping[str, object]) -> dict[str, object]:
    return {name: "" if value is None else _text(value) for name, value in row.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ";".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)

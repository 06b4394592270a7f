"""The GoHighLevel that the conformance checks run against.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, cast

from crmhub.connector import FieldSpec, FieldType, Native, Value
from crmhub.testing.conformance.double import DoubleOrg, native
from crmhub.testing.conformance.target import Message, NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.options import Options
from crmhub_rest.presets import preset
from crmhub_rest.simulators.gohighlevel.acts import merge, restore
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from crmhub_rest.simulators.gohighlevel.fields import CustomField, merge_values
from crmhub_rest.simulators.gohighlevel.ids import IdBlock
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.times import parse_birth_date

__all__ = ["GoHighLevelOrg", "GoHighLevelTarget", "target"]

_HOOK = "https://listener.example.com/gohighlevel"
_TYPES: Mapping[FieldType, str] = {
    "text": "TEXT",
    "int": "NUMERICAL",
    "decimal": "NUMERICAL",
    "enum": "SINGLE_OPTIONS",
    "multi_enum": "MULTIPLE_OPTIONS",
    "date": "DATE",
}
_SEED = 5
_LANGUAGE, _SCORE = (f"cf_{IdBlock('fields-0', _SEED).id_of(place)}" for place in (0, 1))
_KEYS = ("webhook_ed25519_key", "webhook_rsa_key")
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "contacts": {"type": "lead", "dnd": False, "tags": [], "customFields": {}},
}


class GoHighLevelOrg(DoubleOrg):
    """One location without records, and an app that hears of changes."""

    name: ClassVar[str] = "gohighlevel"
    connector = preset("gohighlevel")
    token_path = "/oauth/token"  # noqa: S105 - it is a path

    def __init__(
        self, switches: Mapping[str, str] | None = None, rows: Mapping[str, int] | None = None
    ) -> None:
        settings = {"webhook_url": _HOOK, "burst": "100000", **(switches or {})}
        super().__init__(GoHighLevelDouble, Options(seed=_SEED, settings=settings, rows=rows or 0))
        known = self.played.credentials
        names = ("location_id", "client_id", "client_secret", "refresh_token", *_KEYS)
        self.settings = {
            "base_url": self.base_url,
            "pipeline_id": self.location.pipelines[0].id,
            "calendar_id": next(iter(self.location.calendars)),
            **{name: known[name] for name in names if name in known},
        }

    @property
    def played(self) -> GoHighLevelDouble:
        """The double."""
        assert isinstance(self.double, GoHighLevelDouble)  # noqa: S101 - made above
        return self.double

    @property
    def location(self) -> Location:
        """The location that the connections read and write."""
        return self.played.agency.main

    async def truth(self, object: str) -> Sequence[Native]:
        """All live records, with custom fields beside the others."""
        return [_flat(native(row)) for row in self.played.truth(object)]

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as people type them in."""
        known = _DEFAULTS.get(object, {})
        return [str(self.location.add(object, self._row(row, known))["id"]) for row in rows]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        before = self.location.get(object, id)
        if before is None:
            raise NotHere(f"{object} {id} is not there")
        self.location.change(object, id, self._row(fields, before, only_changes=True))

    async def remove(self, object: str, id: str) -> None:
        """A record deleted."""
        if self.location.get(object, id) is None:
            raise NotHere(f"{object} {id} is not there")
        self.location.remove(object, id)

    async def restore(self, object: str, id: str) -> None:
        """A contact taken back."""
        if object != "contacts":
            raise NotHere(f"{object} cannot be restored in GoHighLevel")
        restore(self.location, id)

    async def merge(self, object: str, winner: str, loser: str) -> str | None:
        """Two contacts merged: what hangs on one goes over to the other."""
        if object != "contacts":
            raise NotHere(f"{object} cannot be merged in GoHighLevel")
        merge(self.location, winner, loser)
        return None

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """A custom field, or another type of one."""
        model = {"contacts": "contact", "opportunities": "opportunity"}.get(object)
        if model is None or field.type not in _TYPES:
            raise NotHere(f"the double has no custom fields of {object} of the type {field.type}")
        key = field.name.removeprefix("cf_")
        choices = [choice.value for choice in field.choices]
        made = CustomField(key, field.label or key, key.lower(), _TYPES[field.type], model, options=choices)
        self.location.fields[made.id] = made

    async def drop_field(self, object: str, name: str) -> None:
        """A custom field deleted; records may still hold values of it."""
        if name.removeprefix("cf_") not in self.location.fields:
            raise NotHere(f"{object} has no custom field {name}")
        del self.location.fields[name.removeprefix("cf_")]

    async def messages(self) -> Sequence[Message]:
        """What GoHighLevel has sent to the app's address."""
        return [
            Message(str(one["body"]).encode(), dict(cast("Mapping[str, str]", one["headers"])))
            for one in self.played.outbox(clear=True)
        ]

    def forged(self, message: Message) -> Sequence[Message]:
        """Other bodies with the signatures of this one; no signature, a wrong one, one of the other kind."""
        new, old = "x-ghl-signature", "x-wh-signature"
        plain = {name: value for name, value in message.headers.items() if name not in {new, old}}
        other = message.body.replace(b'"type"', b'"type" ', 1)
        signed = {**plain, new: message.headers[new]}
        return (
            Message(other, message.headers),
            Message(other, {**plain, old: message.headers[old]}),
            Message(message.body, plain),
            Message(message.body, {**plain, new: ""}),
            Message(message.body, {**plain, new: "AAAA"}),
            Message(message.body, {**plain, new: message.headers[old]}),
            Message(message.body, {**plain, old: message.headers[new]}),
            Message(message.body[:-1] + b" }", signed),
        )

    def revoke(self) -> None:
        """The app is uninstalled."""
        self.played.accounts.uninstall()

    def rotate(self) -> None:
        """They always do."""

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials, and another location's id."""
        known = self.played.credentials
        other, private = known["other_location_id"], known["private_integration_token"]
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client"),
            Spoilt("a wrong refresh token", {"refresh_token": "WRONG-REFRESH-TOKEN"}, "refresh token"),
            Spoilt("a wrong private token", {"access_token": "pit-wrong"}, "Private Integration"),
            Spoilt("another location's id", {"location_id": other, "access_token": private}, "location"),
        )

    def _row(
        self, given: Mapping[str, Value], before: Mapping[str, object], *, only_changes: bool = False
    ) -> dict[str, object]:
        """A row as the double keeps it."""
        custom = [
            {"id": name.removeprefix("cf_"), "field_value": value}
            for name, value in given.items()
            if name.startswith("cf_")
        ]
        row: dict[str, object] = {} if only_changes else {**before}
        row |= {name: value for name, value in given.items() if not name.startswith("cf_")}
        if isinstance(born := row.get("dateOfBirth"), str):
            row["dateOfBirth"] = parse_birth_date(born)
        if custom:
            held = cast("Mapping[str, object]", before.get("customFields") or {})
            fields = self.location.fields.values()
            row["customFields"] = merge_values(held, custom, fields, "contact", v3=False)
        return row


class GoHighLevelTarget(Target):
    """Contacts of a location."""

    connector = "gohighlevel"
    sample = Sample(
        object="contacts",
        text="firstName",
        number=_SCORE,
        money=_SCORE,
        date="dateOfBirth",
        enum=_LANGUAGE,
        custom=_LANGUAGE,
        new_field="cf_checkFieldCheckField",
        ref="assignedTo",
        ref_object="users",
        nowhere="nobodyAtAll000000000",
        read_only="dateAdded",
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[GoHighLevelOrg]:
        """A fresh location."""
        org = GoHighLevelOrg()
        try:
            yield org
        finally:
            await org.aclose()


target = GoHighLevelTarget()


def _flat(row: Native) -> Native:
    custom = row.pop("customFields", None)
    for item in custom if isinstance(custom, list) else []:
        if isinstance(item, dict):
            row[f"cf_{item['id']}"] = item["value"] if "value" in item else item.get("fieldValue")
    if isinstance(born := row.get("dateOfBirth"), str):
        row["dateOfBirth"] = born[: len("2026-01-31")]
    return row

"""The Pipedrive that the conformance checks run against.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Final, cast

import msgspec

from crmhub.connector import FieldSpec, FieldType, Native
from crmhub.testing.conformance.double import DoubleOrg, native
from crmhub.testing.conformance.target import Message, NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.options import Options
from crmhub_rest.presets import preset
from crmhub_rest.simulators.pipedrive.company import PLURAL
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from crmhub_rest.simulators.pipedrive.fields import FieldBook
from crmhub_rest.simulators.pipedrive.notes import blank_note
from crmhub_rest.simulators.pipedrive.records import KINDS, Kind, remove

__all__ = ["PipedriveOrg", "PipedriveTarget", "target"]

_TYPES: Final[Mapping[FieldType, str]] = {
    "text": "varchar",
    "int": "double",
    "decimal": "double",
    "date": "date",
    "enum": "enum",
    "multi_enum": "set",
    "json": "monetary",
}


class PipedriveOrg(DoubleOrg):
    """One company, with users and no records. ``app``: signed in by OAuth."""

    name: ClassVar[str] = "pipedrive"
    connector = preset("pipedrive")
    token_path = "/oauth/token"  # noqa: S105 - it is a path

    def __init__(
        self,
        switches: Mapping[str, str] | None = None,
        rows: Mapping[str, int] | None = None,
        *,
        app: bool = True,
    ) -> None:
        options = Options(
            seed=5, settings={"burst": "off", "refresh_days": "999", **(switches or {})}, rows=rows or 0
        )
        super().__init__(PipedriveDouble, options)
        known = self.played.credentials
        names = ("client_id", "client_secret", "refresh_token") if app else ("api_token",)
        self.settings = {
            "base_url": self.base_url,
            "login_url": self.base_url,
            "webhook_user": "crmhub",
            "webhook_password": "a-password-of-messages",
            **{name: known[name] for name in names},
        }

    @property
    def played(self) -> PipedriveDouble:
        """The double."""
        assert isinstance(self.double, PipedriveDouble)  # noqa: S101 - made above
        return self.double

    def code(self, object: str, name: str) -> str:
        """The name that a custom field has here, by the one that people see."""
        found = next(one.code for one in self._book(object).custom if one.name == name)
        return f"cf_{found}"

    async def truth(self, object: str) -> Sequence[Native]:
        """All live records, with custom fields beside the others, and choices by what they are called."""
        rows = [_flat(native(row)) for row in self.played.truth(object)]
        kind = next((kind for kind, plural in PLURAL.items() if plural == object), "")
        for field in self.played.company.fields.get(kind, ()):
            labels = {one.id: one.label for one in field.options} if field.code != "status" else {}
            name = f"cf_{field.code}" if field.custom else field.code
            for row in rows if labels else ():
                value = row.get(name)
                if isinstance(value, list):
                    row[name] = [labels.get(one, one) if isinstance(one, int) else one for one in value]
                elif isinstance(value, int):
                    row[name] = labels.get(value, value)
        return rows

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as the API's own checks let them in."""
        company = self.played.company
        if object == "notes":
            noted = [{**blank_note(company, company.admin), **_nested(row)} for row in rows]
            return [str(company.add("note", row, company.admin)["id"]) for row in noted]
        kind = _kind(object)
        made = [kind.make(company, self._asked(object, row), company.admin) for row in rows]
        return [str(company.add(kind.name, row, company.admin)["id"]) for row in made]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        company, kind = self.played.company, _kind(object)
        before = company.live(kind.name, int(id))
        if before is None:
            raise NotHere(f"{object} {id} is not there")
        after = kind.change(company, before, self._asked(object, fields), company.admin)
        company.change(kind.name, before, after, company.admin)

    async def remove(self, object: str, id: str) -> None:
        """A record deleted."""
        company, kind = self.played.company, _kind(object)
        row = company.live(kind.name, int(id))
        if row is None:
            raise NotHere(f"{object} {id} is not there")
        remove(company, kind.name, row, company.admin)

    async def restore(self, object: str, id: str) -> None:
        """A deleted record brought back."""
        self.played.act("restore", {"object": object, "id": id})

    async def merge(self, object: str, winner: str, loser: str) -> str | None:
        """Pipedrive's lists tell the one that goes as deleted."""
        raise NotHere(f"Pipedrive tells a merge as a deletion: not that {object} {loser} is in {winner} now")

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """A custom field whose hash is the name; another type for one that is there."""
        book = self._book(object)
        code = field.name.removeprefix("cf_")
        if book.get(code) is not None:
            book.remove(code)
        labels = [choice.label for choice in field.choices]
        book.add(field.label, _TYPES[field.type], labels, code=code)

    async def drop_field(self, object: str, name: str) -> None:
        """A custom field deleted with its values."""
        self._book(object).remove(name.removeprefix("cf_"))

    async def messages(self) -> Sequence[Message]:
        """What Pipedrive has sent to the subscriber."""
        return [
            Message(msgspec.json.encode(one["body"]), dict(cast("Mapping[str, str]", one["headers"])))
            for one in self.played.outbox(clear=True)
        ]

    def forged(self, message: Message) -> Sequence[Message]:
        """Another password, another user, none, and another way: a body has no signature to be wrong."""
        name = "authorization"
        others = ("crmhub:another", "another:a-password-of-messages", "crmhub:", ":")
        pairs = [f"Basic {base64.b64encode(pair.encode()).decode()}" for pair in others]
        wrong = [*pairs, "", "Basic", message.headers[name].replace("Basic", "Bearer")]
        without = {key: value for key, value in message.headers.items() if key != name}
        return [
            Message(message.body, without),
            *(Message(message.body, {**without, name: one}) for one in wrong),
        ]

    def revoke(self) -> None:
        """The app is uninstalled."""
        self.played.act("uninstall", {})

    def rotate(self) -> None:
        """Each refresh voids the refresh token before."""
        self.played.change_settings({"rotate_refresh_tokens": "true"})

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials."""
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client"),
            Spoilt("a wrong refresh token", {"refresh_token": "WRONG-REFRESH-TOKEN"}, "refresh token"),
            Spoilt("a wrong API token", {"api_token": "WRONG-API-TOKEN"}, "unauthorized"),
        )

    def spent(self) -> int:
        """Tokens, as the double counts them."""
        return self.played.stats.spent

    def _book(self, object: str) -> FieldBook:
        return self.played.company.fields[_kind(object).name]

    def _asked(self, object: str, row: Mapping[str, object]) -> dict[str, object]:
        """A row as the API is asked for it: choices by their ids, references as numbers."""
        made = _nested(row)
        custom = cast("dict[str, object]", made.get("custom_fields", {}))
        for held, code, value in [
            *((made, code, value) for code, value in made.items()),
            *((custom, code, value) for code, value in custom.items()),
        ]:
            field = self._book(object).get(code)
            labels = {one.label: one.id for one in field.options} if field and code != "status" else {}
            if isinstance(value, str):
                held[code] = labels.get(value, value)
            elif isinstance(value, list):
                listed = cast("list[object]", value)
                held[code] = [labels.get(one, one) if isinstance(one, str) else one for one in listed]
        return made


class PipedriveTarget(Target):
    """Deals of a Pipedrive company."""

    connector = "pipedrive"
    sample = Sample(
        object="deals",
        text="title",
        number="probability",
        demanded={"status": "lost"},  # a reason for losing goes with nothing else
        money="value",
        currency="currency",
        date="expected_close_date",
        enum="status",
        ref="owner_id",
        ref_object="users",
        nowhere="999999",
        custom="cf_" + "c" * 40,
        read_only="add_time",
        new_field="cf_" + "d" * 40,
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[PipedriveOrg]:
        """A fresh company."""
        org = PipedriveOrg()
        await org.add_field("deals", FieldSpec(str(self.sample.custom), "text", "Region", custom=True))
        try:
            yield org
        finally:
            await org.aclose()


target = PipedriveTarget()


def _kind(object: str) -> Kind:
    name = next((name for name, plural in PLURAL.items() if plural == object), "")
    kind = next((kind for kind in KINDS if kind.name == name), None)
    if kind is None:
        raise NotHere(f"people do not write {object} in the double")
    return kind


def _flat(row: Native) -> Native:
    custom = row.pop("custom_fields", None)
    held = custom if isinstance(custom, dict) else {}
    return {**row, **{f"cf_{key}": value for key, value in held.items()}}


def _nested(row: Mapping[str, object]) -> dict[str, object]:
    custom = {name.removeprefix("cf_"): value for name, value in row.items() if name.startswith("cf_")}
    plain = {
        name: int(value) if name.endswith("_id") and isinstance(value, str) else value
        for name, value in row.items()
        if not name.startswith("cf_")
    }
    return {**plain, **({"custom_fields": custom} if custom else {})}

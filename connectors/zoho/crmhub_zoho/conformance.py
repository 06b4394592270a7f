"""The Zoho CRM that the conformance checks run against: a double in process, and people who work in it.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from crmhub.connector import FieldSpec, Native, Value
from crmhub.testing.conformance.double import DoubleOrg
from crmhub.testing.conformance.target import Message, NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.options import Options
from crmhub_zoho import Connector
from crmhub_zoho.simulator.double import ZohoDouble
from crmhub_zoho.simulator.fields import Field
from crmhub_zoho.simulator.org import Module, metadata_id
from crmhub_zoho.simulator.records import Records

__all__ = ["ZohoOrg", "ZohoTarget", "target"]

_SCHEMA = Path(__file__).with_name("conformance.yaml")
_PATH = "$.data[0]"
_FIRST_ADDED = 900_000
_KINDS: Mapping[str, str] = {
    "text": "text", "int": "integer", "decimal": "double", "money": "currency", "bool": "boolean",
    "date": "date", "datetime": "datetime", "email": "email", "phone": "phone", "url": "website",
}  # fmt: skip
_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z")


class ZohoOrg(DoubleOrg):
    """One organisation, with users and no records."""

    name = "zoho"
    connector = Connector
    token_path = "/oauth/v2/token"  # noqa: S105 - it is a path
    cap = 2_000  # rows a COQL call, and records that page numbers reach

    def __init__(self) -> None:
        super().__init__(ZohoDouble, Options(seed=5, schema=_SCHEMA))
        known = self.played.credentials
        self.settings = {
            "api_url": self.base_url,
            "sync_key": "Check_Key",
            **{name: known[name] for name in ("client_id", "client_secret", "refresh_token")},
        }
        self._added = _FIRST_ADDED

    @property
    def played(self) -> ZohoDouble:
        """The double."""
        assert isinstance(self.double, ZohoDouble)  # noqa: S101 - made above
        return self.double

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as the API's own checks let them in."""
        module, records = self._module(object), Records(self.played.org)
        by = self.played.org.admin.id
        return [str(records.insert(module, _typed(row), _PATH, by)["id"]) for row in rows]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        records = Records(self.played.org)
        records.update(self._module(object), {**_typed(fields), "id": id}, _PATH, self.played.org.admin.id)

    async def remove(self, object: str, id: str) -> None:
        """A record moved to the recycle bin."""
        Records(self.played.org).delete(self._module(object), id, self.played.org.admin.id)

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """A custom field, or another type for one."""
        kind = _KINDS.get(field.type)
        if kind is None:
            raise NotHere(f"the double makes no custom fields of type {field.type}")
        module = self._module(object)
        self._added += 1_000
        made = Field(field.name, kind, field.label, custom=True)
        module.fields = {**module.fields, field.name: made.with_id(metadata_id(module.number, self._added))}

    async def drop_field(self, object: str, name: str) -> None:
        """A field removed."""
        module = self._module(object)
        module.fields = {key: one for key, one in module.fields.items() if key != name}

    async def restore(self, object: str, id: str) -> None:
        """Not played: a guess here would prove nothing."""
        raise NotHere(f"Zoho does not say which Modified_Time a restored record carries ({object} {id})")

    async def merge(self, object: str, winner: str, loser: str) -> None:
        """Not told by Zoho."""
        raise NotHere(f"Zoho's list of deleted {object} does not tell that {loser} went into {winner}")

    def spent(self) -> int:
        """The credits that the double has counted."""
        return self.played.limits.used

    async def messages(self) -> Sequence[Message]:
        """The notifications in the double's outbox, which is empty then."""
        sent = self.played.outbox(clear=True)
        return [Message(dump_json(one["body"]), {"content-type": "application/json"}) for one in sent]

    def forged(self, message: Message) -> Sequence[Message]:
        """Another token, another channel, the one or the other left out, and what is no JSON."""
        told = json.loads(message.body)
        wrong: list[Mapping[str, object]] = [
            {"token": "WRONG"}, {"token": told["token"][:-1]}, {"token": None}, {"token": ""},
            {"token": [told["token"]]}, {"channel_id": "1000000068001"}, {"channel_id": None},
        ]  # fmt: skip
        bodies = [dump_json({**told, **change}) for change in wrong]
        less = [
            dump_json({key: value for key, value in told.items() if key != name})
            for name in ("token", "channel_id")
        ]
        return [Message(body, message.headers) for body in (*bodies, *less, b"", b"[]", message.body[:-9])]

    def rotate(self) -> None:
        """Not done by Zoho."""
        raise NotHere("Zoho's refresh tokens do not rotate")

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials, and a grant that does not cover what the connector needs."""
        narrow = self.played.accounts.grant(frozenset({"ZohoCRM.settings.ALL", "ZohoCRM.users.READ"}))
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client_secret"),
            Spoilt("a wrong refresh token", {"refresh_token": "WRONG-REFRESH-TOKEN"}, "refresh token"),
            Spoilt("a grant without the records' scope", {"refresh_token": narrow}, "scope"),
        )

    def revoke(self) -> None:
        """The user takes all access back."""
        self.played.accounts.revoke_all()

    def _module(self, name: str) -> Module:
        module = self.played.org.module(name)
        if module is None:
            raise NotHere(f"the double plays no {name}")
        return module


def _typed(row: Native) -> Native:
    """The row as Zoho takes it: no ``Z`` for UTC."""
    return {name: _offset(value) for name, value in row.items()}


def _offset(value: Value) -> Value:
    match = _UTC.fullmatch(value) if isinstance(value, str) else None
    return f"{match[1]}+00:00" if match else value


class ZohoTarget(Target):
    """Deals of a Zoho CRM organisation."""

    connector = "zoho"
    sample = Sample(
        object="Deals",
        text="Deal_Name",
        demanded={"Stage": "Qualification"},
        long_text="Description",
        number="Check_Number",
        money="Amount",
        date="Closing_Date",
        instant="Check_Time",
        enum="Lead_Source",
        ref="Account_Name",
        ref_object="Accounts",
        nowhere={"id": "554023110000099999"},
        unique="Check_Key",
        custom="Check_Number",
        read_only="Created_Time",
        new_field="Check_New",
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[ZohoOrg]:
        """A fresh organisation."""
        org = ZohoOrg()
        try:
            yield org
        finally:
            await org.aclose()


target = ZohoTarget()

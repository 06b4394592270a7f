"""The Salesforce that the conformance checks run against: a double in process, and people who work in it.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from crmhub.connector import FieldSpec, Native
from crmhub.testing.conformance.double import DoubleOrg
from crmhub.testing.conformance.target import Message, NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.options import Options
from crmhub_salesforce import Connector
from crmhub_salesforce.simulator import SalesforceDouble
from crmhub_salesforce.simulator.catalog.fields import field as made_field
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.lives import merge
from crmhub_salesforce.simulator.records import Records
from crmhub_salesforce.simulator.values import stamp

__all__ = ["SalesforceOrg", "SalesforceTarget", "target"]

_SCHEMA = Path(__file__).with_name("conformance.yaml")
_KINDS: Mapping[str, str] = {
    "text": "string", "int": "int", "decimal": "double", "money": "currency", "bool": "boolean",
    "date": "date", "datetime": "datetime", "email": "email", "phone": "phone", "url": "url",
}  # fmt: skip
_RELAY_SECRET = "check-relay-secret"  # noqa: S105 - of the double's relay
_DIGITS = {"int": 9}
_NUMERIC = {"double": (16, 2), "currency": (16, 2)}
_LENGTH = {"string": 80, "email": 80, "phone": 40, "url": 255}


class SalesforceOrg(DoubleOrg):
    """One org, with users and no records."""

    name = "salesforce"
    connector = Connector
    token_path = "/services/oauth2/token"  # noqa: S105 - it is a path
    cap = 2_000  # the largest OFFSET of SOQL

    def __init__(self, switches: Mapping[str, str] | None = None) -> None:
        super().__init__(SalesforceDouble, Options(seed=5, schema=_SCHEMA, settings=switches or {}))
        known = self.played.credentials
        self.settings = {
            "instance_url": self.base_url,
            **{name: known[name] for name in ("client_id", "client_secret", "refresh_token")},
            "relay_secret": _RELAY_SECRET,
        }
        self._told: list[Message] = []

    @property
    def played(self) -> SalesforceDouble:
        """The double."""
        assert isinstance(self.double, SalesforceDouble)  # noqa: S101 - made above
        return self.double

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as the API's own checks let them in."""
        sobject = self._sobject(object)
        ids = [self._records().create(sobject, row) for row in rows]
        self._tell(object, "CREATE", ids)
        return ids

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        records, sobject = self._records(), self._sobject(object)
        records.change(sobject, records.find(sobject, id), fields)
        self._tell(object, "UPDATE", [id])

    async def remove(self, object: str, id: str) -> None:
        """A record moved to the recycle bin."""
        records, sobject = self._records(), self._sobject(object)
        records.delete(sobject, records.find(sobject, id))
        self._tell(object, "DELETE", [id])

    async def restore(self, object: str, id: str) -> None:
        """A record taken out of the recycle bin, which changes its ``SystemModstamp``."""
        org, table = self.played.org, self.played.org.tables[object]
        gone = table.deleted_by_id(id)
        if gone is None:
            raise NotHere(f"{object} {id} is not in the recycle bin")
        now = org.clock.seconds()
        table.restore(gone.place, now)
        row = {name: value for name, value in gone.row.items() if name != "IsDeleted"}
        table.replace(gone.place, {**row, "SystemModstamp": stamp(now), "LastModifiedDate": stamp(now)}, now)
        org.deletions[object] = [entry for entry in org.deletions[object] if entry.id != id]

    async def merge(self, object: str, winner: str, loser: str) -> None:
        """Two records merged: the loser goes to the recycle bin and names the winner (``MasterRecordId``)."""
        if not self._sobject(object).mergeable:
            raise NotHere(f"Salesforce cannot merge {object}")
        merge(self.played.org, object, winner, loser)

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """A custom field, or another type for one."""
        kind = _KINDS.get(field.type)
        if kind is None:
            raise NotHere(f"the double makes no custom fields of type {field.type}")
        added = made_field(
            field.name,
            field.label or field.name,
            kind,
            "CUD" if kind == "boolean" else "CUN",
            _LENGTH.get(kind, 0),
            numeric=_NUMERIC.get(kind, (0, 0)),
            digits=_DIGITS.get(kind, 0),
        )
        sobject = self._sobject(object)
        kept = [one for one in sobject.fields if one.name != field.name]
        self.played.org.catalog.put(replace(sobject, fields=(*kept, added)))

    async def drop_field(self, object: str, name: str) -> None:
        """A field removed."""
        sobject = self._sobject(object)
        kept = tuple(one for one in sobject.fields if one.name != name)
        self.played.org.catalog.put(replace(sobject, fields=kept))

    async def messages(self) -> Sequence[Message]:
        """What a relay of change events delivers."""
        sent, self._told = self._told, []
        return sent

    def forged(self, message: Message) -> Sequence[Message]:
        """Another secret, a part of it, none, and what is no event."""
        wrong = ["Bearer WRONG", f"Bearer {_RELAY_SECRET[:-1]}", _RELAY_SECRET, "Bearer ", ""]
        odd = [b"", b"null", b"{}", b"[1]", b'{"payload": {}}', message.body[:-9]]
        return [
            Message(message.body, {}),
            *[Message(message.body, {"authorization": value}) for value in wrong],
            *[Message(body, message.headers) for body in odd],
        ]

    def _tell(self, object: str, kind: str, ids: Sequence[str]) -> None:
        """An event, as the relay posts it."""
        now = self.played.org.clock.seconds()
        header = {"entityName": object, "recordIds": [*ids], "changeType": kind, "changeOrigin": "",
                  "commitTimestamp": now * 1_000, "commitUser": self.played.org.user_id}  # fmt: skip
        body = {"schema": "check", "payload": {"ChangeEventHeader": header}, "event": {"replayId": now}}
        self._told.append(Message(dump_json(body), {"Authorization": f"Bearer {_RELAY_SECRET}"}))

    def spent(self) -> int:
        """API calls, as the double counts them."""
        return self.played.used

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials."""
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client_secret"),
            Spoilt("a wrong refresh token", {"refresh_token": "WRONG-REFRESH-TOKEN"}, "refresh token"),
        )

    def shorten_pages(self) -> None:
        """Wide records make Salesforce's batches smaller than asked for."""
        self.played.shorten_pages(2)

    def revoke(self) -> None:
        """The user takes the app's access back."""
        self.played.sessions.revoke_all()

    def rotate(self) -> None:
        """The app's policy rotates refresh tokens from now on."""
        self.played.sessions.rotate_refresh_tokens()

    def _sobject(self, name: str) -> SObject:
        sobject = self.played.org.catalog.get(name)
        if sobject is None:
            raise NotHere(f"the double plays no {name}")
        return sobject

    def _records(self) -> Records:
        return Records(self.played.org)


class SalesforceTarget(Target):
    """Accounts of a Salesforce org; ``org`` may be one in which something differs."""

    connector = "salesforce"
    sample = Sample(
        object="Account",
        text="Name",
        long_text="Description",
        number="NumberOfEmployees",
        money="AnnualRevenue",
        date="Check_Date__c",
        instant="Check_Time__c",
        enum="Industry",
        ref="OwnerId",
        ref_object="User",
        nowhere="005Hs00000zzzzzIAA",
        unique="External_Id__c",
        by_key=("Parent.External_Id__c", "ParentId"),
        custom="Check_Date__c",
        read_only="CreatedDate",
        new_field="Check_New__c",
    )

    def __init__(self, org: Callable[[], SalesforceOrg] = SalesforceOrg) -> None:
        self._org = org

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SalesforceOrg]:
        """A fresh org."""
        org = self._org()
        try:
            yield org
        finally:
            await org.aclose()


target = SalesforceTarget()

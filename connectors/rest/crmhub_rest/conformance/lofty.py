"""The Lofty that the conformance checks run against.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, cast

from crmhub.connector import FieldSpec, Native, Value
from crmhub.testing.conformance.double import DoubleOrg, native
from crmhub.testing.conformance.target import Message, NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.options import Options
from crmhub_rest.presets import preset
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint
from crmhub_rest.simulators.lofty.double import LoftyDouble
from crmhub_rest.simulators.lofty.endpoints import endpoints
from crmhub_rest.simulators.lofty.team import CustomField

__all__ = ["LoftyDeals", "LoftyOrg", "LoftyTarget", "target"]

_TABLES = {
    "leads": "Leads",
    "transactions": "Transactions",
    "tasks": "Tasks",
    "notes": "Notes",
    "users": "Members",
}
_URL = "https://hooks.example.com/crm"  # as check 48 subscribes
_CUSTOM = "cf_"
_TYPES = {"text": "text", "int": "number", "decimal": "number"}
_NUMBERS = frozenset({"number", "percentage", "currency"})
_STAMPS = frozenset({"created", "updated"})
_DAY = "%b %d, %Y"


class LoftyOrg(DoubleOrg):
    """One team, with members and no records, to which an application has access."""

    name: ClassVar[str] = "lofty"
    connector = preset("lofty")
    token_path = "/oauth/token"  # noqa: S105 - it is a path

    def __init__(self, switches: Mapping[str, str] | None = None) -> None:
        super().__init__(LoftyDouble, Options(seed=5, settings={"rate_limit": "100000", **(switches or {})}))
        known = self.played.credentials
        self.settings = {
            "base_url": self.base_url,
            "login_url": self.base_url,
            "webhook_url": _URL,
            **{name: known[name] for name in ("client_id", "client_secret", "refresh_token")},
        }
        self._endpoints = {(one.method, one.pattern): one for one in endpoints()}

    @property
    def played(self) -> LoftyDouble:
        """The double."""
        assert isinstance(self.double, LoftyDouble)  # noqa: S101 - made above
        return self.double

    async def truth(self, object: str) -> Sequence[Native]:
        """All live records, their lists and custom fields as fields."""
        return [self._flat(object, native(row)) for row in self.played.truth(_TABLES[object])]

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as the API's own checks let them in."""
        return [self._made(object, row) for row in rows]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        if object == "leads":
            self._act("PUT", "/v1.0/leads/{leadId}", {"leadId": id}, self._raw(object, fields))
        elif object == "transactions":
            lead, _, one = id.partition("/")
            where = {"leadId": lead, "transactionId": one}
            self._act(
                "PUT", "/v1.0/leads/{leadId}/transaction/{transactionId}", where, self._raw(object, fields)
            )
        else:
            raise NotHere(f"people do not edit {object} in the double")

    async def remove(self, object: str, id: str) -> None:
        """A lead put into the trash."""
        if object != "leads":
            raise NotHere("Lofty deletes no transactions")
        self._act("DELETE", "/v1.0/leads/{leadId}", {"leadId": id}, {}, {"reason": "by hand"})

    async def restore(self, object: str, id: str) -> None:
        """A lead taken back out of the trash."""
        if object != "leads":
            raise NotHere("Lofty deletes no transactions")
        self.played.act("restore", {"lead": id})

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """A custom field of leads."""
        await self.drop_field(object, field.name)
        name = field.name.removeprefix(_CUSTOM)
        self._fields(object).append(CustomField(ids.FIELDS.at(900), name, _TYPES[field.type]))

    async def drop_field(self, object: str, name: str) -> None:
        """A custom field of leads taken away."""
        fields = self._fields(object)
        fields[:] = [one for one in fields if one.name != name.removeprefix(_CUSTOM)]

    async def messages(self) -> Sequence[Message]:
        """The batches that were sent, with the address that they came to."""
        sent = self.played.outbox(clear=True)
        return [Message(str(one["body"]).encode(), {":url": str(one["url"])}) for one in sent]

    def forged(self, message: Message) -> Sequence[Message]:
        """The same at another address, and without any."""
        other = {":url": _URL.replace("crm", "guessed")}
        return [Message(message.body, other), Message(message.body, {}), Message(message.body, {":url": ""})]

    def revoke(self) -> None:
        """The user takes the application's access back."""
        self.played.act("revoke_app", {})

    def rotate(self) -> None:
        """Every refresh gives a new refresh token anyway."""

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials."""
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client"),
            Spoilt("a wrong refresh token", {"refresh_token": "WRONG-REFRESH-TOKEN"}, "refresh token"),
        )

    def _fields(self, object: str) -> list[CustomField]:
        return self.played.team.lead_fields if object == "leads" else self.played.team.transaction_fields

    def _made(self, object: str, row: Native) -> str:
        body = self._raw(object, row)
        match object:
            case "leads":
                return str(self._act("POST", "/v1.0/leads", {}, body)["leadId"])
            case "transactions":
                where = {"leadId": str(row["leadId"])}
                made = self._act("POST", "/v1.0/leads/{leadId}/transaction", where, body)
                return f"{row['leadId']}/{made['transactionId']}"
            case "notes":
                return str(self._act("POST", "/v1.0/notes", {}, {"isPin": False, **body})["noteId"])
            case "tasks":
                return str(self._act("POST", "/v2.0/tasks", {}, {"assignedRole": "Agent", **body})["taskId"])
            case "calls":
                made = self._act("POST", "/v1.0/logType", {}, {"logType": "logCall", **body})["logType"]
                return str(cast("Native", made)["id"])
            case _:
                raise NotHere(f"people do not make {object} in the double")

    def _act(
        self,
        method: str,
        pattern: str,
        path: Mapping[str, str],
        body: Mapping[str, object],
        query: Mapping[str, str] | None = None,
    ) -> Native:
        """What a person does on a page that does the same as that call."""
        endpoint: Endpoint = self._endpoints[method, pattern]
        played = self.played
        call = Call(
            method, path, query or {}, dump_json(dict(body)), played.team, played.settings, lambda _: False
        )
        answer = endpoint.handle(call).body
        return cast("Native", json.loads(bytes(answer))) if answer else {}

    # ── between fields and what Lofty has ────────────────────────────────────────────────────────

    def _flat(self, object: str, row: Native) -> Native:
        if object == "leads":
            customs = cast("list[Native]", row.pop("customAttributes", []))
            row |= {
                f"{_CUSTOM}{one['attributeName']}": _said(str(one["attributeType"]), one["value"])
                for one in customs
            }
            for name in ("emails", "phones"):
                held = cast("list[Value]", row.get(name) or [])
                row[name] = {f"n{place}": value for place, value in enumerate(held, 1)}
            if birthday := row.get("birthday"):
                row["birthday"] = datetime.strptime(str(birthday), _DAY).date().isoformat()  # noqa: DTZ007
        if object == "transactions":
            row["id"] = f"{row['leadId']}/{row['transactionId']}"
            row["stage"] = f"{row['transactionType']}/{row['transactionStatus']}"
            customs = cast("list[Native]", row.pop("customFields", []))
            row |= {f"{_CUSTOM}{one['id']}": one["value"] for one in customs}
            for name in filter(_is_stamp, row):
                at = datetime.fromtimestamp(int(cast("int", row[name])) / 1_000, UTC)
                row[name] = at.isoformat() if name in _STAMPS else at.date().isoformat()
        return {
            name: str(value) if name in {"leadId", "assignedUserId"} else value for name, value in row.items()
        }

    def _raw(self, object: str, fields: Native) -> dict[str, object]:
        written: dict[str, object] = {}
        customs: list[dict[str, object]] = []
        for name, value in fields.items():
            plain: object = "" if value is None else value
            if name.startswith(_CUSTOM):
                customs.append({"name": name.removeprefix(_CUSTOM), "value": str(plain)})
            elif object == "transactions" and _is_stamp(name) and isinstance(plain, str) and plain:
                at = datetime.fromisoformat(plain)
                written[name] = int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1_000)
            elif name == "birthday" and isinstance(plain, str) and plain:
                written[name] = datetime.fromisoformat(plain).strftime(_DAY)
            elif name in {"leadId", "assignedUserId"}:
                written[name] = int(str(plain))
            elif name == "stage" and object == "transactions":
                written["transactionType"], written["transactionStatus"] = str(plain).split("/", 1)
            elif value is not None or object == "leads":
                written[name] = plain
        if customs and object == "leads":
            written["customAttributeList"] = [
                {"attributeName": one["name"], "value": one["value"]} for one in customs
            ]
        elif customs:
            written["customFields"] = [
                {"id": int(str(one["name"])), "value": one["value"]} for one in customs
            ]
        return written


class LoftyTarget(Target):
    """Leads of a Lofty team."""

    connector = "lofty"
    sample = Sample(
        object="leads",
        text="firstName",
        number="cf_Household Size",
        enum="language",
        ref="assignedUserId",
        ref_object="users",
        nowhere="999999",
        custom="cf_Favorite Color",
        read_only="createTime",
        new_field="cf_Drifted",
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[LoftyOrg]:
        """A fresh team."""
        org = LoftyOrg()
        try:
            yield org
        finally:
            await org.aclose()


class LoftyDeals(LoftyTarget):
    """Transactions of a Lofty team."""

    sample = Sample(
        object="transactions",
        text=f"cf_{ids.FIELDS.at(500)}",
        demanded={  # Lofty empties no number and no date of a transaction, so none is left out or cleared
            "leadId": str(ids.LEADS.at(0)),
            "transactionName": "House",
            "homePrice": 1,
            "gci": 1,
            "closeDate": "2026-05-01",
        },
        money="homePrice",
        number="gci",
        date="closeDate",
        ref="stage",
        ref_object="stages",
        nowhere="Purchase/Nowhere",
        read_only="created",
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[LoftyOrg]:
        """A team with one lead."""
        async with super().open() as org:
            await org.insert("leads", [{"firstName": "Ada"}])
            yield org


target = LoftyTarget()


def _is_stamp(name: str) -> bool:
    return name in _STAMPS or name == "expiration" or name.endswith("Date")


def _said(kind: str, value: Value) -> Value:
    return Decimal(str(value)) if kind in _NUMBERS else value

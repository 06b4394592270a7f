"""The Rollout that the conformance checks run against.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, cast

from crmhub.connector import Native
from crmhub.testing.conformance.double import DoubleOrg
from crmhub.testing.conformance.target import Message, NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row
from crmhub_rollout.connector import RolloutConnector
from crmhub_rollout.simulator.crm import Crm
from crmhub_rollout.simulator.double import RolloutDouble
from crmhub_rollout.simulator.records import changed, created
from crmhub_rollout.simulator.shapes import SHAPES

__all__ = ["RolloutDeals", "RolloutOrg", "RolloutTarget", "target"]

_HOOK = "https://listener.example.com/rollout"
_SIGNATURE = "X-Rollout-Signature"


class RolloutOrg(DoubleOrg):
    """One connected CRM, with users and no records, that sends messages."""

    name: ClassVar[str] = "rollout"
    connector = RolloutConnector

    def __init__(self, switches: Mapping[str, str] | None = None) -> None:
        super().__init__(
            RolloutDouble, Options(seed=5, settings={"rate_limit": "100000", **(switches or {})})
        )
        known = self.played.credentials
        self.settings = {
            "base_url": f"{self.base_url}/api",
            **{name: known[name] for name in ("client_id", "client_secret", "user_key", "credential_id")},
        }
        for name in SHAPES:
            for step in ("Created", "Updated", "Deleted"):
                self.crm.hooks.subscribe(_HOOK, f"{name}{step}", {}, self.base_url)

    @property
    def played(self) -> RolloutDouble:
        """The double."""
        assert isinstance(self.double, RolloutDouble)  # noqa: S101 - made above
        return self.double

    @property
    def crm(self) -> Crm:
        """The connected CRM."""
        return next(iter(self.played.crms.values()))

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as the API's own checks let them in."""
        self._demand(object)
        return [str(created(self.crm, object, row)["id"]) for row in rows]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        changed(self.crm, object, self._row(object, id), fields)

    async def remove(self, object: str, id: str) -> None:
        """A record deleted, for good."""
        self.crm.remove(object, self._row(object, id))

    async def messages(self) -> Sequence[Message]:
        """What Rollout has sent."""
        return [
            Message(str(one["body"]).encode(), dict(cast("Mapping[str, str]", one["headers"])))
            for one in self.played.outbox(clear=True)
        ]

    def forged(self, message: Message) -> Sequence[Message]:
        """Another body, another signature, none."""
        other = message.body.replace(b'"resourceIds":["', b'"resourceIds":["0', 1)
        without = {name: value for name, value in message.headers.items() if name != _SIGNATURE}
        return (
            Message(other, message.headers),
            Message(message.body, {**message.headers, _SIGNATURE: "00"}),
            Message(message.body, {**message.headers, _SIGNATURE: ""}),
            Message(message.body, without),
        )

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials."""
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client_secret"),
            Spoilt("a wrong client id", {"client_id": "WRONG-CLIENT-ID"}, "client_id"),
            Spoilt("another user's credential", {"credential_id": "cred_other"}, "credential_id"),
        )

    def _demand(self, object: str) -> None:
        if object not in SHAPES:
            raise NotHere(f"people do not write {object} in the double")

    def _row(self, object: str, id: str) -> Row:
        self._demand(object)
        row = self.crm.row(object, id)
        if row is None:
            raise NotHere(f"{object} {id} is not there")
        return row


class RolloutTarget(Target):
    """People of a CRM that is connected to Rollout."""

    connector = "rollout"
    sample = Sample(
        object="people",
        text="firstName",
        date="birthday",
        instant="lastActivity",
        ref="assignedUserId",
        ref_object="users",
        nowhere="0197-nobody",
        read_only="created",
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[RolloutOrg]:
        """A fresh CRM."""
        org = RolloutOrg()
        try:
            yield org
        finally:
            await org.aclose()


class RolloutDeals(RolloutTarget):
    """Deals, which have what people have not: money, long texts and references within lists."""

    sample = Sample(
        object="deals",
        text="name",
        demanded={"stageId": "101", "description": "North side"},
        long_text="description",
        money="price",
        date="projectedCloseDate",
        read_only="created",
    )


target = RolloutTarget()

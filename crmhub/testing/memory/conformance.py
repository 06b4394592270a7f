"""The conformance target of the CRM in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ClassVar, cast

import anyio.lowlevel

from crmhub.connector import ConnectorConfig, Context, FieldSpec, Native, Value
from crmhub.errors import (
    AuthError,
    BadResponse,
    ConnectorError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unavailable,
    UnknownOutcome,
)
from crmhub.testing.conformance.target import Org, Sample, Spoilt, Target
from crmhub.testing.memory.config import MemoryConfig
from crmhub.testing.memory.connector import MemoryConnector
from crmhub.testing.memory.crm import MemoryCrm
from crmhub.testing.simulator.faults import FaultRule, Faults

__all__ = ["MemoryOrg", "MemoryTarget", "target"]

_OBJECTS: dict[str, Value] = {
    "owners": {"name": "text"},
    "deals": {
        "name": {"required": True},
        "notes": "text",
        "seats": "int",
        "amount": "money",
        "currency": "text",
        "closes": "date",
        "meets": "datetime",
        "stage": {"type": "enum", "choices": ["open", "won", "lost"]},
        "owner": {"type": "ref", "refers_to": "owners"},
        "team": {"type": "multi_ref", "refers_to": "owners"},
        "code": {"unique": True, "max_length": 40},
        "tier": {"custom": True},
        "score": {"type": "int", "read_only": True},
    },
}
_REFUSALS: Mapping[int, type[ConnectorError]] = {401: AuthError, 403: PermissionDenied, 404: NotFound}
_PASSWORD = "correct horse battery"  # noqa: S105 - of a CRM that exists only here


class MemoryOrg(Org):
    """One CRM in memory. ``settings`` go over its usual ones."""

    name = "memory"

    def __init__(self, connector: type[MemoryConnector], settings: Mapping[str, Value] | None = None) -> None:
        super().__init__()
        self.connector = connector
        self._memory = connector
        self.settings = {
            "objects": _OBJECTS, "page_size": 3, "sync_key": "code", "password": _PASSWORD, **(settings or {})
        }  # fmt: skip
        self.crm = MemoryCrm(MemoryConfig.model_validate(self.settings), self.clock)
        self.crm.wire = self._wire
        self._faults = Faults()

    def make(self, config: ConnectorConfig, context: Context) -> MemoryConnector:
        """A connection to the one CRM."""
        return self._memory(cast("MemoryConfig", config), context, self.crm)

    async def truth(self, object: str) -> Sequence[Native]:
        """The live rows."""
        return list(self.crm.records[object].values())

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New rows."""
        return [str(self.crm.store(object, dict(row))["id"]) for row in rows]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit."""
        self.crm.store(object, {**self.crm.records[object][id], **fields})

    async def remove(self, object: str, id: str) -> None:
        """A deletion."""
        self.crm.remove(object, id)

    def spent(self) -> int:
        """Each call is a unit."""
        return len(self.calls)

    async def restore(self, object: str, id: str) -> None:
        """The deleted row is back."""
        self.crm.restore(object, id)

    async def insert_late(self, object: str, row: Native, seconds: float) -> str:
        """A row with an older stamp; its change has a number of now."""
        stamp = (self.clock.now() - timedelta(seconds=seconds)).isoformat()
        return str(self.crm.store(object, dict(row), stamp=stamp)["id"])

    async def merge(self, object: str, winner: str, loser: str) -> None:
        """The loser's row goes into the winner's."""
        self.crm.remove(object, loser, into=winner)

    async def tie(self, object: str, name: str, count: int) -> tuple[str, Sequence[str]]:
        """A row with a list of others' ids."""
        spec = self.crm.specs(object)[name]
        others = await self.insert(spec.refers_to[0], [{"name": f"Other {place}"} for place in range(count)])
        (id_,) = await self.insert(object, [{"name": f"Tied to {count}", name: [*others]}])
        return id_, others

    async def add_field(self, object: str, field: FieldSpec) -> None:
        """The field is there from now on."""
        self.crm.fields[object][field.name] = field

    async def drop_field(self, object: str, name: str) -> None:
        """The field is gone."""
        del self.crm.fields[object][name]

    def spoilt(self) -> Sequence[Spoilt]:
        """A wrong password."""
        return [Spoilt("a wrong password", {"password": "wrong horse"}, "password")]

    def fault(self, *rules: str) -> None:
        """Statuses, ``html``, ``truncated``, ``empty``, ``cut`` and ``lost``."""
        self._faults.replace(rules)

    @asynccontextmanager
    async def _wire(self, call: str) -> AsyncGenerator[None]:
        await self.called(call)
        await anyio.lowlevel.checkpoint()
        rule = self._faults.on_call("POST" if call.startswith("WRITE") else "GET", call.partition(" ")[2])
        if rule is not None and rule.kind != "lost":
            raise _error(rule)
        yield
        if rule is not None:
            raise UnknownOutcome("the reply was lost")


def _error(rule: FaultRule) -> ConnectorError:
    if rule.status == 429:
        return RateLimited("too fast", status=429, retry_after=rule.wait)
    refused = _REFUSALS.get(rule.status or 0)
    if refused is not None:
        return refused("the CRM refuses the call", status=rule.status)
    if rule.kind in {"html", "truncated", "empty", "content_type"}:
        return BadResponse("the reply cannot be understood")
    return Unavailable("the CRM cannot be reached", status=rule.status)


class MemoryTarget(Target):
    """The CRM in memory, as a whole or with a ``connector`` that has been tampered with."""

    connector: ClassVar[str] = "memory"
    sample: ClassVar[Sample] = Sample(
        "deals", "name", long_text="notes", number="seats", money="amount", currency="currency",
        date="closes", instant="meets", enum="stage", ref="owner", ref_object="owners",
        nowhere="owners-none", many="team", unique="code", custom="tier", read_only="score",
        new_field="region",
    )  # fmt: skip

    def __init__(
        self,
        connector: type[MemoryConnector] = MemoryConnector,
        settings: Mapping[str, Value] | None = None,
        org: type[MemoryOrg] = MemoryOrg,
    ) -> None:
        self._connector = connector
        self._settings = settings
        self._org = org

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Org]:
        """A fresh CRM."""
        org = self._org(self._connector, self._settings)
        try:
            yield org
        finally:
            await org.aclose()


target = MemoryTarget()

"""From what a tool wants to a plan of exact writes, within what the agent may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from crmhub.agent.answers import Refused
from crmhub.agent.tool import Call
from crmhub.errors import ConfigError, InvalidRecord, Unsupported
from crmhub.mapping.compiled import CompiledMap
from crmhub.models import Account, Contact, Deal, Record, Ref
from crmhub.plan import Plan, PlannedWrite
from crmhub.usage import Estimate

if TYPE_CHECKING:
    from crmhub.hub import Hub

__all__ = ["Draft", "Wanted"]

_POINTED: Final[Mapping[str, type[Record]]] = {"account": Account, "contact": Contact, "deal": Deal}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One change that is wanted: what is set in ``record``, to the record of ``id`` or to a new one."""

    connection: str
    record: Record
    id: str | None = None


class Draft:
    """Makes plans for one call. Nothing is written here."""

    def __init__(self, hub: Hub, call: Call) -> None:
        self._hub = hub
        self._reach = call.reach
        self.left_out: list[str] = []
        """Fields that the CRM has no place for."""
        self.names: dict[str, str] = {}
        """What the records are called that the plan speaks of, as far as the agent sees it, by their ids."""

    async def plan(self, wanted: Sequence[Wanted], *, priced: bool = False) -> Plan:
        """The exact writes for what is wanted, each value before and after; nothing is written.

        Raises :class:`Refused` for a record, a field or a model that is not there for the agent.
        """
        writes = [await self._planned(one) for one in wanted]
        return Plan(writes, price=await self.price(writes) if priced else {})

    async def _planned(self, one: Wanted) -> PlannedWrite:
        model = type(one.record)
        seen = self._reach.of(one.connection, model)
        for name in sorted(one.record.changes()):
            keys = [f"custom.{key}" for key in one.record.custom] if name == "custom" else [name]
            for key in keys:
                if name not in {"kind", "type"}:
                    seen.demand(key)
        await self._demand_pointed(one)
        records = self._hub[one.connection].of(model)
        try:
            if one.id is None:
                return await records.plan_create(one.record)
            self._name(one.id, await seen.get(one.id))  # raises for one that the agent may not see
            return await records.plan_update(one.id, one.record)
        except InvalidRecord as error:
            raise Refused(
                "invalid_record",
                f"{model.model}: this cannot be written to the CRM of connection {one.connection}",
                hint=f"field: {error.where.field}"
                if error.where.field
                else "give fewer fields, or other values",
            ) from None

    async def _demand_pointed(self, one: Wanted) -> None:
        """What a new value points to has to be there for the agent too."""
        for name in one.record.changes():
            held = cast("object", getattr(one.record, name))
            if isinstance(held, Ref) and held.model in _POINTED:
                self._name(held.id, await self._reach.of(one.connection, _POINTED[held.model]).get(held.id))

    def _name(self, id: str, record: Record) -> None:
        for field in ("full_name", "name", "subject"):
            name = cast("object", getattr(record, field, None))
            if isinstance(name, str):
                self.names[id] = name
                return

    async def price(self, writes: Sequence[PlannedWrite]) -> Mapping[str, Estimate]:
        """What the writes will cost, by connection, where calls have prices."""
        found: dict[str, Estimate] = {}
        for write in writes:
            connection = self._hub[write.connection]
            try:
                cost = await connection.estimate(write.operation, write.object, records=1)
            except Unsupported:
                continue
            found[write.connection] = found[write.connection] + cost if write.connection in found else cost
        return found

    async def place_for(self, connection: str, model: type[Record], field: str, ref: str) -> str | None:
        """Where a record of that model points to one of ``ref`` in this CRM: ``field``, or ``regarding``.

        ``None`` where it cannot.
        """
        maps = await self._maps(connection, model)
        for name in dict.fromkeys([field, "regarding"]):
            for mapped in maps:
                rule = mapped.by_path.get(name)
                if rule is not None and rule.writes and ref in rule.ref:
                    return name
        return None

    async def takes(self, connection: str, model: type[Record], path: str) -> bool:
        """Whether records of that model can be given a value there in this CRM."""
        maps = await self._maps(connection, model)
        return any(path in mapped.by_path and mapped.by_path[path].writes for mapped in maps)

    async def stage(self, connection: str, label: str, pipeline: str | None) -> Ref:
        """The stage of that label, of the deal's own pipeline where several have one.

        Raises :class:`Refused` where there is none.
        """
        self._reach.of(connection, Deal)
        stages = await self._hub[connection].directory("stage")
        within = None if pipeline is None else ("pipeline", pipeline)
        found = stages and (
            stages.find("label", label, within) or (label if label in stages.entries else None)
        )
        if not found:
            raise Refused(
                "unknown_stage",
                f"connection {connection} has no stage of that name, or several",
                hint="take the name of a stage as pipeline_summary gives it",
            )
        return Ref(model="stage", id=found)

    async def _maps(self, connection: str, model: type[Record]) -> Sequence[CompiledMap]:
        self._reach.of(connection, model)  # raises where it is not there for the agent
        try:
            return await self._hub[connection].of(model).maps()
        except ConfigError:
            kind = model.__name__.lower()
            raise Refused(
                "unsupported",
                f"connection {connection} has no records of the kind {kind}",
                hint="leave a note instead, or use another CRM",
            ) from None

"""Mistakes in estimates."""

from __future__ import annotations

from dataclasses import replace

from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from crmhub.usage import Estimate, Planned
from tests.conformance.mutant import mutant


@mutant(52, "the last page is forgotten", MemoryTarget)
class LastPageForgotten(MemoryConnector):
    async def estimate(self, planned: Planned) -> Estimate:
        told = await super().estimate(planned)
        reads = planned.operation == "read"
        return replace(told, calls=told.calls - 1, cost=told.cost - 1) if reads else told


@mutant(52, "every record is a call", MemoryTarget)
class EveryRecordIsACall(MemoryConnector):
    async def estimate(self, planned: Planned) -> Estimate:
        told = await super().estimate(planned)
        writes = planned.operation in {"create", "update", "delete"}
        return replace(told, calls=planned.records or 0, cost=planned.records or 0) if writes else told


@mutant(52, "a batch is reckoned for any number", MemoryTarget)
class OneBatch(MemoryConnector):
    async def estimate(self, planned: Planned) -> Estimate:
        return await super().estimate(replace(planned, records=min(planned.records or 0, 100) or None))


@mutant(52, "units are not calls", MemoryTarget)
class UnitsDiffer(MemoryConnector):
    async def estimate(self, planned: Planned) -> Estimate:
        told = await super().estimate(planned)
        return replace(told, cost=told.cost * 2) if planned.operation == "delete" else told


@mutant(52, "to estimate is to do", MemoryTarget)
class Done(MemoryConnector):
    async def estimate(self, planned: Planned) -> Estimate:
        if planned.operation == "get":
            await self.get(planned.object, [], planned.fields)
        return await super().estimate(planned)


@mutant(52, "records that are named are counted all the same", MemoryTarget)
class CountedAllTheSame(MemoryConnector):
    async def estimate(self, planned: Planned) -> Estimate:
        return await super().estimate(replace(planned, records=None))

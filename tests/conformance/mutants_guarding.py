"""Mistakes in updates that name a version: what comes between the comparison and the write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmhub.connector import Outcome, Problem, WriteRequest
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutant import mutant


class Comparing(MemoryConnector):
    """Compares versions by itself, in a call before that of the write."""

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        conflict = Outcome("conflict", problem=Problem("changed", "changed meanwhile"))
        stale = [await self.is_stale(request, item.id or "", item.if_version) for item in request.items]
        free = [replace(item, if_version=None) for item in request.items]
        good = replace(request, items=[item for item, was in zip(free, stale, strict=True) if not was])
        done = iter(await super().write(good))
        outcomes = [conflict if was else next(done) for was in stale]
        return [await self.told(request, outcome) for outcome in outcomes]

    async def is_stale(self, request: WriteRequest, id: str, version: str | None) -> bool:
        """Whether the record has another version."""
        if version is None:
            return False
        async with self.crm.wire(f"GET {request.object}"):
            return self.crm.records[request.object][id]["modified_at"] != version

    async def told(self, request: WriteRequest, outcome: Outcome) -> Outcome:
        """What is told of a record that was written."""
        del request
        return outcome


@mutant(57, "the version is compared before the write", MemoryTarget)
class ComparedBefore(Comparing):
    pass


@mutant(57, "the version is compared again after the write", MemoryTarget)
class ComparedAfter(Comparing):
    async def told(self, request: WriteRequest, outcome: Outcome) -> Outcome:
        """Tells the change that it has overwritten as a conflict."""
        async with self.crm.wire(f"GET {request.object}"):
            lost = self.crm.records[request.object].get(outcome.id or "", {}).get("name") != "Theirs"
        return Outcome("conflict", outcome.id, problem=Problem("changed", "it was")) if lost else outcome


@mutant(57, "a conflict is written again with the new version", MemoryTarget)
class WrittenAgain(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        outcomes = await super().write(request)
        if all(outcome.status != "conflict" for outcome in outcomes):
            return outcomes
        return await super().write(
            replace(request, items=[replace(item, if_version=None) for item in request.items])
        )

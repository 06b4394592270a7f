"""Mistakes of connectors with several ways into a CRM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmhub.connector import Context, Missing, Native, Outcome, WriteRequest
from crmhub.errors import Unsupported
from crmhub.events import Events
from crmhub.routing import wished
from crmhub.testing.memory import MemoryConfig, MemoryCrm
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutant import mutant
from tests.conformance.tiered import ReadingOnly, Tiered


class Back(Tiered):
    """Gives other values by the back door."""

    def changed(self, row: Native) -> Native:
        return row

    async def got(
        self, tier: str, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Sequence[Native | Missing]:
        rows = await super().got(tier, object, ids, fields)
        if tier != "back":
            return rows
        return [row if isinstance(row, Missing) else self.changed(dict(row)) for row in rows]


@mutant(54, "one tier leaves a field out", MemoryTarget)
class FieldLeftOut(Back):
    def changed(self, row: Native) -> Native:
        row["name"] = None
        return row


@mutant(54, "one tier tells another version", MemoryTarget)
class AnotherVersion(Back):
    def changed(self, row: Native) -> Native:
        return {**row, "modified_at": str(row["modified_at"]).replace("+00:00", "Z")}


@mutant(54, "one tier finds no records", MemoryTarget)
class FindsNoRecords(Tiered):
    async def got(
        self, tier: str, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Sequence[Native | Missing]:
        found = await super().got(tier, object, ids, fields)
        return [Missing(one, "unknown") for one in ids] if tier == "back" else found


@mutant(54, "one tier writes other values", MemoryTarget)
class WritesOtherValues(Tiered):
    async def got(
        self, tier: str, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Sequence[Native | Missing]:
        rows = await super().got(tier, object, ids, fields)
        # what the back door wrote it alone understands
        return [
            row if isinstance(row, Missing) or tier == "back" else {**row, "name": _plain(row.get("name"))}
            for row in rows
        ]

    async def written(self, tier: str, request: WriteRequest) -> Sequence[Outcome]:
        if tier == "back":
            items = [
                replace(item, fields={**item.fields, "name": f"~{item.fields['name']}"})
                for item in request.items
            ]
            request = replace(request, items=items)
        return await super().written(tier, request)


def _plain(value: object) -> str:
    return str(value).removeprefix("~")


@mutant(54, "one tier writes nothing", MemoryTarget)
class WritesNothing(Tiered):
    async def written(self, tier: str, request: WriteRequest) -> Sequence[Outcome]:
        if tier == "back":
            return [Outcome("unchanged", item.id or "d1") for item in request.items]
        return await super().written(tier, request)


@mutant(54, "the tier that is asked for is not taken", MemoryTarget)
class NotTaken(Tiered):
    def wanted(self) -> str | None:
        wish = wished()
        return "front" if wish and wish.tier == "back" else super().wanted()


@mutant(54, "an unknown tier is the usual one", MemoryTarget)
class UnknownIsUsual(Tiered):
    def wanted(self) -> str | None:
        wanted = super().wanted()
        return wanted if wanted in {"front", "back", "side"} else None


@mutant(54, "an absent tier is another one", MemoryTarget)
class AbsentIsAnother(Tiered):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        try:
            return await super().get(object, ids, fields)
        except Unsupported:
            return await self.got("front", object, ids, fields)


@mutant(54, "what a tier says it cannot write another one writes", MemoryTarget)
class AnotherOneWrites(ReadingOnly):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        try:
            return await super().write(request)
        except Unsupported:
            return await self.written("front", request)


@mutant(54, "an absent tier does not say why", MemoryTarget)
class AbsentWithoutAReason(Tiered):
    why_not = " "


@mutant(54, "no event tells which tier served", MemoryTarget)
class NoEventTells(Tiered):
    def __init__(self, config: MemoryConfig, context: Context, crm: MemoryCrm | None = None) -> None:
        super().__init__(config, replace(context, events=Events(context.clock)), crm)

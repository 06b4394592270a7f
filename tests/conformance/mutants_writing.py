"""Mistakes in writing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

from crmhub.connector import (
    NOT_SENT,
    Missing,
    Native,
    Outcome,
    Page,
    Problem,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.errors import Unavailable
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutant import mutant


def without(item: WriteItem, *names: str) -> WriteItem:
    return replace(item, fields={name: value for name, value in item.fields.items() if name not in names})


@mutant(15, "a required field is filled in", MemoryTarget)
class FillsInRequired(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return super()._write(request, replace(item, fields={"name": "Unnamed", **item.fields}))


@mutant(15, "a read-only value is dropped", MemoryTarget)
class DropsReadOnly(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return super()._write(request, without(item, "score"))


@mutant(15, "a taken value is dropped", MemoryTarget)
class DropsTakenValue(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        outcome = super()._write(request, item)
        taken = outcome.problem is not None and outcome.problem.code == "duplicate"
        return super()._write(request, without(item, "code")) if taken else outcome


@mutant(15, "a refusal names no field", MemoryTarget)
@mutant(42, "a refusal names no field", MemoryTarget)
@mutant(45, "a refusal names no field", MemoryTarget)
class NamesNoField(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        outcome = super()._write(request, item)
        return replace(outcome, problem=replace(outcome.problem, field=None)) if outcome.problem else outcome


@mutant(38, "a field is not sent", MemoryTarget)
class FieldNotSent(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return super()._write(request, without(item, "meets"))


@mutant(38, "cents are rounded", MemoryTarget)
@mutant(46, "cents are rounded", MemoryTarget)
class RoundsCents(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        amount = item.fields.get("amount")
        if isinstance(amount, Decimal):
            item = replace(item, fields={**item.fields, "amount": round(amount)})
        return super()._write(request, item)


@mutant(38, "a created record is told under another id", MemoryTarget)
class WrongId(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        outcome = super()._write(request, item)
        return replace(outcome, id="deals-0") if outcome.status == "created" else outcome


@mutant(38, "get leaves a field out", MemoryTarget)
class GetLeavesOut(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        kept = [name for name in fields if name != "closes"]
        return await super().get(object, ids, kept)


@mutant(39, "null is not sent", MemoryTarget)
class NullNotSent(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return super()._write(request, without(item, *(k for k, v in item.fields.items() if v is None)))


@mutant(39, "what is absent is cleared", MemoryTarget)
class ClearsAbsent(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        if request.operation == "update":
            item = replace(item, fields={"notes": None, **item.fields})
        return super()._write(request, item)


@mutant(39, "an update is told and not done", MemoryTarget)
class UpdateNotDone(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        if request.operation == "update":
            return Outcome("updated", item.id)
        return super()._write(request, item)


@mutant(40, "an upsert always creates", MemoryTarget)
class UpsertCreates(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        if request.operation == "upsert":
            row = self._store(request.object, dict(item.fields))
            return Outcome("created", str(row["id"]))
        return super()._write(request, item)


@mutant(40, "an upsert never updates", MemoryTarget)
class UpsertKeeps(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        rows = self.crm.records[request.object].values()
        present = next((row for row in rows if item.key and row.get("code") == item.key), None)
        if request.operation == "upsert" and present is not None:
            return Outcome("updated", str(present["id"]))
        return super()._write(request, item)


@mutant(40, "an upsert that updates is told as a create", MemoryTarget)
class UpsertToldAsCreate(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        outcome = super()._write(request, item)
        return replace(outcome, status="created") if request.operation == "upsert" and outcome.ok else outcome


@mutant(40, "an upsert clears what was not sent", MemoryTarget)
class UpsertReplaces(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        outcome = super()._write(request, item)
        if request.operation == "upsert" and outcome.status != "created":
            self.crm.records[request.object][str(outcome.id)]["amount"] = None
        return outcome


@mutant(41, "a lost create is sent again", MemoryTarget)
class LostCreateAgain(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        outcomes = await super().write(request)
        if request.operation == "create" and outcomes[0].status == "unknown":
            return await super().write(request)
        return outcomes


@mutant(41, "a lost reply is told as done", MemoryTarget)
class LostToldAsDone(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        outcomes = await super().write(request)
        return [Outcome("created", "deals-0") if one.status == "unknown" else one for one in outcomes]


@mutant(41, "a lost reply is told as refused", MemoryTarget)
class LostToldAsRefused(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        outcomes = await super().write(request)
        problem = Problem("timeout", "no reply", permanent=False)
        return [Outcome("rejected", problem=problem) if one.status == "unknown" else one for one in outcomes]


@mutant(41, "a lost reply raises as if nothing was sent", MemoryTarget)
class LostRaises(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        outcomes = await super().write(request)
        if outcomes[0].status == "unknown":
            raise Unavailable("timeout")
        return outcomes


@mutant(42, "one bad item refuses all", MemoryTarget)
class AllOrNothing(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        for item in request.items:
            problem = self.crm.refusal(request.object, item.fields, None)
            if problem is not None:
                return [Outcome("rejected", problem=problem) for _ in request.items]
        return await super().write(request)


@mutant(42, "a text that cannot be encoded ends the write", MemoryTarget, UnicodeEncodeError)
class Encoding(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        for item in request.items:
            "".join(map(str, item.fields.values())).encode()
        return await super().write(request)


@mutant(42, "a text that cannot be encoded is mended in silence", MemoryTarget)
class Replacing(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        name = str(item.fields.get("name", "")).encode("utf-8", "replace").decode()
        fields = {**item.fields, "name": name} if "name" in item.fields else item.fields
        return super()._write(request, replace(item, fields=fields))


@mutant(42, "what follows a bad item is not sent", MemoryTarget)
class StopsAtBadItem(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for item in request.items:
            if any(one.problem for one in outcomes):
                problem = Problem(NOT_SENT, "an earlier one failed", permanent=False)
                outcomes.append(Outcome("rejected", problem=problem))
            else:
                outcomes += await super().write(replace(request, items=[item]))
        return outcomes


@mutant(42, "outcomes come in another order", MemoryTarget)
class OutcomesSorted(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        return sorted(await super().write(request), key=lambda one: not one.ok)


@mutant(42, "only refusals are told", MemoryTarget)
class OnlyRefusalsTold(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        outcomes = await super().write(request)
        bad = [one for one in outcomes if not one.ok]
        return bad if bad and len(outcomes) > 1 else outcomes


@mutant(42, "items beyond the first batch are dropped", MemoryTarget)
class FirstBatchOnly(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        sent = await super().write(replace(request, items=request.items[:100]))
        return [*sent, *(Outcome("created", "deals-0") for _ in request.items[100:])]


@mutant(43, "the version is ignored", MemoryTarget)
class VersionIgnored(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return super()._write(request, replace(item, if_version=None))


@mutant(43, "one stale version refuses all", MemoryTarget)
class OneStaleRefusesAll(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        rows = self.crm.records[request.object]
        versions = [
            (item.if_version, rows.get(item.id or "", {}).get("modified_at")) for item in request.items
        ]
        if all(was is None or was == now for was, now in versions):
            return await super().write(request)
        return [
            Outcome("conflict", item.id, problem=Problem("changed", "one has changed"))
            for item in request.items
        ]


@mutant(43, "of several versions only the first is compared", MemoryTarget)
class FirstVersionCompared(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        first, *others = request.items
        items = [first, *(replace(item, if_version=None) for item in others)]
        return await super().write(replace(request, items=items))


@mutant(43, "every version is stale", MemoryTarget)
class EveryVersionStale(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return super()._write(request, replace(item, if_version="0") if item.if_version else item)


@mutant(43, "a conflict is told and written", MemoryTarget)
class ConflictWritten(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        outcome = super()._write(request, item)
        if outcome.status == "conflict":
            super()._write(request, replace(item, if_version=None))
        return outcome


@mutant(44, "a second delete is an error", MemoryTarget)
class SecondDeleteRefused(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        gone = request.operation == "delete" and item.id not in self.crm.records[request.object]
        if gone:
            return Outcome("rejected", item.id, problem=Problem("not_found", "no such record"))
        return super()._write(request, item)


@mutant(44, "a delete is told and not done", MemoryTarget)
class DeleteNotDone(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        if request.operation == "delete":
            return Outcome("deleted", item.id)
        return super()._write(request, item)


@mutant(44, "a delete without its record takes another", MemoryTarget)
class DeleteTakesAnother(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        rows = self.crm.records[request.object]
        if request.operation == "delete" and item.id not in rows:
            rows.popitem()
        return super()._write(request, item)


@mutant(45, "a reference to nothing is dropped", MemoryTarget)
class ReferenceDropped(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return super()._write(request, without(item, "owner"))


@mutant(45, "a reference is refused after the record is made", MemoryTarget)
class ReferenceRefusedLate(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        outcome = super()._write(request, item)
        if request.operation == "create" and outcome.problem and outcome.problem.field == "owner":
            super()._write(request, without(item, "owner"))
        return outcome


@mutant(46, "times are read without their zone's hours", MemoryTarget)
class TimesShifted(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield replace(page, upserts=[self.shifted(row) for row in page.upserts])

    def shifted(self, row: Native) -> Native:
        meets = row.get("meets")
        return {**row, "meets": meets.replace("+00:00", "+02:00")} if isinstance(meets, str) else row


@mutant(46, "labels are read where values are written", MemoryTarget)
class LabelsRead(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield replace(page, upserts=[self.labelled(row) for row in page.upserts])

    def labelled(self, row: Native) -> Native:
        stage: Value = row.get("stage")
        return {**row, "stage": stage.title()} if isinstance(stage, str) else row


@mutant(46, "what was read cannot be written back", MemoryTarget)
class NotWrittenBack(MemoryConnector):
    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        if request.operation == "update" and "meets" in item.fields and "code" in item.fields:
            return Outcome("rejected", item.id, problem=Problem("format", "no such form of a time", "meets"))
        return super()._write(request, item)

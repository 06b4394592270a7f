"""Mistakes in reading what is new."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import cast

from crmhub.connector import Checkpoint, Context, Deletion, Native, Page, ReadRequest, Value
from crmhub.errors import BadRequest
from crmhub.testing.memory import MemoryConfig, MemoryConnector, MemoryCrm
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.baselines import Stamped, number, stamp_of, stamped
from tests.conformance.mutant import mutant


class Reread(MemoryConnector):
    """Passes every request and every page through ``asked`` and ``page``."""

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(self.asked(request))) as pages:
            async for page in pages:
                yield self.page(request, page)

    def asked(self, request: ReadRequest) -> ReadRequest:
        return request

    def page(self, request: ReadRequest, page: Page) -> Page:
        del request
        return page


@mutant(28, "the checkpoint is ignored", MemoryTarget)
class CheckpointIgnored(Reread):
    def asked(self, request: ReadRequest) -> ReadRequest:
        return replace(request, since=None)


@mutant(28, "the overlap is a day", stamped)
class OverlapTooLong(Stamped):
    def is_after(self, row: Native, since: Mapping[str, Value]) -> bool:
        if since["from"] and not since["at"]:
            return (datetime.fromisoformat(str(since["from"])) - stamp_of(row)).days < 1
        return super().is_after(row, since)


@mutant(29, "only new records are seen", MemoryTarget)
class OnlyNewRecords(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        rows = page.upserts
        if request.since is not None:
            rows = [row for row in rows if row["created_at"] == row["modified_at"]]
        return replace(page, upserts=rows)


@mutant(29, "the cursor field is absent", MemoryTarget)
class CursorFieldAbsent(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        rows = [{name: value for name, value in row.items() if name != "change"} for row in page.upserts]
        return replace(page, upserts=rows)


@mutant(29, "the key is absent unless asked for", MemoryTarget)
class KeyAbsent(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        rows = [{name: row.get(name) for name in request.fields} for row in page.upserts]
        return replace(page, upserts=rows)


@mutant(30, "the cursor is a time alone", stamped)
class TimeAlone(Stamped):
    def is_after(self, row: Native, since: Mapping[str, Value]) -> bool:
        if since["at"]:
            return stamp_of(row) > datetime.fromisoformat(cast("list[str]", since["at"])[0])
        return super().is_after(row, since)


@mutant(31, "the lag is declared and not looked back over", stamped)
class NoOverlap(Stamped):
    def is_after(self, row: Native, since: Mapping[str, Value]) -> bool:
        if since["from"] and not since["at"]:
            return stamp_of(row) > datetime.fromisoformat(str(since["from"]))
        return super().is_after(row, since)


@mutant(32, "each page has the checkpoint of the next", MemoryTarget)
class CheckpointOfTheNext(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        size = request.page_size or 3
        reached = cast("int", (page.checkpoint or {})["change"])
        return replace(page, checkpoint={"change": min(reached + size, self.crm.changes)})


@mutant(32, "a checkpoint works in its own process only", MemoryTarget)
class CheckpointOfTheProcess(Reread):
    def __init__(self, config: MemoryConfig, context: Context, crm: MemoryCrm | None = None) -> None:
        super().__init__(config, context, crm)
        self.given: list[Checkpoint | None] = [None]

    def asked(self, request: ReadRequest) -> ReadRequest:
        known = request.since in self.given
        return request if known else replace(request, since={"change": self.crm.changes})

    def page(self, request: ReadRequest, page: Page) -> Page:
        self.given.append(page.checkpoint)
        return page


@mutant(33, "the checkpoint is told before its records are there", MemoryTarget)
class CheckpointTooEarly(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        yield Page((), (), {"change": self.crm.changes})
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield page


@mutant(34, "a checkpoint of the future is refused", stamped, raises=BadRequest)
class FutureRefused(Stamped):
    def is_after(self, row: Native, since: Mapping[str, Value]) -> bool:
        if since["from"] and datetime.fromisoformat(str(since["from"])) > self._context.clock.now():
            raise BadRequest("the start lies in the future")
        return super().is_after(row, since)


@mutant(34, "a checkpoint of the future reads everything", stamped)
class FutureReadsAll(Stamped):
    def is_after(self, row: Native, since: Mapping[str, Value]) -> bool:
        if since["from"] and datetime.fromisoformat(str(since["from"])) > self._context.clock.now():
            return super().is_after(row, {**since, "from": None})
        return super().is_after(row, since)


@mutant(35, "deletions are not told", MemoryTarget)
class DeletionsUntold(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        return replace(page, deletes=())


@mutant(35, "only one deletion a read is told", stamped)
class OneDeletion(Stamped):
    def deletions(self, request: ReadRequest, since: Mapping[str, Value]) -> Sequence[Deletion]:
        return super().deletions(request, since)[:1]


@mutant(35, "what was restored does not come back", MemoryTarget)
class RestoredLost(Reread):
    def __init__(self, config: MemoryConfig, context: Context, crm: MemoryCrm | None = None) -> None:
        super().__init__(config, context, crm)
        self.told: set[str] = set()

    def page(self, request: ReadRequest, page: Page) -> Page:
        self.told.update(gone.id for gone in page.deletes)
        return replace(page, upserts=[row for row in page.upserts if row["id"] not in self.told])


@mutant(35, "live records are told as deleted", MemoryTarget)
class LiveToldAsDeleted(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        live = next(iter(self.crm.records[request.object]), "")
        return replace(page, deletes=[*page.deletes, Deletion(live)] if page.deletes else ())


@mutant(36, "a merged record is only gone", MemoryTarget)
class MergedIsGone(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        return replace(page, deletes=[Deletion(gone.id, gone.at) for gone in page.deletes])


@mutant(36, "a merged record is not told", MemoryTarget)
class MergedUntold(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        return replace(page, deletes=[gone for gone in page.deletes if gone.life != "merged"])


@mutant(37, "the checkpoint is no JSON", MemoryTarget)
class CheckpointNoJson(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        odd = cast("Checkpoint", {**(page.checkpoint or {}), "at": self._context.clock.now()})
        return replace(page, checkpoint=odd)


@mutant(37, "the last checkpoint leads back to the start", MemoryTarget)
class CheckpointGoesBack(Reread):
    def page(self, request: ReadRequest, page: Page) -> Page:
        return page if page.upserts else replace(page, checkpoint={"change": 0})


@mutant(37, "whole numbers are compared as text", MemoryTarget)
class CheckpointAsText(Reread):
    def asked(self, request: ReadRequest) -> ReadRequest:
        since = request.since
        if since is not None:
            reached = str(since["change"])
            rows = self.crm.records[request.object].values()
            later = [number(row) for row in rows if str(number(row)) > reached]
            since = {"change": min(later, default=self.crm.changes + 1) - 1}
        return replace(request, since=since)

"""Mistakes in reading everything: pages, counts and filters."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from crmhub.connector import Condition, Native, Page, ReadRequest
from crmhub.errors import Unavailable
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from crmhub.testing.memory.connector import _chosen
from tests.conformance.baselines import Paged, capped, paged, selected
from tests.conformance.mutant import mutant


@mutant(16, "stops after page 1", MemoryTarget)
class StopsAfterPageOne(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield page
                return


@mutant(16, "every record comes twice", MemoryTarget)
class EveryRecordTwice(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield replace(page, upserts=[*page.upserts, *page.upserts])


@mutant(16, "records are read from the wrong place", MemoryTarget)
class WrongRecordPath(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield replace(page, upserts=())


@mutant(16, "the condition is ignored", MemoryTarget)
class FilterIgnored(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(replace(request, filter=()))) as pages:
            async for page in pages:
                yield page


@mutant(16, "count gives the size of a page", MemoryTarget)
class CountsAPage(MemoryConnector):
    async def count(self, object: str, filter: Sequence[Condition] = ()) -> int:
        return min(await super().count(object, filter), self._config.page_size)


@mutant(17, "a full last page is dropped", MemoryTarget)
class FullLastPageDropped(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        size = request.page_size or self._config.page_size
        full = bool(self.crm.records[request.object]) and len(self.crm.records[request.object]) % size == 0
        last = len(self.crm.records[request.object]) // size
        async with aclosing(super().read(request)) as pages:
            number = 0
            async for page in pages:
                number += 1
                yield Page((), (), page.checkpoint) if full and number == last else page


@mutant(17, "nothing to read gives no checkpoint", MemoryTarget)
class NothingGivesNoCheckpoint(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield page if self.crm.records[request.object] else replace(page, checkpoint=None)


class ByOffset(MemoryConnector):
    """Asks for rows 0 to 3, then 4 to 7, while rows before them go."""

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        size, start, until = request.page_size or 3, 0, self.crm.changes
        while True:
            async with self.crm.wire(f"READ {request.object}"):
                rows = self.ordered(selected(self, request))[start : start + size]
            start += size
            yield Page([_chosen(row, request.fields) for row in rows], (), {"change": until})
            if len(rows) < size:
                return

    def ordered(self, rows: list[Native]) -> list[Native]:
        return rows


mutant(18, "paging by offset skips records", MemoryTarget)(ByOffset)


@mutant(18, "paging by offset over the newest first gives records twice", MemoryTarget)
class NewestFirst(ByOffset):
    def ordered(self, rows: list[Native]) -> list[Native]:
        return sorted(rows, key=lambda row: str(row["created_at"]), reverse=True)


@mutant(18, "what changes during a read is lost", MemoryTarget)
class ChangesDuringReadLost(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield replace(page, checkpoint={"change": self.crm.changes})


@mutant(18, "a change stops every read", MemoryTarget)
class ChangeStopsTheRead(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        before = self.crm.changes
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                if self.crm.changes != before:
                    raise Unavailable("something changed")
                yield page


@mutant(19, "the same token is followed for ever", paged)
class FollowsTheSameToken(Paged):
    def look_at(self, token: int, following: int | None) -> None:
        pass


@mutant(20, "a short page ends the read", paged)
class ShortPageEnds(Paged):
    def goes_on(self, rows: Sequence[Native], size: int) -> bool:
        return len(rows) == size


@mutant(21, "the read ends where the CRM's paging does", capped)
class EndsAtTheCap(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        came = 0
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                came += len(page.upserts)
                yield page
                if came >= 30:
                    return

"""Reading all of a module by queries, several ranges of ids at once.

The first page tells how dense the ids lie, the last one where they end; what is between is cut into ranges
(:mod:`crmhub_zoho.ranges`) that are read in waves, a page of each at once. A module of two pages or fewer
is read by them alone. Each page's checkpoint holds the ranges that are left, so a read that is cut off
anywhere goes on there. Records that are made meanwhile are left to the read of changes, or to the rest of
this one, if it goes on later. Where the first and the last page let expect very many records, bulk read jobs
take over (:mod:`crmhub_zoho.bulk.reading`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from crmhub.clock import Clock
from crmhub.connector import Native, Page
from crmhub_zoho import checkpoints
from crmhub_zoho.bulk.reading import BulkReader, Left
from crmhub_zoho.checkpoints import Bulk, Full
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.limits import HEAVY_AT_ONCE
from crmhub_zoho.ranges import Cutting, Range
from crmhub_zoho.records import ID, numbers_of
from crmhub_zoho.run import Run, began_at
from crmhub_zoho.together import together

__all__ = ["FullReader"]


@dataclass(frozen=True, slots=True)
class _Part:
    """A page of a range, in id order, when it came, and what is left of the range."""

    asked: Range
    rows: list[Native]
    left: Range | None
    at: datetime


class FullReader:
    """Reads all of a module. At most ``at_once()`` pages are held at once."""

    def __init__(
        self, bulk: BulkReader, config: ZohoConfig, clock: Clock, at_once: Callable[[], int]
    ) -> None:
        self._bulk = bulk
        self._config = config
        self._clock = clock
        self._at_once = at_once

    async def pages(self, run: Run, state: Full | Bulk | None) -> AsyncGenerator[Page]:
        """All pages, from ``state`` on; the last one's checkpoint is where the read of changes starts."""
        parallel = min(self._at_once(), HEAVY_AT_ONCE)
        cutting = Cutting(run.limit, parallel)
        is_new = state is None
        while True:
            if is_new and isinstance(state, Full) and state.end:
                is_new = False
                if await self._bulk.is_worth(run, run.limit * 2 + sum(map(cutting.expected, state.ranges))):
                    state = await self._bulk.begin(run, state)
                    yield Page((), (), run.save(state))
            if isinstance(state, Bulk):
                try:
                    async with aclosing(self._bulk.pages(run, state)) as pages:
                        async for page in pages:
                            yield page
                            del page
                except Left as left:
                    state = left.rest
                else:
                    return
            if state is not None:
                state = replace(state, ranges=cutting.cut(state.ranges))
            parts = await self._wave(run, state, parallel)
            if state is None:
                state = Full((Range(),), parts[0].at, None)
            while parts:
                part = parts.pop(0)
                state = _after(run, state, part, cutting)
                following = state if state.ranges else checkpoints.after_full(state, self._config.overlap)
                if part.rows or not state.ranges:
                    yield Page(await run.completed(part.rows), (), run.save(following))
                del part  # else it is in memory while the next ones come
            if not state.ranges:
                return

    async def _wave(self, run: Run, state: Full | None, parallel: int) -> list[_Part]:
        """The next pages: the first one, then the last one, then one of each range."""
        if state is None:
            return [await self._page(run, Range())]
        if (end := next((one for one in state.ranges if one.is_open), None)) is not None:
            return [await self._page(run, end, last=parallel > 1)]
        ranges = state.ranges[:parallel]
        return await together(partial(self._page, run), ranges, parallel)

    async def _page(self, run: Run, asked: Range, *, last: bool = False) -> _Part:
        asked_at = self._clock.now()
        answer = await run.ask_ids(asked, last=last)
        rows = run.checked(answer.rows)
        if last:
            rows.reverse()
        run.check_ids(asked, rows)
        left = None
        if run.has_more(answer, rows):
            left = Range(asked.after, str(rows[0][ID])) if last else Range(str(rows[-1][ID]), asked.before)
        return _Part(asked, rows, left, began_at(answer, asked_at))


def _after(run: Run, state: Full, part: _Part, cutting: Cutting) -> Full:
    """The state once that page is given."""
    place = state.ranges.index(part.asked)
    left = () if part.left is None else (part.left,)
    for one in left:
        cutting.learn(one, numbers_of(part.rows))
    ranges = (*state.ranges[:place], *left, *state.ranges[place + 1 :])
    state = replace(state, ranges=ranges, peak=run.peak(part.rows, state.peak))
    if not part.asked.is_open or any(one.is_open for one in left):
        return state
    return replace(state, end=str(part.rows[-1][ID]) if part.rows else part.asked.after)

"""Reading a module by COQL: all of it by ranges of ids, then what changed in the order of changes.

Both walks go on after the last record they have seen and never by offset, so that rows which come, go
or move meanwhile cannot make them skip one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from crmhub.clock import Clock
from crmhub.connector import Page, ReadRequest
from crmhub_zoho import checkpoints
from crmhub_zoho.bulk.reading import BulkReader
from crmhub_zoho.checkpoints import Changes, Position, Walk
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.deletions import Deletions
from crmhub_zoho.fetching import Fetcher
from crmhub_zoho.full_reading import FullReader
from crmhub_zoho.records import ID, MODIFIED, stamp_of
from crmhub_zoho.run import Run, began_at, not_advancing
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.rest import Rest

__all__ = ["CoqlReader"]


class CoqlReader:
    """Reads modules that COQL knows."""

    def __init__(
        self,
        rest: Rest,
        fetcher: Fetcher,
        deletions: Deletions,
        bulk: BulkReader,
        config: ZohoConfig,
        clock: Clock,
        at_once: Callable[[], int],
    ) -> None:
        self._rest = rest
        self._fetcher = fetcher
        self._deletions = deletions
        self._config = config
        self._clock = clock
        self._full = FullReader(bulk, config, clock, at_once)

    async def read(self, request: ReadRequest, schema: ModuleSchema) -> AsyncGenerator[Page]:
        """The pages of a request; see :class:`crmhub.connector.Page`."""
        run = Run(self._rest, self._fetcher, self._config, request, schema)
        state = (
            None if request.since is None else checkpoints.load(request.since, request.object, request.filter)
        )
        if isinstance(state, Changes) and schema.has(MODIFIED):
            pages = self._changes(run, state)
        else:
            # Without a time of change there is nothing to go by: each read is a full one.
            pages = self._full.pages(run, None if isinstance(state, Changes) else state)
        async with aclosing(pages):
            async for page in pages:
                yield page
                del page

    async def _changes(self, run: Run, state: Changes) -> AsyncGenerator[Page]:
        began = state.walk.began if state.walk else None
        last = state.walk.last if state.walk else state.start
        peak = last if state.walk else None
        asked_at = self._clock.now()
        previous: frozenset[str] = frozenset()
        while True:
            answer = await run.ask_changes(last)
            rows = run.checked(answer.rows)
            began = began or began_at(answer, asked_at)
            run.check_changes_after(last, rows)
            more = run.has_more(answer, rows)
            if more:
                run.check_end(rows)
            ids = frozenset(str(row[ID]) for row in rows)
            if rows and ids <= previous:
                raise not_advancing(run.module)
            previous = ids
            if not more:
                break
            last = peak = Position(stamp_of(rows[-1], run.module), str(rows[-1][ID]))
            yield Page(await run.completed(rows), (), run.save(replace(state, walk=Walk(began, last))))
        if rows:
            peak = Position(stamp_of(rows[-1], run.module), str(rows[-1][ID]))
        upserts = await run.completed(rows)
        gone = await self._deletions.since(run.module, state.deleted, run.schema)
        newest = max((one.at for one in gone if one.at is not None), default=None)
        end = checkpoints.after_walk(state, began, peak, newest, self._config.overlap)
        yield Page(upserts, gone, run.save(end))

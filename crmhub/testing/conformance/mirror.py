"""A reader that keeps what it is told, as a sync would, to be compared with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing

from crmhub.connector import Checkpoint, Condition, Connector, Deletion, Native, Page, ReadRequest
from crmhub.testing.conformance.check import able_of
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.target import Org, Sample

__all__ = ["PAGE", "Mirror", "beyond_lag", "some"]

PAGE = 4
"""The page size that checks ask for, so that few records make many pages."""
_MOST_PAGES = 2_000
_SHOWN = 5


class Mirror:
    """Records by id as the pages told them, deletions applied; and how they came."""

    def __init__(self, sample: Sample, key: str, fields: Sequence[str] | None = None) -> None:
        self._sample = sample
        self._key = key
        self._fields = (sample.text,) if fields is None else tuple(fields)
        self.rows: dict[str, Native] = {}
        self.came: Counter[str] = Counter()
        """How often each id came in the last ``follow``."""
        self.gone: list[Deletion] = []
        """The deletions that the last ``follow`` told."""
        self.checkpoints: list[Checkpoint] = []
        """All checkpoints so far, in order."""

    @classmethod
    async def of(cls, org: Org, sample: Sample, fields: Sequence[str] | None = None) -> Mirror:
        """An empty mirror of the sample's object."""
        return cls(sample, (await able_of(org, sample)).key, fields)

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint."""
        return self.checkpoints[-1] if self.checkpoints else None

    def row(self, id: str) -> Native:
        """The record of that id; fails if it has not come."""
        if id not in self.rows:
            raise AssertionError(f"the record {id} is in the CRM and was not read")
        return self.rows[id]

    def starting(self, checkpoint: Checkpoint | None, rows: dict[str, Native]) -> Mirror:
        """Another mirror that has ``rows`` and goes on from ``checkpoint``."""
        other = Mirror(self._sample, self._key, self._fields)
        other.rows = dict(rows)
        other.checkpoints = [] if checkpoint is None else [checkpoint]
        return other

    def take(self, page: Page) -> None:
        """Apply one page."""
        for row in page.upserts:
            expect(row.get(self._key) is not None, f"a record came without its key {self._key}")
            id_ = str(row[self._key])
            self.rows[id_] = row
            self.came[id_] += 1
        for gone in page.deletes:
            self.rows.pop(gone.id, None)
            self.gone.append(gone)
        if page.checkpoint is not None:
            self.checkpoints.append(page.checkpoint)

    async def follow(
        self,
        connector: Connector,
        *,
        page_size: int | None = PAGE,
        filter: tuple[Condition, ...] = (),
    ) -> list[Page]:
        """Read on from the last checkpoint to the end; the pages."""
        self.came.clear()
        self.gone.clear()
        request = ReadRequest(self._sample.object, self._fields, self.checkpoint, filter, page_size)
        pages: list[Page] = []
        async with aclosing(connector.read(request)) as reading:
            async for page in reading:
                pages.append(page)
                self.take(page)
                expect(len(pages) < _MOST_PAGES, f"the read has not ended after {_MOST_PAGES} pages")
        expect(pages, "the read gave no page; it must end with a checkpoint, even when nothing is there")
        expect(pages[-1].checkpoint is not None, "the last page of the read has no checkpoint")
        return pages

    async def against(self, org: Org, when: str) -> None:
        """Fail unless the mirror holds the very records that the CRM holds, as they are now."""
        truth = {str(row[self._key]): row for row in await org.truth(self._sample.object)}
        missing, extra = truth.keys() - self.rows.keys(), self.rows.keys() - truth.keys()
        expect(not missing, f"{when}: {len(missing)} of {len(truth)} records are missing: {some(missing)}")
        expect(not extra, f"{when}: {len(extra)} records are not in the CRM any more: {some(extra)}")
        name = self._sample.text
        if name in self._fields:
            stale = [id_ for id_, row in truth.items() if row.get(name) != self.rows[id_].get(name)]
            expect(not stale, f"{when}: {len(stale)} records have an old {name}: {some(stale)}")


async def beyond_lag(org: Org, sample: Sample) -> float:
    """Turn the clock so far that nothing can be late any more; the seconds turned."""
    incremental = (await able_of(org, sample)).incremental
    seconds = 3_600.0 + 10 * (incremental.lag if incremental else 0.0)
    org.clock.advance(seconds)
    return seconds


def some(names: set[str] | Sequence[str]) -> str:
    """A few of the names, for messages."""
    shown = sorted(names)[:_SHOWN]
    return ", ".join(shown) + (", …" if len(names) > _SHOWN else "")

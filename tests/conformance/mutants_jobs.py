"""Mistakes in writes by ingest jobs, planted in Salesforce's connector."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import ClassVar

from crmhub.connector import Context, Native
from crmhub_salesforce import Connector, SalesforceConfig
from crmhub_salesforce.batches import Ready
from crmhub_salesforce.bulk.results import Matched, Results
from crmhub_salesforce.bulk.rows import Row, Table
from crmhub_salesforce.bulk.writing import BulkWriter
from crmhub_salesforce.conformance import SalesforceOrg, SalesforceTarget
from crmhub_salesforce.outcomes import Run
from crmhub_salesforce.writing import Writer
from tests.conformance.mutant import mutant


class ByJobs(Connector):
    """Writes everything by jobs, of which some part is mistaken."""

    jobs: ClassVar[type[BulkWriter]] = BulkWriter
    results: ClassVar[type[Results]] = Results

    def __init__(self, config: SalesforceConfig, context: Context) -> None:
        super().__init__(config, context)
        jobs = self.jobs(self._api, context, config)
        jobs._results = self.results(jobs._jobs, context.clock)
        self._writer = Writer(self._api, self._schemas, context, jobs)


def by_jobs(mistaken: type[Connector]) -> SalesforceTarget:
    """A target whose connections are of the class, and write by jobs."""

    class Planted(SalesforceTarget):
        @asynccontextmanager
        async def open(self) -> AsyncGenerator[SalesforceOrg]:
            async with super().open() as org:
                org.connector = mistaken
                org.settings = {**org.settings, "bulk_write_from": 1}
                yield org

    return Planted()


class InOrder(Results):
    """Takes results in the order of the rows; they come in any."""

    async def of(self, job: str, table: Table, key: str | None) -> Matched:
        matched = await super().of(job, table, key)
        items = sorted((item for item, _ in matched.results), key=lambda item: item.place)
        told = [result for _, result in matched.results]
        return replace(matched, results=list(zip(items, told, strict=True)))


@mutant(42, "results of a job are taken in the order of its rows", by_jobs)
class TakenInOrder(ByJobs):
    results = InOrder


class Hopeful(Results):
    """Takes every row of a job that is complete for done."""

    async def of(self, job: str, table: Table, key: str | None) -> Matched:
        matched = await super().of(job, table, key)
        done: Native = {"id": "001Hs00000zzzzzIAA", "success": True, "created": True}
        told = [(item, result if result["success"] else done) for item, result in matched.results]
        return replace(matched, results=told)


@mutant(42, "a complete job is taken for one without refusals", by_jobs)
class TakenForDone(ByJobs):
    results = Hopeful


class EmptyCells(BulkWriter):
    """Writes null as an empty cell, which says nothing."""

    def _rows(self, run: Run, ready: Sequence[Ready]) -> list[Row]:
        return [
            Row(row.item, {name: "" if text == "#N/A" else text for name, text in row.texts.items()})
            for row in super()._rows(run, ready)
        ]


@mutant(39, "null is an empty cell of a job", by_jobs)
class NullIsEmptyCell(ByJobs):
    jobs = EmptyCells

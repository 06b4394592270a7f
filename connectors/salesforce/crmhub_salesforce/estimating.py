"""What operations on objects will cost, in API calls.

What is not foreseen: calls that are tried again, batches that Salesforce refuses as a whole, pages that it
makes shorter than asked for, the comparison of versions before a write that names them, and how often a bulk
job is asked whether it is done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil

from crmhub.errors import BadRequest, Where
from crmhub.usage import Estimate, Planned
from crmhub_salesforce.batches import WRITE_BATCH, demand_operation
from crmhub_salesforce.bulk.cells import inexact
from crmhub_salesforce.bulk.reading import COUNTED_AFTER, ROWS
from crmhub_salesforce.bulk.writing import CALLS_A_JOB, jobs_from
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.limits import Limits
from crmhub_salesforce.lookup import GET_BATCH
from crmhub_salesforce.schemas import Schemas

__all__ = ["Estimator"]

_ASKED = 5


class Estimator:
    """Reckons for one connection. ``count`` tells how many records an object has, by one call."""

    def __init__(
        self,
        limits: Limits,
        schemas: Schemas,
        count: Callable[[str], Awaitable[int]],
        config: SalesforceConfig,
    ) -> None:
        self._limits = limits
        self._schemas = schemas
        self._count = count
        self._config = config

    async def estimate(self, planned: Planned) -> Estimate:
        """See :class:`crmhub.powers.SupportsEstimate`."""
        await self._schemas.checked(planned.object, planned.fields)
        calls, how = await self._price(planned)
        return Estimate(calls, calls, self._limits.budget.name, how, await self._limits.left())

    async def _price(self, planned: Planned) -> tuple[int, str]:
        match planned.operation:
            case "read" | "list":
                most = self._config.page_size
                size = max(1, min(planned.page_size or most, most))
                if planned.records is not None:
                    return self._read(planned, planned.records, max(1, ceil(planned.records / size)), size)
                # A page that is full says nothing of what comes after it.
                records = await self._count(planned.object)
                return self._read(planned, records, records // size + 1, size)
            case "newest":
                return 1, "one query"
            case "count":
                return 1, "the query COUNT()"
            case "search":
                return 1, "one search"
            case "get":
                return ceil(_named(planned) / GET_BATCH), f"{GET_BATCH} records a call"
            case "create" | "update" | "upsert" | "delete":
                demand_operation(planned.operation, await self._schemas.of(planned.object))
                return self._write(_named(planned))

    def _read(self, planned: Planned, records: int, pages: int, size: int) -> tuple[int, str]:
        """By queries, and by a query job where so much is left after some pages that it is worth one."""
        how, least = f"queries of {size:,} rows", self._config.bulk_read_from
        of = self._schemas.known(planned.object)
        if least is None or of is None or inexact(of, planned.fields) is not None:
            return pages, how
        before = ceil(least / (COUNTED_AFTER * size))
        left = records - before * size
        if pages <= before:
            return pages, how
        if left < least:
            return pages + 1, how  # what is left was counted
        calls = before + 2 + _ASKED + ceil(left / ROWS)
        return calls, f"{how}, then a query job, asked {_ASKED} times whether it is done"

    def _write(self, records: int) -> tuple[int, str]:
        """By one ingest job where that is how so many records go: whole records that a CSV can hold."""
        least = jobs_from(self._config)
        if least is None or records < least:
            return ceil(records / WRITE_BATCH), f"{WRITE_BATCH} records a call"
        return CALLS_A_JOB + _ASKED, f"an ingest job, asked {_ASKED} times whether it is done"


def _named(planned: Planned) -> int:
    if planned.records is None:
        raise BadRequest(f"say how many records to {planned.operation}", where=Where(object=planned.object))
    return planned.records

"""What operations on objects will cost, in API calls.

What is not foreseen: calls that are tried again, batches that Salesforce refuses as a whole, pages that it
makes shorter than asked for, and the comparison of versions before a write that names them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil

from crmhub.errors import BadRequest, Where
from crmhub.usage import Estimate, Planned
from crmhub_salesforce.batches import WRITE_BATCH, demand_operation
from crmhub_salesforce.limits import Limits
from crmhub_salesforce.lookup import GET_BATCH
from crmhub_salesforce.schemas import Schemas

__all__ = ["Estimator"]


class Estimator:
    """Reckons for one connection. ``count`` tells how many records an object has, by one call."""

    def __init__(
        self, limits: Limits, schemas: Schemas, count: Callable[[str], Awaitable[int]], *, page_size: int
    ) -> None:
        self._limits = limits
        self._schemas = schemas
        self._count = count
        self._page_size = page_size

    async def estimate(self, planned: Planned) -> Estimate:
        """See :class:`crmhub.powers.SupportsEstimate`."""
        await self._schemas.checked(planned.object, planned.fields)
        calls, how = await self._price(planned)
        return Estimate(calls, calls, self._limits.budget.name, how, await self._limits.left())

    async def _price(self, planned: Planned) -> tuple[int, str]:
        match planned.operation:
            case "read" | "list":
                size = max(1, min(planned.page_size or self._page_size, self._page_size))
                how = f"queries of {size:,} rows"
                if planned.records is not None:
                    return max(1, ceil(planned.records / size)), how
                # A page that is full says nothing of what comes after it.
                return await self._count(planned.object) // size + 1, how
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
                return ceil(_named(planned) / WRITE_BATCH), f"{WRITE_BATCH} records a call"


def _named(planned: Planned) -> int:
    if planned.records is None:
        raise BadRequest(f"say how many records to {planned.operation}", where=Where(object=planned.object))
    return planned.records

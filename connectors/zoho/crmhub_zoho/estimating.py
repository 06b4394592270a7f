"""What operations on modules will cost: calls and credits, by the way that they go.

What is not foreseen: calls that are tried again, batches that Zoho refuses for one record of theirs, texts
that lists cut, each of which is read by a call of its own, the few pages that are not full where a long read
goes by several ranges of ids, and how often a bulk job is asked whether it is done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import ceil

from crmhub.errors import BadRequest, Unsupported, Where
from crmhub.usage import Estimate, Planned
from crmhub_zoho import modules, prices
from crmhub_zoho.bulk.reading import fits, least_for
from crmhub_zoho.bulk.writing import jobs_from
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.fetching import plan
from crmhub_zoho.limits import Limits
from crmhub_zoho.prices import BULK_WRITE_ROWS, FREE, GET_IDS, LIST_ROWS, WRITE_ROWS, Price
from crmhub_zoho.records import CONVERTED, ID, MODIFIED
from crmhub_zoho.schema import ModuleSchema, Schemas
from crmhub_zoho.tiers.rest import MOST_FIELDS

__all__ = ["Estimator"]

_MOST_LISTED = 2_000


class Estimator:
    """Reckons for one connection. ``count`` tells how many records a module has, by one call."""

    def __init__(
        self,
        limits: Limits,
        schemas: Schemas,
        config: ZohoConfig,
        count: Callable[[str], Awaitable[int]],
    ) -> None:
        self._limits = limits
        self._schemas = schemas
        self._config = config
        self._count = count

    async def estimate(self, planned: Planned) -> Estimate:
        """See :class:`crmhub.powers.SupportsEstimate`."""
        schema = await self._schemas.of(planned.object)
        for name in planned.fields:
            schema.check(name)
        records = planned.records
        if records is None:
            if planned.operation not in {"read", "list"}:
                raise BadRequest(
                    f"say how many records to {planned.operation}", where=Where(object=planned.object)
                )
            records = await self._count(planned.object)
        price, how = self._price(planned, schema, records)
        return Estimate(price.calls, price.credits, self._limits.budget.name, how, await self._limits.left())

    def _price(self, planned: Planned, schema: ModuleSchema, records: int) -> tuple[Price, str]:
        match planned.operation:
            case "read" | "list":
                if planned.object in modules.NOT_IN_COQL:
                    return _listed(planned.page_size, records)
                return self._queried(planned, schema, records)
            case "newest":
                return _listed(None, min(records, _MOST_LISTED))
            case "get":
                price, singly = _by_ids(schema, planned.fields, records)
                return price, "one call a record" if singly else f"{GET_IDS} records a call"
            case "search":
                found = min(records, _MOST_LISTED)
                price = prices.search(found)
                if len(set(planned.fields)) > MOST_FIELDS:
                    price += _by_ids(schema, planned.fields, found)[0]
                return price, f"{LIST_ROWS} records a call"
            case "count":
                return prices.count(), "the record count"
            case "delete":
                return prices.calls(ceil(records / WRITE_ROWS)), f"{WRITE_ROWS} records a call"
            case "create" | "update" | "upsert":
                if planned.operation == "upsert" and planned.object in modules.NO_UPSERT:
                    raise Unsupported(f"Zoho cannot upsert {planned.object}", hint="create or update them")
                return self._written(planned.object, records)

    def _written(self, module: str, records: int) -> tuple[Price, str]:
        """By bulk write jobs, as far as they are for so many, and by batches."""
        least = jobs_from(self._config, module)
        by_calls = f"{WRITE_ROWS} records a call"
        if least is None or records < least:
            return prices.write(records), by_calls
        jobs, rest = divmod(records, BULK_WRITE_ROWS)
        if rest >= least:
            jobs, rest = jobs + 1, 0
        how = f"{jobs} bulk write jobs of {BULK_WRITE_ROWS:,} records" + (
            f", then {by_calls}" if rest else ""
        )
        return prices.bulk_write_job() * jobs + prices.write(rest) + prices.calls(1), how

    def _queried(self, planned: Planned, schema: ModuleSchema, records: int) -> tuple[Price, str]:
        """By queries, and by id what they do not give."""
        size = max(1, min(planned.page_size or self._config.page_size, prices.COQL_ROWS))
        price, how = prices.coql(records, size), f"queries (COQL) of {size:,} rows"
        wanted = plan(schema, planned.fields)
        least = least_for(self._config, size)
        jobs = least is not None and records >= max(least, size * 2 + 1)
        if jobs and not schema.has(CONVERTED) and fits(schema, wanted.columns):
            price = prices.coql_page(size) * 2 + prices.count() + prices.bulk_read(records)
            how = "bulk read jobs, each asked five times whether it is done"
        if not wanted.extras:
            return price, how
        pages, rest = divmod(records, size)
        whole, singly = _by_ids(schema, wanted.extras, size)
        price += whole * pages + _by_ids(schema, wanted.extras, rest)[0]
        left = "one call a record" if singly else f"{GET_IDS} records a call"
        return price, f"{how}, and {left} for fields that they lack"


def _listed(page_size: int | None, records: int) -> tuple[Price, str]:
    size = max(1, min(page_size or LIST_ROWS, LIST_ROWS))
    return prices.calls(max(1, ceil(records / size))), f"lists of {size} records"


def _by_ids(schema: ModuleSchema, fields: Sequence[str], records: int) -> tuple[Price, bool]:
    """Records by their ids with those fields, and whether each takes a call of its own."""
    names = {*fields, *([MODIFIED] if schema.has(MODIFIED) else [])} - {ID}
    if any(map(schema.only_in_single, names)):
        return prices.calls(records), True
    groups = max(1, ceil(len(names) / MOST_FIELDS))
    return (prices.get(records) * groups if records else FREE), False

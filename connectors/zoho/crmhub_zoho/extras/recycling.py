"""The recycle bin. Source: Zoho CRM API v8, "Recycle Bin": deleted records, kept for 60 days."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from crmhub.connector import Native, Outcome
from crmhub_zoho.extras.batches import in_batches
from crmhub_zoho.extras.checks import module_name
from crmhub_zoho.extras.results import Recycled
from crmhub_zoho.records import ID, instant
from crmhub_zoho.tiers.rest import PAGE
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["RecycleBin"]

_MOST_IDS = 200


class RecycleBin:
    """Deleted records that can still be had back."""

    def __init__(self, rest: RestExtras) -> None:
        self._rest = rest

    async def records(self, module: str | None) -> AsyncGenerator[Sequence[Recycled]]:
        """Pages of what is in the bin, newest first; of all modules, or of one."""
        if module is not None:
            module_name(module)
        page, more = 1, True
        while more:
            answer = await self._rest.recycled(module, page, PAGE)
            yield [_recycled(row) for row in answer.rows]
            page, more = page + 1, answer.goes_on(PAGE)

    async def restore(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Bring records back; one outcome for each."""
        return await in_batches(ids, _MOST_IDS, self._rest.restore)

    async def purge(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Delete records for good; one outcome for each."""
        return await in_batches(ids, _MOST_IDS, self._rest.purge, "deleted")

    async def empty(self) -> None:
        """Delete all that is in the bin for good."""
        await self._rest.empty()


def _recycled(raw: Native) -> Recycled:
    module, name, at = raw.get("module"), raw.get("display_name"), raw.get("deleted_time")
    shown = module.get("api_name") if isinstance(module, dict) else None
    return Recycled(
        str(raw.get(ID)),
        shown if isinstance(shown, str) else "",
        name if isinstance(name, str) else "",
        instant(at) if isinstance(at, str) else None,
    )

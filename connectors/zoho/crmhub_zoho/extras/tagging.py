"""Tags. Source: Zoho CRM API v8, "Get Tags", "Add Tags to Records", "Remove Tags from Records"."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.connector import Native, Outcome
from crmhub.errors import BadRequest, Where
from crmhub_zoho.extras.batches import in_batches
from crmhub_zoho.extras.checks import module_name
from crmhub_zoho.extras.results import Tag
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["Tagging"]

_MOST_IDS = 500


class Tagging:
    """The tags of modules and records."""

    def __init__(self, rest: RestExtras) -> None:
        self._rest = rest

    async def of(self, module: str) -> Sequence[Tag]:
        """The tags that a module has."""
        return [_tag(row) for row in await self._rest.tags(module_name(module))]

    async def add(
        self, module: str, ids: Sequence[str], tags: Sequence[str], *, overwrite: bool
    ) -> Sequence[Outcome]:
        """Put tags on records; one outcome for each."""
        _some(tags, module)
        return await in_batches(
            ids, _MOST_IDS, lambda batch: self._rest.add_tags(module, batch, tags, overwrite=overwrite)
        )

    async def remove(self, module: str, ids: Sequence[str], tags: Sequence[str]) -> Sequence[Outcome]:
        """Take tags off records; one outcome for each."""
        _some(tags, module)
        return await in_batches(ids, _MOST_IDS, lambda batch: self._rest.remove_tags(module, batch, tags))


def _some(tags: Sequence[str], module: str) -> None:
    module_name(module)
    if not tags:
        raise BadRequest("no tags are named", where=Where(object=module))


def _tag(raw: Native) -> Tag:
    color = raw.get("color_code")
    return Tag(str(raw.get("id")), str(raw.get("name")), color if isinstance(color, str) else None)

"""The list of deleted records.

Source: Zoho CRM API v8, "Get Deleted Records": the recycle bin for 60 days, records deleted for good for
120; ``If-Modified-Since`` gives those deleted after that time; newest first, by page number.
"""

from __future__ import annotations

from datetime import datetime

from crmhub.connector import Deletion, Native
from crmhub.errors import BadRequest, BadResponse, Where
from crmhub_zoho.records import ID, instant, is_record_id
from crmhub_zoho.tiers.rest import Rest

__all__ = ["Deletions"]

_TIME = "deleted_time"


class Deletions:
    """Reads tombstones."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def since(self, module: str, since: datetime) -> list[Deletion]:
        """All deletions after that time. One call when there are none.

        The list is read to its end before any of it is given out: new ones come first, so that only the
        whole of it can be followed by a checkpoint.
        """
        found: dict[str, Deletion] = {}
        page = 1
        while True:
            answer = await self._page(module, since, page)
            news = [_deletion(row, module) for row in answer.rows]
            before = len(found)
            found |= {one.id: one for one in news if one.id not in found}
            if not answer.more:
                return list(found.values())
            if len(found) == before:
                raise BadResponse(
                    f"the list of deleted {module} is not advancing: a page holds nothing new",
                    where=Where(object=module),
                )
            page += 1

    async def _page(self, module: str, since: datetime, page: int):
        try:
            return await self._rest.deleted(module, since, page)
        except BadRequest as error:
            if error.code == "DISCRETE_PAGINATION_LIMIT_EXCEEDED":
                error.what = f"more {module} were deleted since {since.isoformat()} than Zoho lists"
                error.hint = "start a full read and compare: the older deletions cannot be had any more"
            raise


def _deletion(row: Native, module: str) -> Deletion:
    value = row.get(ID)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not is_record_id(text):
        raise _odd(row, module, ID)
    at = row.get(_TIME)
    when = instant(at) if isinstance(at, str) else None
    if when is None:
        raise _odd(row, module, _TIME)
    return Deletion(text, when)


def _odd(row: Native, module: str, field: str) -> BadResponse:
    return BadResponse(
        f"an entry of the deleted {module} came without a usable {field}; it has {', '.join(sorted(row))}",
        where=Where(object=module, field=field),
    )

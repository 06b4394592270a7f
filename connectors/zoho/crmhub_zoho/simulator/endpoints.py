"""All routes of the CRM, in the order in which they are tried."""

from typing import Final

from crmhub_zoho.simulator import (
    attachments,
    blueprint,
    bulk_read,
    bulk_write,
    composite,
    converting,
    coql,
    linking,
    mass,
    metadata,
    organisation,
    reading,
    recycle_bin,
    related,
    search,
    tags,
    views,
    watching,
    writing,
)
from crmhub_zoho.simulator.call import Endpoint

NO_MODULES: Final = frozenset({"settings", "actions", "__composite_requests", "bulk", "upload", "files"})
"""First parts of paths that are never a module."""

_FIRST = (
    *(
        composite,
        bulk_read,
        bulk_write,
        mass,
        views,
        coql,
        metadata,
        tags,
        watching,
        recycle_bin,
        organisation,
    ),
    *(blueprint, converting, attachments, reading, search, writing),
)
_LAST = (writing, reading, related, linking)


def endpoints() -> list[Endpoint]:
    """All endpoints; those whose patterns fit nearly every path come last."""
    first = [endpoint for area in _FIRST for endpoint in area.ENDPOINTS]
    return [*first, *(endpoint for area in _LAST for endpoint in area.LAST_ENDPOINTS)]

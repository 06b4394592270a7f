"""What can be done with each object, from the CRM's description."""

from __future__ import annotations

from crmhub.connector import Incremental, ObjectCapabilities
from crmhub.powers import Power
from crmhub_rest.batches import keys_of
from crmhub_rest.changing import lag_of
from crmhub_rest.conditions import can_filter
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.object import CrmObject
from crmhub_rest.lookup import takes_many
from crmhub_rest.schemas import Described

__all__ = ["able", "powers"]

_USUAL_PAGE = 100


def able(of: Described, sync_key: str | None, page_size: int | None) -> ObjectCapabilities:
    """What can be done with an object. ``sync_key`` is the field that the connection's settings name."""
    says = of.says
    key = sync_key if sync_key in (keys_of(says.write, of) if says.write is not None else ()) else None
    incremental = None
    if says.changes is not None and says.modified is not None:
        incremental = Incremental(says.modified, lag_of(says.changes))
    most = (says.list.page.most if says.list.page is not None else None) or _USUAL_PAGE
    return ObjectCapabilities(
        key=says.key,
        name=says.name,
        modified=says.modified,
        created=says.created,
        page_size=min(page_size or most, most),
        get_batch=says.get.most if says.get is not None and takes_many(says.get) else 20,
        write_batch=_write_batch(says),
        incremental=incremental,
        deletes="feed" if says.deletes is not None and incremental is not None else "none",
        writes=says.write.operations if says.write is not None else frozenset(),
        sync_key=key,
        upsert_keys=tuple(keys_of(says.write, of)) if says.write is not None else (),
        filters=can_filter(says.filter) if says.filter is not None else frozenset(),
        create_safety="upsert" if key else "list_recent" if says.created else "none",
    )


def powers(crm: Crm) -> frozenset[str]:
    """The optional powers that the CRM's description gives."""
    objects = crm.objects.values()
    found = {Power.REQUEST, Power.ESTIMATE}
    if any(says.search is not None for says in objects):
        found.add(Power.SEARCH)
    if any(says.count is not None for says in objects):
        found.add(Power.COUNT)
    if crm.webhooks is not None:
        found.add(Power.MESSAGES if crm.webhooks.subscribe is None else Power.WEBHOOKS)
    if crm.daily is not None:
        found.add(Power.LIMITS)
    return frozenset(found)


def _write_batch(says: CrmObject) -> int:
    batches = says.write.batch.values() if says.write is not None else ()
    return max((batch.most for batch in batches), default=1)

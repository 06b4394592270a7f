"""Lists, single records and the list of deleted records.

Source: Zoho CRM API v8, "Get Records", "Get a Record", "Get Deleted Records".
"""

from collections.abc import Callable, Iterator
from heapq import merge

from starlette.responses import Response

from crmhub.testing.simulator.clock import days
from crmhub.testing.simulator.table import Deleted, Row
from crmhub_zoho.simulator.call import MAX_PAGE, Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.errors import invalid_param, invalid_related_id, over_limit
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.listing import ambiguous, list_page, struck
from crmhub_zoho.simulator.org import CONVERTED, Module
from crmhub_zoho.simulator.paging import Position, page_start
from crmhub_zoho.simulator.rendering import full_record
from crmhub_zoho.simulator.views import view_id

_MAX_IDS = 100
_BIN_DAYS = 60
_LISTED_DAYS = 120


def list_records(call: Call) -> Response:
    """`GET /{module}`."""
    module = call.module()
    fields = call.fields()
    if call.params.get("cvid"):
        if call.params.get("sort_by"):
            raise ambiguous("cvid", "sort_by")
        if call.params["cvid"] != view_id(module):
            raise invalid_param("cvid")
    if call.params.get("territory_id"):
        raise invalid_param("territory_id")
    call.flag("include_child", default=False)
    sort_by = call.choice("sort_by", "id", "id", "Created_Time", "Modified_Time")
    sort_order = call.choice("sort_order", "desc", "asc", "desc")
    converted = converted_test(call)
    since = call.instant_header("If-Modified-Since")
    wanted = _wanted(call, module)
    descending = sort_order == "desc"

    def kept(places: Iterator[int]) -> Iterator[int]:
        stamp = None if since is None else since.timestamp()
        return (
            place
            for place in places
            if (wanted is None or place in wanted)
            and (stamp is None or module.table.modified(place) > stamp)
            and (converted is None or converted(module.table.row(place)))
        )

    by_time = sort_by == "Modified_Time"
    return list_page(
        call,
        module,
        lambda after: kept(_ordered(module, after, by_time=by_time, descending=descending)),
        lambda place: (module.table.modified(place) if by_time else 0, place),
        fields=fields,
        sort=(sort_by, sort_order),
        empty=204 if since is None else 304,
    )


def converted_test(call: Call) -> Callable[[Row], bool] | None:
    """Which rows the parameter `converted` lets through; None: all of them."""
    wanted = call.choice("converted", "false", "true", "false", "both")
    if wanted == "both" or (wanted == "false" and not call.org.has_converted):
        return None
    return lambda row: (row.get(CONVERTED) is True) == (wanted == "true")


def _ordered(module: Module, after: Position | None, *, by_time: bool, descending: bool) -> Iterator[int]:
    table = module.table
    if not by_time:
        if after is None:
            return table.places(descending=descending)
        if descending:
            return table.places(before=after[1], descending=True)
        return table.places(after=after[1])
    if after is None:
        return table.places_by_modified(descending=descending)
    stamp, last = after
    if descending:
        places = table.places_by_modified(until=stamp, descending=True)
        return (place for place in places if (table.modified(place), place) < (stamp, last))
    places = table.places_by_modified(since=stamp)
    return (place for place in places if (table.modified(place), place) > (stamp, last))


def _wanted(call: Call, module: Module) -> set[int] | None:
    text = call.params.get("ids")
    if not text:
        return None
    ids = [one.strip() for one in text.split(",") if one.strip()]
    if len(ids) > _MAX_IDS:
        raise over_limit(_MAX_IDS, param_name="ids")
    places = [module.table.place_of(one) for one in ids]
    return {place for place in places if place is not None}


def get_record(call: Call) -> Response:
    """`GET /{module}/{id}`."""
    module = call.module()
    if as_record_id(call.path["id"]) is None:
        raise invalid_related_id()
    row = module.table.get(call.path["id"])
    if row is None:
        return nothing()
    record = full_record(call.org, module, row)
    names = [name.strip() for name in call.params.get("fields", "").split(",") if name.strip()]
    if names:
        record = {name: value for name, value in record.items() if name in {"id", *names}}
    return reply({"data": struck(call, [record])[:1]})


def list_deleted(call: Call) -> Response:
    """`GET /{module}/deleted`."""
    module = call.module()
    kind = call.choice("type", "all", "all", "recycle", "permanent")
    per_page = call.number("per_page", MAX_PAGE, MAX_PAGE)
    start = page_start(call.number("page", 1), per_page)
    since = call.instant_header("If-Modified-Since")
    found = [
        (at, item)
        for at, item in deleted_items(call, module)
        if kind in {"all", item["type"]} and (since is None or at > since.timestamp())
    ]
    if not found:
        return nothing(204 if since is None else 304)
    page = [item for _, item in found[start.before : start.before + per_page]]
    if not page:
        return nothing()
    more = len(found) > start.before + len(page)
    info = {"per_page": per_page, "count": len(page), "page": start.page, "more_records": more}
    return reply({"data": page, "info": info})


def deleted_items(call: Call, module: Module) -> list[tuple[int, dict[str, object]]]:
    """What the list of deleted records shows, newest first, each with its time (epoch seconds)."""
    now = call.org.clock.now()
    sweep(module, now)
    recycled = [(gone.at, _recycled(call, module, gone)) for gone in module.table.deleted()]
    permanent = [
        (stone.at, _tombstone(call, stone.id, stone.at))
        for stone in module.tombstones
        if stone.at > now - days(_LISTED_DAYS)
    ]
    recycled.reverse()
    permanent.reverse()
    return list(merge(recycled, permanent, key=lambda item: -item[0]))


def sweep(module: Module, now: float) -> None:
    """Empty the recycle bin of what is older than 60 days."""
    for gone in list(module.table.deleted()):
        if gone.at <= now - days(_BIN_DAYS):
            module.purge(gone.place)


def _recycled(call: Call, module: Module, gone: Deleted) -> dict[str, object]:
    users = call.org.users
    by, creator = users.get(gone.by), users.get(str(gone.row.get("Created_By")))
    return {
        "deleted_by": by.short_reference() if by else None,
        "id": gone.row["id"],
        "display_name": module.title(gone.row),
        "type": "recycle",
        "created_by": creator.short_reference() if creator else None,
        "deleted_time": call.org.stamp(gone.at),
    }


def _tombstone(call: Call, record_id: str, at: int) -> dict[str, object]:
    return {
        "deleted_by": None,
        "id": record_id,
        "display_name": None,
        "type": "permanent",
        "created_by": None,
        "deleted_time": call.org.stamp(at),
    }


ENDPOINTS = (Endpoint("GET", "/{module}/deleted", list_deleted, ("modules.{module}.READ",)),)
LAST_ENDPOINTS = (
    Endpoint("GET", "/{module}", list_records, ("modules.{module}.READ",)),
    Endpoint("GET", "/{module}/{id}", get_record, ("modules.{module}.READ",)),
)

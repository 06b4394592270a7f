"""`GET /v1/recents`: what changed lately, of several kinds at once, in the shapes of v1.

Sources: Pipedrive's API v1 file; issue threads say that it reaches back about a month and that what it holds
is less than the whole record.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint
from crmhub_rest.simulators.pipedrive.company import KEPT, Company, stamp
from crmhub_rest.simulators.pipedrive.errors import ApiError
from crmhub_rest.simulators.pipedrive.notes import show_note
from crmhub_rest.simulators.pipedrive.v1_pages import page_v1, v1_time
from crmhub_rest.simulators.pipedrive.v1_shapes import SHOW

_ITEMS: Final = (
    *("activity", "activityType", "deal", "file", "filter", "note", "person", "organization", "pipeline"),
    *("product", "stage", "user"),
)
_FORM = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_Changed = tuple[int, str, Row]


def list_recents(call: Call) -> Response:
    """What changed since a time, oldest first; deleted records are among it, and say so."""
    company = call.company
    text = call.params.get("since_timestamp", "")
    if _FORM.fullmatch(text) is None:
        raise ApiError(400, "since_timestamp must be in the format YYYY-MM-DD HH:MM:SS")
    try:
        asked = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise ApiError(400, "since_timestamp is not a valid date") from None
    wanted = call.some_of("items", _ITEMS) or _ITEMS
    since = max(int(asked.timestamp()), company.now() - KEPT)
    changed = sorted(
        (one for kind in (*SHOW, "note") if kind in wanted for one in _changed(company, kind, since)),
        key=lambda one: (one[0], one[1], str(one[2]["id"]).rjust(15)),
    )
    last = v1_time(stamp(changed[-1][0])) if changed else None
    more = {"since_timestamp": text, "last_timestamp_on_page": last}
    return page_v1(call, changed, lambda one: _item(call, one[1], one[2]), **more)


def _changed(company: Company, kind: str, since: int) -> Iterator[_Changed]:
    table = company.tables[kind]
    for place in table.places_by_modified(since=since):
        yield table.modified(place), kind, table.row(place)
    for gone in company.deleted(kind):
        if gone.at >= since:
            yield gone.at, kind, gone.row


def _item(call: Call, kind: str, row: Row) -> Row:
    company = call.company
    data = show_note(company, row, call.user) if kind == "note" else SHOW[kind](company, row)
    return {"item": kind, "id": row["id"], "data": data}


ENDPOINTS = (Endpoint("v1", "GET", "/recents", list_recents, 20, ("recents:read", "search:read")),)

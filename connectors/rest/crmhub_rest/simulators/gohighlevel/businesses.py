"""Businesses: the companies of contacts. Source: the OpenAPI files (`buiseness` is theirs)."""

from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import views
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of

_READ, _WRITE = "businesses.readonly", "businesses.write"
_DEFAULT_LIMIT: Final = 100
PROPERTIES: Final = (
    *("name", "phone", "email", "website", "address", "city", "postalCode", "state", "country"),
    "description",
)
_UPDATE: Final[Shape] = dict.fromkeys(PROPERTIES, "string")
_CREATE: Final[Shape] = {**_UPDATE, "name": "string!", "locationId": "string!"}


def listed(call: Call) -> Response:
    """`GET /businesses/`: pages by `skip` and `limit`, in order of creation."""
    location = call.location()
    skip = whole_of(call.query, "skip", 0)
    size = whole_of(call.query, "limit", _DEFAULT_LIMIT, least=1, most=_DEFAULT_LIMIT)
    table = location.tables["businesses"]
    places = list(table.places())[skip : skip + size]
    rows = [table.row(place) for place in places]
    if rows and call.fault("duplicate_ids"):
        rows = [rows[0], *rows]
    found = [views.business(location, row) for row in rows]
    if call.fault("no_cursor_field"):
        for row in found:
            row.pop("updatedAt", None)
    return traced(call, {"businesses": found})


def get(call: Call) -> Response:
    """`GET /businesses/{businessId}`."""
    row = call.record("businesses", "Business", "businessId")
    return traced(call, {"business": views.business(call.own, row)})


def create(call: Call) -> Response:
    """`POST /businesses/`."""
    location = call.location()
    row = location.add(
        "businesses", {name: value for name, value in _changes(call).items() if value is not None}
    )
    return traced(call, {"success": True, "buiseness": views.business(location, row)}, 201)


def update(call: Call) -> Response:
    """`PUT /businesses/{businessId}`: only what is sent changes."""
    before = call.record("businesses", "Business", "businessId")
    row = call.own.change("businesses", str(before["id"]), _changes(call))
    return traced(call, {"success": True, "buiseness": views.business(call.own, row)})


def delete(call: Call) -> Response:
    """`DELETE /businesses/{businessId}`."""
    call.own.remove("businesses", str(call.record("businesses", "Business", "businessId")["id"]))
    return traced(call, {"success": True})


def _changes(call: Call) -> Row:
    return {name: text_of(call.body, name) or None for name in _UPDATE if name in call.body}


_ONE = "/businesses/{businessId}"
ENDPOINTS = (
    Endpoint(
        "GET", "/businesses/", listed, _READ, {"locationId": "string!", "limit": "number", "skip": "number"}
    ),
    Endpoint("POST", "/businesses/", create, _WRITE, body=_CREATE),
    Endpoint("GET", _ONE, get, _READ),
    Endpoint("PUT", _ONE, update, _WRITE, body=_UPDATE),
    Endpoint("DELETE", _ONE, delete, _WRITE),
)

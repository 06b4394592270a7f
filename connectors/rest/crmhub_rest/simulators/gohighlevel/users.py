"""Users, and what only an agency's token opens: its locations and itself. Source: the OpenAPI files."""

from starlette.responses import Response

from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, reply, traced
from crmhub_rest.simulators.gohighlevel.errors import foreign_location, unknown
from crmhub_rest.simulators.gohighlevel.metadata import location_json
from crmhub_rest.simulators.gohighlevel.shapes import text_of, whole_of

_READ = "users.readonly"
_MOST = 100


def of_location(call: Call) -> Response:
    """`GET /users/`: all at once; deleted users are not shown."""
    location = call.location()
    found = [one for one in call.agency.users if location.id in one.locations and not one.deleted]
    return traced(call, {"users": [one.as_json() for one in found]})


def search(call: Call) -> Response:
    """`GET /users/search`: the agency's, by `skip` and `limit`."""
    if text_of(call.query, "companyId") != call.agency.id:
        raise foreign_location()
    location, ids = text_of(call.query, "locationId"), text_of(call.query, "ids")
    typed = text_of(call.query, "query").lower()
    found = [
        one.as_json()
        for one in call.agency.users
        if not one.deleted
        and (not location or location in one.locations)
        and (not ids or one.id in ids.split(","))
        and typed in f"{one.first_name} {one.last_name} {one.email}".lower()
    ]
    skip, size = whole_of(call.query, "skip", 0), whole_of(call.query, "limit", 25, least=1, most=_MOST)
    return traced(call, {"users": found[skip : skip + size], "count": len(found)})


def get(call: Call) -> Response:
    """`GET /users/{userId}`."""
    found = call.agency.user(call.path["userId"])
    if found is None:
        raise unknown("User", call.path["userId"])
    return reply(found.as_json())


def locations(call: Call) -> Response:
    """`GET /locations/search`."""
    found = [location_json(one) for one in call.agency.locations.values()]
    skip, size = whole_of(call.query, "skip", 0), whole_of(call.query, "limit", 10, least=1, most=1000)
    return traced(call, {"locations": found[skip : skip + size]})


def company(call: Call) -> Response:
    """`GET /companies/{companyId}`."""
    if call.path["companyId"] != call.agency.id:
        raise foreign_location()
    shown = {"id": call.agency.id, "name": "Harbor Marketing", "currency": "USD", "timezone": "UTC"}
    return traced(call, {"company": {**shown, "locationCount": len(call.agency.locations)}})


_SEARCH = {
    "companyId": "string!",
    **dict.fromkeys(("query", "locationId", "type", "role", "ids", "sort", "sortDirection"), "string"),
    "skip": "number",
    "limit": "number",
    "enabled2waySync": "boolean",
}
ENDPOINTS = (
    Endpoint("GET", "/users/", of_location, _READ, {"locationId": "string!"}),
    Endpoint("GET", "/users/search", search, _READ, _SEARCH, audience="both"),
    Endpoint("GET", "/users/{userId}", get, _READ, audience="both"),
    Endpoint(
        "GET",
        "/locations/search",
        locations,
        "locations.readonly",
        {"companyId": "string", "skip": "number", "limit": "number", "order": "string", "email": "string"},
        audience="agency",
    ),
    Endpoint("GET", "/companies/{companyId}", company, "companies.readonly", audience="agency"),
)

"""Records of related lists, and the notes of a record.

Source: Zoho CRM API v8, "Get Related Records" and "Create Notes".
"""

from collections.abc import Iterator

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call, Endpoint
from crmhub_zoho.simulator.errors import ZohoError, invalid_related_id
from crmhub_zoho.simulator.listing import list_page
from crmhub_zoho.simulator.modules import Related
from crmhub_zoho.simulator.org import SE_MODULE, Module
from crmhub_zoho.simulator.paging import Position
from crmhub_zoho.simulator.writing import create_in


def list_related(call: Call) -> Response:
    """`GET /{module}/{id}/{related}`, newest first."""
    parent, related, parent_id = parent_of(call)
    module = call.org.modules[related.module]
    fields = call.fields()
    since = call.instant_header("If-Modified-Since")
    places = places_of(parent, related, module, parent_id)
    if since is not None:
        places = [place for place in places if module.table.modified(place) > since.timestamp()]
    places.reverse()

    def source(after: Position | None) -> Iterator[int]:
        return iter(places) if after is None else (place for place in places if place < after[1])

    return list_page(
        call,
        module,
        source,
        lambda place: (0, place),
        fields=fields,
        sort=("id", "desc"),
        empty=204 if since is None else 304,
    )


def create_notes(call: Call) -> Response:
    """`POST /{module}/{id}/Notes`."""
    parent, related, parent_id = parent_of(call)
    if related.module != "Notes":
        raise ZohoError(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")
    about = {"Parent_Id": {"id": parent_id}, SE_MODULE: parent.name}
    return create_in(call, call.org.modules["Notes"], about)


def parent_of(call: Call) -> tuple[Module, Related, str]:
    """The record in the path: its module, the related list asked for, and its id; raises ZohoError."""
    parent = call.module()
    related = next((one for one in parent.spec.related if one.api_name == call.path["related"]), None)
    if related is None:
        raise ZohoError(
            400, "INVALID_DATA", "the relation name given seems to be invalid", {"resource_path_index": 2}
        )
    if parent.table.place_of(call.path["id"]) is None:
        raise invalid_related_id()
    return parent, related, call.path["id"]


def places_of(parent: Module, related: Related, module: Module, parent_id: str) -> list[int]:
    """The places of the records that a related list holds."""
    places = module.table.find(related.through, parent_id)
    if related.through not in {"What_Id", "Parent_Id"}:
        return places
    return [place for place in places if module.table.row(place).get(SE_MODULE) == parent.name]


LAST_ENDPOINTS = (
    Endpoint("GET", "/{module}/{id}/{related}", list_related, ("modules.{module}.READ",)),
    Endpoint("POST", "/{module}/{id}/{related}", create_notes, ("modules.notes.CREATE",)),
)

"""A location's custom values and tags, and the tasks of all its contacts. Source: the OpenAPI files."""

from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import views
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, unknown
from crmhub_rest.simulators.gohighlevel.fields import key_of
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.searching import text_test
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of

_DEFAULT_LIMIT: Final = 25


def custom_values(call: Call) -> Response:
    """`GET /locations/{locationId}/customValues`."""
    location = call.location()
    return traced(call, {"customValues": [_value(location, one) for one in location.values]})


def get_custom_value(call: Call) -> Response:
    """`GET /locations/{locationId}/customValues/{id}`."""
    location = call.location()
    return traced(call, {"customValue": _value(location, _found_value(call, location))})


def create_custom_value(call: Call) -> Response:
    """`POST /locations/{locationId}/customValues`."""
    location = call.location()
    value_id = location.new_id("values")
    location.values[value_id] = {name: text_of(call.body, name) for name in ("name", "value")}
    return traced(call, {"customValue": _value(location, value_id)}, 201)


def update_custom_value(call: Call) -> Response:
    """`PUT /locations/{locationId}/customValues/{id}`."""
    location = call.location()
    value_id = _found_value(call, location)
    location.values[value_id] = {name: text_of(call.body, name) for name in ("name", "value")}
    return traced(call, {"customValue": _value(location, value_id)})


def delete_custom_value(call: Call) -> Response:
    """`DELETE /locations/{locationId}/customValues/{id}`."""
    location = call.location()
    del location.values[_found_value(call, location)]
    return traced(call, {"succeded": True})


def tags(call: Call) -> Response:
    """`GET /locations/{locationId}/tags`."""
    location = call.location()
    return traced(call, {"tags": [_tag(location, one) for one in location.tags]})


def create_tag(call: Call) -> Response:
    """`POST /locations/{locationId}/tags`."""
    location, name = call.location(), text_of(call.body, "name").strip().lower()
    if name in location.tags.values():
        raise GhlError(400, "The tag name is already exist.")
    tag_id = location.new_id("tags")
    location.tags[tag_id] = name
    return traced(call, {"tag": _tag(location, tag_id)})


def get_tag(call: Call) -> Response:
    """`GET /locations/{locationId}/tags/{tagId}`."""
    location = call.location()
    return traced(call, {"tag": _tag(location, _found_tag(call, location))})


def update_tag(call: Call) -> Response:
    """`PUT /locations/{locationId}/tags/{tagId}`; contacts keep what they were given."""
    location, name = call.location(), text_of(call.body, "name").strip().lower()
    location.tags[_found_tag(call, location)] = name
    return traced(call, {"tag": _tag(location, call.path["tagId"])})


def delete_tag(call: Call) -> Response:
    """`DELETE /locations/{locationId}/tags/{tagId}`."""
    location = call.location()
    del location.tags[_found_tag(call, location)]
    return traced(call, {"succeded": True})


def search_tasks(call: Call) -> Response:
    """`POST /locations/{locationId}/tasks/search`: the only way to tasks of many contacts."""
    location, body = call.location(), call.body
    contacts, users = (
        cast("list[str]", body.get("contactId") or []),
        cast("list[str]", body.get("assignedTo") or []),
    )
    done, test = body.get("completed"), text_test(text_of(body, "query"), lambda row: (row.get("title"),))
    table = location.tables["tasks"]
    rows = (
        table.rows()
        if not contacts
        else (row for one in contacts for row in location.of_contact("tasks", one))
    )
    found = [
        row
        for row in rows
        if (not users or row.get("assignedTo") in users)
        and (done is None or row.get("completed") == done)
        and (not text_of(body, "query") or test(row))
    ]
    skip, size = whole_of(body, "skip", 0), whole_of(body, "limit", _DEFAULT_LIMIT, least=1, most=100)
    return traced(call, {"tasks": [views.task(row) for row in found[skip : skip + size]]})


def _found_value(call: Call, location: Location) -> str:
    if call.path["id"] not in location.values:
        raise unknown("Custom value", call.path["id"])
    return call.path["id"]


def _found_tag(call: Call, location: Location) -> str:
    if call.path["tagId"] not in location.tags:
        raise unknown("Tag", call.path["tagId"])
    return call.path["tagId"]


def _value(location: Location, value_id: str) -> Row:
    kept = location.values[value_id]
    key = f"{{{{ custom_values.{key_of(kept['name'])} }}}}"
    return {
        "id": value_id,
        "name": kept["name"],
        "fieldKey": key,
        "value": kept["value"],
        "locationId": location.id,
    }


def _tag(location: Location, tag_id: str) -> Row:
    return {"id": tag_id, "name": location.tags[tag_id], "locationId": location.id}


_AT = "/locations/{locationId}"
_VALUES, _TAGS = "locations/customValues", "locations/tags"
_NAMED_VALUE: Shape = {"name": "string!", "value": "string!"}
_TASKS: Shape = {
    "contactId": "strings",
    "completed": "boolean",
    "assignedTo": "strings",
    "query": "string",
    "limit": "number",
    "skip": "number",
    "businessId": "string",
}
ENDPOINTS = (
    Endpoint("POST", f"{_AT}/tasks/search", search_tasks, "locations/tasks.readonly", body=_TASKS),
    Endpoint("GET", f"{_AT}/tags", tags, f"{_TAGS}.readonly"),
    Endpoint("POST", f"{_AT}/tags", create_tag, f"{_TAGS}.write", body={"name": "string!"}),
    Endpoint("GET", f"{_AT}/tags/{{tagId}}", get_tag, f"{_TAGS}.readonly"),
    Endpoint("PUT", f"{_AT}/tags/{{tagId}}", update_tag, f"{_TAGS}.write", body={"name": "string!"}),
    Endpoint("DELETE", f"{_AT}/tags/{{tagId}}", delete_tag, f"{_TAGS}.write"),
    Endpoint("GET", f"{_AT}/customValues", custom_values, f"{_VALUES}.readonly"),
    Endpoint("POST", f"{_AT}/customValues", create_custom_value, f"{_VALUES}.write", body=_NAMED_VALUE),
    Endpoint("GET", f"{_AT}/customValues/{{id}}", get_custom_value, f"{_VALUES}.readonly"),
    Endpoint("PUT", f"{_AT}/customValues/{{id}}", update_custom_value, f"{_VALUES}.write", body=_NAMED_VALUE),
    Endpoint("DELETE", f"{_AT}/customValues/{{id}}", delete_custom_value, f"{_VALUES}.write"),
)

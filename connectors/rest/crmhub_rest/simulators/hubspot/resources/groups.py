"""Groups of properties.

Source: HubSpot "CRM API | Properties" (groups).
"""

from collections.abc import Iterator

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    nothing,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, not_found
from crmhub_rest.simulators.hubspot.resources.properties import store_of


def list_groups(call: Call) -> Response:
    """`GET /properties/{type}/groups`."""
    return reply({"results": list(store_of(call).groups.values())})


def get_group(call: Call) -> Response:
    """`GET /properties/{type}/groups/{name}`."""
    return reply(_group(call))


def create_group(call: Call) -> Response:
    """`POST /properties/{type}/groups`."""
    store = store_of(call, write=True)
    name, label = required_text(call.body, "name"), required_text(call.body, "label")
    if name in store.groups:
        raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"Property group {name} already exists")
    store.groups[name] = {"name": name, "label": label, "displayOrder": len(store.groups), "archived": False}
    return reply(store.groups[name], 201)


def update_group(call: Call) -> Response:
    """`PATCH /properties/{type}/groups/{name}`."""
    group = _group(call)
    group["label"] = text_or_none(call.body, "label") or group["label"]
    group["displayOrder"] = call.body.get("displayOrder", group["displayOrder"])
    return reply(group)


def delete_group(call: Call) -> Response:
    """`DELETE /properties/{type}/groups/{name}`: not while it has properties."""
    store, group = store_of(call, write=True), _group(call)
    if any(one.group == group["name"] and not one.archived for one in store.properties.values()):
        raise invalid(f"Property group {group['name']} has properties and cannot be archived")
    del store.groups[call.path["name"]]
    return nothing()


def _group(call: Call) -> Body:
    group = store_of(call).groups.get(call.path["name"])
    if group is None:
        raise not_found(f"Property group {call.path['name']} does not exist")
    return group


def endpoints() -> Iterator[Endpoint]:
    """The routes of both forms of paths."""
    for version, prefix in (("v3", "/crm/v3/properties"), ("dated", "/crm/properties/{version}")):
        one = f"{prefix}/{{type}}"
        yield Endpoint("GET", f"{one}/groups", version, list_groups)
        yield Endpoint("POST", f"{one}/groups", version, create_group)
        yield Endpoint("GET", f"{one}/groups/{{name}}", version, get_group)
        yield Endpoint("PATCH", f"{one}/groups/{{name}}", version, update_group)
        yield Endpoint("DELETE", f"{one}/groups/{{name}}", version, delete_group)

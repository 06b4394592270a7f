"""Types of activities, which only v1 has: listed, made, changed and deactivated."""

import re
from collections.abc import Mapping
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.v1_pages import v1_time
from crmhub_rest.simulators.pipedrive.values import Rule

_ICONS: Final = (
    *("task", "email", "meeting", "deadline", "call", "lunch", "calendar", "downarrow", "document"),
    *("smartphone", "camera", "scissors", "cogs", "bubble", "uparrow", "checkbox", "signpost", "shuffle"),
    *("addressbook", "linegraph", "picture", "car", "world", "search", "clip", "sound", "brush", "key"),
    *("padlock", "pricetag", "suitcase", "finish", "plane", "loop", "wifi", "truck", "cart", "bulb", "bell"),
    "presentation",
)
_RULES: Final[Mapping[str, Rule]] = {
    "name": values.text(255, filled=True),
    "icon_key": values.one_of(*_ICONS),
    "color": values.text(6),
    "order_nr": values.whole,
}


def list_types(call: Call) -> Response:
    """`GET /v1/activityTypes`: all of them, not paged."""
    return done(call.company.activity_types)


def create_type(call: Call) -> Response:
    """`POST /v1/activityTypes`; the key that activities name is made from the name."""
    given = cast("Row", values.shape(_RULES, "name", "icon_key")("", call.body))
    held = call.company.activity_types
    key = re.sub(r"[^a-z0-9]+", "_", str(given["name"]).lower()).strip("_")
    if any(one["key_string"] == key for one in held):
        raise ApiError(400, "An activity type with this name exists")
    moment = v1_time(call.company.now_text())
    made: Row = {
        "id": len(held) + 1,
        "order_nr": len(held) + 1,
        "key_string": key,
        "active_flag": True,
        "color": "FFFFFF",
        "is_custom_flag": True,
        "add_time": moment,
        "update_time": moment,
        **given,
    }
    held.append(made)
    return done(made)


def update_type(call: Call) -> Response:
    """`PUT /v1/activityTypes/{id}`; the key stays."""
    found = _type(call)
    found |= values.checked(_RULES, call.body) | {"update_time": v1_time(call.company.now_text())}
    return done(found)


def delete_type(call: Call) -> Response:
    """`DELETE /v1/activityTypes/{id}`: no longer active."""
    found = _type(call)
    found["active_flag"] = False
    return done(found)


def _type(call: Call) -> Row:
    ident = call.id(what="Activity type")
    found = next((one for one in call.company.activity_types if one["id"] == ident), None)
    if found is None:
        raise not_found("Activity type")
    return found


_READ, _WRITE = ("activities:read", "activities:full", "admin"), ("admin",)
ENDPOINTS = (
    Endpoint("v1", "GET", "/activityTypes", list_types, 20, _READ),
    Endpoint("v1", "POST", "/activityTypes", create_type, 10, _WRITE),
    Endpoint("v1", "PUT", "/activityTypes/{id}", update_type, 10, _WRITE),
    Endpoint("v1", "DELETE", "/activityTypes/{id}", delete_type, 6, _WRITE),
)

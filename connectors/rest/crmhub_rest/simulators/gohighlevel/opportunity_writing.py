"""Creating and changing opportunities. Source: the OpenAPI files."""

from collections.abc import Mapping
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import contact_parts, views
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, invalid, unknown
from crmhub_rest.simulators.gohighlevel.fields import merge_values
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of
from crmhub_rest.simulators.gohighlevel.times import iso, parse_birth_date

READ, WRITE = "opportunities.readonly", "opportunities.write"
STATUSES: Final = "open|won|lost|abandoned"
_FORECAST: Final[Shape] = {"forecastExpectedCloseDate": "string", "forecastProbability": "number"}
_UPDATE: Final[Shape] = {
    "pipelineId": "string",
    "name": "string",
    "pipelineStageId": "string",
    "status": STATUSES,
    "monetaryValue": "number",
    "assignedTo": "string",
    "customFields": "objects",
    **_FORECAST,
}
_CREATE: Final[Shape] = {
    **_UPDATE,
    "pipelineId": "string!",
    "locationId": "string!",
    "name": "string!",
    "status": f"{STATUSES}!",
    "contactId": "string!",
}
# The file demands followers, isRemoveAllFollowers and followersActionType, and does not name contactId,
# without which nothing can be made: taken for mistakes of the file.
_UPSERT: Final[Shape] = {
    **_UPDATE,
    "id": "string",
    "pipelineId": "string!",
    "locationId": "string!",
    "contactId": "string",
    "lostReasonId": "string",
    "followers": "strings",
    "isRemoveAllFollowers": "boolean",
    "followersActionType": "add|remove",
}
_FOLLOWERS: Final[Shape] = {"followers": "strings!"}


def shown(location: Location, row: Row) -> Row:
    """An opportunity as single calls answer it."""
    return {**views.opportunity(location, row), "notes": [], "tasks": [], "calendarEvents": []}


def get(call: Call) -> Response:
    """`GET /opportunities/{id}`."""
    return traced(call, {"opportunity": shown(call.own, call.record("opportunities", "Opportunity"))})


def create(call: Call) -> Response:
    """`POST /opportunities/`."""
    location = call.location()
    return traced(call, {"opportunity": shown(location, _add(call, location))}, 201)


def update(call: Call) -> Response:
    """`PUT /opportunities/{id}`: only what is sent changes."""
    before = call.record("opportunities", "Opportunity")
    row = call.own.change("opportunities", str(before["id"]), _changes(call, call.own, before))
    return traced(call, {"opportunity": shown(call.own, row)})


def update_status(call: Call) -> Response:
    """`PUT /opportunities/{id}/status`."""
    before = call.record("opportunities", "Opportunity")
    call.own.change("opportunities", str(before["id"]), _changes(call, call.own, before))
    return traced(call, {"succeded": True})


def upsert(call: Call) -> Response:
    """`POST /opportunities/upsert`: by id, else by contact and pipeline."""
    location, wanted = call.location(), text_of(call.body, "id")
    if wanted:
        before = location.get("opportunities", wanted)
        if before is None:
            raise unknown("Opportunity", wanted)
    else:
        if not text_of(call.body, "contactId"):
            raise invalid("contactId must be a string", "contactId should not be empty")
        same = [
            row
            for row in location.of_contact("opportunities", text_of(call.body, "contactId"))
            if row["pipelineId"] == call.body["pipelineId"]
        ]
        before = same[-1] if same else None
    if before is None:
        row = _add(call, location)
    else:
        row = location.change("opportunities", str(before["id"]), _changes(call, location, before))
    return traced(call, {"opportunity": shown(location, row), "new": before is None})


def delete(call: Call) -> Response:
    """`DELETE /opportunities/{id}`."""
    call.own.remove("opportunities", str(call.record("opportunities", "Opportunity")["id"]))
    return traced(call, {"succeded": True})


def add_followers(call: Call) -> Response:
    """`POST /opportunities/{id}/followers`."""
    return contact_parts.follow(call, "opportunities", call.record("opportunities", "Opportunity"))


def remove_followers(call: Call) -> Response:
    """`DELETE /opportunities/{id}/followers`."""
    return contact_parts.unfollow(call, "opportunities", call.record("opportunities", "Opportunity"))


def _add(call: Call, location: Location) -> Row:
    contact_id, now = text_of(call.body, "contactId"), location.now()
    contact = location.get("contacts", contact_id)
    if contact is None:
        raise unknown("Contact", contact_id)
    row: Row = {
        "name": views.full_name(contact),
        "status": "open",
        "source": "public api",
        "customFields": {},
        "lastStatusChangeAt": now,
        "lastStageChangeAt": now,
        **{name: value for name, value in _changes(call, location, {}).items() if value is not None},
        "contactId": contact_id,
    }
    return location.add("opportunities", row)


def _changes(call: Call, location: Location, before: Row) -> Row:
    body, now = call.body, location.now()
    names = ("name", "status", "monetaryValue", "lostReasonId", "forecastProbability")
    changes: Row = {name: body[name] for name in names if body.get(name) is not None}
    if "assignedTo" in body:
        user_id = text_of(body, "assignedTo")
        if user_id and call.agency.user(user_id) is None:
            raise unknown("User", user_id)
        changes["assignedTo"] = user_id or None
    if body.get("pipelineId") is not None or body.get("pipelineStageId") is not None:
        changes |= _stage(body, location, before)
    if "forecastExpectedCloseDate" in body:
        day = parse_birth_date(text_of(body, "forecastExpectedCloseDate"))
        if day is None:
            raise invalid("forecastExpectedCloseDate must be a valid date")
        changes["forecastExpectedCloseDate"] = iso(day)
    if isinstance(body.get("customFields"), list):
        items = cast("list[Mapping[str, object]]", body["customFields"])
        changes["customFields"] = merge_values(
            views.values_of(before), items, location.fields.values(), "opportunity", v3=call.v3
        )
    if before and changes.get("status", before["status"]) != before["status"]:
        changes["lastStatusChangeAt"] = now
    if before and changes.get("pipelineStageId", before["pipelineStageId"]) != before["pipelineStageId"]:
        changes["lastStageChangeAt"] = now
    return changes


def _stage(body: Mapping[str, object], location: Location, before: Row) -> Row:
    pipeline_id = body.get("pipelineId") or before.get("pipelineId")
    pipeline = location.pipeline(pipeline_id)
    if pipeline is None:
        raise GhlError(400, "The pipeline id is invalid.")
    stage_id = body.get("pipelineStageId")
    if stage_id is None:
        moved = pipeline_id != before.get("pipelineId")
        return {"pipelineId": pipeline.id, "pipelineStageId": pipeline.stages[0].id} if moved else {}
    if pipeline.stage(stage_id) is None:
        raise GhlError(400, "The pipeline stage id is invalid.")
    return {"pipelineId": pipeline.id, "pipelineStageId": stage_id}


_ONE = "/opportunities/{id}"
ENDPOINTS = (
    Endpoint("POST", "/opportunities/", create, WRITE, body=_CREATE),
    Endpoint("POST", "/opportunities/upsert", upsert, WRITE, body=_UPSERT),
    Endpoint("GET", _ONE, get, READ),
    Endpoint("PUT", _ONE, update, WRITE, body=_UPDATE),
    Endpoint("DELETE", _ONE, delete, WRITE),
    Endpoint(
        "PUT",
        f"{_ONE}/status",
        update_status,
        WRITE,
        body={"status": f"{STATUSES}!", "lostReasonId": "string"},
    ),
    Endpoint("POST", f"{_ONE}/followers", add_followers, WRITE, body=_FOLLOWERS),
    Endpoint(
        "DELETE",
        f"{_ONE}/followers",
        remove_followers,
        WRITE,
        {"isRemoveAllFollowers": "boolean"},
        body={"followers": "strings"},
    ),
)

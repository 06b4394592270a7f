"""What hangs on one contact: tags, followers, tasks, notes, appointments; and the bulk changes.

Notes can only be read contact by contact. Source: the OpenAPI files.
"""

from collections.abc import Mapping
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import views
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.contact_writing import READ, WRITE, clean_tags
from crmhub_rest.simulators.gohighlevel.errors import invalid, unknown
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of
from crmhub_rest.simulators.gohighlevel.times import parse_instant

_TASK: Final[Shape] = {
    "title": "string!",
    "body": "string",
    "dueDate": "string!",
    "completed": "boolean!",
    "assignedTo": "string",
}
_NOTE: Final[Shape] = {
    "userId": "string",
    "body": "string!",
    "title": "string",
    "color": "string",
    "pinned": "boolean",
}


def _optional(shape: Shape) -> Shape:
    return {name: part.rstrip("!") for name, part in shape.items()}


def add_tags(call: Call) -> Response:
    """`POST /contacts/{contactId}/tags`."""
    row, new = call.contact(), clean_tags(cast("list[str]", call.body["tags"]))
    kept = views.texts(row, "tags")
    added = [tag for tag in new if tag not in kept]
    tags = [*kept, *added]
    call.own.note_tags(added)
    call.own.change("contacts", str(row["id"]), {"tags": tags})
    return traced(call, {"tags": tags, "tagsAdded": added}, 201)


def remove_tags(call: Call) -> Response:
    """`DELETE /contacts/{contactId}/tags`."""
    row, gone = call.contact(), clean_tags(cast("list[str]", call.body["tags"]))
    kept = views.texts(row, "tags")
    tags = [tag for tag in kept if tag not in gone]
    call.own.change("contacts", str(row["id"]), {"tags": tags})
    return traced(call, {"tags": tags, "tagsRemoved": [tag for tag in gone if tag in kept]})


def bulk_tags(call: Call) -> Response:
    """`POST /contacts/bulk/tags/update/{type}`: each contact's outcome is told by itself."""
    if call.path["type"] not in {"add", "remove"}:
        raise invalid("type must be one of the following values: add, remove")
    location, wanted = call.location(), clean_tags(cast("list[str]", call.body["tags"]))
    answers: list[Row] = []
    for contact_id in cast("list[str]", call.body["contacts"]):
        row = location.get("contacts", contact_id)
        if row is None:
            answers.append({"contactId": contact_id, "message": "contact is deleted", "type": "error"})
            continue
        old = views.texts(row, "tags")
        adding = call.path["type"] == "add"
        base = [] if call.body.get("removeAllTags") is True else old
        tags = (
            [*base, *(tag for tag in wanted if tag not in base)]
            if adding
            else [t for t in base if t not in wanted]
        )
        location.note_tags(tags)
        location.change("contacts", contact_id, {"tags": tags})
        answers.append(
            {
                "contactId": contact_id,
                "message": "Tags updated",
                "type": "success",
                "oldTags": old,
                "tagsAdded": [tag for tag in tags if tag not in old],
                "tagsRemoved": [tag for tag in old if tag not in tags],
            }
        )
    failed = sum(answer["type"] == "error" for answer in answers)
    return traced(call, {"succeded": True, "errorCount": failed, "responses": answers}, 201)


def bulk_business(call: Call) -> Response:
    """`POST /contacts/bulk/business`: null takes the contacts out of their businesses."""
    location, business_id = call.location(), call.body.get("businessId")
    if business_id is not None and location.get("businesses", str(business_id)) is None:
        raise unknown("Business", str(business_id))
    found = [one for one in cast("list[str]", call.body["ids"]) if location.get("contacts", one) is not None]
    for contact_id in found:
        location.change("contacts", contact_id, {"businessId": business_id})
    return traced(call, {"success": True, "ids": found})


def add_followers(call: Call) -> Response:
    """`POST /contacts/{contactId}/followers`."""
    return follow(call, "contacts", call.contact())


def remove_followers(call: Call) -> Response:
    """`DELETE /contacts/{contactId}/followers`."""
    return unfollow(call, "contacts", call.contact())


def follow(call: Call, name: str, row: Row) -> Response:
    """Add followers to a contact or an opportunity."""
    kept, wanted = views.texts(row, "followers"), cast("list[str]", call.body["followers"])
    for user_id in wanted:
        if call.agency.user(user_id) is None:
            raise unknown("User", user_id)
    added = [user for user in dict.fromkeys(wanted) if user not in kept]
    call.own.change(name, str(row["id"]), {"followers": [*kept, *added]})
    return traced(call, {"followers": [*kept, *added], "followersAdded": added}, 201)


def unfollow(call: Call, name: str, row: Row) -> Response:
    """Take followers from a contact or an opportunity; all with `isRemoveAllFollowers`."""
    kept, wanted = views.texts(row, "followers"), cast("list[str]", call.body.get("followers") or [])
    gone = [user for user in kept if user in wanted or call.query.get("isRemoveAllFollowers") is True]
    left = [user for user in kept if user not in gone]
    call.own.change(name, str(row["id"]), {"followers": left})
    return traced(call, {"followers": left, "followersRemoved": gone})


def join_campaign(call: Call) -> Response:
    """`POST /contacts/{contactId}/campaigns/{campaignId}`: nothing follows."""
    call.contact()
    return traced(call, {"succeded": True}, 201)


def join(call: Call) -> Response:
    """`POST` and `DELETE /contacts/{contactId}/workflow/{workflowId}`, `DELETE …/campaigns/{campaignId}`:
    nothing follows.
    """
    call.contact()
    return traced(call, {"succeded": True})


def tasks(call: Call) -> Response:
    """`GET /contacts/{contactId}/tasks`."""
    rows = call.own.of_contact("tasks", str(call.contact()["id"]))
    return traced(call, {"tasks": [views.task(row) for row in rows]})


def task(call: Call) -> Response:
    """`GET /contacts/{contactId}/tasks/{taskId}`."""
    return traced(call, {"task": views.task(_part(call, "tasks", "Task", "taskId"))})


def create_task(call: Call) -> Response:
    """`POST /contacts/{contactId}/tasks`."""
    row = call.own.add("tasks", {**_task_changes(call), "contactId": call.contact()["id"]})
    return traced(call, {"task": views.task(row)}, 201)


def update_task(call: Call) -> Response:
    """`PUT /contacts/{contactId}/tasks/{taskId}` and `…/completed`."""
    before = _part(call, "tasks", "Task", "taskId")
    row = call.own.change("tasks", str(before["id"]), _task_changes(call))
    return traced(call, {"task": views.task(row)})


def delete_task(call: Call) -> Response:
    """`DELETE /contacts/{contactId}/tasks/{taskId}`."""
    call.own.remove("tasks", str(_part(call, "tasks", "Task", "taskId")["id"]))
    return traced(call, {"succeded": True})


def notes(call: Call) -> Response:
    """`GET /contacts/{contactId}/notes`."""
    rows = call.own.of_contact("notes", str(call.contact()["id"]))
    return traced(call, {"notes": [views.note(row) for row in rows]})


def note(call: Call) -> Response:
    """`GET /contacts/{contactId}/notes/{id}`."""
    return traced(call, {"note": views.note(_part(call, "notes", "Note", "id"))})


def create_note(call: Call) -> Response:
    """`POST /contacts/{contactId}/notes`."""
    row = call.own.add("notes", {**_note_changes(call), "contactId": call.contact()["id"]})
    return traced(call, {"note": views.note(row)}, 201)


def update_note(call: Call) -> Response:
    """`PUT /contacts/{contactId}/notes/{id}`."""
    before = _part(call, "notes", "Note", "id")
    row = call.own.change("notes", str(before["id"]), _note_changes(call))
    return traced(call, {"note": views.note(row)})


def delete_note(call: Call) -> Response:
    """`DELETE /contacts/{contactId}/notes/{id}`."""
    call.own.remove("notes", str(_part(call, "notes", "Note", "id")["id"]))
    return traced(call, {"succeded": True})


def appointments(call: Call) -> Response:
    """`GET /contacts/{contactId}/appointments`."""
    rows = call.own.of_contact("appointments", str(call.contact()["id"]))
    return traced(call, {"events": [views.contact_event(call.own, row) for row in rows]})


def _part(call: Call, name: str, what: str, segment: str) -> Row:
    """The task or note that the path names; GhlError (400) if the contact has none such."""
    contact, row = call.contact(), call.own.get(name, call.path[segment])
    if row is None or row.get("contactId") != contact["id"]:
        raise unknown(what, call.path[segment])
    return row


def _task_changes(call: Call) -> Row:
    body = call.body
    changes: Row = {name: body[name] for name in ("title", "body", "completed") if name in body}
    if "dueDate" in body:
        due = parse_instant(text_of(body, "dueDate"))
        if due is None:
            raise invalid("dueDate must be a valid ISO 8601 date string")
        changes["dueDate"] = due
    if "assignedTo" in body:
        changes["assignedTo"] = _user(call, body, "assignedTo")
    return changes


def _note_changes(call: Call) -> Row:
    body = call.body
    changes: Row = {name: body[name] for name in ("body", "title", "color", "pinned") if name in body}
    if "userId" in body:
        changes["userId"] = _user(call, body, "userId")
    return changes


def _user(call: Call, body: Mapping[str, object], name: str) -> str | None:
    user_id = text_of(body, name)
    if user_id and call.agency.user(user_id) is None:
        raise unknown("User", user_id)
    return user_id or None


_OF = "/contacts/{contactId}"
_TAGS: Shape = {"tags": "strings!"}
_FOLLOWERS: Shape = {"followers": "strings!"}
ENDPOINTS = (
    Endpoint(
        "POST",
        "/contacts/bulk/tags/update/{type}",
        bulk_tags,
        WRITE,
        body={
            "contacts": "strings!",
            "tags": "strings!",
            "locationId": "string!",
            "removeAllTags": "boolean",
        },
    ),
    Endpoint(
        "POST",
        "/contacts/bulk/business",
        bulk_business,
        WRITE,
        body={"locationId": "string!", "ids": "strings!", "businessId": "string"},
    ),
    Endpoint("POST", f"{_OF}/tags", add_tags, WRITE, body=_TAGS),
    Endpoint("DELETE", f"{_OF}/tags", remove_tags, WRITE, body=_TAGS),
    Endpoint("POST", f"{_OF}/followers", add_followers, WRITE, body=_FOLLOWERS),
    Endpoint("DELETE", f"{_OF}/followers", remove_followers, WRITE, body=_FOLLOWERS),
    Endpoint("POST", f"{_OF}/campaigns/{{campaignId}}", join_campaign, WRITE, body={}),
    Endpoint("DELETE", f"{_OF}/campaigns/{{campaignId}}", join, WRITE),
    Endpoint("POST", f"{_OF}/workflow/{{workflowId}}", join, WRITE, body={"eventStartTime": "string"}),
    Endpoint("DELETE", f"{_OF}/workflow/{{workflowId}}", join, WRITE, body={"eventStartTime": "string"}),
    Endpoint("GET", f"{_OF}/tasks", tasks, READ),
    Endpoint("POST", f"{_OF}/tasks", create_task, WRITE, body=_TASK),
    Endpoint("GET", f"{_OF}/tasks/{{taskId}}", task, READ),
    Endpoint("PUT", f"{_OF}/tasks/{{taskId}}", update_task, WRITE, body=_optional(_TASK)),
    Endpoint("PUT", f"{_OF}/tasks/{{taskId}}/completed", update_task, WRITE, body={"completed": "boolean!"}),
    Endpoint("DELETE", f"{_OF}/tasks/{{taskId}}", delete_task, WRITE),
    Endpoint("GET", f"{_OF}/notes", notes, READ),
    Endpoint("POST", f"{_OF}/notes", create_note, WRITE, body=_NOTE),
    Endpoint("GET", f"{_OF}/notes/{{id}}", note, READ),
    Endpoint("PUT", f"{_OF}/notes/{{id}}", update_note, WRITE, body=_optional(_NOTE)),
    Endpoint("DELETE", f"{_OF}/notes/{{id}}", delete_note, WRITE),
    Endpoint("GET", f"{_OF}/appointments", appointments, READ),
)

"""Calendars and their appointments. Source: the OpenAPI files."""

from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import views
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, reply, traced
from crmhub_rest.simulators.gohighlevel.errors import invalid, unknown
from crmhub_rest.simulators.gohighlevel.location import Calendar, Location
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of
from crmhub_rest.simulators.gohighlevel.times import iso, parse_instant

_HALF_HOUR: Final = 1_800_000
_READ, _WRITE = "calendars/events.readonly", "calendars/events.write"
_EDIT: Final[Shape] = {
    **dict.fromkeys(
        ("title", "meetingLocationId", "assignedUserId", "description", "address", "rrule"), "string"
    ),
    "meetingLocationType": "custom|zoom|gmeet|phone|address|ms_teams|google",
    "appointmentStatus": "new|confirmed|cancelled|showed|noshow|invalid",
    **dict.fromkeys(
        ("overrideLocationConfig", "ignoreDateRange", "toNotify", "ignoreFreeSlotValidation"), "boolean"
    ),
    **dict.fromkeys(("calendarId", "startTime", "endTime"), "string"),
}
_CREATE: Final[Shape] = {
    **_EDIT,
    **dict.fromkeys(("calendarId", "locationId", "contactId", "startTime"), "string!"),
}
_EVENTS: Final[Shape] = {
    "locationId": "string!",
    **dict.fromkeys(("userId", "calendarId", "groupId"), "string"),
    "startTime": "number!",
    "endTime": "number!",
}


def listed(call: Call) -> Response:
    """`GET /calendars/`."""
    location = call.location()
    return traced(call, {"calendars": [_calendar(location, one) for one in location.calendars.values()]})


def get(call: Call) -> Response:
    """`GET /calendars/{calendarId}`."""
    return traced(call, {"calendar": _calendar(call.own, _found(call.own, call.path["calendarId"]))})


def events(call: Call) -> Response:
    """`GET /calendars/events`: those that begin within the times, of a calendar or a user."""
    location = call.location()
    calendar, user = text_of(call.query, "calendarId"), text_of(call.query, "userId")
    if not (calendar or user or text_of(call.query, "groupId")):
        raise invalid("Either of calendarId, userId or groupId is required")
    first, last = whole_of(call.query, "startTime", 0), whole_of(call.query, "endTime", 0)
    found = [
        views.event(location, row)
        for row in location.tables["appointments"].rows()
        if first <= views.whole(row, "startTime") <= last
        and (not calendar or row["calendarId"] == calendar)
        and (not user or row.get("assignedUserId") == user)
    ]
    return traced(call, {"events": found if not text_of(call.query, "groupId") else []})


def groups(call: Call) -> Response:
    """`GET /calendars/groups`: the calendars of these locations are in none."""
    call.location()
    return traced(call, {"groups": []})


def blocked(call: Call) -> Response:
    """`GET /calendars/blocked-slots`: nobody has blocked any time."""
    call.location()
    if not any(text_of(call.query, name) for name in ("calendarId", "userId", "groupId")):
        raise invalid("Either of calendarId, userId or groupId is required")
    return traced(call, {"events": []})


def appointment(call: Call) -> Response:
    """`GET /calendars/events/appointments/{eventId}`."""
    row = call.record("appointments", "Appointment", "eventId")
    return traced(call, {"event": views.event(call.own, row)})


def create(call: Call) -> Response:
    """`POST /calendars/events/appointments`; the answer is not wrapped."""
    location, contact_id = call.location(), text_of(call.body, "contactId")
    if location.get("contacts", contact_id) is None:
        raise unknown("Contact", contact_id)
    row = {
        "title": "",
        "appointmentStatus": "confirmed",
        "contactId": contact_id,
        **_changes(call, location, {}),
    }
    return reply(_booked(location, location.add("appointments", row)))


def update(call: Call) -> Response:
    """`PUT /calendars/events/appointments/{eventId}`."""
    before = call.record("appointments", "Appointment", "eventId")
    row = call.own.change("appointments", str(before["id"]), _changes(call, call.own, before))
    return reply(_booked(call.own, row))


def delete(call: Call) -> Response:
    """`DELETE /calendars/events/{eventId}` (201, and its own spelling of `succeeded`)."""
    row = call.record("appointments", "Appointment", "eventId")
    call.own.remove("appointments", str(row["id"]))
    return traced(call, {"succeeded": True}, 201)


def _changes(call: Call, location: Location, before: Row) -> Row:
    body = call.body
    names = ("title", "appointmentStatus", "description", "address", "meetingLocationType")
    changes: Row = {name: body[name] for name in names if body.get(name) is not None}
    if text_of(body, "calendarId"):
        changes["calendarId"] = _found(location, text_of(body, "calendarId")).id
    if text_of(body, "assignedUserId"):
        user = call.agency.user(text_of(body, "assignedUserId"))
        if user is None:
            raise unknown("User", text_of(body, "assignedUserId"))
        changes["assignedUserId"] = user.id
    for name in ("startTime", "endTime"):
        if text_of(body, name):
            instant = parse_instant(text_of(body, name))
            if instant is None:
                raise invalid(f"{name} must be a valid ISO 8601 date string")
            changes[name] = instant
    times = {**before, **changes}
    if "endTime" not in times or ("startTime" in changes and "endTime" not in changes):
        length = views.whole(before, "endTime") - views.whole(before, "startTime") if before else _HALF_HOUR
        changes["endTime"] = views.whole(times, "startTime") + length
    elif views.whole(times, "endTime") <= views.whole(times, "startTime"):
        raise invalid("endTime must be after startTime")
    return changes


def _booked(location: Location, row: Row) -> Row:
    """The answer to a booking (AppointmentSchemaResponse)."""
    shown = views.event(location, row)
    names = (
        *(
            "id",
            "calendarId",
            "locationId",
            "contactId",
            "startTime",
            "endTime",
            "title",
            "appointmentStatus",
        ),
        *("assignedUserId", "address", "isRecurring"),
    )
    found = {name: shown[name] for name in names if name in shown}
    if "meetingLocationType" in row:
        found["meetingLocationType"] = row["meetingLocationType"]
    return found


def _found(location: Location, calendar_id: str) -> Calendar:
    found = location.calendars.get(calendar_id)
    if found is None:
        raise unknown("Calendar", calendar_id)
    return found


def _calendar(location: Location, one: Calendar) -> Row:
    return {
        "id": one.id,
        "locationId": location.id,
        "name": one.name,
        "calendarType": "round_robin",
        "isActive": True,
        "slotDuration": 30,
        "slotDurationUnit": "mins",
        "dateAdded": iso(one.added),
    }


_ONE = "/calendars/events/appointments/{eventId}"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/calendars/",
        listed,
        "calendars.readonly",
        {"locationId": "string!", "groupId": "string", "showDrafted": "boolean"},
    ),
    Endpoint("GET", "/calendars/events", events, _READ, _EVENTS),
    Endpoint("POST", "/calendars/events/appointments", create, _WRITE, body=_CREATE),
    Endpoint("GET", _ONE, appointment, _READ),
    Endpoint("PUT", _ONE, update, _WRITE, body=_EDIT),
    Endpoint("DELETE", "/calendars/events/{eventId}", delete, _WRITE),
    Endpoint("GET", "/calendars/groups", groups, "calendars/groups.readonly", {"locationId": "string!"}),
    Endpoint("GET", "/calendars/blocked-slots", blocked, _READ, _EVENTS),
    Endpoint("GET", "/calendars/{calendarId}", get, "calendars.readonly"),
)

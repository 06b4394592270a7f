"""Records as the API shows them.

Source: the OpenAPI files' schemas and examples; what `POST /contacts/search` answers is told by the issues
31, 289 and 314 of github.com/GoHighLevel/highlevel-api-docs (`address` instead of `address1`, the date of
birth in milliseconds).
"""

from collections.abc import Mapping, Sequence
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.fields import with_value
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.times import iso

_CONTACT = (
    *("id", "locationId", "type", "firstName", "lastName", "email", "phone", "companyName", "businessId"),
    *("source", "assignedTo", "address1", "city", "state", "postalCode", "country", "website", "timezone"),
    *("gender", "dnd", "dndSettings", "inboundDndSettings"),
)
_LISTED = (
    *("firstName", "lastName", "companyName", "email", "phone", "source", "assignedTo", "city", "state"),
    *("postalCode", "address1", "country", "website", "timezone", "businessId"),
)
_BUSINESS = (
    *("id", "name", "phone", "email", "website", "address", "city", "state", "postalCode", "country"),
    "description",
)
_OPPORTUNITY = (
    *("id", "name", "monetaryValue", "pipelineId", "pipelineStageId", "assignedTo", "status", "source"),
    *("lostReasonId", "contactId", "forecastExpectedCloseDate", "forecastProbability"),
)
_TASK = ("id", "title", "body", "assignedTo", "completed", "contactId")
_NOTE = ("id", "body", "userId", "contactId", "title", "color", "pinned")


def full_name(row: Mapping[str, object]) -> str:
    """First and last name."""
    return f"{row.get('firstName', '')} {row.get('lastName', '')}".strip()


def contact_full(location: Location, row: Row) -> Row:
    """A contact as `GET /contacts/{id}` shows it: what is empty is not there."""
    shown: Row = {name: row[name] for name in _CONTACT if name in row}
    shown |= {"locationId": location.id, **_lower_case(row)}
    if full_name(row):
        shown["name"] = full_name(row)
    if "dateOfBirth" in row:
        shown["dateOfBirth"] = iso(whole(row, "dateOfBirth"))
    shown |= {
        "tags": texts(row, "tags"),
        "followers": texts(row, "followers"),
        "additionalEmails": [],
        "additionalPhones": [],
        "customFields": with_value(values_of(row), "value"),
        "dateAdded": iso(whole(row, "dateAdded")),
        "dateUpdated": iso(whole(row, "dateUpdated")),
    }
    return shown


def contact_listed(location: Location, row: Row) -> Row:
    """A contact as lists show it: what is empty is null."""
    return {
        "id": row["id"],
        "locationId": location.id,
        "contactName": full_name(row) or None,
        **{name: row.get(name) for name in _LISTED},
        "type": row.get("type", "lead"),
        "dnd": row.get("dnd", False),
        "dateOfBirth": iso(whole(row, "dateOfBirth")) if "dateOfBirth" in row else None,
        "dateAdded": iso(whole(row, "dateAdded")),
        "dateUpdated": iso(whole(row, "dateUpdated")),
        "tags": texts(row, "tags"),
        "followers": texts(row, "followers"),
        "additionalEmails": [],
        "attributions": [],
        "customFields": with_value(values_of(row), "value"),
    }


def contact_hit(location: Location, row: Row) -> Row:
    """A contact as a search shows it."""
    shown = contact_listed(location, row)
    shown["address"] = shown.pop("address1")
    shown["dateOfBirth"] = row.get("dateOfBirth")
    business = location.get("businesses", str(row.get("businessId", "")))
    shown |= {
        "businessName": business["name"] if business else None,
        "dndSettings": row.get("dndSettings", {}),
        "inboundDndSettings": row.get("inboundDndSettings", {}),
        "validEmail": None,
        "additionalPhones": [],
        "firstNameLowerCase": str(row.get("firstName", "")).lower() or None,
        "lastNameLowerCase": str(row.get("lastName", "")).lower() or None,
    }
    return shown


def business(location: Location, row: Row) -> Row:
    """A business (BusinessDto)."""
    shown: Row = {name: row[name] for name in _BUSINESS if name in row}
    return {
        **shown,
        "locationId": location.id,
        "createdAt": iso(whole(row, "dateAdded")),
        "updatedAt": iso(whole(row, "dateUpdated")),
    }


def opportunity(location: Location, row: Row) -> Row:
    """An opportunity (SearchOpportunitiesResponseSchema)."""
    shown: Row = {name: row[name] for name in _OPPORTUNITY if name in row}
    contact = location.get("contacts", str(row.get("contactId", "")))
    shown |= {
        "locationId": location.id,
        "monetaryValue": row.get("monetaryValue", 0),
        "lastStatusChangeAt": iso(whole(row, "lastStatusChangeAt")),
        "lastStageChangeAt": iso(whole(row, "lastStageChangeAt")),
        "createdAt": iso(whole(row, "dateAdded")),
        "updatedAt": iso(whole(row, "dateUpdated")),
        "customFields": with_value(values_of(row), "fieldValue"),
        "followers": texts(row, "followers"),
    }
    if contact is not None:
        shown["contact"] = _contact_of(contact)
    return shown


def task(row: Row) -> Row:
    """A task (TaskSchema)."""
    shown: Row = {name: row[name] for name in _TASK if name in row}
    return {**shown, "dueDate": iso(whole(row, "dueDate"))}


def note(row: Row) -> Row:
    """A note (GetNoteSchema)."""
    shown: Row = {name: row[name] for name in _NOTE if name in row}
    return {**shown, "bodyText": row.get("body", ""), "dateAdded": iso(whole(row, "dateAdded"))}


def event(location: Location, row: Row) -> Row:
    """An appointment as calendars show it (CalendarEventDTO)."""
    assigned = str(row.get("assignedUserId", ""))
    shown: Row = {
        "id": row["id"],
        "title": row.get("title", ""),
        "calendarId": row["calendarId"],
        "locationId": location.id,
        "contactId": row["contactId"],
        "groupId": "",
        "appointmentStatus": row["appointmentStatus"],
        "assignedUserId": assigned,
        "users": [assigned] if assigned else [],
        "isRecurring": False,
        "startTime": iso(whole(row, "startTime")),
        "endTime": iso(whole(row, "endTime")),
        "dateAdded": iso(whole(row, "dateAdded")),
        "dateUpdated": iso(whole(row, "dateUpdated")),
        "assignedResources": [],
    }
    for name in ("address", "description", "notes"):
        if name in row:
            shown[name] = row[name]
    return shown


def contact_event(location: Location, row: Row) -> Row:
    """An appointment as `GET /contacts/{id}/appointments` shows it (GetEventSchema): times without `T` and
    zone.
    """
    shown = event(location, row)
    del shown["isRecurring"]
    for name in ("startTime", "endTime", "dateAdded", "dateUpdated"):
        shown[name] = str(shown[name])[:19].replace("T", " ")
    return {**shown, "status": "booked"}


def values_of(row: Mapping[str, object]) -> dict[str, object]:
    """The values of custom fields by their ids."""
    return cast("dict[str, object]", row.get("customFields", {}))


def texts(row: Mapping[str, object], name: str) -> list[str]:
    """A list of texts in a row."""
    return list(cast("Sequence[str]", row.get(name, ())))


def whole(row: Mapping[str, object], name: str) -> int:
    """A whole number in a row."""
    return cast("int", row[name])


def _lower_case(row: Row) -> Row:
    found = {
        "firstNameLowerCase": row.get("firstName"),
        "lastNameLowerCase": row.get("lastName"),
        "fullNameLowerCase": full_name(row),
        "emailLowerCase": row.get("email"),
    }
    return {name: str(value).lower() for name, value in found.items() if value}


def _contact_of(row: Row) -> Row:
    return {
        "id": row["id"],
        "name": full_name(row),
        "companyName": row.get("companyName"),
        "email": row.get("email"),
        "phone": row.get("phone"),
        "tags": texts(row, "tags"),
    }

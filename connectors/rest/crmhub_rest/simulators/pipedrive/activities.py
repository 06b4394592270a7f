"""Activities: what may be written, and what follows from it.

Source: Pipedrive's API v2 file and "API v2 migration guide": the person of an activity is its primary
participant, and is set by `participants` alone; date and time are apart, both in UTC.
"""

from collections.abc import Mapping
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid
from crmhub_rest.simulators.pipedrive.links import check_links
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.values import Rule, nullable

_ATTENDEE: Final[Mapping[str, Rule]] = {
    "email": values.text(255),
    "name": nullable(values.text(255)),
    "status": nullable(values.text(50)),
    "is_organizer": values.flag,
    "person_id": nullable(values.whole),
    "user_id": nullable(values.whole),
}
_RULES: Final[Mapping[str, Rule]] = {
    "subject": values.text(255),
    "type": values.text(64),
    "owner_id": values.whole,
    "deal_id": nullable(values.whole),
    "lead_id": nullable(values.uuid),
    "person_id": nullable(values.whole),
    "org_id": nullable(values.whole),
    "project_id": nullable(values.whole),
    "due_date": nullable(values.day),
    "due_time": nullable(values.clock_time),
    "duration": nullable(values.span),
    "busy": values.flag,
    "done": values.flag,
    "location": nullable(values.address),
    "participants": nullable(
        values.list_of(values.shape({"person_id": values.whole, "primary": values.flag}, "person_id"))
    ),
    "attendees": nullable(values.list_of(values.shape(_ATTENDEE, "email"))),
    "public_description": nullable(values.text()),
    "priority": nullable(values.whole),
    "note": nullable(values.text()),
}


def blank_activity(company: Company, user: User) -> Row:
    """An activity as nothing but its making says."""
    now = company.now_text()
    first = company.activity_types[0]
    return {
        "subject": first["name"],
        "type": first["key_string"],
        "owner_id": user.id,
        "creator_user_id": user.id,
        "is_deleted": False,
        "add_time": now,
        "update_time": now,
        "deal_id": None,
        "lead_id": None,
        "person_id": None,
        "org_id": None,
        "project_id": None,
        "due_date": None,
        "due_time": None,
        "duration": None,
        "busy": False,
        "done": False,
        "marked_as_done_time": None,
        "location": None,
        "participants": [],
        "attendees": [],
        "conference_meeting_client": None,
        "conference_meeting_url": None,
        "conference_meeting_id": None,
        "public_description": None,
        "priority": None,
        "note": None,
    }


def make_activity(company: Company, body: Mapping[str, object], user: User) -> Row:
    """The activity that a body of `POST` describes; raises ApiError."""
    given = _read(company, body)
    kind = _type(company, given.get("type"))
    row = {**blank_activity(company, user), **({"subject": kind["name"]} if kind else {}), **given}
    if row["done"]:
        row["marked_as_done_time"] = company.now_text()
    return row


def change_activity(company: Company, before: Row, body: Mapping[str, object], user: User) -> Row:
    """What an activity becomes by a body of `PATCH`; raises ApiError."""
    del user
    given = _read(company, body)
    row = {**before, **given, "update_time": company.now_text()}
    if row["done"] != before["done"]:
        row["marked_as_done_time"] = company.now_text() if row["done"] else None
    return row


def _read(company: Company, body: Mapping[str, object]) -> dict[str, object]:
    given = values.checked(_RULES, body)
    if "person_id" in given:
        raise invalid("person_id", "is read-only: set it by a primary participant")
    if "type" in given and _type(company, given["type"]) is None:
        raise ApiError(400, f"Activity type {given['type']} does not exist", "ERR_BAD_REQUEST")
    priority = company.fields["activity"].get("priority")
    wanted = given.get("priority")
    if wanted is not None and (priority is None or priority.option(wanted) is None):
        raise ApiError(400, f"Priority {wanted} does not exist", "ERR_BAD_REQUEST")
    check_links(company, given)
    if "participants" in given:
        given |= _participants(company, cast("list[dict[str, object]] | None", given["participants"]) or [])
    if given.get("attendees", []) is None:
        given["attendees"] = []
    return given


def _type(company: Company, key: object) -> dict[str, object] | None:
    types = company.activity_types
    return next((one for one in types if one["key_string"] == key and one["active_flag"]), None)


def _participants(company: Company, sent: list[dict[str, object]]) -> dict[str, object]:
    for one in sent:
        check_links(company, {"person_id": one["person_id"]})
    primaries = [one["person_id"] for one in sent if one.get("primary")]
    if len(primaries) > 1:
        raise invalid("participants", "only one participant can be primary")
    primary = primaries[0] if primaries else (sent[0]["person_id"] if sent else None)
    kept = [{"person_id": one["person_id"], "primary": one["person_id"] == primary} for one in sent]
    return {"participants": kept, "person_id": primary}

"""What each collection may be written, and what becomes of it.

Source: Rollout API reference (people, tasks, appointments, text messages); what it says little of follows the
Follow Up Boss API, which the Universal CRM API mirrors.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rollout.simulator import crm as kinds
from crmhub_rollout.simulator.crm import Crm
from crmhub_rollout.simulator.errors import bad

Check = Callable[[Crm, str, object], object]


def text(crm: Crm, name: str, value: object) -> object:
    """A text."""
    del crm
    if not isinstance(value, str):
        raise bad(f"{name} must be a string")
    return value


def flag(crm: Crm, name: str, value: object) -> object:
    """A boolean."""
    del crm
    if not isinstance(value, bool):
        raise bad(f"{name} must be a boolean")
    return value


def number(crm: Crm, name: str, value: object) -> object:
    """A number."""
    del crm
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise bad(f"{name} must be a number")
    return value


def instant(crm: Crm, name: str, value: object) -> object:
    """An ISO 8601 date-time."""
    text(crm, name, value)
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise bad(f"{name} must be an ISO 8601 date-time") from None
    return value


def day(crm: Crm, name: str, value: object) -> object:
    """An ISO 8601 date."""
    text(crm, name, value)
    try:
        date.fromisoformat(str(value)[:10])
    except ValueError:
        raise bad(f"{name} must be an ISO 8601 date") from None
    return value


def texts(crm: Crm, name: str, value: object) -> object:
    """A list of texts."""
    for item in _items(name, value):
        text(crm, name, item)
    return value


def values(crm: Crm, name: str, value: object) -> object:
    """E-mail addresses or phone numbers: `{value, type, status, isPrimary}`."""
    kept: list[Row] = []
    for item in _items(name, value):
        one = cast("Row", item) if isinstance(item, dict) else {}
        if not isinstance(one.get("value"), str) or not str(one["value"]).strip():
            raise bad(f"{name} must have a value each")
        if name == "emails" and "@" not in str(one["value"]):
            raise bad(f"{one['value']!r} is not an email address")
        primary = flag(crm, name, one.get("isPrimary", not kept))
        kept.append(
            {
                "value": one["value"],
                "type": one.get("type") or "home",
                "status": one.get("status") or "Valid",
                "isPrimary": primary,
            }
        )
    return kept


def rows(crm: Crm, name: str, value: object) -> object:
    """A list of objects."""
    del crm
    if not all(isinstance(item, dict) for item in _items(name, value)):
        raise bad(f"{name} must be a list of objects")
    return value


def mapping(crm: Crm, name: str, value: object) -> object:
    """An object."""
    del crm
    if not isinstance(value, dict):
        raise bad(f"{name} must be an object")
    return cast("Row", value)


def reference(collection: str) -> Check:
    """The id of a record of `collection`."""

    def check(crm: Crm, name: str, value: object) -> object:
        if crm.row(collection, value) is None:
            raise bad(f"{name} is no id of {collection}")
        return value

    return check


def references(collection: str) -> Check:
    """A list of ids of records of `collection`."""

    def check(crm: Crm, name: str, value: object) -> object:
        for item in _items(name, value):
            reference(collection)(crm, name, item)
        return value

    return check


def invitees(crm: Crm, name: str, value: object) -> object:
    """Who is invited: `{userId}` or `{personId}` each, or a name and an e-mail address."""
    for item in cast("list[Row]", rows(crm, name, value)):
        if item.get("personId") is not None:
            reference(kinds.PEOPLE)(crm, "personId", item["personId"])
        if item.get("userId") is not None:
            reference(kinds.USERS)(crm, "userId", item["userId"])
    return value


def _items(name: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise bad(f"{name} must be a list")
    return cast("list[object]", value)


@dataclass(frozen=True)
class Shape:
    """What a collection takes: checks by field, which fields a new record needs (one of each tuple), what it
    has unless something else is given, and which fields are then null (`empty`).
    """

    fields: Mapping[str, Check]
    needs: tuple[tuple[str, ...], ...] = ()
    defaults: Mapping[str, object] | None = None
    empty: tuple[str, ...] = ()


_PERSON, _USER = reference(kinds.PEOPLE), reference(kinds.USERS)
SHAPES: Final[Mapping[str, Shape]] = {
    kinds.PEOPLE: Shape(
        {
            **dict.fromkeys(
                (
                    "firstName",
                    "lastName",
                    "name",
                    "assignedPondId",
                    "officeId",
                    "timeframeId",
                    "stage",
                    "source",
                ),
                text,
            ),
            **dict.fromkeys(
                ("sourceId", "systemSource", "jobTitle", "companyName", "lastActivityType"), text
            ),
            **dict.fromkeys(("averageBeds", "averagePrice", "rating"), number),
            "assignedUserId": _USER,
            "stageId": reference(kinds.STAGES),
            "emails": values,
            "phones": values,
            "addresses": rows,
            "tags": texts,
            "contactTypes": texts,
            "birthday": day,
            "lastActivity": instant,
            "communicationsConsent": mapping,
        },
        (("firstName", "lastName", "name", "emails", "phones"),),
        {"tags": [], "emails": [], "phones": [], "addresses": [], "contactTypes": []},
        (
            *("firstName", "lastName", "assignedUserId", "source", "sourceId", "jobTitle", "companyName"),
            *("birthday", "lastActivity"),
        ),
    ),
    kinds.NOTES: Shape(
        {"personId": _PERSON, "subject": text, "body": text, "isHtml": flag},
        (("personId",), ("body",)),
        {"subject": "", "isHtml": False},
    ),
    kinds.TASKS: Shape(
        {
            "personId": _PERSON,
            "name": text,
            "type": text,
            "assignedUserId": _USER,
            "isCompleted": flag,
            "dueDate": day,
            "dueDateTime": instant,
        },
        (("name",),),
        {"type": "Follow Up", "isCompleted": False},
        ("personId", "assignedUserId", "dueDate", "dueDateTime"),
    ),
    kinds.APPOINTMENTS: Shape(
        {
            **dict.fromkeys(("title", "description", "location", "type", "outcome"), text),
            **dict.fromkeys(("start", "end", "startsAt", "endsAt"), instant),
            **dict.fromkeys(("allDay", "isAllDay"), flag),
            "personId": _PERSON,
            "userId": _USER,
            "invitees": invitees,
        },
        (("title",), ("start", "startsAt"), ("end", "endsAt")),
        {"description": "", "location": "", "invitees": [], "isAllDay": False},
        ("type", "userId"),
    ),
    kinds.CALLS: Shape(
        {
            "personId": _PERSON,
            "userId": _USER,
            **dict.fromkeys(("phone", "note", "outcome", "toNumber", "fromNumber"), text),
            "duration": number,
            "isIncoming": flag,
        },
        (("personId",),),
        {"isIncoming": False, "duration": 0},
        ("userId", "phone", "note", "outcome", "toNumber", "fromNumber"),
    ),
    kinds.TEXTS: Shape(
        {
            "personId": _PERSON,
            "userId": _USER,
            **dict.fromkeys(
                ("message", "status", "externalLabel", "externalUrl", "toNumber", "fromNumber"), text
            ),
            "isIncoming": flag,
            "sent": instant,
        },
        (("personId",), ("message",)),
        {"isIncoming": False, "status": "Delivered"},
        ("userId", "toNumber", "fromNumber", "sent"),
    ),
    kinds.DEALS: Shape(
        {
            **dict.fromkeys(("name", "description"), text),
            **dict.fromkeys(("price", "commissionValue"), number),
            "projectedCloseDate": day,
            "stageId": text,
            "pipelineId": reference(kinds.PIPELINES),
            "peopleIds": references(kinds.PEOPLE),
            "userIds": references(kinds.USERS),
        },
        (("name",), ("stageId", "pipelineId")),
        {"description": "", "peopleIds": [], "userIds": []},
        ("price", "projectedCloseDate"),
    ),
}

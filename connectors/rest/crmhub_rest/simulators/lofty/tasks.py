"""Tasks and appointments, which share their ids: version 2, in which times are ISO 8601 with offsets.

Source: Lofty Open API, "Tasks & Appointments V2".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint, reply
from crmhub_rest.simulators.lofty.errors import (
    invalid,
    limit_not_valid,
    missing_parameter,
    no_access,
    no_task,
)
from crmhub_rest.simulators.lofty.rows import full_name, seconds, text, texts, whole
from crmhub_rest.simulators.lofty.team import TASKS, Team
from crmhub_rest.simulators.lofty.times import naive, read_instant, read_zone, zoned

APPOINTMENT: Final = "Appointment"
TYPES: Final = ("Other", "Call", "Email", "Text", APPOINTMENT)
ROLES: Final = ("Agent", "Assistant")
_CHANGEABLE: Final = ("content", "startAt", "endAt", "address")
_MOST: Final = 100


def endpoints() -> list[Endpoint]:
    """The routes of version 2."""
    one = "/v2.0/tasks/{taskId}"
    return [
        Endpoint("GET", "/v2.0/tasks/my-tasks", _mine, "tasks"),
        Endpoint("GET", "/v2.0/tasks", _list, "tasks"),
        Endpoint("POST", "/v2.0/tasks", _create, "tasks"),
        Endpoint("GET", one, _get, "tasks"),
        Endpoint("PUT", one, _update, "tasks"),
        Endpoint("DELETE", one, _delete, "tasks"),
        Endpoint("POST", f"{one}/finish", _finish, "tasks"),
        Endpoint("POST", f"{one}/unfinish", _unfinish, "tasks"),
    ]


def task_json(team: Team, row: Row, zone_name: str = "") -> Row:
    """A task or appointment as version 2 shows it."""
    name = zone_name or text(row, "timeZoneCode") or team.timezone
    zone = read_zone(name) or UTC
    shown = common_json(team, row)
    shown |= {
        "startAt": zoned(seconds(row, "start"), zone) if row.get("start") is not None else None,
        "endAt": zoned(seconds(row, "end"), zone) if row.get("end") is not None else None,
        "timeZoneCode": name,
        "allDay": row.get("allDay") is True,
        "createTime": zoned(seconds(row, "created"), zone),
        "lastUpdate": zoned(seconds(row, "updated"), zone),
        "finishTime": zoned(seconds(row, "finished"), zone) if row.get("finished") else None,
        "address": row.get("address"),
    }
    return {key: value for key, value in shown.items() if value is not None}


def common_json(team: Team, row: Row) -> Row:
    """What both versions show."""
    lead = team.leads.get(str(row["leadId"])) or {}
    owner = team.member(row.get("assignedUserId"))
    emails, phones = texts(lead, "emails"), texts(lead, "phones")
    finished = bool(row.get("finished"))
    return {
        **{key: row.get(key) for key in ("id", "leadId", "creatorId", "content", "type", "assignedRole")},
        "finishFlag": finished,
        "overdueFlag": not finished and seconds(row, "end") < team.clock.now(),
        "leadName": full_name(lead),
        "leadFirstName": text(lead, "firstName"),
        "leadLastName": text(lead, "lastName"),
        "leadEmail": emails[0] if emails else "",
        "leadPhone": phones[0] if phones else "",
        "assignedUserId": row.get("assignedUserId"),
        "assignedUser": owner.user.full_name if owner else "",
        "teamId": ids.TEAM,
    }


def add_task(team: Team, values: Mapping[str, object]) -> Row:
    """Keep a new task or appointment."""
    lead = team.leads.get(str(values["leadId"])) or {}

    def make(task_id: int) -> Row:
        return {
            "id": task_id,
            "creatorId": team.caller.id,
            "assignedUserId": lead.get("assignedUserId"),
            "assignedRole": "Agent",
            "created": team.now(),
            "updated": team.now(),
            **values,
        }

    row = team.add(TASKS, make)
    tell(team, "created", row)
    return row


def change_task(team: Team, row: Row, values: Mapping[str, object], event: str = "updated") -> Row:
    """Write into a task or appointment."""
    after = {**row, **values, "updated": team.now()}
    team.change(TASKS, whole(row, "id"), after)
    tell(team, event, after)
    return after


def remove_task(team: Team, row: Row) -> None:
    """Delete a task or appointment."""
    team.remove(TASKS, whole(row, "id"))
    tell(team, "deleted", row)


def tell(team: Team, event: str, row: Row) -> None:
    """Tell whoever listens what happened to a task or appointment."""
    if row["type"] == APPOINTMENT:
        team.hooks.tell(APPOINTMENT, event, {"appointmentId": row["id"], "leadId": row["leadId"]})
    else:
        team.hooks.tell("Task", event, {"taskId": row["id"], "leadId": row["leadId"]})


def needed_lead(call: Call) -> int:
    """The lead that the body names, which the caller may work with; raises LoftyError."""
    lead_id = call.body.get("leadId")
    if isinstance(lead_id, bool) or not isinstance(lead_id, int) or lead_id < 1:
        raise invalid("leadId is required")
    call.lead(lead_id, no_access)
    return lead_id


def needed_text(call: Call, name: str, choices: tuple[str, ...] = ()) -> str:
    """A text that the body must have, of `choices` if there are any; raises LoftyError."""
    value = call.body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{name} is required")
    if choices and value not in choices:
        raise invalid(f"{name} must be one of {', '.join(choices)}")
    return value


def needed_instant(name: str, value: object) -> float:
    """Epoch seconds of ISO 8601 with an offset; raises LoftyError."""
    instant = read_instant(value)
    if instant is None:
        raise invalid(f"{name} must be ISO 8601 with an offset, such as 2026-03-01T15:00:00-08:00")
    return instant


def checked_zone(call: Call) -> dict[str, object]:
    """The zone that the body names, if it does; raises LoftyError."""
    name = call.body.get("timeZoneCode")
    if name is None:
        return {}
    if not isinstance(name, str) or read_zone(name) is None:
        raise invalid("timeZoneCode is no IANA zone")
    return {"timeZoneCode": name}


def found_task(call: Call) -> Row:
    """The task or appointment that the path names; raises LoftyError."""
    row = call.team.tasks.get(str(call.id("taskId", no_task)))
    if row is None:
        raise no_task()
    call.lead(whole(row, "leadId"))
    return row


def message() -> Response:
    """What Lofty says when something was done."""
    return reply({"message": "success"})


def _list(call: Call) -> Response:
    lead_id = call.lead_id()
    call.lead(lead_id)
    return reply({"tasks": [task_json(call.team, row) for row in call.team.of_lead(TASKS, lead_id)]})


def _mine(call: Call) -> Response:
    team, after = call.team, call.number("currentId", 0)
    if after < 0:
        raise invalid("currentId must not be negative")
    limit = call.number("limit", 10)
    if not 1 <= limit <= _MOST:
        raise limit_not_valid()
    zone = call.query.get("timeZoneCode", "")
    if zone and read_zone(zone) is None:
        raise invalid("timeZoneCode is no IANA zone")
    user = call.number("userId", 0) or team.caller.id
    places = team.view(TASKS, user, lambda: _of_user(team, user))
    begin = 0
    if after:
        place = team.tasks.place_of(str(after))
        begin = places.index(place) + 1 if place in places else len(places)
    page = places[begin : begin + limit]
    if page and after and call.fault("loop_token"):
        page = places[max(begin - limit, 0) : begin]
    shown = [task_json(team, team.tasks.row(place), zone) for place in page]
    if shown and call.fault("duplicate_ids"):
        shown.append(shown[0])
    return reply({"tasks": shown})


def _of_user(team: Team, user: int) -> list[int]:
    rows = ((place, team.tasks.row(place)) for place in team.tasks.places())
    mine = [
        (seconds(row, "start") or seconds(row, "end"), place)
        for place, row in rows
        if row["assignedUserId"] == user
    ]
    return [place for _, place in sorted(mine, reverse=True)]


def _create(call: Call) -> Response:
    values: dict[str, object] = {
        "type": needed_text(call, "type", TYPES),
        "content": needed_text(call, "content"),
        "assignedRole": needed_text(call, "assignedRole", ROLES),
        "leadId": needed_lead(call),
        "end": needed_instant("endAt", call.body.get("endAt")),
        **checked_zone(call),
    }
    values["start"] = (
        needed_instant("startAt", call.body["startAt"]) if "startAt" in call.body else values["end"]
    )
    if cast("float", values["start"]) > cast("float", values["end"]):
        raise invalid("startAt must not be later than endAt")
    if values["type"] == APPOINTMENT:
        values["address"] = call.body.get("address")
        values["allDay"] = all(_midnight(call.body.get(name)) for name in ("startAt", "endAt"))
    return reply({"taskId": add_task(call.team, values)["id"]})


def _midnight(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).time().isoformat() == "00:00:00"


def _get(call: Call) -> Response:
    return reply({"task": task_json(call.team, found_task(call))})


def _update(call: Call) -> Response:
    row = found_task(call)
    if not any(name in call.body for name in _CHANGEABLE):
        raise missing_parameter("content, startAt, endAt or address is required")
    values: dict[str, object] = checked_zone(call)
    if "content" in call.body:
        values["content"] = needed_text(call, "content")
    if "startAt" in call.body:
        values["start"] = needed_instant("startAt", call.body["startAt"])
    if "endAt" in call.body:
        values["end"] = needed_instant("endAt", call.body["endAt"])
    if "address" in call.body:
        values["address"] = call.body["address"]
    change_task(call.team, row, values)
    return message()


def _delete(call: Call) -> Response:
    remove_task(call.team, found_task(call))
    return message()


def _finish(call: Call) -> Response:
    change_task(call.team, found_task(call), {"finished": call.team.now()}, "finished")
    return message()


def _unfinish(call: Call) -> Response:
    change_task(call.team, found_task(call), {"finished": None})
    return message()


def naive_or_none(row: Row, key: str) -> str | None:
    """A time of the row as version 1 shows it."""
    return naive(seconds(row, key)) if row.get(key) else None

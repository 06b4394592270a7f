"""The calendar: tasks and appointments in one list, under ids such as `12345-task`.

Source: Lofty Open API, "Calendar V2".
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty.call import Call, Endpoint, reply
from crmhub_rest.simulators.lofty.errors import invalid
from crmhub_rest.simulators.lofty.rows import full_name, seconds, text, whole
from crmhub_rest.simulators.lofty.tasks import (
    APPOINTMENT,
    ROLES,
    TYPES,
    add_task,
    change_task,
    checked_zone,
    message,
    needed_instant,
    needed_lead,
    needed_text,
    remove_task,
)
from crmhub_rest.simulators.lofty.team import TASKS, Team
from crmhub_rest.simulators.lofty.times import read_instant, read_zone, zoned

_DEFAULT_SIZE: Final = 20
_MOST: Final = 500
_SOURCES: Final = {"TASK": 1, "APPOINTMENT": 2}


def endpoints() -> list[Endpoint]:
    """The routes."""
    one = "/v2.0/calendar/{calendarId}"
    return [
        Endpoint("GET", "/v2.0/calendar", _list, "tasks"),
        Endpoint("POST", "/v2.0/calendar", _create, "tasks"),
        Endpoint("PUT", one, _update, "tasks"),
        Endpoint("DELETE", one, _delete, "tasks"),
        Endpoint("POST", f"{one}/finish", _finish, "tasks"),
        Endpoint("POST", f"{one}/unfinish", _unfinish, "tasks"),
    ]


def _kind(row: Row) -> str:
    return "APPOINTMENT" if row["type"] == APPOINTMENT else "TASK"


def _id(row: Row) -> str:
    return f"{row['id']}-{_kind(row).lower()}"


def _json(team: Team, row: Row, zone_name: str) -> Row:
    name = zone_name or text(row, "timeZoneCode") or team.timezone
    zone = read_zone(name) or UTC
    kind = _kind(row)
    lead = team.leads.get(str(row["leadId"])) or {}
    return {
        "id": _id(row),
        "type": kind,
        "taskId": row["id"],
        "sourceType": _SOURCES[kind],
        "content": row["content"],
        "title": f"{full_name(lead)} {kind.title()}".strip(),
        "finished": bool(row.get("finished")),
        "startAt": zoned(seconds(row, "start"), zone),
        "endAt": zoned(seconds(row, "end"), zone),
        "startAtMs": int(seconds(row, "start") * 1_000),
        "endAtMs": int(seconds(row, "end") * 1_000),
        "timeZoneCode": name,
        "leadId": row["leadId"],
    }


def _bound(call: Call, name: str) -> float | None:
    words = call.query.get(name, "").replace(" ", "+")
    if words:
        instant = read_instant(words)
        if instant is None:
            raise invalid(f"{name} must be ISO 8601 with an offset")
        return instant
    return call.number(f"{name}Ms", 0) / 1_000 if call.query.get(f"{name}Ms") else None


def _list(call: Call) -> Response:
    begin, end = _bound(call, "startTime"), _bound(call, "endTime")
    if begin is None and end is None:
        raise invalid("startTime or endTime is required")
    number, size = call.number("page", 0), call.number("pageSize", _DEFAULT_SIZE)
    if number < 0 or not 1 <= size <= _MOST:
        raise invalid("page must not be negative, pageSize between 1 and 500")
    zone = call.query.get("timeZoneCode", "")
    if zone and read_zone(zone) is None:
        raise invalid("timeZoneCode is no IANA zone")
    lead, team = call.number("leadId", 0), call.team
    finished, descending = call.flag("includeFinished"), call.flag("desc", default=True)
    sources = {one.strip() for one in call.query.get("sourceType", "").strip("[]").split(",") if one.strip()}

    def fits(row: Row) -> bool:
        start = seconds(row, "start")
        return (
            (begin is None or start >= begin)
            and (end is None or start <= end)
            and (finished or not row.get("finished"))
            and (not sources or str(_SOURCES[_kind(row)]) in sources)
        )

    key = (lead, begin, end, finished, descending, frozenset(sources))
    places = team.view(TASKS, key, lambda: _matching(team, lead, fits, descending=descending))
    page = places[number * size : (number + 1) * size]
    items = [_json(team, team.tasks.row(place), zone) for place in page]
    if items and call.fault("duplicate_ids"):
        items.append(items[0])
    return reply({"data": {"total": len(places), "page": number, "pageSize": size, "items": items}})


def _matching(team: Team, lead: int, fits: Callable[[Row], bool], *, descending: bool) -> list[int]:
    places = team.tasks.find("leadId", lead) if lead else team.tasks.places()
    rows = ((place, team.tasks.row(place)) for place in places)
    found = [(seconds(row, "start"), place) for place, row in rows if fits(row)]
    return [place for _, place in sorted(found, reverse=descending)]


def _instant(call: Call, name: str) -> float | None:
    value: float | None = None
    if name in call.body:
        value = needed_instant(name, call.body[name])
    elif f"{name}Ms" in call.body:
        number = call.body[f"{name}Ms"]
        if isinstance(number, bool) or not isinstance(number, int):
            raise invalid(f"{name}Ms must be epoch milliseconds")
        value = number / 1_000
    if value is not None and value <= call.team.clock.now():
        raise invalid(f"{name} must be later than now")
    return value


def _create(call: Call) -> Response:
    kind = needed_text(call, "type").upper()
    if kind not in _SOURCES:
        raise invalid("type must be TASK or APPOINTMENT")
    content, lead_id = needed_text(call, "content"), needed_lead(call)
    if not call.body.get("timeZoneCode"):
        raise invalid("timeZoneCode is required")
    start, end = _instant(call, "startAt"), _instant(call, "endAt")
    if start is None or end is None:
        raise invalid("startAt and endAt are required")
    values: dict[str, object] = {"content": content, "leadId": lead_id, "start": start, "end": end}
    values |= checked_zone(call)
    if kind == "TASK":
        values["type"] = needed_text(call, "taskWay", tuple(one for one in TYPES if one != APPOINTMENT))
        if "assignedRole" in call.body:
            values["assignedRole"] = needed_text(call, "assignedRole", ROLES)
    else:
        values |= {"type": APPOINTMENT, "address": call.body.get("address")}
        texts = [call.body.get(name) for name in ("startAt", "endAt")]
        values["allDay"] = all(
            isinstance(one, str)
            and not datetime.fromisoformat(one).time().replace(tzinfo=None).isoformat().strip("0:")
            for one in texts
        )
    row = add_task(call.team, values)
    return reply({"data": {"id": _id(row), "type": kind, "message": "success"}})


def _found(call: Call) -> Row:
    number, _, kind = call.path["calendarId"].rpartition("-")
    row = call.team.tasks.get(number) if kind in {"task", "appointment"} else None
    if row is None or _id(row) != call.path["calendarId"]:
        raise invalid("calendarId is unknown")
    call.lead(whole(row, "leadId"))
    return row


def _update(call: Call) -> Response:
    row = _found(call)
    values: dict[str, object] = checked_zone(call)
    for name in ("content", "address"):
        if call.body.get(name):
            values[name] = needed_text(call, name)
    if call.body.get("leadId"):
        values["leadId"] = needed_lead(call)
    for name, key in (("startAt", "start"), ("endAt", "end")):
        instant = _instant(call, name)
        if instant is not None:
            values[key] = instant
    change_task(call.team, row, values)
    return message()


def _delete(call: Call) -> Response:
    remove_task(call.team, _found(call))
    return message()


def _finish(call: Call) -> Response:
    change_task(call.team, _found(call), {"finished": call.team.now()}, "finished")
    return message()


def _unfinish(call: Call) -> Response:
    change_task(call.team, _found(call), {"finished": None})
    return message()

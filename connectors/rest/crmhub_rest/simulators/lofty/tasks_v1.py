"""Version 1 of tasks and appointments: deadlines in milliseconds, replies without a body.

Source: Lofty Open API, "Tasks & Appointments".
"""

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty.call import Call, Endpoint, done, reply
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid, missing_parameter, no_task
from crmhub_rest.simulators.lofty.rows import seconds
from crmhub_rest.simulators.lofty.tasks import (
    APPOINTMENT,
    ROLES,
    TYPES,
    add_task,
    change_task,
    common_json,
    found_task,
    naive_or_none,
    needed_lead,
    needed_text,
    remove_task,
)
from crmhub_rest.simulators.lofty.team import TASKS, Team
from crmhub_rest.simulators.lofty.times import iso

_TYPES = tuple(name for name in TYPES if name != APPOINTMENT)


def endpoints() -> list[Endpoint]:
    """The routes."""
    one = "/v1.0/tasks/{taskId}"
    return [
        Endpoint("GET", "/v1.0/tasks", _list, "tasks"),
        Endpoint("POST", "/v1.0/tasks", _create, "tasks"),
        Endpoint("GET", one, _get, "tasks"),
        Endpoint("PUT", one, _update, "tasks"),
        Endpoint("DELETE", one, _delete, "tasks"),
        Endpoint("GET", "/v1.0/appts", _appointments, "tasks"),
    ]


def _json(team: Team, row: Row) -> Row:
    shown = common_json(team, row)
    shown |= {
        "deadline": naive_or_none(row, "end"),
        "createTime": naive_or_none(row, "created"),
        "lastUpdate": naive_or_none(row, "updated"),
        "finishTime": naive_or_none(row, "finished"),
        "deleteFlag": False,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _found(call: Call) -> Row:
    row = found_task(call)
    if row["type"] == APPOINTMENT:
        raise no_task()
    return row


def _list(call: Call) -> Response:
    lead_id = call.lead_id()
    call.lead(lead_id)
    rows = call.team.of_lead(TASKS, lead_id)
    return reply({"taskList": [_json(call.team, row) for row in rows if row["type"] != APPOINTMENT]})


def _deadline(call: Call) -> float:
    deadline = call.body.get("deadline")
    if isinstance(deadline, bool) or not isinstance(deadline, int):
        raise invalid("deadline must be epoch milliseconds")
    return deadline / 1_000


def _create(call: Call) -> Response:
    deadline = _deadline(call)
    values: dict[str, object] = {
        "content": needed_text(call, "content"),
        "type": needed_text(call, "type", _TYPES),
        "assignedRole": needed_text(call, "assignedRole", ROLES),
        "leadId": needed_lead(call),
        "start": deadline,
        "end": deadline,
    }
    return reply({"taskId": add_task(call.team, values)["id"]})


def _get(call: Call) -> Response:
    return reply({"task": _json(call.team, _found(call))})


def _update(call: Call) -> Response:
    row = _found(call)
    if not call.body:
        raise missing_parameter("at least one field is required")
    if call.body.get("leadId", row["leadId"]) != row["leadId"]:
        raise LoftyError(400, "INVALID_UPDATE_OPERATION_LEADID", "leadId does not match the task's lead")
    if call.body.get("finishFlag") is True:
        change_task(call.team, row, {"finished": call.team.now()}, "finished")
        return done()
    values: dict[str, object] = {}
    if "content" in call.body:
        values["content"] = needed_text(call, "content")
    if "type" in call.body:
        values["type"] = needed_text(call, "type", _TYPES)
    if "assignedRole" in call.body:
        values["assignedRole"] = needed_text(call, "assignedRole", ROLES)
    if "deadline" in call.body:
        values["start"] = values["end"] = _deadline(call)
    change_task(call.team, row, values)
    return done()


def _delete(call: Call) -> Response:
    remove_task(call.team, _found(call))
    return done()


def _appointments(call: Call) -> Response:
    lead_id = call.lead_id()
    call.lead(lead_id)
    rows = (row for row in call.team.of_lead(TASKS, lead_id) if row["type"] == APPOINTMENT)
    return reply([_appointment(call.team, row) for row in rows])


def _appointment(team: Team, row: Row) -> Row:
    finished = bool(row.get("finished"))
    shown: Row = {
        "id": row["id"],
        "descr": row["content"],
        "address": row.get("address"),
        "createTime": iso(seconds(row, "created")),
        "lastUpdate": iso(seconds(row, "updated")),
        "deadline": int(seconds(row, "start") * 1_000),
        "endTime": int(seconds(row, "end") * 1_000),
        "allDay": row.get("allDay") is True,
        "finishFlag": finished,
        "deleteFlag": False,
        "overdue": not finished and seconds(row, "end") < team.clock.now(),
        "finishTime": int(seconds(row, "finished") * 1_000) if finished else None,
        "leadId": row["leadId"],
        "assignToUid": row["assignedUserId"],
        "assignRoleType": 1,
        "creatorId": row["creatorId"],
    }
    return {key: value for key, value in shown.items() if value is not None}

"""Calls, texts and e-mails: manual logs, what was said to a lead, and what agents said in a time window.

Five ways of paging: offset and limit, the last id (`currentId`), an opaque cursor.

Source: Lofty Open API, "Lead Manual Log", "Calls", "Communication", "Communication V2", "Lead Activity V2".
"""

from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty.call import Call, Endpoint, done, reply
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid, no_access, no_resource
from crmhub_rest.simulators.lofty.rows import seconds, text, whole
from crmhub_rest.simulators.lofty.talk_history import endpoints as history_endpoints
from crmhub_rest.simulators.lofty.talk_json import activity_json, call_json, log_json
from crmhub_rest.simulators.lofty.team import TALKS, Team
from crmhub_rest.simulators.lofty.vocabulary import OUTCOMES

__all__ = ["activity_json", "endpoints"]

LONGEST: Final = 5_000
_PHONE_LENGTH: Final = 20
_DEEPEST: Final = 20_000
_CHANNELS: Final = {"logCall": "Call", "logEmail": "Email", "logText": "Text"}


def endpoints() -> list[Endpoint]:
    """The routes."""
    area = "communications"
    return [
        Endpoint("GET", "/v1.0/logType", _logs, area),
        Endpoint("POST", "/v1.0/logType", _log, area),
        Endpoint("GET", "/v1.0/logType/{logTypeId}", _get_log, area),
        Endpoint("DELETE", "/v1.0/logType/{logTypeId}", _delete_log, area),
        Endpoint("GET", "/v1.0/calls", _calls, area),
        Endpoint("GET", "/v1.0/calls/{callId}", _get_call, area),
        *history_endpoints(),
    ]


def _logs(call: Call) -> Response:
    lead_id = call.lead_id()
    channel = _CHANNELS.get(call.query.get("logType", ""))
    if channel is None:
        raise invalid("logType must be logCall, logEmail or logText")
    call.lead(lead_id)
    limit, offset = call.number("limit", 10), max(call.number("offset", 0), 0)
    limit = limit if 1 <= limit <= 1_000 else 10
    if offset + limit > _DEEPEST:
        raise LoftyError(400, 200104, "OFFSET_EXCEED_LIMIT")
    order, sort, after = call.query.get("order") or "asc", call.query.get("sort"), call.number("currentId", 0)
    if order not in {"asc", "desc"} or sort not in {None, "", "createTime", "id"}:
        raise invalid("sort is createTime or id, order is asc or desc")
    rows = [
        row
        for row in call.team.of_lead(TALKS, lead_id)
        if row["channel"] == channel and row["kind"] == "LOGGED"
    ]
    by_id = after > 0 or sort == "id"
    rows.sort(key=lambda row: (whole(row, "id") if by_id else seconds(row, "time"), whole(row, "id")))
    if order == "desc":
        rows.reverse()
    if after > 0:
        offset = 0
        rows = [row for row in rows if (whole(row, "id") > after) == (order == "asc") and row["id"] != after]
    page = [log_json(row) for row in rows[offset : offset + limit]]
    if page and call.fault("duplicate_ids"):
        page.append(page[0])
    return reply({"logType": page})


def _log(call: Call) -> Response:
    given, team = call.body, call.team
    lead_id = given.get("leadId")
    if isinstance(lead_id, bool) or not isinstance(lead_id, int) or lead_id < 1:
        raise invalid("leadId is required")
    channel = _CHANNELS.get(str(given.get("logType")))
    if channel is None:
        raise invalid("logType must be logCall, logEmail or logText")
    if not text(given, "content").strip():
        raise invalid("content must not be blank")
    direction = given.get("outboundOrInbound", "outbound")
    if direction not in ("outbound", "inbound"):
        raise invalid("outboundOrInbound must be outbound or inbound")
    call.lead(lead_id)
    values: Row = {
        "leadId": lead_id,
        "agentId": team.caller.id,
        "channel": channel,
        "kind": "LOGGED",
        "direction": str(direction).title(),
        "content": text(given, "content")[:LONGEST],
        "time": team.now(),
        "isPin": given.get("isPin") is True,
    }
    if channel == "Call":
        values |= _call_values(given)
    elif channel == "Email":
        names = (("subject", "emailSubject"), ("to", "toEmail"), ("from", "fromEmail"))
        values |= {ours: given.get(theirs) for ours, theirs in names}
    row = team.add(TALKS, lambda log_id: {"id": log_id, **values}, late=True)
    _tell(team, "created", row)
    return reply({"logType": {"id": row["id"]}})


def _call_values(given: Row) -> Row:
    phone, outcome = text(given, "leadPhoneNumber").strip(), text(given, "callingOutcome")
    if not phone:
        raise invalid("leadPhoneNumber is required for logCall")
    if len(phone) > _PHONE_LENGTH or len(outcome) > _PHONE_LENGTH:
        raise LoftyError(400, 20043, "PARAMETER_TOO_LONG")
    return {"phone": phone, "outcome": outcome if outcome in OUTCOMES or not outcome else "Talked"}


def _tell(team: Team, event: str, row: Row) -> None:
    channel = text(row, "channel")
    item = {"timelineId": row["id"], f"{channel.lower()}Id": row["id"], "leadId": row["leadId"]}
    team.hooks.tell(channel, event, item)


def _found_log(call: Call, *, early: bool = False) -> Row:
    row = call.team.talks.get(str(call.id("logTypeId", no_resource)))
    if row is None or row["kind"] != "LOGGED" or not (early or call.team.visible(row)):
        raise no_resource()
    call.lead(whole(row, "leadId"))
    return row


def _get_log(call: Call) -> Response:
    return reply({"logType": log_json(_found_log(call))})


def _delete_log(call: Call) -> Response:
    row = _found_log(call, early=True)
    call.team.remove(TALKS, whole(row, "id"))
    _tell(call.team, "deleted", row)
    return done()


def _calls(call: Call) -> Response:
    lead_id = call.number("leadId", 0)
    call.lead(lead_id, lambda: LoftyError(404, 20006, "LEAD_NOT_FOUND"))
    limit, offset = call.number("limit", 10), call.number("offset", 0)
    if limit < 1 or offset < 0:
        raise invalid("limit must be positive, offset not negative")
    rows = [row for row in call.team.of_lead(TALKS, lead_id) if row["channel"] == "Call"]
    page = [call_json(call.team, row) for row in rows[offset : offset + limit]]
    return reply({**call.metadata("call", limit, offset, len(rows)), "calls": page})


def _get_call(call: Call) -> Response:
    row = call.team.get(TALKS, call.id("callId", no_access))
    if row is None or row["channel"] != "Call":
        raise no_access()
    call.lead(whole(row, "leadId"), lambda: LoftyError(404, 20006, "LEAD_NOT_FOUND"))
    return reply({"calls": call_json(call.team, row)})

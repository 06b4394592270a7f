"""What the team has set up (lead stages, custom fields, tags, ponds, the organisation), the site's activities
of a lead, and the system's log.

Source: Lofty Open API, "Team Features", "Agent Organization", "Lead System Logs", "Leads".
"""

import json
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint, reply
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid, no_access, no_lead
from crmhub_rest.simulators.lofty.rows import seconds, text, whole
from crmhub_rest.simulators.lofty.team import CustomField
from crmhub_rest.simulators.lofty.vocabulary import FIELD_TYPES

_ACTIVITIES: Final = 100
_ACTIVITY_NEEDS: Final = ("type", "text", "link", "picture", "created")
_ADDED_FIELDS: Final = 300


def endpoints() -> list[Endpoint]:
    """The routes."""
    return [
        Endpoint("GET", "/v1.0/teamFeatures/lead-pipelines", _stages, "team"),
        Endpoint("GET", "/v1.0/teamFeatures/listCustomField", _fields, "team"),
        Endpoint("POST", "/v1.0/teamFeatures/custom-field", _add_field, "team"),
        Endpoint("GET", "/v1.0/teamFeatures/listTag", _tags, "team"),
        Endpoint("GET", "/v1.0/team-features/lead-ponds", _ponds, "team"),
        Endpoint("GET", "/v1.0/team-features/lead-pond/{id}", _pond, "team"),
        Endpoint("GET", "/v1.0/org", _organisation, "team"),
        Endpoint("GET", "/v1.0/org/permission/profiles", _profiles, "team"),
        Endpoint("GET", "/v1.0/vendor/list", _vendors, "team"),
        Endpoint("GET", "/v1.0/systemLogs", _system_logs, "leads"),
        Endpoint("GET", "/v1.0/leads/{leadId}/activities", _activities, "leads"),
        Endpoint("POST", "/v1.0/leads/{leadId}/activity", _add_activity, "leads"),
    ]


def _stages(call: Call) -> Response:
    number, size = call.number("currPage", 0), call.number("pageSize", 10)
    if number < 0 or size < 1:
        raise invalid("currPage must not be negative, pageSize positive")
    sought = call.query.get("name", "").lower()
    stages = [{"id": one.id, "name": one.name} for one in call.team.stages if sought in one.name.lower()]
    page = stages[number * size : (number + 1) * size]
    return reply({**call.metadata("pipeline", size, number * size, len(stages)), "pipelines": page})


def _fields(call: Call) -> Response:
    return reply([_field_json(one) for one in call.team.lead_fields])


def _field_json(field: CustomField) -> Row:
    params = json.dumps({"option": list(field.choices)}) if field.choices else ""
    return {"attributeName": field.name, "attributeType": field.type, "value": "", "params": params}


def _add_field(call: Call) -> Response:
    name, kind = text(call.body, "attributeName").strip(), text(call.body, "attributeType")
    if not name:
        raise LoftyError(400, "ATTRIBUTE_NAME_EMPTY", "attributeName is required")
    if not kind:
        raise LoftyError(400, "ATTRIBUTE_TYPE_EMPTY", "attributeType is required")
    known = call.team.lead_fields
    if kind not in FIELD_TYPES or any(one.name == name for one in known):
        raise invalid("attributeType is unknown, or attributeName is taken")
    known.append(CustomField(ids.FIELDS.at(_ADDED_FIELDS + len(known)), name, kind, _choices(call, kind)))
    return reply("success")


def _choices(call: Call, kind: str) -> tuple[str, ...]:
    if "select" not in kind:
        return ()
    try:
        params = json.loads(text(call.body, "params"))
        options = params["option"]
    except (ValueError, TypeError, KeyError):
        raise invalid('params must be like {"option":["item1","item2"]}') from None
    if not isinstance(options, list) or not options:
        raise invalid("params must name options")
    return tuple(str(one) for one in options)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _tags(call: Call) -> Response:
    creator = call.team.caller.id
    return reply(
        [
            {"tagId": tag_id, "tagName": name, "creatorUserId": creator, "visibleType": 1}
            for name, tag_id in call.team.tags.items()
        ]
    )


def _pond_json(call: Call) -> Row:
    agents = [one.id for one in call.team.members]
    return {"id": 501, "pondName": "Cold leads", "pondOwnerId": agents[0], "agentIds": agents}


def _ponds(call: Call) -> Response:
    return reply([_pond_json(call)])


def _pond(call: Call) -> Response:
    if call.id("id") != _pond_json(call)["id"]:
        raise no_access()
    return reply(_pond_json(call))


def _organisation(call: Call) -> Response:
    del call
    office = {"groupId": ids.OFFICE, "groupName": "Main Office"}
    enterprise = {**office, "profileId": 1, "profileName": "Company Owner", "visibleOrgInfoList": [office]}
    return reply({"orgType": 1, "enterpriseInfo": enterprise})


def _profiles(call: Call) -> Response:
    del call
    return reply([{"id": 1, "name": "Company Owner"}, {"id": 2, "name": "Agent"}])


def _vendors(call: Call) -> Response:
    del call
    return reply([])


def _activities(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    call.lead(lead_id)
    number = call.number("curPage", 0)
    if number < 0:
        raise invalid("curPage must not be negative")
    rows = sorted(
        call.team.site_activities.get(lead_id, []), key=lambda row: whole(row, "created"), reverse=True
    )
    return reply(rows[number * _ACTIVITIES : (number + 1) * _ACTIVITIES])


def _add_activity(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    call.lead(lead_id)
    for key in _ACTIVITY_NEEDS:
        if key not in call.body:
            raise invalid(f"{key} is required")
    if not isinstance(call.body["created"], int):
        raise invalid("created must be epoch milliseconds")
    call.team.site_activities.setdefault(lead_id, []).append(dict(call.body))
    call.team.hooks.tell("LeadActivity", "created", {"leadId": lead_id, "type": call.body["type"]})
    return reply({"leadId": lead_id})


def _system_logs(call: Call) -> Response:
    lead_id = call.lead_id()
    row = call.team.leads.get(str(lead_id))
    if row is None or str(lead_id) in call.settings.forbidden:
        raise LoftyError(403, 20017, "PERMISSION_DENIED")
    number, size = call.number("pageNumber", 0), call.number("pageSize", 100)
    if number < 0 or not 1 <= size <= 1_000:
        raise invalid("pageNumber must not be negative, pageSize between 1 and 1000")
    begin, end = call.number("startTime", -1), call.number("endTime", -1)
    events = [
        event
        for event in call.team.history.get(lead_id, [])
        if (begin < 0 or seconds(event, "at") * 1_000 >= begin)
        and (end < 0 or seconds(event, "at") * 1_000 <= end)
    ]
    events.reverse()
    page = events[number * size : (number + 1) * size]
    shown = [_log_json(call, lead_id, event, place) for place, event in enumerate(page)]
    return reply({"hasMore": int((number + 1) * size < len(events)), "timeLines": shown})


def _log_json(call: Call, lead_id: int, event: Row, place: int) -> Row:
    moment = datetime.fromtimestamp(seconds(event, "at"), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+00:00")
    return {
        "id": str(ids.TIMELINE.at(10**9 + place) + int(seconds(event, "at")) * 2),
        "leadId": lead_id,
        "agentId": call.team.caller.id,
        "timelineType": event["type"],
        "timelineTypeDesc": "TeamStageChange",
        "timelineTime": moment,
        "createTime": moment,
        "updateTime": moment,
        "fromId": event["fromId"],
        "fromType": 3,
        "toId": event["toId"],
        "toType": 3,
        "refId": -1,
        "sticky": False,
        "canSticky": False,
        "content": event["content"],
    }

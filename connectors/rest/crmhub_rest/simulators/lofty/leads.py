"""Leads: read one, create, change, move to the trash, assign.

Source: Lofty Open API, "Leads".
"""

from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint, done, reply
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid, no_lead
from crmhub_rest.simulators.lofty.lead_values import (
    CHOICES,
    as_row,
    as_rows,
    as_text,
    property_written,
    written,
)
from crmhub_rest.simulators.lofty.notes import add_note
from crmhub_rest.simulators.lofty.rows import full_name, rows_in, seconds, text, texts, whole
from crmhub_rest.simulators.lofty.team import LEADS, Team
from crmhub_rest.simulators.lofty.times import iso
from crmhub_rest.simulators.lofty.transactions import add_transaction, change_transaction

_AS_IT_IS = (
    *("leadId", "firstName", "lastName", "birthday", "emails", "phones", "source", "stageId"),
    *(
        "assignedUserId",
        "score",
        "referredBy",
        "segments",
        "leadTypes",
        "leadFamilyMemberList",
        "ownershipId",
    ),
    *("cannotText", "cannotCall", "cannotEmail", "unsubscription", "hiddenFlag", *CHOICES),
)
_TIMES = ("createTime", "assignTime", "lastUpdateTime", "lastTouch")
_SYSTEM_STAGE = 38


def endpoints() -> list[Endpoint]:
    """The routes of single leads."""
    one = "/v1.0/leads/{leadId}"
    return [
        Endpoint("POST", "/v1.0/leads", _create, "leads"),
        Endpoint("POST", "/v1.0/leads/assignee", _preview, "leads"),
        Endpoint("GET", one, _get, "leads"),
        Endpoint("PUT", one, _update, "leads"),
        Endpoint("DELETE", one, _trash, "leads"),
        Endpoint("POST", f"{one}/assignment", _assign, "leads"),
        Endpoint("POST", f"{one}/property", _property, "leads"),
        Endpoint("POST", f"{one}/inquiry", _inquiry, "leads"),
    ]


def lead_json(team: Team, row: Row) -> Row:
    """A lead as Lofty shows it."""
    shown: Row = {key: row[key] for key in _AS_IT_IS if row.get(key) is not None}
    shown |= {key: iso(seconds(row, key)) for key in _TIMES if row.get(key) is not None}
    lead_id = whole(row, "leadId")
    owner = team.member(row.get("assignedUserId"))
    shown["leadUserId"] = lead_id + 1
    shown["teamId"] = ids.TEAM
    shown["stage"] = next((one.name for one in team.stages if one.id == row.get("stageId")), "")
    shown["assignedUser"] = owner.user.full_name if owner else ""
    shown["groups"] = texts(row, "segments")
    shown["tags"] = [
        {"leadId": lead_id, "tagId": team.tag_id(tag), "tagName": tag} for tag in texts(row, "tags")
    ]
    custom = cast("dict[str, str]", row.get("custom") or {})
    shown["customAttributes"] = [
        {"attributeName": one.name, "attributeType": one.type, "value": custom[one.name]}
        for one in team.lead_fields
        if one.name in custom
    ]
    properties = rows_in(row, "properties")
    shown["leadPropertyList"] = [{**one, "leadUserId": lead_id + 1} for one in properties]
    first = properties[0] if properties else {}
    shown |= {key: first[key] for key in ("streetAddress", "city", "state", "zipCode") if first.get(key)}
    inquiry = cast("Row", row.get("inquiry") or {})
    if inquiry:
        stamps = {key: iso(seconds(inquiry, key)) for key in ("createTime", "updateTime")}
        shown["leadInquiry"] = {**inquiry, **stamps, "leadUserId": lead_id + 1}
    return shown


def change_lead(team: Team, lead_id: int, before: Row, after: Row) -> None:
    """Keep a changed lead, and tell whoever listens."""
    after["lastUpdateTime"] = team.now()
    team.change(LEADS, lead_id, after)
    team.hooks.tell("Lead", "updated", {"leadId": lead_id})
    if before.get("stageId") == after.get("stageId"):
        return
    names = {one.id: one.name for one in team.stages}
    old, new = names.get(whole(before, "stageId"), ""), names.get(whole(after, "stageId"), "")
    team.hooks.tell("Pipeline", "updated", {"leadId": lead_id, "fromStageName": old, "toStageName": new})
    team.history.setdefault(lead_id, []).append(
        {
            "at": team.now(),
            "type": _SYSTEM_STAGE,
            "content": {"fromStageName": old, "toStageName": new},
            "fromId": before.get("stageId"),
            "toId": after.get("stageId"),
        }
    )


def _get(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    row = call.team.get(LEADS, lead_id)
    if row is None and call.flag("withTrash"):
        gone = call.team.leads.deleted_by_id(str(lead_id))
        row = gone.row if gone else None
    if row is None or str(lead_id) in call.settings.forbidden:
        raise no_lead()
    shown = lead_json(call.team, row)
    if call.fault("no_cursor_field"):
        del shown["lastUpdateTime"]
    match call.settings.lead_reply:
        case "wrapped":
            return reply({"lead": shown})
        case "bare":
            return reply(shown)
        case _:
            return reply({**shown, "lead": shown})


def _create(call: Call) -> Response:
    team, given = call.team, call.body
    if "firstName" not in given:
        raise invalid("firstName is required")
    at = team.now()

    def make(lead_id: int) -> Row:
        row: Row = {
            "leadId": lead_id,
            "lastName": "",
            "emails": [],
            "phones": [],
            "leadTypes": [],
            "source": "Open API",
            "stageId": team.stages[0].id,
            "score": 0,
            "tags": [],
            "segments": [],
            "properties": [],
            "createTime": at,
            "lastUpdateTime": at,
            "ownershipScope": "PERSONAL",
        }
        after = written(team, row, given)
        if after.get("assignedUserId") is None:
            after["assignedUserId"], after["assignTime"] = _routed(team), at
        return after

    row = team.add(LEADS, make, late=True)
    lead_id = whole(row, "leadId")
    team.hooks.tell("Lead", "created", {"leadId": lead_id})
    if text(given, "content").strip():
        add_note(team, lead_id, text(given, "content"), pin=given.get("isPin") is True)
    if "leadTransaction" in given:
        add_transaction(team, row, as_row(given["leadTransaction"], "leadTransaction"))
    return reply({"leadId": lead_id})


def _routed(team: Team) -> int:
    agents = [one for one in team.members if one.user.active]
    return agents[len(team.leads) % len(agents)].id


def _update(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    before = call.lead(lead_id)
    after = written(call.team, before, call.body)
    change_lead(call.team, lead_id, before, after)
    if "leadTransaction" in call.body:
        given = as_row(call.body["leadTransaction"], "leadTransaction")
        number = whole(given, "transactionId")
        held = next(
            (one for one in call.team.of_lead("Transactions", lead_id) if one["transactionId"] == number),
            None,
        )
        if held is None:
            add_transaction(call.team, after, given)
        else:
            change_transaction(call.team, held, given)
    return reply({"leadId": lead_id})


def _trash(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    if not call.query.get("reason", "").strip():
        raise invalid("reason is required")
    call.lead(lead_id)
    call.team.remove(LEADS, lead_id)
    call.team.hooks.tell("Lead", "deleted", {"leadId": lead_id})
    return done()


def _assign(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    before = call.lead(lead_id)
    after = dict(before)
    for item in as_rows(call.json, "the body"):
        role, account = as_text(item.get("role"), "role"), item.get("assignee")
        if role not in {"Agent", "Assistant", "Lender"}:
            raise invalid("role is Agent, Assistant or Lender")
        member = next((one for one in call.team.members if one.user.email == account), None)
        if account is not None and member is None:
            raise LoftyError(400, 20003, "USER_NOT_EXIST")
        if role == "Agent":
            after["assignedUserId"], after["assignTime"] = member.id if member else None, call.team.now()
    change_lead(call.team, lead_id, before, after)
    return reply({"leadId": lead_id})


def _property(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    before = call.lead(lead_id)
    after = dict(before)
    property_written(after, call.body)
    change_lead(call.team, lead_id, before, after)
    return reply({"leadId": lead_id})


def _inquiry(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    before = call.lead(lead_id)
    change_lead(call.team, lead_id, before, written(call.team, before, {"inquiry": call.body}))
    return reply({"leadId": lead_id})


def _preview(call: Call) -> Response:
    for key, code in (("firstName", "PARAM_FIRST_NAME_FILL"), ("email", "PARAM_EMAIL_MUST_FILL")):
        if not text(call.body, key).strip():
            raise LoftyError(400, code, f"{key} is required")
    agent = call.team.member(_routed(call.team))
    assignees = [
        {"role": "Agent", "roleId": 1, "assigneeId": agent.id, "assignee": agent.user.email}
        for agent in ([agent] if agent else [])
    ]
    shown = {"firstName": text(call.body, "firstName"), "lastName": text(call.body, "lastName")}
    places = call.team.people("emails", text(call.body, "email"))
    known = call.team.leads.row(places[0]) if places else None
    if known is not None:
        shown = {"leadId": known["leadId"], "firstName": full_name(known)}
    return reply([{**shown, "customRoleAssignees": assignees}])

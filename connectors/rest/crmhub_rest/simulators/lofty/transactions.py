"""Transactions (deals) of leads, their pipelines and custom fields. There is no deletion.

Source: Lofty Open API, "Lead Transaction" and "Transactions V2". A stage or type that there is not falls back
to the first one without a word when a transaction is created; a change to an unknown stage is refused.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint, reply
from crmhub_rest.simulators.lofty.errors import (
    LoftyError,
    invalid,
    limit_not_valid,
    no_lead,
    no_resource,
    no_transaction,
)
from crmhub_rest.simulators.lofty.rows import full_name, text, whole
from crmhub_rest.simulators.lofty.team import TRANSACTIONS, CustomField, Team
from crmhub_rest.simulators.lofty.typed import check_custom
from crmhub_rest.simulators.lofty.vocabulary import TRANSACTION_FIELD_TYPES

_DATES: Final = (
    *(
        "expectedCloseDate",
        "closeDate",
        "appointmentDate",
        "agreementSignedDate",
        "offerDate",
        "contractDate",
    ),
    *("appraisalDate", "homeInspectionDate", "escrowDate", "expiration"),
)
_MONEY: Final = ("homePrice", "commissionRate", "gci", "teamRevenue", "agentRevenue")
_SHOWN: Final = (
    *("created", "updated", "transactionId", "transactionName", "assignedAgent", "transactionType"),
    *("transactionStatus", *_MONEY, *_DATES, "customFields"),
)
_ADDRESS: Final = ("unit", "label", "state", "city", "zipCode", "streetAddress", "county")
_DEFAULT_SIZE: Final = 20
_MOST: Final = 100
_QUERY_LENGTH: Final = 15


def endpoints() -> list[Endpoint]:
    """The routes."""
    lead = "/v1.0/leads/{leadId}"
    area = "transactions"
    return [
        Endpoint("GET", "/v2.0/transactions/pipelines", _pipelines, area),
        Endpoint("GET", "/v2.0/transactions", _search, area),
        Endpoint("GET", "/v1.0/transaction/customfields", _custom_fields, area),
        Endpoint("GET", f"{lead}/transactions", _of_lead, area),
        Endpoint("POST", f"{lead}/transaction", _create, area),
        Endpoint("POST", f"{lead}/transaction/property/address", _set_address, area),
        Endpoint("GET", f"{lead}/transaction/{{transactionId}}", _get, area),
        Endpoint("PUT", f"{lead}/transaction/{{transactionId}}", _update, area),
        Endpoint("GET", f"{lead}/transaction/{{transactionId}}/property/address", _get_address, area),
    ]


def item_json(team: Team, row: Row) -> Row:
    """A transaction as the list of version 2 shows it."""
    agent = team.member(row.get("assignedAgent"))
    shown = _own_json(team, row)
    shown["leadId"] = row["leadId"]
    shown["propertyId"] = ids.PROPERTIES.at(whole(row, "transactionId") % 1_000_000)
    shown["agentName"] = agent.user.full_name if agent else ""
    return shown


def add_transaction(team: Team, lead: Row, given: Mapping[str, object]) -> Row:
    """Keep a new transaction of a lead; raises LoftyError."""
    at = team.clock.now()

    def make(transaction_id: int) -> Row:
        row: Row = {
            "transactionId": transaction_id,
            "leadId": lead["leadId"],
            "assignedAgent": lead.get("assignedUserId"),
            "created": int(at * 1_000),
            "customFields": [],
        }
        _name(row, given.get("transactionName"))
        kind = text(given, "transactionType")
        row["transactionType"] = kind if kind in team.pipelines else next(iter(team.pipelines))
        stages = team.pipelines[text(row, "transactionType")]
        row["transactionStatus"] = _stage(team, row, given.get("transactionStatus")) or stages[0].name
        return _values(team, row, given)

    row = team.add(TRANSACTIONS, make)
    _tell(team, "created", row)
    return row


def change_transaction(team: Team, row: Row, given: Mapping[str, object]) -> Row:
    """Write into a transaction; raises LoftyError."""
    after = dict(row)
    if "transactionName" in given:
        _name(after, given["transactionName"])
    if text(given, "transactionType") in team.pipelines:
        after["transactionType"] = given["transactionType"]
    if "transactionStatus" in given:
        stage = _stage(team, after, given["transactionStatus"])
        if stage is None:
            raise LoftyError(400, 200125, "TRANSACTION_STATUS_INVALID")
        after["transactionStatus"] = stage
    elif _stage(team, after, after["transactionStatus"]) is None:
        after["transactionStatus"] = team.pipelines[text(after, "transactionType")][0].name
    after = _values(team, after, given)
    team.change(TRANSACTIONS, whole(row, "transactionId"), after)
    _tell(team, "updated", after)
    return after


def _own_json(team: Team, row: Row) -> Row:
    lead = team.leads.get(str(row["leadId"])) or {}
    return {"leadName": full_name(lead), **{key: row[key] for key in _SHOWN if row.get(key) is not None}}


def _tell(team: Team, event: str, row: Row) -> None:
    team.hooks.tell("Transaction", event, {"transactionId": row["transactionId"], "leadId": row["leadId"]})


def _name(row: Row, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise LoftyError(400, 200062, "TRANSACTION_NAME_BLANK")
    if "<" in value or ">" in value:
        raise LoftyError(400, 200062, "TRANSACTION_NAME_HTML")
    row["transactionName"] = value


def _stage(team: Team, row: Row, name: object) -> str | None:
    stages = team.pipelines[text(row, "transactionType")]
    return next((one.name for one in stages if one.name.lower() == str(name).strip().lower()), None)


def _values(team: Team, row: Row, given: Mapping[str, object]) -> Row:
    for key in _DATES:
        if key in given:
            value = given[key]
            if isinstance(value, bool) or not isinstance(value, int):
                raise invalid(f"{key} must be epoch milliseconds")
            row[key] = value
    for key in _MONEY:
        if key in given:
            value = given[key]
            if isinstance(value, bool) or not isinstance(value, int | Decimal):
                raise invalid(f"{key} must be a number")
            row[key] = value
    if "customFields" in given:
        row["customFields"] = _customs(team, given["customFields"])
    row["updated"] = int(team.clock.now() * 1_000)
    return row


def _customs(team: Team, value: object) -> list[Row]:
    kept: list[Row] = []
    for item in cast("list[object]", value) if isinstance(value, list) else [None]:
        one = cast("Row", item) if isinstance(item, dict) else {}
        field = next((field for field in team.transaction_fields if field.id == one.get("id")), None)
        content = one.get("value")
        if field is None or not isinstance(content, str | None):
            raise invalid("customFields are {id, value} of the team's custom fields")
        if content:
            check_custom(field.type, field.choices, content)
            kept.append({"id": field.id, "value": content})
    return kept


def _search(call: Call) -> Response:
    size = call.number("pageSize", _DEFAULT_SIZE)
    if not 1 <= size <= _MOST:
        raise limit_not_valid(20042)
    number = call.number("pageNum", 0)
    if number < 0:
        raise invalid("pageNum must not be negative")
    kind = call.query.get("transactionType", "") or "Purchase"
    kinds = {name.lower(): name for name in (*call.team.pipelines, "All")}
    if kind.lower() not in kinds:
        raise invalid("transactionType is unknown")
    lead, sought = call.number("leadId", 0), call.query.get("queryKey", "")[:_QUERY_LENGTH].strip().lower()
    team, kind = call.team, kinds[kind.lower()]
    places = team.view(TRANSACTIONS, (kind, lead, sought), lambda: _matching(team, kind, lead, sought))
    page = places[number * size : (number + 1) * size]
    shown = [item_json(team, team.transactions.row(place)) for place in page]
    if shown and call.fault("duplicate_ids"):
        shown.append(shown[0])
    if shown and call.fault("no_cursor_field"):
        for one in shown:
            del one["updated"]
    values = {"pageNum": number, "pageSize": size, "totalCount": len(places)}
    return reply({**values, "pageData": shown})


def _matching(team: Team, kind: str, lead: int, sought: str) -> list[int]:
    table = team.transactions
    places = table.find("leadId", lead) if lead else table.places()
    if kind == "All" and not sought:
        return sorted(places, reverse=True)
    found = [
        place
        for place in places
        for row in (table.row(place),)
        if kind in {"All", row["transactionType"]} and (not sought or _mentions(team, row, sought))
    ]
    return sorted(found, reverse=True)


def _mentions(team: Team, row: Row, sought: str) -> bool:
    address = cast("Row", row.get("address") or {})
    held = (
        text(row, "transactionName"),
        text(_own_json(team, row), "leadName"),
        text(address, "streetAddress"),
    )
    return any(sought in one.lower() for one in held)


def _found(call: Call) -> Row:
    lead_id = call.id("leadId", no_lead)
    call.lead(lead_id)
    row = call.team.transactions.get(str(call.id("transactionId", no_transaction)))
    if row is None or row["leadId"] != lead_id:
        raise no_transaction()
    return row


def _of_lead(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    call.lead(lead_id)
    return reply([_own_json(call.team, row) for row in call.team.of_lead(TRANSACTIONS, lead_id)])


def _create(call: Call) -> Response:
    lead = call.lead(call.id("leadId", no_lead))
    return reply(_own_json(call.team, add_transaction(call.team, lead, call.body)))


def _get(call: Call) -> Response:
    return reply(_own_json(call.team, _found(call)))


def _update(call: Call) -> Response:
    return reply(_own_json(call.team, change_transaction(call.team, _found(call), call.body)))


def _set_address(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    call.lead(lead_id)
    wanted = call.body.get("transactionId")
    if not isinstance(wanted, int):
        raise invalid("transactionId is required")
    row = call.team.transactions.get(str(wanted))
    if row is None or row["leadId"] != lead_id:
        raise no_transaction()
    address = {key: call.body[key] for key in _ADDRESS if key in call.body}
    after = {**row, "address": address, "updated": int(call.team.clock.now() * 1_000)}
    call.team.change(TRANSACTIONS, wanted, after)
    _tell(call.team, "updated", after)
    return reply({"code": 0, "message": "success"})


def _get_address(call: Call) -> Response:
    row = _found(call)
    if not row.get("address"):
        raise no_resource()
    return reply({"transactionId": row["transactionId"], **cast("Row", row["address"])})


def _pipelines(call: Call) -> Response:
    pipelines = [
        {
            "transactionType": kind,
            "stages": [
                {"id": one.id, "name": one.name, "default": place == 0} for place, one in enumerate(stages)
            ],
        }
        for kind, stages in call.team.pipelines.items()
    ]
    return reply({"pipelines": pipelines})


def _custom_fields(call: Call) -> Response:
    return reply([_field_json(one) for one in call.team.transaction_fields])


def _field_json(field: CustomField) -> Row:
    labels = ",".join(f'{{"label":"{one}","value":"{one}"}}' for one in field.choices)
    kind = TRANSACTION_FIELD_TYPES.get(field.type, "DATE")
    return {"id": field.id, "name": field.name, "type": kind, "params": f"[{labels}]" if labels else ""}

"""Lead conversion: a lead becomes an account, a contact and, if wanted, a deal.

Source: Zoho CRM API v8, "Convert Lead" (5 credits, counted as a heavy call): what the lead has goes to the
fields that Zoho maps by default; a lead is converted once.
"""

from collections.abc import Mapping
from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import Call, Endpoint, reply
from crmhub_zoho.simulator.drafts import checked
from crmhub_zoho.simulator.errors import Details, ZohoError, invalid_related_id
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import CONVERTED, SE_MODULE
from crmhub_zoho.simulator.writing import items_of

CREDITS = 5
_TO_ACCOUNT = {
    "Company": "Account_Name",
    "Phone": "Phone",
    "Fax": "Fax",
    "Website": "Website",
    "Industry": "Industry",
    "Annual_Revenue": "Annual_Revenue",
    "No_of_Employees": "Employees",
    "Rating": "Rating",
    "Street": "Billing_Street",
    "City": "Billing_City",
    "State": "Billing_State",
    "Zip_Code": "Billing_Code",
    "Country": "Billing_Country",
}
_TO_CONTACT = {
    **{
        name: name
        for name in (
            *("Salutation", "First_Name", "Last_Name", "Email", "Secondary_Email", "Phone", "Mobile", "Fax"),
            *("Lead_Source", "Email_Opt_Out", "Skype_ID", "Twitter", "Description"),
        )
    },
    "Designation": "Title",
    "Street": "Mailing_Street",
    "City": "Mailing_City",
    "State": "Mailing_State",
    "Zip_Code": "Mailing_Zip",
    "Country": "Mailing_Country",
}


def convert(call: Call) -> Response:
    """`POST /Leads/{id}/actions/convert`."""
    leads = call.org.modules["Leads"]
    lead = leads.table.get(call.path["id"])
    place = leads.table.place_of(call.path["id"])
    if lead is None or place is None:
        raise invalid_related_id()
    if lead.get(CONVERTED) is True:
        raise ZohoError(400, "ID_ALREADY_CONVERTED", "id already converted", {"resource_path_index": 1})
    (item,) = items_of(call.body, most=1)
    wanted = cast("Mapping[str, object]", item if isinstance(item, Mapping) else {})
    try:
        details = _converted(call, lead, wanted)
    except ZohoError as refusal:
        return reply({"data": [refusal.envelope()]}, 400)
    found = {name: cast("Row", one)["id"] for name, one in details.items() if one is not None}
    become = {f"Converted_{name.removesuffix('s')}": one for name, one in found.items()}
    call.records.change(leads, place, {CONVERTED: True, "$converted_detail": found, **become}, call.user.id)
    call.org.has_converted = True
    _move_notes(call, str(found["Contacts"]))
    done = {"code": "SUCCESS", "message": "The record has been converted successfully", "status": "success"}
    return reply({"data": [{**done, "details": details}]})


def _converted(call: Call, lead: Row, wanted: Mapping[str, object]) -> Details:
    """Check everything first: a conversion happens as a whole or not at all."""
    owner = _owner(call, wanted, lead)
    account_id = _existing(call, wanted, "Accounts")
    contact_id = _existing(call, wanted, "Contacts")
    given = wanted.get("Deals")
    deal = {**cast("Row", given), "Owner": {"id": owner}} if isinstance(given, Mapping) else None
    if deal is not None:
        _check_deal(call, deal)
    if account_id is None and lead.get("Company"):
        account_id = _made(call, "Accounts", _mapped(lead, _TO_ACCOUNT), owner)
    if contact_id is None:
        values = _mapped(lead, _TO_CONTACT) | ({"Account_Name": account_id} if account_id else {})
        contact_id = _made(call, "Contacts", values, owner)
    deal_id: str | None = None
    if deal is not None:
        linked: Row = {"Contact_Name": {"id": contact_id}}
        linked |= {"Account_Name": {"id": account_id}} if account_id else {}
        made = call.records.insert(call.org.modules["Deals"], {**deal, **linked}, _DEAL_PATH, call.user.id)
        deal_id = str(made["id"])
    ids = {"Contacts": contact_id, "Deals": deal_id, "Accounts": account_id}
    return {name: None if one is None else _named(call, name, one) for name, one in ids.items()}


_DEAL_PATH = "$.data[0].Deals"


def _check_deal(call: Call, deal: Row) -> None:
    if not deal.get("Closing_Date"):
        details: Details = {"api_name": "Closing_Date", "json_path": f"{_DEAL_PATH}.Closing_Date"}
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", details)
    checked(call.org, call.org.modules["Deals"], deal, _DEAL_PATH, None)


def _made(call: Call, name: str, values: Row, owner: str) -> str:
    item = {**values, "Owner": {"id": owner}}
    return str(call.records.insert(call.org.modules[name], item, f"$.data[0].{name}", call.user.id)["id"])


def _mapped(lead: Row, names: Mapping[str, str]) -> Row:
    return {target: lead[name] for name, target in names.items() if lead.get(name) is not None}


def _owner(call: Call, wanted: Mapping[str, object], lead: Row) -> str:
    given = wanted.get("assign_to")
    if given is None:
        return str(lead["Owner"])
    user = call.org.users.get(as_record_id(_id_in(given)) or "")
    if user is None or not user.active:
        raise _bad("assign_to")
    return user.id


def _existing(call: Call, wanted: Mapping[str, object], name: str) -> str | None:
    given = wanted.get(name)
    if given is None:
        return None
    record_id = as_record_id(_id_in(given)) or ""
    if call.org.modules[name].table.place_of(record_id) is None:
        raise _bad(name)
    return record_id


def _id_in(given: object) -> object:
    return cast("Row", given).get("id") if isinstance(given, Mapping) else given


def _bad(name: str) -> ZohoError:
    details: Details = {"api_name": name, "json_path": f"$.data[0].{name}"}
    return ZohoError(400, "INVALID_DATA", "invalid data", details)


def _named(call: Call, name: str, record_id: str) -> Row:
    module = call.org.modules[name]
    row = module.table.get(record_id)
    return {"name": module.title(row) if row else "", "id": record_id}


def _move_notes(call: Call, contact_id: str) -> None:
    notes = call.org.modules["Notes"]
    for place in notes.table.find("Parent_Id", call.path["id"]):
        if notes.table.row(place).get(SE_MODULE) == "Leads":
            values: Row = {"Parent_Id": contact_id, SE_MODULE: "Contacts"}
            call.records.change(notes, place, values, call.user.id)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/Leads/{id}/actions/convert",
        convert,
        ("modules.leads.CREATE",),
        lambda _: CREDITS,
        lambda _: True,
    ),
)

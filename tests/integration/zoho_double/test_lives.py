"""What becomes of records: the recycle bin, lead conversion, links through related lists."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.test_writing import create, read

pytestmark = pytest.mark.anyio
BIN = "/crm/v8/settings/recycle_bin"
DEAL = {"Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2026-12-31"}


async def deleted(zoho: httpx.AsyncClient, module: str, **values: object) -> str:
    record = await create(zoho, module, **values)
    assert (await zoho.delete(f"/crm/v8/{module}/{record}")).status_code == 200
    return record


async def test_the_bin_holds_what_was_deleted(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    assert (await zoho.get(BIN)).status_code == 204
    account = await deleted(zoho, "Accounts", Account_Name="Old")
    double.clock.advance(60)
    lead = await deleted(zoho, "Leads", Last_Name="Gone")
    page = (await zoho.get(BIN)).json()
    assert [one["id"] for one in page["recycle_bin"]] == [lead, account]
    assert page["recycle_bin"][1]["display_name"] == "Old"
    assert page["recycle_bin"][1]["module"]["api_name"] == "Accounts"
    assert (await zoho.get(f"{BIN}/actions/count")).json() == {"count": 2}
    only = {"filters": '{"field": {"api_name": "module"}, "comparator": "equal", "value": "Leads"}'}
    assert [one["id"] for one in (await zoho.get(BIN, params=only)).json()["recycle_bin"]] == [lead]
    assert (await zoho.get(f"{BIN}/{lead}")).json()["recycle_bin"][0]["id"] == lead
    double.clock.advance(61 * 86_400)
    assert (await zoho.get(BIN)).status_code == 204


async def test_records_come_back_from_the_bin(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    lead = await deleted(zoho, "Leads", Last_Name="Back", Phone="1")
    double.clock.advance(60)
    reply = await zoho.post(f"{BIN}/actions/restore", json={"ids": [lead, "5"]})
    assert (reply.status_code, [one["code"] for one in reply.json()["recycle_bin"]]) == (
        207,
        ["SUCCESS", "INVALID_DATA"],
    )
    found = await read(zoho, "Leads", lead)
    assert (found["Phone"], found["Modified_Time"]) == ("1", "2026-01-01T14:31:00+05:30")
    assert (await zoho.get("/crm/v8/Leads/deleted")).status_code == 204
    for name in "AB":
        await deleted(zoho, "Leads", Last_Name=name)
    both = await zoho.post(f"{BIN}/actions/restore", json={"ids": [lead], "restore_all_records": True})
    assert both.json()["code"] == "AMBIGUITY_DURING_PROCESSING"
    assert (await zoho.post(f"{BIN}/actions/restore", json={})).json()["code"] == "EXPECTED_FIELD_MISSING"
    everything = await zoho.post(f"{BIN}/actions/restore", json={"restore_all_records": True})
    assert len(everything.json()["recycle_bin"]) == 2
    assert len(list(double.truth("Leads"))) == 3


async def test_what_is_deleted_for_good_is_only_listed(zoho: httpx.AsyncClient) -> None:
    lead = await deleted(zoho, "Leads", Last_Name="Gone")
    assert (await zoho.delete(f"{BIN}/{lead}")).json()["recycle_bin"][0]["code"] == "SUCCESS"
    assert (await zoho.get(f"{BIN}/{lead}")).status_code == 204
    (listed,) = (await zoho.get("/crm/v8/Leads/deleted")).json()["data"]
    assert listed["type"] == "permanent"
    await deleted(zoho, "Leads", Last_Name="Gone too")
    assert (await zoho.post(f"{BIN}/actions/empty")).json()["code"] == "SUCCESS"
    assert (await zoho.get(f"{BIN}/actions/count")).json() == {"count": 0}


async def convert(zoho: httpx.AsyncClient, lead: str, **wanted: object) -> httpx.Response:
    return await zoho.post(f"/crm/v8/Leads/{lead}/actions/convert", json={"data": [wanted]})


async def test_a_lead_becomes_an_account_a_contact_and_a_deal(
    zoho: httpx.AsyncClient, double: ZohoDouble
) -> None:
    lead = await create(
        zoho, "Leads", Last_Name="Lee", Company="Acme", Email="lee@example.com", Designation="CTO"
    )
    await zoho.post(f"/crm/v8/Leads/{lead}/Notes", json={"data": [{"Note_Content": "n"}]})
    before = double.limits.used
    reply = await convert(zoho, lead, Deals=DEAL)
    assert double.limits.used - before == 5
    item = reply.json()["data"][0]
    assert (reply.status_code, item["message"]) == (200, "The record has been converted successfully")
    ids = {name: one["id"] for name, one in item["details"].items()}
    contact = await read(zoho, "Contacts", ids["Contacts"])
    assert (contact["Email"], contact["Title"]) == ("lee@example.com", "CTO")
    assert contact["Account_Name"] == {"name": "Acme", "id": ids["Accounts"]}
    deal = await read(zoho, "Deals", ids["Deals"])
    assert (deal["Account_Name"]["id"], deal["Contact_Name"]["id"]) == (ids["Accounts"], ids["Contacts"])
    notes = await zoho.get(f"/crm/v8/Contacts/{ids['Contacts']}/Notes", params={"fields": "Note_Content"})
    assert [one["Note_Content"] for one in notes.json()["data"]] == ["n"]
    again = await convert(zoho, lead)
    assert (again.status_code, again.json()["code"]) == (400, "ID_ALREADY_CONVERTED")
    changed = await zoho.put(f"/crm/v8/Leads/{lead}", json={"data": [{"Phone": "1"}]})
    assert changed.json()["data"][0]["code"] == "CONVERTED_RECORD"


async def test_converted_leads_are_listed_when_asked_for(zoho: httpx.AsyncClient) -> None:
    done, other = [await create(zoho, "Leads", Last_Name=name) for name in ("Done", "Open")]
    assert (await convert(zoho, done)).json()["data"][0]["details"]["Accounts"] is None
    for converted, expected in (("false", {other}), ("true", {done}), ("both", {done, other})):
        params = {"fields": "Last_Name", "converted": converted}
        listed = (await zoho.get("/crm/v8/Leads", params=params)).json()["data"]
        assert {one["id"] for one in listed} == expected
        found = await zoho.get("/crm/v8/Leads/search", params={"word": "n", "converted": converted} | NAMED)
        assert {one["id"] for one in found.json()["data"]} == expected
    assert (await read(zoho, "Leads", done))["$converted"] is True


NAMED = {"criteria": "((Last_Name:equals:Done)or(Last_Name:equals:Open))"}


async def test_a_lead_joins_what_is_there(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="Acme")
    lead = await create(zoho, "Leads", Last_Name="Lee", Company="Acme Inc")
    reply = await convert(zoho, lead, Accounts={"id": account})
    assert reply.json()["data"][0]["details"]["Accounts"] == {"name": "Acme", "id": account}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"Deals": {**DEAL, "Stage": "Nowhere"}}, "INVALID_DATA"),
        ({"Deals": {"Deal_Name": "D", "Stage": "Qualification"}}, "MANDATORY_NOT_FOUND"),
        ({"Accounts": "5"}, "INVALID_DATA"),
        ({"assign_to": {"id": "5"}}, "INVALID_DATA"),
    ],
)
async def test_a_conversion_happens_whole_or_not_at_all(
    zoho: httpx.AsyncClient, double: ZohoDouble, wanted: dict[str, Any], code: str
) -> None:
    lead = await create(zoho, "Leads", Last_Name="Lee", Company="Acme")
    reply = await convert(zoho, lead, **wanted)
    assert (reply.status_code, reply.json()["data"][0]["code"]) == (400, code)
    assert [len(list(double.truth(name))) for name in ("Accounts", "Contacts", "Deals")] == [0, 0, 0]
    assert (await convert(zoho, "5")).json()["details"] == {"resource_path_index": 1}


async def test_related_records_are_linked_and_delinked(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="Acme")
    contact = await create(zoho, "Contacts", Last_Name="Lee")
    url = f"/crm/v8/Accounts/{account}/Contacts"
    linked = await zoho.put(url, json={"data": [{"id": contact}, {"id": "5"}]})
    assert (linked.status_code, linked.json()["data"][0]["message"]) == (207, "relation updated")
    assert (await read(zoho, "Contacts", contact))["Account_Name"]["id"] == account
    assert (await zoho.get(f"{url}/{contact}")).json()["data"][0]["Last_Name"] == "Lee"
    unlinked = await zoho.delete(url, params={"ids": contact})
    assert unlinked.json()["data"][0]["message"] == "relation removed"
    assert (await read(zoho, "Contacts", contact))["Account_Name"] is None
    assert (await zoho.get(f"{url}/{contact}")).status_code == 204
    assert (await zoho.delete(f"{url}/{contact}")).json()["data"][0]["code"] == "INVALID_DATA"


async def test_notes_of_a_record_are_changed_and_deleted(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="Acme")
    url = f"/crm/v8/Accounts/{account}/Notes"
    made = await zoho.post(url, json={"data": [{"Note_Content": "a"}, {"Note_Content": "b"}]})
    first, second = [one["details"]["id"] for one in made.json()["data"]]
    changed = await zoho.put(f"{url}/{first}", json={"data": [{"Note_Content": "c"}]})
    assert changed.json()["data"][0]["message"] == "record updated"
    assert (await zoho.get(f"{url}/{first}")).json()["data"][0]["Note_Content"] == "c"
    assert (await zoho.delete(url, params={"ids": second})).json()["data"][0]["message"] == "record deleted"
    assert (await zoho.get(f"/crm/v8/Notes/{second}")).status_code == 204


async def test_what_is_not_played_is_no_address(zoho: httpx.AsyncClient) -> None:
    for path in ("Contacts/5/actions/unknown", "Contacts/actions/unknown", "settings/unknown"):
        reply = await zoho.get(f"/crm/v8/{path}")
        assert (reply.status_code, reply.json()["code"]) == (404, "INVALID_URL_PATTERN")

"""Create, update, upsert, delete: per-record results, limits, types."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = pytest.mark.anyio
CONTACTS = "/crm/v8/Contacts"


async def create(zoho: httpx.AsyncClient, module: str, **values: object) -> str:
    reply = await zoho.post(f"/crm/v8/{module}", json={"data": [values]})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["data"][0]["details"]["id"])


async def read(zoho: httpx.AsyncClient, module: str, record_id: str) -> dict[str, Any]:
    return (await zoho.get(f"/crm/v8/{module}/{record_id}")).json()["data"][0]


async def refusal(zoho: httpx.AsyncClient, module: str, **values: object) -> dict[str, Any]:
    reply = await zoho.post(f"/crm/v8/{module}", json={"data": [values]})
    assert reply.status_code == 400, reply.text
    return reply.json()["data"][0]


async def test_a_created_record_has_what_zoho_adds(zoho: httpx.AsyncClient) -> None:
    reply = await zoho.post(CONTACTS, json={"data": [{"First_Name": "Ada", "Last_Name": "Okafor"}]})
    item = reply.json()["data"][0]
    assert (reply.status_code, item["code"], item["message"]) == (201, "SUCCESS", "record added")
    assert set(item["details"]) == {
        *("Modified_Time", "Modified_By", "Created_Time", "id", "Created_By", "$approval_state")
    }
    contact = await read(zoho, "Contacts", item["details"]["id"])
    assert contact["Full_Name"] == "Ada Okafor"
    assert contact["Created_Time"] == contact["Modified_Time"] == "2026-01-01T14:30:00+05:30"
    assert contact["Owner"] == {
        "name": "Ada Okafor",
        "id": contact["Created_By"]["id"],
        "email": "ada.okafor@example.com",
    }
    assert contact["Email"] is None
    assert contact["$approval_state"] == "approved"
    assert int(contact["id"]) > 2**53


async def test_results_come_in_order_and_a_part_may_fail(zoho: httpx.AsyncClient) -> None:
    data = [{"Last_Name": "A"}, {"First_Name": "B"}, {"Last_Name": "C", "Email": "no address"}]
    reply = await zoho.post(CONTACTS, json={"data": data})
    assert reply.status_code == 207
    first, second, third = reply.json()["data"]
    assert first["status"] == "success"
    assert second["code"] == "MANDATORY_NOT_FOUND"
    assert second["details"] == {"api_name": "Last_Name", "json_path": "$.data[1].Last_Name"}
    assert third["details"] == {
        "expected_data_type": "email",
        "api_name": "Email",
        "json_path": "$.data[2].Email",
    }


async def test_several_faults_in_one_record_come_together(zoho: httpx.AsyncClient) -> None:
    found = await refusal(zoho, "Contacts", Email="x", Date_of_Birth="1.2.1990")
    assert found["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert {one["code"] for one in found["details"]["errors"]} == {"INVALID_DATA", "MANDATORY_NOT_FOUND"}
    assert len(found["details"]["errors"]) == 3


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_101_records_are_refused_whole(zoho: httpx.AsyncClient, method: str) -> None:
    reply = await zoho.request(method, CONTACTS, json={"data": [{"Last_Name": "x"}] * 101})
    assert reply.status_code == 400
    assert reply.json()["code"] == "INVALID_DATA"
    assert reply.json()["details"] == {"maximum_length": 100, "api_name": "data", "json_path": "$.data"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_REQUEST"),
        (b"{", "INVALID_REQUEST"),
        (b"[]", "INVALID_DATA"),
        (b"{}", "MANDATORY_NOT_FOUND"),
        (b'{"data": {}}', "INVALID_DATA"),
        (b'{"data": []}', "INVALID_DATA"),
        (b'{"data": [{"Last_Name": "x"}], "trigger": ["everything"]}', "INVALID_DATA"),
    ],
)
async def test_bodies_that_are_none_are_refused(zoho: httpx.AsyncClient, body: bytes, code: str) -> None:
    reply = await zoho.post(CONTACTS, content=body)
    assert (reply.status_code, reply.json()["code"]) == (400, code)
    assert set(reply.json()) == {"code", "details", "message", "status"}


async def test_a_body_needs_no_content_type(zoho: httpx.AsyncClient) -> None:
    reply = await zoho.post(CONTACTS, content=b'{"data":[{"Last_Name":"x"}],"trigger":[]}')
    assert "content-type" not in reply.request.headers
    assert reply.status_code == 201


@pytest.mark.parametrize(
    ("module", "field", "value", "expected"),
    [
        ("Accounts", "Annual_Revenue", "12", {"expected_data_type": "currency"}),
        ("Accounts", "Annual_Revenue", 10**17, {"maximum_length": 16}),
        ("Accounts", "Employees", 1.5, {"expected_data_type": "integer"}),
        ("Accounts", "Employees", 10**9, {"maximum_length": 9}),
        ("Accounts", "Industry", "Space", {"expected_data_type": "picklist"}),
        ("Accounts", "Phone", "1" * 31, {"maximum_length": 30}),
        ("Accounts", "Website", 7, {"expected_data_type": "text"}),
        ("Contacts", "Email_Opt_Out", "yes", {"expected_data_type": "boolean"}),
        ("Contacts", "Date_of_Birth", "2001-02-30", {"expected_data_type": "date"}),
        ("Events", "Start_DateTime", "2026-01-01T09:00:00Z", {"expected_data_type": "datetime"}),
        ("Events", "Start_DateTime", "2026-01-01", {"expected_data_type": "datetime"}),
        ("Deals", "Account_Name", "Acme", {"expected_data_type": "jsonobject"}),
        ("Deals", "Stage", "Won", {"expected_data_type": "picklist"}),
    ],
)
async def test_values_of_a_wrong_type_are_refused(
    zoho: httpx.AsyncClient, module: str, field: str, value: object, expected: dict[str, object]
) -> None:
    needed: dict[str, dict[str, object]] = {
        "Accounts": {"Account_Name": "A"},
        "Contacts": {"Last_Name": "C"},
        "Deals": {"Deal_Name": "D", "Stage": "Closed Won"},
        "Events": {"Event_Title": "E", "End_DateTime": "2026-01-01T10:00:00+00:00"},
    }
    found = await refusal(zoho, module, **(needed[module] | {field: value}))
    assert found["code"] == "INVALID_DATA"
    assert found["details"] == expected | {"api_name": field, "json_path": f"$.data[0].{field}"}


async def test_money_is_exact_and_times_come_in_the_organisations_zone(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="A", Annual_Revenue=1100.04)
    reply = await zoho.get(f"/crm/v8/Accounts/{account}")
    assert '"Annual_Revenue":1100.04,' in reply.text
    event = await create(
        zoho,
        "Events",
        Event_Title="E",
        Start_DateTime="2026-01-01T10:00:00-08:00",
        End_DateTime="2026-01-01T11:00:00-08:00",
    )
    assert (await read(zoho, "Events", event))["Start_DateTime"] == "2026-01-01T23:30:00+05:30"


async def test_ids_are_taken_as_numbers_and_as_texts(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="A")
    for given in ({"id": account}, {"id": int(account)}, account, int(account)):
        contact = await create(zoho, "Contacts", Last_Name="C", Account_Name=given)
        assert (await read(zoho, "Contacts", contact))["Account_Name"] == {"name": "A", "id": account}


async def test_a_lookup_must_lead_to_a_record(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    found = await refusal(zoho, "Contacts", Last_Name="C", Account_Name={"id": "554023110000009999"})
    assert found["details"]["json_path"] == "$.data[0].Account_Name.id"
    assert found["message"] == "the id given seems to be invalid"
    gone = next(user.id for user in double.org.users.values() if not user.active)
    found = await refusal(zoho, "Contacts", Last_Name="C", Owner={"id": gone})
    assert found["details"]["api_name"] == "Owner"


async def test_a_lookup_to_a_deleted_record_is_null(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="A")
    contact = await create(zoho, "Contacts", Last_Name="C", Account_Name={"id": account})
    await zoho.delete(f"/crm/v8/Accounts/{account}")
    assert (await read(zoho, "Contacts", contact))["Account_Name"] is None


async def test_a_deal_takes_its_chance_from_its_stage(zoho: httpx.AsyncClient) -> None:
    deal = await create(zoho, "Deals", Deal_Name="D", Stage="Negotiation/Review", Amount=200)
    found = await read(zoho, "Deals", deal)
    assert (found["Probability"], found["Expected_Revenue"]) == (90, 180)
    assert found["Pipeline"] == "Standard (Standard)"
    await zoho.put(f"/crm/v8/Deals/{deal}", json={"data": [{"Stage": "Closed Lost"}]})
    found = await read(zoho, "Deals", deal)
    assert (found["Probability"], found["Expected_Revenue"]) == (0, 0)


async def test_an_activity_names_the_module_it_is_about(zoho: httpx.AsyncClient) -> None:
    deal = await create(zoho, "Deals", Deal_Name="D", Stage="Closed Won")
    found = await refusal(zoho, "Tasks", Subject="T", What_Id={"id": deal})
    assert found["code"] == "DEPENDENT_FIELD_MISSING"
    found = await refusal(zoho, "Tasks", Subject="T", What_Id={"id": deal}, **{"$se_module": "Accounts"})
    assert found["code"] == "INVALID_DATA"
    task = await create(zoho, "Tasks", Subject="T", What_Id={"id": deal}, **{"$se_module": "Deals"})
    kept = await read(zoho, "Tasks", task)
    assert kept["What_Id"] == {"name": "D", "id": deal}
    assert (kept["$se_module"], kept["Status"]) == ("Deals", "Not Started")


async def test_null_clears_and_unknown_keys_are_ignored(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    contact = await create(zoho, "Contacts", Last_Name="C", Phone="1", Nonsense=1)
    double.clock.advance(5)
    reply = await zoho.put(CONTACTS, json={"data": [{"id": contact, "Phone": None, "First_Name": "F"}]})
    assert reply.json()["data"][0]["message"] == "record updated"
    found = await read(zoho, "Contacts", contact)
    assert (found["Phone"], found["First_Name"], found["Full_Name"]) == (None, "F", "F C")
    assert found["Created_Time"] < found["Modified_Time"] == "2026-01-01T14:30:05+05:30"
    refused = await zoho.put(CONTACTS, json={"data": [{"id": contact, "Last_Name": None}]})
    assert refused.json()["data"][0]["code"] == "MANDATORY_NOT_FOUND"


async def test_an_update_needs_an_id_that_is_there(zoho: httpx.AsyncClient) -> None:
    contact = await create(zoho, "Contacts", Last_Name="C")
    data = [{"id": contact, "Fax": "1"}, {"Fax": "2"}, {"id": "5", "Fax": "3"}]
    reply = await zoho.put(CONTACTS, json={"data": data})
    assert reply.status_code == 207
    assert [item["code"] for item in reply.json()["data"]] == [
        "SUCCESS",
        "MANDATORY_NOT_FOUND",
        "INVALID_DATA",
    ]
    assert reply.json()["data"][2]["details"] == {"id": "5"}


async def test_a_stale_update_is_refused(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    contact = await create(zoho, "Contacts", Last_Name="C")
    seen = {"If-Unmodified-Since": "2026-01-01T14:30:00+05:30"}
    body = {"data": [{"Fax": "1"}]}
    assert (await zoho.put(f"{CONTACTS}/{contact}", json=body, headers=seen)).status_code == 200
    double.clock.advance(60)
    assert (await zoho.put(f"{CONTACTS}/{contact}", json=body)).status_code == 200
    reply = await zoho.put(f"{CONTACTS}/{contact}", json=body, headers=seen)
    assert (reply.status_code, reply.json()["data"][0]["code"]) == (412, "ALREADY_MODIFIED")


async def test_a_unique_value_is_taken_once(make_zoho: Any, tmp_path: Any) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text("Accounts:\n  - {name: Erp_Id, type: text, unique: true}\n")
    _, zoho = make_zoho(schema=schema)
    account = await create(zoho, "Accounts", Account_Name="A", Erp_Id="x-1")
    found = await refusal(zoho, "Accounts", Account_Name="B", Erp_Id="X-1")
    assert found["code"] == "DUPLICATE_DATA"
    assert found["details"]["id"] == found["details"]["duplicate_record"]["id"] == account
    assert found["details"]["duplicate_record"]["module"]["api_name"] == "Accounts"
    upserted = await zoho.post(
        "/crm/v8/Accounts/upsert",
        json={"data": [{"Account_Name": "C", "Erp_Id": "x-1"}], "duplicate_check_fields": ["Erp_Id"]},
    )
    item = upserted.json()["data"][0]
    assert (item["action"], item["duplicate_field"], item["details"]["id"]) == ("update", "Erp_Id", account)


async def test_upsert_goes_by_the_system_field(zoho: httpx.AsyncClient) -> None:
    contact = await create(zoho, "Contacts", Last_Name="C", Email="c@example.com")
    data = [
        {"Last_Name": "New", "Email": "n@example.com"},
        {"Last_Name": "Old", "Email": "C@example.com"},
        {"Last_Name": "None"},
    ]
    reply = await zoho.post(f"{CONTACTS}/upsert", json={"data": data})
    assert reply.status_code == 200
    items = reply.json()["data"]
    assert [item["action"] for item in items] == ["insert", "update", "insert"]
    assert [item["duplicate_field"] for item in items] == [None, "Email", None]
    assert items[1]["details"]["id"] == contact
    wrong = await zoho.post(
        f"{CONTACTS}/upsert", json={"data": data, "duplicate_check_fields": ["Last_Name"]}
    )
    assert wrong.json()["code"] == "INVALID_DATA"
    activities = await zoho.post("/crm/v8/Tasks/upsert", json={"data": [{"Subject": "T"}]})
    assert activities.json()["code"] == "NOT_SUPPORTED"


async def test_deleted_records_are_listed_until_they_are_forgotten(
    zoho: httpx.AsyncClient, double: ZohoDouble
) -> None:
    contact = await create(zoho, "Contacts", Last_Name="Gone")
    reply = await zoho.delete(CONTACTS, params={"ids": f"{contact},5", "wf_trigger": "False"})
    assert reply.status_code == 207
    assert reply.json()["data"][0]["details"] == {"id": contact}
    assert reply.json()["data"][1]["message"] == "record not deleted"
    assert (await zoho.get(f"{CONTACTS}/{contact}")).status_code == 204
    (item,) = (await zoho.get(f"{CONTACTS}/deleted")).json()["data"]
    assert (item["display_name"], item["type"]) == ("Gone", "recycle")
    assert item["deleted_time"] == "2026-01-01T14:30:00+05:30"
    later = {"If-Modified-Since": "2026-01-01T14:30:00+05:30"}
    assert (await zoho.get(f"{CONTACTS}/deleted", headers=later)).status_code == 304
    double.clock.advance(61 * 86_400)
    assert (await zoho.get(f"{CONTACTS}/deleted", params={"type": "recycle"})).status_code == 204
    (item,) = (await zoho.get(f"{CONTACTS}/deleted", params={"type": "permanent"})).json()["data"]
    assert (item["id"], item["display_name"], item["deleted_by"]) == (contact, None, None)
    double.clock.advance(60 * 86_400)
    assert (await zoho.get(f"{CONTACTS}/deleted")).status_code == 204


async def test_a_delete_names_at_most_100_records(zoho: httpx.AsyncClient) -> None:
    missing = await zoho.delete(CONTACTS)
    assert missing.json()["details"] == {"param_name": "ids"}
    many = await zoho.delete(CONTACTS, params={"ids": ",".join(str(one) for one in range(101))})
    assert many.json()["code"] == "LIMIT_EXCEEDED"


async def test_notes_belong_to_a_record(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="A")
    parent = {"module": {"api_name": "Accounts"}, "id": int(account)}
    note = await create(zoho, "Notes", Note_Content="by body", Parent_Id=parent)
    nested = await zoho.post(f"/crm/v8/Accounts/{account}/Notes", json={"data": [{"Note_Title": "by path"}]})
    assert nested.status_code == 201
    assert (await read(zoho, "Notes", note))["Parent_Id"]["module"]["api_name"] == "Accounts"
    listed = await zoho.get(f"/crm/v8/Accounts/{account}/Notes", params={"fields": "Note_Title"})
    assert [one["Note_Title"] for one in listed.json()["data"]] == ["by path", None]
    assert (await refusal(zoho, "Notes", Parent_Id=parent))["code"] == "MANDATORY_NOT_FOUND"

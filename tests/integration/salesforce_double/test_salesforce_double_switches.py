"""The Salesforce double's switches: late commits, hidden fields, record types, currencies, limits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_salesforce.simulator import create
from tests.integration.salesforce_double.conftest import START

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.salesforce_double.conftest import Client, Json, MakeClient

pytestmark = pytest.mark.anyio


async def test_writes_are_seen_after_the_time_that_they_say(make_client: MakeClient) -> None:
    client = make_client(settings={"late_commits": "600"})
    stamps: list[str] = []
    for n in range(12):
        record = await client.make("Account", Name=str(n))
        stamps.append(str((await client.read("Account", record))["SystemModstamp"]))
        client.double.clock.advance(1)
    first = f"{START - timedelta(seconds=600):%Y-%m-%dT%H:%M:%S}"
    assert all(first <= stamp for stamp in stamps)
    assert stamps != sorted(stamps)
    ordered = await client.records("SELECT SystemModstamp FROM Account ORDER BY SystemModstamp")
    assert [row["SystemModstamp"] for row in ordered] == sorted(stamps)


async def test_a_hidden_field_is_as_if_it_were_not(make_client: MakeClient) -> None:
    client = make_client(2, settings={"hidden_fields": "Account.Phone,Contact.Email"})
    described = (await client.call("GET", "/sobjects/Account/describe")).json()
    assert "Phone" not in {field["name"] for field in described["fields"]}
    status, code, message, _ = await client.refused(
        "GET", "/query", params={"q": "SELECT Id FROM Account WHERE Phone = 'x'"}
    )
    assert (status, code) == (400, "INVALID_FIELD")
    assert "No such column 'Phone' on entity 'Account'" in message
    assert "Phone" not in (await client.records("SELECT FIELDS(ALL) FROM Account LIMIT 1"))[0]
    refused = await client.refused("POST", "/sobjects/Account", {"Name": "x", "Phone": "1"})
    assert refused[1] == "INVALID_FIELD"


async def test_record_types_are_described_queried_and_checked(
    make_client: MakeClient, tmp_path: Path
) -> None:
    file = tmp_path / "types.yaml"
    file.write_text("Lead:\n  Web: {}\nTask:\n  Call_Back: {}\n  Sales_Call: {CallType: [Outbound]}\n")
    client = make_client({"Task": 4}, settings={"record_types": str(file)})
    infos = (await client.call("GET", "/sobjects/Task/describe")).json()["recordTypeInfos"]
    assert [(info["developerName"], info["defaultRecordTypeMapping"], info["master"]) for info in infos] == [
        ("Call_Back", True, False),
        ("Sales_Call", False, False),
        ("Master", False, True),
    ]
    types = await client.records("SELECT Id, Name, SobjectType FROM RecordType ORDER BY Id")
    assert [(row["Name"], row["SobjectType"]) for row in types] == [
        ("Web", "Lead"),
        ("Call Back", "Task"),
        ("Sales Call", "Task"),
    ]
    seeded = await client.records("SELECT RecordType.DeveloperName FROM Task")
    names = [cast("Json", row["RecordType"])["DeveloperName"] for row in seeded]
    assert names == ["Call_Back", "Sales_Call", "Call_Back", "Sales_Call"]
    made = await client.read("Task", await client.make("Task", Subject="x", CallType="Inbound"))
    assert made["RecordTypeId"] == types[1]["Id"]
    wrong = await client.refused("POST", "/sobjects/Task", {"RecordTypeId": types[0]["Id"]})
    assert wrong[1:2] == ("INVALID_CROSS_REFERENCE_KEY",)
    cut = {"RecordTypeId": types[2]["Id"], "CallType": "Inbound"}
    assert (await client.refused("POST", "/sobjects/Task", cut))[
        1
    ] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


async def test_currencies_have_rates_and_amounts_are_converted(make_client: MakeClient) -> None:
    client = make_client(settings={"currencies": "USD,EUR:0.5"})
    rates = await client.records("SELECT IsoCode, ConversionRate, IsCorporate FROM CurrencyType ORDER BY Id")
    assert [(row["IsoCode"], row["ConversionRate"], row["IsCorporate"]) for row in rates] == [
        ("USD", 1.0, True),
        ("EUR", 0.5, False),
    ]
    assert len(await client.records("SELECT Id, StartDate FROM DatedConversionRate")) == 2
    await client.make("Account", Name="e", AnnualRevenue=100, CurrencyIsoCode="EUR")
    await client.make("Account", Name="d", AnnualRevenue=100)
    soql = "SELECT Name, AnnualRevenue, convertCurrency(AnnualRevenue) own FROM Account ORDER BY Name"
    assert [(row["AnnualRevenue"], row["own"]) for row in await client.records(soql)] == [
        (100.0, 100.0),
        (100.0, 200.0),
    ]
    (total,) = await client.records("SELECT SUM(AnnualRevenue) FROM Account")
    assert total["expr0"] == 300.0
    rich = await client.records("SELECT Name FROM Account WHERE AnnualRevenue > USD150")
    assert [row["Name"] for row in rich] == ["e"]


async def test_thousands_of_records_share_a_stamp_and_pages_are_short(make_client: MakeClient) -> None:
    client = make_client({"Contact": 3000}, settings={"equal_stamps": "2500", "short_pages": "true"})
    body = await client.query("SELECT Id, SystemModstamp FROM Contact ORDER BY SystemModstamp, Id")
    rows = cast("list[Json]", body["records"])
    sizes = [len(rows)]
    while body["done"] is False:
        body = (await client.call("GET", str(body["nextRecordsUrl"]))).json()
        rows += cast("list[Json]", body["records"])
        sizes.append(len(cast("list[Json]", body["records"])))
    assert sizes[0] < 2000
    assert len({row["Id"] for row in rows}) == 3000
    same = [row for row in rows if row["SystemModstamp"] == rows[0]["SystemModstamp"]]
    assert len(same) == 2500


async def test_nul_characters_come_out_of_json_and_csv(make_client: MakeClient) -> None:
    client = make_client({"Account": 30}, settings={"nul_bytes": "true"})
    rows = await client.records("SELECT Description FROM Account")
    assert any("\0" in str(row["Description"]) for row in rows)
    job = (
        await client.call(
            "POST", "/jobs/query", {"operation": "query", "query": "SELECT Description FROM Account"}
        )
    ).json()
    assert b"\0" in (await client.call("GET", f"/jobs/query/{job['id']}/results")).content


async def test_limits_count_jobs_and_batches(empty: Client) -> None:
    before = (await empty.call("GET", "/limits")).json()
    for _ in range(2):
        await empty.call("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM User"})
    after = (await empty.call("GET", "/limits")).json()
    assert before["DailyBulkV2QueryJobs"] == {"Max": 10_000, "Remaining": 10_000}
    assert after["DailyBulkV2QueryJobs"] == {"Max": 10_000, "Remaining": 9_998}
    assert after["DailyBulkV2QueryFileStorageMB"]["Remaining"] == 976_561
    assert before["DailyApiRequests"]["Remaining"] - after["DailyApiRequests"]["Remaining"] == 3


async def test_custom_objects_are_declared_by_the_schema_file(
    make_client: MakeClient, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "Invoice__c:\n"
        "  - {name: Number__c, type: text, length: 20, unique: true, external_id: true}\n"
        "  - {name: Account__c, type: lookup, reference_to: Account}\n"
    )
    client = make_client(schema=schema)
    account = await client.make("Account", Name="payer", External_Id__c="k")
    body = {"Number__c": "1", "Account__r": {"External_Id__c": "k"}}
    made = (await client.call("POST", "/sobjects/Invoice__c", body)).json()["id"]
    assert made.startswith("a00")
    (row,) = await client.records("SELECT Name, Account__r.Name FROM Invoice__c")
    assert (row["Name"], cast("Json", row["Account__r"])["Name"]) == (made, "payer")
    (parent,) = await client.records("SELECT (SELECT Number__c FROM Invoices__r) FROM Account")
    assert cast("Json", parent["Invoices__r"])["totalSize"] == 1
    listed = (await client.call("GET", "/sobjects")).json()["sobjects"]
    assert [item["custom"] for item in listed if item["name"] == "Invoice__c"] == [True]
    assert (await client.call("GET", f"/sobjects/Account/{account}")).status_code == 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hidden_fields": "Phone"}, "no list such as"),
        ({"hidden_fields": "Account.Name"}, "can be seen by everybody"),
        ({"record_types": "Opportunity"}, "Object.Developer_Name"),
        ({"record_types": "Nope.X"}, "does not have"),
        ({"currencies": "USD,EUR:x"}, "currencies"),
    ],
)
async def test_switches_that_cannot_be_are_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SimulatorError, match=said):
        create(Options(settings=settings))


async def test_a_running_org_is_changed_and_acted_upon_from_the_same_machine() -> None:
    double = create(Options(rows={"Contact": 300}, admin=True, now=START.timestamp))
    transport = httpx.ASGITransport(double.app, client=("127.0.0.1", 1))
    headers = {"Authorization": f"Bearer {double.credentials['access_token']}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://x.test", headers=headers) as http:
        changed = await http.put("/_settings", json={"page_rows": 100, "validation_rules": True})
        assert changed.json()["settings"] == {"page_rows": "100", "validation_rules": "true"}
        query = {"q": "SELECT Id FROM Contact"}
        page = (await http.get("/services/data/v62.0/query", params=query)).json()
        assert len(page["records"]) == 100
        body = {"Name": "x", "AnnualRevenue": -1}
        refused = await http.post("/services/data/v62.0/sobjects/Account", json=body)
        assert refused.json()[0]["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        winner, loser = (record["Id"] for record in page["records"][:2])
        merged = {"object": "Contact", "winner": winner, "loser": loser}
        assert (await http.post("/_act/merge", json=merged)).status_code == 200
        gone = await http.get(f"/services/data/v62.0/sobjects/Contact/{loser}")
        assert gone.json()[0]["errorCode"] == "ENTITY_IS_DELETED"
        for path, said in (
            ("/_act/nothing", "there is no nothing"),
            ("/_act/convert_lead", "there is no convert_lead with these"),
        ):
            wrong = await http.post(path, json={})
            assert (wrong.status_code, said in wrong.json()["error"]) == (400, True)
        fixed = await http.put("/_settings", json={"currencies": "USD"})
        assert "when the org begins" in fixed.json()["error"]
        assert (await http.post("/_act/purge_delete_log")).json() == {}


async def test_too_many_calls_at_one_time_are_refused(make_client: MakeClient) -> None:
    client = make_client(settings={"concurrent_calls": "1"})
    assert (await client.call("GET", "/limits")).status_code == 200
    lagging: list[int] = []

    async def lag() -> None:
        if not lagging:
            lagging.append(1)
            lagging.append((await client.call("GET", "/limits")).status_code)

    client.double.lag = lag
    assert (await client.call("GET", "/limits")).status_code == 200
    assert lagging == [1, 403]

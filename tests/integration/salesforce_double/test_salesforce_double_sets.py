"""Several records or calls at once: sObject Collections, composite and batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import Client, Json

pytestmark = pytest.mark.anyio

PATH = "/composite/sobjects"
BASE = "/services/data/v62.0"


def of(sobject: str, **fields: object) -> Json:
    return {"attributes": {"type": sobject}, **fields}


def failure(code: str, message: str, *fields: str) -> Json:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


async def results(client: Client, method: str, path: str, records: list[Json], **more: object) -> list[Json]:
    reply = await client.call(method, path, {"records": records, **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_created_records_answer_in_order_each_with_a_result_of_its_own(empty: Client) -> None:
    records = [
        of("Account", Name="a"),
        of("Account"),
        of("Contact", LastName="b"),
        of("account", Name="c", Foo=1),
    ]
    first, second, third, fourth = await results(empty, "POST", PATH, records)
    assert (first["success"], first["errors"], str(first["id"])[:3]) == (True, [], "001")
    assert second == failure("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", "Name")
    assert str(third["id"])[:3] == "003"
    assert fourth == failure("INVALID_FIELD", "No such column 'Foo' on sobject of type Account")
    assert [row["Name"] for row in empty.double.truth("Account")] == ["a"]


async def test_all_or_none_takes_everything_back(empty: Client) -> None:
    kept = await empty.make("Account", Name="kept", External_Id__c="k")
    before = list(empty.double.truth("Account"))
    empty.double.clock.advance(10)
    records = [
        of("Account", External_Id__c="k", Name="changed"),
        of("Account", External_Id__c="new", Name="new"),
        of("Account", External_Id__c="bad"),
    ]
    first, second, third = await results(
        empty, "PATCH", f"{PATH}/Account/External_Id__c", records, allOrNone=True
    )
    rolled_back = failure(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
    )
    assert first == second == rolled_back
    assert third == failure("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", "Name")
    assert list(empty.double.truth("Account")) == before
    found = await empty.records("SELECT Id FROM Account WHERE External_Id__c IN ('k', 'new')")
    assert [row["Id"] for row in found] == [kept]


async def test_deleting_all_or_none_restores_children_too(empty: Client) -> None:
    account = await empty.make("Account", Name="a")
    await empty.make("Contact", LastName="b", AccountId=account)
    reply = await empty.call("DELETE", f"{PATH}?ids={account},001000000000001AAA&allOrNone=true")
    assert [item["errors"][0]["statusCode"] for item in reply.json()] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_CROSS_REFERENCE_KEY",
    ]
    assert (await empty.read("Account", account))["Name"] == "a"
    assert (await empty.query("SELECT COUNT() FROM Contact WHERE Account.Name = 'a'"))["totalSize"] == 1
    assert await empty.records("SELECT Id FROM Account WHERE IsDeleted = true", everything=True) == []


async def test_updates_name_their_record(empty: Client) -> None:
    account = await empty.make("Account", Name="a")
    records = [
        of("Account", id=account, Phone="1"),
        of("Account", Id="003000000000001"),
        of("Account", Phone="2"),
        of("Account", id="001000000000001", Phone="3"),
    ]
    first, second, third, fourth = await results(empty, "PATCH", PATH, records)
    assert first == {"id": account, "success": True, "errors": []}
    assert (
        second["errors"]
        == failure("MALFORMED_ID", "Account ID: id value of incorrect type: 003000000000001", "Id")["errors"]
    )
    assert third == failure("MISSING_ARGUMENT", "Id not specified in an update call")
    assert fourth["errors"] == failure("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")["errors"]


async def test_upserts_say_what_they_created(empty: Client) -> None:
    path = f"{PATH}/Account/external_id__c"
    records = [
        of("Account", External_Id__c="a", Name="one"),
        of("Account", External_Id__c="A", Name="two"),
        of("Account", Name="three"),
    ]
    first, second, third = await results(empty, "PATCH", path, records)
    assert (first["success"], first["created"]) == (True, True)
    assert second == failure("DUPLICATE_VALUE", "Duplicate external id specified: A", "External_Id__c")
    assert third == failure("MISSING_ARGUMENT", "External_Id__c not specified")
    (again,) = await results(empty, "PATCH", path, [of("Account", External_Id__c="a", Name="again")])
    assert again == {**first, "created": False}
    for _ in range(2):
        await empty.make("Contact", LastName="x", Email="e@example.com")
    (several,) = await results(
        empty, "PATCH", f"{PATH}/Contact/Email", [of("Contact", LastName="y", Email="e@example.com")]
    )
    assert several["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"  # pyright: ignore[reportIndexIssue]
    by_id = [of("Account", Id=None, Name="new"), of("Account", Id=first["id"], Name="old")]
    assert [item["created"] for item in await results(empty, "PATCH", f"{PATH}/Account/Id", by_id)] == [
        True,
        False,
    ]


async def test_two_hundred_records_are_the_most(empty: Client) -> None:
    made = await results(empty, "POST", PATH, [of("Account", Name=str(n)) for n in range(200)])
    assert all(item["success"] for item in made)
    refused = await empty.refused("POST", PATH, {"records": [of("Account", Name="x")] * 201})
    assert refused[:2] == (400, "EXCEEDED_ID_LIMIT")
    ids = ",".join(str(item["id"]) for item in made)
    reply = await empty.call("DELETE", f"{PATH}?ids={ids}")
    assert all(item["success"] for item in reply.json())
    assert (await empty.refused("DELETE", f"{PATH}?ids={ids},{ids[:18]}"))[1] == "EXCEEDED_ID_LIMIT"


async def test_ten_runs_of_one_type_are_the_most(empty: Client) -> None:
    pairs = [of("Account", Name="x"), of("Contact", LastName="y")]
    assert all(item["success"] for item in await results(empty, "POST", PATH, pairs * 5))
    assert (await empty.refused("POST", PATH, {"records": [*pairs * 5, pairs[0]]}))[1] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("record", "code"),
    [({"Name": "x"}, "INVALID_FIELD"), (of("Nope", Name="x"), "INVALID_TYPE")],
)
async def test_records_without_a_known_type_spoil_the_call(empty: Client, record: Json, code: str) -> None:
    records = [of("Account", Name="a"), record]
    assert (await empty.refused("POST", PATH, {"records": records}))[:2] == (400, code)
    assert list(empty.double.truth("Account")) == []


async def test_reading_many_gives_null_for_what_is_missing(empty: Client) -> None:
    account = await empty.make("Account", Name="a")
    ids = ["001000000000001", account, "nope"]
    reply = await empty.call("POST", f"{PATH}/Account", {"ids": ids, "fields": ["name"]})
    assert [item and item["Name"] for item in reply.json()] == [None, "a", None]
    listed = await empty.call("GET", f"{PATH}/Account?ids={','.join(ids)}&fields=Id,Name")
    assert [item and item["Id"] for item in listed.json()] == [None, account, None]
    wrong = await empty.refused("POST", f"{PATH}/Account", {"ids": ids, "fields": ["Nope"]})
    assert wrong[:3] == (400, "INVALID_FIELD", "No such column 'Nope' on sobject of type Account")


def call(name: str, method: str, path: str, body: object = None) -> Json:
    return {"referenceId": name, "method": method, "url": BASE + path, "body": body}


async def composite(client: Client, *calls: Json, **more: object) -> list[Json]:
    reply = await client.call("POST", "/composite", {"compositeRequest": list(calls), **more})
    assert reply.status_code == 200, reply.text
    return reply.json()["compositeResponse"]


async def test_a_composite_passes_results_on(empty: Client) -> None:
    account, contact, query = await composite(
        empty,
        call("acc", "POST", "/sobjects/Account", {"Name": "a"}),
        call("con", "POST", "/sobjects/Contact", {"LastName": "b", "AccountId": "@{acc.id}"}),
        call("q", "GET", "/query?q=SELECT Account.Name FROM Contact WHERE Id = '@{con.id}'"),
    )
    assert (account["httpStatusCode"], account["referenceId"]) == (201, "acc")
    assert account["httpHeaders"] == {"Location": f"{BASE}/sobjects/Account/{account['body']['id']}"}  # pyright: ignore[reportIndexIssue]
    assert contact["httpStatusCode"] == 201
    assert query["body"]["records"][0]["Account"]["Name"] == "a"  # pyright: ignore[reportIndexIssue]


async def test_what_depends_on_a_failed_call_is_halted(empty: Client) -> None:
    failed, halted, free = await composite(
        empty,
        call("acc", "POST", "/sobjects/Account", {}),
        call("con", "POST", "/sobjects/Contact", {"LastName": "b", "AccountId": "@{acc.id}"}),
        call("other", "POST", "/sobjects/Contact", {"LastName": "c"}),
    )
    assert (failed["httpStatusCode"], halted["httpStatusCode"], free["httpStatusCode"]) == (400, 400, 201)
    message = "Invalid reference specified. No value for acc.id found in acc"
    assert halted["body"] == [{"message": message, "errorCode": "PROCESSING_HALTED"}]


async def test_a_composite_of_all_or_none_leaves_nothing(empty: Client) -> None:
    good, bad = await composite(
        empty,
        call("a", "POST", "/sobjects/Account", {"Name": "a"}),
        call("b", "POST", "/sobjects/Account", {}),
        allOrNone=True,
    )
    assert good["body"][0]["errorCode"] == "PROCESSING_HALTED"  # pyright: ignore[reportIndexIssue]
    assert bad["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"  # pyright: ignore[reportIndexIssue]
    assert list(empty.double.truth("Account")) == []


async def test_a_composite_has_limits(empty: Client) -> None:
    many = [call(f"r{n}", "GET", "/limits") for n in range(26)]
    assert (await empty.refused("POST", "/composite", {"compositeRequest": many}))[1] == "LIMIT_EXCEEDED"
    heavy = [call(f"r{n}", "GET", "/query?q=SELECT Id FROM Account") for n in range(6)]
    assert (await empty.refused("POST", "/composite", {"compositeRequest": heavy}))[1] == "LIMIT_EXCEEDED"
    twice = [call("same", "GET", "/limits")] * 2
    assert (await empty.refused("POST", "/composite", {"compositeRequest": twice}))[1] == "INVALID_INPUT"
    bad = [call("a-b", "GET", "/limits")]
    assert (await empty.refused("POST", "/composite", {"compositeRequest": bad}))[1] == "INVALID_INPUT"
    reply = await empty.call("POST", "/composite", {"compositeRequest": many[:25]})
    assert len(reply.json()["compositeResponse"]) == 25
    assert reply.headers["sforce-limit-info"] == "api-usage=5/5000000"


async def test_a_batch_is_independent_and_each_call_counts(empty: Client) -> None:
    account = await empty.make("Account", Name="a")
    calls = [
        {"method": "PATCH", "url": f"v62.0/sobjects/Account/{account}", "richInput": {"Foo": 1}},
        {"method": "GET", "url": f"v62.0/sobjects/Account/{account}?fields=Name"},
    ]
    reply = await empty.call("POST", "/composite/batch", {"batchRequests": calls})
    body = reply.json()
    assert (body["hasErrors"], [item["statusCode"] for item in body["results"]]) == (True, [400, 200])
    assert body["results"][1]["result"]["Name"] == "a"
    assert reply.headers["sforce-limit-info"] == "api-usage=3/5000000"
    halting = await empty.call("POST", "/composite/batch", {"batchRequests": calls, "haltOnError": True})
    assert [item["statusCode"] for item in halting.json()["results"]] == [400, 412]

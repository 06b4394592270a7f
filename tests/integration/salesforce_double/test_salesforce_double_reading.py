"""Reading from the Salesforce double: describes, pages of queries, replication, search."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import Client, Json, MakeClient

pytestmark = pytest.mark.anyio


async def test_the_global_describe_lists_objects(empty: Client) -> None:
    reply = await empty.call("GET", "/sobjects/")
    body = reply.json()
    found = {item["name"]: item for item in body["sobjects"]}
    assert (body["encoding"], body["maxBatchSize"]) == ("UTF-8", 200)
    assert set(found) >= {
        "Account",
        "Contact",
        "Lead",
        "Opportunity",
        "Task",
        "Event",
        "Note",
        "User",
        "Organization",
    }
    assert (found["Account"]["keyPrefix"], found["OpportunityStage"]["createable"]) == ("001", False)
    assert found["Task"]["urls"]["describe"] == "/services/data/v62.0/sobjects/Task/describe"
    unchanged = {"If-Modified-Since": reply.headers["last-modified"]}
    assert (await empty.call("GET", "/sobjects", headers=unchanged)).status_code == 304


async def test_a_describe_has_all_keys(empty: Client) -> None:
    reply = await empty.call("GET", "/sobjects/opportunity/describe")
    body = reply.json()
    fields = {item["name"]: item for item in body["fields"]}
    assert {len(item) for item in fields.values()} == {57}
    assert {"childRelationships", "recordTypeInfos", "supportedScopes", "urls", "replicateable"} < set(body)
    required = [
        item["name"]
        for item in fields.values()
        if item["createable"] and not item["nillable"] and not item["defaultedOnCreate"]
    ]
    assert required == ["Name", "StageName", "CloseDate"]
    assert (fields["Amount"]["precision"], fields["Amount"]["scale"], fields["Amount"]["soapType"]) == (
        18,
        2,
        "xsd:double",
    )
    assert (fields["Description"]["filterable"], fields["Description"]["sortable"]) == (False, False)
    assert [choice["value"] for choice in fields["StageName"]["picklistValues"]][-2:] == [
        "Closed Won",
        "Closed Lost",
    ]
    key = fields["External_Id__c"]
    assert (key["externalId"], key["unique"], key["idLookup"], key["custom"], key["length"]) == (
        True,
        True,
        True,
        True,
        255,
    )
    children = (await empty.call("GET", "/sobjects/Account/describe")).json()["childRelationships"]
    contacts = next(item for item in children if item["relationshipName"] == "Contacts")
    assert (contacts["childSObject"], contacts["field"], contacts["cascadeDelete"]) == (
        "Contact",
        "AccountId",
        True,
    )
    unchanged = {"If-Modified-Since": reply.headers["last-modified"]}
    assert (await empty.call("GET", "/sobjects/Opportunity/describe", headers=unchanged)).status_code == 304


async def test_polymorphic_references_name_their_targets(empty: Client) -> None:
    fields = {
        item["name"]: item for item in (await empty.call("GET", "/sobjects/Task/describe")).json()["fields"]
    }
    assert (fields["WhoId"]["referenceTo"], fields["WhoId"]["polymorphicForeignKey"]) == (
        ["Contact", "Lead"],
        True,
    )
    assert fields["WhatId"]["relationshipName"] == "What"


async def pages(client: Client, first: Json) -> list[Json]:
    found, page = cast("list[Json]", first["records"]), first
    while not page["done"]:
        page = (await client.call("GET", str(page["nextRecordsUrl"]))).json()
        found = found + cast("list[Json]", page["records"])
    assert "nextRecordsUrl" not in page
    return found


async def test_pages_hold_two_thousand_records_and_the_size_of_the_whole(seeded: Client) -> None:
    first = await seeded.query("SELECT Id FROM Contact")
    assert (first["totalSize"], first["done"], len(cast("list[Json]", first["records"]))) == (
        4500,
        False,
        2000,
    )
    locator = str(first["nextRecordsUrl"]).rpartition("/")[2]
    assert (locator[:3], len(locator.partition("-")[0]), locator.partition("-")[2]) == ("0r8", 18, "2000")
    ids = [row["Id"] for row in await pages(seeded, first)]
    assert len(set(ids)) == len(ids) == 4500


async def test_the_page_size_is_a_wish_between_200_and_2000(seeded: Client) -> None:
    for wish, size in (("200", 200), ("1", 200), ("5000", 2000)):
        headers = {"Sforce-Query-Options": f"batchSize={wish}"}
        page = await seeded.query("SELECT Id FROM Contact", headers=headers)
        assert len(cast("list[Json]", page["records"])) == size
    following = (await seeded.call("GET", str(page["nextRecordsUrl"]))).json()
    assert len(following["records"]) == 2000


async def test_child_records_have_pages_of_their_own(make_client: MakeClient) -> None:
    client = make_client({"Account": 2, "Contact": 700})
    soql = "SELECT Name, (SELECT Id FROM Contacts ORDER BY Id) FROM Account ORDER BY Name"
    page = await client.query(soql, headers={"Sforce-Query-Options": "batchSize=200"})
    first = cast("list[dict[str, Json]]", page["records"])[0]["Contacts"]
    assert (first["totalSize"], first["done"], len(cast("list[Json]", first["records"]))) == (350, False, 200)
    more = (await client.call("GET", str(first["nextRecordsUrl"]))).json()
    assert (more["totalSize"], more["done"], len(more["records"])) == (350, True, 150)


async def test_a_query_is_explained_without_being_run(seeded: Client) -> None:
    soql = "SELECT Id FROM Account WHERE Name != null"
    reply = await seeded.call("GET", "/query", params={"explain": soql})
    (plan,) = reply.json()["plans"]
    assert (plan["sobjectType"], plan["cardinality"], plan["sobjectCardinality"]) == ("Account", 30, 30)
    status, code, _, _ = await seeded.refused("GET", "/query", params={"explain": "SELECT"})
    assert (status, code) == (400, "MALFORMED_QUERY")


async def test_bodies_may_be_compressed(empty: Client) -> None:
    for body, status in ((gzip.compress(b'{"Name": "packed"}'), 201), (b'{"Name": "plain"}', 400)):
        reply = await empty.http.post(
            "/services/data/v62.0/sobjects/Account",
            content=body,
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
        )
        assert reply.status_code == status


async def test_an_open_result_keeps_its_rows_but_not_their_content(make_client: MakeClient) -> None:
    client = make_client({"Account": 10}, settings={"page_rows": "4"})
    first = await client.query("SELECT Id, Name FROM Account")
    ids = [str(row["Id"]) for row in client.double.truth("Account")]
    await client.call("PATCH", f"/sobjects/Account/{ids[5]}", {"Name": "changed"})
    await client.call("DELETE", f"/sobjects/Account/{ids[6]}")
    await client.make("Account", Name="late")
    rows = await pages(client, first)
    assert [row["Id"] for row in rows] == [*ids[:6], *ids[7:]]
    assert rows[5]["Name"] == "changed"


@pytest.mark.parametrize(
    "locator", ["nope", "0r8Hs0000000009IAA-2000", "0r8Hs0000000001IAA-99999", "0r8Hs0000000001IAA"]
)
async def test_junk_and_old_locators_are_refused(seeded: Client, locator: str) -> None:
    await seeded.query("SELECT Id FROM Contact")
    refused = await seeded.refused("GET", f"/query/{locator}")
    assert refused == (400, "INVALID_QUERY_LOCATOR", "invalid query locator", None)


async def test_a_locator_lives_two_days(make_client: MakeClient) -> None:
    client = make_client({"Contact": 2500}, settings={"session_seconds": "999999"})
    url = str((await client.query("SELECT Id FROM Contact"))["nextRecordsUrl"])
    client.double.clock.advance(2 * 86_400 - 1)
    assert (await client.call("GET", url)).status_code == 200
    client.double.clock.advance(2)
    assert (await client.refused("GET", url))[1] == "INVALID_QUERY_LOCATOR"


async def test_query_all_shows_the_recycle_bin_for_fifteen_days(make_client: MakeClient) -> None:
    client = make_client({"Account": 3}, settings={"session_seconds": "9999999"})
    rows = [str(row["Id"]) for row in client.double.truth("Account")]
    await client.call("DELETE", f"/sobjects/Account/{rows[1]}")
    assert [row["Id"] for row in await client.records("SELECT Id FROM Account")] == [rows[0], rows[2]]
    everything = await client.records("SELECT Id, IsDeleted FROM Account ORDER BY Id", everything=True)
    assert [(row["Id"], row["IsDeleted"]) for row in everything] == [
        (rows[0], False),
        (rows[1], True),
        (rows[2], False),
    ]
    soql = (
        "SELECT Id, SystemModstamp FROM Account "
        "WHERE IsDeleted = true AND SystemModstamp >= 2026-06-15T12:00:30Z"
    )
    (gone,) = await client.records(soql, everything=True)
    assert (gone["Id"], gone["SystemModstamp"]) == (rows[1], "2026-06-15T12:00:30.000+0000")
    assert [row["Id"] for row in client.double.truth("Account", deleted=True)] == [rows[1]]
    client.double.clock.advance(15 * 86_400 + 1)
    assert len(await client.records("SELECT Id FROM Account", everything=True)) == 2
    assert (await client.refused("GET", f"/sobjects/Account/{rows[1]}"))[:2] == (404, "NOT_FOUND")


async def changes(client: Client, kind: str, start: str, end: str) -> Json:
    reply = await client.call("GET", f"/sobjects/Account/{kind}/", params={"start": start, "end": end})
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_updated_lists_what_changed_between_two_minutes(empty: Client) -> None:
    first = await empty.make("Account", Name="a")
    empty.double.clock.advance(60)
    second = await empty.make("Account", Name="b")
    # Seconds are cut off: 12:00:59 means 12:00, where the first record lies; 12:01:59 means 12:01.
    both = await changes(empty, "updated", "2026-06-15T12:00:59Z", "2026-06-15T12:02:00+00:00")
    assert both == {"ids": [first, second], "latestDateCovered": "2026-06-15T12:01:00.000+0000"}
    one = await changes(empty, "updated", "2026-06-15T12:00:00Z", "2026-06-15T12:01:59Z")
    assert one == {"ids": [first], "latestDateCovered": "2026-06-15T12:01:00.000+0000"}


async def test_deleted_lists_the_delete_log(empty: Client) -> None:
    account = await empty.make("Account", Name="a")
    await empty.call("DELETE", f"/sobjects/Account/{account}")
    found = await changes(empty, "deleted", "2026-06-15T12:00:00Z", "2026-06-15T12:01:00Z")
    assert found == {
        "deletedRecords": [{"deletedDate": "2026-06-15T12:00:30.000+0000", "id": account}],
        "earliestDateAvailable": "2026-05-31T12:00:00.000+0000",
        "latestDateCovered": "2026-06-15T12:00:00.000+0000",
    }
    empty.double.purge_delete_log()
    purged = await changes(empty, "deleted", "2026-06-15T11:00:00Z", "2026-06-15T12:01:00Z")
    assert (purged["deletedRecords"], purged["earliestDateAvailable"]) == ([], "2026-06-15T12:00:00.000+0000")


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("updated", "2026-06-15T12:00:00Z", "2026-06-15T12:00:59Z"),
        ("updated", "2026-06-15T12:00:00Z", "2026-06-14T12:00:00Z"),
        ("updated", "2026-05-15T12:00:00Z", "2026-06-15T12:00:00Z"),
        ("deleted", "2026-05-30T12:00:00Z", "2026-06-15T12:00:00Z"),
        ("deleted", "2026-06-15", "2026-06-16"),
    ],
)
async def test_replication_reaches_back_only_so_far(empty: Client, kind: str, start: str, end: str) -> None:
    refused = await empty.refused("GET", f"/sobjects/Account/{kind}", params={"start": start, "end": end})
    assert refused[:2] == (400, "INVALID_REPLICATION_DATE")


async def test_stages_are_not_replicated(empty: Client) -> None:
    span = {"start": "2026-06-15T11:00:00Z", "end": "2026-06-15T12:00:00Z"}
    assert (await empty.refused("GET", "/sobjects/OpportunityStage/updated", params=span))[0] == 404


async def test_record_counts_leave_out_empty_and_unknown_objects(seeded: Client) -> None:
    reply = await seeded.call("GET", "/limits/recordCount", params={"sObjects": "Account,Note,Nope"})
    assert reply.json() == {"sObjects": [{"count": 30, "name": "Account"}]}


async def test_data_faults_spoil_pages(make_client: MakeClient) -> None:
    client = make_client(
        {"Account": 10},
        settings={"page_rows": "4"},
        faults=("duplicate_ids:1x", "loop_token@/query/:1x", "no_cursor_field@/query/:1x"),
    )
    first = await client.query("SELECT Id, SystemModstamp FROM Account")
    rows = cast("list[Json]", first["records"])
    assert (len(rows), rows[0] == rows[-1]) == (5, True)
    url = str(first["nextRecordsUrl"])
    second = (await client.call("GET", url)).json()
    assert second["nextRecordsUrl"] == url
    assert "SystemModstamp" not in second["records"][0]
    assert (await client.call("GET", url)).json()["nextRecordsUrl"] != url


async def test_sosl_finds_words_in_the_fields_that_are_asked_for(empty: Client) -> None:
    first = await empty.make("Account", Name="Fjord Energy", Phone="555 1234")
    second = await empty.make("Account", Name="Energy of the Fjord")
    contact = await empty.make("Contact", LastName="Fjordson", Email="fjord@example.com")

    async def find(text: str) -> list[object]:
        reply = await empty.call("GET", "/search/", params={"q": text})
        assert reply.status_code == 200, reply.text
        return [row["Id"] for row in reply.json()["searchRecords"]]

    assert await find("FIND {fjord energy} RETURNING Account(Id, Name)") == [first, second]
    assert await find('FIND {"fjord energy"} IN NAME FIELDS RETURNING Account(Id)') == [first]
    assert await find("FIND {fjord} RETURNING Account(Id ORDER BY Name LIMIT 1), Contact(Id)") == [
        second,
        contact,
    ]
    assert await find("FIND {fjord*} IN NAME FIELDS RETURNING Contact(Id)") == [contact]
    assert await find("FIND {fjord} IN NAME FIELDS RETURNING Contact(Id)") == []
    assert await find("FIND {fjord} RETURNING Account(Id WHERE Phone != null)") == [first]
    assert await find("FIND {fjord} LIMIT 2") == [first, second]
    body = {
        "q": "fjord",
        "fields": ["Id"],
        "sobjects": [{"name": "Account", "where": "Name LIKE 'E%'"}],
        "in": "NAME",
    }
    reply = await empty.call("POST", "/parameterizedSearch", body)
    assert [row["Id"] for row in reply.json()["searchRecords"]] == [second]
    params = {"q": "fjord", "sobject": "Account", "Account.fields": "Id,Name", "Account.limit": "1"}
    reply = await empty.call("GET", "/parameterizedSearch", params=params)
    assert [row["Name"] for row in reply.json()["searchRecords"]] == ["Fjord Energy"]
    for text in ("FIND {a}", "FIND fjord", "FIND {fjord} RETURNING Account(Id"):
        assert (await empty.refused("GET", "/search", params={"q": text}))[:2] == (400, "MALFORMED_SEARCH")

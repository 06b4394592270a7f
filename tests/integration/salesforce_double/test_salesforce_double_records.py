"""Single records in the Salesforce double: create, read, change, delete, upsert, and all that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmhub_salesforce.simulator.ids import normal_id

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import Client, Json

pytestmark = pytest.mark.anyio

READ_ONLY = (
    "Unable to create/update fields: Name, MailingAddress. Please check the security settings of this field "
    "and verify that it is read/write for your profile or permission set."
)
NAMED = {"Name": "x"}
PERSON = {"LastName": "x"}
OPEN = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-07-01"}


async def test_a_record_goes_through_its_life(empty: Client) -> None:
    made = await empty.call(
        "POST", "/sobjects/Account/", {"name": " Acme ", "AnnualRevenue": 1100.04, "Phone": ""}
    )
    assert (made.status_code, set(made.json())) == (201, {"id", "success", "errors"})
    record_id = made.json()["id"]
    assert made.headers["location"] == f"/services/data/v62.0/sobjects/Account/{record_id}"
    shown = (
        await empty.call("GET", f"/sobjects/Account/{record_id[:15]}?fields=name,AnnualRevenue,Phone")
    ).json()
    assert shown == {
        "attributes": {"type": "Account", "url": f"/services/data/v62.0/sobjects/Account/{record_id}"},
        "Name": "Acme",
        "AnnualRevenue": 1100.04,
        "Phone": None,
    }
    empty.double.clock.advance(60)
    changed = await empty.call(
        "PATCH", f"/sobjects/Account/{record_id}", {"Phone": "1", "AnnualRevenue": None}
    )
    assert (changed.status_code, changed.content) == (204, b"")
    row = await empty.read("Account", record_id)
    assert (row["Name"], row["Phone"], row["AnnualRevenue"]) == ("Acme", "1", None)
    assert row["CreatedDate"] == "2026-06-15T12:00:30.000+0000"
    assert row["SystemModstamp"] == row["LastModifiedDate"] == "2026-06-15T12:01:30.000+0000"
    assert (await empty.call("DELETE", f"/sobjects/Account/{record_id}")).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        body: Json | None = {} if method == "PATCH" else None
        gone = await empty.refused(method, f"/sobjects/Account/{record_id}", body)
        assert gone == (404, "ENTITY_IS_DELETED", "entity is deleted", [])


async def test_post_to_id_creates_too(empty: Client) -> None:
    assert (await empty.call("POST", "/sobjects/Account/Id", {"Name": "Acme"})).status_code == 201


async def test_ids_have_their_prefix_and_a_right_check(empty: Client) -> None:
    record_id = await empty.make("Account", Name="Acme")
    assert record_id.startswith("001")
    assert len(record_id) == 18
    assert normal_id(record_id[:15]) == record_id
    assert normal_id("0015500001QdZPK") == "0015500001QdZPKAA3"
    assert normal_id("0015500001qdzpkAA3") == "0015500001QdZPKAA3"
    assert normal_id("0015500001QdZPKBA3") is None
    for wrong in ("nope", "003000000000001AAA", "001Hs00000zzzzzIAA", record_id[:17]):
        path = f"/sobjects/Account/{wrong}"
        message = f"Provided external ID field does not exist or is not accessible: {wrong}"
        assert await empty.refused("GET", path) == (404, "NOT_FOUND", message, None)


@pytest.mark.parametrize(
    ("sobject", "body", "code", "message", "fields"),
    [
        ("Account", {}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ["Name"]),
        (
            "Lead",
            {"FirstName": "A"},
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName, Company]",
            ["LastName", "Company"],
        ),
        (
            "Contact",
            {"LastName": "x" * 81},
            "STRING_TOO_LONG",
            f"Last Name: data value too large: {'x' * 81} (max length=80)",
            ["LastName"],
        ),
        (
            "Contact",
            {**PERSON, "Email": "a@b"},
            "INVALID_EMAIL_ADDRESS",
            "Email: invalid email address: a@b",
            ["Email"],
        ),
        (
            "Account",
            {**NAMED, "Foo__c": 1},
            "INVALID_FIELD",
            "No such column 'Foo__c' on sobject of type Account",
            None,
        ),
        (
            "Account",
            {**NAMED, "BillingGeocodeAccuracy": "y"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Billing Geocode Accuracy: bad value for restricted picklist field: y",
            ["BillingGeocodeAccuracy"],
        ),
        (
            "Account",
            {**NAMED, "NumberOfEmployees": 1431655766},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Employees: value outside of valid range on numeric field: 1431655766",
            ["NumberOfEmployees"],
        ),
        (
            "Account",
            {**NAMED, "BillingLatitude": 91},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Billing Latitude: value outside of valid range on numeric field: 91",
            ["BillingLatitude"],
        ),
        (
            "Opportunity",
            {**OPEN, "Probability": 101},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Probability (%): value outside of valid range on numeric field: 101.0",
            ["Probability"],
        ),
        (
            "Contact",
            {**PERSON, "AccountId": "abc"},
            "MALFORMED_ID",
            "Account ID: id value of incorrect type: abc",
            ["AccountId"],
        ),
        (
            "Contact",
            {**PERSON, "AccountId": "003000000000001"},
            "FIELD_INTEGRITY_EXCEPTION",
            "Account ID: id value of incorrect type: 003000000000001AAA",
            ["AccountId"],
        ),
        (
            "Contact",
            {**PERSON, "AccountId": "001000000000001"},
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            [],
        ),
        (
            "Contact",
            {**PERSON, "OwnerId": None},
            "INVALID_CROSS_REFERENCE_KEY",
            "Owner ID: owner cannot be blank",
            ["OwnerId"],
        ),
        (
            "Contact",
            {**PERSON, "Name": "y", "MailingAddress": {}},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            READ_ONLY,
            ["Name", "MailingAddress"],
        ),
        (
            "Account",
            {**NAMED, "Id": "001000000000001"},
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
            None,
        ),
        (
            "Event",
            {"Subject": "x"},
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [DurationInMinutes, ActivityDateTime]",
            ["DurationInMinutes", "ActivityDateTime"],
        ),
        (
            "User",
            PERSON,
            "INVALID_TYPE_FOR_OPERATION",
            "entity type User does not support create",
            None,
        ),
        (
            "Note",
            {"Title": "x", "ParentId": "001000000000001", "External_Id__c": "y"},
            "INVALID_FIELD",
            "No such column 'External_Id__c' on sobject of type Note",
            None,
        ),
    ],
)
async def test_a_bad_record_is_refused_in_the_services_words(
    empty: Client, sobject: str, body: Json, code: str, message: str, fields: list[str] | None
) -> None:
    assert await empty.refused("POST", f"/sobjects/{sobject}", body) == (400, code, message, fields)
    if sobject != "User":
        assert list(empty.double.truth(sobject)) == []


@pytest.mark.parametrize(
    ("sobject", "body", "shown", "column"),
    [
        ("Contact", {**PERSON, "Birthdate": "31.1.2024"}, "date from VALUE_STRING value 31.1.2024", 29),
        (
            "Event",
            {"StartDateTime": "2024-01-01 10:00"},
            "datetime from VALUE_STRING value 2024-01-01 10:00",
            18,
        ),
        ("Account", {**NAMED, "AnnualRevenue": "lots"}, "currency from VALUE_STRING value lots", 29),
        ("Account", {**NAMED, "NumberOfEmployees": 1.5}, "int from VALUE_NUMBER_FLOAT value 1.5", 33),
        ("Opportunity", {"IsPrivate": None}, "boolean from VALUE_NULL value null", 14),
        ("Account", {"Name": {"a": 1}}, "string from START_OBJECT value {", 9),
    ],
)
async def test_a_value_of_another_type_is_a_parser_error_that_says_where(
    empty: Client, sobject: str, body: Json, shown: str, column: int
) -> None:
    message = (
        f"Cannot deserialize instance of {shown} or request may be missing a required field "
        f"at [line:1, column:{column}]"
    )
    assert await empty.refused("POST", f"/sobjects/{sobject}", body) == (
        400,
        "JSON_PARSER_ERROR",
        message,
        None,
    )


async def test_values_come_back_in_the_services_shapes(empty: Client) -> None:
    contact = await empty.make(
        "Contact",
        LastName="O'Brien",
        FirstName="Émile",
        MailingCity="東京",
        MailingLatitude="35.68",
        Birthdate="1990-02-28T10:00:00Z",
        EmailBouncedDate="2024-01-01T05:30:00.999+05:30",
    )
    row = await empty.read("Contact", contact)
    assert row["Name"] == "Émile O'Brien"
    assert row["Birthdate"] == "1990-02-28"
    assert row["EmailBouncedDate"] == "2024-01-01T00:00:00.000+0000"
    assert row["MailingAddress"] == {
        "city": "東京",
        "country": None,
        "geocodeAccuracy": None,
        "latitude": 35.68,
        "longitude": None,
        "postalCode": None,
        "state": None,
        "street": None,
    }
    assert (row["OtherAddress"], row["IsDeleted"], row["IsEmailBounced"]) == (None, False, False)


async def test_numbers_keep_all_their_digits(empty: Client) -> None:
    reply = await empty.http.post(
        "/services/data/v62.0/sobjects/Opportunity",
        content=b'{"Name":"x","StageName":"Prospecting","CloseDate":"2026-07-01","Amount":1234567890123.4567}',
        headers={"Content-Type": "application/json"},
    )
    shown = await empty.call(
        "GET", f"/sobjects/Opportunity/{reply.json()['id']}?fields=Amount,ExpectedRevenue"
    )
    assert b'"Amount":1234567890123.4567,' in shown.content
    assert b'"ExpectedRevenue":123456789012.34567}' in shown.content


async def test_an_opportunity_follows_its_stage(empty: Client) -> None:
    deal = await empty.make("Opportunity", **OPEN, Amount=200)
    path = f"/sobjects/Opportunity/{deal}"

    async def facts() -> tuple[object, ...]:
        row = await empty.read("Opportunity", deal)
        names = (
            "Probability",
            "ExpectedRevenue",
            "ForecastCategory",
            "ForecastCategoryName",
            "IsClosed",
            "IsWon",
        )
        return tuple(row[name] for name in names)

    assert await facts() == (10, 20, "Pipeline", "Pipeline", False, False)
    await empty.call("PATCH", path, {"Probability": 40})
    assert await facts() == (40, 80, "Pipeline", "Pipeline", False, False)
    await empty.call("PATCH", path, {"NextStep": "wait"})
    assert (await facts())[0] == 40
    await empty.call("PATCH", path, {"StageName": "Closed Won"})
    assert await facts() == (100, 200, "Closed", "Closed", True, True)
    await empty.call("PATCH", path, {"StageName": "Closed Lost", "Amount": None})
    assert await facts() == (0, None, "Omitted", "Omitted", True, False)
    await empty.call("PATCH", path, {"StageName": "Something else", "CloseDate": "2027-02-03"})
    row = await empty.read("Opportunity", deal)
    assert (row["IsClosed"], row["Fiscal"], row["FiscalQuarter"]) == (False, "2027 1", 1)


async def test_activities_know_whom_and_what_they_are_about(empty: Client) -> None:
    account = await empty.make("Account", Name="Acme")
    contact = await empty.make("Contact", LastName="Lee", AccountId=account)
    lead = await empty.make("Lead", LastName="Ng", Company="Initech")
    task = await empty.make("Task", Subject="Call", WhoId=contact, Priority="High")
    row = await empty.read("Task", task)
    wanted = ("Not Started", False, True, account, None)
    assert (
        tuple(
            row[name] for name in ("Status", "IsClosed", "IsHighPriority", "AccountId", "CompletedDateTime")
        )
        == wanted
    )
    await empty.call("PATCH", f"/sobjects/Task/{task}", {"Status": "Completed"})
    row = await empty.read("Task", task)
    assert (row["IsClosed"], row["CompletedDateTime"]) == (True, "2026-06-15T12:00:30.000+0000")
    both = await empty.refused("POST", "/sobjects/Task", {"WhoId": lead, "WhatId": account})
    assert both[1] == "FIELD_INTEGRITY_EXCEPTION"
    wrong = await empty.refused("POST", "/sobjects/Task", {"WhoId": account})
    assert wrong[1:] == (
        "FIELD_INTEGRITY_EXCEPTION",
        f"Name ID: id value of incorrect type: {account}",
        ["WhoId"],
    )


@pytest.mark.parametrize(
    "given",
    [
        {"StartDateTime": "2026-01-01T10:00:00Z", "EndDateTime": "2026-01-01T11:30:00Z"},
        {"ActivityDateTime": "2026-01-01T10:00:00Z", "DurationInMinutes": 90},
        {"StartDateTime": "2026-01-01T11:00:00+01:00", "DurationInMinutes": 90},
    ],
)
async def test_an_event_has_a_start_an_end_and_a_duration(empty: Client, given: Json) -> None:
    event = await empty.make("Event", **given)
    row = await empty.read("Event", event)
    assert row["StartDateTime"] == row["ActivityDateTime"] == "2026-01-01T10:00:00.000+0000"
    assert (row["EndDateTime"], row["DurationInMinutes"]) == ("2026-01-01T11:30:00.000+0000", 90)
    assert row["ActivityDate"] == row["EndDate"] == "2026-01-01"
    bad = await empty.refused("PATCH", f"/sobjects/Event/{event}", {"EndDateTime": "2025-12-31T10:00:00Z"})
    assert bad[1] == "FIELD_INTEGRITY_EXCEPTION"


async def test_an_all_day_event_has_days(empty: Client) -> None:
    event = await empty.make("Event", IsAllDayEvent=True, ActivityDate="2026-01-05")
    row = await empty.read("Event", event)
    assert (row["ActivityDate"], row["EndDate"], row["DurationInMinutes"]) == (
        "2026-01-05",
        "2026-01-05",
        1440,
    )
    assert row["ActivityDateTime"] is None


async def test_upsert_creates_then_changes_then_refuses_its_key(empty: Client) -> None:
    path = "/sobjects/Account/External_Id__c/a%2Fb%20c%2B"
    first = await empty.call("PATCH", path, {"Name": "One"})
    second = await empty.call("PATCH", path.lower(), {"Name": "Two"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()) == (200, {**first.json(), "created": False})
    row = (await empty.call("GET", path)).json()
    assert (row["Id"], row["Name"], row["External_Id__c"]) == (first.json()["id"], "Two", "a/b c+")
    older = await empty.call(
        "PATCH", path.replace("/sobjects", "/services/data/v45.0/sobjects"), {"Name": "Three"}
    )
    assert older.status_code == 204
    repeated = await empty.refused("PATCH", path, {"external_id__c": "x"})
    assert repeated == (
        400,
        "INVALID_FIELD",
        "The External_Id__c field should not be specified in the sobject data.",
        None,
    )
    only = await empty.refused("PATCH", "/sobjects/Account/External_Id__c/new?updateOnly=true", {"Name": "x"})
    assert only[:2] == (404, "NOT_FOUND")
    unknown = await empty.refused("PATCH", "/sobjects/Account/Name/new", {"Phone": "x"})
    assert unknown[:2] == (404, "NOT_FOUND")
    assert (await empty.call("DELETE", path)).status_code == 204
    assert (await empty.refused("GET", path))[:2] == (404, "NOT_FOUND")


async def test_an_upsert_by_a_shared_key_writes_nothing(empty: Client) -> None:
    ids = [await empty.make("Contact", LastName="x", Email="a@example.com") for _ in range(2)]
    reply = await empty.call("PATCH", "/sobjects/Contact/Email/A@example.com", {"LastName": "y"})
    assert (reply.status_code, reply.json()) == (
        300,
        [f"/services/data/v62.0/sobjects/Contact/{key}" for key in ids],
    )
    assert {row["LastName"] for row in empty.double.truth("Contact")} == {"x"}


async def test_an_external_id_is_unique_without_regard_to_case(empty: Client) -> None:
    first = await empty.make("Account", Name="x", External_Id__c="Key")
    message = f"duplicate value found: External_Id__c duplicates value on record with id: {first[:15]}"
    again = await empty.refused("POST", "/sobjects/Account", {"Name": "y", "External_Id__c": "kEY"})
    assert again == (400, "DUPLICATE_VALUE", message, [])
    await empty.call("DELETE", f"/sobjects/Account/{first}")
    assert await empty.make("Account", Name="y", External_Id__c="Key")


async def test_a_parent_can_be_named_by_its_external_id(empty: Client) -> None:
    account = await empty.make("Account", Name="x", External_Id__c="k")
    body = {"LastName": "y", "Account": {"External_Id__c": "K"}}
    contact = await empty.make("Contact", **body)
    assert (await empty.read("Contact", contact))["AccountId"] == account
    missing = await empty.refused(
        "POST", "/sobjects/Contact", {"LastName": "y", "Account": {"External_Id__c": "no"}}
    )
    message = "Foreign key external ID: no not found for field External_Id__c in entity Account"
    assert missing == (400, "INVALID_FIELD", message, None)
    task = await empty.make("Task", Who={"attributes": {"type": "Contact"}, "Id": contact})
    assert (await empty.read("Task", task))["WhoId"] == contact


async def test_what_belongs_to_an_account_goes_with_it(empty: Client) -> None:
    account = await empty.make("Account", Name="x")
    child = await empty.make("Account", Name="child", ParentId=account)
    contact = await empty.make("Contact", LastName="y", AccountId=account)
    deal = await empty.make("Opportunity", **OPEN, AccountId=account, ContactId=contact)
    await empty.make("Task", WhoId=contact)
    await empty.make("Note", Title="z", ParentId=account)
    (role,) = empty.double.truth("OpportunityContactRole")
    assert (role["OpportunityId"], role["ContactId"], role["IsPrimary"]) == (deal, contact, True)
    assert (await empty.call("DELETE", f"/sobjects/Account/{account}")).status_code == 204
    left = {
        name: len(list(empty.double.truth(name)))
        for name in ("Account", "Contact", "Opportunity", "Task", "Note", "OpportunityContactRole")
    }
    assert left == {
        "Account": 1,
        "Contact": 0,
        "Opportunity": 0,
        "Task": 0,
        "Note": 0,
        "OpportunityContactRole": 0,
    }
    assert (await empty.read("Account", child))["ParentId"] is None


async def test_an_account_with_a_won_deal_stays_whole(empty: Client) -> None:
    account = await empty.make("Account", Name="x")
    await empty.make("Contact", LastName="y", AccountId=account)
    await empty.make("Opportunity", **{**OPEN, "StageName": "Closed Won"}, AccountId=account)
    assert (await empty.refused("DELETE", f"/sobjects/Account/{account}"))[:2] == (400, "DELETE_FAILED")
    assert len(list(empty.double.truth("Contact"))) == 1


async def test_a_row_can_be_read_and_changed_on_condition(empty: Client) -> None:
    account, contact = await empty.make("Account", Name="x"), await empty.make("Contact", LastName="y")
    path = f"/sobjects/Contact/{contact}"
    stamp = (await empty.call("GET", path)).headers["last-modified"]
    assert stamp == "Mon, 15 Jun 2026 12:00:30 GMT"
    assert (await empty.call("GET", path, headers={"If-Modified-Since": stamp})).status_code == 304
    empty.double.clock.advance(5)
    unmodified = {"If-Unmodified-Since": stamp}
    assert (await empty.call("PATCH", path, {"Phone": "1"}, headers=unmodified)).status_code == 204
    late = await empty.call("PATCH", path, {"Phone": "2"}, headers=unmodified)
    assert (late.status_code, late.json()[0]["errorCode"]) == (412, "PRECONDITION_FAILED")
    assert (await empty.call("GET", path, headers={"If-Modified-Since": stamp})).status_code == 200
    path = f"/sobjects/Account/{account}"
    tag = (await empty.call("GET", path)).headers["etag"]
    assert (await empty.call("GET", path, headers={"If-None-Match": tag})).status_code == 304
    assert (await empty.call("PATCH", path, {"Phone": "1"}, headers={"If-Match": tag})).status_code == 204
    assert (await empty.call("PATCH", path, {"Phone": "2"}, headers={"If-Match": tag})).status_code == 412


async def test_members_of_campaigns_go_without_a_trace(empty: Client) -> None:
    campaign = await empty.make("Campaign", Name="Fair")
    lead = await empty.make("Lead", LastName="x", Company="y")
    member = await empty.make("CampaignMember", CampaignId=campaign, LeadId=lead)
    again = {"CampaignId": campaign, "LeadId": lead}
    assert (await empty.refused("POST", "/sobjects/CampaignMember", again))[1:3] == (
        "DUPLICATE_VALUE",
        "Already a campaign member.",
    )
    assert (await empty.call("DELETE", f"/sobjects/CampaignMember/{member}")).status_code == 204
    assert await empty.records("SELECT Id FROM CampaignMember", everything=True) == []


async def test_a_case_has_a_number_and_is_closed_by_its_status(empty: Client) -> None:
    case = await empty.make("Case", Subject="broken")
    first = await empty.read("Case", case)
    assert (first["CaseNumber"], first["Status"], first["IsClosed"]) == ("00001001", "New", False)
    await empty.call("PATCH", f"/sobjects/Case/{case}", {"Status": "Closed"})
    closed = await empty.read("Case", case)
    assert (closed["IsClosed"], closed["CaseNumber"]) == (True, "00001001")
    assert closed["ClosedDate"] is not None

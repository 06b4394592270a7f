"""Validation rules, duplicate rules, held records, merges, conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.lives import convert_lead, merge

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import Client, MakeClient

pytestmark = pytest.mark.anyio

ACCOUNTS = "/sobjects/Account"


async def test_validation_rules_are_off_unless_switched_on(empty: Client) -> None:
    await empty.make("Account", Name="a", AnnualRevenue=-5)
    await empty.make("Contact", LastName="b")


async def test_a_validation_rule_refuses_with_the_administrators_text(make_client: MakeClient) -> None:
    client = make_client(settings={"validation_rules": "true"})
    beside_a_field = await client.refused("POST", ACCOUNTS, {"Name": "a", "AnnualRevenue": -5})
    assert beside_a_field == (
        400,
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "Annual Revenue must not be negative.",
        ["AnnualRevenue"],
    )
    on_top = await client.refused("POST", "/sobjects/Contact", {"LastName": "b"})
    assert on_top[1:] == (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "Give an e-mail address or a phone number.",
        [],
    )
    account = await client.make("Account", Name="a", AnnualRevenue=5)
    assert (await client.refused("PATCH", f"{ACCOUNTS}/{account}", {"AnnualRevenue": -1}))[0] == 400
    assert (await client.read("Account", account))["AnnualRevenue"] == 5.0


async def test_a_duplicate_rule_names_what_it_found(make_client: MakeClient) -> None:
    client = make_client(settings={"duplicate_rules": "block"})
    first = await client.make("Account", Name="Fernhill")
    reply = await client.call("POST", ACCOUNTS, {"Name": "FERNHILL"})
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"], error["message"]) == (
        400,
        "DUPLICATES_DETECTED",
        "Use one of these records?",
    )
    (found,) = error["duplicateResut"]["matchResults"]
    assert [match["record"]["Id"] for match in found["matchRecords"]] == [first]
    allowing = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false"}
    again = await client.call("POST", ACCOUNTS, {"Name": "Fernhill"}, headers=allowing)
    assert again.status_code == 400  # the rule blocks; it does not only warn
    await client.make("Account", Name="Another")
    assert (await client.call("PATCH", f"{ACCOUNTS}/{first}", {"Name": "Fernhill"})).status_code == 204


async def test_a_rule_that_warns_can_be_overruled_call_by_call(make_client: MakeClient) -> None:
    client = make_client(settings={"duplicate_rules": "alert"})
    await client.make("Lead", LastName="a", Company="c", Email="a@b.test")
    body = {"LastName": "d", "Company": "e", "Email": "A@B.test"}
    allowing = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert (await client.call("POST", "/sobjects/Lead", body, headers=allowing)).status_code == 201
    assert (await client.refused("POST", "/sobjects/Lead", body))[1] == "DUPLICATES_DETECTED"
    records = [{"attributes": {"type": "Lead"}, **body}]
    (result,) = (await client.call("POST", "/composite/sobjects", {"records": records})).json()
    (error,) = result["errors"]
    (match,) = error["duplicateResut"]["matchResults"]
    assert (error["statusCode"], match["size"]) == ("DUPLICATES_DETECTED", 2)


async def test_a_held_record_refuses_writes_to_it_and_to_its_children(empty: Client) -> None:
    held, free = [await empty.make("Account", Name=name) for name in "ab"]
    empty.double.org.customs.hold(held, 3)
    locked = (400, "UNABLE_TO_LOCK_ROW")
    assert (await empty.refused("PATCH", f"{ACCOUNTS}/{held}", {"Name": "c"}))[:2] == locked
    child = {"LastName": "d", "AccountId": held}
    assert (await empty.refused("POST", "/sobjects/Contact", child))[:2] == locked
    await empty.make("Contact", LastName="d", AccountId=free)
    assert (await empty.refused("DELETE", f"{ACCOUNTS}/{held}"))[:2] == locked
    await empty.make("Contact", **child)


async def test_parents_can_be_held_for_the_first_writes_of_their_children(make_client: MakeClient) -> None:
    client = make_client(settings={"held_parents": "2"})
    parents = [await client.make("Account", Name=name) for name in "ab"]
    for parent in parents:
        child = {"LastName": "d", "AccountId": parent}
        for _ in range(2):
            refused = await client.refused("POST", "/sobjects/Contact", child)
            assert refused[1] == "UNABLE_TO_LOCK_ROW"
        await client.make("Contact", **child)


@pytest.mark.parametrize("settings", [{"duplicate_rules": "yes"}, {"validation_rules": "on"}])
async def test_switches_that_say_nothing_are_refused(
    make_client: MakeClient, settings: dict[str, str]
) -> None:
    with pytest.raises(SimulatorError, match="_rules"):
        make_client(settings=settings)


async def test_a_merge_leaves_the_loser_in_the_bin_and_moves_what_belongs_to_it(empty: Client) -> None:
    winner, loser = [await empty.make("Account", Name=name) for name in "ab"]
    contact = await empty.make("Contact", LastName="c", AccountId=loser)
    empty.double.clock.advance(60)
    merge(empty.double.org, "Account", winner, loser)
    (gone,) = await empty.records(
        "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true", everything=True
    )
    assert (gone["Id"], gone["MasterRecordId"]) == (loser, winner)
    assert (await empty.read("Contact", contact))["AccountId"] == winner
    assert (await empty.read("Contact", contact))["SystemModstamp"] == "2026-06-15T12:01:30.000+0000"
    with pytest.raises(ApiError, match="does not support merge"):
        merge(empty.double.org, "Opportunity", winner, loser)


async def test_a_converted_lead_stays_and_names_what_it_became(empty: Client) -> None:
    lead = await empty.make("Lead", LastName="a", FirstName="b", Company="c", Email="a@b.test")
    made = convert_lead(empty.double.org, lead, deal="d")
    row = await empty.read("Lead", lead)
    assert (row["IsConverted"], row["Status"], row["ConvertedDate"]) == (
        True,
        "Closed - Converted",
        "2026-06-15",
    )
    assert {name: row[name] for name in made} == made
    contact = await empty.read("Contact", made["ConvertedContactId"])
    assert (contact["Name"], contact["Email"], contact["AccountId"]) == (
        "b a",
        "a@b.test",
        made["ConvertedAccountId"],
    )
    deal = await empty.read("Opportunity", cast("str", row["ConvertedOpportunityId"]))
    assert (deal["Name"], deal["AccountId"]) == ("d", made["ConvertedAccountId"])
    with pytest.raises(ApiError, match="converted"):
        convert_lead(empty.double.org, lead)

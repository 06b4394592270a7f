"""References by external ids, rules of the org, locks, merges and converted leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmhub.connector import Condition, Missing, Native, Outcome, Value, WriteItem, WriteRequest
from crmhub.errors import AlreadyExists
from crmhub_salesforce.simulator.lives import convert_lead, merge

if TYPE_CHECKING:
    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

KEY = "External_Id__c"


async def written(connector: Connector, operation: str, object: str, *items: WriteItem) -> list[Outcome]:
    request = WriteRequest(object, operation, items)  # pyright: ignore[reportArgumentType]
    return [*(await connector.write(request))]


async def created(connector: Connector, object: str, *records: Native) -> list[Outcome]:
    return await written(connector, "create", object, *[WriteItem(record) for record in records])


def held(org: Org, object: str, field: str) -> list[object]:
    return [row.get(field) for row in org.double.truth(object)]


# ── references to several objects ────────────────────────────────────────────────────────────────


async def test_a_reference_to_several_objects_tells_which_and_can_be_filtered_by_it(make_org: World) -> None:
    org = make_org({"Account": 1, "Contact": 1, "Lead": 1, "Opportunity": 1})
    connector = org.connect()
    account, contact, lead, deal = (
        next(iter(org.truth(name))) for name in ("Account", "Contact", "Lead", "Opportunity")
    )
    ids: list[Native] = [{"WhatId": account, "WhoId": contact}, {"WhatId": deal}, {"WhoId": lead}, {}]
    made = await created(connector, "Task", *({"Subject": "a", **one} for one in ids))
    pages = await org.pages(connector, "Task", "What.Type", "Who.Type", "Who.Name")
    told = {row["Id"]: (row["What"], row["Who"]) for page in pages for row in page.upserts}
    names = {kind: held(org, kind, "Name")[0] for kind in ("Contact", "Lead")}
    assert [told[one.id] for one in made] == [
        ({"Type": "Account"}, {"Type": "Contact", "Name": names["Contact"]}),
        ({"Type": "Opportunity"}, None),
        (None, {"Type": "Lead", "Name": names["Lead"]}),
        (None, None),
    ]
    of_deals = (Condition("What.Type", "eq", "Opportunity"),)
    (page,) = await org.pages(connector, "Task", "WhatId", filter=of_deals)
    assert [row["WhatId"] for row in page.upserts] == [deal]


# ── references by external ids ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", [{f"Account.{KEY}": "A-1"}, {"Account": {KEY: "A-1"}}])
async def test_a_parent_can_be_named_by_its_external_id(make_org: World, given: Native) -> None:
    org = make_org()
    (account,) = await org.add(1, External_Id__c="A-1")
    connector = org.connect()
    (outcome,) = await created(connector, "Contact", {"LastName": "a", **given})
    assert outcome.status == "created"
    assert held(org, "Contact", "AccountId") == [account]
    cleared = dict.fromkeys(given)
    (outcome,) = await written(connector, "update", "Contact", WriteItem({**cleared}, id=outcome.id))
    assert outcome.status == "updated"
    assert held(org, "Contact", "AccountId") == [None]


async def test_an_external_id_that_nobody_has_is_told_with_its_field_and_without_its_value(
    make_org: World,
) -> None:
    org = make_org()
    good, bad = await created(
        org.connect(), "Contact", {"LastName": "a"}, {"LastName": "b", f"Account.{KEY}": "SECRET-9"}
    )
    assert good.status == "created"
    assert bad.problem is not None
    assert (bad.status, bad.problem.field) == ("rejected", f"Account.{KEY}")
    assert bad.problem.message == f"no Account has this value of {KEY}"


async def test_a_polymorphic_reference_names_its_object(make_org: World) -> None:
    org = make_org()
    (account,) = await org.add(1, External_Id__c="A-1")
    connector = org.connect()
    what: Value = {"attributes": {"type": "Account"}, KEY: "A-1"}
    vague, named = await created(
        connector, "Task", {"Subject": "a", f"What.{KEY}": "A-1"}, {"Subject": "b", "What": what}
    )
    assert vague.problem is not None
    assert (vague.status, vague.problem.field) == ("rejected", f"What.{KEY}")
    assert named.status == "created"
    assert held(org, "Task", "WhatId") == [account]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"Acount.External_Id__c": "A-1"}, "Acount.External_Id__c"),
        ({"Account.External_Id__c": ["A-1"]}, "Account.External_Id__c"),
        ({"Account.Parent.External_Id__c": "A-1"}, "Account.Parent.External_Id__c"),
        ({"Account": "A-1"}, "Account"),
        ({"Account": {"External_Id__c": "A-1", "Name": "b"}}, "Account"),
        ({"Account": {}}, "Account"),
        ({"AccountId": None, "Account.External_Id__c": "A-1"}, "Account.External_Id__c"),
        ({"MasterRecord.External_Id__c": "A-1"}, "MasterRecordId"),
    ],
)
async def test_a_reference_that_means_nothing_is_rejected_unsent(
    make_org: World, given: Native, field: str
) -> None:
    org = make_org()
    (outcome,) = await created(org.connect(), "Contact", {"LastName": "a", **given})
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.field) == ("rejected", field)
    assert org.calls("/composite/sobjects") == []


# ── rules of the org ─────────────────────────────────────────────────────────────────────────────


async def test_a_validation_rule_names_its_field_and_costs_nobody_else(make_org: World) -> None:
    org = make_org(settings={"validation_rules": "true"})
    connector = org.connect()
    good, bad = await created(connector, "Account", {"Name": "a"}, {"Name": "b", "AnnualRevenue": -5})
    assert good.status == "created"
    assert bad.problem is not None
    assert (bad.problem.code, bad.problem.field, bad.problem.permanent) == (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "AnnualRevenue",
        True,
    )
    assert "Annual Revenue must not be negative." in bad.problem.message
    (on_top,) = await created(connector, "Contact", {"LastName": "c"})
    assert on_top.problem is not None
    assert on_top.problem.field is None
    assert "Give an e-mail address" in on_top.problem.message


async def test_a_duplicate_rule_tells_which_records_are_alike(make_org: World) -> None:
    org = make_org()
    first = await org.add(2)
    org.double.org.customs.duplicates = "block"
    await org.change(first, Website="a.test")
    (outcome,) = await created(org.connect(), "Account", {"Name": "Added 0"})
    assert outcome.problem is not None
    assert (outcome.status, outcome.id, outcome.problem.code) == ("rejected", first[0], "DUPLICATES_DETECTED")
    assert f"it is like {first[0]}" in outcome.problem.message


@pytest.mark.parametrize(("rule", "status"), [("alert", "created"), ("block", "rejected")])
async def test_duplicates_can_be_allowed_where_the_rule_only_warns(
    make_org: World, rule: str, status: str
) -> None:
    org = make_org(settings={"duplicate_rules": rule})
    (outcome,) = await created(org.connect(), "Account", {"Name": "a"})
    assert outcome.status == "created"
    (refused,) = await created(org.connect(), "Account", {"Name": "a"})
    assert refused.status == "rejected"
    (outcome,) = await created(org.connect(allow_duplicates=True), "Account", {"Name": "a"})
    assert outcome.status == status


async def test_several_records_with_one_external_id_are_told(make_org: World) -> None:
    org = make_org()
    first = await org.add(2)
    connector = org.connect()
    for number, one in enumerate(first):
        await org.change([one], External_Id__c=f"k-{number}")
    table = org.double.org.tables["Account"]
    place = table.place_of(first[1])
    assert place is not None
    table.replace(place, {**table.row(place), KEY: "k-0"}, table.modified(place))
    path = f"/services/data/v62.0/sobjects/Account/{KEY}/k-0"
    with pytest.raises(AlreadyExists, match="several records have this external id"):
        await connector.request("PATCH", path, json={"Name": "b"})
    request = WriteRequest("Account", "upsert", [WriteItem({"Name": "b"}, key="k-0")], match=KEY)
    (outcome,) = await connector.write(request)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == ("rejected", "DUPLICATE_EXTERNAL_ID")


async def test_only_the_children_of_a_held_parent_are_sent_again(make_org: World) -> None:
    org = make_org()
    parents = await org.add(3)
    org.double.org.customs.hold(parents[1], 2)
    connector = org.connect()
    rows: list[Native] = [
        {"LastName": f"c {number}", "AccountId": parents[number % 3]} for number in range(9)
    ]
    await connector.describe("Contact")
    outcomes = await created(connector, "Contact", *rows)
    assert {outcome.status for outcome in outcomes} == {"created"}
    assert sorted(map(str, held(org, "Contact", "LastName"))) == [f"c {number}" for number in range(9)]
    assert len(org.calls("/composite/sobjects")) == 3  # the parents; the contacts; those that met the lock


# ── records that became others ───────────────────────────────────────────────────────────────────


async def test_a_merge_tells_the_winner_as_changed_and_the_loser_as_merged(make_org: World) -> None:
    org = make_org({"Account": 3})
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(600)
    winner, loser, _ = sorted(seen.rows)
    merge(org.double.org, "Account", winner, loser)
    pages = await org.pages(connector, "Account", "Name", since=seen.checkpoint)
    assert [row["Id"] for page in pages for row in page.upserts] == [winner]
    (gone,) = [gone for page in pages for gone in page.deletes]
    assert (gone.id, gone.life, gone.into) == (loser, "merged", winner)


async def test_a_converted_lead_is_told_as_converted_into_its_contact(make_org: World) -> None:
    org = make_org({"Lead": 3})
    connector, seen = org.connect(), org.mirror("LastName")
    await seen.follow(connector, "Lead")
    org.clock.advance(600)
    lead = min(seen.rows)
    made = convert_lead(org.double.org, lead)
    pages = await org.pages(connector, "Lead", "LastName", since=seen.checkpoint)
    (gone,) = [gone for page in pages for gone in page.deletes]
    assert (gone.id, gone.life, gone.into) == (lead, "converted", made["ConvertedContactId"])
    assert [row for page in pages for row in page.upserts] == []
    whole = await org.pages(connector, "Lead", "LastName")
    assert {str(row["Id"]) for page in whole for row in page.upserts} == set(seen.rows) - {lead}
    assert await connector.count("Lead") == 2


async def test_a_record_by_id_is_as_a_read_of_changes_tells_it(make_org: World) -> None:
    org = make_org({"Lead": 3, "Account": 3})
    connector = org.connect()
    winner, loser, binned = sorted(org.truth("Account"))
    lead, live, _ = sorted(org.truth("Lead"))
    name = org.truth("Lead", "LastName")[lead][1]
    contact = str(convert_lead(org.double.org, lead)["ConvertedContactId"])
    merge(org.double.org, "Account", winner, loser)
    await org.remove([binned])
    converted, there = await connector.get("Lead", [lead[:15], live], ("LastName",))
    assert isinstance(converted, Missing)
    assert (converted.id, converted.life, converted.into) == (lead[:15], "converted", contact)
    assert (converted.record or {})["LastName"] == name
    assert "IsConverted" not in (converted.record or {})
    assert isinstance(there, dict)
    assert there.keys() == {"Id", "SystemModstamp", "LastName"}
    (asked,) = await connector.get("Lead", [lead], ("IsConverted",))
    assert isinstance(asked, dict)
    assert asked["IsConverted"] is True
    assert await connector.get("Account", [loser, binned], ("Name",)) == [
        Missing(loser, "merged", winner),
        Missing(binned, "deleted"),
    ]


async def test_converted_leads_come_to_those_who_ask_for_them(make_org: World) -> None:
    org = make_org({"Lead": 3})
    connector = org.connect()
    lead = min(org.truth("Lead"))
    convert_lead(org.double.org, lead)
    asked = await org.pages(connector, "Lead", "IsConverted")
    assert len([row for page in asked for row in page.upserts]) == 3
    filtered = await org.pages(connector, "Lead", "LastName", filter=(Condition("IsConverted", "eq", True),))
    assert [row["Id"] for page in filtered for row in page.upserts] == [lead]

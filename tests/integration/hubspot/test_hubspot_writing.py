"""Writing to HubSpot: an outcome for each record, upserts by unique properties, lost replies."""

from __future__ import annotations

import pytest

from crmhub.connector import WriteItem
from tests.integration.hubspot.conftest import Portals

pytestmark = pytest.mark.anyio


async def test_one_bad_record_of_a_batch_costs_itself_and_one_call(portal: Portals) -> None:
    items = [WriteItem({"name": f"Company {n}", "industry": "BANKING"}) for n in range(100)]
    items[41] = WriteItem({"name": "Odd", "industry": "Juggling"})
    items[77] = WriteItem({"name": "Odd too", "numberofemployees": "many"})
    await portal.connector.able("companies")
    before = len(portal.org.calls)
    outcomes = await portal.write("companies", "create", *items)
    assert portal.org.calls[before:] == ["POST /crm/v3/objects/companies/batch/create"]
    assert [place for place, one in enumerate(outcomes) if one.status != "created"] == [41, 77]
    problems = [outcomes[place].problem for place in (41, 77)]
    assert [(one.code, one.field) for one in problems if one is not None] == [
        ("VALIDATION_ERROR", "industry"),
        ("VALIDATION_ERROR", "numberofemployees"),
    ]
    rows = (await portal.read("companies", "name")).rows
    assert {id_: row["name"] for id_, row in rows.items()} == {
        one.id: items[place].fields["name"] for place, one in enumerate(outcomes) if one.ok
    }


async def test_updates_and_archives_of_what_is_not_there_are_told_one_by_one(portal: Portals) -> None:
    ids = await portal.insert("deals", {"dealname": "A"}, {"dealname": "B"})
    items = [WriteItem({"dealname": "C"}, id=ids[0]), WriteItem({"dealname": "D"}, id="999")]
    outcomes = await portal.write("deals", "update", *items)
    assert [one.status for one in outcomes] == ["updated", "rejected"]
    assert outcomes[1].problem is not None
    assert outcomes[1].problem.missing
    gone = await portal.write("deals", "delete", *(WriteItem(id=id_) for id_ in (*ids, "999")))
    assert [one.status for one in gone] == ["deleted"] * 3
    assert (await portal.read("deals", "dealname")).rows == {}


async def test_contacts_are_found_by_their_address_and_companies_by_a_property_of_ones_own(
    portal: Portals,
) -> None:
    (ana,) = await portal.insert("contacts", {"email": "ana@example.com", "firstname": "Ana"})
    items = [
        WriteItem({"lastname": "Lima"}, key="ana@example.com"),
        WriteItem({"lastname": "Silva"}, key="bo@example.com"),
    ]
    outcomes = await portal.write("contacts", "upsert", *items, match="email")
    assert [one.status for one in outcomes] == ["updated", "created"]
    assert outcomes[0].id == ana
    assert (await portal.connector.able("contacts")).upsert_keys == ("email",)
    assert (await portal.connector.able("companies")).upsert_keys == ("crmhub_key",)
    assert (await portal.connector.able("companies")).sync_key == "crmhub_key"


async def test_a_second_contact_with_an_address_names_the_first(portal: Portals) -> None:
    (ana,) = await portal.insert("contacts", {"email": "ana@example.com"})
    for count in (1, 2):
        items = [WriteItem({"email": "ana@example.com"}), WriteItem({"email": "new@example.com"})][:count]
        outcome = (await portal.write("contacts", "create", *items))[0]
        assert outcome.status == "rejected"
        assert outcome.id == ana


async def test_an_empty_value_clears_a_property(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "A", "industry": "BANKING", "is_public": "true"})
    fields = {"industry": None, "is_public": None, "numberofemployees": 0}
    assert (await portal.write("companies", "update", WriteItem({**fields}, id=company)))[0].ok
    row = (await portal.read("companies", *fields)).rows[company]
    assert {name: row[name] for name in fields} == fields


async def test_activities_get_the_time_that_hubspot_demands(portal: Portals) -> None:
    outcomes = await portal.write("notes", "create", *(WriteItem({"hs_note_body": str(n)}) for n in range(2)))
    assert [one.status for one in outcomes] == ["created"] * 2
    rows = (await portal.read("notes", "hs_timestamp")).rows
    now = portal.org.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [row["hs_timestamp"] for row in rows.values()] == [now, now]


async def test_a_create_whose_reply_was_lost_is_unknown_and_not_made_again(portal: Portals) -> None:
    portal.org.fault("lost@POST /crm/v3/objects/companies:1x")
    outcomes = await portal.write("companies", "create", WriteItem({"name": "A"}), WriteItem({"name": "B"}))
    assert [one.status for one in outcomes] == ["unknown"] * 2
    assert len((await portal.read("companies", "name")).rows) == 2

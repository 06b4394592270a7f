"""Writing into GoHighLevel: references by calls of their own, duplicates, refusals that name the field."""

from __future__ import annotations

import pytest

from crmhub.connector import WriteItem
from tests.integration.gohighlevel.conftest import Place

pytestmark = pytest.mark.anyio


async def test_a_contact_is_put_into_a_business_and_taken_out_again(place: Place) -> None:
    (business,) = await place.insert("businesses", {"name": "Engines"})
    (made,) = await place.write("contacts", "create", WriteItem({"firstName": "Ada", "businessId": business}))
    assert made.status == "created"
    rows, _ = await place.read("contacts", "businessId")
    assert rows[str(made.id)]["businessId"] == business
    (outcome,) = await place.write("contacts", "update", WriteItem({"businessId": None}, id=made.id))
    assert outcome.ok
    rows, _ = await place.read("contacts", "businessId")
    assert rows[str(made.id)]["businessId"] is None


async def test_a_business_that_is_not_there_is_told_and_the_contact_is_not_gone(place: Place) -> None:
    item = WriteItem({"firstName": "Ada", "businessId": "nowhere"})
    (outcome,) = await place.write("contacts", "create", item)
    assert outcome.status == "rejected"
    assert outcome.problem is not None
    assert (outcome.problem.field, outcome.problem.missing) == ("businessId", False)


async def test_an_owner_who_is_not_there_is_told_by_field_and_the_contact_is_not_gone(place: Place) -> None:
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    (outcome,) = await place.write("contacts", "update", WriteItem({"assignedTo": "nobody"}, id=id_))
    assert outcome.problem is not None
    assert (outcome.problem.field, outcome.problem.missing) == ("assignedTo", False)


async def test_a_contact_that_is_there_already_is_named(place: Place) -> None:
    (id_,) = await place.insert("contacts", {"email": "ada@example.com"})
    (outcome,) = await place.write("contacts", "create", WriteItem({"email": "ada@example.com"}))
    assert (outcome.status, outcome.id) == ("rejected", id_)
    assert outcome.problem is not None
    assert outcome.problem.field == "email"


async def test_an_upsert_matches_by_phone_too(place: Place) -> None:
    items = [WriteItem({"firstName": name}, key="+15550100") for name in ("Ada", "Augusta")]
    outcomes = await place.write("contacts", "upsert", *items, match="phone")
    assert [outcome.status for outcome in outcomes] == ["created", "updated"]
    assert outcomes[0].id == outcomes[1].id


async def test_a_deal_without_its_contact_is_refused_by_name(place: Place) -> None:
    (outcome,) = await place.write("opportunities", "create", WriteItem({"name": "Engine"}))
    assert outcome.problem is not None
    assert outcome.problem.field == "contactId"
    nobody = WriteItem({"name": "Engine", "contactId": "nobody"})
    (outcome,) = await place.write("opportunities", "create", nobody)
    assert outcome.problem is not None
    assert (outcome.problem.field, outcome.problem.missing) == ("contactId", False)


async def test_a_new_deal_is_open_and_in_the_pipeline_of_the_settings(place: Place) -> None:
    (contact,) = await place.insert("contacts", {"firstName": "Ada"})
    (made,) = await place.write(
        "opportunities", "create", WriteItem({"name": "Engine", "contactId": contact})
    )
    rows, _ = await place.read("opportunities", "status", "pipelineId", "pipelineStageId")
    pipeline = place.location.pipelines[0]
    row = rows[str(made.id)]
    assert (row["status"], row["pipelineId"]) == ("open", pipeline.id)
    assert row["pipelineStageId"] == pipeline.stages[0].id


async def test_two_changes_of_one_record_are_made_in_order(place: Place) -> None:
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    items = [WriteItem({"firstName": f"Name {number}"}, id=id_) for number in range(12)]
    outcomes = await place.write("contacts", "update", *items)
    assert all(outcome.ok for outcome in outcomes)
    (truth,) = await place.org.truth("contacts")
    assert truth["firstName"] == "Name 11"

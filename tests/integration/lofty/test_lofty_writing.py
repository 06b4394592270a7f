"""Writing Lofty: what it would change, cut or lose in silence."""

from __future__ import annotations

import pytest

from crmhub.connector import WriteItem, WriteRequest
from crmhub_rest.conformance.lofty import LoftyOrg
from tests.integration.lofty.conftest import Make, create, get, update

pytestmark = pytest.mark.anyio


async def test_a_lead_that_cannot_be_read_yet_is_waited_for(make: Make) -> None:
    org = make(persist_seconds="5")
    connector = org.connect()
    made = await create(connector, "leads", firstName="Ada")
    began = org.clock.now()
    found = await get(connector, "leads", str(made.id), "firstName")
    assert found["firstName"] == "Ada"
    assert 4 <= (org.clock.now() - began).total_seconds() <= 6
    changed = await update(connector, "leads", str(made.id), emails={"n1": "a@x.example"})
    assert changed.ok


async def test_a_stage_that_is_not_there_makes_no_transaction_in_the_first_one(org: LoftyOrg) -> None:
    (lead,) = await org.insert("leads", [{"firstName": "Ada"}])
    connector = org.connect()
    refused = await create(connector, "transactions", leadId=lead, transactionName="A", stage="Purchase/Ofer")
    assert refused.problem is not None
    assert (refused.status, refused.problem.field) == ("rejected", "stage")
    refused = await create(connector, "transactions", leadId=lead, transactionName="A", stage="Purchase")
    assert refused.problem is not None
    assert refused.problem.field == "stage"
    assert not await org.truth("transactions")
    made = await create(connector, "transactions", leadId=lead, transactionName="A", stage="Listing/Active")
    assert made.ok
    (row,) = await org.truth("transactions")
    assert (row["id"], row["stage"]) == (made.id, "Listing/Active")


async def test_a_name_that_would_be_cut_is_refused(org: LoftyOrg) -> None:
    refused = await create(org.connect(), "leads", firstName="A" * 31)
    assert refused.problem is not None
    assert (refused.problem.code, refused.problem.field) == ("TOO_LONG", "firstName")
    assert not await org.truth("leads")


async def test_other_custom_fields_of_a_transaction_stay(org: LoftyOrg) -> None:
    (lead,) = await org.insert("leads", [{"firstName": "Ada"}])
    fields = {"leadId": lead, "transactionName": "A", "cf_1501": "Ann", "cf_1502": "None"}
    (id_,) = await org.insert("transactions", [fields])  # pyright: ignore[reportArgumentType]
    connector = org.connect()
    assert (await update(connector, "transactions", id_, cf_1501="Bea")).ok
    found = await get(connector, "transactions", id_, "cf_1501", "cf_1502")
    assert (found["cf_1501"], found["cf_1502"]) == ("Bea", "None")
    assert (await update(connector, "transactions", id_, cf_1502=None)).ok
    found = await get(connector, "transactions", id_, "cf_1501", "cf_1502")
    assert (found["cf_1501"], found["cf_1502"]) == ("Bea", None)


async def test_custom_fields_of_leads_go_by_name_each_in_its_type(org: LoftyOrg) -> None:
    connector = org.connect()
    fields = {"cf_Household Size": 4, "cf_Interests": ["Garden", "Pool"], "cf_Favorite Color": "blue"}
    made = await create(connector, "leads", firstName="Ada", **fields)
    assert made.ok
    found = await get(connector, "leads", str(made.id), *fields)
    assert {name: found[name] for name in fields} == fields
    refused = await update(connector, "leads", str(made.id), cf_Interests=["Castle"])
    assert refused.status == "rejected"


async def test_a_change_of_one_address_leaves_the_others(org: LoftyOrg) -> None:
    (id_,) = await org.insert("leads", [{"firstName": "Ada", "emails": ["a@x.example", "b@x.example"]}])
    connector = org.connect()
    assert (await update(connector, "leads", id_, emails={"n2": "c@x.example"})).ok
    (row,) = await org.truth("leads")
    assert row["emails"] == {"n1": "a@x.example", "n2": "c@x.example"}


async def test_what_is_below_a_lead_is_made_changed_and_deleted(org: LoftyOrg) -> None:
    (lead,) = await org.insert("leads", [{"firstName": "Ada"}])
    connector = org.connect()
    note = await create(connector, "notes", leadId=lead, content="One")
    assert (await update(connector, "notes", str(note.id), content="Two")).ok
    found = await get(connector, "notes", str(note.id), "content", "isPin", "leadId")
    assert (found["content"], found["isPin"], found["leadId"]) == ("Two", False, lead)
    task = await create(connector, "tasks", leadId=lead, content="Ring", endAt="2030-01-01T10:00:00+01:00")
    assert (await update(connector, "tasks", str(task.id), content="Ring again")).ok
    found = await get(connector, "tasks", str(task.id), "content", "endAt", "type")
    assert (found["content"], found["endAt"], found["type"]) == (
        "Ring again",
        "2030-01-01T09:00:00+00:00",
        "Other",
    )
    call = await create(connector, "calls", leadId=lead, content="Rang", outboundOrInbound="inbound")
    found = await get(connector, "calls", str(call.id), "content", "outboundOrInbound")
    assert (found["content"], found["outboundOrInbound"]) == ("Rang", "Inbound")
    for name, made in (("notes", note), ("tasks", task), ("calls", call)):
        request = WriteRequest(name, "delete", [WriteItem({}, id=str(made.id))])
        (gone,) = await connector.write(request)
        assert gone.status == "deleted"
    assert not await org.truth("notes")
    assert not await org.truth("tasks")

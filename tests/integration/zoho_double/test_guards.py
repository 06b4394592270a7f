"""Blueprints, locked records and records that wait for approval, as a plain client meets them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.conftest import Make
from tests.integration.zoho_double.test_writing import create

pytestmark = pytest.mark.anyio
DEAL = {"Deal_Name": "Acme", "Stage": "Qualification"}


@pytest.fixture
def guarded(make_zoho: Make) -> httpx.AsyncClient:
    return make_zoho(settings={"blueprint": "Deals"})[1]


async def deal(zoho: httpx.AsyncClient, **fields: object) -> str:
    return await create(zoho, "Deals", **{**DEAL, **fields})


async def process(zoho: httpx.AsyncClient, record: str) -> dict[str, Any]:
    return (await zoho.get(f"/crm/v8/Deals/{record}/actions/blueprint")).json()["blueprint"]


async def step(zoho: httpx.AsyncClient, record: str, name: str, **data: object) -> httpx.Response:
    found = {one["name"]: one["id"] for one in (await process(zoho, record))["transitions"]}
    return await send(zoho, record, {"transition_id": found.get(name, name), "data": data})


async def send(zoho: httpx.AsyncClient, record: str, *items: object) -> httpx.Response:
    return await zoho.put(f"/crm/v8/Deals/{record}/actions/blueprint", json={"blueprint": list(items)})


async def stage(zoho: httpx.AsyncClient, record: str) -> object:
    return (await zoho.get(f"/crm/v8/Deals/{record}")).json()["data"][0]["Stage"]


def code(reply: httpx.Response) -> tuple[int, object]:
    body = reply.json()
    return reply.status_code, (body["data"][0] if "data" in body else body)["code"]


async def test_a_deal_goes_through_its_process(guarded: httpx.AsyncClient) -> None:
    record = await deal(guarded)
    shown = await process(guarded, record)
    info = shown["process_info"]
    assert (info["api_name"], info["field_value"]) == ("Stage", "Qualification")
    first = shown["transitions"][0]
    assert (first["name"], first["next_field_value"], first["criteria_matched"]) == (
        "Analyse",
        "Needs Analysis",
        True,
    )
    assert [(one["api_name"], one["mandatory"]) for one in first["fields"]] == [("Description", True)]
    assert [one["name"] for one in first["next_transitions"]] == ["Propose", "Lose"]
    done = await step(guarded, record, "Analyse", Description="x", Stage="Closed Won")
    assert done.json() == {
        "code": "SUCCESS",
        "details": {},
        "message": "transition updated successfully",
        "status": "success",
    }
    assert await stage(guarded, record) == "Needs Analysis"
    await step(guarded, record, "Lose")
    assert await stage(guarded, record) == "Closed Lost"
    assert code(await guarded.get(f"/crm/v8/Deals/{record}/actions/blueprint")) == (
        400,
        "RECORD_NOT_IN_PROCESS",
    )


async def test_a_transition_asks_for_fields(guarded: httpx.AsyncClient) -> None:
    record = await deal(guarded, Description="known")
    missing = await step(guarded, record, "Propose")
    assert (missing.json()["code"], missing.json()["message"]) == ("INVALID_DATA", "invalid transition")
    assert (await step(guarded, record, "Analyse")).status_code == 200  # the record has what it asks for
    missing = await step(guarded, record, "Propose")
    assert (missing.json()["code"], missing.json()["details"]["api_name"]) == (
        "MANDATORY_NOT_FOUND",
        "Amount",
    )
    assert code(await step(guarded, record, "Propose", Amount="much")) == (400, "INVALID_DATA")
    partly = await step(guarded, record, "Propose", Amount=5)
    assert partly.json()["message"] == "transition saved partially"
    assert await stage(guarded, record) == "Needs Analysis"
    assert (await step(guarded, record, "Propose", Closing_Date="2026-12-01")).status_code == 200
    shut = (await process(guarded, record))["transitions"][0]
    assert (shut["name"], shut["criteria_matched"]) == ("Negotiate", False)
    assert code(await step(guarded, record, "Negotiate")) == (400, "INVALID_DATA")


async def test_what_is_no_transition_is_refused(guarded: httpx.AsyncClient) -> None:
    record = await deal(guarded)
    assert code(await send(guarded, record, {"transition_id": "77"})) == (400, "INVALID_DATA")
    assert code(await send(guarded, record, {"data": {}})) == (400, "MANDATORY_NOT_FOUND")
    assert code(await send(guarded, record)) == (400, "INVALID_DATA")
    assert code(await send(guarded, record, {"transition_id": "1", "data": "x"})) == (400, "INVALID_DATA")
    assert code(await send(guarded, "554023000000000007", {"transition_id": "1"})) == (400, "INVALID_DATA")


async def test_the_stage_of_a_deal_in_a_process_is_not_set_directly(guarded: httpx.AsyncClient) -> None:
    record = await deal(guarded)
    reply = await guarded.put(f"/crm/v8/Deals/{record}", json={"data": [{"Stage": "Closed Won"}]})
    assert code(reply) == (400, "RECORD_IN_BLUEPRINT")
    same = {"Stage": "Qualification", "Deal_Name": "Other"}
    assert code(await guarded.put(f"/crm/v8/Deals/{record}", json={"data": [same]})) == (200, "SUCCESS")


async def test_without_a_blueprint_there_is_no_process(zoho: httpx.AsyncClient) -> None:
    record = await deal(zoho)
    reply = await zoho.get(f"/crm/v8/Deals/{record}/actions/blueprint")
    assert code(reply) == (400, "RECORD_NOT_IN_PROCESS")
    assert code(await zoho.put(f"/crm/v8/Deals/{record}", json={"data": [{"Stage": "Closed Won"}]}))[0] == 200


def test_a_blueprint_of_another_module_is_refused(make_zoho: Make) -> None:
    with pytest.raises(SimulatorError, match="blueprint: 'Leads' is not one of Deals"):
        make_zoho(settings={"blueprint": "Leads"})


async def test_a_locked_record_stays_as_it_is(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    record, other = await deal(zoho), await deal(zoho)
    double.org.locked.add(record)
    body = {"data": [{"id": record, "Deal_Name": "X"}, {"id": other, "Deal_Name": "Y"}]}
    reply = await zoho.put("/crm/v8/Deals", json=body)
    assert (reply.status_code, [one["code"] for one in reply.json()["data"]]) == (
        207,
        ["RECORD_LOCKED", "SUCCESS"],
    )
    assert code(await zoho.delete(f"/crm/v8/Deals/{record}")) == (400, "RECORD_LOCKED")
    tags = {"tags": [{"name": "hot"}], "ids": [record, other]}
    tagged = (await zoho.post("/crm/v8/Deals/actions/add_tags", json=tags)).json()
    assert (tagged["success_count"], tagged["locked_count"]) == ("1", "1")
    assert (await zoho.get(f"/crm/v8/Deals/{record}")).json()["data"][0]["Locked__s"] is True


async def test_a_new_record_waits_for_approval(make_zoho: Make) -> None:
    zoho = make_zoho(settings={"approval": "Deals"})[1]
    made = (await zoho.post("/crm/v8/Deals", json={"data": [DEAL]})).json()["data"][0]["details"]
    assert made["$approval_state"] == "approval_process_pending"
    place = f"/crm/v8/Deals/{made['id']}"
    assert code(await zoho.put(place, json={"data": [{"Deal_Name": "X"}]})) == (400, "NOT_APPROVED")
    assert code(await zoho.delete(place)) == (400, "NOT_APPROVED")

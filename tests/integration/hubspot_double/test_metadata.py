"""Properties, pipelines, owners, the account."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import OBJECTS, Make, create, problem

pytestmark = pytest.mark.anyio
PROPERTIES = "/crm/v3/properties"
PIPELINES = "/crm/v3/pipelines/deals"


async def test_definitions_tell_types_choices_and_what_is_read_only(hubspot: httpx.AsyncClient) -> None:
    all_ = {one["name"]: one for one in (await hubspot.get(f"{PROPERTIES}/deals")).json()["results"]}
    assert [all_[name]["type"] for name in ("amount", "closedate", "dealname", "hs_is_closed")] == [
        "number",
        "datetime",
        "string",
        "bool",
    ]
    assert all_["hs_is_closed"]["modificationMetadata"]["readOnlyValue"] is True
    assert all_["dealstage"]["externalOptions"] is True
    assert {one["value"] for one in all_["dealstage"]["options"]} >= {"closedwon", "99000003"}
    assert len(all_["hubspot_owner_id"]["options"]) == 5
    one = (await hubspot.get("/crm/properties/2026-03/0-3/amount")).json()
    assert one == all_["amount"]
    assert (await hubspot.get(f"{PROPERTIES}/deals/no_such")).status_code == 404


async def test_a_property_of_the_portals_own_is_made_used_changed_and_archived(
    hubspot: httpx.AsyncClient,
) -> None:
    body = {
        "name": "tier",
        "label": "Tier",
        "type": "enumeration",
        "fieldType": "checkbox",
        "groupName": "companyinformation",
        "options": [{"label": word.upper(), "value": word, "hidden": False} for word in "ab"],
    }
    made = await hubspot.post(f"{PROPERTIES}/companies", json=body)
    assert (made.status_code, made.json()["hubspotDefined"]) == (201, False)
    assert problem(await hubspot.post(f"{PROPERTIES}/companies", json=body))[0] == 409
    company = await create(hubspot, "companies", name="X", tier="b;a")
    url = f"{OBJECTS}/companies/{company}"
    assert (await hubspot.get(url, params={"properties": "tier"})).json()["properties"]["tier"] == "b;a"
    changed = await hubspot.patch(f"{PROPERTIES}/companies/tier", json={"label": "Level"})
    assert changed.json()["label"] == "Level"
    assert (await hubspot.delete(f"{PROPERTIES}/companies/tier")).status_code == 204
    assert "tier" not in (await hubspot.get(url, params={"properties": "tier"})).json()["properties"]
    archived = (await hubspot.get(f"{PROPERTIES}/companies", params={"archived": "true"})).json()["results"]
    assert [one["name"] for one in archived] == ["tier"]
    assert problem(await hubspot.delete(f"{PROPERTIES}/companies/name"))[0] == 400


@pytest.mark.parametrize(
    "changed",
    [{"name": "Bad Name"}, {"type": "text"}, {"fieldType": "date"}, {"groupName": "none"}, {"label": None}],
)
async def test_wrong_definitions_are_refused(hubspot: httpx.AsyncClient, changed: dict[str, object]) -> None:
    body = {
        "name": "x",
        "label": "X",
        "type": "string",
        "fieldType": "text",
        "groupName": "dealinformation",
        **changed,
    }
    assert problem(await hubspot.post(f"{PROPERTIES}/deals", json=body))[:2] == (400, "VALIDATION_ERROR")


async def test_definitions_and_groups_come_in_batches(hubspot: httpx.AsyncClient) -> None:
    group = {"name": "erp", "label": "ERP"}
    assert (await hubspot.post(f"{PROPERTIES}/deals/groups", json=group)).status_code == 201
    names = {one["name"] for one in (await hubspot.get(f"{PROPERTIES}/deals/groups")).json()["results"]}
    assert names == {"dealinformation", "erp"}
    inputs = [
        {"name": name, "label": name, "type": "number", "fieldType": "number", "groupName": "erp"}
        for name in ("x", "y")
    ]
    assert (
        await hubspot.post(f"{PROPERTIES}/deals/batch/create", json={"inputs": inputs})
    ).status_code == 201
    asked = {"archived": False, "inputs": [{"name": name} for name in ("x", "z")]}
    read = await hubspot.post(f"{PROPERTIES}/deals/batch/read", json=asked)
    assert (read.status_code, [one["name"] for one in read.json()["results"]]) == (207, ["x"])
    gone = {"inputs": [{"name": "x"}]}
    assert (await hubspot.post(f"{PROPERTIES}/deals/batch/archive", json=gone)).status_code == 204
    assert (await hubspot.get(f"{PROPERTIES}/deals/x")).status_code == 404


async def test_pipelines_have_stages_that_say_how_likely_a_deal_is(hubspot: httpx.AsyncClient) -> None:
    first, second = (await hubspot.get(PIPELINES)).json()["results"]
    assert (first["id"], second["label"]) == ("default", "Renewals")
    assert first["stages"][5]["metadata"] == {"isClosed": "true", "probability": "1.0"}
    body = {"label": "Won?", "displayOrder": 9, "metadata": {"probability": "0.3"}}
    made = await hubspot.post(f"{PIPELINES}/default/stages", json=body)
    stage = made.json()["id"]
    assert made.status_code == 201
    await create(hubspot, "deals", dealname="D", dealstage=stage)
    used = await hubspot.delete(f"{PIPELINES}/default/stages/{stage}")
    assert "are being referenced by object IDs" in problem(used)[2]
    assert problem(await hubspot.post(f"{PIPELINES}/default/stages", json={**body, "metadata": {}}))[0] == 400
    tickets = (await hubspot.get("/crm/v3/pipelines/tickets")).json()["results"]
    assert tickets[0]["stages"][-1]["metadata"]["ticketState"] == "CLOSED"


async def test_a_pipeline_is_made_renamed_and_deleted(hubspot: httpx.AsyncClient) -> None:
    stages = [{"label": "One", "displayOrder": 0, "metadata": {"probability": "0.1"}}]
    body = {"label": "Third", "displayOrder": 2, "stages": stages}
    made = (await hubspot.post(PIPELINES, json=body)).json()
    assert problem(await hubspot.post(PIPELINES, json=body))[0] == 409
    url = f"{PIPELINES}/{made['id']}"
    assert (await hubspot.patch(url, json={"label": "Fourth"})).json()["label"] == "Fourth"
    stage = made["stages"][0]["id"]
    assert (await hubspot.get(f"{url}/stages/{stage}")).json()["label"] == "One"
    deal = await create(hubspot, "deals", dealname="D", pipeline=made["id"], dealstage=stage)
    checked = await hubspot.delete(url, params={"validateReferencesBeforeDelete": "true"})
    assert problem(checked)[0] == 400
    await hubspot.delete(f"{OBJECTS}/deals/{deal}")
    assert (await hubspot.delete(url)).status_code == 204
    assert (await hubspot.get(url)).status_code == 404


async def test_owners_are_paged_and_found_by_address_and_user(hubspot: httpx.AsyncClient) -> None:
    page = (await hubspot.get("/crm/v3/owners/", params={"limit": "3"})).json()
    rest = (
        await hubspot.get("/crm/v3/owners", params={"limit": "3", "after": page["paging"]["next"]["after"]})
    ).json()
    assert [len(page["results"]), len(rest["results"])] == [3, 2]
    assert "paging" not in rest
    ada = page["results"][0]
    assert (ada["email"], ada["archived"], ada["type"]) == ("ada.okafor@example.com", False, "PERSON")
    found = (await hubspot.get("/crm/v3/owners", params={"email": "Ada.Okafor@example.com"})).json()[
        "results"
    ]
    assert found == [ada]
    by_user = (await hubspot.get(f"/crm/v3/owners/{ada['userId']}", params={"idProperty": "userId"})).json()
    assert by_user == ada
    (gone,) = (await hubspot.get("/crm/v3/owners", params={"archived": "true"})).json()["results"]
    assert "userId" not in gone
    assert (await hubspot.get(f"/crm/v3/owners/{gone['id']}")).status_code == 404


async def test_the_account_tells_of_itself(make_hubspot: Make) -> None:
    _, hubspot = make_hubspot(settings={"timezone": "Europe/Berlin"})
    told = (await hubspot.get("/account-info/v3/details")).json()
    assert (told["portalId"], told["timeZone"], told["utcOffset"]) == (48_000_001, "Europe/Berlin", "+01:00")


async def test_files_declare_properties_and_people(tmp_path: Path) -> None:
    schema, users = tmp_path / "schema.yaml", tmp_path / "users.yaml"
    schema.write_text(
        "companies:\n  - {name: erp_id, type: text, unique: true}\n"
        "  - {name: tier, type: enumeration, choices: [a, b]}\n"
    )
    users.write_text("- {name: Ada Lovelace, email: ada@example.com, id: '77'}\n")
    double = HubSpotDouble(Options(schema=schema, users=users))
    properties = double.portal.stores["companies"].properties
    assert (properties["erp_id"].unique, properties["tier"].options[1].value) == (True, "b")
    assert list(double.portal.owners) == ["77"]
    for text, message in (
        ("companies:\n  - {name: x, type: blob}\n", "schema.yaml:2: .*unknown type 'blob'"),
        ("houses:\n  - {name: x, type: text}\n", "there is no object 'houses'"),
        ("deals:\n  - {name: x, type: enumeration}\n", "an enumeration needs"),
    ):
        schema.write_text(text)
        with pytest.raises(SimulatorError, match=message):
            HubSpotDouble(Options(schema=schema))

"""Batches: all or nothing, each for itself, upserts, what is not there."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import OBJECTS, create, problem

pytestmark = pytest.mark.anyio


async def batch(
    client: httpx.AsyncClient, path: str, *inputs: dict[str, Any], **more: object
) -> httpx.Response:
    return await client.post(f"{OBJECTS}/{path}", json={"inputs": list(inputs), **more})


def person(mail: str, **more: object) -> dict[str, Any]:
    return {"properties": {"email": mail}, **more}


async def test_a_batch_is_made_as_a_whole_or_not_at_all(hubspot: httpx.AsyncClient) -> None:
    made = await batch(hubspot, "contacts/batch/create", person("a@x.example"), person("b@x.example"))
    assert (made.status_code, made.json()["status"], len(made.json()["results"])) == (201, "COMPLETE", 2)
    ids = [one["id"] for one in made.json()["results"]]
    again = await batch(
        hubspot, "contacts/batch/create", person("c@x.example"), person("b@x.example"), person("a@x.example")
    )
    assert problem(again) == (409, "CONFLICT", f"Contact already exists. Existing ID: {ids[1]}")
    twice = await batch(hubspot, "contacts/batch/create", person("d@x.example"), person("D@x.example"))
    assert problem(twice)[2] == "Duplicate IDs found in batch input: [d@x.example]. IDs must be unique"
    wrong = await batch(
        hubspot,
        "contacts/batch/update",
        {"id": ids[0], "properties": {"city": "Rome"}},
        {"id": "5", "properties": {}},
    )
    assert problem(wrong)[:2] == (404, "OBJECT_NOT_FOUND")
    shown = (await hubspot.get(f"{OBJECTS}/contacts", params={"properties": "city"})).json()["results"]
    assert [(one["id"], one["properties"]["city"]) for one in shown] == [(ids[0], None), (ids[1], None)]


async def test_with_trace_ids_each_input_is_for_itself(hubspot: httpx.AsyncClient) -> None:
    await create(hubspot, "contacts", email="a@x.example")
    reply = await batch(
        hubspot,
        "contacts/batch/create",
        person("a@x.example", objectWriteTraceId="1"),
        person("b@x.example", objectWriteTraceId="2"),
        person("none", objectWriteTraceId="3"),
    )
    body = reply.json()
    assert (reply.status_code, body["numErrors"]) == (207, 2)
    assert [one["objectWriteTraceId"] for one in body["results"]] == ["2"]
    assert [(one["category"], one["context"]["objectWriteTraceId"]) for one in body["errors"]] == [
        ("CONFLICT", ["1"]),
        ("VALIDATION_ERROR", ["3"]),
    ]


async def test_upserts_tell_what_is_new_and_what_was_refused(hubspot: httpx.AsyncClient) -> None:
    await create(hubspot, "contacts", email="a@x.example")

    def upsert(mail: str, **values: object) -> dict[str, Any]:
        return {"idProperty": "email", "id": mail, "properties": values}

    reply = await batch(
        hubspot,
        "contacts/batch/upsert",
        upsert("a@x.example", city="Rome"),
        upsert("b@x.example", city="Oslo"),
    )
    assert reply.status_code == 200
    assert [(one["new"], one["properties"]["city"]) for one in reply.json()["results"]] == [
        (False, "Rome"),
        (True, "Oslo"),
    ]
    partly = await batch(
        hubspot, "contacts/batch/upsert", upsert("a@x.example", city="Bonn"), upsert("c@x.example", nope=1)
    )
    assert (partly.status_code, partly.json()["numErrors"], len(partly.json()["results"])) == (207, 1, 1)
    assert partly.json()["errors"][0]["context"]["ids"] == ["c@x.example"]
    by_name: dict[str, Any] = {"idProperty": "city", "id": "Rome", "properties": {}}
    refused = await batch(hubspot, "contacts/batch/upsert", by_name)
    assert "is not a unique property" in refused.json()["errors"][0]["message"]


async def test_a_unique_property_of_the_portals_own_names_records(hubspot: httpx.AsyncClient) -> None:
    definition = {
        "name": "erp_id",
        "label": "ERP",
        "type": "string",
        "fieldType": "text",
        "groupName": "companyinformation",
    }
    made = await hubspot.post("/crm/v3/properties/companies", json={**definition, "hasUniqueValue": True})
    assert made.status_code == 201
    first = await create(hubspot, "companies", erp_id="E-1")
    clash = await hubspot.post(f"{OBJECTS}/companies", json={"properties": {"erp_id": "E-1"}})
    assert problem(clash)[2].endswith(f"on a new object. {first} already has that value.")
    assert clash.json()["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE"
    upserted = await batch(
        hubspot, "companies/batch/upsert", {"idProperty": "erp_id", "id": "E-1", "properties": {"name": "A"}}
    )
    assert [(one["id"], one["new"]) for one in upserted.json()["results"]] == [(first, False)]
    found = await batch(
        hubspot,
        "companies/batch/read",
        {"id": "E-1"},
        idProperty="erp_id",
        properties=["name"],
        propertiesWithHistory=[],
    )
    assert found.json()["results"][0]["properties"]["name"] == "A"


async def test_reading_tells_together_of_those_that_are_not_there(hubspot: httpx.AsyncClient) -> None:
    here = await create(hubspot, "deals", dealname="D")
    reply = await batch(
        hubspot, "deals/batch/read", {"id": here}, {"id": "5"}, {"id": "x"}, properties=["dealname"]
    )
    body = reply.json()
    assert (reply.status_code, len(body["results"]), body["numErrors"]) == (207, 1, 1)
    assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert body["errors"][0]["context"] == {"ids": ["5", "x"]}
    assert (await batch(hubspot, "deals/batch/archive", {"id": here}, {"id": "5"})).status_code == 204
    url = f"{OBJECTS}/deals/batch/read"
    archived = await hubspot.post(
        url, params={"archived": "true"}, json={"inputs": [{"id": here}], "properties": []}
    )
    assert archived.json()["results"][0]["archived"] is True


async def test_a_batch_has_a_hundred_inputs_at_most(hubspot: httpx.AsyncClient) -> None:
    inputs: list[dict[str, Any]] = [{"properties": {}}] * 101
    status, _, message = problem(await batch(hubspot, "companies/batch/create", *inputs))
    assert status == 400
    assert message.startswith("The maximum number of inputs supported in a batch request is 100.")
    ids = [{"id": str(number)} for number in range(51)]
    history = await batch(
        hubspot, "contacts/batch/read", *ids, propertiesWithHistory=["email"], properties=[]
    )
    assert "for property histories is 50" in problem(history)[2]
    assert problem(await hubspot.post(f"{OBJECTS}/contacts/batch/create", json={}))[0] == 400


async def test_required_properties_of_the_portal_hold_in_the_newest_version_alone(tmp_path: Any) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text("deals:\n  - {name: segment, type: enumeration, choices: [a, b], required: true}\n")
    double = HubSpotDouble(Options(schema=schema))
    headers = {"Authorization": f"Bearer {double.credentials['private_app_token']}"}
    transport = httpx.ASGITransport(double.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hubspot.test", headers=headers
    ) as client:
        for path, status in ((OBJECTS, 201), ("/crm/objects/2026-03", 201), ("/crm/objects/2026-09", 400)):
            reply = await client.post(f"{path}/deals", json={"properties": {"dealname": "D"}})
            assert reply.status_code == status
        assert reply.json()["context"] == {"properties": ["segment"]}

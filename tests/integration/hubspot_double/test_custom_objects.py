"""Objects of the portal's own."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.hubspot_double.conftest import OBJECTS, create, problem, search

pytestmark = pytest.mark.anyio
SCHEMAS = "/crm-object-schemas/v3/schemas"
HOUSE: dict[str, Any] = {
    "name": "house",
    "labels": {"singular": "House", "plural": "Houses"},
    "primaryDisplayProperty": "street",
    "requiredProperties": ["street"],
    "searchableProperties": ["street"],
    "properties": [
        {"name": "street", "label": "Street", "type": "string", "fieldType": "text"},
        {"name": "rooms", "label": "Rooms", "type": "number", "fieldType": "number"},
    ],
    "associatedObjects": ["CONTACT"],
}


async def test_an_object_of_the_portals_own_has_records_like_all_others(hubspot: httpx.AsyncClient) -> None:
    assert (await hubspot.get(SCHEMAS)).json() == {"results": []}
    made = await hubspot.post(SCHEMAS, json=HOUSE)
    assert (made.status_code, made.json()["fullyQualifiedName"]) == (201, "p48000001_house")
    type_id = made.json()["objectTypeId"]
    house = await create(hubspot, type_id, street="Elm 5", rooms=3)
    await create(hubspot, "house", street="Oak 1", rooms=9)
    for name in ("house", "p_house", "p48000001_house", type_id):
        found = await hubspot.get(f"{OBJECTS}/{name}/{house}", params={"properties": "rooms"})
        assert found.json()["properties"]["rooms"] == "3"
    found = await search(hubspot, "house", ("rooms", "GT", "5"), properties=["street"])
    assert [one["properties"]["street"] for one in found["results"]] == ["Oak 1"]
    missing = await hubspot.post(f"{OBJECTS}/house", json={"properties": {}})
    assert missing.json()["context"] == {"properties": ["street"]}
    contact = await create(hubspot, "contacts", firstname="A")
    await hubspot.put(f"/crm/v4/objects/house/{house}/associations/default/contacts/{contact}")
    linked = await hubspot.get(f"{OBJECTS}/contacts/{contact}", params={"associations": type_id})
    assert linked.json()["associations"]["house"]["results"] == [{"id": house, "type": "contact_to_house"}]
    names = {one["name"] for one in (await hubspot.get("/crm/v3/properties/house")).json()["results"]}
    assert names > {"street", "rooms", "hs_object_id"}


async def test_definitions_are_shown_and_removed_once_they_are_empty(hubspot: httpx.AsyncClient) -> None:
    await hubspot.post(SCHEMAS, json=HOUSE)
    assert problem(await hubspot.post(SCHEMAS, json=HOUSE))[0] == 409
    (shown,) = (await hubspot.get("/crm/v3/schemas")).json()["results"]
    assert (await hubspot.get(f"{SCHEMAS}/house")).json() == shown
    assert (await hubspot.get(f"{SCHEMAS}/contacts")).json()["objectTypeId"] == "0-1"
    house = await create(hubspot, "house", street="Elm 5")
    assert problem(await hubspot.delete(f"{SCHEMAS}/house"))[0] == 400
    await hubspot.delete(f"{OBJECTS}/house/{house}")
    assert (await hubspot.delete(f"{SCHEMAS}/house")).status_code == 204
    assert (await hubspot.get(f"{SCHEMAS}/house")).status_code == 404
    assert problem(await hubspot.delete(f"{SCHEMAS}/deals"))[0] == 400
    ids = [
        (await hubspot.post(SCHEMAS, json={**HOUSE, "name": name})).json()["objectTypeId"]
        for name in ("a", "b")
    ]
    await hubspot.delete(f"{SCHEMAS}/a")
    again = (await hubspot.post(SCHEMAS, json={**HOUSE, "name": "c"})).json()["objectTypeId"]
    assert len({*ids, again, shown["objectTypeId"]}) == 4


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "5"},
        {"name": None},
        {"properties": []},
        {"properties": [{"name": "street", "label": "S", "type": "text", "fieldType": "text"}]},
        {"requiredProperties": ["none"]},
        {"associatedObjects": ["none"]},
    ],
)
async def test_wrong_definitions_are_refused_and_leave_nothing(
    hubspot: httpx.AsyncClient, changed: dict[str, Any]
) -> None:
    assert problem(await hubspot.post(SCHEMAS, json={**HOUSE, **changed}))[:2] == (400, "VALIDATION_ERROR")
    assert (await hubspot.get(SCHEMAS)).json() == {"results": []}

"""What HubSpot does in the small: pointers, further addresses, stages, audits, counts."""

from __future__ import annotations

import httpx
import pytest

from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import OBJECTS, Make, create, problem, search

pytestmark = pytest.mark.anyio
CONTACTS = f"{OBJECTS}/contacts"


async def test_a_list_goes_on_from_any_number(seeded: httpx.AsyncClient) -> None:
    ids = [one["id"] for one in (await seeded.get(CONTACTS, params={"limit": 5})).json()["results"]]
    for after in ("0", "5", ids[0]):
        page = (await seeded.get(CONTACTS, params={"limit": 5, "after": after})).json()
        assert [one["id"] for one in page["results"]] == ids
    beyond = (await seeded.get(CONTACTS, params={"after": "9" * 15})).json()
    assert beyond == {"results": []}


async def test_filters_of_one_group_need_no_group(hubspot: httpx.AsyncClient) -> None:
    for city in ("Oslo", "Rome"):
        await create(hubspot, "contacts", city=city)
    one = {"propertyName": "city", "operator": "EQ", "value": "Rome"}
    assert (await search(hubspot, "contacts", filters=[one]))["total"] == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"operator": "EQ", "value": "x"}, "required attributes are not set [propertyName]"),
        ({"propertyName": "city", "operator": "BETWEEN", "value": "1"}, "BETWEEN requires a highValue"),
        ({"propertyName": "city", "operator": "IN", "value": "1"}, "IN requires values"),
        ({"propertyName": "city", "operator": "HAS_PROPERTY", "value": ""}, "does not take a value"),
    ],
)
async def test_filters_that_lack_something_cannot_be_built(
    hubspot: httpx.AsyncClient, given: dict[str, str], message: str
) -> None:
    reply = await hubspot.post(f"{CONTACTS}/search", json={"filterGroups": [{"filters": [given]}]})
    status, category, text = problem(reply)
    assert (status, category) == (400, "VALIDATION_ERROR")
    assert text.startswith("Invalid input JSON on line 1, column ")
    assert message in text


async def test_an_update_of_nothing_is_refused(hubspot: httpx.AsyncClient) -> None:
    one = await create(hubspot, "contacts", city="Oslo")
    reply = await hubspot.patch(f"{CONTACTS}/{one}", json={"properties": {}})
    assert problem(reply)[2] == "No properties found to update, please provide at least one."


async def test_a_merged_contact_is_known_by_all_its_addresses(hubspot: httpx.AsyncClient) -> None:
    ids = [await create(hubspot, "contacts", email=f"{name}@example.com") for name in ("a", "b")]
    body = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
    merged = (await hubspot.post(f"{CONTACTS}/merge", json=body)).json()
    assert merged["properties"]["hs_additional_emails"] == "b@example.com"
    found = (await hubspot.get(f"{CONTACTS}/B@example.com", params={"idProperty": "email"})).json()
    assert found["id"] == merged["id"]
    again = await hubspot.post(CONTACTS, json={"properties": {"email": "b@example.com"}})
    assert problem(again) == (409, "CONFLICT", f"Contact already exists. Existing ID: {merged['id']}")


async def test_the_lifecycle_stage_goes_back_only_when_it_was_cleared(hubspot: httpx.AsyncClient) -> None:
    one = await create(hubspot, "contacts", lifecyclestage="opportunity")
    kept: list[str] = []
    for wanted in ("lead", "customer", "", "lead"):
        reply = await hubspot.patch(f"{CONTACTS}/{one}", json={"properties": {"lifecyclestage": wanted}})
        assert reply.status_code == 200
        kept.append(reply.json()["properties"]["lifecyclestage"])
    assert kept == ["opportunity", "customer", None, "lead"]


async def test_associated_records_are_counted_and_what_a_deal_brought_is_told(
    hubspot: httpx.AsyncClient,
) -> None:
    deal = await create(hubspot, "deals", dealname="D", dealstage="closedlost", amount="10")
    contact = await create(hubspot, "contacts", city="Oslo")
    await hubspot.put(f"/crm/v4/objects/deals/{deal}/associations/default/contacts/{contact}")
    names = "num_associated_contacts,hs_is_closed_lost,hs_closed_amount"
    shown = (await hubspot.get(f"{OBJECTS}/deals/{deal}", params={"properties": names})).json()["properties"]
    assert [shown[name] for name in names.split(",")] == ["1", "true", "0"]
    found = await search(hubspot, "contacts", ("num_associated_deals", "GTE", "1"))
    assert found["total"] == 1


async def test_pipelines_and_stages_tell_what_was_done_to_them(hubspot: httpx.AsyncClient) -> None:
    path = "/crm/v3/pipelines/deals"
    stage = {"label": "One", "displayOrder": 0, "metadata": {"probability": "0.1"}}
    made = (await hubspot.post(path, json={"label": "New", "displayOrder": 3, "stages": [stage]})).json()
    one = f"{path}/{made['id']}"
    await hubspot.patch(one, json={"label": "Newer"})
    told = (await hubspot.get(f"{one}/audit")).json()["results"]
    assert [(each["action"], each["rawObject"]["label"]) for each in told] == [
        ("UPDATE", "Newer"),
        ("CREATE", "New"),
    ]
    audit = (await hubspot.get(f"{one}/stages/{made['stages'][0]['id']}/audit")).json()["results"]
    assert [each["action"] for each in audit] == ["CREATE"]


async def test_a_definition_is_changed_and_associated(hubspot: httpx.AsyncClient) -> None:
    path = "/crm-object-schemas/v3/schemas"
    street = {"name": "street", "label": "Street", "type": "string", "fieldType": "text"}
    body = {"name": "house", "labels": {"singular": "House"}, "properties": [street]}
    made = (await hubspot.post(path, json=body)).json()
    changed = {"labels": {"plural": "Homes"}, "secondaryDisplayProperties": ["street"]}
    told = (await hubspot.patch(f"{path}/house", json=changed)).json()
    assert told["labels"] == {"singular": "House", "plural": "Homes"}
    assert told["secondaryDisplayProperties"] == ["street"]
    ends = {"fromObjectTypeId": made["objectTypeId"], "toObjectTypeId": "0-2", "name": "house_to_owner"}
    link = (await hubspot.post(f"{path}/house/associations", json=ends)).json()
    types = f"/crm/v4/associations/{made['objectTypeId']}/companies/labels"
    assert [one["typeId"] for one in (await hubspot.get(types)).json()["results"]] == [int(link["id"])]
    refused = await hubspot.patch(f"{path}/contacts", json=changed)
    assert refused.status_code == 400


async def test_an_account_tells_how_much_its_private_apps_called(make_hubspot: Make) -> None:
    _, hubspot = make_hubspot(settings={"timezone": "Europe/Berlin"})
    await hubspot.get(CONTACTS)
    told = (await hubspot.get("/account-info/v3/api-usage/daily/private-apps")).json()["results"][0]
    assert (told["currentUsage"], told["usageLimit"]) == (2, 625_000)
    assert told["resetsAt"] == "2026-01-01T23:00:00.000Z"


async def test_every_reply_can_be_named_and_a_moving_account_says_when_to_come_again(
    empty: tuple[HubSpotDouble, httpx.AsyncClient],
) -> None:
    _, hubspot = empty
    assert (await hubspot.get(CONTACTS)).headers["x-hubspot-correlation-id"]
    await hubspot.put("/_faults", json=["477:1x"])
    assert int((await hubspot.get(CONTACTS)).headers["retry-after"]) > 0

"""Tags of modules and on records."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.test_writing import create, read

pytestmark = pytest.mark.anyio
TAGS = "/crm/v8/settings/tags"
LEADS = {"module": "Leads"}


async def make(zoho: httpx.AsyncClient, *names: str) -> list[str]:
    reply = await zoho.post(TAGS, params=LEADS, json={"tags": [{"name": name} for name in names]})
    assert reply.status_code == 201, reply.text
    return [one["details"]["id"] for one in reply.json()["tags"]]


async def tags_of(zoho: httpx.AsyncClient, lead: str) -> list[str]:
    return [tag["name"] for tag in (await read(zoho, "Leads", lead))["Tag"]]


async def test_tags_are_made_and_listed_by_module(zoho: httpx.AsyncClient) -> None:
    assert (await zoho.get(TAGS, params=LEADS)).status_code == 204
    await make(zoho, "hot", "cold")
    listed = (await zoho.get(TAGS, params=LEADS)).json()
    assert [tag["name"] for tag in listed["tags"]] == ["hot", "cold"]
    assert listed["info"] == {"count": 2, "allowed_count": 98}
    assert set(listed["tags"][0]) == {
        *("id", "name", "color_code", "created_time", "modified_time", "created_by", "modified_by")
    }
    assert (await zoho.get(TAGS, params={"module": "Deals"})).status_code == 204


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"name": "HOT"}, "DUPLICATE_DATA"),
        ({"name": "x" * 26}, "INVALID_DATA"),
        ({"name": "a", "color_code": "#000000"}, "INVALID_DATA"),
        ({}, "MANDATORY_NOT_FOUND"),
    ],
)
async def test_tags_that_cannot_be_are_refused(
    zoho: httpx.AsyncClient, item: dict[str, Any], code: str
) -> None:
    await make(zoho, "hot")
    reply = await zoho.post(TAGS, params=LEADS, json={"tags": [{"name": "good"}, item]})
    assert (reply.status_code, [one["code"] for one in reply.json()["tags"]]) == (207, ["SUCCESS", code])


async def test_records_are_tagged_by_name_and_by_id(zoho: httpx.AsyncClient) -> None:
    lead = await create(zoho, "Leads", Last_Name="L")
    (hot,) = await make(zoho, "hot")
    add = f"/crm/v8/Leads/{lead}/actions/add_tags"
    reply = await zoho.post(add, json={"tags": [{"name": "new"}, {"id": int(hot)}]})
    assert reply.json()["data"][0]["message"] == "tags updated successfully"
    assert (reply.json()["success_count"], reply.json()["locked_count"]) == ("1", "0")
    assert await tags_of(zoho, lead) == ["new", "hot"]
    await zoho.post(add, json={"tags": [{"name": "only"}], "over_write": True})
    assert await tags_of(zoho, lead) == ["only"]
    remove = f"/crm/v8/Leads/{lead}/actions/remove_tags"
    await zoho.post(remove, json={"tags": [{"name": "ONLY"}, {"name": "never"}]})
    assert await tags_of(zoho, lead) == []
    unknown = await zoho.post(add, json={"tags": [{"id": "5"}]})
    assert (unknown.status_code, unknown.json()["message"]) == (400, "invalid tag id")


async def test_many_records_are_tagged_at_once(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    leads = [await create(zoho, "Leads", Last_Name=name) for name in "ABC"]
    body = {"tags": [{"name": "hot"}], "ids": [*leads[:2], "5"]}
    reply = await zoho.post("/crm/v8/Leads/actions/add_tags", json=body)
    assert (reply.status_code, reply.json()["success_count"]) == (207, "2")
    assert [await tags_of(zoho, lead) for lead in leads] == [["hot"], ["hot"], []]
    (tag,) = double.org.tags.of("Leads")
    counted = await zoho.get(f"{TAGS}/{tag.id}/actions/records_count", params=LEADS)
    assert counted.json() == {"count": "2"}
    missing = await zoho.post("/crm/v8/Leads/actions/add_tags", json={"tags": [{"name": "hot"}]})
    assert missing.json()["code"] == "REQUIRED_PARAM_MISSING"
    many = {"tags": [{"name": "hot"}], "ids": [str(one) for one in range(501)]}
    refused = await zoho.post("/crm/v8/Leads/actions/add_tags", json=many)
    assert refused.json()["details"]["maximum_length"] == 500


async def test_renamed_and_deleted_tags_change_on_records(zoho: httpx.AsyncClient) -> None:
    lead = await create(zoho, "Leads", Last_Name="L", Tag=[{"name": "hot"}, {"name": "old"}])
    hot, old = [tag["id"] for tag in (await read(zoho, "Leads", lead))["Tag"]]
    named = await zoho.put(f"{TAGS}/{hot}", params=LEADS, json={"tags": [{"name": "warm"}]})
    assert named.json()["tags"][0]["message"] == "tags updated successfully"
    assert (await zoho.delete(f"{TAGS}/{old}")).json()["tags"][0]["message"] == "tags deleted successfully"
    assert await tags_of(zoho, lead) == ["warm"]
    assert (await zoho.delete(f"{TAGS}/{old}")).json()["message"] == "tags not found"


async def test_notes_have_no_tags(zoho: httpx.AsyncClient) -> None:
    reply = await zoho.post("/crm/v8/Notes/actions/add_tags", json={"tags": [{"name": "a"}], "ids": ["5"]})
    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_MODULE")

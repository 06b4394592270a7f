"""Opportunities and pipelines; businesses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble
from tests.integration.gohighlevel_double.conftest import Make

pytestmark = pytest.mark.anyio
Create = Callable[..., Awaitable[dict[str, Any]]]


async def test_an_opportunity_needs_its_contact_pipeline_name_and_status(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, location: str, contact: Create
) -> None:
    reply = await ghl.post("/opportunities/", json={})
    wanted = {"pipelineId", "locationId", "name", "status", "contactId"}
    assert reply.status_code == 422
    assert {one.split()[0] for one in reply.json()["message"]} == wanted
    person = await contact(email="a@b.cd")
    pipeline = double.agency.main.pipelines[0]
    good = {
        "pipelineId": pipeline.id,
        "locationId": location,
        "name": "D",
        "status": "open",
        "contactId": person["id"],
    }
    for change, status in (
        ({"status": "all"}, 422),
        ({"pipelineId": "x"}, 400),
        ({"pipelineStageId": "x"}, 400),
        ({"contactId": "x"}, 400),
        ({"source": "x"}, 422),
        ({"monetaryValue": "5"}, 422),
    ):
        assert (await ghl.post("/opportunities/", json={**good, **change})).status_code == status
    made = (await ghl.post("/opportunities/", json=good)).json()["opportunity"]
    assert (made["pipelineStageId"], made["monetaryValue"]) == (pipeline.stages[0].id, 0)
    assert made["contact"]["email"] == "a@b.cd"


async def test_changes_of_status_and_stage_have_times_of_their_own(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, contact: Create, opportunity: Create
) -> None:
    made = await opportunity((await contact(email="a@b.cd"))["id"], monetaryValue=12.5)
    assert made["monetaryValue"] == 12.5
    url = f"/opportunities/{made['id']}"
    double.clock.advance(10)
    reply = await ghl.put(f"{url}/status", json={"status": "won"})
    assert reply.json()["succeded"] is True
    won = (await ghl.get(url)).json()["opportunity"]
    assert (won["status"], won["lastStatusChangeAt"]) == ("won", "2026-01-01T09:00:10.000Z")
    assert won["lastStageChangeAt"] == made["lastStageChangeAt"]
    double.clock.advance(10)
    stage = double.agency.main.pipelines[0].stages[2].id
    moved = (await ghl.put(url, json={"pipelineStageId": stage})).json()["opportunity"]
    assert moved["lastStageChangeAt"] == moved["updatedAt"] == "2026-01-01T09:00:20.000Z"
    other = double.agency.main.pipelines[1]
    moved = (await ghl.put(url, json={"pipelineId": other.id})).json()["opportunity"]
    assert moved["pipelineStageId"] == other.stages[0].id
    for body in ({"contactId": "x"}, {"locationId": "x"}):
        assert (await ghl.put(url, json=body)).status_code == 422
    assert (await ghl.delete(url)).json()["succeded"] is True
    assert (await ghl.get(url)).status_code == 400


async def test_custom_fields_are_read_as_field_value(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, contact: Create, opportunity: Create
) -> None:
    field = next(one for one in double.agency.main.fields.values() if one.model == "opportunity")
    made = await opportunity(
        (await contact(email="a@b.cd"))["id"],
        customFields=[{"key": field.key, "field_value": "Large"}],
    )
    assert made["customFields"] == [{"id": field.id, "fieldValue": "Large"}]


async def test_an_upsert_finds_by_contact_and_pipeline(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, location: str, contact: Create
) -> None:
    person = await contact(email="a@b.cd")
    body = {
        "locationId": location,
        "pipelineId": double.agency.main.pipelines[0].id,
        "contactId": person["id"],
    }
    first = (await ghl.post("/opportunities/upsert", json={**body, "name": "D", "status": "open"})).json()
    again = (await ghl.post("/opportunities/upsert", json={**body, "name": "E"})).json()
    assert (first["new"], again["new"]) == (True, False)
    assert again["opportunity"]["id"] == first["opportunity"]["id"]
    assert again["opportunity"]["name"] == "E"


async def test_lists_go_by_keyset_and_by_page(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=45)
    own = {"location_id": double.credentials["location_id"]}
    seen: list[str] = []
    params: dict[str, Any] = {**own, "limit": 20}
    while rows := (reply := (await ghl.get("/opportunities/search", params=params)).json())["opportunities"]:
        seen += [row["id"] for row in rows]
        params |= {key: reply["meta"][key] for key in ("startAfter", "startAfterId")}
    pages = [
        row["id"]
        for page in (1, 2, 3)
        for row in (await ghl.get("/opportunities/search", params={**own, "limit": 20, "page": page})).json()[
            "opportunities"
        ]
    ]
    assert seen == pages
    assert len(set(seen)) == 45
    first = (await ghl.get("/opportunities/search", params={**own, "order": "added_asc"})).json()
    assert first["opportunities"][0]["id"] == seen[-1]
    assert (first["meta"]["total"], first["meta"]["currentPage"], first["meta"]["nextPage"]) == (45, 1, 2)
    following = (await ghl.get(first["meta"]["nextPageUrl"])).json()
    assert following["opportunities"][0]["id"] == seen[-21]


async def test_the_versions_name_the_query_differently(
    ghl: httpx.AsyncClient, double: GoHighLevelDouble, location: str
) -> None:
    for version, name, other in (
        ("2021-07-28", "location_id", "locationId"),
        ("v3", "locationId", "location_id"),
    ):
        headers = {"Version": version}
        good = await ghl.get("/opportunities/search", params={name: location}, headers=headers)
        assert good.status_code == 200
        bad = await ghl.get("/opportunities/search", params={other: location}, headers=headers)
        assert bad.json()["message"][0] == f"property {other} should not exist"


async def test_lists_are_filtered(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=60)
    rows = list(double.truth("opportunities"))

    async def ids(**params: str) -> set[object]:
        own = {"location_id": double.credentials["location_id"], "limit": "100"}
        reply = await ghl.get("/opportunities/search", params={**own, **params})
        assert reply.status_code == 200, reply.text
        return {row["id"] for row in reply.json()["opportunities"]}

    assert await ids(status="won") == {row["id"] for row in rows if row["status"] == "won"}
    assert len(await ids(status="all")) == 60
    row = rows[30]
    by_contact = {one["id"] for one in rows if one["contactId"] == row["contactId"]}
    assert await ids(contact_id=str(row["contactId"])) == by_contact
    day = str(row["createdAt"])[:10]
    us_day = f"{day[5:7]}-{day[8:]}-{day[:4]}"
    of_day = {one["id"] for one in rows if str(one["createdAt"])[:10] == day}
    assert await ids(date=us_day, endDate=us_day) == of_day
    refused = await ghl.get(
        "/opportunities/search", params={"location_id": double.credentials["location_id"], "date": day}
    )
    assert refused.json()["message"] == ["date must be in the format mm-dd-yyyy"]


async def test_pipelines_have_stages_in_order(ghl: httpx.AsyncClient, location: str) -> None:
    reply = (await ghl.get("/opportunities/pipelines", params={"locationId": location})).json()
    assert [one["name"] for one in reply["pipelines"]] == ["Sales", "Onboarding"]
    assert [one["position"] for one in reply["pipelines"][0]["stages"]] == [0, 1, 2, 3, 4]


async def test_businesses_are_kept_and_paged(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=25)
    own = {"locationId": double.credentials["location_id"]}
    pages = [
        (await ghl.get("/businesses/", params={**own, "limit": "10", "skip": str(skip)})).json()["businesses"]
        for skip in (0, 10, 20, 30)
    ]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert len({row["id"] for page in pages for row in page}) == 25
    made = (await ghl.post("/businesses/", json={**own, "name": "Acme", "city": "Leeds"})).json()["buiseness"]
    assert len(made["id"]) == 24
    url = f"/businesses/{made['id']}"
    changed = await ghl.put(url, json={"city": "", "phone": "1"})
    assert changed.json()["success"] is True
    read = (await ghl.get(url)).json()["business"]
    assert (read["name"], read["phone"]) == ("Acme", "1")
    assert "city" not in read
    assert (await ghl.delete(url)).json()["success"] is True
    assert (await ghl.get(url)).status_code == 400
    assert (await ghl.post("/businesses/", json=own)).status_code == 422


async def test_a_deleted_business_leaves_its_contacts(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=10)
    contact = next(row for row in double.truth("contacts") if row.get("businessId"))
    await ghl.delete(f"/businesses/{contact['businessId']}")
    read = (await ghl.get(f"/contacts/{contact['id']}")).json()["contact"]
    assert "businessId" not in read
    assert read["companyName"] == contact["companyName"]


async def test_businesses_are_records_of_the_objects_api_too(make_ghl: Make) -> None:
    double, ghl = make_ghl(rows=25)
    own = {"locationId": double.credentials["location_id"]}
    url = "/objects/business/records"
    body = {**own, "properties": {"name": "Acme", "city": "Leeds"}}
    made = (await ghl.post(url, json=body)).json()["record"]
    read = (await ghl.get(f"/businesses/{made['id']}")).json()["business"]
    assert (read["name"], read["city"]) == ("Acme", "Leeds")
    changes = {"properties": {"city": ""}}
    changed = (await ghl.put(f"{url}/{made['id']}", params=own, json=changes)).json()["record"]
    assert changed["properties"] == {"name": "Acme"}
    seen: list[str] = []
    page: dict[str, object] = {**own, "page": 1, "pageLimit": 10}
    while hits := (await ghl.post(f"{url}/search", json=page)).json()["records"]:
        seen += [hit["id"] for hit in hits]
        page["searchAfter"] = hits[-1]["searchAfter"]
    assert len(seen) == len(set(seen)) == 26
    since = {"field": "updatedAt", "operator": "range", "value": {"gte": "2026-01-01T00:00:00Z"}}
    first = {**own, "page": 1, "pageLimit": 10, "filters": [since]}
    assert [hit["id"] for hit in (await ghl.post(f"{url}/search", json=first)).json()["records"]] == [
        made["id"]
    ]
    name = {"field": "properties.name", "operator": "eq", "value": "acme"}
    found = await ghl.post(f"{url}/search", json={**first, "filters": [name]})
    assert found.json()["total"] == 1
    wrong = await ghl.post(url, json={**own, "properties": {"shoe": "x"}})
    assert wrong.json()["message"] == ["property properties.shoe should not exist"]
    assert (await ghl.get("/objects/custom_objects.pet/records/x")).status_code == 400
    assert (await ghl.delete(f"{url}/{made['id']}")).json() | {"traceId": ""} == {
        "id": made["id"],
        "success": True,
        "traceId": "",
    }

"""Search: filters, sorts, pages, the cap, and the index that lags behind."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import OBJECTS, Make, create, problem, search

pytestmark = pytest.mark.anyio
REFUSED: list[dict[str, Any]] = [
    {"limit": 201},
    {"after": "x"},
    {"sorts": ["name", "domain"]},
    {"sorts": ["no_such"]},
    {"query": "x" * 3_001},
    {"filterGroups": [{"filters": []}] * 6},
    {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY"}] * 11}]},
    {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY"}] * 9}] * 3},
    {"filterGroups": [{"filters": [{"propertyName": "no_such", "operator": "EQ", "value": "x"}]}]},
    {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "LIKE", "value": "x"}]}]},
    {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "EQ"}]}]},
    {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "IN", "value": "x"}]}]},
    {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY", "value": "x"}]}]},
    {"filterGroups": [{"filters": [{"propertyName": "createdate", "operator": "GT", "value": "soon"}]}]},
    {"filterGroups": [{"filters": [{"operator": "EQ", "value": "x"}]}]},
]
START_MS = 1_767_258_000_000


async def test_a_page_of_results_points_to_the_next_by_offset(seeded: httpx.AsyncClient) -> None:
    first = await search(seeded, "contacts", limit=200)
    assert (first["total"], len(first["results"])) == (250, 200)
    assert first["paging"] == {"next": {"after": "200"}}
    last = await search(seeded, "contacts", limit=200, after=first["paging"]["next"]["after"])
    assert len(last["results"]) == 50
    assert "paging" not in last
    assert len({one["id"] for one in first["results"] + last["results"]}) == 250
    shown = set(last["results"][0]["properties"])
    assert shown == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    assert "associations" not in last["results"][0]


async def test_nobody_pages_past_ten_thousand(make_hubspot: Make) -> None:
    _, hubspot = make_hubspot(rows={"contacts": 10_300})
    near = await search(hubspot, "contacts", limit=200, after="9800")
    assert (near["total"], len(near["results"]), near["paging"]["next"]["after"]) == (10_300, 200, "10000")
    reply = await hubspot.post(f"{OBJECTS}/contacts/search", json={"limit": 200, "after": "10000"})
    assert problem(reply)[:2] == (400, "VALIDATION_ERROR")


async def test_filters_of_every_operator(hubspot: httpx.AsyncClient) -> None:
    rows = (
        ("Alder Foods", "10", "alder.example.com", "PARTNER"),
        ("Birch Media Labs", "9.5", "birch.example.com", "VENDOR"),
        ("Cedar", "", "", ""),
    )
    for name, revenue, domain, kind in rows:
        await create(hubspot, "companies", name=name, annualrevenue=revenue, domain=domain, type=kind)

    async def names(*filters: tuple[str, ...], **more: object) -> list[str]:
        found = await search(hubspot, "companies", *filters, **more)
        return [one["properties"]["name"].split()[0] for one in found["results"]]

    assert await names(("name", "EQ", "cedar")) == ["Cedar"]
    assert await names(("name", "NEQ", "Cedar")) == ["Alder", "Birch"]
    assert await names(("annualrevenue", "GT", "9.5")) == ["Alder"]
    assert await names(("annualrevenue", "GTE", "9.5"), ("annualrevenue", "LT", "10")) == ["Birch"]
    assert await names(("annualrevenue", "LTE", "9.50")) == ["Birch"]
    assert await names(("annualrevenue", "BETWEEN", "9", "10")) == ["Alder", "Birch"]
    assert await names(("domain", "HAS_PROPERTY")) == ["Alder", "Birch"]
    assert await names(("domain", "NOT_HAS_PROPERTY")) == ["Cedar"]
    assert await names(("type", "EQ", "partner")) == []
    assert await names(("type", "EQ", "PARTNER")) == ["Alder"]
    assert await names(("name", "CONTAINS_TOKEN", "media")) == ["Birch"]
    assert await names(("name", "CONTAINS_TOKEN", "med")) == []
    assert await names(("name", "CONTAINS_TOKEN", "med*")) == ["Birch"]
    assert await names(("name", "NOT_CONTAINS_TOKEN", "media")) == ["Alder", "Cedar"]
    for operator, wanted in (("IN", ["Cedar"]), ("NOT_IN", ["Alder", "Birch"])):
        one = {"propertyName": "name", "operator": operator, "values": ["cedar", "Birch Media Labs"]}
        assert await names(filterGroups=[{"filters": [one]}]) == wanted
    groups = [
        {"filters": [{"propertyName": "name", "operator": "EQ", "value": value}]}
        for value in ("Cedar", "Alder Foods")
    ]
    assert await names(filterGroups=groups) == ["Alder", "Cedar"]
    assert await names(query="media birch") == ["Birch"]
    assert await names(sorts=[{"propertyName": "annualrevenue", "direction": "DESCENDING"}]) == [
        "Alder",
        "Birch",
        "Cedar",
    ]
    assert await names(sorts=["annualrevenue"]) == ["Birch", "Alder", "Cedar"]


async def test_the_latest_changes_are_found_by_time(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(rows={"contacts": 100})
    for seconds, name in ((1, "A"), (1, "B"), (0, "C")):
        double.clock.advance(seconds)
        await create(hubspot, "contacts", firstname=name)
    since = str(START_MS + 2_000)
    body = {"sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}], "limit": 200}
    for value in (since, "2026-01-01T09:00:02Z"):
        found = await search(hubspot, "contacts", ("lastmodifieddate", "GTE", value), **body)
        assert [one["properties"]["firstname"] for one in found["results"]] == ["B", "C"]
    found = await search(hubspot, "contacts", **body)
    times = [one["updatedAt"] for one in found["results"]]
    assert times == sorted(times)
    assert found["total"] == 103
    last = found["results"][-1]["id"]
    found = await search(hubspot, "contacts", ("hs_object_id", "GTE", last))
    assert [one["id"] for one in found["results"]] == [last]


async def test_thousands_of_records_can_share_one_time(make_hubspot: Make) -> None:
    _, hubspot = make_hubspot(rows={"contacts": 12_000}, settings={"bulk": "11000"})
    body = {"sorts": ["lastmodifieddate"], "limit": 1}
    first = (await search(hubspot, "contacts", **body))["results"][0]
    same = await search(hubspot, "contacts", ("lastmodifieddate", "EQ", first["updatedAt"]), **body)
    assert same["total"] == 11_000
    beyond = str(int(first["id"]) + 10_500)
    rest = await search(
        hubspot, "contacts", ("lastmodifieddate", "EQ", first["updatedAt"]), ("hs_object_id", "GTE", beyond)
    )
    assert rest["total"] == 500


async def test_the_index_lags_behind_where_it_is_told_to(make_hubspot: Make) -> None:
    double, hubspot = make_hubspot(settings={"index_lag": "30"})
    first = await create(hubspot, "companies", name="Old")
    assert (await search(hubspot, "companies"))["total"] == 0
    double.clock.advance(30)
    assert (await search(hubspot, "companies"))["total"] == 1
    await hubspot.patch(f"{OBJECTS}/companies/{first}", json={"properties": {"name": "New"}})
    assert (await hubspot.get(f"{OBJECTS}/companies/{first}")).json()["properties"]["name"] == "New"
    assert (await search(hubspot, "companies", ("name", "EQ", "old")))["total"] == 1
    assert (await search(hubspot, "companies", ("name", "EQ", "new")))["total"] == 0
    double.clock.advance(30)
    assert (await search(hubspot, "companies", ("name", "EQ", "new")))["total"] == 1
    await hubspot.delete(f"{OBJECTS}/companies/{first}")
    assert (await search(hubspot, "companies"))["total"] == 1
    double.clock.advance(30)
    assert (await search(hubspot, "companies"))["total"] == 0


@pytest.mark.parametrize("body", REFUSED)
async def test_searches_that_hubspot_refuses(hubspot: httpx.AsyncClient, body: dict[str, object]) -> None:
    reply = await hubspot.post(f"{OBJECTS}/companies/search", json=body)
    assert problem(reply)[:2] == (400, "VALIDATION_ERROR")


async def test_records_are_found_by_what_they_are_associated_with(make_hubspot: Make) -> None:
    _, hubspot = make_hubspot(rows={"companies": 3, "contacts": 7})
    company = (await search(hubspot, "companies"))["results"][1]["id"]
    for name in ("associations.company", "associations.companies"):
        found = await search(hubspot, "contacts", (name, "EQ", company), sorts=["-lastmodifieddate"])
        assert [one["properties"]["email"] for one in found["results"]] == [
            "contact4@example.com",
            "contact1@example.com",
        ]
    lone = await create(hubspot, "contacts", firstname="A")
    none = await search(hubspot, "contacts", ("associations.company", "NOT_HAS_PROPERTY"))
    assert [one["id"] for one in none["results"]] == [lone]
    await hubspot.put(f"/crm/v4/objects/contacts/{lone}/associations/default/companies/{company}")
    assert (await search(hubspot, "contacts", ("associations.company", "NOT_HAS_PROPERTY")))["total"] == 0
    assert (await search(hubspot, "contacts", ("associations.company", "EQ", company)))["total"] == 3


async def test_archived_records_are_not_found(empty: tuple[HubSpotDouble, httpx.AsyncClient]) -> None:
    _, hubspot = empty
    company = await create(hubspot, "companies", name="A")
    await hubspot.delete(f"{OBJECTS}/companies/{company}")
    assert (await search(hubspot, "companies"))["total"] == 0


async def test_a_hundred_thousand_records_can_be_searched_and_listed_in_no_time(make_hubspot: Make) -> None:
    _, hubspot = make_hubspot(rows={"contacts": 100_000, "companies": 1_000})
    begun = time.process_time()
    found = await search(
        hubspot, "contacts", ("lastmodifieddate", "GTE", "2025-05-01"), sorts=["lastmodifieddate"]
    )
    assert found["total"] > 1_000
    one = await search(hubspot, "contacts", ("email", "EQ", "contact99999@example.com"))
    assert one["total"] == 1
    mails = ["contact3@example.com", "contact70000@example.com"]
    chosen = {"propertyName": "email", "operator": "IN", "values": mails}
    two = await search(hubspot, "contacts", filterGroups=[{"filters": [chosen]}], sorts=["-lastmodifieddate"])
    assert [row["properties"]["email"] for row in two["results"]] == mails[::-1]
    last = (await hubspot.get(f"{OBJECTS}/contacts", params={"after": one["results"][0]["id"]})).json()
    assert len(last["results"]) == 1
    assert time.process_time() - begun < 3

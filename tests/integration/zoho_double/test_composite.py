"""Composite requests, mass update and mass delete."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.conftest import Make
from tests.integration.zoho_double.test_writing import create, read

pytestmark = pytest.mark.anyio
URL = "/crm/v8/__composite_requests"
KEY = "__composite_requests"
LEADS = "/crm/v8/Leads"


async def compose(zoho: httpx.AsyncClient, *parts: dict[str, Any], **options: bool) -> httpx.Response:
    return await zoho.post(URL, json={KEY: list(parts), **options})


def made(name: str, number: str = "1") -> dict[str, Any]:
    body = {"data": [{"Last_Name": name}]}
    return {"sub_request_id": number, "method": "POST", "uri": LEADS, "body": body}


def statuses(reply: httpx.Response) -> list[object]:
    return [one["details"].get("response", {}).get("status_code") or one["code"] for one in reply.json()[KEY]]


async def test_parts_refer_to_each_others_replies(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    before = double.limits.used
    change = {
        "sub_request_id": "2",
        "method": "PUT",
        "uri": f"{LEADS}/@{{1:$.data[0].details.id}}",
        "body": {"data": [{"Company": "ABC"}]},
    }
    find = {
        "method": "GET",
        "uri": LEADS,
        "params": {"fields": "Company", "ids": "@{2:$.data[0].details.id}"},
    }
    reply = await compose(zoho, find, change, made("Boyle"))
    assert (reply.status_code, statuses(reply)) == (200, [200, 200, 201])
    first = reply.json()[KEY][0]
    assert (first["code"], first["message"]) == ("SUCCESS", "composite sub request executed successfully")
    body = first["details"]["response"]["body"]
    assert ([one["Company"] for one in body["data"]], body["info"]["per_page"]) == (["ABC"], 25)
    assert double.limits.used - before == 1


async def test_a_part_that_fails_is_carried_out_all_the_same(zoho: httpx.AsyncClient) -> None:
    reply = await compose(zoho, made("Good"), made("", "2"))
    assert (reply.status_code, statuses(reply)) == (200, [201, 400])
    assert reply.json()[KEY][1]["status"] == "success"


async def test_a_rollback_leaves_nothing(zoho: httpx.AsyncClient, double: ZohoDouble) -> None:
    lead = await create(zoho, "Leads", Last_Name="Old")
    change = {"method": "PUT", "uri": f"{LEADS}/{lead}", "body": {"data": [{"Last_Name": "New"}]}}
    parts = [made("A", "a"), change, made("", "b"), made("C", "c")]
    reply = await compose(zoho, *parts, rollback_on_fail=True)
    assert reply.status_code == 400
    codes = ["ROLLBACK_PERFORMED", "ROLLBACK_PERFORMED", 400, "PROCESSING_STOPPED"]
    assert statuses(reply) == codes
    assert reply.json()[KEY][0]["details"] == {"rollbacked_by_sub_request_index": 2}
    assert [one["Last_Name"] for one in double.truth("Leads")] == ["Old"]
    before = double.limits.used
    assert (await compose(zoho, made("A"), rollback_on_fail=True)).status_code == 200
    assert double.limits.used - before == 2


REFUSED: list[tuple[dict[str, Any], object]] = [
    ({"uri": LEADS}, "MANDATORY_NOT_FOUND"),
    ({"method": "READ", "uri": LEADS}, "INVALID_DATA"),
    ({"method": "GET", "uri": "crm/v8/Leads"}, "INVALID_DATA"),
    ({"method": "GET", "uri": LEADS, "headers": {"Authorization": "x"}}, "INVALID_DATA"),
    ({"method": "GET", "uri": LEADS, "sub_request_id": "a b"}, "INVALID_DATA"),
    ({"method": "GET", "uri": f"{LEADS}/@{{1:$.data[0].nothing}}"}, "INVALID_REFERENCE"),
    ({"method": "GET", "uri": f"{LEADS}/@{{9:$.data}}"}, "INVALID_REFERENCE"),
    ({"method": "GET", "uri": LEADS, "sub_request_id": "1"}, "DUPLICATE_DATA"),
    ({"method": "POST", "uri": "/crm/bulk/v8/read"}, "NOT_SUPPORTED"),
    ({"method": "POST", "uri": URL}, "NOT_SUPPORTED"),
    ({"method": "DELETE", "uri": LEADS, "params": {"ids": "5"}}, "NOT_SUPPORTED"),
    ({"method": "GET", "uri": LEADS, "params": {"fields": "id", "per_page": 26}}, 400),
    ({"method": "POST", "uri": LEADS, "body": {"data": [{}, {}]}}, 400),
    (
        {
            "method": "POST",
            "uri": "/crm/v8/coql",
            "body": {"select_query": "select id from Leads where id > 0 limit 26"},
        },
        400,
    ),
]


@pytest.mark.parametrize(("part", "expected"), REFUSED)
async def test_parts_that_cannot_be_are_refused(
    zoho: httpx.AsyncClient, part: dict[str, Any], expected: object
) -> None:
    reply = await compose(zoho, made("First"), part)
    assert statuses(reply)[1] == expected
    assert reply.status_code == (200 if expected == 400 else 400 if expected == "DUPLICATE_DATA" else 207)


async def test_parts_that_refer_in_a_circle_are_refused(zoho: httpx.AsyncClient) -> None:
    one = {"sub_request_id": "a", "method": "GET", "uri": f"{LEADS}/@{{b:$.data[0].id}}"}
    two = {"sub_request_id": "b", "method": "GET", "uri": f"{LEADS}/@{{a:$.data[0].id}}"}
    reply = await compose(zoho, one, two)
    assert (reply.status_code, statuses(reply)) == (400, ["LOOPING_FOUND", "LOOPING_FOUND"])
    in_order = await compose(zoho, one, made("B", "b"), parallel_execution=False)
    assert statuses(in_order) == ["INVALID_REFERENCE", 201]


async def test_requests_that_cannot_be_are_refused(zoho: httpx.AsyncClient) -> None:
    both = await compose(zoho, made("A"), rollback_on_fail=True, parallel_execution=True)
    assert both.json()["code"] == "AMBIGUITY_DURING_PROCESSING"
    many = await compose(zoho, *[made("A", str(number)) for number in range(6)])
    assert many.json()["details"]["maximum_length"] == 5
    assert (await zoho.post(URL, json={})).json()["code"] == "MANDATORY_NOT_FOUND"
    assert (await zoho.post(URL, json={KEY: {}})).json()["code"] == "INVALID_DATA"


async def test_a_part_needs_its_own_scope(make_zoho: Make) -> None:
    double, zoho = make_zoho()
    scopes = frozenset({"ZohoCRM.composite_requests.CUSTOM", "ZohoCRM.modules.deals.ALL"})
    token = double.accounts.book.issue("narrow", "t", scopes, 3600).value
    header = {"Authorization": f"Zoho-oauthtoken {token}"}
    reply = await zoho.post(URL, json={KEY: [made("A")]}, headers=header)
    assert reply.json()[KEY][0]["details"]["response"]["body"]["code"] == "OAUTH_SCOPE_MISMATCH"


async def test_a_composite_counts_for_five_calls_at_the_same_time(make_zoho: Make) -> None:
    _, zoho = make_zoho(settings={"edition": "standard"}, latency=0.05)
    seen: list[int] = []

    async def one() -> None:
        seen.append((await compose(zoho, made("A"))).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    assert sorted(seen) == [200, 200, 429]


async def test_records_are_updated_and_deleted_by_the_hundreds(
    zoho: httpx.AsyncClient, double: ZohoDouble
) -> None:
    ids = [await create(zoho, "Leads", Last_Name=name) for name in "AB"]
    url = f"{LEADS}/actions"
    body = {"data": [{"Company": "New"}], "ids": [*ids, "5"]}
    updated = await zoho.post(f"{url}/mass_update", json=body)
    assert (updated.status_code, [one["code"] for one in updated.json()["data"]]) == (
        207,
        ["SUCCESS", "SUCCESS", "INVALID_DATA"],
    )
    assert (await read(zoho, "Leads", ids[0]))["Company"] == "New"
    two = await zoho.post(f"{url}/mass_update", json={"data": [{"Company": "x", "Fax": "1"}], "ids": ids})
    assert two.json()["details"]["maximum_length"] == 1
    unknown = await zoho.post(f"{url}/mass_update", json={"data": [{"Nothing": "x"}], "ids": ids})
    assert unknown.json()["code"] == "INVALID_DATA"
    gone = await zoho.post(f"{url}/mass_delete", json={"ids": [int(one) for one in ids]})
    assert [one["message"] for one in gone.json()["data"]] == ["record is deleted"] * 2
    assert list(double.truth("Leads")) == []
    many = await zoho.post(f"{url}/mass_delete", json={"ids": [str(one) for one in range(501)]})
    assert many.json()["details"]["maximum_length"] == 500
    assert (await zoho.post(f"{url}/mass_delete", json={})).json()["code"] == "MANDATORY_NOT_FOUND"


async def test_a_views_records_are_changed_by_a_job(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=20, settings={"bulk_delay": "10"})
    views = await zoho.get("/crm/v8/settings/custom_views", params={"module": "Leads"})
    view = views.json()["custom_views"][0]["id"]
    url = f"{LEADS}/actions"
    body = {"data": [{"Company": "New"}], "cvid": view}
    started = (await zoho.post(f"{url}/mass_update", json=body)).json()["data"][0]
    assert (started["code"], started["message"]) == ("SCHEDULED", "mass update scheduled successfully")
    job = {"job_id": started["details"]["job_id"]}
    seen: list[str] = []
    for _ in range(3):
        seen.append((await zoho.get(f"{url}/mass_update", params=job)).json()["data"][0]["Status"])
        double.clock.advance(5)
    assert seen == ["SCHEDULED", "RUNNING", "COMPLETED"]
    done = (await zoho.get(f"{url}/mass_update", params=job)).json()["data"][0]
    count = len(list(double.truth("Leads")))
    assert done == {
        "Status": "COMPLETED",
        "Failed_Count": 0,
        "Updated_Count": count,
        "Not_Updated_Count": 0,
        "Total_Count": count,
    }
    assert {row["Company"] for row in double.truth("Leads")} == {"New"}
    wrong = await zoho.get(f"{url}/mass_delete", params=job)
    assert wrong.json()["code"] == "INVALID_DATA"
    started = (await zoho.post(f"{url}/mass_delete", json={"cvid": view})).json()["data"][0]
    double.clock.advance(10)
    job = {"job_id": started["details"]["job_id"]}
    assert (await zoho.get(f"{url}/mass_delete", params=job)).json()["data"][0]["Deleted_Count"] == count
    assert list(double.truth("Leads")) == []
    other = await zoho.post(f"{url}/mass_delete", json={"cvid": "5"})
    assert other.json()["code"] == "INVALID_DATA"


async def test_a_view_names_the_records_of_a_list_and_of_a_bulk_read(make_zoho: Make) -> None:
    _, zoho = make_zoho(rows=20)
    views = await zoho.get("/crm/v8/settings/custom_views", params={"module": "Leads"})
    view = views.json()["custom_views"][0]["id"]
    one = await zoho.get(f"/crm/v8/settings/custom_views/{view}", params={"module": "Leads"})
    assert one.json()["custom_views"][0]["display_value"] == "All Leads"
    params = {"fields": "id", "cvid": view}
    listed = (await zoho.get(LEADS, params=params)).json()["data"]
    assert listed == (await zoho.get(LEADS, params={"fields": "id"})).json()["data"]
    assert (await zoho.get(LEADS, params=params | {"cvid": "5"})).json()["code"] == "INVALID_DATA"
    query = {"query": {"module": {"api_name": "Leads"}, "cvid": view}}
    assert (await zoho.post("/crm/bulk/v8/read", json=query)).status_code == 201

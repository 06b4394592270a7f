"""Lists, paging, single records, related lists, metadata, users."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio
CONTACTS = "/crm/v8/Contacts"


async def refused(zoho: httpx.AsyncClient, path: str, **params: object) -> dict[str, Any]:
    reply = await zoho.get(path, params={name: str(value) for name, value in params.items()})
    assert reply.status_code == 400, reply.text
    assert set(reply.json()) == {"code", "details", "message", "status"}
    return reply.json()


async def test_a_list_says_what_it_holds(seeded: httpx.AsyncClient) -> None:
    reply = (await seeded.get(CONTACTS, params={"fields": "Email,Account_Name,Nonsense"})).json()
    assert len(reply["data"]) == 200
    assert set(reply["data"][0]) == {"id", "Email", "Account_Name"}
    info = reply["info"]
    assert (info["per_page"], info["count"], info["page"], info["more_records"]) == (200, 200, 1, True)
    assert (info["sort_by"], info["sort_order"], info["previous_page_token"]) == ("id", "desc", None)
    assert info["page_token_expiry"] == "2026-01-02T14:30:00+05:30"
    ids = [int(one["id"]) for one in reply["data"]]
    assert ids == sorted(ids, reverse=True)


async def test_tokens_lead_through_everything_once(seeded: httpx.AsyncClient) -> None:
    for order in ("asc", "desc"):
        params = {"fields": "id", "sort_by": "Modified_Time", "sort_order": order, "per_page": "100"}
        page = (await seeded.get(CONTACTS, params=params)).json()
        ids = [one["id"] for one in page["data"]]
        while page["info"]["more_records"]:
            token = page["info"]["next_page_token"]
            page = (await seeded.get(CONTACTS, params=params | {"page_token": token})).json()
            ids += [one["id"] for one in page["data"]]
        assert (len(ids), len(set(ids))) == (450, 450)
        assert page["info"]["next_page_token"] is None


async def test_a_record_made_while_paging_moves_nothing(seeded: httpx.AsyncClient) -> None:
    params = {"fields": "id", "per_page": "200"}
    first = (await seeded.get(CONTACTS, params=params)).json()
    await seeded.post(CONTACTS, json={"data": [{"Last_Name": "New"}]})
    token = first["info"]["next_page_token"]
    second = (await seeded.get(CONTACTS, params=params | {"page_token": token})).json()
    assert not {one["id"] for one in first["data"]} & {one["id"] for one in second["data"]}


async def test_a_token_is_bound_and_ages(make_zoho: Any) -> None:
    double, zoho = make_zoho(rows=30)
    params = {"fields": "id", "per_page": "10"}
    token = (await zoho.get(CONTACTS, params=params)).json()["info"]["next_page_token"]
    bound = await refused(zoho, CONTACTS, fields="id,Email", per_page=10, page_token=token)
    assert bound["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    both = await refused(zoho, CONTACTS, **params, page=2, page_token=token)
    assert both["code"] == "AMBIGUITY_DURING_PROCESSING"
    assert (await refused(zoho, CONTACTS, **params, page_token="x"))["code"] == "INVALID_DATA"
    double.clock.advance(86_400)
    assert (await refused(zoho, CONTACTS, **params, page_token=token))["code"] == "EXPIRED_VALUE"


async def test_numbered_pages_end_at_2000_and_tokens_at_100000(make_zoho: Any) -> None:
    _, zoho = make_zoho(rows={"Accounts": 100_300})
    accounts = "/crm/v8/Accounts"
    tenth = (await zoho.get(accounts, params={"fields": "id", "page": "10"})).json()
    assert tenth["info"]["more_records"] is True
    found = await refused(zoho, accounts, fields="id", page=11)
    assert (found["code"], found["details"]) == ("DISCRETE_PAGINATION_LIMIT_EXCEEDED", {"limit": 2000})
    token, count = tenth["info"]["next_page_token"], 2_000
    while True:
        reply = await zoho.get(accounts, params={"fields": "id", "page_token": token})
        if reply.status_code != 200:
            break
        count += len(reply.json()["data"])
        token = reply.json()["info"]["next_page_token"]
    assert count == 100_000
    assert reply.json()["code"] == "PAGINATION_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "REQUIRED_PARAM_MISSING"),
        ({"fields": ","}, "REQUIRED_PARAM_MISSING"),
        ({"fields": ",".join(f"F{number}" for number in range(51))}, "LIMIT_EXCEEDED"),
        ({"fields": "id", "per_page": 201}, "LIMIT_EXCEEDED"),
        ({"fields": "id", "per_page": 0}, "INVALID_DATA"),
        ({"fields": "id", "page": "two"}, "INVALID_DATA"),
        ({"fields": "id", "sort_by": "Email"}, "INVALID_DATA"),
        ({"fields": "id", "sort_order": "up"}, "INVALID_DATA"),
        ({"fields": "id", "cvid": 1, "sort_by": "id"}, "AMBIGUITY_DURING_PROCESSING"),
    ],
)
async def test_wrong_parameters_are_refused(
    seeded: httpx.AsyncClient, params: dict[str, object], code: str
) -> None:
    assert (await refused(seeded, CONTACTS, **params))["code"] == code


async def test_only_what_changed_since_is_listed(make_zoho: Any) -> None:
    double, zoho = make_zoho(rows=30)
    since = {"If-Modified-Since": "2026-01-01T09:00:00+00:00"}
    params = {"fields": "Modified_Time"}
    assert (await zoho.get(CONTACTS, params=params, headers=since)).status_code == 304
    double.clock.advance(1)
    made = await zoho.post(CONTACTS, json={"data": [{"Last_Name": "New"}]})
    reply = (await zoho.get(CONTACTS, params=params, headers=since)).json()
    assert [one["id"] for one in reply["data"]] == [made.json()["data"][0]["details"]["id"]]
    http_date = {"If-Modified-Since": "Thu, 01 Jan 2026 09:00:00 GMT"}
    assert (await zoho.get(CONTACTS, params=params, headers=http_date)).status_code == 400


async def test_nothing_found_has_no_body(zoho: httpx.AsyncClient) -> None:
    for path in (CONTACTS, f"{CONTACTS}/554023120000001001", f"{CONTACTS}/deleted"):
        reply = await zoho.get(path, params={"fields": "id"})
        assert (reply.status_code, reply.content) == (204, b"")


async def test_long_texts_are_cut_in_lists_only(zoho: httpx.AsyncClient) -> None:
    await zoho.post("/crm/v8/Accounts", json={"data": [{"Account_Name": "A", "Description": "x" * 600}]})
    (listed,) = (await zoho.get("/crm/v8/Accounts", params={"fields": "Description"})).json()["data"]
    whole = (await zoho.get(f"/crm/v8/Accounts/{listed['id']}")).json()["data"][0]
    assert (len(listed["Description"]), len(whole["Description"])) == (500, 600)


async def test_named_ids_are_listed(seeded: httpx.AsyncClient) -> None:
    page = (await seeded.get(CONTACTS, params={"fields": "id", "per_page": "3"})).json()["data"]
    ids = [one["id"] for one in page]
    named = await seeded.get(CONTACTS, params={"fields": "id", "ids": ",".join([*ids, "5"])})
    assert [one["id"] for one in named.json()["data"]] == ids


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/crm/v8/Nothing?fields=id", 400, "INVALID_MODULE"),
        ("GET", "/crm/v8/Contacts/abc", 400, "INVALID_DATA"),
        ("GET", "/crm/v8/Contacts/1/Deals?fields=id", 400, "INVALID_DATA"),
        ("GET", "/crm/v8/Accounts/1/Nothing?fields=id", 400, "INVALID_DATA"),
        ("PATCH", "/crm/v8/Contacts", 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/crm/v1/Contacts", 404, "INVALID_URL_PATTERN"),
        ("GET", "/elsewhere", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v8/settings/territories", 404, "INVALID_URL_PATTERN"),
        ("POST", "/crm/v8/files", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v8/settings/fields", 400, "REQUIRED_PARAM_MISSING"),
        ("GET", "/crm/v8/settings/fields?module=Nothing", 400, "INVALID_MODULE"),
    ],
)
async def test_paths_that_lead_nowhere(
    zoho: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    reply = await zoho.request(method, path)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/json"


async def test_related_lists_hold_what_points_here(seeded: httpx.AsyncClient) -> None:
    contacts = (await seeded.get(CONTACTS, params={"fields": "Account_Name"})).json()["data"]
    account = next(one["Account_Name"]["id"] for one in contacts if one["Account_Name"])
    related = await seeded.get(f"/crm/v8/Accounts/{account}/Contacts", params={"fields": "Account_Name"})
    assert {one["Account_Name"]["id"] for one in related.json()["data"]} == {account}
    missing = await seeded.get(f"/crm/v8/Accounts/{account}/Contacts")
    assert missing.json()["details"] == {"param_name": "fields"}


async def test_fields_are_described_as_clients_need_them(zoho: httpx.AsyncClient) -> None:
    reply = await zoho.get("/crm/v8/settings/fields", params={"module": "Tasks"})
    fields = {one["api_name"]: one for one in reply.json()["fields"]}
    assert fields["Subject"]["system_mandatory"] is True
    assert fields["Who_Id"]["lookup"]["module"]["api_name"] == "Contacts"
    assert fields["What_Id"]["lookup"]["module"]["api_name"] == "se_module"
    assert [one["actual_value"] for one in fields["Status"]["pick_list_values"]][:2] == [
        "Not Started",
        "Deferred",
    ]
    assert fields["Created_Time"]["read_only"] is True
    assert {"id", "field_label", "data_type", "json_type", "length", "custom_field", "visible"} <= set(
        fields["Due_Date"]
    )
    ids = [one["id"] for one in fields.values()]
    assert len(set(ids)) == len(ids)


async def test_the_other_metadata_hangs_together(zoho: httpx.AsyncClient) -> None:
    modules = (await zoho.get("/crm/v8/settings/modules")).json()["modules"]
    assert {"Accounts", "Contacts", "Deals", "Leads", "Tasks"} <= {one["api_name"] for one in modules}
    single = (await zoho.get("/crm/v8/settings/modules/Deals")).json()["modules"]
    assert single[0]["api_name"] == "Deals"
    (layout,) = (await zoho.get("/crm/v8/settings/layouts?module=Deals")).json()["layouts"]
    pipeline = await zoho.get("/crm/v8/settings/pipeline", params={"layout_id": layout["id"]})
    maps = pipeline.json()["pipeline"][0]["maps"]
    won = [one["actual_value"] for one in maps if one["forecast_type"] == "Closed Won"]
    assert won == ["Closed Won"]
    lists = (await zoho.get("/crm/v8/settings/related_lists?module=Accounts")).json()["related_lists"]
    assert {"href": "Accounts/{ENTITYID}/Notes", "api_name": "Notes"}.items() <= lists[-1].items()


async def test_users_are_listed_by_kind(zoho: httpx.AsyncClient) -> None:
    async def emails(kind: str) -> list[str]:
        reply = await zoho.get("/crm/v8/users", params={"type": kind})
        return [one["email"] for one in reply.json()["users"]]

    assert await emails("CurrentUser") == ["ada.okafor@example.com"]
    assert len(await emails("AllUsers")) == len(await emails("ActiveUsers")) + 1
    page = (await zoho.get("/crm/v8/users", params={"per_page": "4", "page": "2"})).json()
    assert (len(page["users"]), page["info"]["more_records"]) == (2, False)
    assert (await zoho.get("/crm/v8/org")).json()["org"][0]["zgid"]


@pytest.mark.parametrize("version", ["v2", "v2.1", "v5", "v8"])
async def test_every_version_of_the_api_answers(zoho: httpx.AsyncClient, version: str) -> None:
    assert (await zoho.get(f"/crm/{version}/org")).status_code == 200
    assert (await zoho.get("/crm/v9/org")).status_code == 404

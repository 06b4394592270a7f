"""Credits, concurrency, faults, admin routes, options."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = pytest.mark.anyio
ME = "/crm/v8/users?type=CurrentUser"
HEADER = "X-API-CREDITS-REMAINING"
CONTACTS = "/crm/v8/Contacts"


async def test_credits_are_spent_and_come_back_after_a_day(make_zoho: Any) -> None:
    double, zoho = make_zoho(settings={"credits": "20"})
    assert HEADER not in (await zoho.get(ME)).headers
    hundred = {"data": [{"Last_Name": "x"}] * 100}
    assert (await zoho.post(CONTACTS, json=hundred)).headers[HEADER] == "9"
    many = {"select_query": "select id from Contacts where id > 0 limit 2000"}
    assert (await zoho.post("/crm/v8/coql", json=many)).headers[HEADER] == "6"
    refused = await zoho.post(CONTACTS, json=hundred)
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert "retry-after" not in refused.headers
    assert double.stats.as_dict()["spent"] == 1 + 10 + 3
    double.clock.advance(86_400 + 60)
    assert (await zoho.post(CONTACTS, json=hundred)).status_code == 201


async def test_calls_at_the_same_time_are_limited(make_zoho: Any) -> None:
    double, zoho = make_zoho(settings={"edition": "free"}, latency=0.05)
    statuses: Counter[int] = Counter()

    async def call(method: str, path: str, body: object = None) -> None:
        statuses[(await zoho.request(method, path, json=body)).status_code] += 1

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(call, "GET", ME)
    assert statuses == {200: 5, 429: 3}
    assert double.stats.peak > 5


async def test_heavy_calls_are_limited_further(make_zoho: Any) -> None:
    _, zoho = make_zoho(latency=0.05)
    statuses: Counter[int] = Counter()

    async def call(count: int) -> None:
        reply = await zoho.post(CONTACTS, json={"data": [{"Last_Name": "x"}] * count})
        statuses[reply.status_code] += 1

    async with anyio.create_task_group() as group:
        for _ in range(12):
            group.start_soon(call, 11)
    assert statuses == {201: 10, 429: 2}
    async with anyio.create_task_group() as group:
        for _ in range(12):
            group.start_soon(call, 10)
    assert statuses[201] == 22


async def test_faults_strike_as_told(make_zoho: Any) -> None:
    double, zoho = make_zoho()

    async def struck(rule: str) -> httpx.Response:
        assert (await zoho.put("/_faults", json=[rule])).status_code == 200
        return await zoho.get(ME)

    assert (await struck("429@/users:1x")).json()["code"] == "TOO_MANY_REQUESTS"
    assert (await zoho.get(ME)).status_code == 200
    assert (await struck("503@/other")).status_code == 200
    assert (await struck("500")).json()["code"] == "INTERNAL_ERROR"
    assert (await struck("html")).headers["content-type"].startswith("text/html")
    assert (await struck("empty")).content == b""
    assert (await struck("truncated")).text.startswith('{"users":')
    assert (await struck("content_type")).headers["content-type"].startswith("text/plain")
    assert (await struck("expire:1x")).status_code == 401
    double.faults.replace(["cut"])
    with pytest.raises(httpx.ReadError):
        await zoho.get(ME)


async def test_a_lost_reply_leaves_the_record(make_zoho: Any) -> None:
    _, zoho = make_zoho(faults=("lost@POST /crm/v8/Contacts:1x",))
    with pytest.raises(httpx.ReadError):
        await zoho.post(CONTACTS, json={"data": [{"Last_Name": "kept"}]})
    assert [one["Last_Name"] for one in (await zoho.get("/_truth/Contacts")).json()] == ["kept"]


async def test_a_hanging_call_ends_when_the_caller_gives_up(make_zoho: Any) -> None:
    double, zoho = make_zoho(faults=("hang:1x",))
    with anyio.move_on_after(0.05) as scope:
        await zoho.get(ME)
    assert scope.cancelled_caught
    assert double.stats.in_progress == 0


async def test_data_faults_spoil_pages(make_zoho: Any) -> None:
    double, zoho = make_zoho(rows=10)
    params = {"fields": "Modified_Time", "per_page": "4"}
    double.faults.replace(["duplicate_ids@/Contacts:1x"])
    ids = [one["id"] for one in (await zoho.get(CONTACTS, params=params)).json()["data"]]
    assert (len(ids), len(set(ids))) == (5, 4)
    double.faults.replace(["no_cursor_field:1x"])
    assert "Modified_Time" not in (await zoho.get(CONTACTS, params=params)).json()["data"][0]
    double.faults.replace(["loop_token"])
    page = (await zoho.get(CONTACTS, params=params)).json()
    again = (await zoho.get(CONTACTS, params=params | {"page_token": page["info"]["next_page_token"]})).json()
    assert again["data"] == page["data"]


async def test_the_admin_sees_the_truth_and_turns_the_clock(make_zoho: Any) -> None:
    double, zoho = make_zoho(rows=3)
    truth = await zoho.get("/_truth/Contacts")
    assert len(truth.json()) == 3
    assert truth.json()[0] == (await zoho.get(f"{CONTACTS}/{truth.json()[0]['id']}")).json()["data"][0]
    lines = await zoho.get("/_truth/Contacts", headers={"accept": "application/x-ndjson"})
    assert len(lines.text.splitlines()) == 3
    await zoho.delete(f"{CONTACTS}/{truth.json()[0]['id']}")
    assert len((await zoho.get("/_truth/Contacts", params={"deleted": "1"})).json()) == 1
    assert len(list(double.truth("Contacts"))) == 2
    assert (await zoho.get("/_truth/Nothing")).status_code == 404
    turned = await zoho.post("/_clock", json={"advance": 90})
    assert turned.json() == {"now": "2026-01-01T09:01:30+00:00"}
    assert (await zoho.post("/_clock", json={"now": "2027-01-01T00:00:00Z"})).status_code == 200
    assert (await zoho.post("/_clock", json={"now": "2027-01-01T00:00:00"})).status_code == 400
    assert (await zoho.put("/_faults", json=["nonsense"])).status_code == 400
    stats = (await zoho.get("/_stats")).json()
    assert stats["calls"]["DELETE /crm/{version}/{module}/{id}"] == 1


async def test_admin_routes_are_off_unless_asked_for() -> None:
    double = ZohoDouble(Options())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(double.app), base_url="http://zoho.test"
    ) as client:
        assert (await client.get("/_truth/Contacts")).json()["code"] == "INVALID_URL_PATTERN"
    remote = httpx.ASGITransport(ZohoDouble(Options(admin=True)).app, client=("203.0.113.7", 1))
    async with httpx.AsyncClient(transport=remote, base_url="http://zoho.test") as client:
        assert (await client.get("/_truth/Contacts")).status_code == 403


async def test_declared_fields_and_users_are_there(make_zoho: Any, tmp_path: Path) -> None:
    schema, users = tmp_path / "schema.yaml", tmp_path / "users.csv"
    schema.write_text(
        "modules:\n"
        "  Accounts:\n"
        "    - {api_name: Year_Established, data_type: integer, field_label: Year}\n"
        "    - name: Sector\n"
        "      type: picklist\n"
        "      choices: [retail, {actual_value: med, display_value: Medical}]\n"
        "    - {name: Tags_2, type: multiselectpicklist, choices: [a, b]}\n"
        "    - {name: Main_Contact, type: lookup, lookup: {module: {api_name: Contacts}}}\n"
        "  Deals:\n"
        "    - {name: External_Key, type: string, external_id: true}\n"
        "  Projects:\n"
        "    - {name: Budget, type: currency}\n"
    )
    users.write_text("name,email,status\nMoses Frase,moses.frase@example.com,active\n")
    double, zoho = make_zoho(schema=schema, users=users)
    fields = (await zoho.get("/crm/v8/settings/fields?module=Accounts")).json()["fields"]
    year = next(one for one in fields if one["api_name"] == "Year_Established")
    assert (year["field_label"], year["data_type"], year["custom_field"]) == ("Year", "integer", True)
    assert double.org.admin.email == "moses.frase@example.com"
    data: dict[str, object] = {
        "Account_Name": "A",
        "Sector": "med",
        "Tags_2": ["b", "a"],
        "Year_Established": 1996,
    }
    made = await zoho.post("/crm/v8/Accounts", json={"data": [data]})
    account = (await zoho.get(f"/crm/v8/Accounts/{made.json()['data'][0]['details']['id']}")).json()["data"][
        0
    ]
    assert data.items() <= account.items()
    more = {"data": [{"id": account["id"], "Tags_2": ["a"], "Sector": "Medical"}]}
    assert (await zoho.put("/crm/v8/Accounts", json=more)).json()["data"][0]["code"] == "INVALID_DATA"
    custom = await zoho.post("/crm/v8/Projects", json={"data": [{"Name": "P", "Budget": 5}]})
    assert custom.status_code == 201


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": {"Nothing": 1}}, "'Nothing' cannot be seeded"),
        ({"settings": {"nothing": "1"}}, "no setting 'nothing'"),
        ({"settings": {"edition": "huge"}}, "'huge' is not one of"),
        ({"settings": {"credits": "x"}}, "not a number"),
        ({"settings": {"credits": "nan"}}, "'nan' is not a number"),
        ({"settings": {"concurrency": "inf"}}, "'inf' is not a number"),
        ({"settings": {"credits": "-1"}}, "credits: -1 is less than 0"),
        ({"settings": {"concurrency": "0"}}, "concurrency: 0 is less than 1"),
        ({"settings": {"index_delay": "-0.5"}}, "index_delay: -0.5 is less than 0"),
        ({"settings": {"bulk_delay": "-1"}}, "bulk_delay: -1 is less than 0"),
        ({"settings": {"bulk_page": "0"}}, "bulk_page: 0 is less than 1"),
        ({"settings": {"scopes": "ZohoCRM.modules.ALL,all"}}, "scopes: 'all' is no scope"),
        ({"settings": {"locked": "Accounts"}}, "locked: 'Accounts' is no id"),
        ({"settings": {"mcp_missing": "getRecord"}}, "did you mean 'ZohoCRM_getRecord"),
        ({"settings": {"offset": "IST"}}, "not an offset"),
        ({"faults": ("never:5%",)}, "unknown kind 'never'"),
    ],
)
async def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        ZohoDouble(Options(**options))


async def test_the_same_seed_gives_the_same_data() -> None:
    def rows(seed: int) -> list[object]:
        double = ZohoDouble(Options(rows=40, seed=seed))
        return [list(double.truth(name)) for name in double.objects()]

    assert rows(7) == rows(7)
    assert rows(7) != rows(8)


async def test_seeded_records_are_valid_and_hang_together() -> None:
    double = ZohoDouble(Options(rows=300))
    org = double.org
    for module in org.record_modules():
        for row in module.table.rows():
            for name, one in module.fields.items():
                value = row.get(name)
                assert not (one.mandatory and value is None), (module.name, name)
                if value is not None and one.data_type == "picklist":
                    assert value in one.allowed
                if value is not None and one.data_type == "lookup":
                    assert org.linked(one, row), (module.name, name, value)
    emails = [row.get("Email") for row in org.modules["Contacts"].table.rows()]
    assert None in emails
    assert len({str(email).lower() for email in emails if email}) < sum(1 for email in emails if email)

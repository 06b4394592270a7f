"""The search criteria language and its limits."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio
CONTACTS = "/crm/v8/Contacts"

PEOPLE = [
    {
        "Last_Name": "Burns, B (old)",
        "First_Name": "Mary",
        "Email": "mary@one.example.com",
        "Phone": "+1 617-555-0100",
    },
    {"Last_Name": "Burnside", "First_Name": "Max", "Email": "max@two.example.com", "Email_Opt_Out": True},
    {
        "Last_Name": "Smith",
        "Email": "smith@one.example.com",
        "Date_of_Birth": "1980-05-06",
        "Lead_Source": "Chat",
    },
]


@pytest.fixture
async def people(zoho: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await zoho.post(CONTACTS, json={"data": PEOPLE})).status_code == 201
    return zoho


async def found(zoho: httpx.AsyncClient, **params: str) -> list[str]:
    reply = await zoho.get(f"{CONTACTS}/search", params=params | {"sort_order": "asc"})
    assert reply.status_code in {200, 204}, reply.text
    return [one["Last_Name"] for one in reply.json()["data"]] if reply.content else []


async def refused(zoho: httpx.AsyncClient, **params: str) -> dict[str, Any]:
    reply = await zoho.get(f"{CONTACTS}/search", params=params)
    assert reply.status_code == 400, reply.text
    return reply.json()


@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        ("(Last_Name:equals:burns)", ["Burns, B (old)", "Burnside"]),
        (r"(Last_Name:equals:Burns\, B \(old\))", ["Burns, B (old)"]),
        ("(Last_Name:not_equal:Smith)", ["Burns, B (old)", "Burnside"]),
        ("(Last_Name:starts_with:Burn)", ["Burns, B (old)", "Burnside"]),
        ("(Last_Name:in:Smith,Burnside)", ["Burnside", "Smith"]),
        ("((Last_Name:starts_with:Burn)and(First_Name:equals:Max))", ["Burnside"]),
        ("(((First_Name:equals:Max)or(First_Name:equals:Mary))and(Email_Opt_Out:equals:true))", ["Burnside"]),
        ("(Date_of_Birth:between:1980-01-01,1980-12-31)", ["Smith"]),
        ("(Date_of_Birth:greater_than:1980-05-06)", []),
        ("(Lead_Source:in:Chat,Partner)", ["Smith"]),
        ("(Created_Time:greater_equal:2026-01-01T09:00:00+00:00)", ["Burns, B (old)", "Burnside", "Smith"]),
        ("(Owner.name:equals:ada)", ["Burns, B (old)", "Burnside", "Smith"]),
    ],
)
async def test_criteria_find(people: httpx.AsyncClient, criteria: str, names: list[str]) -> None:
    assert await found(people, criteria=criteria) == names


@pytest.mark.parametrize(
    ("criteria", "code"),
    [
        ("Last_Name:equals:x", "INVALID_QUERY"),
        ("(Last_Name:equals:x", "INVALID_QUERY"),
        ("(Last_Name:equals:a(b)", "INVALID_QUERY"),
        ("(Nothing:equals:x)", "INVALID_QUERY"),
        ("(Last_Name:greater_than:x)", "INVALID_QUERY"),
        ("(Date_of_Birth:starts_with:1980)", "INVALID_QUERY"),
        ("(Created_Time:greater_than:2026-01-01T09:00:00Z)", "INVALID_QUERY"),
        ("(Created_Time:greater_than:2026-01-01T09:00:00 05:30)", "INVALID_QUERY"),
        ("(Email_Opt_Out:equals:maybe)", "INVALID_QUERY"),
        (f"(Last_Name:in:{','.join('a' * 101)})", "INVALID_QUERY"),
        ("(" + "or".join(["(Last_Name:equals:x)"] * 16) + ")", "CRITERIA_LIMIT_EXCEEDED"),
    ],
)
async def test_criteria_are_refused(people: httpx.AsyncClient, criteria: str, code: str) -> None:
    assert (await refused(people, criteria=criteria))["code"] == code


async def test_the_other_ways_to_search(people: httpx.AsyncClient) -> None:
    assert await found(people, email="one.example.com") == ["Burns, B (old)", "Smith"]
    assert await found(people, phone="16175550100") == ["Burns, B (old)"]
    assert await found(people, word="max") == ["Burnside"]
    assert await found(people, criteria="(Last_Name:equals:Smith)", word="max") == ["Smith"]
    assert (await refused(people, word="m"))["code"] == "INVALID_DATA"
    missing = await refused(people, fields="id")
    assert missing["code"] == "EXPECTED_PARAM_MISSING"
    assert missing["details"] == {"param_names": ["criteria", "email", "phone", "word"]}


async def test_results_end_at_2000(make_zoho: Any) -> None:
    _, zoho = make_zoho(rows={"Contacts": 2_100})
    criteria = "(Created_Time:less_than:2026-01-01T00:00:00+00:00)"
    last = await zoho.get(f"{CONTACTS}/search", params={"criteria": criteria, "page": "10", "fields": "id"})
    assert len(last.json()["data"]) == 200
    beyond = await refused(zoho, criteria=criteria, page="11")
    assert (beyond["code"], beyond["details"]) == ("LIMIT_REACHED", {"limit": "2000"})


async def test_what_was_made_just_now_is_found_after_the_indexing_delay(make_zoho: Any) -> None:
    double, zoho = make_zoho(settings={"index_delay": "30"})
    await zoho.post(CONTACTS, json={"data": PEOPLE})
    assert await found(zoho, word="max") == []
    double.clock.advance(30)
    assert await found(zoho, word="max") == ["Burnside"]


async def test_records_are_counted(people: httpx.AsyncClient) -> None:
    assert (await people.get(f"{CONTACTS}/actions/count")).json() == {"count": 3}
    some = await people.get(f"{CONTACTS}/actions/count", params={"criteria": "(Last_Name:equals:burn)"})
    assert some.json() == {"count": 2}

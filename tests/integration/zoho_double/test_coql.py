"""COQL: grammar, caps, operators, order, joins, aggregates."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio
Rows = list[dict[str, Any]]


async def ask(zoho: httpx.AsyncClient, query: str) -> httpx.Response:
    return await zoho.post("/crm/v8/coql", json={"select_query": query})


async def rows(zoho: httpx.AsyncClient, query: str) -> Rows:
    reply = await ask(zoho, query)
    assert reply.status_code in {200, 204}, reply.text
    return reply.json()["data"] if reply.content else []


async def refused(zoho: httpx.AsyncClient, query: str) -> dict[str, Any]:
    reply = await ask(zoho, query)
    assert reply.status_code == 400, reply.text
    return reply.json()


@pytest.fixture
async def deals(zoho: httpx.AsyncClient) -> httpx.AsyncClient:
    account = await zoho.post(
        "/crm/v8/Accounts", json={"data": [{"Account_Name": "O'Hara", "Industry": "Education"}]}
    )
    account_id = account.json()["data"][0]["details"]["id"]
    data: list[dict[str, object]] = [
        {"Deal_Name": "One", "Stage": "Closed Won", "Amount": 10.5, "Account_Name": {"id": account_id}},
        {"Deal_Name": "two", "Stage": "Closed Lost", "Amount": 20, "Closing_Date": "2026-02-01"},
        {"Deal_Name": "Three", "Stage": "Closed Won", "Closing_Date": "2026-03-01"},
    ]
    assert (await zoho.post("/crm/v8/Deals", json={"data": data})).status_code == 201
    return zoho


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("id is not null", ["One", "two", "Three"]),
        ("Deal_Name = 'TWO'", ["two"]),
        ('Deal_Name = "two"', ["two"]),
        ("Deal_Name != 'two'", ["One", "Three"]),
        ("Deal_Name like 'T%'", ["two", "Three"]),
        ("Deal_Name like '%re%'", ["Three"]),
        ("Deal_Name not like '%w%'", ["One", "Three"]),
        ("Deal_Name in ('one', 'three')", ["One", "Three"]),
        ("Deal_Name not in ('one', 'three')", ["two"]),
        ("Amount > 10.4", ["One", "two"]),
        ("Amount between 10.5 and 19", ["One"]),
        ("Amount not between 10.5 and 19", ["two"]),
        ("Amount is null", ["Three"]),
        ("Closing_Date >= '2026-02-01'", ["two", "Three"]),
        ("Modified_Time = '2026-01-01T09:00:00+00:00'", ["One", "two", "Three"]),
        ("Modified_Time > '2026-01-01T14:30:00+05:30'", []),
        ("Account_Name.Industry = 'Education'", ["One"]),
        ("Account_Name.Account_Name = 'O''Hara'", ["One"]),
        ("Account_Name is null", ["two", "Three"]),
        ("Owner.email = 'ada.okafor@example.com'", ["One", "two", "Three"]),
        ("(Stage = 'Closed Won' and Amount is null) or Deal_Name = 'two'", ["two", "Three"]),
        ("((Stage = 'Closed Won' and Amount is null) and Deal_Name like 'T%')", ["Three"]),
    ],
)
async def test_conditions(deals: httpx.AsyncClient, where: str, names: list[str]) -> None:
    found = await rows(deals, f"select Deal_Name from Deals where {where}")
    assert [one["Deal_Name"] for one in found] == names


async def test_rows_have_their_id_and_lookups_only_theirs(deals: httpx.AsyncClient) -> None:
    query = (
        "SELECT Account_Name, Account_Name.Account_Name, Account_Name.id as account, Owner"
        " FROM Deals WHERE Amount = 10.5"
    )
    (row,) = await rows(deals, query)
    assert row["Account_Name"] == {"id": row["account"]}
    assert row["Account_Name.Account_Name"] == "O'Hara"
    assert set(row["Owner"]) == {"id"}
    assert row["id"]


@pytest.mark.parametrize(
    ("query", "code", "details"),
    [
        ("select id from Deals", "SYNTAX_ERROR", {"clause": "where"}),
        (
            "select id from Deals where id > 1 and id > 2 and id > 3",
            "SYNTAX_ERROR",
            {"line": 1, "column": 46, "near": "and"},
        ),
        ("select id from Deals where (id > 1", "SYNTAX_ERROR", {"line": 1, "column": 35, "near": ""}),
        ("select id\nfrom Deals wher id > 1", "SYNTAX_ERROR", {"line": 2, "column": 12, "near": "wher"}),
        ("select * from Deals where id > 1", "SYNTAX_ERROR", None),
        ("update Deals set x where id > 1", "SYNTAX_ERROR", None),
        (
            "select id from Deals where Deal_Name > 'x'",
            "SYNTAX_ERROR",
            {"operator": ">", "column_name": "Deal_Name"},
        ),
        ("select id from Deals where Deal_Name not like 'x%'", "SYNTAX_ERROR", {"operator": "not like"}),
        ("select id from Deals where Deal_Name like '%x'", "SYNTAX_ERROR", {"operator": "like"}),
        ("select id from Deals where Deal_Name like 'x%y'", "SYNTAX_ERROR", {"operator": "like"}),
        ("select Nothing from Deals where id > 1", "INVALID_QUERY", {"column_name": "Nothing"}),
        ("select id from Deals where Nothing = 1", "INVALID_QUERY", {"column_name": "Nothing"}),
        ("select id from Deals where Deal_Name.x = 1", "INVALID_QUERY", {"column_name": "Deal_Name.x"}),
        ("select id from Deals where id > 1 order by Nothing", "INVALID_QUERY", {"column_name": "Nothing"}),
        (
            "select id from Deals where Amount > 'x'",
            "INVALID_QUERY",
            {"column_name": "Amount", "expected_data_type": "currency"},
        ),
        (
            "select id from Deals where Modified_Time > '2026-01-01T00:00:00Z'",
            "INVALID_QUERY",
            {"column_name": "Modified_Time", "expected_data_type": "datetime"},
        ),
        ("select id from Nothing where id > 1", "INVALID_MODULE", {"module": "Nothing"}),
        (
            "select id from Deals where id > 1 limit 2001",
            "LIMIT_EXCEEDED",
            {"clause": "limit", "limit": 2000},
        ),
        (
            "select id from Deals where id > 1 limit 1 offset 100001",
            "LIMIT_EXCEEDED",
            {"clause": "offset", "limit": 100_000},
        ),
        ("select id from Deals where id > 1 order by id, id", "DUPLICATE_DATA", {"column_name": "id"}),
        ("select Stage, COUNT(id) from Deals where id > 1", "INVALID_QUERY", None),
    ],
)
async def test_queries_are_refused(
    deals: httpx.AsyncClient, query: str, code: str, details: dict[str, object] | None
) -> None:
    found = await refused(deals, query)
    assert found["code"] == code
    assert details is None or found["details"] == details


def _conditions(count: int) -> str:
    where = "id > 0"
    for _ in range(count - 1):
        where = f"({where} and id > 0)"
    return where


async def test_caps(deals: httpx.AsyncClient) -> None:
    assert await rows(deals, f"select id from Deals where {_conditions(25)}")
    for query, clause in (
        (f"select id from Deals where {_conditions(26)}", "where"),
        (f"select {', '.join(['id'] * 501)} from Deals where id > 0", "select"),
        (f"select id from Deals where id in ({', '.join(['1'] * 101)})", "in"),
        (f"select id from Deals where id > 0 order by {', '.join(f'A{n}' for n in range(11))}", "order by"),
        ("select id from Deals where id > 0 group by A, B, C, D, E", "group by"),
        (f"select {', '.join(f'max(A{n})' for n in range(6))} from Deals where id > 0", "aggregate"),
    ):
        found = await refused(deals, query)
        assert (found["code"], found["details"]["clause"]) == ("LIMIT_EXCEEDED", clause)


async def test_aggregates(deals: httpx.AsyncClient) -> None:
    query = (
        "select Stage, COUNT(id), SUM(Amount) as total, avg(Amount) from Deals where id > 0 group by Stage"
    )
    assert await rows(deals, f"{query} order by COUNT(id) desc") == [
        {"Stage": "Closed Won", "COUNT(id)": 2, "total": 10.5, "avg(Amount)": 10.5},
        {"Stage": "Closed Lost", "COUNT(id)": 1, "total": 20, "avg(Amount)": 20},
    ]
    assert await rows(deals, "select COUNT(id), max(Amount) from Deals where id > 0") == [
        {"COUNT(id)": 3, "max(Amount)": 20}
    ]


async def test_2000_a_call_in_id_order_reads_everything(make_zoho: Any) -> None:
    _, zoho = make_zoho(rows={"Deals": 4_500, "Accounts": 10})
    last, calls = "0", 0
    seen: list[str] = []
    more = True
    while more:
        reply = (
            await ask(zoho, f"select Deal_Name, Account_Name from Deals where id > '{last}' limit 2000")
        ).json()
        seen += [one["id"] for one in reply["data"]]
        last, more, calls = seen[-1], reply["info"]["more_records"], calls + 1
    assert (len(seen), len(set(seen)), calls) == (4_500, 4_500, 3)
    assert seen == sorted(seen, key=int)


async def test_order_and_window(make_zoho: Any) -> None:
    _, zoho = make_zoho(rows={"Contacts": 60})
    everything = await rows(zoho, "select Modified_Time from Contacts where id is not null")
    expected = sorted(everything, key=lambda row: (row["Modified_Time"], int(row["id"])))
    assert len({row["Modified_Time"] for row in everything}) < len(everything)
    for query in (
        "select Modified_Time from Contacts where id is not null order by Modified_Time asc, id asc",
        "select Modified_Time from Contacts where (id is not null and id > 0) order by Modified_Time, id",
    ):
        assert await rows(zoho, query) == expected
        assert await rows(zoho, f"{query} limit 7 offset 50") == expected[50:57]
        assert await rows(zoho, f"{query} limit 50, 7") == expected[50:57]
    by_name = await rows(zoho, "select Last_Name from Contacts where id is not null order by Last_Name desc")
    names = [row["Last_Name"].casefold() for row in by_name]
    assert names == sorted(names, reverse=True)


async def test_a_cursor_that_minds_ties_misses_nothing(make_zoho: Any) -> None:
    _, zoho = make_zoho(rows={"Contacts": 50})
    stamp, last = "2020-01-01T00:00:00+05:30", "0"
    seen: list[str] = []
    while True:
        page = await rows(
            zoho,
            "select Modified_Time from Contacts"
            f" where (Modified_Time > '{stamp}' or (Modified_Time = '{stamp}' and id > {last}))"
            " order by Modified_Time asc, id asc limit 7",
        )
        if not page:
            break
        seen += [one["id"] for one in page]
        stamp, last = page[-1]["Modified_Time"], page[-1]["id"]
    assert (len(seen), len(set(seen))) == (50, 50)


async def test_what_activities_are_about_can_be_followed(deals: httpx.AsyncClient) -> None:
    (deal,) = await rows(deals, "select id from Deals where Deal_Name = 'One'")
    body = {"data": [{"Subject": "T", "What_Id": deal["id"], "$se_module": "Deals"}, {"Subject": "U"}]}
    await deals.post("/crm/v8/Tasks", json=body)
    query = (
        "select Subject, What_Id, $se_module, 'What_Id->Deals.Amount' from Tasks where Subject is not null"
    )
    first, second = await rows(deals, query)
    assert first["What_Id"] == deal
    assert (first["$se_module"], first["What_Id->Deals.Amount"]) == ("Deals", 10.5)
    assert second["What_Id"] is None
    linked = await rows(deals, f"select Subject from Tasks where 'What_Id->Deals.id' = {deal['id']}")
    assert [one["Subject"] for one in linked] == ["T"]


async def test_a_query_must_be_there(zoho: httpx.AsyncClient) -> None:
    reply = await zoho.post("/crm/v8/coql", json={})
    assert (reply.status_code, reply.json()["code"]) == (400, "MANDATORY_NOT_FOUND")

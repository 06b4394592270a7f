"""The search endpoints: filters, order, pages by number and by cursor."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.integration.gohighlevel_double.conftest import Made, Make

pytestmark = pytest.mark.anyio


@pytest.fixture
def seeded(make_ghl: Make) -> Made:
    return make_ghl(rows=120)


async def find(made: Made, path: str = "/contacts/search", **body: Any) -> dict[str, Any]:
    double, ghl = made
    size = {"pageLimit" if path.startswith("/contacts") else "limit": 100}
    reply = await ghl.post(path, json={"locationId": double.credentials["location_id"], **size, **body})
    assert reply.status_code == 200, reply.text
    return reply.json()


async def refused(made: Made, **body: Any) -> list[str]:
    double, ghl = made
    own = {"locationId": double.credentials["location_id"], "pageLimit": 10}
    reply = await ghl.post("/contacts/search", json={**own, **body})
    assert reply.status_code == 422, reply.text
    return reply.json()["message"]


async def test_a_search_needs_location_and_page_limit(seeded: Made) -> None:
    reply = await seeded[1].post("/contacts/search", json={})
    assert reply.status_code == 422
    assert {one.split()[0] for one in reply.json()["message"]} == {"locationId", "pageLimit"}


async def test_hits_differ_from_contacts(seeded: Made) -> None:
    wanted = next(row for row in seeded[0].truth("contacts") if {"dateOfBirth", "address1"} <= set(row))
    (hit,) = (await find(seeded, filters=[{"field": "id", "operator": "eq", "value": wanted["id"]}]))[
        "contacts"
    ]
    assert hit["address"] == wanted["address1"]
    assert "address1" not in hit
    assert isinstance(hit["dateOfBirth"], int)


async def test_the_cursor_goes_through_all_hits(seeded: Made) -> None:
    cursor: dict[str, Any] = {}
    seen: list[str] = []
    while hits := (await find(seeded, pageLimit=50, **cursor))["contacts"]:
        seen += [hit["id"] for hit in hits]
        cursor = {"searchAfter": hits[-1]["searchAfter"]}
    assert len(seen) == len(set(seen)) == 120
    by_page = [
        hit["id"] for page in (1, 2, 3) for hit in (await find(seeded, pageLimit=50, page=page))["contacts"]
    ]
    assert by_page == seen


@pytest.mark.parametrize("field", ["dateUpdated", "dateAdded", "firstNameLowerCase", "email"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_hits_come_in_any_order_and_page_by_page(seeded: Made, field: str, direction: str) -> None:
    sort = [{"field": field, "direction": direction}]
    whole = (await find(seeded, sort=sort, pageLimit=500))["contacts"]
    values = [hit[field] for hit in whole if hit[field]]
    assert values == sorted(values, reverse=direction == "desc")
    assert all(not hit[field] for hit in whole[len(values) :])
    seen, cursor = list[str](), dict[str, Any]()
    while hits := (await find(seeded, sort=sort, pageLimit=37, **cursor))["contacts"]:
        seen += [hit["id"] for hit in hits]
        cursor = {"searchAfter": hits[-1]["searchAfter"]}
    assert seen == [hit["id"] for hit in whole]


async def test_changes_since_a_moment_are_found(seeded: Made) -> None:
    double, ghl = seeded
    rows = list(double.truth("contacts"))
    since = sorted(str(row["dateUpdated"]) for row in rows)[-5]
    filters = [{"field": "dateUpdated", "operator": "range", "value": {"gte": since}}]
    found = await find(seeded, filters=filters, sort=[{"field": "dateUpdated", "direction": "asc"}])
    wanted = {row["id"] for row in rows if str(row["dateUpdated"]) >= since}
    assert {hit["id"] for hit in found["contacts"]} == wanted
    assert found["total"] == len(wanted)
    await ghl.put(f"/contacts/{rows[0]['id']}", json={"city": "Leeds"})
    later = await find(seeded, filters=filters)
    assert {hit["id"] for hit in later["contacts"]} == {*wanted, rows[0]["id"]}
    newest = {"field": "dateUpdated", "operator": "range", "value": {"gt": 1_767_257_999_999}}
    assert [hit["id"] for hit in (await find(seeded, filters=[newest]))["contacts"]] == [rows[0]["id"]]


def words(value: Any) -> set[str]:
    several = cast("list[Any]", value) if isinstance(value, list) else [value]
    return {str(one).lower() for one in several}


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("city", "eq", "leeds"),
        ("city", "not_eq", "Leeds"),
        ("city", "eq", ["Leeds", "Lyon"]),
        ("email", "contains", "ad"),
        ("email", "not_contains", "ad"),
        ("email", "exists", None),
        ("phone", "not_exists", None),
        ("dnd", "eq", True),
        ("tags", "eq", "vip"),
    ],
)
async def test_filters_find_what_they_say(seeded: Made, field: str, operator: str, value: object) -> None:
    def fits(row: dict[str, Any]) -> bool:
        held = row.get(field)
        match operator:
            case "exists" | "not_exists":
                return (held is not None) == (operator == "exists")
            case "contains" | "not_contains":
                return (str(value) in str(held or "")) == (operator == "contains")
            case _:
                return bool(words(value) & words(held)) == (operator == "eq")

    item = {"field": field, "operator": operator} | ({} if value is None else {"value": value})
    found = {hit["id"] for hit in (await find(seeded, filters=[item], pageLimit=500))["contacts"]}
    wanted = {row["id"] for row in seeded[0].truth("contacts") if fits(row)}
    assert found == wanted
    assert 0 < len(found) < 120


async def test_filters_are_grouped(seeded: Made) -> None:
    cities = [{"field": "city", "operator": "eq", "value": one} for one in ("Leeds", "Lyon")]
    either = [{"group": "OR", "filters": cities}, {"field": "email", "operator": "exists"}]
    found = {hit["id"] for hit in (await find(seeded, filters=either))["contacts"]}
    rows = seeded[0].truth("contacts")
    assert found == {row["id"] for row in rows if row.get("city") in {"Leeds", "Lyon"} and "email" in row}
    assert (await find(seeded, filters=cities))["total"] == 0


async def test_custom_fields_are_filtered_by_id(seeded: Made) -> None:
    field = next(one for one in seeded[0].agency.main.fields.values() if one.key == "lead_score")
    item = {"field": f"customFields.{field.id}", "operator": "range", "value": {"gte": 50, "lt": 60}}
    hits = (await find(seeded, filters=[item]))["contacts"]
    scores = [one["value"] for hit in hits for one in hit["customFields"] if one["id"] == field.id]
    assert scores
    assert all(50 <= score < 60 for score in scores)


async def test_wrong_searches_are_refused(seeded: Made) -> None:
    def item(**values: object) -> list[dict[str, object]]:
        return [{"field": "city", "operator": "eq", "value": "x", **values}]

    assert await refused(seeded, filters=item(field="shoe")) == [
        "filters.0.field: shoe is not a field that can be filtered"
    ]
    assert "must be one of" in (await refused(seeded, filters=item(operator="like")))[0]
    assert "75 characters" in (await refused(seeded, filters=item(value="x" * 76)))[0]
    date = item(field="dateAdded", operator="range", value={"from": "2026"})
    assert "gte, lte, gt or lt" in (await refused(seeded, filters=date))[0]
    assert "page * limit" in (await refused(seeded, page=1001))[0]
    assert "500" in (await refused(seeded, pageLimit=501))[0]
    both = await refused(seeded, page=2, searchAfter=[1, "x"])
    assert both == ["page should not be provided with searchAfter"]
    assert await refused(seeded, searchAfter=["x"]) == ["searchAfter is not valid"]
    assert "sort.0.field" in (await refused(seeded, sort=[{"field": "x", "direction": "asc"}]))[0]


async def test_opportunities_are_searched_alike(seeded: Made) -> None:
    filters = [
        {"field": "status", "operator": "eq", "value": "open"},
        {"field": "monetary_value", "operator": "range", "value": {"gte": 1000}},
    ]
    body = {"filters": filters, "sort": [{"field": "monetary_value", "direction": "asc"}]}
    found = await find(seeded, "/opportunities/search", **body)
    values = [hit["monetaryValue"] for hit in found["opportunities"]]
    assert values == sorted(values)
    wanted = [
        row
        for row in seeded[0].truth("opportunities")
        if row["status"] == "open" and int(str(row["monetaryValue"])) >= 1000
    ]
    assert found["total"] == len(wanted) == len(values)
    detailed = await find(seeded, "/opportunities/search", additionalDetails={"tasks": True})
    assert any(hit["tasks"] for hit in detailed["opportunities"])
    assert all(hit["notes"] == [] for hit in detailed["opportunities"])


async def test_a_hundred_thousand_contacts_can_be_searched(make_ghl: Make) -> None:
    made = make_ghl(rows={"contacts": 100_000})
    page = await find(made, pageLimit=500)
    assert page["total"] == 100_000
    cursor = page["contacts"][-1]["searchAfter"]
    assert len((await find(made, pageLimit=500, searchAfter=cursor))["contacts"]) == 500
    wanted = page["contacts"][7]
    email = [{"field": "email", "operator": "eq", "value": wanted["email"] or "nobody@example.com"}]
    assert (await find(made, filters=email))["total"] <= 1


async def test_a_body_that_is_no_json_is_a_400(seeded: Made) -> None:
    json_type = {"content-type": "application/json"}
    reply = await seeded[1].post("/contacts/search", content=b"{", headers=json_type)
    assert reply.status_code == 400


async def test_strange_cursors_and_numbers_are_refused(seeded: Made) -> None:
    double, ghl = seeded
    own = {"locationId": double.credentials["location_id"]}
    known = next(iter(double.truth("contacts")))["id"]
    assert await refused(seeded, searchAfter=["x", known]) == ["searchAfter is not valid"]
    assert await refused(seeded, searchAfter=[[1], known]) == ["searchAfter is not valid"]
    assert (await refused(seeded, page=10**400))[0].startswith("page must not be greater")
    for limit in ("1e999", "nan", "--5"):
        reply = await ghl.get("/contacts/", params={**own, "limit": limit})
        assert reply.json()["message"] == ["limit must be a number conforming to the specified constraints"]
    deep: dict[str, Any] = {"field": "city", "operator": "eq", "value": "x"}
    for _ in range(200):
        deep = {"group": "AND", "filters": [deep]}
    assert await refused(seeded, filters=[deep]) == ["filters must not be nested deeper"]
    late = {"field": "dateAdded", "operator": "range", "value": {"gte": "9999-12-31T23:59:59-23:59"}}
    assert (await refused(seeded, filters=[late]))[0].endswith("must be a number or a date")


async def test_rows_stay_in_order_where_the_clock_was_turned_back(seeded: Made) -> None:
    double, ghl = seeded
    own = {"locationId": double.credentials["location_id"]}
    double.clock.advance(-2 * 365 * 86_400)
    made = (await ghl.post("/contacts/", json={**own, "email": "a@b.cd"})).json()["contact"]
    whole = (await find(seeded, pageLimit=500))["contacts"]
    times = [hit["dateAdded"] for hit in whole]
    assert times == sorted(times, reverse=True)
    listed = (await ghl.get("/contacts/", params={**own, "limit": 100})).json()["contacts"]
    assert [row["id"] for row in listed] == [hit["id"] for hit in whole[:100]]
    assert 0 < [hit["id"] for hit in whole].index(made["id"]) < 120

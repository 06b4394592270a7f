"""Lists of the double: pages, order, filters, increments, deleted and archived deals."""

from __future__ import annotations

import base64
import json
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.http.transport import asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from tests.integration.pipedrive_double.conftest import V1, V2, Made, Make

pytestmark = pytest.mark.anyio


def cursor(**told: Any) -> str:
    """A cursor with this content."""
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


async def walk(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """All records of a list of v2, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        reply = (await client.get(f"{V2}/{path}", params=params)).json()
        rows += reply["data"]
        params["cursor"] = reply["additional_data"]["next_cursor"]
        if params["cursor"] is None:
            return rows


async def test_pages_are_followed_by_cursors_that_say_field_value_direction_and_id(
    seeded: httpx.AsyncClient,
) -> None:
    first = (await seeded.get(f"{V2}/deals", params={"limit": 100})).json()
    assert [row["id"] for row in first["data"]] == list(range(1, 101))
    cursor = first["additional_data"]["next_cursor"]
    told = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    assert told == {"field": "id", "fieldValue": 101, "sortDirection": "asc", "id": 101}
    assert len(await walk(seeded, "deals", limit=100)) == 250


@pytest.mark.parametrize("path", ["deals", "persons", "organizations", "activities"])
@pytest.mark.parametrize("field", ["id", "update_time", "add_time"])
@pytest.mark.parametrize("way", ["asc", "desc"])
async def test_every_order_gives_every_record_once(
    seeded: httpx.AsyncClient, path: str, field: str, way: str
) -> None:
    rows = await walk(seeded, path, limit=90, sort_by=field, sort_direction=way)
    keys = [(row[field], row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=way == "desc")
    assert len({row["id"] for row in rows}) == 250


async def test_activities_can_be_sorted_by_due_date(seeded: httpx.AsyncClient) -> None:
    days = [row["due_date"] for row in await walk(seeded, "activities", limit=80, sort_by="due_date")]
    assert days == sorted(days)
    assert len(days) == 250


async def test_a_record_that_changes_in_the_middle_of_a_walk_by_change_is_seen_again(
    make_pipedrive: Make,
) -> None:
    double, client = make_pipedrive(rows=9)
    params = {"limit": 3, "sort_by": "update_time"}
    first = (await client.get(f"{V2}/deals", params=params)).json()
    changed = first["data"][0]["id"]
    await client.patch(f"{V2}/deals/{changed}", json={"title": "Changed"})
    rest = await walk(client, "deals", **params, cursor=first["additional_data"]["next_cursor"])
    assert rest[-1]["id"] == changed
    assert rest[-1]["update_time"] == "2026-01-01T09:00:00Z"
    assert len(rest) == 7
    del double


async def test_updated_since_counts_its_own_second_and_updated_until_does_not(empty: Made) -> None:
    double, client = empty
    for title in ("a", "b", "c"):
        await client.post(f"{V2}/deals", json={"title": title})
        double.clock.advance(1)
    since = await walk(client, "deals", updated_since="2026-01-01T09:00:01Z", sort_by="update_time")
    until = await walk(client, "deals", updated_until="2026-01-01T10:00:02+01:00")
    assert [row["title"] for row in since] == ["b", "c"]
    assert [row["title"] for row in until] == ["a", "b"]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"updated_since": "2025-01-01T10:20:00.000Z"}, "updated_since"),
        ({"updated_since": "2025-01-01"}, "updated_since"),
        ({"limit": "501"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"sort_by": "title"}, "sort_by"),
        ({"status": "gone"}, "status"),
        ({"owner_id": "Ada"}, "owner_id"),
        ({"include_fields": "everything"}, "include_fields"),
        ({"cursor": "eyJ4IjoxfQ"}, "cursor"),
        ({"cursor": "x", "sort_by": "add_time"}, "cursor"),
        ({"cursor": cursor(field="id", fieldValue="x", sortDirection="asc", id=7)}, "cursor"),
        ({"cursor": cursor(field="update_time", fieldValue="x", sortDirection="asc", id=7)}, "cursor"),
        ({"ids": ",".join(["1"] * 101)}, "ids"),
        ({"custom_fields": ",".join("abcdefghijklmnop")}, "custom_fields"),
    ],
)
async def test_wrong_parameters_are_refused(
    pipedrive: httpx.AsyncClient, params: dict[str, str], told: str
) -> None:
    reply = await pipedrive.get(f"{V2}/deals", params=params)
    assert reply.status_code == 400
    assert reply.json()["success"] is False
    assert reply.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    assert told in reply.json()["error"]


async def test_a_cursor_is_of_one_order(seeded: httpx.AsyncClient) -> None:
    cursor = (await seeded.get(f"{V2}/deals")).json()["additional_data"]["next_cursor"]
    reply = await seeded.get(f"{V2}/deals", params={"cursor": cursor, "sort_by": "update_time"})
    assert reply.status_code == 400


async def test_filters_narrow_lists(seeded: httpx.AsyncClient) -> None:
    one = (await seeded.get(f"{V2}/deals/7")).json()["data"]
    for name in ("owner_id", "person_id", "org_id", "stage_id", "pipeline_id"):
        rows = await walk(seeded, "deals", **{name: one[name]})
        assert 7 in [row["id"] for row in rows]
        assert {row[name] for row in rows} == {one[name]}
    assert [row["id"] for row in await walk(seeded, "deals", ids="9,3,900")] == [3, 9]
    assert {row["status"] for row in await walk(seeded, "deals", status="won,lost")} == {"won", "lost"}
    assert [row["id"] for row in await walk(seeded, "persons", deal_id=7)] == [one["person_id"]]
    assert {row["done"] for row in await walk(seeded, "activities", done="true")} == {True}


async def test_deleted_deals_are_listed_for_thirty_days(empty: Made) -> None:
    double, client = empty
    for title in ("kept", "gone"):
        await client.post(f"{V2}/deals", json={"title": title})
    double.clock.advance(60)
    assert (await client.delete(f"{V2}/deals/2")).json() == {"success": True, "data": {"id": 2}}
    assert [row["id"] for row in await walk(client, "deals")] == [1]
    (gone,) = await walk(client, "deals", status="deleted", updated_since="2026-01-01T09:01:00Z")
    assert (gone["id"], gone["is_deleted"], gone["update_time"]) == (2, True, "2026-01-01T09:01:00Z")
    assert [row["id"] for row in await walk(client, "deals", status="open,deleted")] == [1, 2]
    assert (await client.get(f"{V2}/deals/2")).json()["data"]["is_deleted"] is True
    assert (await client.delete(f"{V2}/deals/2")).status_code == 404
    double.clock.advance(30 * 86_400)
    assert await walk(client, "deals", status="deleted") == []
    assert (await client.get(f"{V2}/deals/2")).status_code == 404


async def test_deleted_persons_are_in_no_list_but_can_be_read(pipedrive: httpx.AsyncClient) -> None:
    await pipedrive.post(f"{V2}/persons", json={"name": "Ada Lovelace"})
    await pipedrive.delete(f"{V2}/persons/1")
    assert await walk(pipedrive, "persons") == []
    assert (await pipedrive.get(f"{V2}/persons/1")).json()["data"]["is_deleted"] is True
    assert (await pipedrive.patch(f"{V2}/persons/1", json={"name": "B"})).status_code == 404


async def test_archived_deals_have_their_own_list(pipedrive: httpx.AsyncClient) -> None:
    await pipedrive.post(f"{V2}/deals", json={"title": "old"})
    await pipedrive.patch(f"{V2}/deals/1", json={"is_archived": True})
    assert await walk(pipedrive, "deals") == []
    (archived,) = await walk(pipedrive, "deals/archived")
    assert archived["archive_time"] == "2026-01-01T09:00:00Z"


async def test_counts_come_only_when_they_are_asked_for(pipedrive: httpx.AsyncClient) -> None:
    await pipedrive.post(f"{V2}/deals", json={"title": "d"})
    for day, done in (("2026-01-05", False), ("2026-01-03", False), ("2025-12-01", True)):
        await pipedrive.post(f"{V2}/activities", json={"deal_id": 1, "due_date": day, "done": done})
    await pipedrive.post(f"{V1}/notes", json={"content": "n", "deal_id": 1})
    plain = (await pipedrive.get(f"{V2}/deals/1")).json()["data"]
    asked = "next_activity_id,last_activity_id,activities_count,done_activities_count,notes_count"
    full = (await pipedrive.get(f"{V2}/deals/1", params={"include_fields": asked})).json()["data"]
    assert full.keys() - plain.keys() == set(asked.split(","))
    assert [full[name] for name in asked.split(",")] == [2, 3, 3, 1, 1]


async def test_v1_lists_are_paged_by_start_and_limit(seeded: httpx.AsyncClient) -> None:
    first = (await seeded.get(f"{V1}/notes", params={"limit": 100})).json()
    assert first["additional_data"]["pagination"] == {
        "start": 0,
        "limit": 100,
        "more_items_in_collection": True,
        "next_start": 100,
    }
    second = (await seeded.get(f"{V1}/notes", params={"limit": 100, "start": 100})).json()
    assert second["additional_data"]["pagination"]["more_items_in_collection"] is False
    assert len(first["data"]) + len(second["data"]) == 125
    assert "pagination" not in (await seeded.get(f"{V1}/users")).json().get("additional_data", {})


async def test_the_same_seed_gives_the_same_company(make_pipedrive: Make) -> None:
    one, other, third = make_pipedrive(rows=5), make_pipedrive(rows=5), make_pipedrive(rows=5, seed=2)
    for name in one[0].objects():
        assert list(one[0].truth(name)) == list(other[0].truth(name))
    assert one[0].credentials == other[0].credentials
    assert one[0].credentials != third[0].credentials
    assert list(one[0].truth("persons")) != list(third[0].truth("persons"))


async def test_rows_can_be_asked_for_by_object(make_pipedrive: Make) -> None:
    double, _ = make_pipedrive(rows={"deals": 3, "persons": 2})
    assert [len(list(double.truth(name))) for name in ("deals", "persons", "notes")] == [3, 2, 0]


async def test_deleted_and_live_deals_stand_in_one_order(empty: Made) -> None:
    double, client = empty
    for title in "abcd":
        await client.post(f"{V2}/deals", json={"title": title})
        double.clock.advance(1)
    for number in (3, 1):
        await client.delete(f"{V2}/deals/{number}")
        double.clock.advance(1)
    asked = {"status": "open,deleted", "sort_by": "update_time", "limit": 1}
    assert [row["id"] for row in await walk(client, "deals", **asked)] == [2, 4, 3, 1]
    assert [row["id"] for row in await walk(client, "deals", **asked, sort_direction="desc")] == [1, 3, 4, 2]


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_walk_by_id_sees_all_that_was_there_and_nothing_twice(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 9))
    double = PipedriveDouble(Options(rows={"deals": count}, settings={"burst": "off"}))
    headers = {"x-api-token": double.credentials["api_token"]}
    transport = asgi_transport(double.app)

    async def run() -> None:
        seen: list[int] = []
        gone: set[int] = set()
        params: dict[str, Any] = {"limit": data.draw(st.integers(1, 4))}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://p.test", headers=headers
        ) as client:
            while True:
                page = (await client.get(f"{V2}/deals", params=params)).json()
                seen += [row["id"] for row in page["data"]]
                params["cursor"] = page["additional_data"]["next_cursor"]
                if params["cursor"] is None:
                    break
                match data.draw(st.sampled_from(["create", "change", "delete", "nothing"])):
                    case "create" if len(seen) < 30:
                        await client.post(f"{V2}/deals", json={"title": "new"})
                    case "change":
                        await client.patch(
                            f"{V2}/deals/{data.draw(st.integers(1, count))}", json={"title": "x"}
                        )
                    case "delete":
                        doomed = data.draw(st.integers(1, count))
                        await client.delete(f"{V2}/deals/{doomed}")
                        gone.add(doomed)
                    case _:
                        pass
        assert len(seen) == len(set(seen))
        assert seen == sorted(seen)
        assert set(range(1, count + 1)) - gone <= set(seen)

    anyio.run(run)

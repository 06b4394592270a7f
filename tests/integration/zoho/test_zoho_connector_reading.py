from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from crmhub.connector import Condition, Missing, Page, ReadRequest, Value, WriteItem, WriteRequest
from crmhub.errors import BadRequest, BadResponse, NotFound, Unsupported

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.zoho.conftest import World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 5, 8, 9])
async def test_a_full_read_gives_every_record_once_at_every_page_boundary(make_org: World, rows: int) -> None:
    org = make_org({"Accounts": rows})
    pages = await org.pages(org.connect(), "Accounts", NAME, page_size=4)
    ids = [str(row["id"]) for page in pages for row in page.upserts]
    assert sorted(ids) == sorted(org.truth("Accounts"))
    assert all(page.checkpoint is not None for page in pages)
    assert len(org.calls("coql")) == max(1, -(-rows // 4))


@pytest.mark.parametrize(
    "module", ["Accounts", "Contacts", "Leads", "Deals", "Tasks", "Events", "Calls", "Notes"]
)
async def test_a_full_read_of_every_main_module_agrees_with_the_single_get_of_each_record(
    make_org: World, module: str
) -> None:
    org = make_org(12)
    connector = org.connect()
    fields = [name for name in (await connector.describe(module)).fields if name != "id"]
    read = {row["id"]: row for page in await org.pages(connector, module, *fields) for row in page.upserts}
    truth = {row["id"]: row for row in org.double.truth(module)}
    assert set(read) == set(truth)
    for record, row in read.items():
        for name in fields:
            expected = truth[record][name]
            assert row[name] == expected or _ids(row[name]) == _ids(expected) != [], name


def _ids(value: object) -> list[object]:
    """What a query shows of another record is its id alone."""
    return [value["id"]] if isinstance(value, dict) else []  # pyright: ignore[reportUnknownVariableType]


async def test_a_read_of_nothing_new_gives_one_empty_page_and_costs_two_calls(make_org: World) -> None:
    org = make_org({"Accounts": 9})
    connector, seen = org.connect(), org.mirror(NAME)
    await seen.follow(connector, "Accounts")
    before = len(org.calls())
    assert await seen.follow(connector, "Accounts") == []
    assert org.calls()[before:] == ["POST /crm/v8/coql", "GET /crm/v8/Accounts/deleted"]


async def test_changes_new_records_and_deletions_arrive_and_nothing_else(make_org: World) -> None:
    org = make_org({"Accounts": 9})
    connector, seen = org.connect(), org.mirror(NAME)
    await seen.follow(connector, "Accounts", page_size=4)
    org.clock.advance(3600)
    ids = sorted(org.truth("Accounts"))
    await org.change("Accounts", ids[:2], Account_Name="Renamed")
    await org.remove("Accounts", ids[4:6])
    added = await org.add("Accounts", 1)
    came = await seen.follow(connector, "Accounts", page_size=4)
    assert {str(row["id"]) for row in came} == {*ids[:2], *added}
    assert {gone.id for gone in seen.pages[-1].deletes} == set(ids[4:6])
    assert seen.rows == org.truth("Accounts", NAME)


async def test_the_second_read_after_a_change_is_empty_again(make_org: World) -> None:
    org = make_org({"Accounts": 9})
    connector, seen = org.connect(), org.mirror()
    await seen.follow(connector, "Accounts")
    org.clock.advance(3600)
    await org.change("Accounts", sorted(org.truth("Accounts"))[:3], Phone="1")
    assert len(await seen.follow(connector, "Accounts")) == 3
    org.clock.advance(30)
    assert len(await seen.follow(connector, "Accounts")) == 3, "within the overlap it is read again"
    org.clock.advance(300)
    assert len(await seen.follow(connector, "Accounts")) == 3, "the overlap had not passed when it was read"
    assert await seen.follow(connector, "Accounts") == []


@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 7, 100])
async def test_many_changes_of_one_second_are_all_read_whatever_the_page_size(
    make_org: World, page_size: int
) -> None:
    org = make_org({"Accounts": 3})
    connector, seen = org.connect(), org.mirror(NAME)
    await seen.follow(connector, "Accounts")
    org.clock.advance(600)
    await org.add("Accounts", 7)
    await org.change("Accounts", sorted(org.truth("Accounts"))[:2], Account_Name="Tied")
    await seen.follow(connector, "Accounts", page_size=page_size)
    assert seen.rows == org.truth("Accounts", NAME)


async def test_a_change_that_becomes_visible_late_within_the_overlap_is_read(make_org: World) -> None:
    org = make_org({"Accounts": 3})
    connector, seen = org.connect(), org.mirror(NAME)
    org.clock.advance(600)
    await org.add("Accounts", 2)
    await seen.follow(connector, "Accounts")
    org.double.clock.advance(-30)
    late = await org.add("Accounts", 1)
    org.double.clock.advance(30)
    org.clock.advance(7200)
    came = await seen.follow(connector, "Accounts")
    assert set(late) <= {str(row["id"]) for row in came}
    assert seen.rows == org.truth("Accounts", NAME)


async def test_a_change_late_in_a_long_walk_is_read_by_the_next_one(make_org: World) -> None:
    """The walk goes on past the place; its end must not put the next start behind it."""
    org = make_org({"Accounts": 3})
    connector, seen = org.connect(), org.mirror(NAME)
    await seen.follow(connector, "Accounts")
    org.clock.advance(600)
    await org.add("Accounts", 6)
    pages = connector.read(ReadRequest("Accounts", (NAME,), since=seen.checkpoint, page_size=2))
    seen.take(await anext(pages))
    org.clock.advance(1800)
    await org.add("Accounts", 1)
    async for page in pages:
        seen.take(page)
    org.double.clock.advance(-1800 - 30)
    await org.add("Accounts", 1)
    org.double.clock.advance(1800 + 30)
    await seen.follow(connector, "Accounts")
    assert seen.rows == org.truth("Accounts", NAME)


async def test_a_restart_from_every_checkpoint_reaches_the_truth(make_org: World) -> None:
    org = make_org({"Accounts": 11})
    connector, seen = org.connect(), org.mirror(NAME)
    await seen.follow(connector, "Accounts", page_size=3)
    org.clock.advance(600)
    await org.add("Accounts", 5)
    await org.change("Accounts", sorted(org.truth("Accounts"))[:4], Account_Name="Changed")
    await seen.follow(connector, "Accounts", page_size=3)
    org.clock.advance(600)
    await org.change("Accounts", sorted(org.truth("Accounts"))[3:6], Account_Name="Changed again")
    for stop in range(1, len(seen.pages) + 1):
        resumed = org.mirror(NAME)
        for page in seen.pages[:stop]:
            resumed.take(Page(page.upserts, page.deletes, json.loads(json.dumps(page.checkpoint))))
        await resumed.follow(org.connect(), "Accounts", page_size=3)
        await resumed.follow(org.connect(), "Accounts", page_size=3)
        assert resumed.rows == org.truth("Accounts", NAME)


async def test_records_that_change_during_a_full_read_are_right_in_the_end(make_org: World) -> None:
    org = make_org({"Accounts": 10})
    connector, seen = org.connect(), org.mirror(NAME)
    pages = connector.read(ReadRequest("Accounts", (NAME,), page_size=3))
    seen.take(await anext(pages))
    ids = sorted(org.truth("Accounts"))
    await org.change("Accounts", [ids[0], ids[8]], Account_Name="During")
    await org.remove("Accounts", [ids[1], ids[7]])
    added = await org.add("Accounts", 2)
    async for page in pages:
        seen.take(page)
    await seen.follow(connector, "Accounts")
    assert seen.rows == org.truth("Accounts", NAME)
    assert set(added) <= set(seen.rows)


async def test_checkpoints_never_go_back(make_org: World) -> None:
    org = make_org({"Accounts": 7})
    connector, seen = org.connect(), org.mirror()
    for _ in range(4):
        await seen.follow(connector, "Accounts", page_size=3)
        org.clock.advance(20)
        await org.add("Accounts", 2)
    starts = [
        str(page.checkpoint["start"]) for page in seen.pages if page.checkpoint and "start" in page.checkpoint
    ]
    assert starts == sorted(starts)


async def test_notes_are_read_by_their_list_and_go_on_from_every_checkpoint(make_org: World) -> None:
    org = make_org({"Accounts": 5, "Contacts": 5, "Deals": 5, "Notes": 13})
    connector, seen = org.connect(), org.mirror("Note_Title")
    assert len(org.truth("Notes")) > 10
    await seen.follow(connector, "Notes", page_size=4)
    org.clock.advance(600)
    notes = sorted(org.truth("Notes"))
    await org.change("Notes", notes[:6], Note_Title="Changed")
    await org.remove("Notes", notes[7:9])
    await seen.follow(connector, "Notes", page_size=4)
    assert seen.rows == org.truth("Notes", "Note_Title")
    for stop in range(1, len(seen.pages) + 1):
        resumed = org.mirror("Note_Title")
        for page in seen.pages[:stop]:
            resumed.take(page)
        await resumed.follow(connector, "Notes", page_size=4)
        assert resumed.rows == org.truth("Notes", "Note_Title")


async def test_long_texts_come_whole_where_lists_cut_them(make_org: World) -> None:
    org = make_org({"Accounts": 2})
    connector = org.connect()
    account = min(org.truth("Accounts"))
    text = "long " * 300
    note: WriteItem = WriteItem(
        {
            "Note_Title": "t",
            "Note_Content": text,
            "Parent_Id": {"id": account, "module": {"api_name": "Accounts"}},
        }
    )
    (created,) = await connector.write(WriteRequest("Notes", "create", [note]))
    assert created.status == "created"
    rows = [row for page in await org.pages(connector, "Notes", "Note_Content") for row in page.upserts]
    assert text in [row["Note_Content"] for row in rows]
    (got,) = await connector.get("Notes", [str(created.id)], ["Note_Content"])
    assert not isinstance(got, Missing)
    assert got["Note_Content"] == text


async def test_fields_that_a_query_cannot_give_are_fetched_only_when_asked_for(make_org: World) -> None:
    org = make_org(12)
    connector = org.connect()
    await org.pages(connector, "Tasks", "Subject")
    assert org.calls("/Tasks") == []
    pages = await org.pages(connector, "Tasks", "Subject", "$se_module", "Tag")
    assert org.calls("/Tasks") == ["GET /crm/v8/Tasks"]
    truth = {row["id"]: row["$se_module"] for row in org.double.truth("Tasks")}
    assert {row["id"]: row["$se_module"] for page in pages for row in page.upserts} == truth


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(NAME, "eq", "Added 1"), 1),
        (Condition(NAME, "in", [f"Added {number}" for number in range(250)]), 7),
        (Condition(NAME, "in", []), 0),
        (Condition("Phone", "eq", None), 7),
        (Condition("Created_Time", "ge", "2026-01-01T00:00:00.000Z"), 7),
        (Condition("Created_Time", "gt", "2026-01-01T00:00:00Z"), 0),
        (Condition("Annual_Revenue", "lt", 5), 0),
    ],
)
async def test_a_filter_selects_records(make_org: World, condition: Condition, expected: int) -> None:
    org = make_org()
    await org.add("Accounts", 7)
    connector = org.connect()
    pages = await org.pages(connector, "Accounts", NAME, filter=(condition,), page_size=3)
    assert sum(len(page.upserts) for page in pages) == expected
    assert await connector.count("Accounts", [condition]) == expected


async def test_a_filter_holds_for_changes_too(make_org: World) -> None:
    org = make_org()
    first = await org.add("Accounts", 7)
    connector = org.connect()
    some: list[Value] = [*first[:4]]
    wanted = (Condition("id", "in", some), Condition("Phone", "eq", "5"))
    pages = await org.pages(connector, "Accounts", filter=wanted)
    assert [len(page.upserts) for page in pages] == [0]
    org.clock.advance(600)
    await org.change("Accounts", first, Phone="5")
    pages = await org.pages(connector, "Accounts", filter=wanted, since=pages[-1].checkpoint, page_size=3)
    assert [row["id"] for page in pages for row in page.upserts] == first[:4]


async def test_a_checkpoint_of_another_object_or_filter_is_refused(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    connector = org.connect()
    (page,) = await org.pages(connector, "Accounts")
    with pytest.raises(BadRequest, match=r"not made by a read of this object.*full read"):
        await org.pages(connector, "Contacts", since=page.checkpoint)
    with pytest.raises(BadRequest, match="another filter"):
        await org.pages(connector, "Accounts", since=page.checkpoint, filter=(Condition(NAME, "eq", "x"),))


@pytest.mark.parametrize(
    "damage",
    [
        {"mode": "other"},
        {"start": None},
        {"start": {"at": "yesterday", "id": ""}},
        {"start": {"at": "2026-01-01T00:00:00", "id": ""}},
        {"start": {"at": "2026-01-01T00:00:00+00:00", "id": "1' or '1"}},
        {"deleted": 5},
        {"walk": {"began": "2026-01-01T00:00:00+00:00"}},
    ],
)
async def test_a_damaged_checkpoint_is_refused(make_org: World, damage: dict[str, str]) -> None:
    org = make_org({"Accounts": 1})
    connector = org.connect()
    (page,) = await org.pages(connector, "Accounts")
    with pytest.raises(BadRequest, match=r"damaged.*full read"):
        await org.pages(connector, "Accounts", since={**(page.checkpoint or {}), **damage})


async def test_an_unknown_module_or_field_is_an_error_with_a_suggestion(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    connector = org.connect()
    with pytest.raises(NotFound, match="no module Accountz"):
        await org.pages(connector, "Accountz")
    with pytest.raises(BadRequest, match=r"no field Account_Nam.*did you mean Account_Name"):
        await org.pages(connector, "Accounts", "Account_Nam")
    with pytest.raises(BadRequest, match="not the API name of a module"):
        await connector.describe("Accounts where 1")


async def test_users_pipelines_and_stages_are_objects_of_their_own(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (users,) = await org.pages(connector, "users")
    assert {"id", "email", "full_name", "status"} <= set(users.upserts[0])
    (stages,) = await org.pages(connector, "stages")
    assert {row["id"]: row["outcome"] for row in stages.upserts}["Closed Won"] == "won"
    assert [row["order"] for row in stages.upserts] == list(range(1, 10))
    (pipelines,) = await org.pages(connector, "pipelines")
    assert [(row["order"], row["default"]) for row in pipelines.upserts] == [(1, True)]
    assert stages.upserts[0]["pipeline"] == {name: pipelines.upserts[0][name] for name in ("id", "name")}
    first = str(users.upserts[0]["id"])
    assert await connector.get("users", [first, "12", "x"], []) == [
        users.upserts[0],
        Missing("12"),
        Missing("x"),
    ]
    assert await connector.get("stages", ["Qualification", "?"], []) == [stages.upserts[0], Missing("?")]
    assert await connector.count("users") == len(users.upserts)
    with pytest.raises(Unsupported):
        await org.pages(connector, "users", filter=(Condition("email", "eq", "x"),))
    with pytest.raises(Unsupported):
        await connector.write(WriteRequest("users", "create", [WriteItem({})]))


async def test_get_gives_a_record_or_missing_for_each_id_in_order(make_org: World) -> None:
    org = make_org({"Accounts": 130})
    ids = sorted(org.truth("Accounts"))
    await org.remove("Accounts", ids[3:4])
    asked = [*reversed(ids), "no number", "99"]
    rows = await org.connect().get("Accounts", asked, [NAME, "Tag"])
    assert [row.id if isinstance(row, Missing) else row["id"] for row in rows] == asked
    assert {row.id for row in rows if isinstance(row, Missing)} == {ids[3], "no number", "99"}


async def test_search_count_query_and_request(make_org: World) -> None:
    org = make_org()
    await org.add("Accounts", 7)
    connector = org.connect()
    found = [row async for page in connector.search("Accounts", "added", [NAME], 5) for row in page.upserts]
    assert len(found) == 5
    assert await connector.count("Accounts") == 7
    rows = [
        row
        async for page in connector.query("select id from Accounts where id is not null")
        for row in page.upserts
    ]
    assert len(rows) == 7
    limited = "select Account_Name from Accounts where Account_Name != 'limit 5' limit 2"
    assert [len(page.upserts) async for page in connector.query(limited)] == [2]
    answer = await connector.request("GET", "/crm/v8/org")
    assert isinstance(answer, dict)
    with pytest.raises(BadRequest, match="begins with /crm/"):
        await connector.request("GET", "/oauth/v2/token")
    with pytest.raises(BadRequest, match="at least 2"):
        await anext(connector.search("Accounts", " a ", [], 5))


@pytest.mark.parametrize("kind", ["html", "empty", "truncated", "content_type"])
async def test_a_reply_that_is_no_json_is_an_error_that_names_the_connection(
    make_org: World, kind: str
) -> None:
    org = make_org({"Accounts": 3}, faults=(f"{kind}@/coql",))
    with pytest.raises(Exception, match="connection zoho"):
        await org.pages(org.connect(), "Accounts")


async def test_one_broken_reply_is_asked_for_again(make_org: World) -> None:
    org = make_org(
        {"Accounts": 5}, faults=("truncated@/coql:1x", "429@/coql:1x", "cut@/coql:1x", "503@/coql:1x")
    )
    pages = await org.pages(org.connect(), "Accounts", page_size=2)
    assert sum(len(page.upserts) for page in pages) == 5


async def test_a_record_without_its_time_of_change_is_an_error_that_names_what_is_there(
    make_org: World,
) -> None:
    org = make_org({"Accounts": 3, "Notes": 3}, faults=("no_cursor_field",))
    with pytest.raises(BadResponse, match="without Modified_Time; it has Account_Name, id"):
        await org.pages(org.connect(), "Accounts", NAME)
    with pytest.raises(BadResponse, match="without Modified_Time"):
        await org.pages(org.connect(), "Notes", "Note_Title")


async def test_a_record_that_comes_twice_on_a_page_counts_once(make_org: World) -> None:
    org = make_org({"Accounts": 5}, faults=("duplicate_ids",))
    pages = await org.pages(org.connect(), "Accounts", NAME, page_size=2)
    assert sorted(str(row["id"]) for page in pages for row in page.upserts) == sorted(org.truth("Accounts"))


async def test_a_token_that_expires_in_mid_read_is_renewed_once(make_org: World) -> None:
    org = make_org({"Accounts": 9}, faults=("expire@/coql:1x",))
    pages = await org.pages(org.connect(), "Accounts", page_size=2)
    assert sum(len(page.upserts) for page in pages) == 9
    assert len(org.calls("/oauth/v2/token")) == 2


async def test_a_module_that_is_new_to_us_can_be_read_and_described(make_org: World) -> None:
    org = make_org({"Products": 5})
    connector = org.connect()
    able = (await connector.capabilities()).objects["Products"]
    assert able.upsert_keys == ("Product_Name",)
    pages = await org.pages(connector, "Products", "Product_Name")
    assert {str(row["id"]) for page in pages for row in page.upserts} == set(org.truth("Products"))


async def test_a_record_that_changes_between_query_and_fetch_is_never_half_old(make_org: World) -> None:
    org = make_org({"Accounts": 1, "Contacts": 1, "Tasks": 3})
    connector = org.connect()
    await connector.describe("Tasks")
    task = min(org.truth("Tasks"))
    org.meanwhile = ("/coql", lambda: org.change("Tasks", [task], Subject="Changed meanwhile"))
    pages = await org.pages(connector, "Tasks", "Subject", "$se_module")
    rows = {row["id"]: row for page in pages for row in page.upserts}
    assert rows[task]["Subject"] == "Changed meanwhile"
    assert len(rows) == 3


async def test_a_record_that_is_deleted_between_query_and_fetch_is_left_out(make_org: World) -> None:
    org = make_org({"Accounts": 1, "Contacts": 1, "Tasks": 3})
    connector, seen = org.connect(), org.mirror("Subject", "$se_module")
    await connector.describe("Tasks")
    task = min(org.truth("Tasks"))
    org.meanwhile = ("/coql", lambda: org.remove("Tasks", [task]))
    assert len(await seen.follow(connector, "Tasks")) == 2
    await seen.follow(connector, "Tasks")
    assert [gone.id for gone in seen.pages[-1].deletes] == [task]


async def test_more_fields_than_a_query_takes_are_joined(make_org: World, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    names = [f"Field_{number}" for number in range(560)]
    schema.write_text(json.dumps({"Accounts": [{"name": name, "type": "text"} for name in names]}))
    org = make_org(schema=schema)
    connector = org.connect()
    first, last = names[0], names[-1]
    items = [WriteItem({NAME: f"{row}", first: f"first {row}", last: f"last {row}"}) for row in range(3)]
    outcomes = await connector.write(WriteRequest("Accounts", "create", items))
    pages = await org.pages(connector, "Accounts", NAME, *names)
    rows = [row for page in pages for row in page.upserts]
    assert [(row[first], row[last]) for row in rows] == [(f"first {n}", f"last {n}") for n in range(3)]
    got = await connector.get("Accounts", [str(outcomes[1].id)], names)
    assert not isinstance(got[0], Missing)
    assert got[0][last] == "last 1"
    assert len(org.calls("GET /crm/v8/Accounts")) == 2 + 12


async def test_deletions_beyond_one_page_all_arrive_before_the_checkpoint_moves(make_org: World) -> None:
    org = make_org({"Accounts": 450})
    connector, seen = org.connect(), org.mirror()
    await seen.follow(connector, "Accounts")
    org.clock.advance(600)
    await org.remove("Accounts", sorted(org.truth("Accounts"))[:430])
    await seen.follow(connector, "Accounts")
    assert seen.rows.keys() == org.truth("Accounts").keys()
    assert len(org.calls("/deleted")) == 3
    org.clock.advance(600)
    await seen.follow(connector, "Accounts")
    await seen.follow(connector, "Accounts")
    assert seen.pages[-1].deletes == []


async def test_more_deletions_than_zoho_lists_are_told_and_changes_still_arrive(make_org: World) -> None:
    org = make_org({"Accounts": 2_300})
    connector, seen = org.connect(), org.mirror()
    await seen.follow(connector, "Accounts")
    org.clock.advance(600)
    await org.remove("Accounts", sorted(org.truth("Accounts"))[:2_250])
    added = await org.add("Accounts", 1)
    came = await seen.follow(connector, "Accounts")
    assert [row["id"] for row in came] == added
    assert len(seen.pages[-1].deletes) == 2_000
    assert "read.deletions_uncertain" in [event.name for event in org.heard]
    org.clock.advance(600)
    await seen.follow(connector, "Accounts")
    await org.remove("Accounts", added)
    await seen.follow(connector, "Accounts")
    assert [gone.id for gone in seen.pages[-1].deletes] == added


async def test_a_reader_that_stops_early_leaves_nothing_open(make_org: World) -> None:
    org = make_org({"Accounts": 9})
    async with aclosing(org.connect().read(ReadRequest("Accounts", (NAME,), page_size=2))) as pages:
        async for page in pages:
            assert page.upserts
            break
    assert len(org.calls("/coql")) == 1

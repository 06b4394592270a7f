"""Full reads, reads of changes, their checkpoints, and pages that cannot be trusted."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request
from starlette.responses import Response

from crmhub.connector import Checkpoint, Condition, ReadRequest, Value
from crmhub.errors import BadRequest, BadResponse, NotFound
from crmhub_salesforce.simulator.values import stamp

if TYPE_CHECKING:
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

QUERY = "/query"


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 5, 8, 9])
async def test_a_full_read_gives_every_record_once_at_every_page_boundary(make_org: World, rows: int) -> None:
    org = make_org({"Account": rows})
    pages = await org.pages(org.connect(), "Account", "Name", page_size=4)
    ids = [row["Id"] for page in pages for row in page.upserts]
    assert ids == sorted(org.truth("Account"))
    assert all(page.checkpoint is not None for page in pages)
    assert len(org.calls(QUERY)) == rows // 4 + 1


async def test_pages_that_come_shorter_than_asked_for_lose_nothing(make_org: World) -> None:
    org = make_org({"Account": 9}, settings={"page_rows": "2"})
    pages = await org.pages(org.connect(), "Account", "Name", page_size=5)
    assert [row["Id"] for page in pages for row in page.upserts] == sorted(org.truth("Account"))


@pytest.mark.parametrize(
    "object",
    ["Account", "Contact", "Lead", "Opportunity", "Task", "Event", "Note", "User", "OpportunityStage"],
)
async def test_a_full_read_of_every_main_object_agrees_with_the_records_themselves(
    make_org: World, object: str
) -> None:
    org = make_org(12)
    connector = org.connect()
    fields = tuple((await connector.describe(object)).fields)
    read = {row["Id"]: row for page in await org.pages(connector, object, *fields) for row in page.upserts}
    truth = {row["Id"]: row for row in org.double.truth(object)}
    assert read.keys() == truth.keys()
    for record, row in read.items():
        assert {name: row[name] for name in fields} == {name: truth[record].get(name) for name in fields}


async def test_a_read_of_nothing_new_gives_one_empty_page_and_costs_one_call(make_org: World) -> None:
    org = make_org({"Account": 9})
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(3600)
    await seen.follow(connector)  # this one also asks for the delete log
    org.clock.advance(60)
    before = len(org.calls())
    pages = await org.pages(connector, "Account", "Name", since=seen.checkpoint)
    assert [(len(page.upserts), len(page.deletes)) for page in pages] == [(0, 0)]
    assert pages[0].checkpoint is not None
    assert len(org.calls()) == before + 1


async def test_the_next_read_gives_what_was_created_changed_and_deleted(make_org: World) -> None:
    org = make_org({"Account": 9})
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    ids = sorted(seen.rows)
    org.clock.advance(3600)
    await org.add(2)
    await org.change(ids[:2], Name="Changed")
    await org.remove(ids[4:6])
    pages = await org.pages(connector, "Account", "Name", since=seen.checkpoint)
    for page in pages:
        seen.take(page)
    assert sum(len(page.upserts) for page in pages) == 4
    assert [gone.id for page in pages for gone in page.deletes] == ids[4:6]
    assert seen.rows == org.truth("Account", "Name")


async def test_records_with_equal_stamps_across_page_edges_all_come(make_org: World) -> None:
    org = make_org({"Account": 1})
    connector, seen = org.connect(overlap=0), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(3600)
    added = await org.add(11)
    came = await seen.follow(connector, page_size=3)
    assert [row["Id"] for row in came] == sorted(added)
    assert seen.rows == org.truth("Account", "Name")


async def test_a_change_that_becomes_visible_late_is_found_within_the_overlap(make_org: World) -> None:
    org = make_org({"Account": 3})
    connector, seen = org.connect(overlap=300), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(3600)
    await org.add(1)
    await seen.follow(connector)
    late = _place(org, org.clock.now().timestamp() - 250)
    org.clock.advance(60)
    await seen.follow(connector)
    assert late in seen.rows
    assert seen.rows == org.truth("Account", "Name")


async def test_a_change_during_a_long_read_of_changes_is_found_by_the_next_one(make_org: World) -> None:
    org = make_org({"Account": 1})
    connector, seen = org.connect(overlap=300), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(3600)
    await org.add(4)
    late = ""
    request = ReadRequest("Account", ("Name",), since=seen.checkpoint, page_size=2)
    async for page in connector.read(request):
        if not late:
            late = _place(org, org.clock.now().timestamp() - 200)
            org.clock.advance(3600)
            await org.add(1)
        seen.take(page)
    await seen.follow(connector)
    assert late in seen.rows
    assert seen.rows == org.truth("Account", "Name")


async def test_the_saved_cursor_is_not_moved_back_by_reading_the_overlap_again(make_org: World) -> None:
    org = make_org({"Account": 3})
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(3600)
    await org.add(3)
    moments: list[Value] = []
    for _ in range(4):
        await seen.follow(connector, page_size=2)
        moments.append((seen.checkpoint or {})["seen"])
    assert moments == sorted(map(str, moments))


async def test_changes_made_while_everything_is_read_are_found_by_the_next_read(make_org: World) -> None:
    org = make_org({"Account": 8})
    connector, seen = org.connect(), org.mirror("Name")
    ids = sorted(org.truth("Account"))
    async for page in connector.read(ReadRequest("Account", ("Name",), page_size=3)):
        seen.take(page)
        org.clock.advance(7200)
        if ids:
            await org.change([ids[0]], Name="Changed behind the reader")
            await org.remove([ids[1]])
            ids = []
    await seen.follow(connector)
    assert seen.rows == org.truth("Account", "Name")


async def test_a_read_that_starts_again_at_any_checkpoint_reaches_the_truth(make_org: World) -> None:
    org = make_org({"Account": 7})
    connector = org.connect()
    kept: list[tuple[Checkpoint, dict[str, tuple[object, ...]]]] = []
    seen = org.mirror("Name")
    for _ in range(2):
        async for page in connector.read(
            ReadRequest("Account", ("Name",), since=seen.checkpoint, page_size=2)
        ):
            seen.take(page)
            kept.append((json.loads(json.dumps(seen.checkpoint)), dict(seen.rows)))
        org.clock.advance(5000)
        ids = sorted(seen.rows)
        await org.change(ids[:3], Name="Changed")
        await org.remove(ids[-1:])
        await org.add(2)
    assert len(kept) > 6
    for checkpoint, rows in kept:
        again = org.mirror("Name")
        again.checkpoint, again.rows = checkpoint, rows
        await again.follow(connector, page_size=3)
        if checkpoint["mode"] == "full":  # the rest of the full read; then what changed meanwhile
            await again.follow(connector, page_size=3)
        assert again.rows == org.truth("Account", "Name")


async def test_a_merged_record_names_the_one_that_it_became_part_of(make_org: World) -> None:
    org = make_org({"Account": 3})
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(600)
    master = min(seen.rows)
    _place(org, org.clock.now().timestamp(), MasterRecordId=master, IsDeleted=True, gone=True)
    pages = await org.pages(connector, "Account", "Name", since=seen.checkpoint)
    (gone,) = [gone for page in pages for gone in page.deletes]
    assert (gone.life, gone.into, gone.at) == ("merged", master, org.clock.now())


async def test_records_hold_what_was_asked_for_and_no_more(make_org: World) -> None:
    org = make_org({"Account": 2})
    connector, seen = org.connect(), org.mirror("Name", "Owner.Email")
    (row, _) = await seen.follow(connector)
    assert set(row) == {"Id", "SystemModstamp", "Name", "Owner"}
    assert row["Owner"] == {"Email": "ada.okafor@example.com"}
    await org.change([str(row["Id"])], Name="Changed")
    (row,) = await seen.follow(connector)
    assert set(row) == {"Id", "SystemModstamp", "Name", "Owner"}


async def test_filters_select_in_the_crm_also_with_hundreds_of_values(make_org: World) -> None:
    org = make_org({"Account": 12})
    connector = org.connect()
    first, second, *_ = sorted(org.truth("Account"))
    many: list[Value] = [first, second, *[f"001Hz00000{number:05d}" for number in range(700)]]
    for condition, expected in (
        (Condition("Id", "in", many), {first, second}),
        (Condition("Id", "in", []), set[str]()),
        (Condition("CreatedDate", "ge", "2999-01-01T00:00:00+02:00"), set[str]()),
        (Condition("IsDeleted", "eq", False), set(org.truth("Account"))),
        (Condition("Owner.Email", "eq", "nobody' OR Name != '"), set[str]()),
        (Condition("ParentId", "in", [None]), set(org.truth("Account"))),
    ):
        pages = await org.pages(connector, "Account", "Name", filter=(condition,))
        assert {str(row["Id"]) for page in pages for row in page.upserts} == expected
        assert await connector.count("Account", (condition,)) == len(expected)
    assert any("/composite" in call for call in org.calls())


@pytest.mark.parametrize(
    ("object", "fields", "condition", "error", "words"),
    [
        ("Acount", ("Name",), None, NotFound, "no object 'Acount'"),
        ("Account", ("name",), None, BadRequest, "did you mean Name"),
        ("Account", ("Name, Id FROM User",), None, BadRequest, "no field"),
        ("Account", ("Owner.Email FROM User",), None, BadRequest, "not an API name"),
        ("Account", ("Name",), Condition("Description", "eq", "x"), BadRequest, "cannot be filtered"),
        ("Account", ("Name",), Condition("NumberOfEmployees", "gt", "x' OR"), BadRequest, "wrong type"),
        (
            "Account",
            ("Name",),
            Condition("CreatedDate", "gt", "2024-01-01T00:00:00"),
            BadRequest,
            "time zone",
        ),
        ("Account", ("Name",), Condition("CreatedDate", "gt", "soon"), BadRequest, "ISO 8601"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_before_it_is_sent(
    make_org: World,
    object: str,
    fields: tuple[str, ...],
    condition: Condition | None,
    error: type[Exception],
    words: str,
) -> None:
    org = make_org({"Account": 1})
    with pytest.raises(error, match=words):
        await org.pages(org.connect(), object, *fields, filter=(condition,) if condition else ())
    assert org.calls(QUERY) == []


@pytest.mark.parametrize(
    "damage",
    [
        {"v": 99},
        {"object": "Contact"},
        {"cursor": "LastModifiedDate"},
        {"mode": "sideways"},
        {"seen": "yesterday"},
        {"seen": None},
        {"at": ["2026-01-01T00:00:00Z"]},
        {"at": ["2026-01-01T00:00:00Z", "001' OR Id != '"]},
    ],
)
async def test_a_damaged_or_foreign_checkpoint_asks_for_a_full_read(
    make_org: World, damage: dict[str, Value]
) -> None:
    org = make_org({"Account": 1})
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    bad = {**(seen.checkpoint or {}), **damage}
    with pytest.raises(BadRequest, match="start a full read"):
        await org.pages(connector, "Account", "Name", since=bad)
    with pytest.raises(BadRequest, match="start a full read"):
        await org.pages(connector, "Account", "Name", since={})


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no_cursor_field", "without its SystemModstamp; it has Id, Name"),
        ("html@/query", "502"),
        ("empty@/query", "an empty body"),
        ("truncated@/query", "cut off"),
        ("content_type@/query", "another content type"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_an_error_that_says_what_came(
    make_org: World, fault: str, words: str
) -> None:
    org = make_org({"Account": 3})
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace([fault])
    with pytest.raises(Exception, match=words) as caught:
        await org.pages(connector, "Account", "Name")
    assert "Account" in str(caught.value)
    assert "connection sf" in str(caught.value)
    org.double.faults.replace([])
    org.clock.advance(300)
    assert len((await org.pages(connector, "Account", "Name"))[0].upserts) == 3


async def test_a_page_that_holds_a_record_twice_gives_it_once(make_org: World) -> None:
    org = make_org({"Account": 3}, faults=("duplicate_ids",))
    (page,) = await org.pages(org.connect(), "Account", "Name")
    assert len(page.upserts) == 3


ROW: dict[str, Value] = {
    "Id": "001Hs0000000001IAA",
    "SystemModstamp": "2026-01-01T00:00:00.000+0000",
    "Name": "A",
}


def _always(rows: list[dict[str, Value]]) -> Callable[[Request, bytes], Response | None]:
    def instead(request: Request, body: bytes) -> Response | None:
        if QUERY not in request.url.path:
            return None
        answer = {"totalSize": len(rows), "done": True, "records": rows}
        return Response(json.dumps(answer), media_type="application/json")

    return instead


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROW, {**ROW, "Name": "B"}], "one record twice, with different values"),
        ([{**ROW, "Id": "17"}], "Id is no id"),
        ([{"SystemModstamp": ROW["SystemModstamp"]}], "without its Id"),
        ([ROW], "not advancing"),
    ],
)
async def test_pages_that_contradict_the_query_end_the_read(
    make_org: World, rows: list[dict[str, Value]], words: str
) -> None:
    org = make_org({"Account": 3})
    connector = org.connect()
    await connector.describe("Account")
    org.instead = _always(rows)
    with pytest.raises(BadResponse, match=words):
        await org.pages(connector, "Account", "Name", page_size=1)


async def test_changes_that_come_from_before_the_checkpoint_end_the_read(make_org: World) -> None:
    org = make_org({"Account": 3})
    connector, seen = org.connect(), org.mirror("Name")
    org.clock.advance(86_400)
    await seen.follow(connector)
    org.instead = _always([ROW])
    with pytest.raises(BadResponse, match="not advancing"):
        await seen.follow(connector)


async def test_an_expired_token_in_the_middle_of_a_read_is_renewed_once(make_org: World) -> None:
    org = make_org({"Account": 9})
    connector = org.connect()
    await connector.describe("Account")
    org.double.faults.replace(["expire@/query:1x"])
    pages = await org.pages(connector, "Account", "Name", page_size=2)
    assert sum(len(page.upserts) for page in pages) == 9
    assert len(org.forms) == 2


async def test_a_connection_that_is_cut_in_the_middle_of_a_read_is_tried_again(make_org: World) -> None:
    org = make_org({"Account": 9}, faults=("cut@/query:2x", "503@/query:1x"))
    pages = await org.pages(org.connect(), "Account", "Name", page_size=4)
    assert sum(len(page.upserts) for page in pages) == 9


async def test_deletions_older_than_the_recycle_bin_are_told_as_uncertain(make_org: World) -> None:
    org = make_org({"Account": 2})
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(timedelta(days=16).total_seconds())
    await seen.follow(connector)
    (event,) = [event for event in org.heard if event.name == "read.deletions_uncertain"]
    assert str(event.detail["since"]).endswith("Z")
    assert event.detail["why"]


def _place(org: Org, at: float, *, gone: bool = False, **fields: object) -> str:
    """An account that appears now and was stamped earlier, past the API; ``gone``: in the recycle bin."""
    table = org.double.org.tables["Account"]
    id_ = table.id_at(table.next_place)
    moment = stamp(int(at))
    row = {"Id": id_, "Name": "Late", "CreatedDate": moment, "LastModifiedDate": moment, **fields}
    place = table.insert({**row, "SystemModstamp": moment, "OwnerId": org.double.org.user_id}, int(at))
    if gone:
        table.delete(place, int(at))
    return id_


async def test_a_reader_that_stops_early_leaves_nothing_open(make_org: World) -> None:
    org = make_org({"Account": 9}, settings={"page_rows": "4"})
    connector = org.connect()
    for pages in (
        connector.read(ReadRequest("Account", ("Name",), page_size=2)),
        connector.query("SELECT Id FROM Account"),
    ):
        async with aclosing(pages):
            async for _ in pages:
                break
    gc.collect()


async def test_an_object_without_a_usable_cursor_is_read_whole_each_time(make_org: World) -> None:
    org = make_org()
    fields = [
        {"name": "Id", "type": "id"},
        {"name": "SystemModstamp", "type": "datetime", "filterable": False},
    ]
    rows = [{"Id": "017000000000001AAA"}, {"Id": "017000000000002AAA"}]

    def instead(request: Request, body: bytes) -> Response | None:
        del body
        described = {"name": "ActivityFieldHistory", "fields": fields}
        found = {"totalSize": 2, "done": True, "records": rows}
        for part, answer in (("/describe", described), (QUERY, found)):
            if part in request.url.path:
                return Response(json.dumps(answer), media_type="application/json")
        return None

    org.instead = instead
    connector, seen = org.connect(), org.mirror()
    for _ in range(2):
        assert len(await seen.follow(connector, "ActivityFieldHistory")) == 2
    assert seen.checkpoint is not None
    assert (seen.checkpoint["mode"], seen.checkpoint["after"]) == ("full", None)

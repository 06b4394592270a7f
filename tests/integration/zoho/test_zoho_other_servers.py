"""What other servers than our double answer: forms that the API's documentation allows.

`info` without `more_records`, whole calls refused for one unknown id, lives of tokens told as text.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from crmhub.connector import Missing, Native, Value, WriteItem, WriteRequest
from crmhub.errors import BadResponse
from tests.integration.zoho.other_server import (
    FIRST,
    NOTHING,
    Asked,
    OtherServer,
    Says,
    fields_of,
    pages_of,
    record,
    refusal,
    said,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server() -> AsyncIterator[OtherServer]:
    """The other server."""
    server = OtherServer()
    yield server
    await server.aclose()


def _page(rows: list[Native], per_page: int, page: int = 1) -> Says:
    part = rows[(page - 1) * per_page : page * per_page]
    return Says({"data": [*part], "info": {"count": len(part)}}) if part else NOTHING


# ── `info` without `more_records` ────────────────────────────────────────────────────────────────


async def test_notes_are_read_to_their_end_where_no_page_says_that_more_follow(server: OtherServer) -> None:
    rows = [record(number, Note_Title="n") for number in range(450)]

    def listed(asked: Asked) -> Says:
        since = asked.headers.get("if-modified-since")
        after = datetime.fromisoformat(since) if since else None
        found = [
            one for one in rows if after is None or datetime.fromisoformat(str(one["Modified_Time"])) > after
        ]
        return _page(found, int(asked.params["per_page"])) if found else Says(status=304)

    server.on("GET", "/crm/v8/settings/fields", fields_of(Note_Title="text"))
    server.on("GET", "/crm/v8/Notes", listed)

    pages = await pages_of(server.connect(), "Notes", "Note_Title")

    assert {str(row["id"]) for page in pages for row in page.upserts} == {str(row["id"]) for row in rows}


async def test_a_query_is_read_to_its_end_where_no_page_says_that_more_follow(server: OtherServer) -> None:
    rows = [record(number) for number in range(4_500)]

    def queried(asked: Asked) -> Says:
        place = re.search(r"limit (\d+) offset (\d+)", asked.query)
        assert place is not None
        return _page(rows, int(place[1]), int(place[2]) // int(place[1]) + 1)

    server.on("POST", "/crm/v8/coql", queried)

    pages = [page async for page in server.connect().query("select id from Accounts where id is not null")]

    assert sum(len(page.upserts) for page in pages) == 4_500


async def test_all_conversions_are_told_where_no_page_says_that_more_follow(server: OtherServer) -> None:
    converted = [record(number) for number in range(450)]

    def queried(asked: Asked) -> Says:
        if "Converted__s = true" not in asked.query:
            return NOTHING
        after = re.search(r"id > '(\d+)'", asked.query)
        return _page([one for one in converted if not after or str(one["id"]) > after[1]], 200)

    server.on("GET", "/crm/v8/settings/fields", fields_of(Last_Name="text", Converted__s="boolean"))
    server.on("POST", "/crm/v8/coql", queried)
    zoho = server.connect()
    first = await pages_of(zoho, "Leads", "Last_Name")

    pages = await pages_of(zoho, "Leads", "Last_Name", since=first[-1].checkpoint)

    assert len(pages[-1].deletes) == 450


async def test_a_search_goes_on_where_no_page_says_that_more_follow(server: OtherServer) -> None:
    rows = [record(number) for number in range(450)]
    server.on("GET", "/crm/v8/Accounts/search", lambda one: _page(rows, 200, int(one.params["page"])))

    pages = [page async for page in server.connect().search("Accounts", "word", ["Name"], 1_000)]

    assert sum(len(page.upserts) for page in pages) == 450


async def test_attachments_are_listed_to_their_end_where_no_page_says_that_more_follow(
    server: OtherServer,
) -> None:
    rows = [record(number, File_Name="a.txt", Created_Time="some day") for number in range(250)]
    server.on(
        "GET", r"/crm/v8/Accounts/\d+/Attachments", lambda one: _page(rows, 200, int(one.params["page"]))
    )

    found = [page async for page in server.connect().files("Accounts", str(FIRST))]

    assert sum(map(len, found)) == 250
    assert found[0][0].created is None


@pytest.mark.parametrize("says_more", [True, False], ids=["more_records", "silence"])
async def test_a_related_list_without_page_tokens_is_read_by_page_numbers(
    server: OtherServer, *, says_more: bool
) -> None:
    rows = [record(number, Subject="s") for number in range(450)]

    def related(asked: Asked) -> Says:
        page = int(asked.params.get("page", 1))
        part = rows[(page - 1) * 200 : page * 200]
        info: Native = {"more_records": page < 3} if says_more else {}
        return Says({"data": [*part], "info": info})

    lists: Native = {
        "api_name": "Tasks",
        "href": "Accounts/{ENTITYID}/Tasks",
        "module": {"api_name": "Tasks"},
    }
    server.on("GET", "/crm/v8/settings/related_lists", said({"related_lists": [lists]}))
    server.on("GET", "/crm/v8/settings/fields", fields_of(Subject="text"))
    server.on("GET", r"/crm/v8/Accounts/\d+/Tasks", related)

    found = [
        page
        async for page in server.connect().extras.relations.records(
            "Accounts", str(FIRST), "Tasks", ["Subject"]
        )
    ]

    assert sum(map(len, found)) == 450


async def test_changes_of_one_second_that_come_in_no_order_of_ids_are_not_passed_over(
    server: OtherServer,
) -> None:
    at = "2026-01-01T12:00:00+00:00"
    rows: list[Native] = [{"id": str(FIRST + number), "Modified_Time": at} for number in (3, 2, 1)]

    def queried(asked: Asked) -> Says:
        if "Modified_Time" not in asked.query.partition("where")[2]:
            return NOTHING
        after = re.search(r"id > '(\d+)'", asked.query)
        found = [one for one in rows if not after or str(one["id"]) > after[1]]
        return Says({"data": [*found[:2]], "info": {"more_records": len(found) > 2}}) if found else NOTHING

    zoho = server.connect(page_size=2)
    first = await pages_of(zoho, "Accounts", "Name")
    server.on("POST", "/crm/v8/coql", queried)

    with pytest.raises(BadResponse, match="not advancing"):
        await pages_of(zoho, "Accounts", "Name", since=first[-1].checkpoint)


# ── records that there are not ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("details", [{"id": str(FIRST + 2)}, {"param_name": "ids"}])
async def test_unknown_ids_that_have_a_whole_call_refused_are_missing_alone(
    server: OtherServer, details: Native
) -> None:
    there = {str(FIRST + number): record(number, Name="n") for number in (1, 3)}

    def listed(asked: Asked) -> Says:
        ids = asked.params["ids"].split(",")
        if not all(one in there for one in ids):
            return Says({"code": "INVALID_DATA", "details": details, "message": "no", "status": "error"}, 400)
        return Says({"data": [there[one] for one in ids]})

    server.on("GET", "/crm/v8/Accounts", listed)
    ids = [str(FIRST + number) for number in (1, 2, 3, 4)]

    found = await server.connect().get("Accounts", ids, ["Name"])

    assert [isinstance(one, Missing) for one in found] == [False, True, False, True]


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "life",
    [
        {"expires_in": "3600"},
        {"expires_in": 3_600_000, "expires_in_sec": 3600},
        {"expires_in": 3_600_000, "expires_in_sec": "3600"},
    ],
)
async def test_the_life_of_a_token_is_understood_in_every_form(server: OtherServer, life: Native) -> None:
    server.on("POST", "/oauth/v2/token", said({"access_token": "1000.x", **life}))
    await pages_of(server.connect(), "Accounts", "Name")

    kept = await server.tokens.load("zoho")

    assert kept is not None
    assert kept.expires_at == server.clock.now() + timedelta(hours=1)


# ── bulk jobs ────────────────────────────────────────────────────────────────────────────────────


def _zip(*lines: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Accounts.csv", "\n".join(lines))
    return packed.getvalue()


@pytest.mark.parametrize(
    "states", [("ADDED", "IN_PROGRESS", "COMPLETED"), ("queued", "inprogress", "completed")]
)
async def test_the_state_of_a_bulk_read_job_is_known_in_every_spelling(
    server: OtherServer, states: tuple[str, ...]
) -> None:
    rows = [record(number, Name="n") for number in range(4)]
    left = list(states)

    def queried(asked: Asked) -> Says:
        found = rows[::-1] if "desc" in asked.query else rows
        return Says({"data": [found[0]], "info": {"more_records": True}})

    def job(_: Asked) -> Says:
        state = left.pop(0)
        return Says({"data": [{"state": state, "result": {"count": 4, "more_records": False}}]})

    lines = [f"{one['id']},n,{one['Modified_Time']}" for one in rows]
    server.on("POST", "/crm/v8/coql", queried)
    server.on("GET", "/crm/v8/Accounts/actions/count", said({"count": 4}))
    server.on(
        "POST", "/crm/bulk/v8/read", said({"data": [{"status": "success", "details": {"id": "7"}}]}, 201)
    )
    server.on("GET", r"/crm/bulk/v8/read/\d+", job)
    server.on("GET", r"/crm/bulk/v8/read/\d+/result", said(_zip("id,Name,Modified_Time", *lines)))
    zoho = server.connect(page_size=1, bulk_read_from=1)

    pages = await pages_of(zoho, "Accounts", "Name")

    assert sorted(str(row["id"]) for page in pages for row in page.upserts) == [row["id"] for row in rows]
    assert not left


@pytest.mark.parametrize("done", ["COMPLETED", "completed"])
@pytest.mark.parametrize("host", ["http://localhost", ""], ids=["whole", "path"])
async def test_the_result_of_a_bulk_write_is_found_however_it_is_told(
    server: OtherServer, done: str, host: str
) -> None:
    told: Value = {"status": done, "result": {"download_url": f"{host}/results/one.zip"}}
    server.on("POST", "/crm/v8/upload", said({"status": "success", "details": {"file_id": "5"}}))
    server.on("POST", "/crm/bulk/v8/write", said({"status": "success", "details": {"id": "7"}}, 201))
    server.on("GET", r"/crm/bulk/v8/write/\d+", said(told))
    lines = [f"n{number},ADDED,{FIRST + number}," for number in range(3)]
    server.on("GET", "/results/one.zip", said(_zip("Name,STATUS,RECORD_ID,ERRORS", *lines)))
    items = [WriteItem({"Name": f"n{number}"}) for number in range(3)]

    outcomes = await server.connect(bulk_write_from=1).write(WriteRequest("Accounts", "create", items))

    assert [(one.status, one.id) for one in outcomes] == [("created", str(FIRST + n)) for n in range(3)]


async def test_the_result_of_a_bulk_write_is_not_fetched_from_a_strange_host(server: OtherServer) -> None:
    for url in ("https://elsewhere.example/one.zip", "//elsewhere.example/one.zip"):
        told: Value = {"status": "COMPLETED", "result": {"download_url": url}}
        server.on("POST", "/crm/v8/upload", said({"status": "success", "details": {"file_id": "5"}}))
        server.on("POST", "/crm/bulk/v8/write", said({"status": "success", "details": {"id": "7"}}, 201))
        server.on("GET", r"/crm/bulk/v8/write/\d+", said(told))
        request = WriteRequest("Accounts", "create", [WriteItem({"Name": "n"})])

        outcomes = await server.connect(bulk_write_from=1).write(request)

        assert [one.status for one in outcomes] == ["unknown"]
        assert all("elsewhere" not in one.headers["host"] for one in server.asked)


# ── outcomes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "item",
    [
        {"code": "SUCCESS", "message": "record added"},
        {"code": "success", "status": "SUCCESS"},
        {"status": "success"},
    ],
)
async def test_a_record_that_was_made_is_told_so_in_every_form(server: OtherServer, item: Native) -> None:
    server.on("POST", "/crm/v8/Accounts", said({"data": [{**item, "details": {"id": FIRST}}]}, 201))
    request = WriteRequest("Accounts", "create", [WriteItem({"Name": "n"})])

    (outcome,) = await server.connect().write(request)

    assert (outcome.status, outcome.id) == ("created", str(FIRST))


async def test_an_answer_that_tells_no_outcome_leaves_a_record_unknown(server: OtherServer) -> None:
    server.on("POST", "/crm/v8/Accounts", said({"data": [{}]}, 201))
    request = WriteRequest("Accounts", "create", [WriteItem({"Name": "n"})])

    assert [one.status for one in await server.connect().write(request)] == ["unknown"]


@pytest.mark.parametrize("whole", [True, False], ids=["call", "item"])
@pytest.mark.parametrize("details", [{"id": str(FIRST)}, {"api_name": "id", "json_path": "$.data[0].id"}])
async def test_a_record_that_there_is_not_is_missing_for_an_update_and_gone_for_a_delete(
    server: OtherServer, details: Native, *, whole: bool
) -> None:
    refused: Native = {"code": "INVALID_DATA", "details": details, "message": "no", "status": "error"}
    for method in ("PUT", "DELETE"):
        server.on(method, "/crm/v8/Accounts", said(refused if whole else {"data": [refused]}, 400))
    server.on("GET", "/crm/v8/Accounts", lambda _: NOTHING)
    zoho = server.connect()

    update = WriteRequest("Accounts", "update", [WriteItem({"Name": "n"}, id=str(FIRST))])
    (updated,) = await zoho.write(update)
    (deleted,) = await zoho.write(WriteRequest("Accounts", "delete", [WriteItem(id=str(FIRST))]))

    assert updated.problem is not None
    assert (updated.status, updated.problem.missing) == ("rejected", True)
    assert deleted.status == "deleted"


# ── modules that can do less ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "refused",
    [
        refusal("INVALID_MODULE"),
        refusal("NOT_SUPPORTED"),
        refusal("INVALID_DATA", param_name="module"),
        refusal("OAUTH_SCOPE_MISMATCH", 401),
        refusal("NO_PERMISSION", 403),
    ],
)
async def test_one_module_that_cannot_be_described_hides_no_other(server: OtherServer, refused: Says) -> None:
    known = fields_of(Name="text")
    server.on("GET", "/crm/v8/settings/modules", said({"modules": []}))
    server.on(
        "GET",
        "/crm/v8/settings/fields",
        lambda one: refused if one.params["module"] == "Leads" else known(one),
    )

    objects = (await server.connect().capabilities()).objects

    assert "Leads" not in objects
    assert {"Accounts", "Contacts", "Deals", "Tasks"} <= objects.keys()


async def test_changes_of_a_module_without_a_list_of_deleted_records_are_read(server: OtherServer) -> None:
    heard: list[str] = []
    server.events.subscribe(lambda event: heard.append(event.name))
    server.on("GET", r"/crm/v8/\w+/deleted", lambda _: refusal("NOT_SUPPORTED"))
    zoho = server.connect()
    first = await pages_of(zoho, "Accounts", "Name")
    server.on("POST", "/crm/v8/coql", said({"data": [record(1, Name="n")]}))

    pages = await pages_of(zoho, "Accounts", "Name", since=first[-1].checkpoint)

    assert [row["Name"] for page in pages for row in page.upserts] == ["n"]
    assert "read.deletions_uncertain" in heard


async def test_a_deletion_whose_time_is_not_told_stops_no_read_of_changes(server: OtherServer) -> None:
    gone: Native = {"id": str(FIRST + 5), "deleted_time": None, "deleted_by": None}
    server.on("GET", r"/crm/v8/\w+/deleted", said({"data": [gone], "info": {"more_records": False}}))
    zoho = server.connect()
    first = await pages_of(zoho, "Accounts", "Name")

    pages = await pages_of(zoho, "Accounts", "Name", since=first[-1].checkpoint)

    assert [(one.id, one.at) for page in pages for one in page.deletes] == [(str(FIRST + 5), None)]


async def test_stages_are_told_by_the_choices_where_pipelines_are_not_supported(server: OtherServer) -> None:
    stage: Native = {
        "api_name": "Stage",
        "data_type": "picklist",
        "pick_list_values": [{"display_value": "Closed Won", "actual_value": "Closed Won"}],
    }
    server.on("GET", "/crm/v8/settings/fields", said({"fields": [stage]}))
    server.on("GET", "/crm/v8/settings/layouts", said({"layouts": [{"id": "5"}]}))
    server.on("GET", "/crm/v8/settings/pipeline", lambda _: refusal("INVALID_DATA"))

    (page,) = await pages_of(server.connect(), "stages")

    assert [(row["id"], row["outcome"]) for row in page.upserts] == [("Closed Won", "won")]


@pytest.mark.parametrize("count", [25, "25"])
async def test_a_count_may_be_told_as_text(server: OtherServer, count: Value) -> None:
    server.on("GET", "/crm/v8/settings/fields", fields_of(Name="text"))
    server.on("GET", "/crm/v8/Accounts/actions/count", said({"count": count}))

    assert await server.connect().count("Accounts") == 25

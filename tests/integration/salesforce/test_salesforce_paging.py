"""Pages ahead of their reader, cursors that have ended, and queries that are too much for Salesforce."""

from __future__ import annotations

import json
import re
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import pytest
from starlette.responses import JSONResponse, Response

from crmhub.connector import ReadRequest
from crmhub.errors import BadRequest, Unavailable
from crmhub.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from starlette.requests import Request

    from crmhub.connector import Page
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

QUERY = "/query"
THREE_DAYS = timedelta(days=3).total_seconds()


async def numbers_of_calls(world: World, pages: AsyncGenerator[Page]) -> tuple[int, list[int]]:
    """How many records came, and how many queries had been sent when all waited for the reader."""
    (org,) = world.orgs
    records, sent = 0, list[int]()
    async with ahead(pages) as reading:
        async for page in reading:
            records += len(page.upserts)
            await anyio.wait_all_tasks_blocked()
            sent.append(len(org.calls(QUERY)))
    return records, sent


@pytest.mark.parametrize("way", ["keyset", "locator"])
async def test_the_next_page_is_asked_for_while_one_is_worked_on(make_org: World, way: str) -> None:
    org = make_org({"Account": 7}, settings={"page_rows": "2"})
    connector = org.connect(page_size=2)
    await connector.describe("Account")
    by_keyset = connector.read(ReadRequest("Account", ("Name",)))
    pages = by_keyset if way == "keyset" else connector.query("SELECT Id FROM Account")
    assert await numbers_of_calls(make_org, pages) == (7, [2, 3, 4, 4])


async def test_changes_behind_the_page_ahead_are_found_by_the_next_read(make_org: World) -> None:
    org = make_org({"Account": 6})
    connector, seen = org.connect(page_size=2), org.mirror("Name")
    ids = sorted(org.truth("Account"))
    async with ahead(connector.read(ReadRequest("Account", ("Name",)))) as pages:
        async for page in pages:
            await anyio.wait_all_tasks_blocked()
            seen.take(page)
            if len(seen.rows) == 2:
                org.clock.advance(1)
                await org.change([ids[2]], Name="changed after it was fetched")
                await org.remove([ids[3]])
    assert seen.rows != org.truth("Account", "Name")
    await seen.follow(connector)
    assert seen.rows == org.truth("Account", "Name")


async def test_a_cursor_that_has_ended_tells_how_to_go_on(make_org: World) -> None:
    org = make_org({"Account": 5}, settings={"page_rows": "2"})
    async with aclosing(org.connect().query("SELECT Id FROM Account ORDER BY Id")) as pages:
        first = await anext(pages)
        org.clock.advance(THREE_DAYS)
        with pytest.raises(BadRequest, match="cursor is no longer known") as caught:
            await anext(pages)
    assert caught.value.code == "INVALID_QUERY_LOCATOR"
    assert "WHERE Id > " in (caught.value.hint or "")
    rest = org.connect().query(f"SELECT Id FROM Account WHERE Id > '{first.upserts[-1]['Id']}' ORDER BY Id")
    ids = [row["Id"] for row in first.upserts] + [row["Id"] async for page in rest for row in page.upserts]
    assert ids == sorted(org.truth("Account"))


async def test_a_read_that_rests_for_days_needs_no_cursor(make_org: World) -> None:
    org = make_org({"Account": 7}, settings={"page_rows": "2"})
    ids = list[object]()
    async with aclosing(org.connect(page_size=3).read(ReadRequest("Account", ("Name",)))) as pages:
        async for page in pages:
            ids += [row["Id"] for row in page.upserts]
            org.clock.advance(THREE_DAYS)
    assert ids == sorted(org.truth("Account"))


# ── queries that are too much ────────────────────────────────────────────────────────────────────


def narrowed(org: Org) -> list[object]:
    """The page sizes that reads were narrowed to."""
    return [event.detail["rows"] for event in org.heard if event.name == "read.narrowed"]


async def test_a_query_that_takes_too_long_is_asked_again_for_fewer_rows(make_org: World) -> None:
    org = make_org({"Account": 310}, settings={"query_timeout_above": "60"})
    connector, seen = org.connect(page_size=200), org.mirror("Name")
    await connector.describe("Account")
    came = await seen.follow(connector)
    assert [row["Id"] for row in came] == sorted(org.truth("Account"))
    assert narrowed(org)[:2] == [100, 50]
    org.clock.advance(3600)
    await org.add(130)
    assert len(await seen.follow(connector)) == 130
    assert seen.rows == org.truth("Account", "Name")


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "OPERATION_TOO_LARGE"])
async def test_pages_grow_again_when_the_trouble_is_over(make_org: World, code: str) -> None:
    org = make_org({"Account": 600})
    sizes, troubles = list[int](), [True, True]

    def instead(request: Request, _: bytes) -> Response | None:
        if (found := re.search(r"LIMIT (\d+)", request.query_params.get("q", ""))) is None:
            return None
        sizes.append(int(found[1]))
        refusal = [{"errorCode": code, "message": "Your query request was running for too long."}]
        return JSONResponse(refusal, 400) if troubles and troubles.pop() else None

    org.instead = instead
    seen = org.mirror("Name")
    await seen.follow(org.connect(page_size=100))
    assert seen.rows == org.truth("Account", "Name")
    assert sizes == [100, 50, 25, 25, 25, 25, 50, 50, 50, 50, *[100] * 4]


async def test_a_query_that_is_too_long_whatever_its_size_fails_as_such(make_org: World) -> None:
    org = make_org({"Account": 60}, settings={"query_timeout_above": "1"})
    with pytest.raises(BadRequest, match="took too long") as caught:
        await org.pages(org.connect(page_size=50), "Account", "Name")
    assert caught.value.code == "QUERY_TIMEOUT"
    assert narrowed(org) == [25]


# ── more fields than a query takes ───────────────────────────────────────────────────────────────


async def test_a_query_with_too_many_fields_is_read_in_parts(make_org: World) -> None:
    org = make_org({"Account": 25}, settings={"query_fields_above": "20"})
    connector = org.connect(page_size=10, bulk_read_from=None)
    fields = [*(await connector.describe("Account")).fields, "Owner.Email", "Owner.Name", "Parent.Name"]
    assert len(fields) > 40
    plain = make_org({"Account": 25})
    expected = [page.upserts for page in await plain.pages(plain.connect(page_size=10), "Account", *fields)]
    pages = await org.pages(connector, "Account", *fields)
    assert [page.upserts for page in pages] == expected
    assert await connector.get("Account", [str(expected[0][0]["Id"])], fields) == expected[0][:1]
    (told, *_) = [event.detail for event in org.heard if event.name == "read.parted"]
    assert told["cause"] == "QUERY_TOO_COMPLICATED"


async def test_hundreds_of_fields_with_long_names_go_by_as_few_queries_as_can_be(
    make_org: World, tmp_path: Path
) -> None:
    names = [f"Quite_a_long_name_of_a_custom_field_{at:03}__c" for at in range(700)]
    schema = tmp_path / "wide.json"
    fields = [{"name": name, "type": "Text"} for name in names]
    schema.write_text(json.dumps({"Account": fields}), "utf-8")
    org = make_org({"Account": 3}, schema=schema)
    connector = org.connect()
    parent, child, _ = sorted(org.truth("Account"))
    await org.change([parent], **{name: f"parent {name}" for name in names})
    await org.change([child], ParentId=parent, **{name: f"child {name}" for name in names})
    (page,) = await org.pages(connector, "Account", *names)  # too long for a URL, not for a statement
    own = {row["Id"]: row for row in page.upserts}
    assert {name: own[child][name] for name in names} == {name: f"child {name}" for name in names}
    assert (len(org.calls(QUERY)), len(org.calls("/composite"))) == (0, 3)  # two of them for the changes
    paths = [f"{up}{name}" for up in ("", "Parent.", "Parent.Parent.") for name in names]
    assert sum(map(len, paths)) > 100_000
    (page,) = await org.pages(connector, "Account", *paths)
    assert len(org.calls("/composite")) == 6  # three parts
    rows = {row["Id"]: row for row in page.upserts}
    held = rows[child]
    assert {name: held[name] for name in names} == {name: f"child {name}" for name in names}
    assert isinstance(held["Parent"], dict)
    assert held["Parent"]["Parent"] is None
    assert {name: held["Parent"][name] for name in names} == {name: f"parent {name}" for name in names}
    assert rows[parent]["Parent"] is None
    assert await connector.get("Account", [child], paths) == [held]


async def test_a_query_that_is_too_complicated_with_one_field_fails_as_such(make_org: World) -> None:
    org = make_org({"Account": 3}, settings={"query_fields_above": "1"})
    deep = "Owner.Manager.Manager.Manager.Manager.Email"
    fields = (*(f"Parent.Parent.Parent.Parent.Parent.{name}" for name in ("Name", "Site", "Fax")), deep)
    for paths in (fields, ("Name",)):
        with pytest.raises(BadRequest, match="too complicated") as caught:
            await org.pages(org.connect(), "Account", *paths)
        assert caught.value.code == "QUERY_TOO_COMPLICATED"
        with pytest.raises(BadRequest, match="too complicated"):
            await org.connect().get("Account", [min(org.truth("Account"))], paths)


async def test_records_that_change_between_the_parts_are_neither_lost_nor_mixed(make_org: World) -> None:
    org = make_org({"Account": 6}, settings={"query_fields_above": "12"})
    connector = org.connect(page_size=4, bulk_read_from=None)
    fields = [name for name in (await connector.describe("Account")).fields if name != "LastModifiedDate"]
    edited, deleted, purged = sorted(org.truth("Account"))[:3]
    seen = org.mirror(*fields)
    changes = [
        lambda: org.change([edited], Name="new", Fax="new"),
        lambda: org.remove([deleted]),
        lambda: org.remove([purged]),
        lambda: org.change([edited], Name="newer", Fax="newer"),
    ]
    parts = 0

    async def between(request: Request) -> None:
        nonlocal parts
        parts += "Id IN (" in request.query_params.get("q", "")
        if parts > 1 and changes and "Id IN (" in request.query_params.get("q", ""):
            org.clock.advance(2)
            await changes.pop(0)()

    org.before = between
    await seen.follow(connector)
    assert not changes
    both = {(row[1 + fields.index("Name")], row[1 + fields.index("Fax")]) for row in seen.rows.values()}
    assert ("newer", "newer") in both
    assert not [pair for pair in both if "new" in pair]
    assert seen.rows == org.truth("Account", *fields)
    org.clock.advance(3600)
    await seen.follow(connector)
    assert seen.rows == org.truth("Account", *fields)


async def test_a_record_that_never_holds_still_is_told(make_org: World) -> None:
    org = make_org({"Account": 2}, settings={"query_fields_above": "12"})
    connector = org.connect(bulk_read_from=None)
    fields = tuple((await connector.describe("Account")).fields)
    busy = min(org.truth("Account"))

    async def between(request: Request) -> None:
        if "Id IN (" in request.query_params.get("q", ""):
            org.clock.advance(2)
            await org.change([busy], Name="again")

    org.before = between
    with pytest.raises(Unavailable, match="change faster than they can be read"):
        await org.pages(connector, "Account", *fields)

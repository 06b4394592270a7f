"""Pages ahead of their reader, cursors that have ended, and queries that are too much for Salesforce."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import pytest

from crmhub.connector import ReadRequest
from crmhub.errors import BadRequest
from crmhub.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from crmhub.connector import Page
    from tests.integration.salesforce.conftest import World

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

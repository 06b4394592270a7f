"""Full reads by ranges of ids at once: nothing missed, few calls, whatever lies between the ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmhub.connector import Checkpoint, Page, ReadRequest
from crmhub.errors import BadRequest, BadResponse, ConnectorError

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"


class Watch:
    """The double behind a counter of the queries under way. ``refuse``: which one is answered by a fault.

    ``instead``: which query is answered with what another one was, by number from 1.
    """

    def __init__(self, org: Org) -> None:
        self.most = 0
        self.refuse = 0
        self.instead: dict[int, int] = {}
        self._number = 0
        self._now = 0
        self._said: dict[int, list[Message]] = {}
        self._app: ASGIApp = org.double.app
        org.double.app = self  # pyright: ignore[reportAttributeAccessIssue]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "/coql" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        self._number += 1
        number = self._number
        self._now += 1
        self.most = max(self.most, self._now)
        for _ in range(20):  # the others have their turn
            await anyio.lowlevel.checkpoint()
        self._now -= 1
        if number == self.refuse:
            await HTMLResponse("<h1>Request blocked</h1>", 400)(scope, receive, send)
        elif number in self.instead:
            for message in self._said[self.instead[number]]:
                await send(message)
        else:
            await self._app(scope, receive, self._kept(number, send))

    def _kept(self, number: int, send: Send) -> Send:
        said = self._said.setdefault(number, [])

        async def keep(message: Message) -> None:
            said.append(message)
            await send(message)

        return keep


async def thinned(org: Org, *, keep: float) -> None:
    """Most records of the middle deleted, so that the ids do not lie evenly."""
    ids = sorted(org.truth("Accounts"))
    middle = ids[len(ids) // 3 : -len(ids) // 5]
    gone = middle[int(len(middle) * keep) :]
    for start in range(0, len(gone), 100):
        await org.remove("Accounts", gone[start : start + 100])


async def read(
    org: Org, page_size: int, *, since: Checkpoint | None = None, concurrency: int = 5
) -> list[Page]:
    connector = org.connect(concurrency=concurrency)
    return await org.pages(connector, "Accounts", NAME, since=since, page_size=page_size)


def ids_of(pages: list[Page]) -> list[str]:
    return sorted(str(row["id"]) for page in pages for row in page.upserts)


@pytest.mark.parametrize("concurrency", [1, 2, 5, 25])
@pytest.mark.parametrize("rows", [20, 21, 30, 31, 99, 251])
async def test_all_records_come_once_in_as_few_calls_as_there_are_pages(
    make_org: World, rows: int, concurrency: int
) -> None:
    org = make_org({"Accounts": rows})
    pages = await read(org, 10, concurrency=concurrency)
    assert ids_of(pages) == sorted(org.truth("Accounts"))
    assert len(org.calls("/coql")) == -(-rows // 10)


@pytest.mark.parametrize("concurrency", [1, 3, 10])
@pytest.mark.parametrize("keep", [0.0, 0.03, 0.5])
async def test_gaps_between_the_ids_cost_few_calls_and_no_record(
    make_org: World, keep: float, concurrency: int
) -> None:
    org = make_org({"Accounts": 600})
    await thinned(org, keep=keep)
    left = sorted(org.truth("Accounts"))
    pages = await read(org, 10, concurrency=concurrency)
    assert ids_of(pages) == left
    needed = -(-len(left) // 10)
    assert len(org.calls("/coql")) <= needed + 4 + needed // 25


async def test_5000_records_need_three_queries_and_50000_need_25(make_org: World) -> None:
    for rows, queries in ((2_000, 1), (5_000, 3), (50_000, 25)):
        org = make_org({"Accounts": rows})
        pages = await read(org, 2_000)
        assert len(set(ids_of(pages))) == rows
        assert len(org.calls("/crm/")) == queries + 1, "and one for the fields"


async def test_as_many_pages_come_at_once_as_the_connection_allows(make_org: World) -> None:
    org = make_org({"Accounts": 120})
    queries = Watch(org)
    await read(org, 10, concurrency=4)
    assert queries.most == 4
    org = make_org({"Accounts": 300})
    queries = Watch(org)
    await read(org, 10, concurrency=25)
    assert queries.most <= 10, "heavy calls at once, in every edition"


@pytest.mark.parametrize("keep", [0.0, 0.5])
async def test_a_read_that_ends_at_any_page_goes_on_there_and_misses_nothing(
    make_org: World, keep: float
) -> None:
    org = make_org({"Accounts": 130})
    await thinned(org, keep=keep)
    whole = org.mirror(NAME)
    await whole.follow(org.connect(), "Accounts", page_size=5)
    truth = org.truth("Accounts", NAME)
    for stop in range(1, len(whole.pages)):
        resumed = org.mirror(NAME)
        for page in whole.pages[:stop]:
            resumed.take(Page(page.upserts, page.deletes, json.loads(json.dumps(page.checkpoint))))
        before = len(org.calls("/coql"))
        await resumed.follow(org.connect(), "Accounts", page_size=5)
        assert resumed.rows == truth
        assert len(org.calls("/coql")) - before <= len(whole.pages) - stop + 4, "nothing is read twice"


async def test_a_read_that_goes_on_later_also_gives_what_has_come_since(make_org: World) -> None:
    org = make_org({"Accounts": 60})
    seen = org.mirror(NAME)
    await seen.follow(org.connect(), "Accounts", page_size=10)
    org.clock.advance(86_400)
    added = await org.add("Accounts", 12)
    for page in seen.pages[:-1]:
        came = ids_of(await read(org, 10, since=page.checkpoint))
        assert set(added) <= set(came)
        assert len(came) == len(set(came))


async def test_a_call_that_fails_in_the_middle_loses_nothing(make_org: World) -> None:
    org = make_org({"Accounts": 200})
    for number in range(1, 20, 2):
        seen, calls = org.mirror(NAME), Watch(org)
        calls.refuse = number
        with pytest.raises(ConnectorError):
            await seen.follow(org.connect(), "Accounts", page_size=10)
        await seen.follow(org.connect(), "Accounts", page_size=10)
        assert seen.rows == org.truth("Accounts", NAME)


async def test_a_reader_that_stops_early_leaves_nothing_running(make_org: World) -> None:
    org = make_org({"Accounts": 200})
    pages = org.connect().read(ReadRequest("Accounts", (NAME,), page_size=10))
    for _ in range(4):
        await anext(pages)
    before = len(org.calls())
    await pages.aclose()
    await anyio.wait_all_tasks_blocked()
    assert len(org.calls()) == before


async def test_pages_may_be_taken_by_different_tasks(make_org: World) -> None:
    org = make_org({"Accounts": 100})
    pages = org.connect().read(ReadRequest("Accounts", (NAME,), page_size=10))
    found: list[Page] = []

    async def take() -> None:
        found.append(await anext(pages))

    for _ in range(10):
        async with anyio.create_task_group() as group:
            group.start_soon(take)
    await pages.aclose()
    assert ids_of(found) == sorted(org.truth("Accounts"))


async def test_a_checkpoint_of_one_range_as_it_was_before_still_loads(make_org: World) -> None:
    org = make_org({"Accounts": 60})
    ids = sorted(org.truth("Accounts"))
    old: Checkpoint = {
        "v": 1,
        "object": "Accounts",
        "mode": "full",
        "id": ids[9],
        "began": "2026-01-01T00:00:00+00:00",
    }
    pages = await read(org, 10, since=old)
    assert ids_of(pages) == ids[10:]
    assert pages[-1].checkpoint is not None
    assert pages[-1].checkpoint["mode"] == "changes"


@pytest.mark.parametrize("ranges", [[], [["1"]], ["1"], [["1", "x"]], {"a": 1}, [["1", 2]], None])
async def test_a_damaged_checkpoint_is_refused(make_org: World, ranges: object) -> None:
    org = make_org({"Accounts": 1})
    saved: Mapping[str, object] = {
        "v": 1,
        "object": "Accounts",
        "mode": "full",
        "ranges": ranges,
        "began": "2026-01-01T00:00:00+00:00",
    }
    with pytest.raises(BadRequest, match="it is damaged"):
        await read(org, 10, since=json.loads(json.dumps(saved)))


async def test_changes_anywhere_during_a_read_by_ranges_are_right_in_the_end(make_org: World) -> None:
    org = make_org({"Accounts": 100})
    connector, seen = org.connect(), org.mirror(NAME)
    pages = connector.read(ReadRequest("Accounts", (NAME,), page_size=10))
    ids = sorted(org.truth("Accounts"))
    for number in range(5):
        seen.take(await anext(pages))
        org.clock.advance(120)
        await org.change("Accounts", ids[number::17], Account_Name=f"During {number}")
        await org.remove("Accounts", ids[number + 5 :: 23])
        await org.add("Accounts", 3)
        left = set(org.truth("Accounts"))
        ids = [one for one in ids if one in left]
    async for page in pages:
        seen.take(page)
    await seen.follow(connector, "Accounts")
    assert seen.rows == org.truth("Accounts", NAME)


async def test_an_answer_outside_of_its_range_is_refused(make_org: World) -> None:
    org = make_org({"Accounts": 100})
    calls = Watch(org)
    calls.instead = {4: 2}  # the fourth query is answered with what the second one was
    with pytest.raises(BadResponse, match="not advancing"):
        await read(org, 10)

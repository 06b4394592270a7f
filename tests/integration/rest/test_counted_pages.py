"""Pages by offset or number, while records come and go: none is passed over, and no read is endless."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from crmhub.clock import ManualClock
from crmhub.connector import Checkpoint, Connector, ReadRequest
from crmhub.errors import BadResponse, ConfigError
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.powers import SupportsEstimate
from crmhub.usage import Planned
from crmhub_rest.connector import connector
from crmhub_rest.language.load import parse

pytestmark = pytest.mark.anyio
SHELF = """\
crm: shelf
version: 1
title: Shelf
settings: {key: {type: secret, required: true, about: The key.}}
base_url: http://localhost
auth: [{bearer: "${key}"}]
objects:
  items:
    modified: changed
    fields: {id: text read_only, changed: datetime read_only}
    changes: all
    list: {get: /items, rows: data, page: PAGE}
"""
PAGES = (
    "{offset: skip, size: {limit: 5}}",
    "{offset: skip, size: {limit: 5}, total: total}",
    "{offset: skip}",
    "{number: page, size: {limit: 5}}",
    "{number: page, first: 0, size: {limit: 5}, total: total}",
)


class Shelf:
    """Items in an order that moves as they change. While it is ``busy``, each call is followed by edits."""

    def __init__(self, seed: int, order: str) -> None:
        self.random, self.order, self.busy = Random(seed), order, True
        self.now, self.count = datetime(2026, 1, 1, tzinfo=UTC), 0
        self.items: dict[int, datetime] = {}
        self.calls: list[str] = []
        self.first, self.deaf = 1, False
        for _ in range(30):
            self.add()
        self.app = Starlette(routes=[Route("/items", self._list)])

    def add(self) -> None:
        self.count, self.now = self.count + 1, self.now + timedelta(seconds=1)
        self.items[self.count] = self.now

    def edit(self) -> None:
        for _ in range(self.random.choice([0, 0, 1, 2])):
            what, id_ = self.random.choice(["go", "change", "come"]), self.random.choice([*self.items])
            if what == "go":
                del self.items[id_]
            elif what == "come":
                self.add()
            else:
                self.now += timedelta(seconds=1)
                self.items[id_] = self.now

    def ordered(self) -> list[int]:
        by_time = sorted(self.items, key=lambda id_: (self.items[id_], id_))
        return {"made": sorted(self.items), "oldest": by_time, "newest": by_time[::-1]}[self.order]

    async def _list(self, request: Request) -> JSONResponse:
        asked = request.query_params
        self.calls.append(request.url.query)
        size = int(asked.get("limit", "5"))
        start = int(asked.get("skip", "0")) + (int(asked.get("page", self.first)) - self.first) * size
        ids = self.ordered()
        rows = [
            {"id": id_, "changed": self.items[id_].isoformat()}
            for id_ in ids[0 if self.deaf else start :][:size]
        ]
        date = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        reply = JSONResponse({"data": rows, "total": len(ids)}, headers={"date": date})
        if self.busy:
            self.edit()
        return reply


class Copy:
    """What has come of a shelf."""

    def __init__(self) -> None:
        self.rows: dict[str, object] = {}
        self.times: dict[str, int] = {}
        self.checkpoint: Checkpoint | None = None

    async def follow(self, connector: Connector, pages: int = 1_000) -> None:
        left = pages
        async with aclosing(connector.read(ReadRequest("items", (), since=self.checkpoint))) as read:
            async for page in read:
                for row in page.upserts:
                    self.rows[str(row["id"])] = row["changed"]
                    self.times[str(row["id"])] = self.times.get(str(row["id"]), 0) + 1
                self.checkpoint = page.checkpoint or self.checkpoint
                left -= 1
                if left == 0:
                    return

    def demand_all(self, shelf: Shelf) -> None:
        known = {str(id_): at.isoformat() for id_, at in shelf.items.items()}
        assert {id_: self.rows.get(id_) for id_ in known} == known


@asynccontextmanager
async def opened(shelf: Shelf, page: str) -> AsyncGenerator[Connector]:
    shelf.first = 0 if "first: 0" in page else 1
    described = connector(parse(SHELF.replace("PAGE", page), "shelf.yaml"))
    async with Hub(transports={"shelf": asgi_transport(shelf.app)}, clock=ManualClock()) as hub:
        yield hub.add("shelf", described, key="a-key-of-the-shelf").connector


@pytest.mark.parametrize("page", PAGES)
async def test_records_that_shift_while_pages_are_read_are_not_passed_over(page: str) -> None:
    for seed, order in ((seed, order) for seed in (0, 1) for order in ("made", "oldest", "newest")):
        shelf, copy = Shelf(seed, order), Copy()
        async with opened(shelf, page) as shop:
            await copy.follow(shop)
            shelf.busy = False
            await copy.follow(shop)
        copy.demand_all(shelf)


@pytest.mark.parametrize("page", PAGES)
async def test_a_read_goes_on_where_it_stood_even_when_rows_have_shifted_meanwhile(page: str) -> None:
    for gone in ((), (1, 2), (9, 10, 11, 12)):
        shelf, copy = Shelf(0, "made"), Copy()
        shelf.busy = False
        async with opened(shelf, page) as shop:
            await copy.follow(shop, pages=2)
            for id_ in gone:
                del shelf.items[id_]
            await copy.follow(shop)
        copy.demand_all(shelf)
        assert gone or set(copy.times.values()) == {1}


@pytest.mark.parametrize("page", [*PAGES, "{number: page}"])
async def test_a_page_parameter_that_the_crm_does_not_know_is_named(page: str) -> None:
    shelf = Shelf(0, "made")
    shelf.busy, shelf.deaf = False, True
    async with opened(shelf, page) as shop:
        with pytest.raises(BadResponse, match="the read is not advancing"):
            await Copy().follow(shop)
    assert len(shelf.calls) <= 4


async def test_what_a_place_remembers_is_not_sent() -> None:
    shelf = Shelf(0, "made")
    shelf.busy = False
    async with opened(shelf, PAGES[0]) as shop:
        await Copy().follow(shop)
    assert shelf.calls[1] == "skip=4&limit=5"


def test_an_offset_cannot_count_records_that_stand_inside_of_others() -> None:
    text = SHELF.replace("page: PAGE", "page: {offset: skip}, nested: {at: parts}")
    with pytest.raises(ConfigError, match="an offset counts rows, and nested gives others"):
        parse(text, "shelf.yaml")


@pytest.mark.parametrize("page", PAGES)
async def test_any_number_of_records_comes_once_by_pages_of_any_size(page: str) -> None:
    for size, count in ((1, 3), (2, 5), (3, 12), (4, 13), (5, 25), (5, 26), (7, 30), (40, 30)):
        if "size" not in page and size != 5:
            continue
        shelf, copy = Shelf(0, "made"), Copy()
        shelf.busy = False
        shelf.items = {id_: at for id_, at in shelf.items.items() if id_ <= count}
        async with opened(shelf, page.replace("limit: 5", f"limit: {size}")) as shop:
            await copy.follow(shop)
            calls = len(shelf.calls)
            assert isinstance(shop, SupportsEstimate)
            told = await shop.estimate(Planned("read", "items", count, ()))
            assert "size" not in page or told.calls == calls
        copy.demand_all(shelf)
        assert set(copy.times.values()) == {1}

"""Calls that another library makes for a connection wait for its limits, and count."""

from __future__ import annotations

from random import Random

import anyio
import httpx
import pytest

from crmhub.clock import ManualClock
from crmhub.errors import RateLimited, Unavailable
from crmhub.events import Event, Events
from crmhub.http import HttpClient, HttpSettings, Limit

pytestmark = pytest.mark.anyio


class Crm:
    """A CRM that answers everything, and one connection to it by which things are sent in two ways."""

    def __init__(self, *limits: Limit, concurrency: int = 10) -> None:
        self.clock = ManualClock()
        self.times: list[tuple[str, float]] = []
        self.heard: list[Event] = []
        self.failing: list[Exception] = []
        events = Events(self.clock)
        events.subscribe(self.heard.append)
        self.client = HttpClient(
            HttpSettings("https://crm.test", limits=limits, concurrency=concurrency, retry_budget=60.0),
            connection="crm",
            clock=self.clock,
            events=events,
            random=Random(1),
            transport=httpx.MockTransport(self._answer),
        )

    async def by_http(self, endpoint: str = "default", cost: int = 1) -> None:
        await self.client.request("GET", "/v1/x", endpoint=endpoint, cost=cost)

    async def by_tool(self, endpoint: str = "default", cost: int = 1) -> str:
        return await self.client.elsewhere(
            self._send, way="MCP", name="get_record", endpoint=endpoint, cost=cost
        )

    async def _send(self) -> str:
        self.times.append(("tool", self.clock.monotonic()))
        if self.failing:
            raise self.failing.pop(0)
        return "done"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        del request
        self.times.append(("http", self.clock.monotonic()))
        return httpx.Response(200, json={})


async def test_both_ways_spend_one_allowance() -> None:
    crm = Crm(Limit("second", rate=1, burst=1))
    await crm.by_http()
    assert await crm.by_tool() == "done"
    await crm.by_tool(cost=3)
    await crm.by_http()
    assert crm.times == [("http", 0.0), ("tool", 1.0), ("tool", 2.0), ("http", 3.0)]


async def test_a_class_of_calls_has_its_own_limit() -> None:
    crm = Crm(Limit("heavy", rate=1, per=10, endpoints=frozenset({"bulk"})))
    for endpoint in ("bulk", "default", "bulk"):
        await crm.by_tool(endpoint)
    assert [at for _, at in crm.times] == [0.0, 0.0, 10.0]


async def test_no_more_are_under_way_than_the_connection_may_have() -> None:
    crm = Crm(concurrency=2)
    under_way = 0
    most = 0

    async def send() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await anyio.lowlevel.checkpoint()
        under_way -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(lambda: crm.client.elsewhere(send, way="MCP", name="get_record"))
    assert most == 2


async def test_after_too_many_calls_both_ways_pause_and_the_call_is_made_again() -> None:
    crm = Crm()
    crm.failing = [RateLimited("too fast", retry_after=7.0)]
    assert await crm.by_tool() == "done"
    assert [at for _, at in crm.times] == [0.0, pytest.approx(7.0)]
    (retried,) = [event.detail for event in crm.heard if event.name == "http.retry"]
    assert (retried["method"], retried["path"], retried["error"]) == ("MCP", "get_record", "RateLimited")


async def test_a_pause_that_is_too_long_is_told_and_keeps_the_other_way_waiting_too() -> None:
    crm = Crm()
    crm.failing = [RateLimited("too fast", retry_after=90.0)]
    with pytest.raises(RateLimited):
        await crm.by_tool()
    with pytest.raises(RateLimited, match="pause"):
        await crm.by_http()
    assert len(crm.times) == 1


async def test_whatever_else_goes_wrong_comes_out_at_once() -> None:
    crm = Crm(concurrency=1)
    crm.failing = [Unavailable("gone"), ValueError("broken")]
    with pytest.raises(Unavailable, match="gone"):
        await crm.by_tool()
    with pytest.raises(ValueError, match="broken"):
        await crm.by_tool()
    assert await crm.by_tool() == "done"  # the place among the calls under way was given back

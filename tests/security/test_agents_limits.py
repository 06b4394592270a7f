"""Threat 19: an agent that gets more than its share: in bursts, in pages, by several ways at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import anyio
import pytest

from crmhub.agent.answers import Refused
from crmhub.agent.gate import Reply
from crmhub.agent.identity import Agent
from crmhub.agent.limits import Meters
from crmhub.agent.policy.language import Limits
from crmhub.clock import ManualClock
from crmhub.store import Store
from tests.agents import BOT, ORIGIN, Origin, gate_to, hub_of_two

pytestmark = pytest.mark.anyio


def error_of(reply: Reply) -> Mapping[str, object]:
    return cast("Mapping[str, object]", reply.structured.get("error", {}))


async def test_bursts_over_two_servers_and_two_transports_share_one_budget(tmp_path: Path) -> None:
    said: Counter[object] = Counter()
    async with hub_of_two(tmp_path) as hub:
        gates = [await gate_to(hub, limits={"calls_per_minute": 30}) for _ in range(2)]  # as two processes

        async def burst(number: int) -> None:
            origin = Origin("http" if number % 3 else "stdio", request=str(number), session=str(number))
            agent = Agent("bot", subject=f"person{number}")
            reply = await gates[number % 2].call(agent, "get_person", {"id": "p1"}, origin=origin)
            said[error_of(reply).get("code", "ok")] += 1

        async with anyio.create_task_group() as group:
            for number in range(80):
                group.start_soon(burst, number)
        reply = await gates[0].call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
        assert error_of(reply)["retryable"] is True
        assert 0 < cast("int", error_of(reply)["retry_after_s"]) <= 61
        cast("ManualClock", hub.clock).advance(62)
        again = await gates[0].call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
    assert said == {"ok": 30, "limit_reached": 50}
    assert not again.is_error


async def test_calls_that_are_refused_count_too(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, limits={"calls_per_minute": 3})
        codes = [
            error_of(await gate.call(BOT, name, given, origin=ORIGIN)).get("code")
            for name, given in [("nothing", {}), ("get_person", {}), ("get_person", {"id": "p1"})] * 2
        ]
    assert codes == ["unknown_tool", "invalid_arguments", None, *["limit_reached"] * 3]


async def test_many_small_pages_are_counted_as_the_records_that_they_are(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, limits={"records_per_hour": 3})
        asked: dict[str, object] = {"connection": "north", "limit": 1}
        seen = 0
        while True:
            reply = await gate.call(BOT, "find_people", asked, origin=ORIGIN)
            if reply.is_error:
                break
            seen += len(cast("list[object]", reply.structured["people"]))
            asked["cursor"] = str(reply.structured["next_cursor"])
        assert seen <= 3
        assert error_of(reply)["code"] == "limit_reached"


async def test_no_write_beyond_the_days_is_made(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, limits={"writes_per_day": 2})
        replies = [await gate.call(BOT, "write_it", {}, origin=ORIGIN) for _ in range(4)]
        none = await gate_to(hub, limits={"writes_per_day": 0})
        replies.append(await none.call(BOT, "write_it", {}, origin=ORIGIN))
    assert [error_of(reply).get("code") for reply in replies] == [None, None, *["limit_reached"] * 3]


async def test_the_crms_own_allowance_is_limited_by_what_calls_will_cost(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, limits={"credits_per_day": 5})
        replies = [await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN) for _ in range(7)]
    codes = [error_of(reply).get("code") for reply in replies]
    assert codes[0] is None
    assert codes[-1] == "limit_reached"


async def test_a_lot_that_a_process_took_is_never_more_than_there_is(
    store: Store, clock: ManualClock
) -> None:
    limits = Limits(records_per_hour=1_000)
    meters = [Meters(store.budgets, clock).of("bot", limits) for _ in range(3)]
    given = 0
    for turn in range(1_500):
        try:
            await meters[turn % 3].records(7)
            given += 7
        except Refused:
            break
    assert 1_000 - 3 * 50 <= given <= 1_000

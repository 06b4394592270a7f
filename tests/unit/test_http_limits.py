from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from crmhub.clock import ManualClock
from crmhub.errors import ConfigError, RateLimited
from crmhub.http import Limit
from crmhub.http.limits import Limits

pytestmark = pytest.mark.anyio


class Told:
    """Hears what is waited for."""

    def __init__(self) -> None:
        self.waits: list[tuple[str, str, float]] = []

    def __call__(self, endpoint: str, limit: str, seconds: float) -> None:
        self.waits.append((endpoint, limit, round(seconds, 3)))


def limits(
    *each: Limit, concurrency: int = 100, clock: ManualClock | None = None, told: Told | None = None
) -> Limits:
    return Limits(
        each, concurrency=concurrency, clock=clock or ManualClock(), waited=told or Told(), connection="crm"
    )


async def spend(of: Limits, endpoint: str = "api", patience: float = 60.0) -> None:
    await of.leave(await of.enter(endpoint, patience))


async def test_after_a_burst_calls_come_at_the_rate() -> None:
    clock, told = ManualClock(), Told()
    meter = limits(Limit("second", rate=2, burst=3), clock=clock, told=told)
    times: list[float] = []
    for _ in range(6):
        await spend(meter)
        times.append(clock.monotonic())
    assert times == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]
    assert told.waits == [("api", "second", 0.5)] * 3


async def test_an_idle_meter_gathers_no_more_than_its_burst() -> None:
    clock = ManualClock()
    meter = limits(Limit("second", rate=1, burst=2), clock=clock)
    await spend(meter)
    clock.advance(3_600)
    for _ in range(3):
        await spend(meter)
    assert clock.monotonic() == 3_601.0


async def test_every_limit_that_covers_an_endpoint_counts() -> None:
    clock, told = ManualClock(), Told()
    meter = limits(
        Limit("second", rate=10, burst=10),
        Limit("search", rate=6, per=60, endpoints=frozenset({"search"})),
        clock=clock,
        told=told,
    )
    await spend(meter, "search")
    await spend(meter, "api")
    assert clock.monotonic() == 0.0
    await spend(meter, "search")
    assert clock.monotonic() == 10.0
    assert told.waits == [("search", "search", 10.0)]


async def test_no_more_calls_are_under_way_than_allowed() -> None:
    meter = limits(Limit("bulk", concurrency=2, endpoints=frozenset({"bulk"})), concurrency=3)
    under_way = {"bulk": 0, "api": 0}
    most = {"bulk": 0, "api": 0, "all": 0}

    async def call(endpoint: str) -> None:
        entry = await meter.enter(endpoint, 60.0)
        under_way[endpoint] += 1
        most[endpoint] = max(most[endpoint], under_way[endpoint])
        most["all"] = max(most["all"], sum(under_way.values()))
        for _ in range(5):
            await checkpoint()
        under_way[endpoint] -= 1
        await meter.leave(entry)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(call, "bulk" if number % 2 else "api")
    assert (most["bulk"], most["all"]) == (2, 3)


async def test_a_call_cancelled_in_the_queue_gives_its_place_back() -> None:
    meter = limits(concurrency=1)
    entry = await meter.enter("api", 60.0)
    with anyio.move_on_after(0):
        await meter.enter("api", 60.0)
    await meter.leave(entry)
    with anyio.fail_after(5):
        await spend(meter)


async def test_a_pause_holds_back_its_endpoint_class_and_no_other() -> None:
    clock, told = ManualClock(), Told()
    meter = limits(clock=clock, told=told)
    meter.pause("search", 30.0)
    meter.pause("search", 10.0)
    await spend(meter, "api")
    assert clock.monotonic() == 0.0
    await spend(meter, "search")
    assert clock.monotonic() == 30.0
    assert told.waits == [("search", "pause", 30.0)]


async def test_a_pause_longer_than_the_patience_is_an_error_that_says_how_long() -> None:
    meter = limits()
    meter.pause("api", 3_600.0)
    with pytest.raises(RateLimited, match="3600 s") as caught:
        await spend(meter, patience=120.0)
    assert caught.value.retry_after == 3_600.0
    assert caught.value.where.connection == "crm"


@pytest.mark.parametrize("field", ["rate", "per", "burst", "concurrency"])
def test_a_limit_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(ConfigError, match="'second'"):
        Limit("second", **{field: 0})  # pyright: ignore[reportArgumentType]


async def test_a_pause_that_begins_while_a_call_waits_for_its_turn_holds_it_back_too() -> None:
    class Interrupted(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if not paused:
                paused.append(True)
                meter.pause("api", 30.0)

    paused: list[bool] = []
    clock = Interrupted()
    meter = limits(Limit("minute", rate=1, per=10.0), clock=clock)
    await spend(meter)
    await spend(meter)
    assert clock.monotonic() == 40.0


async def test_a_second_sending_of_the_same_call_waits_like_the_first() -> None:
    clock = ManualClock()
    meter = limits(Limit("minute", rate=1, per=10.0, concurrency=1), clock=clock)
    entry = await meter.enter("api", 60.0)
    await meter.again(entry, 60.0)
    await meter.leave(entry)
    assert clock.monotonic() == 10.0


async def test_a_call_cancelled_while_it_waits_for_its_turn_gives_its_place_back() -> None:
    class Forever(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await anyio.sleep_forever()

    clock = Forever()
    meter = limits(Limit("minute", rate=1, per=10.0), concurrency=1, clock=clock)
    await spend(meter)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(spend, meter)
            await checkpoint()
            scope.cancel()
    clock.advance(20.0)
    with anyio.fail_after(5):
        await spend(meter)

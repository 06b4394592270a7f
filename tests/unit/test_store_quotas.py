"""Limits kept in the store: two that share it, on a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crmhub.clock import Clock, ManualClock
from crmhub.errors import StoreError
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings, Limit, asgi_transport
from crmhub.http.limits import Limits
from crmhub.store import Store
from crmhub.supplies import Supplies
from tests.stores import behind_its_back

pytestmark = pytest.mark.anyio

RATE = Limit("second", rate=2, burst=3)
HEAVY = Limit("heavy", concurrency=2, endpoints=frozenset({"heavy"}))


def limits(store: Store, clock: Clock, *each: Limit, connection: str = "crm") -> Limits:
    def waited(_endpoint: str, _limit: str, _seconds: float) -> None:
        pass

    return Limits(
        each, concurrency=100, clock=clock, waited=waited, connection=connection, quotas=store.quotas
    )


async def spend(of: Limits, endpoint: str = "api") -> None:
    await of.leave(await of.enter(endpoint, 60.0))


async def test_two_that_share_a_limit_are_as_fast_as_one(store: Store, clock: ManualClock) -> None:
    one, other = limits(store, clock, RATE), limits(store, clock, RATE)
    times: list[float] = []
    for _ in range(4):
        for each in (one, other):
            await spend(each)
            times.append(round(clock.monotonic(), 3))
    assert times == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5]


async def test_connections_and_limits_of_other_names_do_not_share(store: Store, clock: ManualClock) -> None:
    other = Limit("other", rate=2, burst=3)
    for each in (
        limits(store, clock, RATE),
        limits(store, clock, RATE, connection="sf"),
        limits(store, clock, other),
    ):
        for _ in range(3):
            await spend(each)
    assert clock.monotonic() == 0.0


async def test_the_slowest_of_several_limits_decides(store: Store, clock: ManualClock) -> None:
    both = limits(store, clock, RATE, Limit("minute", rate=6, per=60.0, burst=6))
    for _ in range(6):
        await spend(both)
    assert clock.monotonic() == pytest.approx(1.5)
    for _ in range(3):
        await spend(both)
    assert clock.monotonic() == pytest.approx(30.0)


async def test_an_idle_limit_gathers_no_more_than_its_burst(store: Store, clock: ManualClock) -> None:
    of = limits(store, clock, RATE)
    await spend(of)
    clock.advance(3_600.0)
    for _ in range(4):
        await spend(of)
    assert clock.monotonic() == 3_600.5


async def test_what_was_booked_outlives_the_process(store_url: str, clock: ManualClock) -> None:
    for _ in range(2):
        async with await Store.open(store_url, clock=clock) as opened:
            for _ in range(3):
                await spend(limits(opened, clock, RATE))
    assert clock.monotonic() == 1.5


async def test_a_clock_that_is_set_back_stops_nobody(clock: ManualClock) -> None:
    slow = SetBack(clock, timedelta(hours=1))
    async with await Store.open("sqlite:///:memory:", clock=slow) as store:
        of = limits(store, clock, RATE)
        for _ in range(3):
            await spend(of)
        slow.is_back = True
        await spend(of)
    assert clock.monotonic() == pytest.approx(0.5)


class SetBack(ManualClock):
    """A clock that somebody sets back while monotonic time goes on."""

    def __init__(self, of: ManualClock, by: timedelta) -> None:
        super().__init__()
        self._of = of
        self._by = by
        self.is_back = False

    def now(self) -> datetime:
        return self._of.now() - (self._by if self.is_back else timedelta(0))


@given(
    seed=st.integers(0, 10_000),
    rate=st.integers(1, 40),
    burst=st.integers(1, 20),
)
def test_in_no_window_is_more_spent_than_the_rate_and_the_burst(seed: int, rate: int, burst: int) -> None:
    random, clock = Random(seed), ManualClock()
    spent: list[float] = []

    async def run() -> None:
        async with await Store.open("sqlite:///:memory:", clock=clock) as opened:
            limit = Limit("second", rate=rate, burst=burst)
            each = [limits(opened, clock, limit) for _ in range(3)]
            for _ in range(20):
                for _ in range(random.randint(1, burst)):
                    await spend(random.choice(each))
                    spent.append(clock.monotonic())
                if random.random() < 0.2:
                    clock.advance(random.uniform(0.0, 2.0))

    anyio.run(run)
    for first, start in enumerate(spent):
        for calls, end in enumerate(spent[first:], 1):
            assert calls <= burst + rate * (end - start) + 1e-3


# ── how many at once ─────────────────────────────────────────────────────────────────────────────


async def test_calls_under_way_are_counted_together_and_a_free_slot_is_found(
    store: Store, clock: ManualClock
) -> None:
    one, other = limits(store, clock, HEAVY), limits(store, clock, HEAVY)
    held = [await one.enter("heavy", 60.0), await other.enter("heavy", 60.0)]
    entered: list[float] = []

    async def third() -> None:
        await spend(one, "heavy")
        entered.append(clock.monotonic())

    await spend(one, "api")  # not covered
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(third)
        while clock.monotonic() < 5.0:
            await anyio.lowlevel.checkpoint()
        assert entered == []
        await other.leave(held[1])
    assert entered
    await one.leave(held[0])


async def test_a_slot_of_a_call_that_never_ended_is_free_again_in_the_end(
    store: Store, clock: ManualClock
) -> None:
    one, other = limits(store, clock, HEAVY), limits(store, clock, HEAVY)
    for _ in range(2):
        await one.enter("heavy", 60.0)
    await spend(other, "heavy")
    assert 300.0 <= clock.monotonic() < 302.0


async def test_a_call_cancelled_while_it_waits_for_its_turn_holds_no_slot(
    store_url: str, clock: ManualClock
) -> None:
    class Forever(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await anyio.sleep_forever()

    limit = Limit("heavy", rate=1, per=60.0, concurrency=1)
    async with await Store.open(store_url, clock=clock) as store:
        of = limits(store, Forever(), limit)
        await spend(of)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(spend, of)
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        with behind_its_back(store_url) as connection:
            assert connection.execute(text("SELECT count(*) FROM quota_slot")).scalar() == 0


async def test_a_store_that_fails_takes_no_result_away_and_the_slot_is_given_back_later(
    store_url: str, clock: ManualClock
) -> None:
    async with await Store.open(store_url, clock=clock) as store:
        of = limits(store, clock, HEAVY)
        entry = await of.enter("heavy", 60.0)
        with behind_its_back(store_url) as connection:
            connection.execute(text("ALTER TABLE quota_slot RENAME TO away"))
        await of.leave(entry)
        with pytest.raises(StoreError):
            await of.enter("heavy", 60.0)
        with behind_its_back(store_url) as connection:
            connection.execute(text("ALTER TABLE away RENAME TO quota_slot"))
        await spend(of, "heavy")
        with behind_its_back(store_url) as connection:
            assert connection.execute(text("SELECT count(*) FROM quota_slot")).scalar() == 0


# ── the way there ────────────────────────────────────────────────────────────────────────────────


async def test_a_connections_limits_open_the_store_with_the_first_call_that_they_cover(
    clock: ManualClock,
) -> None:
    opened: list[Store] = []

    async def open_store() -> Store:
        if not opened:
            opened.append(await Store.open("sqlite:///:memory:", clock=clock))
        return opened[0]

    supplies = Supplies(
        clock=clock,
        events=Events(clock),
        random=Random(1),
        store=open_store,
        transports={"crm": asgi_transport(answer)},
    )
    make = supplies.context("crm").http
    assert make is not None
    http: HttpClient = make(HttpSettings("http://crm.test", limits=[HEAVY]))

    await http.request("GET", "/x")
    assert not opened
    await http.request("GET", "/x", endpoint="heavy")
    assert len(opened) == 1
    await supplies.release("crm")()
    await opened[0].aclose()


async def answer(
    _scope: object, _receive: object, send: Callable[[dict[str, object]], Awaitable[None]]
) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})

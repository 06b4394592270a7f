"""Budgets: an allowance that may be spent at once and never beyond, in memory and in the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from random import Random

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from crmhub.clock import ManualClock
from crmhub.errors import (
    ConfigError,
    ConnectorError,
    PermissionDenied,
    QuotaExceeded,
    ReauthRequired,
    Unavailable,
)
from crmhub.events import Event, Events
from crmhub.http import Allowance, Budget, BudgetStore, HttpClient, HttpSettings, Limit, asgi_transport
from crmhub.http import Response as Reply
from crmhub.http.budget import MemoryBudgets
from crmhub.http.purse import Purse
from crmhub.store import Store

pytestmark = pytest.mark.anyio

DAY = 86_400.0
SLICE = DAY / 96
HUNDRED = Budget(most=100, reserve=0.2)


@pytest.fixture(params=["memory", "store"])
async def budgets(
    request: pytest.FixtureRequest, memory_url: str, clock: ManualClock
) -> AsyncGenerator[BudgetStore]:
    if request.param == "memory":
        yield MemoryBudgets(lambda: clock.now().timestamp())
        return
    async with await Store.open(memory_url, clock=clock) as opened:
        yield opened.budgets


@dataclass
class Heard:
    """What was told."""

    events: list[Event] = field(default_factory=list[Event])

    @property
    def marks(self) -> list[object]:
        return [event.detail["percent"] for event in self.events if event.name == "quota.used"]


def purse(
    budgets: BudgetStore, clock: ManualClock, budget: Budget = HUNDRED, heard: Heard | None = None
) -> Purse:
    events = Events(clock)
    if heard is not None:
        events.subscribe(heard.events.append)
    return Purse(budget, budgets, connection="crm", clock=clock, events=events)


async def test_all_of_it_may_be_spent_at_once_and_then_nothing_until_the_window_has_passed(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    of = purse(budgets, clock, replace(HUNDRED, reserve=0.0))
    for _ in range(10):
        await of.spend("/crm/x", 10)
    with pytest.raises(QuotaExceeded, match="100 of 100 credits of the last 24 hours are used") as refused:
        await of.spend("/crm/x", 1)
    wait = refused.value.retry_after
    assert wait is not None
    assert DAY <= wait <= DAY + SLICE
    clock.advance(wait - 1.0)
    with pytest.raises(QuotaExceeded):
        await of.spend("/crm/x", 1)
    clock.advance(1.0)
    await of.spend("/crm/x", 100)


async def test_the_reserve_is_kept_for_urgent_calls(budgets: BudgetStore, clock: ManualClock) -> None:
    machine = purse(budgets, clock)
    people = purse(budgets, clock, replace(HUNDRED, urgent=lambda: True))
    await machine.spend("/", 80)
    with pytest.raises(QuotaExceeded, match=r"20 are kept for people; it goes on at 2026-01-02 00:\d\d UTC"):
        await machine.spend("/", 1)
    await people.spend("/", 20)
    with pytest.raises(QuotaExceeded):
        await people.spend("/", 1)


async def test_what_is_refused_is_not_spent(budgets: BudgetStore, clock: ManualClock) -> None:
    of = purse(budgets, clock)
    await of.spend("/", 75)
    with pytest.raises(QuotaExceeded):
        await of.spend("/", 10)
    await of.spend("/", 5)
    assert (await of.look(ask=False)).used == 80


async def test_a_call_that_can_never_be_paid_says_so(budgets: BudgetStore, clock: ManualClock) -> None:
    with pytest.raises(QuotaExceeded, match="a call of 500 can never be made"):
        await purse(budgets, clock).spend("/", 500)


async def test_budgets_of_one_owner_are_spent_together(budgets: BudgetStore, clock: ManualClock) -> None:
    mine = Purse(
        replace(HUNDRED, owner="crm"), budgets, connection="crm:sdk", clock=clock, events=Events(clock)
    )
    await mine.spend("/", 50)
    await purse(budgets, clock).spend("/", 30)
    with pytest.raises(QuotaExceeded) as refused:
        await mine.spend("/", 1)
    assert refused.value.where.connection == "crm:sdk"


async def test_other_paths_cost_nothing(budgets: BudgetStore, clock: ManualClock) -> None:
    of = purse(budgets, clock, replace(HUNDRED, prefix="/crm/"))
    await of.spend("/books/v3/invoices", 1_000)
    assert (await of.look(ask=False)).used == 0


async def test_processes_spend_from_one_budget_and_never_beyond(store_url: str) -> None:
    clock = ManualClock()
    async with (
        await Store.open(store_url, clock=clock) as one,
        await Store.open(store_url, clock=clock) as two,
    ):
        refused = 0

        async def work(of: Purse) -> None:
            nonlocal refused
            for _ in range(30):
                try:
                    await of.spend("/", 2)
                except QuotaExceeded:
                    refused += 1

        async with anyio.create_task_group() as group:
            for store in (one, two):
                group.start_soon(work, purse(store.budgets, clock))
        assert refused == 60 - 40
        assert (await purse(two.budgets, clock).look(ask=False)).used == 80


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40_000)), max_size=30))
async def test_no_stretch_of_a_window_ever_sees_more_than_all_of_it(calls: list[tuple[int, int]]) -> None:
    clock = ManualClock()
    of = purse(MemoryBudgets(lambda: clock.now().timestamp()), clock, replace(HUNDRED, reserve=0.0))
    made: list[tuple[float, int]] = []
    for cost, pause in calls:
        clock.advance(pause)
        try:
            await of.spend("/", cost)
        except QuotaExceeded:
            continue
        made.append((clock.monotonic(), cost))
    for at, _ in made:
        assert sum(cost for when, cost in made if at <= when < at + DAY) <= 100


async def test_what_others_spend_is_taken_off_and_comes_back(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    of = purse(budgets, clock)
    await of.spend("/", 10)
    await budgets.left("crm", HUNDRED, 40)
    spent = await of.look(ask=False)
    assert (spent.used, spent.others) == (60, 50)
    await budgets.left("crm", HUNDRED, 70)
    assert (await of.look(ask=False)).used == 30
    await budgets.left("crm", HUNDRED, 95)  # our own calls are never forgotten
    assert (await of.look(ask=False)).used == 10
    await budgets.left("crm", HUNDRED, 50)
    clock.advance(DAY + SLICE)
    assert (await of.look(ask=False)).used == 0


async def test_without_an_allowance_nothing_is_stopped_until_a_reply_tells_what_is_left(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    unknown = Budget(ask_after=1_000, ask_at=100_000)
    of = purse(budgets, clock, unknown)
    await of.spend("/", 60)
    assert of.most is None
    await budgets.left("crm", unknown, 40)
    with pytest.raises(QuotaExceeded, match="60 of 100 credits"):
        await of.spend("/", 21)
    assert of.most == 100


class Asked:
    """An org that is asked for its allowance."""

    def __init__(self, answer: Allowance | None) -> None:
        self.answer = answer
        self.error: ConnectorError | None = (
            PermissionDenied("the scope is missing") if answer is None else None
        )
        self.times = 0

    async def __call__(self) -> Allowance:
        self.times += 1
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        return self.answer


async def test_the_allowance_is_asked_for_after_some_calls_once_a_day_for_all_processes(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    org, granted = Asked(Allowance(100, 20, "enterprise")), list[Allowance]()
    budget = Budget(ask=org, ask_after=3, ask_at=50, granted=granted.append)
    of, other = purse(budgets, clock, budget), purse(budgets, clock, budget)
    for _ in range(3):
        await of.spend("/", 1)
    assert (org.times, of.most) == (0, None)
    await of.spend("/", 1)
    assert (org.times, of.most) == (1, 100)
    for _ in range(10):
        await other.spend("/", 1)
    assert (org.times, other.most) == (1, 100)
    assert granted == [Allowance(100, 20, "enterprise")] * 2
    clock.advance(DAY)
    await purse(budgets, clock, replace(budget, ask_after=0)).spend("/", 1)
    assert org.times == 2


async def test_the_allowance_is_asked_for_when_much_is_spent(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    org = Asked(Allowance(60))
    of = purse(budgets, clock, Budget(ask=org, ask_at=40))
    await of.spend("/", 45)
    assert org.times == 0
    with pytest.raises(QuotaExceeded):
        await of.spend("/", 10)
    assert org.times == 1


async def test_an_allowance_that_may_not_be_seen_is_not_asked_for_again_that_day(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    org = Asked(None)
    of = purse(budgets, clock, Budget(ask=org, ask_after=0))
    for _ in range(5):
        await of.spend("/", 1)
    spent = await of.look(ask=True)
    assert (org.times, of.most) == (1, None)
    assert spent.allowance == Allowance(why="not known: the scope is missing")


async def test_an_allowance_that_cannot_be_seen_now_is_asked_for_again_soon(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    org = Asked(Allowance(100))
    org.error = ReauthRequired("nobody has signed in yet")
    of = purse(budgets, clock, Budget(ask=org, ask_after=0))
    spent = await of.look(ask=True)
    assert spent.allowance == Allowance(why="not known: nobody has signed in yet")
    for _ in range(5):
        await of.spend("/", 1)
    assert org.times == 1
    org.error = None
    assert (await purse(budgets, clock, Budget(ask=org)).look(ask=True)).allowance == Allowance(100)
    other = purse(budgets, clock, Budget(ask=org, ask_after=0))
    await other.spend("/", 1)
    assert (org.times, other.most) == (2, 100)


async def test_who_could_not_see_the_allowance_asks_again_after_a_minute(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    org = Asked(Allowance(100))
    org.error = Unavailable("the way is down")
    of = purse(budgets, clock, Budget(ask=org, ask_after=0))
    await of.spend("/", 1)
    org.error = None
    await of.spend("/", 1)
    assert (org.times, of.most) == (1, None)
    clock.advance(61)
    await of.spend("/", 1)
    assert (org.times, of.most) == (2, 100)


async def test_marks_are_told_once_each_and_again_after_they_were_left(
    budgets: BudgetStore, clock: ManualClock
) -> None:
    heard = Heard()
    of = purse(budgets, clock, heard=heard)
    for _ in range(8):
        await of.spend("/", 10)
    assert heard.marks == [50, 80]
    clock.advance(DAY + SLICE)
    for _ in range(6):
        await of.spend("/", 10)
    assert heard.marks == [50, 80, 50]
    last = heard.events[-1]
    assert (last.connection, last.detail) == (
        "crm",
        {"budget": "credits", "percent": 50, "used": 50, "most": 100},
    )


async def test_a_refusal_is_told_by_its_mark(budgets: BudgetStore, clock: ManualClock) -> None:
    heard = Heard()
    of = purse(budgets, clock, heard=heard)
    await of.spend("/", 75)
    for _ in range(2):
        with pytest.raises(QuotaExceeded):
            await of.spend("/", 10)
    assert heard.marks == [50, 80]


@pytest.mark.parametrize("wrong", [{"most": 0}, {"reserve": 1.0}, {"reserve": -0.1}, {"window": 0.0}])
def test_a_budget_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="credits"):
        Budget(**wrong)  # pyright: ignore[reportArgumentType]


# ── the client ───────────────────────────────────────────────────────────────────────────────────


class Crm:
    """Answers every call, and tells what is left."""

    def __init__(self) -> None:
        self.calls = 0
        self.now = self.most = 0
        self.left: str | None = None
        self.status = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        self.calls += 1
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(10):
            await checkpoint()
        self.now -= 1
        reply: Response = JSONResponse({"ok": True}, self.status)
        if self.left is not None:
            reply.headers["x-left"] = self.left
        await reply(scope, receive, send)


@pytest.fixture
async def make_client(clock: ManualClock) -> AsyncGenerator[Callable[..., tuple[HttpClient, Crm]]]:
    made: list[HttpClient] = []

    def make(budget: Budget, concurrency: int = 10, widest: int | None = None) -> tuple[HttpClient, Crm]:
        crm = Crm()
        client = HttpClient(
            HttpSettings("http://localhost", budget=budget, concurrency=concurrency, widest=widest),
            connection="crm",
            clock=clock,
            events=Events(clock),
            random=Random(1),
            transport=asgi_transport(crm),
        )
        made.append(client)
        return client, crm

    yield make
    for client in made:
        await client.aclose()


Make = Callable[..., tuple[HttpClient, Crm]]


async def test_a_call_that_cannot_be_paid_is_not_sent(make_client: Make) -> None:
    client, crm = make_client(HUNDRED)
    for _ in range(8):
        await client.request("GET", "/x", cost=10)
    with pytest.raises(QuotaExceeded) as refused:
        await client.request("POST", "/x", json={}, cost=10)
    assert (crm.calls, refused.value.applied) == (8, False)
    assert refused.value.where.connection == "crm"


async def test_what_a_call_costs_makes_it_no_slower(clock: ManualClock) -> None:
    """A pace is so many calls: what each of them costs, the budget pays."""
    client = HttpClient(
        HttpSettings("http://localhost", budget=HUNDRED, limits=[Limit("second", rate=10, burst=5)]),
        connection="crm",
        clock=clock,
        events=Events(clock),
        random=Random(1),
        transport=asgi_transport(Crm()),
    )
    for _ in range(5):
        await client.request("GET", "/x", cost=10)
    await client.aclose()
    assert clock.monotonic() == 0.0


async def test_a_reply_that_tells_what_is_left_corrects_the_count(make_client: Make) -> None:
    def left(reply: Reply) -> int | None:
        said = reply.headers.get("x-left")
        return None if said is None else int(said)

    client, crm = make_client(replace(HUNDRED, left=left))
    await client.request("GET", "/x", cost=10)
    crm.left = "25"
    await client.request("GET", "/x", cost=10)
    with pytest.raises(QuotaExceeded, match="75 of 100"):
        await client.request("GET", "/x", cost=10)
    assert crm.calls == 2


async def test_a_call_by_another_way_is_paid_too(make_client: Make) -> None:
    client, _ = make_client(replace(HUNDRED, prefix="/crm/"))

    async def send() -> str:
        return "sent"

    for _ in range(8):
        assert await client.elsewhere(send, way="MCP", name="createRecords", cost=10) == "sent"
    with pytest.raises(QuotaExceeded):
        await client.elsewhere(send, way="MCP", name="createRecords", cost=10)


async def test_a_call_that_asks_for_the_allowance_does_not_ask_again(
    make_client: Make, clock: ManualClock
) -> None:
    del clock
    client: HttpClient

    async def ask() -> Allowance:
        await client.request("GET", "/org")
        return Allowance(100, 20)

    client, crm = make_client(
        Budget(ask=ask, ask_after=2, granted=lambda one: client.widen(one.concurrency or 0)),
        concurrency=1,
        widest=25,
    )
    for _ in range(5):
        await client.request("GET", "/x")
    assert crm.calls == 6
    assert client.concurrency == 20


async def test_a_client_that_is_widened_makes_more_calls_at_once_as_far_as_it_may(make_client: Make) -> None:
    client, crm = make_client(HUNDRED, concurrency=2, widest=5)
    for wide, most in ((2, 2), (50, 5), (1, 5)):
        client.widen(wide)
        crm.most = 0
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(client.request, "GET", "/x")
        assert (client.concurrency, crm.most) == (most, most)

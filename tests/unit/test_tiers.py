from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import get_args

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.clock import ManualClock
from crmhub.errors import (
    AlreadyExists,
    ApprovalRequired,
    AuthError,
    BadRequest,
    BadResponse,
    CircuitOpen,
    Conflict,
    ConnectorError,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    ReauthRequired,
    Unavailable,
    UnknownOutcome,
    Unsupported,
    UsageError,
)
from crmhub.events import Event, Events
from crmhub.http import BreakerOptions
from crmhub.routing import ANY, CallContext, Route, routed
from crmhub.tiers import Served, TierRouter

pytestmark = pytest.mark.anyio

TIERS = ("mcp", "sdk", "rest")
TABLE = (
    Route("agent", ("mcp", "sdk", "rest")),
    Route("interactive", ("rest", "sdk")),
    Route("bulk", ("sdk", "rest")),
    Route("bulk", ("rest", "sdk"), operation="list"),
    Route("background", ("sdk", "rest")),
    Route("fallback", ("rest",)),
    Route(None, ("rest",)),
)
DATA_ERRORS = (InvalidRecord, BadRequest, NotFound, Conflict, AlreadyExists, PermissionDenied)
ALLOWANCE_ERRORS = (RateLimited, QuotaExceeded)
NOT_APPLIED = (Unavailable, AuthError, ReauthRequired, CircuitOpen)


class Desk:
    """A router over three tiers, what each answers, and what was asked and told."""

    def __init__(
        self, answers: Mapping[str, ConnectorError | None] | None = None, absent: Sequence[str] = ()
    ) -> None:
        self.clock = ManualClock()
        self.told: list[Event] = []
        self.asked: list[str] = []
        self.answers = dict(answers or {})
        self.absent = set(absent)
        self.seconds = 0.0
        events = Events(self.clock)
        events.subscribe(self.told.append)
        self.router = TierRouter(
            TABLE,
            {name: self._absence(name) for name in TIERS},
            clock=self.clock,
            events=events,
            connection="zoho",
            breaker=BreakerOptions(failures=3, cool_down=5.0),
            alone=["mcp"],
        )

    def _absence(self, name: str) -> Callable[[], str | None]:
        return lambda: "it is not installed" if name in self.absent else None

    def attempt(self, name: str) -> Callable[[], Awaitable[str]]:
        async def attempt() -> str:
            self.asked.append(name)
            self.clock.advance(self.seconds)
            if (error := self.answers.get(name)) is not None:
                raise error
            return f"from {name}"

        return attempt

    async def call(
        self,
        operation: str = "get",
        *,
        context: CallContext | None = "agent",
        tier: str | None = None,
        records: int = 1,
    ) -> Served[str]:
        attempts = {name: self.attempt(name) for name in TIERS}
        return await self.router.run(operation, attempts, context=context, tier=tier, records=records)

    async def fails(self, operation: str = "get", *, context: CallContext | None = "agent") -> ConnectorError:
        with pytest.raises(ConnectorError) as caught:
            await self.call(operation, context=context)
        return caught.value

    def events(self, name: str) -> list[Mapping[str, object]]:
        return [event.detail for event in self.told if event.name == name]

    def state(self, tier: str) -> str:
        return next(one.state for one in self.router.figures() if one.tier == tier)


@pytest.mark.parametrize(
    ("context", "operation", "expected"),
    [
        ("agent", "get", "mcp"),
        ("interactive", "get", "rest"),
        ("bulk", "create", "sdk"),
        ("bulk", "list", "rest"),
        ("background", "list", "sdk"),
        ("fallback", "get", "rest"),
        (None, "create", "rest"),
    ],
)
async def test_the_first_tier_of_the_row_serves_the_call(
    context: CallContext | None, operation: str, expected: str
) -> None:
    desk = Desk()
    served = await desk.call(operation, context=context)
    assert (served.value, served.tier) == (f"from {expected}", expected)
    assert served.why == (context or "no context")
    assert desk.asked == [expected]


async def test_a_result_and_an_event_say_which_tier_served_and_why() -> None:
    desk = Desk({"sdk": Unavailable("down")}, absent=["mcp"])
    desk.seconds = 0.25
    served = await desk.call("update")
    assert served == Served("from rest", "rest", "agent; mcp: it is not installed; sdk: Unavailable")
    assert desk.events("tier.served") == [
        {"operation": "update", "context": "agent", "tier": "rest", "why": served.why, "ms": 250.0}
    ]
    assert desk.events("tier.fell_back") == [
        {"operation": "update", "tier": "sdk", "to": "rest", "cause": "Unavailable"}
    ]
    assert {event.connection for event in desk.told} == {"zoho"}


async def test_more_than_fifty_records_are_bulk_for_agents_and_people_and_change_nothing_for_a_sync() -> None:
    desk = Desk()
    assert (await desk.call("create", records=50)).tier == "mcp"
    served = await desk.call("create", records=51)
    assert (served.tier, served.why) == ("sdk", "bulk, 51 records")
    assert (await desk.call("create", context="interactive", records=51)).tier == "sdk"
    assert (await desk.call("create", context=None, records=5_000)).tier == "rest"
    assert (await desk.call("create", context="fallback", records=5_000)).tier == "rest"


async def test_an_explicit_tier_wins_over_the_table_and_is_the_only_one_tried() -> None:
    desk = Desk()
    served = await desk.call(context="fallback", tier="sdk", records=99)
    assert (served.tier, served.why) == ("sdk", "asked for")
    desk.answers["sdk"] = Unavailable("down")
    with pytest.raises(Unavailable):
        await desk.call(tier="sdk")
    assert desk.asked == ["sdk", "sdk"]
    desk.absent.add("sdk")
    with pytest.raises(Unsupported, match="sdk: it is not installed"):
        await desk.call(tier="sdk")


async def test_a_tier_that_lacks_the_tool_is_passed_over_without_harm_to_it() -> None:
    desk = Desk({"mcp": Unsupported("the server has no such tool")})
    for _ in range(20):
        assert (await desk.call()).tier == "sdk"
    assert desk.state("mcp") == "closed"
    assert desk.events("tier.fell_back") == []
    mcp = desk.router.figures()[0]
    assert (mcp.calls, mcp.failures) == (0, 0)


async def test_a_tier_without_a_way_to_make_the_call_is_passed_over() -> None:
    desk = Desk()

    async def found() -> str:
        return "found"

    served = await desk.router.run("search", {"rest": found}, context="agent")
    assert (served.tier, served.why) == ("rest", "agent; mcp: cannot search; sdk: cannot search")


async def test_a_tier_does_only_what_it_is_said_to_do() -> None:
    async def value() -> str:
        return "made"

    clock = ManualClock()
    router = TierRouter(
        TABLE,
        {name: lambda: None for name in TIERS},
        clock=clock,
        events=Events(clock),
        operations=("get", "create"),
        only={"mcp": ["get"]},
    )
    assert (router.can("mcp", "get"), router.can("mcp", "create"), router.can("sdk", "create")) == (
        True, False, True,
    )  # fmt: skip
    ways: Mapping[str, Callable[[], Awaitable[str]]] = dict.fromkeys(TIERS, value)
    assert (await router.run("get", ways, context="agent")).tier == "mcp"
    assert (await router.run("create", ways, context="agent")).tier == "sdk"
    assert [one.tier for one in router.choices("create", context="agent")] == ["sdk", "rest"]
    with pytest.raises(Unsupported, match="mcp: cannot create"):
        await router.run("create", ways, tier="mcp")


async def test_where_no_tier_can_the_caller_learns_why_of_each() -> None:
    desk = Desk(absent=TIERS)
    with pytest.raises(Unsupported, match="mcp: it is not installed; sdk: it is not installed; rest"):
        await desk.call()
    refusing = Desk(dict.fromkeys(TIERS, Unsupported("it cannot upsert notes")))
    with pytest.raises(Unsupported, match="it cannot upsert notes"):
        await refusing.call()


@pytest.mark.parametrize("kind", [*DATA_ERRORS, *ALLOWANCE_ERRORS, ApprovalRequired])
async def test_what_every_tier_would_be_answered_neither_falls_back_nor_opens_a_circuit(
    kind: type[ConnectorError],
) -> None:
    desk = Desk({"mcp": kind("no", status=503)})
    for _ in range(20):
        assert isinstance(await desk.fails(), kind)
    assert set(desk.asked) == {"mcp"}
    assert desk.state("mcp") == "closed"
    assert desk.router.figures()[0].failures == 0


@pytest.mark.parametrize("error", [UnknownOutcome("lost"), BadResponse("half a JSON", status=200)])
async def test_a_write_that_may_have_been_applied_is_not_made_by_another_tier(error: ConnectorError) -> None:
    desk = Desk({"mcp": error})
    assert await desk.fails("create") is error
    assert desk.asked == ["mcp"]


async def test_a_read_that_came_back_unreadable_is_made_by_another_tier() -> None:
    desk = Desk({"mcp": BadResponse("half a JSON", status=200)})
    assert (await desk.call("list")).tier == "sdk"


async def test_an_error_of_our_own_is_not_hidden_by_a_fallback() -> None:
    desk = Desk()

    async def broken() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await desk.router.run("get", {"rest": broken, "sdk": broken}, context="interactive")
    assert desk.router.figures()[2].calls == 0


async def test_a_tier_that_keeps_failing_is_left_alone_and_asked_again_after_its_cool_down() -> None:
    desk = Desk({"mcp": Unavailable("down")})
    for _ in range(3):
        await desk.call()
    assert desk.state("mcp") == "open"
    desk.asked.clear()
    served = await desk.call()
    assert (desk.asked, served.why) == (["sdk"], "agent; mcp: CircuitOpen")
    desk.clock.advance(5)
    del desk.answers["mcp"]
    assert (await desk.call()).tier == "mcp"
    assert desk.state("mcp") == "closed"
    assert [detail["tier"] for detail in desk.events("tier.opened")] == ["mcp"]
    assert [detail["tier"] for detail in desk.events("tier.closed")] == ["mcp"]


async def test_a_missing_tool_does_not_close_a_circuit_that_waits_for_its_probe() -> None:
    desk = Desk({"mcp": Unavailable("down")})
    for _ in range(3):
        await desk.call()
    desk.clock.advance(5)
    desk.answers["mcp"] = Unsupported("the server has no such tool")
    await desk.call()
    assert desk.state("mcp") == "open"


async def test_refused_credentials_are_not_tried_again_by_a_tier_that_shares_them() -> None:
    desk = Desk({"mcp": AuthError("revoked", status=401)})
    assert (await desk.call()).tier == "sdk"
    desk.answers["sdk"] = ReauthRequired("dead")
    desk.asked.clear()
    error = await desk.fails()
    assert (error.what, desk.asked) == ("revoked", ["mcp", "sdk"])
    assert [detail["to"] for detail in desk.events("tier.fell_back")] == ["sdk", "sdk"]


async def test_when_all_fail_the_first_real_failure_is_raised() -> None:
    desk = Desk({"mcp": CircuitOpen("cooling"), "sdk": Unavailable("sdk down"), "rest": AuthError("no")})
    assert (await desk.fails()).what == "sdk down"


async def test_a_cancelled_call_is_not_a_failure() -> None:
    desk = Desk()

    async def endless() -> str:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:

            async def work() -> None:
                await desk.router.run("get", {"rest": endless}, context="fallback")

            tasks.start_soon(work)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    assert desk.router.figures()[2].calls == 0


async def test_figures_tell_how_each_tier_did_of_late() -> None:
    desk = Desk(absent=["sdk"])
    for seconds in (1.0, 2.0, 3.0):
        desk.seconds = seconds
        await desk.call(context="fallback")
    desk.answers["rest"] = Unavailable("down")
    await desk.fails(context="fallback")
    mcp, sdk, rest = desk.router.figures()
    assert (mcp.calls, mcp.mean, mcp.p95, mcp.error_rate) == (0, None, None, 0.0)
    assert (sdk.state, sdk.absent) == ("absent", "it is not installed")
    assert (rest.calls, rest.failures, rest.mean, rest.p95, rest.error_rate) == (4, 1, 2.25, 3.0, 0.25)
    desk.clock.advance(901)
    assert desk.router.figures()[2].calls == 0


async def test_unknown_tiers_and_contexts_are_named() -> None:
    desk = Desk()
    with pytest.raises(UsageError, match="there is no tier 'soap'; tiers: mcp, sdk, rest"):
        await desk.call(tier="soap")
    with pytest.raises(UsageError, match="there is no tier 'soap'"):
        desk.router.absence("soap")
    bare = TierRouter([Route(None, ("rest",))], {"rest": lambda: None}, clock=desk.clock, events=Events())
    with pytest.raises(UsageError, match="no route for get in the context bulk; contexts: none"):
        await bare.run("get", {}, context="bulk")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([Route("bulk", ("soap",))], "there is no tier 'soap'"),
        ([Route("bulk", ())], "names a tier twice, or none"),
        ([Route("bulk", ("rest", "rest"))], "names a tier twice, or none"),
        ([Route("bulk", ("rest",)), Route("bulk", ("sdk",))], "the same operation and context"),
    ],
)
def test_a_table_that_means_nothing_is_refused(rows: list[Route], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TierRouter(rows, dict.fromkeys(TIERS, lambda: None), clock=ManualClock(), events=Events())


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────

_ANSWERS = st.one_of(
    st.none(),
    st.sampled_from([*DATA_ERRORS, *ALLOWANCE_ERRORS, *NOT_APPLIED, UnknownOutcome, Unsupported]).map(
        lambda kind: kind("x")
    ),
    st.sampled_from([200, 502]).map(lambda status: BadResponse("x", status=status)),
)
_ENDS = (*DATA_ERRORS, *ALLOWANCE_ERRORS, UnknownOutcome)


@given(
    answers=st.lists(
        st.tuples(
            st.fixed_dictionaries(dict.fromkeys(TIERS, _ANSWERS)),
            st.sets(st.sampled_from(TIERS)),
            st.sampled_from(["get", "list", "create", "update", "upsert", "delete"]),
            st.sampled_from([*get_args(CallContext), None]),
            st.integers(1, 100),
        ),
        max_size=12,
    )
)
def test_each_call_follows_its_row_and_ends_where_going_on_could_do_harm(
    answers: list[tuple[dict[str, ConnectorError | None], set[str], str, CallContext | None, int],],
) -> None:
    """Over any history: in the table's order, each tier once, never on after a doubt or a wrong record."""
    desk = Desk()

    async def play() -> None:
        for given_answers, absent, operation, context, records in answers:
            desk.answers, desk.absent = given_answers, absent
            desk.asked.clear()
            order = desk.router.table.order(operation, context=context, records=records).tiers
            try:
                served = await desk.call(operation, context=context, records=records)
            except ConnectorError as error:
                ended: ConnectorError | None = error
            else:
                ended = None
                assert served.tier == desk.asked[-1]
                assert given_answers[served.tier] is None
            places = [order.index(name) for name in desk.asked]
            assert places == sorted(set(places))
            assert not absent & set(desk.asked)
            refused = [name for name in desk.asked if isinstance(given_answers[name], AuthError)]
            assert len([name for name in refused if name != "mcp"]) <= 1
            for name in desk.asked[:-1]:
                error = given_answers[name]
                assert error is not None
                assert not isinstance(error, _ENDS)
                assert not (
                    isinstance(error, BadResponse)
                    and error.status == 200
                    and operation not in {"get", "list"}
                )
            if desk.asked and isinstance(given_answers[desk.asked[-1]], _ENDS):
                assert ended is given_answers[desk.asked[-1]]
            desk.clock.advance(1)

    anyio.run(play)


@given(
    rows=st.dictionaries(
        st.tuples(st.sampled_from([ANY, "get", "list"]), st.sampled_from([*get_args(CallContext), None])),
        st.permutations(TIERS).flatmap(lambda order: st.integers(1, 3).map(lambda end: tuple(order[:end]))),
        max_size=8,
    ),
    operation=st.sampled_from(["get", "list", "create"]),
    context=st.sampled_from([*get_args(CallContext), None]),
)
def test_the_order_is_that_of_the_closest_row(
    rows: dict[tuple[str, CallContext | None], tuple[str, ...]], operation: str, context: CallContext | None
) -> None:
    table = [Route(used, tiers, operation=one) for (one, used), tiers in rows.items()]
    router = TierRouter(
        table, dict.fromkeys(TIERS, lambda: None), clock=ManualClock(), events=Events(), connection="x"
    )
    expected = rows.get((operation, context)) or rows.get((ANY, context))
    if expected is None:
        with pytest.raises(UsageError):
            router.table.order(operation, context=context)
    else:
        assert router.table.order(operation, context=context).tiers == expected


# ── what a caller learns ─────────────────────────────────────────────────────────────────────────


async def test_who_routes_calls_is_told_what_served_them() -> None:
    desk = Desk({"mcp": Unavailable("gone")})
    with routed("agent") as outer:
        await desk.call()
        with routed(tier="rest") as inner:
            await desk.call(tier="rest")
    await desk.call()
    (first, second), (only,) = outer.served, inner.served
    assert (first.connection, first.operation, first.object, first.tier) == ("zoho", "get", None, "sdk")
    assert first.why == "agent; mcp: Unavailable"
    assert second == only
    assert (only.tier, only.why) == ("rest", "asked for")


async def test_calls_of_tasks_that_are_started_within_are_told_too() -> None:
    desk = Desk()
    with routed("agent") as route:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(desk.call)
    assert [call.tier for call in route.served] == ["mcp"] * 3


async def test_what_served_is_remembered_of_the_last_thousand_calls() -> None:
    desk = Desk()
    with routed("agent") as route:
        for _ in range(1_001):
            await desk.call()
    assert len(route.served) == 1_000


# ── outcomes that nobody knows ───────────────────────────────────────────────────────────────────


class Settling:
    """Reads back by the tiers of ``able``; ``error`` is what that gives, if it fails."""

    def __init__(self, *able: str, error: ConnectorError | None = None) -> None:
        self.able = able
        self.error = error
        self.asked: list[str] = []

    async def __call__(self, tier: str, unknown: UnknownOutcome) -> str:
        assert unknown.what == "lost"
        if tier not in self.able:
            raise Unsupported("it reads nothing back")
        self.asked.append(tier)
        if self.error is not None:
            raise self.error
        return f"settled by {tier}"


async def run(desk: Desk, settle: Settling, *, tier: str | None = None) -> Served[str]:
    attempts = {name: desk.attempt(name) for name in TIERS}
    return await desk.router.run("create", attempts, context="agent", tier=tier, settle=settle)


async def test_what_is_unknown_is_read_back_by_the_next_tier_that_can_and_made_by_none() -> None:
    desk, settle = Desk({"mcp": UnknownOutcome("lost")}), Settling("rest")
    served = await run(desk, settle)
    assert (served.value, served.tier) == ("settled by rest", "rest")
    assert served.why == "agent; mcp: UnknownOutcome; sdk: it reads nothing back"
    assert (desk.asked, settle.asked) == (["mcp"], ["rest"])


@pytest.mark.parametrize("error", [Unavailable("down"), InvalidRecord("no"), UnknownOutcome("again")])
async def test_what_cannot_be_read_back_stays_unknown(error: ConnectorError) -> None:
    desk, settle = Desk({"mcp": UnknownOutcome("lost")}), Settling("sdk", "rest", error=error)
    with pytest.raises(UnknownOutcome, match="lost"):
        await run(desk, settle)
    assert (desk.asked, settle.asked) == (["mcp"], ["sdk", "rest"])


async def test_a_tier_that_was_asked_for_leaves_its_unknown_outcomes_to_no_other() -> None:
    desk, settle = Desk({"mcp": UnknownOutcome("lost")}), Settling("rest")
    with pytest.raises(UnknownOutcome, match="lost"):
        await run(desk, settle, tier="mcp")
    assert settle.asked == []


async def test_without_a_way_to_read_back_an_unknown_outcome_ends_the_call() -> None:
    desk = Desk({"mcp": UnknownOutcome("lost")})
    assert isinstance(await desk.fails("create"), UnknownOutcome)
    assert desk.asked == ["mcp"]


async def test_unknown_outcomes_open_a_tiers_circuit() -> None:
    desk, settle = Desk({"mcp": UnknownOutcome("lost")}), Settling("rest")
    for _ in range(4):
        await run(desk, settle)
    assert desk.state("mcp") == "open"
    assert desk.asked == ["mcp"] * 3 + ["sdk"]

"""What users of servers of such tools rely on, for all inputs.

The fourteen: 1 a client of a Salesforce server uses HTTP only; 2 results of every shape are read; 3
connections are used again; 4 the server takes its port and answers ``/health``; 5 operations have the right
tools; 6 arguments are checked before a call; 7 answers have real records; 8 money has its currency and days
can be read; 9 every operation works with its arguments; 10 every error says what failed and what to do; 11
what fails for a while is tried again, later each time; 12 an answer takes under 2 s on average; 13 calls at
once hold up none; 14 more than 95 % succeed over a long run with faults.

1, 3 and 4, and 5 and 6 for our client, are in test_properties_over_http.py. 2 holds by
``test_records_are_the_same_in_every_shape`` in tests/unit/test_salesforce_mcp_replies.py, and for our own
server by ``test_a_client_that_reads_text_alone_gets_the_data_as_text`` in test_serving.py.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeAlias, cast

import anyio
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.agent.answers import DateOut, MoneyOut, TimeOut
from crmhub.agent.gate import Gate, Reply
from crmhub.agent.packs.salesforce import SALESFORCE
from crmhub.clock import ManualClock
from crmhub.errors import ConnectorError
from crmhub.hub import Hub
from crmhub.models import Money
from crmhub.testing.memory.connector import MemoryConnector
from tests.agents import BOT, ORIGIN, gate_to, hub_of_two
from tests.integration.agent.asking_agents import Asked, asked
from tests.reliability.test_http_retry import DOWN, FINE, LOST, NEVER_SENT, TORN, Crm

Given: TypeAlias = Mapping[str, object]
Row: TypeAlias = Mapping[str, object]

LIMITS = {"calls_per_minute": 100_000, "records_per_hour": 100_000_000}
OPERATIONS = {
    "get_accounts": "salesforce_get_accounts",
    "get_opportunities": "salesforce_get_opportunities",
    "get_contacts": "salesforce_get_contacts",
    "search_records": "salesforce_search_records",
    "run_soql_query": "salesforce_soql_query",
    "list_orgs": "salesforce_list_orgs",
}
SECONDS_OF_A_CALL = 0.2
"""What a call of a CRM is taken to last, where the time of an answer is reckoned."""


# ── what is asked ────────────────────────────────────────────────────────────────────────────────

WORDS = st.sampled_from(["Acme", "Ltd", "Group", "an", "er", "Partners"]) | st.tuples(
    st.sampled_from(["Acme", "an", "zq", "42"]),  # CRMs refuse to search for fewer than two letters
    st.text("abcdefghij XYZ.,'\"%_\\-&()é漢?*{}[]", max_size=20),
).map("".join)
STAGES = st.sampled_from(["Prospecting", "Qualification", "Closed Won", "Closed Lost", "No such"]) | WORDS
FIELDS = {
    "Account": ["Id", "Name", "Industry", "AnnualRevenue", "LastModifiedDate"],
    "Opportunity": ["Id", "Name", "Amount", "CloseDate", "StageName"],
    "Contact": ["Id", "Name", "Email", "Title"],
}


def some(
    needed: Mapping[str, st.SearchStrategy[object]] | None = None, **optional: st.SearchStrategy[object]
) -> st.SearchStrategy[Given]:
    """The arguments that are needed, each of the others or not, and a limit or not."""
    whole: dict[str, st.SearchStrategy[object]] = dict(needed) if needed else {}
    return st.fixed_dictionaries(whole, optional={"limit": st.integers(1, 10), **optional})


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement as people write them."""
    of = draw(st.sampled_from(sorted(FIELDS)))
    fields = draw(st.lists(st.sampled_from(FIELDS[of]), min_size=1, max_size=5, unique=True))
    text = draw(st.text("abc '%_\\é", max_size=6)).replace("\\", "\\\\").replace("'", "\\'")
    where = draw(st.sampled_from(["", f" WHERE Name LIKE '%{text}%'", f" WHERE Name != '{text}'"]))
    order = draw(st.sampled_from(["", " ORDER BY Name", " ORDER BY LastModifiedDate DESC NULLS LAST"]))
    limit = draw(st.sampled_from(["", " LIMIT 1", " LIMIT 7", " limit 200"]))
    return f"SELECT {', '.join(fields)} FROM {of}{where}{order}{limit}"


ARGUMENTS: Mapping[str, st.SearchStrategy[Given]] = {
    "get_accounts": some(account_name=WORDS),
    "get_opportunities": some(account_name=WORDS, stage=STAGES),
    "get_contacts": some(account_name=WORDS),
    "search_records": some({"search_term": WORDS}),
    "run_soql_query": some({"soql_query": statements()}),
    "list_orgs": st.just({}),
}
CALLS = st.sampled_from(sorted(OPERATIONS)).flatmap(
    lambda operation: st.tuples(st.just(operation), ARGUMENTS[operation])
)
READ = st.sampled_from(["get_accounts", "get_opportunities", "get_contacts", "run_soql_query"]).flatmap(
    lambda operation: st.tuples(st.just(operation), ARGUMENTS[operation])
)


# ── who is asked ─────────────────────────────────────────────────────────────────────────────────


class Agents:
    """An agent at the doubles of two CRMs, in a loop of its own, by a clock that waits for nothing."""

    def __init__(self, portal: BlockingPortal, ask: Asked, clock: ManualClock) -> None:
        self._portal = portal
        self._ask = ask
        self.clock = clock

    def __call__(self, operation: str, given: Given) -> Reply:
        return self._portal.call(lambda: self._ask.reply(OPERATIONS.get(operation, operation), **given))

    def offered(self) -> list[str]:
        return [tool.name for tool in self._ask.gate.tools(BOT)]

    def truth(self, object_: str) -> Mapping[str, Row]:
        return {str(row["Id"]): row for row in self._ask.crms.doubles["salesforce"].truth(object_)}

    def made(self) -> int:
        """Calls that the CRMs have had."""
        return sum(double.stats.calls.total() for double in self._ask.crms.doubles.values())

    def waited(self) -> float:
        """Seconds that calls have taken by the clock, all together."""
        return sum(each.milliseconds for each in self._ask.audit.outcomes.values()) / 1_000

    def struck(self) -> int:
        """How often faults have happened."""
        return sum(double.stats.faults.total() for double in self._ask.crms.doubles.values())

    def disturb(self, *faults: str) -> None:
        """Let these happen from now on."""
        for double in self._ask.crms.doubles.values():
            double.faults.replace(faults)


@pytest.fixture(scope="module")
def portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def agents(portal: BlockingPortal) -> Generator[Agents]:
    tools = ["pack:salesforce", "search_contacts", "search_accounts", "search_deals"]
    clock = ManualClock()
    asking = asked(12, clock=clock, tools=tools, limits=LIMITS)
    with portal.wrap_async_context_manager(asking) as ask:
        yield Agents(portal, ask, clock)


def records_of(reply: Reply) -> list[Row]:
    assert not reply.is_error, reply.structured
    assert reply.structured["success"] is True
    records = cast("list[Row]", reply.structured["records"])
    assert reply.structured["totalSize"] == len(records)
    return records


def error_of(reply: Reply) -> Mapping[str, object]:
    assert reply.is_error, reply.structured
    return cast("Mapping[str, object]", reply.structured["error"])


# ── 5, 6, 9: operations and their arguments ──────────────────────────────────────────────────────


@given(CALLS)
def test_every_operation_has_its_tool_and_works_with_its_arguments(
    agents: Agents, call: tuple[str, Given]
) -> None:
    operation, given = call
    assert OPERATIONS[operation] in agents.offered()
    reply = agents(operation, given)
    assert not reply.is_error, reply.structured
    assert reply.structured["status"] == "ok"
    if operation != "list_orgs":
        most = 200 if operation == "run_soql_query" else cast("int", given.get("limit", 5))
        assert len(records_of(reply)) <= most


def test_the_operations_of_the_pack_are_those_that_clients_know() -> None:
    assert [tool.name for tool in SALESFORCE.tools] == [*OPERATIONS.values()]


JSON = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2)
)
WRONG = st.one_of(
    st.tuples(
        st.just("limit"),
        st.integers(max_value=0) | st.integers(min_value=51) | st.sampled_from(["x", "", "1.5"]),
    ),
    st.tuples(st.just("account_name"), st.integers() | st.just("x") | st.text(min_size=201, max_size=205)),
    st.tuples(st.text("abcdef_", min_size=1, max_size=12).map(lambda name: f"{name}_"), JSON),
)


@given(st.sampled_from(["get_accounts", "get_opportunities", "get_contacts"]), some(), WRONG)
def test_wrong_arguments_are_told_by_name_and_no_crm_is_called(
    agents: Agents, operation: str, given: Given, wrong: tuple[str, object]
) -> None:
    before = agents.made()
    error = error_of(agents(operation, {**given, wrong[0]: wrong[1]}))
    assert agents.made() == before
    assert error["code"] == "invalid_arguments"
    assert str(error["hint"]).startswith("arguments: limit")
    if not wrong[0].endswith("_"):
        assert str(error["message"]).startswith(wrong[0])


# ── 7, 8: records, money and days ────────────────────────────────────────────────────────────────


@given(READ)
def test_answers_have_the_names_amounts_and_days_that_the_crm_has(
    agents: Agents, call: tuple[str, Given]
) -> None:
    operation, given = call
    kinds = {"get_accounts": "Account", "get_opportunities": "Opportunity", "get_contacts": "Contact"}
    kind = kinds.get(operation) or str(given["soql_query"]).split(" FROM ")[1].split()[0]
    truth = agents.truth(kind)
    names = Counter(row["Name"] for row in truth.values())
    for record in records_of(agents(operation, given)):
        if operation != "run_soql_query":
            assert record["Name"] == truth[str(record["Id"])]["Name"]
        elif "Name" in record:
            assert names[record["Name"]]
        held = truth.get(str(record.get("Id")), {})
        if held and "Amount" in record and record["Amount"] is not None:
            amount = cast("Mapping[str, str]", record["Amount"])
            assert Decimal(amount["amount"]) == Decimal(str(held["Amount"]))
            assert not amount["text"][0].isdigit()
        if held and "CloseDate" in record:
            day = cast("Mapping[str, str]", record["CloseDate"])
            assert day["value"] == held["CloseDate"]
            people = datetime.strptime(day["text"], "%d %B %Y").replace(tzinfo=UTC)
            assert people.date().isoformat() == day["value"]


AMOUNTS = st.decimals(-(10**30), 10**30, places=4) | st.decimals(-(10**9), 10**9, places=2)


@given(
    AMOUNTS,
    st.none()
    | st.sampled_from(["EUR", "USD", "JPY", "CHF", "INR"])
    | st.text("ABCXYZ", min_size=3, max_size=3),
)
def test_money_says_its_currency_and_the_same_number_to_machines_and_people(
    amount: Decimal, currency: str | None
) -> None:
    told = MoneyOut.of(Money(amount, currency))
    assert told is not None
    found = re.fullmatch(r"(?P<sign>-?)(?P<symbol>[^\d\s.,-]+) (?P<digits>[\d,]+(\.\d+)?)", told.text)
    assert found is not None
    assert Decimal(told.amount) == Decimal(found["sign"] + found["digits"].replace(",", "")) == amount
    assert told.currency == currency


@given(st.builds(datetime.combine, st.dates(date(1000, 1, 1)), st.times(), st.just(UTC)))
def test_days_and_instants_read_the_same_for_machines_and_people(at: datetime) -> None:
    day, instant = DateOut.of(at.date()), TimeOut.of(at)
    assert day is not None
    assert date.fromisoformat(day.value) == at.date()
    assert datetime.strptime(day.text, "%d %B %Y").replace(tzinfo=UTC).date() == at.date()
    assert instant is not None
    assert datetime.fromisoformat(instant.value) == at.replace(microsecond=0)
    people = datetime.strptime(instant.text, "%d %B %Y, %H:%M UTC").replace(tzinfo=UTC)
    assert people == at.replace(second=0, microsecond=0)


# ── 12, 14: time, and faults ─────────────────────────────────────────────────────────────────────


def test_an_answer_takes_less_than_two_seconds_on_average(agents: Agents) -> None:
    seconds: list[float] = []

    @given(CALLS)
    def timed(call: tuple[str, Given]) -> None:
        made, waited = agents.made(), agents.waited()
        agents(*call)
        seconds.append((agents.made() - made) * SECONDS_OF_A_CALL + agents.waited() - waited)

    timed()
    assert len(seconds) >= 100
    assert sum(seconds) / len(seconds) < 2.0


QUESTIONS = CALLS | st.tuples(st.sampled_from(["search_contacts", "search_accounts"]), some({"query": WORDS}))
FAULTS = ("503:6%", "429+2:4%", "cut:4%", "lost:2%", "truncated:2%", "html:2%", "expire:1%")


def test_of_a_long_run_with_faults_more_than_95_percent_succeed(agents: Agents) -> None:
    ended: Counter[str] = Counter()

    @settings(max_examples=200)
    @given(QUESTIONS)
    def run(call: tuple[str, Given]) -> None:
        reply = agents(*call)
        ended[str(reply.structured["status"])] += 1
        if reply.is_error:
            assert error_of(reply)["hint"]
        agents.clock.advance(1)

    agents.disturb(*FAULTS)
    try:
        run()
    finally:
        agents.disturb()
    assert ended.total() >= 200
    assert agents.struck() >= 20
    assert ended["ok"] > 0.95 * ended.total(), ended


# ── 10, 11, 13: what fails, and many at once ─────────────────────────────────────────────────────


def kinds_of(of: type[ConnectorError]) -> list[type[ConnectorError]]:
    """The errors of calls, all of them."""
    return [of, *itertools.chain.from_iterable(kinds_of(each) for each in of.__subclasses__())]


class Wires:
    """The ways to the CRMs of a hub in memory."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.error: ConnectorError | None = None
        self.calls = 0
        self.awaited = 0
        self.there = anyio.Event()
        for name in ("north", "south"):
            cast("MemoryConnector", hub[name].connector).crm.wire = self.wire

    @asynccontextmanager
    async def wire(self, _: str) -> AsyncGenerator[None]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        if self.calls >= self.awaited:
            self.there.set()
        await self.there.wait()
        yield

    def gather(self, count: int) -> None:
        """Let calls pass once so many are there."""
        self.calls, self.awaited, self.there, self.error = 0, count, anyio.Event(), None


@pytest.fixture(scope="module")
def office(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Gate, Wires]]:
    """A gate to two CRMs in memory, and the ways to them."""
    with portal.wrap_async_context_manager(hub_of_two(tmp_path_factory.mktemp("office"))) as hub:
        gate = portal.call(lambda: gate_to(hub, limits=LIMITS))
        yield gate, portal.call(Wires, hub)


@given(
    st.sampled_from(kinds_of(ConnectorError)),
    st.text(max_size=20),
    st.sampled_from(["find_people", "get_person"]),
)
def test_every_error_says_which_crm_failed_and_what_to_do_and_shows_nothing_of_it(
    portal: BlockingPortal, office: tuple[Gate, Wires], kind: type[ConnectorError], text: str, tool: str
) -> None:
    gate, wires = office
    wires.error = kind(f"secret-canary {text}", code="secret-canary", status=500)
    given = {"connection": "north"} | ({"id": "p1"} if tool == "get_person" else {})
    reply = portal.call(lambda: gate.call(BOT, tool, given, origin=ORIGIN))
    if reply.structured["status"] == "unsupported":
        (told,) = cast("list[Mapping[str, object]]", reply.structured["sources"])
        assert told["connection"] == "north"
    else:
        told = error_of(reply)
        assert "north" in str(told["message"])
        assert str(told["hint"]) in reply.text
    assert told["code"] not in {"", "internal", None}
    assert told["hint"]
    assert "canary" not in str(reply)


@given(st.lists(st.tuples(st.sampled_from(["north", "south"]), st.integers(1, 4)), min_size=1, max_size=24))
def test_calls_at_once_are_at_the_crms_at_once_and_cost_no_more(
    portal: BlockingPortal, office: tuple[Gate, Wires], wanted: Sequence[tuple[str, int]]
) -> None:
    gate, wires = office
    replies: list[Reply] = []

    async def ask(connection: str, number: int) -> None:
        given = {"id": f"p{number}", "connection": connection}
        replies.append(await gate.call(BOT, "get_person", given, origin=ORIGIN))

    async def run(several: Sequence[tuple[str, int]]) -> int:
        wires.gather(len(several))
        with anyio.fail_after(30):  # if one held up the others, they would never all be there
            async with anyio.create_task_group() as group:
                for one in several:
                    group.start_soon(ask, *one)
        return wires.calls

    alone = max(portal.call(run, [one]) for one in set(wanted))
    assert portal.call(run, wanted) <= alone * len(wanted)
    assert not any(reply.is_error for reply in replies)


PASSING = [DOWN, *LOST, *NEVER_SENT, TORN, httpx.Response(429)]


@given(
    st.lists(st.tuples(st.sampled_from(PASSING), st.none() | st.integers(0, 20)), max_size=4), st.integers()
)
def test_what_fails_for_a_while_is_tried_again_later_each_time_and_succeeds(
    portal: BlockingPortal, failures: Sequence[tuple[httpx.Response | Exception, int | None]], seed: int
) -> None:
    asked_for = [
        wait if isinstance(step, httpx.Response) and step.is_error else None for step, wait in failures
    ]
    steps = [
        httpx.Response(cast("httpx.Response", step).status_code, headers={"retry-after": str(wait)})
        if wait is not None
        else step
        for (step, _), wait in zip(failures, asked_for, strict=True)
    ]
    crm = Crm(*steps, FINE, seed=seed)
    portal.call(crm.http.request, "GET", "/v1/x")
    waits = [later - earlier for earlier, later in itertools.pairwise(crm.sent_at)]
    assert len(waits) == len(failures)
    for number, (wait, least) in enumerate(zip(waits, asked_for, strict=True)):
        assert max(0.25 * 2**number, least or 0) <= wait + 1e-6
        assert wait - 1e-6 <= max(0.5 * 2**number, least or 0)

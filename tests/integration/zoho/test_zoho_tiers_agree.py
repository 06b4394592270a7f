"""One organisation by its MCP server, by Zoho's SDK and by REST: the same bytes, and the same outcomes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Native, Outcome, Value, WriteItem, WriteRequest
from crmhub.events import Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.models import Record
from crmhub.records import Records
from crmhub.routing import CallContext, routed
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = [
    pytest.mark.skipif(find_spec("mcp") is None, reason="the MCP library is not installed"),
    pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="the SDK is not installed"),
    # The MCP library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

TIERS = ("mcp", "sdk", "rest")
CONTEXTS: Sequence[tuple[CallContext, str]] = (("agent", "mcp"), ("background", "sdk"), ("fallback", "rest"))
KEYS = ("client_id", "client_secret", "refresh_token")
SCHEMA = """
Accounts:
  - {name: Sync_Key, type: text, length: 60, unique: true}
  - {name: Told, type: multiselectpicklist, choices: ["A", "B", "Ü;ß"]}
  - {name: Big, type: bigint}
  - {name: Share, type: percent}
  - {name: Ratio, type: double}
  - {name: Flag, type: boolean}
  - {name: Day, type: date}
  - {name: At, type: datetime}
  - {name: Twin, type: lookup, reference_to: Accounts}
"""
HARD_NAMES = (
    "Ünïcödé 北京 🏢",
    'O\'Brien "& Sons" \\ <b>',
    "مرحبا",
    "a\u0301e\u0301",
    "null",
    "0",
    "Zebra " * 30,
)


@dataclass
class Office:
    """A hub with one connection, to a simulated organisation with an MCP server."""

    hub: Hub
    zoho: ZohoDouble
    clock: ManualClock

    @property
    def records(self) -> dict[str, Records[Record]]:
        """The collections whose records the tiers give, by what they hold."""
        zoho = self.hub["zoho"]
        found = {
            "accounts": zoho.accounts,
            "contacts and leads": zoho.contacts,
            "deals": zoho.deals,
            "tasks, events, calls and notes": zoho.activities,
        }
        return cast("dict[str, Records[Record]]", found)

    def ids(self, *modules: str) -> list[str]:
        """The ids of all live records of the modules."""
        return [str(row["id"]) for module in modules for row in self.zoho.truth(module)]

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """By Zoho's own names of fields."""
        return await self.hub["zoho"].connector.write(request)


MODULES = {
    "accounts": ("Accounts",),
    "contacts and leads": ("Contacts", "Leads"),
    "deals": ("Deals",),
    "tasks, events, calls and notes": ("Tasks", "Events", "Calls", "Notes"),
}


@asynccontextmanager
async def office(folder: Path, rows: int = 6) -> AsyncGenerator[Office]:
    schema = folder / "schema.yaml"
    schema.write_text(SCHEMA)
    clock = ManualClock()
    zoho = ZohoDouble(
        Options(
            rows=rows, seed=5, base_url="http://localhost", schema=schema, now=lambda: clock.now().timestamp()
        )
    )
    with running(zoho) as state:
        mcp: dict[str, Value] = {"url": f"{state.url}/mcp", "token": zoho.mcp.token}
        values: dict[str, Value] = {
            "api_url": "http://localhost",
            "tiers": {"mcp": mcp},
            **{key: zoho.credentials[key] for key in KEYS},
        }
        config = Config({"zoho": ConnectionSettings("zoho", "zoho", values)}, store="sqlite:///:memory:")
        transports = {"zoho": asgi_transport(zoho.app)}
        async with Hub(config, clock=clock, events=Events(clock), transports=transports) as hub:
            yield Office(hub, zoho, clock)


def hard(number: int) -> Native:
    """An account whose every value is one that some way loses."""
    return {
        "Account_Name": HARD_NAMES[number % len(HARD_NAMES)] + str(number),
        "Employees": (0, None, 999_999_999)[number % 3],
        "Annual_Revenue": (Decimal(0), Decimal("0.01"), Decimal("-12.5"), Decimal("1234567890123.45"))[
            number % 4
        ],
        "Share": (None, Decimal("33.333"), Decimal(0))[number % 3],
        "Ratio": (Decimal("0.1"), Decimal("1E-7"), Decimal(123456789))[number % 3],
        "Big": ("9007199254740993", None)[number % 2],
        "Flag": bool(number % 2),
        "Day": ("2024-02-29", None)[number % 2],
        "At": ("2026-03-29T01:30:00+00:00", "1999-12-31T23:59:59-08:00", None)[number % 3],
        "Told": cast("Value", (["A", "Ü;ß"], [], None)[number % 3]),
        "Description": ("line\nline\ttab\u2028", "", "long " * 2_000)[number % 3],
    }


async def made(place: Office, rows: Sequence[Native]) -> list[str]:
    """Accounts with those values, made by REST; their ids."""
    outcomes = await place.write(WriteRequest("Accounts", "create", [WriteItem(row) for row in rows]))
    assert [outcome.problem for outcome in outcomes] == [None] * len(rows)
    return [str(outcome.id) for outcome in outcomes]


async def by_each(place: Office, kind: str, ids: Sequence[str]) -> list[list[str]]:
    """The records as canonical JSON by each tier, which is proved to be the one that gave them."""
    found: list[list[str]] = []
    for tier in TIERS:
        with routed(tier=tier) as route:
            records = await place.records[kind].get_many(ids)
        assert {call.tier for call in route.served} == {tier}
        assert all(records)
        found.append([record.model_dump_json() for record in records if record is not None])
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("kind", MODULES)
async def test_records_by_id_are_the_same_bytes_by_each_tier(tmp_path: Path, kind: str) -> None:
    async with office(tmp_path) as place:
        if kind == "accounts":
            (first, *_) = await made(place, [hard(number) for number in range(12)])
            await made(place, [{"Account_Name": "Twin", "Twin": {"id": first}}])
        ids = place.ids(*MODULES[kind])
        by_mcp, by_sdk, by_rest = await by_each(place, kind, ids)
    assert by_mcp == by_rest
    assert by_sdk == by_rest
    assert len(set(by_rest)) == len(ids) >= 6


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("kind", MODULES)
async def test_the_newest_are_the_same_bytes_by_each_tier(tmp_path: Path, kind: str) -> None:
    found: list[list[str]] = []
    async with office(tmp_path) as place:
        if kind == "accounts":
            await made(place, [hard(number) for number in range(12)])
        for tier in TIERS:
            with routed(tier=tier):
                found.append([one.model_dump_json() async for one in place.records[kind].newest(5)])
    assert found[0] == found[1] == found[2]
    assert len(found[2]) == 5


@pytest.mark.anyio
async def test_a_search_gives_the_same_bytes_by_each_tier(tmp_path: Path) -> None:
    found: list[list[str]] = []
    async with office(tmp_path) as place:
        await made(place, [hard(number) for number in range(14)])
        place.clock.advance(120)
        for tier in TIERS:
            with routed(tier=tier):
                hits = [one async for one in place.hub["zoho"].accounts.search("Zebra", limit=20)]
            found.append(sorted(one.model_dump_json() for one in hits))
    assert found[0] == found[1] == found[2]
    assert len(found[2]) == 2


def _told(outcome: Outcome) -> tuple[object, ...]:
    problem = outcome.problem
    if problem is None:
        return outcome.status, outcome.id is not None, outcome.version is not None
    return outcome.status, problem.code, problem.field, problem.permanent, problem.missing, outcome.id is None


@pytest.mark.anyio
async def test_writes_have_the_same_outcomes_by_each_tier(tmp_path: Path) -> None:
    told: dict[str, list[list[tuple[object, ...]]]] = {}
    async with office(tmp_path) as place:
        await made(place, [{"Account_Name": "Taken", "Sync_Key": "taken"}])
        for context, tier in CONTEXTS:
            with routed(context) as route:
                told[tier] = [list(map(_told, outcomes)) for outcomes in await every_write(place, tier)]
            assert tier in {call.tier for call in route.served if call.operation in {"create", "update"}}
    assert told["mcp"] == told["rest"]
    assert told["sdk"] == told["rest"]
    statuses = {one[0] for outcomes in told["rest"] for one in outcomes}
    assert statuses == {"created", "updated", "deleted", "rejected"}


async def every_write(place: Office, tier: str) -> list[Sequence[Outcome]]:
    """The outcomes of good and bad creates, updates, upserts and deletes."""
    accounts: list[Native] = [
        {"Account_Name": f"Good {tier}"},
        {"Phone": "1"},
        {"Account_Name": "x" * 300},
        {"Account_Name": f"Twin {tier}", "Sync_Key": "taken"},
        {"Account_Name": f"Typed {tier}", "Employees": Decimal("2.5")},
        {"Account_Name": f"Chosen {tier}", "Industry": "No such choice"},
        {"Account_Name": f"Linked {tier}", "Parent_Account": {"id": "554023000000099999"}},
        {"Account_Name": f"Also good {tier}", "Employees": 0},
    ]
    created = await place.write(WriteRequest("Accounts", "create", [WriteItem(row) for row in accounts]))
    good = [str(outcome.id) for outcome in created if outcome.ok]
    changes = [
        WriteItem({"Phone": "0"}, id=good[0]),
        WriteItem({"Phone": None, "Employees": None}, id=good[-1]),
        WriteItem({"Phone": "1"}, id="554023000000099999"),
        WriteItem({"Phone": "1"}, id="no id"),
        WriteItem({"Modified_Time": "2026-01-01T00:00:00+00:00"}, id=good[1]),
    ]
    keyed = [WriteItem({"Phone": "5"}, key=name) for name in ("Taken", f"Upserted {tier}")]
    gone = [WriteItem(id=one) for one in (good[0], "554023000000099999", "no id")]
    return [
        created,
        await place.write(WriteRequest("Accounts", "update", changes)),
        await place.write(WriteRequest("Accounts", "upsert", keyed, "Account_Name")),
        await place.write(WriteRequest("Accounts", "delete", gone)),
        await place.write(WriteRequest("Accounts", "delete", gone)),
        await place.write(WriteRequest("Leads", "create", [WriteItem({"Company": "No name"})])),
        await place.write(WriteRequest("Tasks", "create", [WriteItem({"Subject": f"Call {tier}"})])),
    ]


@pytest.mark.anyio
async def test_what_each_tier_writes_is_the_same_in_zoho(tmp_path: Path) -> None:
    own = {"id", "Created_Time", "Modified_Time", "Last_Activity_Time"}
    async with office(tmp_path, rows=0) as place:
        for context, tier in CONTEXTS:
            with routed(context) as route:
                outcomes = await place.write(
                    WriteRequest("Accounts", "create", [WriteItem(hard(number)) for number in range(12)])
                )
            assert {outcome.status for outcome in outcomes} == {"created"}
            assert route.served[-1].tier in {tier, "rest"}
        rows = [
            {name: value for name, value in row.items() if name not in own}
            for row in place.zoho.truth("Accounts")
        ]
    assert rows[:12] == rows[12:24] == rows[24:]


# ── generated values ─────────────────────────────────────────────────────────────────────────────

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"),
    max_size=60,
)
AMOUNTS = st.decimals(-(10**12), 10**12, places=2, allow_nan=False)
ROWS = st.fixed_dictionaries(
    {"Account_Name": TEXTS.map(lambda text: f"N{text}N")},
    optional={
        "Employees": st.none() | st.integers(0, 999_999_999),
        "Annual_Revenue": st.none() | AMOUNTS,
        "Ratio": st.none() | st.decimals(-(10**6), 10**6, places=4),
        "Flag": st.booleans(),
        "Day": st.none() | st.dates(date(1970, 1, 1), date(2099, 12, 31)).map(date.isoformat),
        "At": st.datetimes(datetime(1980, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
            lambda at: at.isoformat(timespec="seconds")
        ),
        "Told": st.lists(st.sampled_from(("A", "B", "Ü;ß")), unique=True),
        "Description": TEXTS,
    },
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[BlockingPortal, Office]]:
    """One organisation for all generated records."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(office(tmp_path_factory.mktemp("agree"), rows=0)) as place,
    ):
        yield portal, place


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8))
def test_whatever_is_in_a_record_it_is_the_same_bytes_by_each_tier(
    shared: tuple[BlockingPortal, Office], rows: list[Native]
) -> None:
    portal, place = shared

    async def prove() -> None:
        by_mcp, by_sdk, by_rest = await by_each(place, "accounts", await made(place, rows))
        assert by_mcp == by_rest
        assert by_sdk == by_rest

    portal.call(prove)

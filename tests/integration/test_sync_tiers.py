"""A sync into Zoho by each of its tiers: its record names them, and one that dies costs nothing."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Value
from crmhub.errors import ConnectorError, SyncError
from crmhub.events import Event, Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.sync import Job, SyncReport
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    # The MCP library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

ROWS = 60
JOB = Job("shop", "zoho", models=("account", "contact"), page_size=10)
KEYS = ("client_id", "client_secret", "refresh_token")
MAPPING = """
crm: memory
version: 1
maps:
  - {model: account, object: companies, fields: {name: name, website: site}}
  - model: contact
    object: people
    set: {kind: person}
    fields: {last_name: name, account: {ref: account, to: company}}
"""
OBJECTS = {"companies": {"name": "text", "site": "text"}, "people": {"name": "text", "company": "text"}}

needs_mcp = pytest.mark.skipif(find_spec("mcp") is None, reason="the MCP library is not installed")
needs_sdk = pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="the SDK is not installed")


@dataclass
class Office:
    """A shop in memory, a simulated Zoho, and the server of its MCP tools, which can be taken away."""

    hub: Hub
    zoho: Double
    clock: ManualClock
    server: ExitStack

    def after(self, calls: int, tier: str, happens: Callable[[], None]) -> None:
        """Have that happen once, after so many calls that the tier has served."""
        left = [calls]

        def hear(event: Event) -> None:
            if event.name == "tier.served" and event.detail["tier"] == tier:
                left[0] -= 1
                if left[0] == 0:
                    happens()

        self.hub.events.subscribe(hear)

    async def sync(self) -> tuple[SyncReport, int]:
        """Run until a run is done, with pauses; its report, and how many runs it took."""
        ended: list[object] = []
        for number in range(1, 11):
            try:
                report = await self.hub.run(JOB)
            except (ConnectorError, SyncError) as error:
                ended.append(error)
            else:
                if report.state == "done":
                    return report, number
                ended.append(report.letters)
            self.clock.advance(900.0)
        raise AssertionError(f"not done after ten runs: {ended}")

    def truth(self) -> list[tuple[str, str | None]]:
        """The names of all accounts, and of all contacts with the names of their accounts."""
        accounts = {str(row["id"]): str(row["Account_Name"]) for row in self.zoho.truth("Accounts")}
        contacts = (
            (str(row["Last_Name"]), accounts[cast("dict[str, str]", row["Account_Name"])["id"]])
            for row in self.zoho.truth("Contacts")
        )
        return sorted([*((name, "") for name in accounts.values()), *contacts])

    async def served(self) -> dict[str, int]:
        """How many operations each tier of Zoho served, by the records of all runs together."""
        total: dict[str, int] = {}
        for run in await (await self.hub.store()).runs.recent():
            for tier, count in run.served.get("zoho", {}).items():
                total[tier] = total.get(tier, 0) + count
        return total


@asynccontextmanager
async def office(folder: Path, **tiers: Value) -> AsyncGenerator[Office]:
    """The shop is full, Zoho empty; ``tiers`` are settings of the connection to Zoho."""
    clock = ManualClock()
    zoho = make_double(
        "zoho", Options(rows=0, base_url="http://localhost", now=lambda: clock.now().timestamp())
    )
    assert isinstance(zoho, ZohoDouble)
    mapping = folder / "shop.yaml"
    mapping.write_text(MAPPING)
    companies: list[Value] = [{"id": f"c{n}", "name": f"Company {n}", "site": None} for n in range(ROWS)]
    people: list[Value] = [{"id": f"p{n}", "name": f"Person {n}", "company": f"c{n}"} for n in range(ROWS)]
    with ExitStack() as server:
        if tiers.get("mcp") is True:
            state = server.enter_context(running(zoho))
            tiers["mcp"] = {"url": f"{state.url}/mcp", "token": zoho.mcp.token}
        settings: dict[str, Value] = {
            "api_url": "http://localhost",
            "tiers": tiers,
            **{key: zoho.credentials[key] for key in KEYS},
        }
        config = Config(
            {"zoho": ConnectionSettings("zoho", "zoho", settings)}, store=f"sqlite:///{folder / 'tiers.db'}"
        )
        transports = {"zoho": asgi_transport(zoho.app)}
        async with Hub(config, clock=clock, events=Events(clock), transports=transports) as hub:
            rows: Value = {"companies": companies, "people": people}
            hub.add("shop", MemoryConnector, mapping=mapping, objects=cast("Value", OBJECTS), rows=rows)
            yield Office(hub, zoho, clock, server)


EXPECTED = sorted(
    [*((f"Company {n}", "") for n in range(ROWS)), *((f"Person {n}", f"Company {n}") for n in range(ROWS))]
)


async def test_the_record_of_a_run_tells_by_which_tiers_its_calls_were_served(tmp_path: Path) -> None:
    async with office(tmp_path, sdk=False) as place:
        told: list[Event] = []
        place.hub.events.subscribe(told.append)
        report, _ = await place.sync()
        run = await (await place.hub.store()).runs.get(report.run)
    served = sum(event.name == "tier.served" for event in told)
    assert run is not None
    assert served > 0
    assert run.served == report.tiers == {"zoho": {"rest": served}}


@needs_mcp
async def test_a_run_for_an_agent_goes_by_tools(tmp_path: Path) -> None:
    async with office(tmp_path, context="agent", sdk=False, mcp=True) as place:
        report, runs = await place.sync()
        assert report.tiers["zoho"].keys() == {"mcp"}
        assert (await place.served(), runs) == (report.tiers["zoho"], 1)
        assert place.truth() == EXPECTED


def goes_away(place: Office, _: pytest.MonkeyPatch) -> None:
    place.server.close()


def fails(*rules: str) -> Callable[[Office, pytest.MonkeyPatch], None]:
    return lambda place, _: place.zoho.faults.replace(rules)


def breaks(_: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crmhub_zoho.tiers.sdk.library", None)


@needs_mcp
@pytest.mark.parametrize(
    "dies",
    [
        pytest.param(goes_away, id="gone"),
        pytest.param(fails("503@/mcp"), id="503"),
        pytest.param(fails("401@/mcp"), id="401"),
        pytest.param(fails("cut@/mcp:30x"), id="cut"),
        pytest.param(fails("lost@/mcp:6x"), id="lost"),
    ],
)
async def test_an_mcp_server_that_dies_in_mid_run_costs_nothing(
    tmp_path: Path, dies: Callable[[Office, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(tmp_path, context="agent", sdk=False, mcp=True) as place:
        place.after(4, "mcp", lambda: dies(place, monkeypatch))
        await place.sync()
        truth = place.truth()
        served = await place.served()
    assert truth == EXPECTED
    assert served["mcp"] >= 4
    assert served["rest"] > 0


@needs_sdk
@pytest.mark.parametrize(
    "dies",
    [
        pytest.param(breaks, id="broken"),
        pytest.param(fails("500@POST:12x"), id="500"),
        pytest.param(fails("lost@POST:2x"), id="lost"),
    ],
)
async def test_an_sdk_that_dies_in_mid_run_costs_nothing(
    tmp_path: Path, dies: Callable[[Office, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(tmp_path, context="background") as place:
        place.after(4, "sdk", lambda: dies(place, monkeypatch))
        await place.sync()
        truth = place.truth()
        served = await place.served()
    assert truth == EXPECTED
    assert served["sdk"] >= 4


@pytest.mark.parametrize("rules", [("500:8x",), ("lost@POST:3x",), ("cut:25x",)], ids=lambda rules: rules[0])
async def test_a_rest_api_that_dies_in_mid_run_costs_nothing(
    tmp_path: Path, rules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(tmp_path, sdk=False) as place:
        place.after(4, "rest", lambda: fails(*rules)(place, monkeypatch))
        await place.sync()
        truth = place.truth()
    assert truth == EXPECTED

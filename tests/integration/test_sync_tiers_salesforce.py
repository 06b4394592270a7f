"""A sync out of Salesforce, and an agent's calls, while the MCP server that serves some of them dies."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Value
from crmhub.events import Event, Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.models import Account
from crmhub.routing import routed
from crmhub.sync import Job
from crmhub.testing.memory import MemoryConnector, MemoryCrm
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_salesforce.simulator import SalesforceDouble
from crmhub_salesforce.simulator.records import Records

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mcp") is None, reason="the MCP library is not installed"),
    # The library leaves an event stream where it has its reply; trio finds that worth a warning.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

ROWS = 30
MAPPING = """
crm: memory
version: 1
maps:
  - {model: account, object: companies, fields: {name: name, parent: {ref: account, to: above}}}
  - model: contact
    object: people
    set: {kind: person}
    fields: {last_name: name, reports_to: {ref: contact, to: above}}
"""
OBJECTS = {"companies": {"name": "text", "above": "text"}, "people": {"name": "text", "above": "text"}}
ABOVE = {"Account": ("Name", "ParentId"), "Contact": ("LastName", "ReportsToId")}


@dataclass
class Office:
    """A simulated Salesforce in which each record stands below the next, its MCP server, and a shop."""

    hub: Hub
    salesforce: SalesforceDouble
    shop: MemoryCrm
    server: ExitStack

    def after(self, calls: int, happens: Callable[[], None]) -> None:
        """Have that happen once, after so many calls that the MCP server has served."""
        left = [calls]

        def hear(event: Event) -> None:
            if event.name == "tier.served" and event.detail["tier"] == "mcp":
                left[0] -= 1
                if left[0] == 0:
                    happens()

        self.hub.events.subscribe(hear)

    def truth(self) -> list[tuple[str, str]]:
        """The names of all records with the names of those above them."""
        found: list[tuple[str, str]] = []
        for kind, (name, above) in ABOVE.items():
            rows = {str(row["Id"]): row for row in self.salesforce.truth(kind)}
            names = {id_: str(row[name]) for id_, row in rows.items()}
            found += [(names[id_], names.get(str(row[above]), "")) for id_, row in rows.items()]
        return sorted(found)

    def arrived(self) -> list[tuple[str, str]]:
        """The same, of what the shop has."""
        found: list[tuple[str, str]] = []
        for rows in self.shop.records.values():
            names = {id_: str(row["name"]) for id_, row in rows.items()}
            found += [(names[id_], names.get(str(row.get("above")), "")) for id_, row in rows.items()]
        return sorted(found)


@asynccontextmanager
async def office(folder: Path, rows: int) -> AsyncGenerator[Office]:
    clock = ManualClock()
    played = SalesforceDouble(
        Options(
            rows=dict.fromkeys(ABOVE, rows),
            base_url="http://localhost",
            now=lambda: clock.now().timestamp(),
            seed=5,
        )
    )
    records = Records(played.org)
    for kind, (_, above) in ABOVE.items():
        sobject = played.org.catalog.get(kind)
        assert sobject is not None
        for below, higher in pairwise(sorted(str(row["Id"]) for row in played.truth(kind))):
            records.change(sobject, records.find(sobject, below), {above: higher})
    mapping = folder / "shop.yaml"
    mapping.write_text(MAPPING)
    with ExitStack() as server:
        state = server.enter_context(running(played))
        mcp: Value = {"url": state.credentials["mcp_url"], "token": state.credentials["mcp_token"]}
        settings: dict[str, Value] = {
            "instance_url": "http://localhost",
            "tiers": {"context": "agent", "mcp": mcp},
            **{key: played.credentials[key] for key in ("client_id", "client_secret")},
        }
        config = Config(
            {"sf": ConnectionSettings("sf", "salesforce", settings)}, store=f"sqlite:///{folder / 'sf.db'}"
        )
        transports = {"sf": asgi_transport(played.app)}
        async with Hub(config, clock=clock, events=Events(clock), transports=transports) as hub:
            shop = hub.add(
                "shop",
                MemoryConnector,
                mapping=mapping,
                objects=cast("Value", OBJECTS),
                rows={"companies": []},
            )
            connector = shop.connector
            assert isinstance(connector, MemoryConnector)
            yield Office(hub, played, connector.crm, server)


def goes_away(place: Office) -> None:
    place.server.close()


def forgets(place: Office) -> None:
    place.salesforce.mcp.end_all()


def fails(*rules: str) -> Callable[[Office], None]:
    return lambda place: place.salesforce.faults.replace(rules)


DEATHS = [
    pytest.param(goes_away, id="gone"),
    pytest.param(fails("503@/mcp"), id="503"),
    pytest.param(fails("401@/mcp"), id="401"),
    pytest.param(fails("cut@/mcp:30x"), id="cut"),
    pytest.param(fails("lost@/mcp:6x"), id="lost"),
    pytest.param(fails("truncated@/mcp:6x"), id="truncated"),
    pytest.param(forgets, id="restarted"),
]


@pytest.mark.parametrize("dies", DEATHS)
async def test_a_server_that_dies_in_mid_run_costs_nothing(
    tmp_path: Path, dies: Callable[[Office], None]
) -> None:
    async with office(tmp_path, ROWS) as place:
        place.after(1, lambda: dies(place))
        gets: list[object] = []

        def hear(event: Event) -> None:
            if event.name == "tier.served" and event.detail["operation"] == "get":
                gets.append(event.detail["tier"])

        place.hub.events.subscribe(hear)
        report = await place.hub.run(Job("sf", "shop", models=("account", "contact")))
        assert (report.state, report.letters) == ("done", {})
        assert gets[0] == "mcp"  # of records that waited for the one above them
        assert len(gets) >= 2
        assert place.arrived() == place.truth()


@pytest.mark.parametrize("dies", DEATHS)
async def test_an_agent_is_told_the_same_whatever_becomes_of_the_server(
    tmp_path: Path, dies: Callable[[Office], None]
) -> None:
    async with office(tmp_path, 6) as place:
        place.after(6, lambda: dies(place))
        accounts = place.hub["sf"].accounts
        ids = sorted(str(row["Id"]) for row in place.salesforce.truth("Account"))

        async def told(id_: str) -> list[list[Account]]:
            one = await accounts.get(id_)
            found = [account async for account in accounts.search(str(one.name), limit=5)]
            return [[one], found, list(await accounts.newest(3))]

        with routed("agent") as route:
            by_agent = [await told(id_) for id_ in ids]
        with routed("fallback"):
            by_rest = [await told(id_) for id_ in ids]
    assert by_agent == by_rest
    served = [call.tier for call in route.served if call.operation != "read"]
    assert served[:6] == ["mcp"] * 6
    assert len(served) == 3 * len(ids)

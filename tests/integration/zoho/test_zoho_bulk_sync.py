"""Syncs into Zoho whose pages are large enough for bulk write jobs: right at the end, whatever was lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import WriteItem, WriteRequest
from crmhub.events import Event, Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options

pytestmark = pytest.mark.anyio

ROWS = 30
KEYS = {"zoho": ("client_id", "client_secret", "refresh_token"), "salesforce": ("client_id", "client_secret")}
SCHEMA = """
Accounts:
  - {name: Other_Id, type: text, length: 200, unique: true}
"""
JOB = "POST /crm/bulk/v8/write"
BATCH = "POST /crm/v8/Accounts"


@dataclass
class World:
    """A Salesforce and a Zoho, and one sync from the first to the second."""

    hub: Hub
    clock: ManualClock
    doubles: dict[str, Double]
    heard: list[Event] = field(default_factory=list[Event])

    async def sync(self) -> Mapping[str, int]:
        self.heard.clear()
        report = await self.hub.sync("salesforce", "zoho", models=("account",), page_size=1_000)
        assert report.letters == {}
        return report.models["account"]

    async def rename(self, prefix: str) -> None:
        ids = [str(row["Id"]) for row in self.doubles["salesforce"].truth("Account")]
        items = [WriteItem({"Name": f"{prefix} {place:02}"}, id=one) for place, one in enumerate(ids)]
        outcomes = await self.hub["salesforce"].connector.write(WriteRequest("Account", "update", items))
        assert {one.status for one in outcomes} == {"updated"}

    def names(self, name: str) -> list[str]:
        object_, key = {"salesforce": ("Account", "Name"), "zoho": ("Accounts", "Account_Name")}[name]
        return sorted(str(row[key]) for row in self.doubles[name].truth(object_))

    def calls(self, part: str) -> int:
        shown = (
            f"{one.detail['method']} {one.detail['path']}" for one in self.heard if one.name == "http.call"
        )
        return sum(part in call for call in shown)


@asynccontextmanager
async def world(folder: Path, *, key: bool) -> AsyncGenerator[World]:
    clock = ManualClock()
    schema = folder / "schema.yaml"
    schema.write_text(SCHEMA)

    def options(schema: Path | None = None) -> Options:
        return Options(
            seed=3,
            base_url="http://localhost",
            schema=schema,
            settings={"bulk_delay": "120"} if schema else {},
            now=lambda: clock.now().timestamp(),
        )

    doubles = {
        "salesforce": make_double("salesforce", options()),
        "zoho": make_double("zoho", options(schema)),
    }
    settings = {
        "salesforce": {"instance_url": "http://localhost", "login_url": "http://localhost", "sync_key": None},
        "zoho": {
            "api_url": "http://localhost",
            "bulk_write_from": 5,
            **({"sync_key": "Other_Id"} if key else {}),
        },
    }
    config = Config(
        {
            name: ConnectionSettings(
                name, name, {key: played.credentials[key] for key in KEYS[name]} | settings[name]
            )
            for name, played in doubles.items()
        },
        store=f"sqlite:///{folder / 'sync.db'}",
    )
    transports = {name: asgi_transport(played.app) for name, played in doubles.items()}
    events = Events(clock)
    async with Hub(config, clock=clock, events=events, transports=transports) as hub:
        made = World(hub, clock, doubles)
        events.subscribe(made.heard.append)
        items = [WriteItem({"Name": f"Account {place:02}", "Phone": "1"}) for place in range(ROWS)]
        await hub["salesforce"].connector.write(WriteRequest("Account", "create", items))
        yield made


async def test_updates_and_upserts_by_the_sync_key_go_by_jobs(tmp_path: Path) -> None:
    async with world(tmp_path, key=True) as one:
        assert (await one.sync())["created"] == ROWS
        assert (one.calls(JOB), one.calls(BATCH)) == (1, 0)
        await one.rename("Renamed")
        assert (await one.sync())["updated"] == ROWS
        assert (one.calls(JOB), one.calls("PUT /crm/v8/Accounts")) == (1, 0)
        assert one.names("zoho") == one.names("salesforce")
        assert one.names("zoho")[0] == "Renamed 00"
        assert (await one.sync()).get("updated", 0) == 0


async def test_creates_without_a_sync_key_never_go_by_a_job(tmp_path: Path) -> None:
    """One whose answer is lost is looked for at once, and a job might make it only afterwards."""
    async with world(tmp_path, key=False) as one:
        assert (await one.sync())["created"] == ROWS
        assert (one.calls(JOB), one.calls(BATCH)) == (0, 1)
        assert one.names("zoho") == one.names("salesforce")


@pytest.mark.parametrize(
    "fault", [f"lost@{JOB}:1x", "404@GET /bulk-write/:2x", "job_failure@/bulk/v8/write:1x"]
)
async def test_what_a_job_leaves_unknown_is_sent_again_and_is_there_once(tmp_path: Path, fault: str) -> None:
    async with world(tmp_path, key=True) as one:
        one.doubles["zoho"].faults.replace((fault,))
        await settled(one)
        assert one.names("zoho") == one.names("salesforce")


async def settled(one: World) -> None:
    """Sync until there is nothing left to do, as a schedule would."""
    for _ in range(3):
        await one.hub.sync("salesforce", "zoho", models=("account",), page_size=1_000)
    report = await one.hub.sync("salesforce", "zoho", models=("account",), page_size=1_000)
    assert report.letters == {}
    one.clock.advance(600)


@pytest.mark.parametrize("part", ["/v8/upload", JOB.removeprefix("POST "), "GET /crm/bulk/v8/write/"])
async def test_a_sync_that_is_killed_beside_its_job_goes_on_rightly(tmp_path: Path, part: str) -> None:
    async with world(tmp_path, key=True) as one:
        await killed_at(one, part)
        await settled(one)
        assert one.names("zoho") == one.names("salesforce")
        await one.rename("Renamed")
        await killed_at(one, part)
        await settled(one)
        assert one.names("zoho") == one.names("salesforce")


async def killed_at(one: World, part: str) -> None:
    """Begin a sync and kill it right after the first call to Zoho whose line holds ``part``."""
    with anyio.CancelScope() as scope:

        def kill(event: Event) -> None:
            if event.name == "http.call" and part in f"{event.detail['method']} {event.detail['path']}":
                scope.cancel()

        forget: Callable[[], object] = one.hub.events.subscribe(kill)
        try:
            await one.hub.sync("salesforce", "zoho", models=("account",), page_size=1_000)
        finally:
            forget()
    assert scope.cancelled_caught

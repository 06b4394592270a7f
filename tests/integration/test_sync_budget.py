"""A sync that meets the end of its day's credits: it stops there, says when it goes on, and loses nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Value
from crmhub.errors import QuotaExceeded, SyncError
from crmhub.events import Event, Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.routing import routed
from crmhub.sync import Job
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.simulator.options import Options
from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = pytest.mark.anyio

ROWS = 300
DAY = 86_400.0
KEYS = ("client_id", "client_secret", "refresh_token")
MAPPING = """
crm: memory
version: 1
maps:
  - {model: account, object: companies, fields: {name: name, website: site}}
"""
OBJECTS = {"companies": {"name": "text", "site": "text"}}
IN = Job("shop", "zoho", models=("account",), page_size=50)
OUT = Job("zoho", "shop", models=("account",), page_size=20)


@dataclass
class Office:
    """A shop in memory, a simulated Zoho, and a store that outlives their hubs."""

    folder: Path
    zoho: ZohoDouble
    clock: ManualClock
    shop: list[dict[str, str]]
    credits: int
    heard: list[Event] = field(default_factory=list[Event])

    @asynccontextmanager
    async def process(self) -> AsyncGenerator[Hub]:
        """A hub, as a new process would have it."""
        mapping = self.folder / "shop.yaml"
        mapping.write_text(MAPPING)
        known: dict[str, Value] = {name: self.zoho.credentials[name] for name in KEYS}
        known |= {"api_url": "http://localhost", "credits": self.credits, "reserve": 0.2, "concurrency": 1}
        config = Config(
            {"zoho": ConnectionSettings("zoho", "zoho", known)}, f"sqlite:///{self.folder / 'crmhub.db'}"
        )
        events = Events(self.clock)
        events.subscribe(self.heard.append)
        async with Hub(
            config, clock=self.clock, events=events, transports={"zoho": asgi_transport(self.zoho.app)}
        ) as hub:
            hub.add(
                "shop",
                "memory",
                mapping=mapping,
                objects=cast("Value", OBJECTS),
                rows=cast("Value", {"companies": self.shop}),
            )
            yield hub

    def names(self) -> list[str]:
        """The names of Zoho's accounts."""
        return sorted(str(row["Account_Name"]) for row in self.zoho.truth("Accounts"))


def office(tmp_path: Path, *, rows: int, shop: int, credits: int) -> Office:
    clock = ManualClock()
    options = Options(rows={"Accounts": rows}, seed=5, now=lambda: clock.now().timestamp())
    companies = [{"id": f"c{number:03}", "name": f"Company {number:03}"} for number in range(shop)]
    return Office(tmp_path, ZohoDouble(options), clock, companies, credits)


async def test_a_sync_into_zoho_stops_before_the_reserve_and_goes_on_the_next_day(tmp_path: Path) -> None:
    place = office(tmp_path, rows=0, shop=ROWS, credits=25)
    runs, stopped = 0, list[str]()
    while len(place.names()) < ROWS and runs < 10:
        runs += 1
        async with place.process() as hub:
            try:
                await hub.run(IN)
            except (QuotaExceeded, SyncError) as error:
                stopped.append(error.what)
        assert place.zoho.limits.used <= 20
        place.clock.advance(DAY + 900.0)
    assert place.names() == [row["name"] for row in place.shop]
    assert runs > 1
    assert all("of 25 credits" in what and "it goes on at 2026-01-0" in what for what in stopped)
    async with place.process() as hub:
        report = await hub.run(IN)
        assert (report.state, report.letters) == ("done", {})
    assert len(place.names()) == ROWS


async def test_a_sync_out_of_zoho_stops_at_a_page_and_goes_on_there(tmp_path: Path) -> None:
    place = office(tmp_path, rows=ROWS, shop=0, credits=20)
    read = 0
    async with place.process() as hub:
        with pytest.raises(QuotaExceeded, match="it goes on at 2026-01-02") as stopped:
            await hub.run(OUT)
        read = len(shop_of(hub))
        assert 0 < read < ROWS
        assert stopped.value.retry_after is not None
        with pytest.raises(QuotaExceeded):
            await hub.run(OUT)  # nothing is sent, nothing is lost
        for _ in range(5):
            place.clock.advance(stopped.value.retry_after)
            try:
                report = await hub.run(OUT)
            except QuotaExceeded:
                continue
            assert report.state == "done"
            break
        assert sorted(str(row["name"]) for row in shop_of(hub)) == place.names()
    ended = [event.detail["error"] for event in place.heard if event.name == "sync.stopped"]
    assert set(ended) == {"QuotaExceeded"}


async def test_people_are_served_while_jobs_wait(tmp_path: Path) -> None:
    place = office(tmp_path, rows=30, shop=ROWS, credits=25)
    async with place.process() as hub:
        with pytest.raises((QuotaExceeded, SyncError)):
            await hub.run(IN)
        with pytest.raises(QuotaExceeded):
            await hub.run(IN)  # nothing is left for jobs
        with routed("interactive"):
            assert await hub["zoho"].accounts.count() >= 30


def shop_of(hub: Hub) -> list[dict[str, object]]:
    connector = hub["shop"].connector
    assert isinstance(connector, MemoryConnector)
    return cast("list[dict[str, object]]", list(connector.records["companies"].values()))

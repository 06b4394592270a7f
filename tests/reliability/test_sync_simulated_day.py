"""A day of hourly syncs under faults, on simulated time, with both doubles mounted in process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import anyio
import pytest
import trio
import trio.testing

from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.errors import ConnectorError
from crmhub.events import Events
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.models import Account, Deal, Money, Ref
from crmhub.sync import Job
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = 24
FAULTS = ("503:4%", "429:3%", "lost:3%", "cut:3%", "html:2%", "truncated:1%", "expire:1%")
MODELS = ("account", "contact", "deal", "activity")
KEYS = {"zoho": ("client_id", "client_secret", "refresh_token"), "salesforce": ("client_id", "client_secret")}
URLS = {"zoho": ("api_url", "accounts_url"), "salesforce": ("instance_url", "login_url")}


def double(name: str, rows: int | Mapping[str, int], seed: int) -> Double:
    origin = trio.current_time()
    return make_double(
        name,
        Options(
            rows=rows,
            seed=seed,
            base_url="http://localhost",
            now=lambda: START.timestamp() + trio.current_time() - origin,
        ),
    )


def settings(name: str, played: Double) -> ConnectionSettings:
    values = dict.fromkeys(URLS[name], "http://localhost")
    return ConnectionSettings(name, name, values | {key: played.credentials[key] for key in KEYS[name]})


def names(played: Double, object_: str, field: str) -> list[str]:
    """Salesforce trims texts, so they are compared trimmed."""
    return sorted(str(row[field]).strip() for row in played.truth(object_))


async def work_in_zoho(hub: Hub, random: Random, ids: Sequence[str]) -> None:
    """What people do in an hour: a new account with a deal, and a few changes."""
    zoho = hub["zoho"]
    await zoho.accounts.create(Account(name=f"New {random.getrandbits(64):x}"))
    await zoho.deals.create(Deal(name=f"Deal {random.getrandbits(64):x}", stage=await some_stage(hub)))
    for id_ in random.sample(list(ids), 3):
        await zoho.accounts.update(id_, Account(description=f"note {random.getrandbits(32)}"))


async def some_stage(hub: Hub) -> Ref:
    directory = await hub["zoho"].directory("stage")
    assert directory is not None
    return Ref(model="stage", id=next(iter(directory.entries)))


async def a_day(folder: Path, seed: int) -> None:
    random = Random(seed)
    zoho, salesforce = double("zoho", 60, seed), double("salesforce", 0, seed)
    clock = ManualClock(START, drive=trio.current_time)
    config = Config(
        {"zoho": settings("zoho", zoho), "salesforce": settings("salesforce", salesforce)},
        store=f"sqlite:///{folder / 'day.db'}",
    )
    transports = {"zoho": asgi_transport(zoho.app), "salesforce": asgi_transport(salesforce.app)}
    job = Job("zoho", "salesforce", MODELS)
    failed = 0
    async with Hub(config, clock=clock, events=Events(clock), random=random, transports=transports) as hub:
        ids = [str(row["id"]) for row in zoho.truth("Accounts")]
        for hour in range(HOURS):
            zoho.faults.replace([])
            salesforce.faults.replace([])
            await work_in_zoho(hub, random, ids)
            zoho.faults.replace(list(FAULTS))
            salesforce.faults.replace(list(FAULTS))
            try:
                await hub.run(job)
            except ConnectorError:
                failed += 1  # the next hour's run goes on from the last committed page
            await anyio.sleep(START.timestamp() + (hour + 1) * 3600 - clock.now().timestamp())
        zoho.faults.replace([])
        salesforce.faults.replace([])
        last = await hub.run(job)
        assert last.letters == {}
        assert (await hub.run(job)).writes == 0
        await compare(hub, zoho, salesforce)
    assert failed < HOURS


async def compare(hub: Hub, zoho: Double, salesforce: Double) -> None:
    """Both sides hold the same, nothing is lost, nothing is there twice."""
    for ours, theirs, field, there in (
        ("Accounts", "Account", "Account_Name", "Name"),
        ("Deals", "Opportunity", "Deal_Name", "Name"),
        ("Tasks", "Task", "Subject", "Subject"),
        ("Notes", "Note", "Note_Content", "Body"),
    ):
        right = names(salesforce, theirs, there)
        calls = names(zoho, "Calls", field) if ours == "Tasks" else []  # both are tasks in Salesforce
        assert sorted(names(zoho, ours, field) + calls) == right, ours
    described = {str(row["External_Id__c"]): row["Description"] for row in salesforce.truth("Account")}
    async for account in hub["zoho"].accounts.list():
        kept = described[f"zoho:Accounts:{account.id}"]
        assert kept == (account.description.strip() if account.description else None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_of_faults_loses_nothing_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(a_day, tmp_path, seed, clock=clock)


def test_money_is_exact_across() -> None:
    """An amount with more digits than a float holds arrives as it was."""

    async def across() -> None:
        zoho, salesforce = double("zoho", 0, 1), double("salesforce", 0, 1)
        config = Config(
            {"zoho": settings("zoho", zoho), "salesforce": settings("salesforce", salesforce)},
            store="sqlite:///:memory:",
        )
        transports = {"zoho": asgi_transport(zoho.app), "salesforce": asgi_transport(salesforce.app)}
        clock = ManualClock(START, drive=trio.current_time)
        async with Hub(config, clock=clock, transports=transports) as hub:
            exact = Money("1234567890123.45")  # pyright: ignore[reportArgumentType] - text is taken too
            await hub["zoho"].deals.create(Deal(name="Exact", amount=exact, stage=await some_stage(hub)))
            await hub.sync("zoho", "salesforce", models=["deals"])
            (deal,) = [deal async for deal in hub["salesforce"].deals.list()]
            assert deal.amount == exact

    trio.run(across, clock=trio.testing.MockClock(autojump_threshold=0))

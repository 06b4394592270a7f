"""A whole sync, from a simulated Zoho to a simulated Salesforce: first, unchanged, a little changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import anyio
import httpx

from bench.doubles import Double, config_of, double, store_in
from bench.measuring import Figure, Section
from bench.sizes import Sizes
from crmhub.config import Config
from crmhub.hub import Hub

__all__ = ["full", "sync"]

_OBJECTS = ("Accounts", "Contacts", "Deals")
_MODELS = ("account", "contact", "deal")
_READ = ("Accounts", "Contacts", "Leads", "Deals")
"""The objects that those models are read from: a call each for what changed, and one for what is gone."""
_BATCH = 100
_FIFTEEN_MINUTES = 900


@dataclass(frozen=True, slots=True)
class _Run:
    """One sync: what it cost, and what it did."""

    wall: float
    cpu: float
    read: int
    created: int
    written: int
    zoho: int
    salesforce: int


def sync(sizes: Sizes) -> list[Section]:
    """Runs of the same job on the same store, all but the last with a hub of their own."""
    rows = ",".join(f"{name}={sizes.synced}" for name in _OBJECTS)
    with (
        TemporaryDirectory() as folder,
        double("zoho", "--rows", rows) as zoho,
        double("salesforce") as salesforce,
    ):
        config = config_of(zoho, salesforce, store=store_in(folder))
        first = _run(config, zoho, salesforce)
        settled = _run(config, zoho, salesforce)
        unchanged = _run(config, zoho, salesforce)
        changed_records = anyio.run(_change, zoho, max(1, sizes.synced // 100))
        changed = _run(config, zoho, salesforce)
        again = _run(config, zoho, salesforce, warm=True)
    return [
        _section(f"sync, first run: {len(_OBJECTS)} x {sizes.synced:,} records", first),
        _section("sync, second run: what had to wait", settled),
        _section("sync, nothing changed", unchanged, writes=0),
        _section(f"sync, {changed_records} records changed", changed, writes=changed_records),
        _section("sync, nothing changed, by a hub that has synced", again, calls=2 * len(_READ), writes=0),
    ]


def full(sizes: Sizes) -> list[Section]:
    """A first sync of accounts over a slow network; a quarter of an hour is the field's usual aim."""
    latency = f"{sizes.latency_ms}ms"
    with (
        TemporaryDirectory() as folder,
        double("zoho", "--rows", f"Accounts={sizes.full}", "--latency", latency) as zoho,
        double("salesforce", "--latency", latency) as salesforce,
    ):
        run = _run(config_of(zoho, salesforce, store=store_in(folder)), zoho, salesforce, models=("account",))
    title = f"full sync: {sizes.full:,} accounts, {sizes.latency_ms} ms a call"
    if run.created != sizes.full:
        raise AssertionError(f"{run.created} of {sizes.full} accounts were made")
    figures = [
        Figure("wall", run.wall, "s", _FIFTEEN_MINUTES),
        Figure("CPU", run.cpu, "s"),
        Figure("accounts made", run.created, ""),
        Figure("accounts changed once their parents were there", run.written - run.created, ""),
        Figure("accounts per second", run.created / run.wall, ""),
        Figure("calls of Zoho", run.zoho, ""),
        Figure("calls of Salesforce", run.salesforce, ""),
        Figure("all calls x latency", (run.zoho + run.salesforce) * sizes.latency_ms / 1000, "s"),
    ]
    return [Section(title, figures)]


def _section(title: str, run: _Run, *, calls: int | None = None, writes: int | None = None) -> Section:
    figures = [
        Figure("wall", run.wall, "s"),
        Figure("CPU", run.cpu, "s"),
        Figure("records read", run.read, ""),
        Figure("records written", run.written, "", writes),
        Figure("calls of Zoho", run.zoho, "", calls),
        Figure("calls of Salesforce", run.salesforce, ""),
    ]
    if run.read:
        figures.insert(2, Figure("CPU a record read", run.cpu / run.read * 1e6, "us"))
    return Section(title, figures)


def _run(
    config: Config,
    zoho: Double,
    salesforce: Double,
    *,
    warm: bool = False,
    models: Sequence[str] = _MODELS,
) -> _Run:
    return anyio.run(_measured, config, zoho, salesforce, warm, models)


async def _measured(
    config: Config, zoho: Double, salesforce: Double, warm: bool, models: Sequence[str]
) -> _Run:
    began, used = time.perf_counter(), time.process_time()
    asked, told = zoho.calls, salesforce.calls
    async with Hub(config) as hub:
        if warm:
            await hub.sync("zoho", "salesforce", models=models)
            asked, told = zoho.calls, salesforce.calls
            began, used = time.perf_counter(), time.process_time()
        report = await hub.sync("zoho", "salesforce", models=models)
        wall, cpu = time.perf_counter() - began, time.process_time() - used
    return _Run(
        wall,
        cpu,
        report.totals.get("read", 0),
        report.totals.get("created", 0),
        report.writes,
        zoho.calls - asked,
        salesforce.calls - told,
    )


async def _change(zoho: Double, count: int) -> int:
    """Give that many accounts, contacts and deals another description, by hand."""
    headers = {"authorization": f"Zoho-oauthtoken {zoho.token}"}
    async with httpx.AsyncClient(base_url=zoho.url, headers=headers, timeout=60) as client:
        for name in _OBJECTS:
            query = f"select id from {name} where id is not null order by id limit {count}"
            reply = await client.post("/crm/v8/coql", json={"select_query": query})
            ids = [row["id"] for row in reply.raise_for_status().json()["data"]]
            for start in range(0, len(ids), _BATCH):
                data = [{"id": id_, "Description": "changed"} for id_ in ids[start : start + _BATCH]]
                (await client.put(f"/crm/v8/{name}", json={"data": data})).raise_for_status()
    return count * len(_OBJECTS)

"""What the same job costs by each tier of a CRM, in turns, as ratios against REST in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio
import httpx

from bench.doubles import Double, double
from bench.measuring import Figure, Section
from bench.sizes import Sizes
from crmhub.config import Config, ConnectionSettings
from crmhub.connection import Connection
from crmhub.hub import Hub
from crmhub.models import Account
from crmhub.native import Value
from crmhub.routing import Wish, routed
from crmhub.tiers import SupportsTiers

__all__ = ["tiers"]

_TIERS = ("rest", "sdk", "mcp")
_SINGLE = 20
"""Records got one by one, in a round."""
_MOST_LISTED = 2_000
_MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class _Cost:
    """One run of a job."""

    wall: float
    records: int
    calls: int
    credits: int
    """Or calls of the org, which a tool's call makes too."""


_Job = Callable[[Connection, Sequence[str]], Awaitable[int]]


def tiers(sizes: Sizes) -> list[Section]:
    """Get, list, batch get, batch write and full reads of Zoho, then those of Salesforce that tools can do:
    time, calls and credits by tier.
    """
    with double("zoho", "--rows", f"Accounts={sizes.tiered}") as zoho:
        found = anyio.run(_all, zoho, _JOBS, sizes)
    rows = f"Accounts={sizes.accounts}"
    with double("zoho", "--rows", rows, "--set", "bulk_delay=0") as zoho:
        found["full read"] = anyio.run(_read, zoho, sizes)
    with double("salesforce", "--rows", f"Account={sizes.tiered}") as org:
        asked = anyio.run(_all, org, _ASKED, sizes)
    return [
        *[_section(name, costs, "credits") for name, costs in found.items()],
        *[_section(f"salesforce, {name}", costs, "calls of the org") for name, costs in asked.items()],
    ]


async def _all(crm: Double, jobs: Mapping[str, _Job], sizes: Sizes) -> dict[str, dict[str, list[_Cost]]]:
    costs: dict[str, dict[str, list[_Cost]]] = {}
    async with Hub(_config(crm)) as hub:
        connection = hub[crm.name]
        ids = [str(account.id) async for account in connection.accounts.list(fields=())]
        present = await _present(connection)
        for name, job in jobs.items():
            for number in range(sizes.rounds + 1):
                for tier in present:
                    cost = await _cost(crm, connection, ids, job, Wish(tier=tier))
                    if number:  # the first opens sessions, reads fields and loads the SDK
                        costs.setdefault(name, {}).setdefault(tier, []).append(cost)
    return costs


async def _read(zoho: Double, sizes: Sizes) -> dict[str, list[_Cost]]:
    """All accounts by queries, and by bulk read jobs."""
    page = max(1, min(_MOST_ROWS, sizes.accounts // 4))
    costs: dict[str, list[_Cost]] = {}
    async with Hub(_config(zoho)) as hub:
        by_queries, by_jobs = (
            hub.add(name, "zoho", mapping=None, **zoho.settings, page_size=page, bulk_read_from=least)
            for name, least in (("by-queries", None), ("by-jobs", 1))
        )
        ways = {"rest": (by_queries, Wish()), "rest, bulk read jobs": (by_jobs, Wish())}
        if "sdk" in await _present(by_jobs):
            ways["sdk, bulk read jobs"] = (by_jobs, Wish("bulk"))
        for number in range(max(1, sizes.rounds // 2) + 1):
            for name, (connection, wish) in ways.items():
                cost = await _cost(zoho, connection, (), _whole, wish)
                if number:
                    costs.setdefault(name, []).append(cost)
    return costs


async def _present(connection: Connection) -> list[str]:
    async with connection.in_use() as connector:
        assert isinstance(connector, SupportsTiers)
        there = {one.tier for one in connector.tiers.figures() if one.state != "absent"}
        return [tier for tier in _TIERS if tier in there]


async def _cost(crm: Double, connection: Connection, ids: Sequence[str], job: _Job, wish: Wish) -> _Cost:
    before = await anyio.to_thread.run_sync(_stats, crm)
    began = time.perf_counter()
    with routed(wish.context, tier=wish.tier):
        records = await job(connection, ids)
    wall = time.perf_counter() - began
    after = await anyio.to_thread.run_sync(_stats, crm)
    return _Cost(wall, records, after[0] - before[0], after[1] - before[1])


def _stats(crm: Double) -> tuple[int, int]:
    told = httpx.get(f"{crm.url}/_stats", timeout=60).raise_for_status().json()
    return int(told["total_calls"]), int(told["spent"])


def _config(crm: Double) -> Config:
    mcp: Value = {"url": crm.credentials["mcp_url"], "token": crm.credentials["mcp_token"]}
    settings: dict[str, Value] = {**crm.settings, "tiers": {"mcp": mcp}}
    return Config({crm.name: ConnectionSettings(crm.name, crm.name, settings)}, store="sqlite:///:memory:")


# ── the jobs: how many records each has handled ──────────────────────────────────────────────────


async def _one_by_one(crm: Connection, ids: Sequence[str]) -> int:
    for id_ in ids[:_SINGLE]:
        await crm.accounts.get(id_)
    return len(ids[:_SINGLE])


async def _listed(crm: Connection, ids: Sequence[str]) -> int:
    return len(await crm.accounts.newest(min(len(ids), _MOST_LISTED)))


async def _got(crm: Connection, ids: Sequence[str]) -> int:
    return sum(found is not None for found in await crm.accounts.get_many(ids))


async def _updated(crm: Connection, ids: Sequence[str]) -> int:
    changes = [Account(id=id_, description=f"changed at {time.time_ns()}") for id_ in ids]
    return sum(outcome.ok for outcome in await crm.accounts.update_many(changes))


async def _whole(crm: Connection, ids: Sequence[str]) -> int:
    del ids
    return sum([1 async for _ in crm.accounts.list()])


async def _queried(crm: Connection, ids: Sequence[str]) -> int:
    most = min(len(ids), _MOST_LISTED)
    soql = f"SELECT Id, Name, Industry, AnnualRevenue, Owner.Email FROM Account LIMIT {most}"
    return len([row async for row in crm.query(soql)])


_JOBS: Mapping[str, _Job] = {
    "get, one by one": _one_by_one,
    "list of the newest": _listed,
    "get by ids, 100 a call": _got,
    "update, 100 a call": _updated,
}
_ASKED: Mapping[str, _Job] = {
    "get, one by one": _one_by_one,
    "list of the newest": _listed,
    "get by ids, 200 a call": _got,
    "query": _queried,
}


def _section(name: str, costs: Mapping[str, Sequence[_Cost]], price: str) -> Section:
    figures: list[Figure] = []
    rest = _a_record(costs["rest"])
    for tier, runs in costs.items():
        last = runs[-1]
        each = _a_record(runs)
        figures += [
            Figure(f"{tier}", each * 1e3, "ms/record"),
            Figure(f"{tier}, records per second", 1 / each, ""),
            Figure(f"{tier}, API calls per 1,000 records", last.calls / last.records * 1_000, ""),
            Figure(f"{tier}, {price} per 1,000 records", last.credits / last.records * 1_000, ""),
        ]
        if tier != "rest":
            figures.append(Figure(f"{tier} / rest", each / rest, "x"))
    runs = costs["rest"]
    return Section(f"tiers, {name}: {runs[0].records:,} accounts, medians of {len(runs)} rounds", figures)


def _a_record(runs: Sequence[_Cost]) -> float:
    """Seconds a record."""
    return statistics.median(run.wall / run.records for run in runs)

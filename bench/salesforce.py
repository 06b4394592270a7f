"""Salesforce's queries and bulk jobs, by crmhub and by simple-salesforce, in turns, over real HTTP."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import anyio

from bench.doubles import Double, double
from bench.extract import WAYS, Job, Took
from bench.measuring import Figure, Section
from bench.simple import client_of, insert_by_bulk, insert_one_by_one
from bench.sizes import Sizes
from crmhub.config import Config
from crmhub.hub import Hub
from crmhub.mapping.load import ConnectionMapping, load_mapping, shipped_mappings
from crmhub.models import Account

__all__ = ["salesforce"]

_PAGE = 2_000
"""The largest page of a query."""
_COLLECTION = 200
"""The most records of one call that writes."""
_ONE_BY_ONE = 20


def salesforce(sizes: Sizes) -> list[Section]:
    """Full reads: speed, CPU and memory; writes: calls."""
    page = max(1, min(_PAGE, sizes.extracted // 4))
    rows = f"Account={sizes.extracted}"
    with double("salesforce", "--rows", rows, "--set", f"page_rows={page}") as org:
        reads = [_reads(org, sizes, page, bulk=bulk) for bulk in (False, True)]
    with double("salesforce") as org:
        return [*reads, _writes(org, sizes.written)]


# ── reads ────────────────────────────────────────────────────────────────────────────────────────


def _reads(org: Double, sizes: Sizes, page: int, *, bulk: bool) -> Section:
    took: dict[str, list[Took]] = {way: [] for way in WAYS}
    calls: dict[str, int] = {}
    rounds = sizes.rounds // 2 + 1
    for _ in range(rounds):
        for way in WAYS:
            before = org.calls
            took[way].append(_took(Job(way, bulk, org.settings, org.token, _fields(), page)))
            calls[way] = org.calls - before
            if took[way][-1].records != sizes.extracted:
                raise AssertionError(f"{way}: {took[way][-1].records} accounts, not {sizes.extracted}")
    figures: list[Figure] = []
    for way in WAYS:
        figures += [
            Figure(f"{way}: records per second", 1 / _a_record(took[way], lambda run: run.wall), ""),
            Figure(f"{way}: CPU", _cpu(took[way]) * 100_000, "s/100,000"),
            Figure(f"{way}: memory", statistics.median(run.memory for run in took[way]), "MB"),
            Figure(f"{way}: API calls, those to get ready included", calls[way], ""),
        ]
    simple, *ours = WAYS
    figures += [Figure(f"{way} / {simple}: CPU", _cpu(took[way]) / _cpu(took[simple]), "x") for way in ours]
    how = "bulk query job" if bulk else f"queries, {page:,} a page"
    title = f"salesforce, {how}: {sizes.extracted:,} accounts, {len(_fields())} fields"
    return Section(f"{title}, medians of {rounds} rounds", figures)


def _took(job: Job) -> Took:
    command = [sys.executable, "-m", "bench.extract"]
    root = Path(__file__).parents[1]
    given = json.dumps(asdict(job))
    done = subprocess.run(command, input=given, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return Took(**json.loads(done.stdout))


def _fields() -> tuple[str, ...]:
    """The fields that crmhub asks for."""
    (mapped,) = ConnectionMapping(load_mapping(shipped_mappings()["salesforce"])).of_object("Account")
    return tuple(dict.fromkeys(("Id", "SystemModstamp", *sorted(mapped.fields))))


def _cpu(runs: Sequence[Took]) -> float:
    return _a_record(runs, lambda run: run.cpu)


def _a_record(runs: Sequence[Took], cost: Callable[[Took], float]) -> float:
    """Seconds a record."""
    return statistics.median(cost(run) / run.records for run in runs)


# ── writes ───────────────────────────────────────────────────────────────────────────────────────


def _writes(org: Double, records: int) -> Section:
    figures: list[Figure] = []
    for name, (calls, wall, made) in _written(org, records).items():
        least = math.ceil(made / _COLLECTION) / made * 1_000 if name == "crmhub, collections" else None
        figures += [
            Figure(f"{name}: API calls per 1,000 records", calls / made * 1_000, "", least),
            Figure(f"{name}: records per second", made / wall, ""),
        ]
    return Section(f"salesforce, writes: {records:,} accounts made, every outcome known", figures)


def _written(org: Double, records: int) -> Mapping[str, tuple[int, float, int]]:
    """Calls, seconds and records made, by each way."""
    client = client_of(org.url, org.token)
    rows = [{"Name": f"simple {at}", "Description": "two\nlines"} for at in range(records)]
    return {
        "crmhub, collections": anyio.run(_made, org, records, None),
        "crmhub, ingest job": anyio.run(_made, org, records, 1),
        "simple-salesforce, ingest job": _cost(org, lambda: insert_by_bulk(client, rows)),
        "simple-salesforce, one by one": _cost(org, lambda: insert_one_by_one(client, rows[:_ONE_BY_ONE])),
    }


async def _made(org: Double, records: int, bulk_from: int | None) -> tuple[int, float, int]:
    accounts = [Account(name=f"crmhub {at}", description="two\nlines") for at in range(records)]
    async with Hub(Config({}, store="sqlite:///:memory:")) as hub:
        connection = hub.add(
            "salesforce", "salesforce", mapping=None, **org.settings, bulk_write_from=bulk_from
        )
        await connection.accounts.newest(1)  # signs in, and reads the fields
        before, began = org.calls, time.perf_counter()
        made = sum(outcome.ok for outcome in await connection.accounts.create_many(accounts))
        wall = time.perf_counter() - began
        return org.calls - before, wall, made


def _cost(org: Double, work: Callable[[], int]) -> tuple[int, float, int]:
    before, began = org.calls, time.perf_counter()
    made = work()
    wall = time.perf_counter() - began
    return org.calls - before, wall, made

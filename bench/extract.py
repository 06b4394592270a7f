"""One process that reads all accounts of a simulated Salesforce, and what that took.

Started by :mod:`bench.salesforce`, so that the memory of one way is not that of another. What is measured
begins when the process is ready: signed in, everything imported, one record read.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import anyio

from bench.listing import peak_memory
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import ReadRequest
from crmhub.hub import Hub
from crmhub.native import Value

__all__ = ["WAYS", "Job", "Took"]

WAYS = ("simple-salesforce, dicts", "crmhub, dicts", "crmhub, models")
_HUGE = 1 << 30


@dataclass(frozen=True, slots=True)
class Job:
    """What to read: ``fields`` of all accounts, by queries or by a bulk query job."""

    way: str
    bulk: bool
    settings: dict[str, Value]
    token: str
    fields: tuple[str, ...]
    page: int


@dataclass(frozen=True, slots=True)
class Took:
    """Records, seconds, and the MB that were resident at most besides those of the ready process."""

    records: int
    wall: float
    cpu: float
    memory: float


class _Meter:
    """Begins to measure when it is made."""

    def __init__(self) -> None:
        self._resident = _status("VmRSS")
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def took(self, records: int) -> Took:
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return Took(records, wall, cpu, max(peak_memory() - self._resident, 0))


def _status(name: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


# ── by crmhub ────────────────────────────────────────────────────────────────────────────────────


async def _crmhub(job: Job) -> Took:
    settings = {**job.settings, "page_size": job.page, "bulk_read_from": 1 if job.bulk else None}
    config = Config(
        {"salesforce": ConnectionSettings("salesforce", "salesforce", settings)}, store="sqlite:///:memory:"
    )
    async with Hub(config) as hub:
        read = _models if job.way.endswith("models") else _dicts
        await read(hub, job, 1)
        meter = _Meter()
        return meter.took(await read(hub, job, _HUGE))


async def _models(hub: Hub, job: Job, most: int) -> int:
    del job
    return sum([1 async for _ in hub["salesforce"].accounts.list(limit=None if most == _HUGE else most)])


async def _dicts(hub: Hub, job: Job, most: int) -> int:
    count = 0
    async with hub["salesforce"].in_use() as connector:
        request = ReadRequest("Account", job.fields, page_size=min(most, job.page))
        async with aclosing(connector.read(request)) as pages:
            async for page in pages:
                count += len(page.upserts)
                if count >= most:
                    break
    return count


# ── by simple-salesforce ─────────────────────────────────────────────────────────────────────────


def _simple(job: Job) -> Took:
    from bench.simple import by_bulk, by_queries, client_of

    client = client_of(str(job.settings["instance_url"]), job.token)
    soql = f"SELECT {','.join(job.fields)} FROM Account"
    for _ in by_queries(client, f"{soql} LIMIT 1"):
        pass
    meter = _Meter()
    rows = _parsed(by_bulk(client, soql)) if job.bulk else by_queries(client, soql)
    return meter.took(sum(1 for _ in rows))


def _parsed(texts: Iterator[str]) -> Iterator[dict[str, str]]:
    for text in texts:
        yield from csv.DictReader(io.StringIO(text, newline=""))


def _main() -> None:
    given = cast("dict[str, object]", json.loads(sys.stdin.read()))
    job = Job(**given)  # pyright: ignore[reportArgumentType] - as bench.salesforce has written it
    took = _simple(job) if job.way.startswith("simple") else anyio.run(_crmhub, job)
    print(json.dumps(asdict(took)))


if __name__ == "__main__":
    _main()

"""The memory of a process that lists accounts: it must not grow with their number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from bench.doubles import Double, double
from bench.measuring import Figure, Section, peak_memory
from bench.sizes import Sizes
from crmhub.config import Config, ConnectionSettings
from crmhub.hub import Hub
from crmhub.native import Value

__all__ = ["memory"]


def memory(sizes: Sizes) -> list[Section]:
    """The peak of a fresh process for each number of accounts, one page of 2,000 in flight."""
    with TemporaryDirectory() as folder, double("zoho", "--rows", f"Accounts={max(sizes.listed)}") as zoho:
        store = f"sqlite:///{Path(folder) / 'crmhub.db'}"
        _peak(zoho, store, 1)  # makes the store: what lists day by day finds one
        figures = [
            Figure(f"{count:,} accounts", _peak(zoho, store, count), "MB", 80) for count in sizes.listed
        ]
    growth = figures[-1].value - figures[0].value
    return [Section("memory: the most that is resident", [*figures, Figure("growth", growth, "MB", 5)])]


def _peak(zoho: Double, store: str, count: int) -> float:
    job = json.dumps({"settings": zoho.settings, "store": store, "count": count})
    command = [sys.executable, "-m", "bench.memory"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, input=job, cwd=root, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    if found["count"] != count:
        raise AssertionError(f"{found['count']} accounts came, not {count}")
    return float(found["peak"])


async def _list(settings: dict[str, Value], store: str, count: int) -> int:
    found = 0
    config = Config({"zoho": ConnectionSettings("zoho", "zoho", settings)}, store=store)
    async with Hub(config) as hub:
        async for _ in hub["zoho"].accounts.list(limit=count):
            found += 1
    return found


if __name__ == "__main__":
    job = json.loads(sys.stdin.read())
    listed = anyio.run(_list, job["settings"], job["store"], job["count"])
    print(json.dumps({"count": listed, "peak": peak_memory()}))

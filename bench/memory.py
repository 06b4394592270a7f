"""The memory of a process that lists accounts: it must not grow with their number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.doubles import Double, double, store_in
from bench.measuring import Figure, Section
from bench.sizes import Sizes

__all__ = ["memory"]


def memory(sizes: Sizes) -> list[Section]:
    """The peak of a fresh process for each number of accounts, one page of 2,000 in flight."""
    with TemporaryDirectory() as folder, double("zoho", "--rows", f"Accounts={max(sizes.listed)}") as zoho:
        store = store_in(folder)
        _peak(zoho, store, 1)  # makes the store: what lists day by day finds one
        figures = [
            Figure(f"{count:,} accounts", _peak(zoho, store, count), "MB", 80) for count in sizes.listed
        ]
    growth = figures[-1].value - figures[0].value
    return [Section("memory: the most that is resident", [*figures, Figure("growth", growth, "MB", 5)])]


def _peak(zoho: Double, store: str, count: int) -> float:
    job = json.dumps({"settings": zoho.settings, "store": store, "count": count})
    command = [sys.executable, "-m", "bench.listing"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, input=job, cwd=root, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    if found["count"] != count:
        raise AssertionError(f"{found['count']} accounts came, not {count}")
    return float(found["peak"])

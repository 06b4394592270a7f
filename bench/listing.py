"""One process that lists accounts, and the most memory it had: started by :mod:`bench.memory`.

It imports nothing but what a program that lists accounts imports.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio

from crmhub.config import Config, ConnectionSettings
from crmhub.hub import Hub
from crmhub.native import Value


async def listed(settings: dict[str, Value], store: str, count: int) -> int:
    """List that many accounts; how many came."""
    found = 0
    config = Config({"zoho": ConnectionSettings("zoho", "zoho", settings)}, store=store)
    async with Hub(config) as hub:
        async for _ in hub["zoho"].accounts.list(limit=count):
            found += 1
    return found


def peak_memory() -> float:
    """The most memory that this process has ever had resident, in MB.

    From the kernel's own account, since ``getrusage`` begins with what the parent had.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    job = json.loads(sys.stdin.read())
    came = anyio.run(listed, job["settings"], job["store"], job["count"])
    print(json.dumps({"count": came, "peak": peak_memory()}))

"""Pull accounts from a simulated Zoho with crmhub and by hand, in turns, and compare CPU per record.

Both sides make the same calls to the same server, which runs in a process of its own; each round
measures both, so that what the machine is busy with falls on both. Medians of the rounds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import cast

import anyio
import httpx
import msgspec

from crmhub.config import Config, ConnectionSettings
from crmhub.hub import Hub
from crmhub.mapping.load import ConnectionMapping, load_mapping, shipped_mappings
from crmhub.models import Account
from crmhub.native import Native

ROWS = 20_000
ROUNDS = 5
PAGE = 2_000
_decode = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode


@contextmanager
def zoho() -> Generator[tuple[str, Mapping[str, str]]]:
    """A simulated Zoho with seeded accounts: its URL and credentials."""
    command = [sys.executable, "-m", "crmhub", "simulate", "zoho", "--json", "--rows", f"Accounts={ROWS}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        yield line["url"], line["credentials"]
    finally:
        process.terminate()
        process.wait()


def cpu(work: Callable[[], int]) -> float:
    """CPU microseconds a record of one run."""
    start = time.process_time()
    count = work()
    return (time.process_time() - start) / count * 1e6


def by_hand(url: str, token: str, fields: list[str], build: Callable[[Native], object]) -> int:
    """httpx and msgspec, one COQL call after the other, and what ``build`` makes of a record."""

    async def pull() -> int:
        count, last = 0, "0"
        headers = {"authorization": f"Zoho-oauthtoken {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            while True:
                query = f"select {','.join(fields)} from Accounts where id > {last} order by id limit {PAGE}"
                reply = await client.post("/crm/v8/coql", json={"select_query": query})
                if reply.status_code == 204:
                    return count
                answer = _decode(reply.content)
                rows = cast("list[Native]", answer["data"])
                for row in rows:
                    build(row)
                count += len(rows)
                last = str(rows[-1]["id"])
                if not cast("dict[str, object]", answer["info"])["more_records"]:
                    return count

    return anyio.run(pull)


def by_crmhub(url: str, credentials: Mapping[str, str]) -> int:
    """``hub["zoho"].accounts.list()``."""
    keys = ("client_id", "client_secret", "refresh_token")
    values = {"api_url": url, "accounts_url": url} | {key: credentials[key] for key in keys}
    config = Config({"zoho": ConnectionSettings("zoho", "zoho", values)}, store="sqlite:///:memory:")

    async def pull() -> int:
        count = 0
        async with Hub(config) as hub:
            async for _ in hub["zoho"].accounts.list():
                count += 1
        return count

    return anyio.run(pull)


def measure() -> None:
    """Run the rounds and print the ratios."""
    mapping = ConnectionMapping(load_mapping(shipped_mappings()["zoho"]))
    (mapped,) = mapping.of_object("Accounts")
    fields = sorted({"id", *mapped.fields})
    with zoho() as (url, credentials):
        token = credentials["access_token"]
        sample: list[Native] = []
        by_hand(url, token, fields, sample.append)
        nested = [mapped.nest(mapped.read(row)) for row in sample]
        flat = [mapped.read(row) for row in sample[:5_000]]
        runs: dict[str, Callable[[], int]] = {
            "dicts by hand": lambda: by_hand(url, token, fields, lambda row: row),
            "models by hand": lambda: by_hand(
                url, token, fields, lambda row: Account.model_validate(mapped.nest(mapped.read(row)))
            ),
            "crmhub accounts.list": lambda: by_crmhub(url, credentials),
            "one validation (V)": lambda: sum(1 for values in nested if Account.model_validate(values)),
            "mapping, read": lambda: sum(1 for row in sample if mapped.read(row)),
            "mapping, write": lambda: sum(1 for values in flat if mapped.write(values)),
        }
        found: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, work in runs.items():
                found[name].append(cpu(work))
    medians = {name: statistics.median(values) for name, values in found.items()}
    reference, validation = medians["dicts by hand"], medians["one validation (V)"]
    print(f"{ROWS:,} accounts, {len(fields)} fields, {PAGE:,} a call, medians of {ROUNDS} rounds")
    print(f"{'':24}{'CPU us/record':>14}{'x dicts':>9}{'x V':>7}")
    for name, value in medians.items():
        print(f"{name:24}{value:14.1f}{value / reference:9.2f}{value / validation:7.2f}")


if __name__ == "__main__":
    measure()

"""All accounts of a simulated Zoho: by hand and with crmhub, in turns, over real HTTP."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

import anyio

from bench.byhand import account_of
from bench.byhand import pull as by_hand
from bench.doubles import Double, config_of, double, store_in
from bench.measuring import Figure, Section, medians
from bench.sizes import Sizes
from crmhub.config import Config, ConnectionSettings
from crmhub.hub import Hub
from crmhub.mapping.load import ConnectionMapping, load_mapping, shipped_mappings
from crmhub.native import Native

__all__ = ["pull"]

_PAGE = 2_000
"""The largest page that Zoho has: rows of one COQL call."""
_LIST_PAGE = 200


def pull(sizes: Sizes) -> list[Section]:
    """What crmhub costs, against dicts and against the same models by hand; and over a slow network."""
    return [_fast(sizes), *_slow(sizes)]


def _fast(sizes: Sizes) -> Section:
    fields = native_fields()
    with TemporaryDirectory() as folder, double("zoho", "--rows", f"Accounts={sizes.accounts}") as zoho:
        config = config_of(zoho, store=store_in(folder))

        def hand(build: Callable[[Native], object]) -> Callable[[], int]:
            return lambda: anyio.run(by_hand, zoho.url, zoho.token, fields, _PAGE, build)

        runs: dict[str, Callable[[], int]] = {
            "dicts by hand": hand(_as_it_is),
            "models by hand": hand(account_of),
            "crmhub": lambda: anyio.run(listed, config),
            "crmhub, its first record": lambda: anyio.run(listed, config, 1),
        }
        for work in runs.values():  # imports and caches are not what is measured
            work()
        cpu = medians(runs, sizes.rounds)
        opening = cpu.pop("crmhub, its first record")
        calls, server = zoho.calls, zoho.cpu
        began = time.perf_counter()
        count = runs["crmhub"]()
        wall = time.perf_counter() - began
        calls, server = zoho.calls - calls, zoho.cpu - server
    return Section(
        f"pull: {count:,} accounts, {len(fields)} fields, {_PAGE:,} a call, medians of {sizes.rounds} rounds",
        [
            *(Figure(name, value, "CPU us/record") for name, value in cpu.items()),
            Figure("of which to open the hub and get its first record", opening / count, "CPU us/record"),
            Figure("crmhub / models by hand", cpu["crmhub"] / cpu["models by hand"], "x", 1.25),
            Figure("crmhub / dicts by hand", cpu["crmhub"] / cpu["dicts by hand"], "x"),
            Figure("records per CPU second", 1e6 / cpu["crmhub"], ""),
            Figure("records per second", count / wall, ""),
            Figure("the simulator's own CPU", server / count * 1e6, "us/record"),
            Figure("API calls", calls, "", math.ceil(count / _PAGE) + 2),
        ],
    )


def _slow(sizes: Sizes) -> list[Section]:
    rows = f"Accounts={sizes.slow}"
    sections: list[Section] = []
    latency = f"{sizes.latency_ms}ms"
    with TemporaryDirectory() as folder, double("zoho", "--rows", rows, "--latency", latency) as zoho:
        anyio.run(listed, _paged(zoho, _PAGE, folder))  # makes the store, and has a token
        for page, aim in ((_LIST_PAGE, 1.2), (_PAGE, None)):
            calls, server = zoho.calls, zoho.cpu
            began = time.perf_counter()
            count = anyio.run(listed, _paged(zoho, page, folder))
            wall = time.perf_counter() - began
            calls, server = zoho.calls - calls, zoho.cpu - server
            network = calls * sizes.latency_ms / 1000
            figures = [
                Figure("wall", wall, "s"),
                Figure("API calls", calls, ""),
                Figure("calls x latency", network, "s"),
                Figure("the simulator's own CPU", server, "s"),
                Figure(
                    "wall, less the simulator's CPU / calls x latency", (wall - server) / network, "x", aim
                ),
            ]
            title = f"pull at {sizes.latency_ms} ms a call: {count:,} accounts, {page:,} a call"
            sections.append(Section(title, figures))
    return sections


def _paged(zoho: Double, page: int, folder: str) -> Config:
    settings = ConnectionSettings("zoho", "zoho", {**zoho.settings, "page_size": page})
    return Config({"zoho": settings}, store=store_in(folder))


def _as_it_is(row: Native) -> Native:
    return row


def native_fields() -> list[str]:
    """The fields that crmhub asks for."""
    (mapped,) = ConnectionMapping(load_mapping(shipped_mappings()["zoho"])).of_object("Accounts")
    return sorted({"id", *mapped.fields})


async def listed(config: Config, limit: int | None = None) -> int:
    """``hub["zoho"].accounts.list()`` by a new hub; how many there were."""
    count = 0
    async with Hub(config) as hub:
        async for _ in hub["zoho"].accounts.list(limit=limit):
            count += 1
    return count

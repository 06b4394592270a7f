"""What governed access costs: crmhub's MCP server beside a bare one of the same library, in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from bench.measuring import Figure, Section
from bench.sizes import Sizes

__all__ = ["agent"]

_KINDS = ("bare", "governed")
_AT_ONCE = 16
_MOST_MS = 1.0
"""CPU that policy, limits, audit and cleaning may add to a call, in milliseconds."""
_LEAST_SHARE = 0.6
"""Of the bare server's calls a second, at 16 at once."""


@dataclass(frozen=True, slots=True)
class _Server:
    pid: int
    url: str
    token: str

    def cpu(self) -> float:
        """Seconds of CPU that the process has used (Linux)."""
        parts = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def agent(sizes: Sizes) -> list[Section]:
    """CPU a call of the server, and calls a second at one and at sixteen at once."""
    with _served("bare") as bare, _served("governed") as governed:
        return [anyio.run(_measured, {"bare": bare, "governed": governed}, sizes)]


async def _measured(servers: dict[str, _Server], sizes: Sizes) -> Section:
    cpu: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    alone: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    together: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for number in range(sizes.rounds + 1):
        for kind, server in servers.items():
            async with _client(server) as client:
                await _calls(client, 5, 1)
                before = server.cpu()
                one = await _calls(client, sizes.agent_calls, 1)
                spent = (server.cpu() - before) / sizes.agent_calls * 1_000
                many = await _calls(client, sizes.agent_calls, _AT_ONCE)
            if number or not sizes.rounds:  # the first one opens connections and caches
                cpu[kind].append(spent)
                alone[kind].append(one)
                together[kind].append(many)
    middle = {kind: statistics.median(values) for kind, values in cpu.items()}
    fast = {kind: statistics.median(values) for kind, values in together.items()}
    figures = [
        *(Figure(f"{kind}, CPU of the server", middle[kind], "ms a call") for kind in _KINDS),
        Figure("added CPU", middle["governed"] - middle["bare"], "ms a call", _MOST_MS),
        *(Figure(f"{kind}, one at a time", statistics.median(alone[kind]), "calls/s") for kind in _KINDS),
        *(Figure(f"{kind}, 16 at once", fast[kind], "calls/s") for kind in _KINDS),
        Figure("bare / governed, 16 at once", fast["bare"] / fast["governed"], "x", 1 / _LEAST_SHARE),
    ]
    return Section("A record got by an agent, over HTTP: the library alone, and crmhub", figures)


async def _calls(client: Client, count: int, at_once: int) -> float:
    """Calls a second."""
    turns = anyio.CapacityLimiter(at_once)

    async def one(number: int) -> None:
        async with turns:
            answer = await client.call_tool("get_person", {"id": f"p{number % 100}"})
            if answer.is_error:
                raise AssertionError(answer.structured_content)

    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, number)
    return count / (time.perf_counter() - began)


@asynccontextmanager
async def _client(server: _Server) -> AsyncGenerator[Client]:
    headers = {"authorization": f"Bearer {server.token}"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=60))
        transport = streamable_http_client(server.url, http_client=http)
        yield await stack.enter_async_context(Client(transport, mode="2026-07-28"))


@contextmanager
def _served(kind: str) -> Generator[_Server]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.agent_server", kind, folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url, token = process.stdout.readline().split()
            try:
                yield _Server(process.pid, url, token)
            finally:
                process.terminate()

"""A server of two small CRMs on a socket, and the official client to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import anyio
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from crmhub.agent.assembling import Assembled, assemble
from crmhub.agent.packs.hub import HUB
from crmhub.agent.policy.language import Agents
from crmhub.agent.serving.running import HttpServing, http_serving
from crmhub.agent.serving.server import TextPart
from crmhub.agent.tool import Pack, Toolbox
from crmhub.hub import Hub
from tests.agents import PACK, agents_of, hub_of_two

__all__ = ["Served", "client_of", "served", "serving_of"]

Era = Literal["legacy", "2026-07-28"]


@dataclass
class Served:
    """A server that is up."""

    hub: Hub
    assembled: Assembled
    serving: HttpServing
    token: str

    @property
    def url(self) -> str:
        return self.serving.url

    @property
    def root(self) -> str:
        return self.url.removesuffix("/mcp")


@asynccontextmanager
async def served(
    tmp_path: Path,
    agents: Agents | None = None,
    *,
    text: TextPart = "line",
    packs: Sequence[Pack] = (PACK, HUB),
) -> AsyncGenerator[Served]:
    """Serve two small CRMs, with a token of ``bot``."""
    async with (
        hub_of_two(tmp_path) as hub,
        serving_of(hub, agents or agents_of(), packs, text=text) as server,
    ):
        yield server


@asynccontextmanager
async def serving_of(
    hub: Hub, agents: Agents, packs: Sequence[Pack], *, text: TextPart = "line"
) -> AsyncGenerator[Served]:
    """Serve any hub, with a token of ``bot``."""
    assembled = await assemble(hub, agents, Toolbox(packs))
    store = await hub.store()
    token = await store.agent_tokens.create("first", "bot", timedelta(days=1))
    async with (
        http_serving(hub, assembled, port=0, text=text) as serving,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(serving.serve)
        yield Served(hub, assembled, serving, token.get_secret_value())
        serving.stop()


@asynccontextmanager
async def client_of(
    server: Served, *, token: str | None = None, era: Era = "2026-07-28"
) -> AsyncGenerator[Client]:
    """The official client, with that token."""
    headers = {"Authorization": f"Bearer {token or server.token}"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers))
        transport = streamable_http_client(server.url, http_client=http)
        yield await stack.enter_async_context(Client(transport, mode=era))

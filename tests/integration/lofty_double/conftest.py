"""A Lofty double in process, at a fixed time, and clients that talk to it as any other would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from crmhub.http.transport import asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.lofty.double import LoftyDouble

NOW = 1_767_258_000.0  # 2026-01-01T09:00:00Z
Make = Callable[..., tuple[LoftyDouble, httpx.AsyncClient]]


@pytest.fixture
async def make_lofty(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a double from options, and a client with its API key."""
    clients: list[httpx.AsyncClient] = []

    def make(**options: object) -> tuple[LoftyDouble, httpx.AsyncClient]:
        double = LoftyDouble(Options(now=lambda: NOW, admin=True, **options))  # pyright: ignore[reportArgumentType]
        headers = {"Authorization": f"token {double.credentials['api_key']}"}
        transport = asgi_transport(double.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://lofty.test", headers=headers)
        clients.append(client)
        return double, client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def empty(make_lofty: Make) -> tuple[LoftyDouble, httpx.AsyncClient]:
    """A team without records."""
    return make_lofty()


@pytest.fixture
def double(empty: tuple[LoftyDouble, httpx.AsyncClient]) -> LoftyDouble:
    """The double behind `lofty`."""
    return empty[0]


@pytest.fixture
def lofty(empty: tuple[LoftyDouble, httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client for a team without records."""
    return empty[1]


async def add_lead(client: httpx.AsyncClient, **values: object) -> int:
    """Create a lead; its id."""
    reply = await client.post("/v1.0/leads", json={"firstName": "Ada", **values})
    assert reply.status_code == 200, reply.text
    return reply.json()["leadId"]


async def get(client: httpx.AsyncClient, path: str, **params: object) -> Any:
    """The JSON of a read that is answered with 200."""
    reply = await client.get(path, params={key: str(value) for key, value in params.items()} or None)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refusal(reply: httpx.Response) -> tuple[int, object]:
    """Status and code of a refusal."""
    return reply.status_code, reply.json()["code"]

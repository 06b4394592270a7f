"""A Rollout double in process, at a fixed time, and clients that talk to it as any other would."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from crmhub.http.transport import asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_rollout.simulator.double import RolloutDouble

NOW = 1_767_258_000.0  # 2026-01-01T09:00:00Z
Make = Callable[..., tuple[RolloutDouble, httpx.AsyncClient]]


@pytest.fixture
async def make_rollout(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a double from options, and an authorized client for its first credential."""
    clients: list[httpx.AsyncClient] = []

    def make(**options: object) -> tuple[RolloutDouble, httpx.AsyncClient]:
        double = RolloutDouble(Options(now=lambda: NOW, admin=True, **options))  # pyright: ignore[reportArgumentType]
        headers = {
            "Authorization": f"Bearer {double.credentials['auth_token']}",
            "X-Rollout-Credential-Id": double.credentials["credential_id"],
        }
        transport = asgi_transport(double.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://rollout.test", headers=headers)
        clients.append(client)
        return double, client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def empty(make_rollout: Make) -> tuple[RolloutDouble, httpx.AsyncClient]:
    """A CRM without records."""
    return make_rollout()


@pytest.fixture
def double(empty: tuple[RolloutDouble, httpx.AsyncClient]) -> RolloutDouble:
    """The double behind `rollout`."""
    return empty[0]


@pytest.fixture
def rollout(empty: tuple[RolloutDouble, httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client for a CRM without records."""
    return empty[1]


async def add(client: httpx.AsyncClient, collection: str, **values: object) -> Any:
    """Create a record; what is answered."""
    reply = await client.post(f"/api/{collection}", json=values)
    assert reply.status_code == 201, reply.text
    return reply.json()


async def get(client: httpx.AsyncClient, path: str, **params: object) -> Any:
    """The JSON of a read that is answered with 200."""
    reply = await client.get(path, params={key: str(value) for key, value in params.items()} or None)
    assert reply.status_code == 200, reply.text
    return reply.json()


def events(double: RolloutDouble) -> list[str]:
    """The names of the events that were sent, which are forgotten."""
    bodies: list[Any] = [json.loads(str(message["body"])) for message in double.outbox(clear=True)]
    return [body["event"] for body in bodies]

"""A HubSpot double in process, at a fixed time, and clients that talk to it as any other would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest

from crmhub.http.transport import asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.hubspot.double import HubSpotDouble

NOW = 1_767_258_000.0  # 2026-01-01T09:00:00Z
OBJECTS = "/crm/v3/objects"
Make = Callable[..., tuple[HubSpotDouble, httpx.AsyncClient]]
BOUNDLESS = {"burst": "1000000", "searches": "1000000"}


@pytest.fixture
async def make_hubspot(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a double from options, and a client with the private app's token for it.

    The limits of calls are out of reach unless `limited` is given.
    """
    clients: list[httpx.AsyncClient] = []

    def make(
        *, limited: bool = False, settings: Mapping[str, str] | None = None, **options: object
    ) -> tuple[HubSpotDouble, httpx.AsyncClient]:
        chosen = {**({} if limited else BOUNDLESS), **(settings or {})}
        made = Options(now=lambda: NOW, admin=True, settings=chosen, **options)  # pyright: ignore[reportArgumentType]
        double = HubSpotDouble(made)
        client = httpx.AsyncClient(
            transport=asgi_transport(double.app),
            base_url="http://hubspot.test",
            headers={"Authorization": f"Bearer {double.credentials['private_app_token']}"},
        )
        clients.append(client)
        return double, client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def empty(make_hubspot: Make) -> tuple[HubSpotDouble, httpx.AsyncClient]:
    """A portal without records."""
    return make_hubspot()


@pytest.fixture
def double(empty: tuple[HubSpotDouble, httpx.AsyncClient]) -> HubSpotDouble:
    """The double behind `hubspot`."""
    return empty[0]


@pytest.fixture
def hubspot(empty: tuple[HubSpotDouble, httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client for a portal without records."""
    return empty[1]


@pytest.fixture
def seeded(make_hubspot: Make) -> httpx.AsyncClient:
    """A client for a portal with 250 records of each main type."""
    return make_hubspot(rows=250)[1]


async def create(client: httpx.AsyncClient, name: str, /, **values: object) -> str:
    """A new record's id."""
    reply = await client.post(f"{OBJECTS}/{name}", json={"properties": values})
    assert reply.status_code == 201, reply.text
    return reply.json()["id"]


async def search(client: httpx.AsyncClient, name: str, /, *filters: Sequence[str], **body: Any) -> Any:
    """The reply to a search: filters of property, operator and value."""
    named = [
        dict(zip(("propertyName", "operator", "value", "highValue"), one, strict=False)) for one in filters
    ]
    groups = {"filterGroups": [{"filters": named}]} if named else {}
    reply = await client.post(f"{OBJECTS}/{name}/search", json={**groups, **body})
    assert reply.status_code == 200, reply.text
    return reply.json()


def problem(reply: httpx.Response) -> tuple[int, str, str]:
    """Status, category and message of a refusal."""
    body = reply.json()
    assert body["status"] == "error"
    assert body["correlationId"]
    return reply.status_code, body["category"], body["message"]

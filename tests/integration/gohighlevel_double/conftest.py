"""A GoHighLevel double in process, at a fixed time, and clients that talk to it as any other would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from crmhub.http.transport import asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.gohighlevel.double import GoHighLevelDouble

NOW = 1_767_258_000.0  # 2026-01-01T09:00:00Z
Made = tuple[GoHighLevelDouble, httpx.AsyncClient]
Make = Callable[..., Made]


@pytest.fixture
async def make_ghl(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a double from options, and a client with the location's private integration token for it."""
    clients: list[httpx.AsyncClient] = []

    def make(**options: Any) -> Made:
        double = GoHighLevelDouble(Options(now=lambda: NOW, admin=True, **options))
        token = double.credentials["private_integration_token"]
        client = httpx.AsyncClient(
            transport=asgi_transport(double.app),
            base_url="http://ghl.test",
            headers={"Authorization": f"Bearer {token}", "Version": "2021-07-28"},
        )
        clients.append(client)
        return double, client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def made(make_ghl: Make) -> Made:
    """An agency without records, and a client."""
    return make_ghl()


@pytest.fixture
def double(made: Made) -> GoHighLevelDouble:
    """The double behind `ghl`."""
    return made[0]


@pytest.fixture
def ghl(made: Made) -> httpx.AsyncClient:
    """A client for an agency without records."""
    return made[1]


@pytest.fixture
def location(double: GoHighLevelDouble) -> str:
    """The id of the location that the client's token opens."""
    return double.credentials["location_id"]


@pytest.fixture
def contact(ghl: httpx.AsyncClient, location: str) -> Callable[..., Any]:
    """Creates a contact."""

    async def create(**values: Any) -> dict[str, Any]:
        reply = await ghl.post("/contacts/", json={"locationId": location, **values})
        assert reply.status_code == 201, reply.text
        return reply.json()["contact"]

    return create


@pytest.fixture
def opportunity(ghl: httpx.AsyncClient, double: GoHighLevelDouble, location: str) -> Callable[..., Any]:
    """Creates an opportunity."""

    async def create(contact_id: str, **values: Any) -> dict[str, Any]:
        pipeline = double.agency.main.pipelines[0]
        known = {"pipelineId": pipeline.id, "locationId": location, "name": "Deal", "status": "open"}
        reply = await ghl.post("/opportunities/", json={**known, "contactId": contact_id, **values})
        assert reply.status_code == 201, reply.text
        return reply.json()["opportunity"]

    return create

"""A Pipedrive double in process, at a fixed time, and clients that talk to it as any other would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from crmhub.http.transport import asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble

NOW = 1_767_258_000.0  # 2026-01-01T09:00:00Z
V1, V2 = "/v1", "/api/v2"
Made = tuple[PipedriveDouble, httpx.AsyncClient]
Make = Callable[..., Made]


@pytest.fixture
async def make_pipedrive(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a double from options, and a client with its API token. `lifted`: without the limit of bursts."""
    clients: list[httpx.AsyncClient] = []

    def make(*, settings: dict[str, str] | None = None, lifted: bool = True, **options: object) -> Made:
        given = Options(
            now=lambda: NOW,
            admin=True,
            settings={**({"burst": "off"} if lifted else {}), **(settings or {})},
            **options,  # pyright: ignore[reportArgumentType]
        )
        double = PipedriveDouble(given)
        transport, headers = asgi_transport(double.app), {"x-api-token": double.credentials["api_token"]}
        client = httpx.AsyncClient(transport=transport, base_url="http://pipedrive.test", headers=headers)
        clients.append(client)
        return double, client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def empty(make_pipedrive: Make) -> Made:
    """A company without records."""
    return make_pipedrive()


@pytest.fixture
def double(empty: Made) -> PipedriveDouble:
    """The double behind `pipedrive`."""
    return empty[0]


@pytest.fixture
def pipedrive(empty: Made) -> httpx.AsyncClient:
    """A client for a company without records."""
    return empty[1]


@pytest.fixture
def seeded(make_pipedrive: Make) -> httpx.AsyncClient:
    """A client for a company with 250 records of each main kind."""
    return make_pipedrive(rows=250)[1]

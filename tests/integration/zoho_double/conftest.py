"""A Zoho double in process, at a fixed time, and clients that talk to it as any other would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator

import httpx
import pytest

from crmhub.http.transport import asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_zoho.simulator.double import ZohoDouble
from crmhub_zoho.simulator.scopes import EVERYTHING

NOW = 1_767_258_000.0  # 2026-01-01T09:00:00Z
Make = Callable[..., tuple[ZohoDouble, httpx.AsyncClient]]


class AlwaysLive(httpx.Auth):
    """Sends a live token, however far the clock was turned, unless the call brings its own header."""

    def __init__(self, double: ZohoDouble) -> None:
        self._double = double
        self._token = double.credentials["access_token"]

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        accounts = self._double.accounts
        if accounts.live(self._token) is None:
            self._token += "+"
            accounts.book.issue(self._token, "test", frozenset(EVERYTHING), 3600)
        request.headers.setdefault("Authorization", f"Zoho-oauthtoken {self._token}")
        yield request


@pytest.fixture
async def make_zoho(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a double from options, and an authorized client for it."""
    clients: list[httpx.AsyncClient] = []

    def make(**options: object) -> tuple[ZohoDouble, httpx.AsyncClient]:
        double = ZohoDouble(Options(now=lambda: NOW, admin=True, **options))  # pyright: ignore[reportArgumentType]
        transport = asgi_transport(double.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://zoho.test", auth=AlwaysLive(double))
        clients.append(client)
        return double, client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def empty(make_zoho: Make) -> tuple[ZohoDouble, httpx.AsyncClient]:
    """An organisation without records."""
    return make_zoho()


@pytest.fixture
def double(empty: tuple[ZohoDouble, httpx.AsyncClient]) -> ZohoDouble:
    """The double behind `zoho`."""
    return empty[0]


@pytest.fixture
def zoho(empty: tuple[ZohoDouble, httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client for an organisation without records."""
    return empty[1]


@pytest.fixture
def seeded(make_zoho: Make) -> httpx.AsyncClient:
    """A client for an organisation with 450 records in each main module."""
    return make_zoho(rows=450)[1]

"""A Salesforce org in memory, and a plain HTTP client that is logged in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast

import httpx
import pytest

from crmhub.testing.simulator.options import Options
from crmhub_salesforce.simulator import SalesforceDouble, create

START = datetime(2026, 6, 15, 12, 0, 30, tzinfo=UTC)
SEEDED = {"Account": 30, "Contact": 4500, "Lead": 12, "Opportunity": 60, "Task": 20, "Event": 20}

Json = dict[str, object]


@dataclass
class Client:
    """Calls to the org, in version 62.0 unless the path says otherwise."""

    double: SalesforceDouble
    http: httpx.AsyncClient

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        target = path if path.lower().startswith("/services") else f"/services/data/v62.0{path}"
        return await self.http.request(
            method, target, params=params, headers=headers, json=body if body is not None else None
        )

    async def query(
        self, soql: str, *, everything: bool = False, headers: Mapping[str, str] | None = None
    ) -> Json:
        path = "/queryAll" if everything else "/query"
        reply = await self.call("GET", path, params={"q": soql}, headers=headers)
        assert reply.status_code == 200, reply.text
        return cast("Json", reply.json())

    async def records(self, soql: str, *, everything: bool = False) -> list[Json]:
        return cast("list[Json]", (await self.query(soql, everything=everything))["records"])

    async def make(self, sobject: str, **fields: object) -> str:
        reply = await self.call("POST", f"/sobjects/{sobject}", fields)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    async def read(self, sobject: str, record_id: str) -> Json:
        reply = await self.call("GET", f"/sobjects/{sobject}/{record_id}")
        assert reply.status_code == 200, reply.text
        return cast("Json", reply.json())

    async def refused(
        self, method: str, path: str, body: object = None, *, params: Mapping[str, str] | None = None
    ) -> tuple[int, str, str, list[str] | None]:
        """Status, code, message and fields of the one error of a refusal."""
        reply = await self.call(method, path, body, params=params)
        (error,) = reply.json()
        return reply.status_code, error["errorCode"], error["message"], error.get("fields")


class MakeClient(Protocol):
    """Makes an org with these options, and a client that is logged in to it."""

    def __call__(
        self,
        rows: int | Mapping[str, int] = 0,
        *,
        settings: Mapping[str, str] | None = None,
        faults: tuple[str, ...] = (),
        schema: Path | None = None,
        users: Path | None = None,
        seed: int = 1,
    ) -> Client: ...


@pytest.fixture
async def make_client() -> AsyncIterator[MakeClient]:
    """The org's clock stands at START until a test turns it."""
    clients: list[httpx.AsyncClient] = []

    def make(
        rows: int | Mapping[str, int] = 0,
        *,
        settings: Mapping[str, str] | None = None,
        faults: tuple[str, ...] = (),
        schema: Path | None = None,
        users: Path | None = None,
        seed: int = 1,
    ) -> Client:
        options = Options(
            rows=rows,
            seed=seed,
            schema=schema,
            users=users,
            faults=faults,
            settings=settings or {},
            now=START.timestamp,
        )
        double = create(options)
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(double.app),
            base_url="http://acme.my.salesforce.test",
            headers={"Authorization": f"Bearer {double.credentials['access_token']}"},
        )
        clients.append(http)
        return Client(double, http)

    yield make
    for http in clients:
        await http.aclose()


@pytest.fixture
def empty(make_client: MakeClient) -> Client:
    """A client of an org without records."""
    return make_client()


@pytest.fixture
def seeded(make_client: MakeClient) -> Client:
    """A client of an org with seeded records."""
    return make_client(SEEDED)

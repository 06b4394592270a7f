"""A HubSpot portal in memory, and connections of the preset to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from crmhub.connector import (
    Checkpoint,
    Condition,
    Deletion,
    Native,
    Outcome,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub_rest.conformance.hubspot import HubSpotOrg
from crmhub_rest.connector import RestConnector
from crmhub_rest.simulators.hubspot.portal import Portal
from crmhub_rest.simulators.hubspot.records import Records

BOUNDLESS = {"burst": "1000000", "searches": "1000000"}
Make = Callable[..., "Portals"]


@dataclass
class Portals:
    """One portal, and a connection to it."""

    org: HubSpotOrg
    connector: RestConnector

    @property
    def portal(self) -> Portal:
        """What the double holds."""
        return self.org.played.portal

    def again(self, **settings: str) -> RestConnector:
        """Another connection, as a new process would have it."""
        made = self.org.connect(tokens=None, **settings)
        assert isinstance(made, RestConnector)
        return made

    async def insert(self, object: str, *rows: Mapping[str, Value]) -> list[str]:
        """People make records; their ids."""
        return [*await self.org.insert(object, [{**row} for row in rows])]

    def link(self, object: str, id: str, target: str, other: str, kind: int | None = None) -> None:
        """People associate two records."""
        stores, kinds = self.portal.stores, [("HUBSPOT_DEFINED", kind)] if kind else []
        Records(self.portal).link(stores[object], id, stores[target], other, kinds)

    def linked(self, object: str, id: str, target: str) -> dict[str, set[int]]:
        """The records that one is associated with, and by which kinds."""
        found = self.portal.links.of((object, id), target)
        return {other: {kind.number for kind in kinds} for other, kinds in found}

    async def read(
        self,
        object: str,
        *fields: str,
        since: Checkpoint | None = None,
        filter: Sequence[Condition] = (),
        connector: RestConnector | None = None,
    ) -> Read:
        """Everything, or what has changed since."""
        rows: dict[str, Native] = {}
        gone: list[Deletion] = []
        last: Checkpoint | None = None
        request = ReadRequest(object, fields, since=since, filter=tuple(filter))
        async for page in (connector or self.connector).read(request):
            rows |= {str(row["id"]): row for row in page.upserts}
            gone += page.deletes
            last = page.checkpoint or last
        return Read(rows, gone, last)

    async def write(
        self, object: str, operation: str, *items: WriteItem, match: str | None = None
    ) -> list[Outcome]:
        """The outcomes of a write."""
        request = WriteRequest(object, operation, items, match=match)  # pyright: ignore[reportArgumentType]
        return [*await self.connector.write(request)]


@dataclass
class Read:
    """What a read has given."""

    rows: Mapping[str, Native]
    gone: Sequence[Deletion]
    checkpoint: Checkpoint | None


@pytest.fixture
async def make_portal(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a portal from the double's switches and seeded rows; its limits are out of reach."""
    made: list[HubSpotOrg] = []

    def make(rows: Mapping[str, int] | None = None, **switches: str) -> Portals:
        org = HubSpotOrg({**BOUNDLESS, **switches}, rows)
        made.append(org)
        connector = org.connect()
        assert isinstance(connector, RestConnector)
        return Portals(org, connector)

    yield make
    for org in made:
        await org.aclose()


@pytest.fixture
def portal(make_portal: Make) -> Portals:
    """A portal without records."""
    return make_portal()

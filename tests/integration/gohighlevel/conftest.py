"""A GoHighLevel location in memory, and connections of the preset to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from crmhub.connector import (
    Checkpoint,
    Condition,
    Native,
    Outcome,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.http import TokenStore
from crmhub_rest.conformance.gohighlevel import GoHighLevelOrg
from crmhub_rest.connector import RestConnector
from crmhub_rest.simulators.gohighlevel.location import Location

BOUNDLESS = {"burst": "1000000"}
Make = Callable[..., "Place"]


@dataclass
class Place:
    """One location, and a connection to it."""

    org: GoHighLevelOrg
    connector: RestConnector

    @property
    def location(self) -> Location:
        """What the double holds."""
        return self.org.location

    def again(self, *, tokens: TokenStore | None = None, **settings: object) -> RestConnector:
        """Another connection, as a new process would have it."""
        made = self.org.connect(tokens=tokens, **settings)
        assert isinstance(made, RestConnector)
        return made

    async def insert(self, object: str, *rows: Mapping[str, Value]) -> list[str]:
        """People make records; their ids."""
        return [*await self.org.insert(object, [{**row} for row in rows])]

    async def read(
        self,
        object: str,
        *fields: str,
        since: Checkpoint | None = None,
        filter: Sequence[Condition] = (),
    ) -> tuple[dict[str, Native], Checkpoint | None]:
        """Everything, or what has changed since, by id; and where to go on."""
        rows: dict[str, Native] = {}
        last: Checkpoint | None = None
        request = ReadRequest(object, fields, since=since, filter=tuple(filter))
        async for page in self.connector.read(request):
            rows |= {str(row["id"]): row for row in page.upserts}
            last = page.checkpoint or last
        return rows, last

    async def write(
        self, object: str, operation: str, *items: WriteItem, match: str | None = None
    ) -> list[Outcome]:
        """The outcomes of a write."""
        request = WriteRequest(object, operation, items, match=match)  # pyright: ignore[reportArgumentType]
        return [*await self.connector.write(request)]


@pytest.fixture
async def make_place(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes a location from the double's switches and seeded rows; its limits are out of reach."""
    made: list[GoHighLevelOrg] = []

    def make(rows: Mapping[str, int] | None = None, **switches: str) -> Place:
        org = GoHighLevelOrg({**BOUNDLESS, **switches}, rows)
        made.append(org)
        connector = org.connect()
        assert isinstance(connector, RestConnector)
        return Place(org, connector)

    yield make
    for org in made:
        await org.aclose()


@pytest.fixture
def place(make_place: Make) -> Place:
    """A location without records."""
    return make_place()

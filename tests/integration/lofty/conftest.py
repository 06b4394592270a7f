"""A Lofty team in memory, and connections of the preset to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from crmhub.connector import (
    Checkpoint,
    Connector,
    Missing,
    Native,
    Outcome,
    ReadRequest,
    WriteItem,
    WriteRequest,
)
from crmhub_rest.conformance.lofty import LoftyOrg

Make = Callable[..., LoftyOrg]


@pytest.fixture
async def make(anyio_backend: str) -> AsyncIterator[Make]:
    """Makes teams; settings of the double as keywords."""
    made: list[LoftyOrg] = []

    def make(**switches: str) -> LoftyOrg:
        made.append(LoftyOrg(switches))
        return made[-1]

    yield make
    for org in made:
        await org.aclose()


@pytest.fixture
def org(make: Make) -> LoftyOrg:
    """A team without records."""
    return make()


async def read(
    connector: Connector,
    object: str,
    *fields: str,
    since: Checkpoint | None = None,
    page_size: int | None = None,
) -> list[Native]:
    """All records that a read gives."""
    request = ReadRequest(object, fields, since=since, page_size=page_size)
    return [row async for page in connector.read(request) for row in page.upserts]


async def create(connector: Connector, object: str, **fields: object) -> Outcome:
    """Create one record."""
    (outcome,) = await connector.write(WriteRequest(object, "create", [WriteItem(dict(fields))]))  # pyright: ignore[reportArgumentType]
    return outcome


async def update(connector: Connector, object: str, id: str, **fields: object) -> Outcome:
    """Change one record."""
    items = [WriteItem(dict(fields), id=id)]  # pyright: ignore[reportArgumentType]
    (outcome,) = await connector.write(WriteRequest(object, "update", items))
    return outcome


async def get(connector: Connector, object: str, id: str, *fields: str) -> Native:
    """One record that is there."""
    (found,) = await connector.get(object, [id], fields)
    assert not isinstance(found, Missing)
    return found


def ids(rows: Sequence[Native], key: str) -> set[str]:
    """Their ids."""
    return {str(row[key]) for row in rows}

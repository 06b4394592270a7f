"""What checks do with a connection, in one line each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager

from crmhub.connector import (
    Connector,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    ReadRequest,
    WriteItem,
    WriteRequest,
)
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.target import Org, Sample

__all__ = ["Used", "connected", "told"]


class Used:
    """A connection, the sample's object as it describes it, and the truth about it."""

    def __init__(
        self, org: Org, sample: Sample, connector: Connector, able: ObjectCapabilities, schema: ObjectSchema
    ) -> None:
        self.org = org
        self.sample = sample
        self.connector = connector
        self.able = able
        self.schema = schema

    async def truth(self) -> dict[str, Native]:
        """The object's live records as the CRM holds them, by id."""
        return {str(row[self.able.key]): dict(row) for row in await self.org.truth(self.sample.object)}

    async def create(self, *rows: Native) -> Sequence[Outcome]:
        """Create records; the outcomes, checked for their form."""
        return await self.write(WriteRequest(self.sample.object, "create", [WriteItem(row) for row in rows]))

    async def update(self, id: str, fields: Native, if_version: str | None = None) -> Outcome:
        """Change one record."""
        item = WriteItem(fields, id=id, if_version=if_version)
        (outcome,) = await self.write(WriteRequest(self.sample.object, "update", [item]))
        return outcome

    async def delete(self, *ids: str) -> Sequence[Outcome]:
        """Delete records."""
        items = [WriteItem(id=one) for one in ids]
        return await self.write(WriteRequest(self.sample.object, "delete", items))

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """Write; fails unless there is one outcome for each item, with what its status promises."""
        outcomes = await self.connector.write(request)
        expect(
            len(outcomes) == len(request.items),
            f"{len(request.items)} items of {request.operation} gave {len(outcomes)} outcomes",
        )
        for outcome in outcomes:
            expect(not outcome.ok or outcome.id, f"an outcome {outcome.status!r} names no record")
            expect(outcome.status != "rejected" or outcome.problem, "a rejected item comes without a problem")
        return outcomes

    async def get(self, id: str, fields: Sequence[str]) -> Native:
        """One record; fails if it is missing."""
        (found,) = await self.connector.get(self.sample.object, [id], fields)
        expect(isinstance(found, dict), f"get() gives {found!r} for a record that exists")
        return found if isinstance(found, dict) else {}

    async def read(self, fields: Sequence[str], *, page_size: int | None = None) -> dict[str, Native]:
        """All records by id, by a full read."""
        rows: dict[str, Native] = {}
        request = ReadRequest(self.sample.object, tuple(fields), page_size=page_size)
        async with aclosing(self.connector.read(request)) as pages:
            async for page in pages:
                rows |= {str(row[self.able.key]): row for row in page.upserts}
        return rows


@asynccontextmanager
async def connected(org: Org, sample: Sample) -> AsyncGenerator[Used]:
    """A new connection that is signed in and knows the sample's object; the org closes it."""
    connector = org.connect()
    able = (await connector.capabilities()).objects[sample.object]
    yield Used(org, sample, connector, able, await connector.describe(sample.object))


def told(outcome: Outcome) -> str:
    """An outcome in few words, for messages."""
    problem = outcome.problem
    return outcome.status if problem is None else f"{outcome.status} ({problem.code}, field {problem.field})"

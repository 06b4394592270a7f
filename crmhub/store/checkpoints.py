"""Where each stream of each job stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from crmhub.clock import Clock
from crmhub.native import Checkpoint
from crmhub.store.database import Database
from crmhub.store.tables import checkpoint as table
from crmhub.store.text import decode_checkpoint, encode
from crmhub.store.upsert import upsert

__all__ = ["Checkpoints", "save_checkpoint"]


class Checkpoints:
    """Reached as ``store.checkpoints``. A sync saves them with the page they belong to."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, job: str, stream: str) -> Checkpoint | None:
        """The stream's last saved checkpoint, or ``None`` before the first."""
        return (await self.all(job)).get(stream)

    async def all(self, job: str) -> Mapping[str, Checkpoint]:
        """Every stream of the job that has a checkpoint."""
        query = select(table.c.stream, table.c.value).where(table.c.job == job)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {stream: decode_checkpoint(value) for stream, value in rows}

    async def put(self, job: str, stream: str, checkpoint: Checkpoint) -> None:
        """Save a checkpoint by itself, outside a page."""
        now = self._clock.now()
        await self._database.write(
            lambda connection: save_checkpoint(connection, job, stream, checkpoint, now)
        )


def save_checkpoint(
    connection: Connection, job: str, stream: str, checkpoint: Checkpoint, now: datetime
) -> None:
    """Save it as part of a transaction."""
    row = {"job": job, "stream": stream, "value": encode(checkpoint), "updated_at": now}
    connection.execute(upsert(connection.dialect.name, table), [row])

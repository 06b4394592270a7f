"""The write-ahead ledger: what was about to be sent when a process died."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, delete, select

from crmhub.clock import Clock
from crmhub.store.database import Database
from crmhub.store.records import Intent, RecordRef
from crmhub.store.running import hold_run
from crmhub.store.tables import intent as table
from crmhub.store.upsert import upsert

__all__ = ["Intents", "settle_intents"]


class Intents:
    """Reached as ``store.intents``. An intent is settled by the page that stores its result."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def plan(self, intents: Sequence[Intent]) -> None:
        """Store what is about to be sent. It is on the disk when this returns.

        An intent that is already there is replaced, so that a resend has its own ``sent_at``. Raises
        :class:`~crmhub.errors.SyncError` when a run of theirs is over: nothing may be sent then.
        """
        rows = [_row(intent) for intent in intents]
        if not rows:
            return
        now = self._clock.now()

        def save(connection: Connection) -> None:
            for run in {intent.run for intent in intents}:
                hold_run(connection, run, now)
            connection.execute(upsert(connection.dialect.name, table), rows)

        await self._database.write(save, durable=True)

    async def open(self, job: str) -> list[Intent]:
        """Every intent of the job whose result is not known, oldest first."""
        query = select(table).where(table.c.job == job).order_by(table.c.sent_at, table.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [_intent(row) for row in rows]


def settle_intents(connection: Connection, ids: Sequence[str]) -> None:
    """Remove intents whose result is stored in the same transaction."""
    if ids:
        statement = delete(table).where(table.c.id == bindparam("settled"))
        connection.execute(statement, [{"settled": settled} for settled in ids])


def _row(intent: Intent) -> dict[str, object]:
    return {
        "id": intent.id,
        "job": intent.job,
        "run": intent.run,
        "source_connection": intent.source.connection,
        "source_object": intent.source.object,
        "source_id": intent.source.id,
        "target_object": intent.target_object,
        "operation": intent.operation,
        "marker": intent.marker,
        "state": intent.state,
        "sent_at": intent.sent_at,
        "payload_hash": intent.payload_hash,
        "payload": intent.payload,
    }


def _intent(row: RowMapping) -> Intent:
    return Intent(
        id=row["id"],
        job=row["job"],
        run=row["run"],
        source=RecordRef(row["source_connection"], row["source_object"], row["source_id"]),
        target_object=row["target_object"],
        operation=row["operation"],
        marker=row["marker"],
        payload_hash=row["payload_hash"],
        payload=row["payload"],
        sent_at=row["sent_at"],
        state=row["state"],
    )

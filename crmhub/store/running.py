"""The lease of a run: who may write for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, DateTime, Interval, func, literal, select, update

from crmhub.errors import SyncError
from crmhub.store.database import has_own_time
from crmhub.store.tables import Instant
from crmhub.store.tables import run as table
from crmhub.store.text import decode_counts, encode

__all__ = ["LEASE", "hold_run", "lease_time"]

LEASE = timedelta(seconds=60)
"""How long a run is believed to go on after its last sign of life, when its process cannot be seen."""

_NOW = timedelta(0)
_NO_COUNTS: Mapping[str, int] = {}


def lease_time(connection: Connection, now: datetime, later: timedelta = _NOW) -> ColumnElement[datetime]:
    """The present for leases, or that much later: by the database's clock where that is in force.

    Machines that share a database do not agree on the time; ``now`` is what this one believes.
    """
    if has_own_time(connection):
        return func.clock_timestamp(type_=DateTime(timezone=True)) + literal(later, Interval)
    return literal(now + later, Instant)


def hold_run(connection: Connection, run: str, now: datetime, counts: Mapping[str, int] = _NO_COUNTS) -> None:
    """Renew the run's lease and add to its totals, in the transaction that writes for it.

    Raises :class:`SyncError` when the run is over, most likely since another process has taken the
    job over: then nothing of the transaction may stay.
    """
    # Locked, so that nobody takes the job over between this look and the end of the transaction.
    query = select(table.c.state, table.c.counts).where(table.c.id == run).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise SyncError(f"there is no run {run}", hint="start it with store.runs.start")
    if row.state != "running":
        raise SyncError(
            f"run {run} is {row.state}: another process may have taken the job over",
            hint="nothing more was written; look at the runs of the job and start it again if none goes on",
        )
    values: dict[str, object] = {"lease_until": lease_time(connection, now, LEASE)}
    if counts:
        totals = decode_counts(row.counts)
        values["counts"] = encode(totals | {name: totals.get(name, 0) + n for name, n in counts.items()})
    connection.execute(update(table).where(table.c.id == run).values(values))

"""Runs: what was done when, and that a job runs once at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Literal, cast

from sqlalchemy import Connection, RowMapping, insert, select, update

from crmhub.clock import Clock
from crmhub.errors import SyncError
from crmhub.events import Events
from crmhub.store.database import Database
from crmhub.store.owner import Process, is_gone, this_process
from crmhub.store.records import Run, RunState
from crmhub.store.running import LEASE, hold_run, lease_time
from crmhub.store.tables import run as table
from crmhub.store.text import decode_counts, decode_names, encode

__all__ = ["Runs"]


class Runs:
    """Reached as ``store.runs``."""

    def __init__(self, database: Database, clock: Clock, events: Events, random: Random) -> None:
        self._database = database
        self._clock = clock
        self._events = events
        self._random = random
        self._going: set[str] = set()

    async def start(self, job: str, kind: str, source: str, target: str, models: Sequence[str]) -> Run:
        """Begin a run of the job.

        A run that its process left behind is marked interrupted: at once when that process is known
        to be dead, otherwise a minute after its last commit. Raises :class:`SyncError` when the job
        is running.
        """
        now = self._clock.now()
        me = this_process()
        values: dict[str, object] = {
            "job": job,
            "kind": kind,
            "source": source,
            "target": target,
            "models": encode(tuple(models)),
            "state": "running",
            "started_at": now,
            "counts": "{}",
            "host": me.host,
            "machine": me.machine,
            "pid": me.pid,
            "process": me.started,
        }

        def begin(connection: Connection) -> tuple[Run, str | None]:
            left = _take_over(connection, job, now)
            drawn = self._new_id(connection, now)
            lease = lease_time(connection, now, LEASE)
            connection.execute(insert(table).values(id=drawn, lease_until=lease, **values))
            return cast("Run", _get(connection, drawn)), left

        run, left = await self._database.write(begin, alone=True)
        if left:
            self._events.emit("run.interrupted", run=left, job=job, error="its process ended")
        self._going.add(run.id)
        return run

    def _new_id(self, connection: Connection, now: datetime) -> str:
        """An id that sorts by time; a seeded ``random`` may repeat what an earlier process drew."""
        while True:
            drawn = f"{now:%Y%m%dT%H%M%S}-{self._random.getrandbits(32):08x}"
            if _get(connection, drawn) is None:
                return drawn

    async def renew(self, run: str) -> None:
        """Say that the run still goes on, in long stretches without a commit.

        Raises :class:`SyncError` when it is over.
        """
        now = self._clock.now()
        await self._database.write(lambda connection: hold_run(connection, run, now))

    async def finish(
        self,
        run: str,
        state: Literal["done", "partial", "failed", "interrupted"],
        counts: Mapping[str, int] | None = None,
        error: str | None = None,
    ) -> Run:
        """End the run. ``counts`` replaces its totals; ``None`` keeps what its pages added up.

        Raises :class:`SyncError` when it is already over.
        """
        now = self._clock.now()
        values: dict[str, object] = {"state": state, "finished_at": now, "error": error}
        if counts is not None:
            values["counts"] = encode(counts)

        def end(connection: Connection) -> Run | None:
            hold_run(connection, run, now)
            connection.execute(update(table).where(table.c.id == run).values(values))
            return _get(connection, run)

        ended = await self._database.write(end)
        self._going.discard(run)
        return cast("Run", ended)

    async def get(self, run: str) -> Run | None:
        """The run of that id."""
        return await self._database.read(lambda connection: _get(connection, run))

    async def recent(self, limit: int = 20, *, job: str | None = None) -> list[Run]:
        """The latest runs, newest first, of one job or of all."""
        query = select(table).order_by(table.c.started_at.desc(), table.c.id.desc()).limit(limit)
        if job is not None:
            query = query.where(table.c.job == job)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [_run(row) for row in rows]

    async def release(self) -> None:
        """Mark what this store started and did not finish as interrupted; the store calls it on closing."""
        going, self._going = self._going, set()
        if not going:
            return
        now = self._clock.now()
        await self._database.write(lambda connection: _interrupt(connection, sorted(going), now))


def _take_over(connection: Connection, job: str, now: datetime) -> str | None:
    """Interrupt the job's run if its process is gone; the id of that run."""
    held = (table.c.lease_until > lease_time(connection, now)).label("held")
    # Locked: a page that its process is just storing renews the lease first.
    query = select(table, held).where(table.c.job == job, table.c.state == "running").with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    owner = Process(row["host"], row["machine"], row["pid"], row["process"])
    if row["held"] and not is_gone(owner):
        raise SyncError(
            f"job {job} is already running since {row['started_at']:%Y-%m-%d %H:%M:%S} UTC "
            f"by pid {owner.pid} on {owner.host}",
            hint="wait for it to end; a run whose process died is taken over within a minute",
        )
    _interrupt(connection, [row["id"]], now)
    return cast("str", row["id"])


def _interrupt(connection: Connection, runs: Sequence[str], now: datetime) -> None:
    connection.execute(
        update(table)
        .where(table.c.id.in_(runs), table.c.state == "running")
        .values(state="interrupted", finished_at=now, error="its process ended before it did")
    )


def _get(connection: Connection, run: str) -> Run | None:
    row = connection.execute(select(table).where(table.c.id == run)).mappings().first()
    return _run(row) if row else None


def _run(row: RowMapping) -> Run:
    return Run(
        id=row["id"],
        job=row["job"],
        kind=row["kind"],
        source=row["source"],
        target=row["target"],
        models=decode_names(row["models"]),
        state=cast("RunState", row["state"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        counts=decode_counts(row["counts"]),
        error=row["error"],
        host=row["host"],
        pid=row["pid"],
    )

"""Looking at a store without changing it: whether it opens, whether it can be trusted, what is left over."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, RowMapping, func, select, update

from crmhub.clock import Clock
from crmhub.errors import StoreError
from crmhub.store.database import Database, make_engine
from crmhub.store.key import KeySource, key_file_of
from crmhub.store.keyring import read_keyring
from crmhub.store.opening import connect, database_file, parse_url, store_name
from crmhub.store.owner import Process, is_gone
from crmhub.store.running import lease_time
from crmhub.store.schema import HEAD, is_known, schema_version
from crmhub.store.secrets import Place
from crmhub.store.sqlite import in_memory
from crmhub.store.tables import dead_letter, intent, run, token

__all__ = ["Health", "LastRun", "look"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest run of a job. ``over`` says that it is marked as running and nobody is at it any more."""

    job: str
    id: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    host: str
    pid: int
    over: bool


@dataclass(frozen=True, slots=True)
class Health:
    """What was found. Sizes are in bytes; ``schema`` is ``None`` for a store that is still to be made."""

    place: str
    schema: str | None = None
    newest: str = HEAD
    """The schema that this crmhub works with."""
    known: bool = True
    """Whether this crmhub can bring ``schema`` up to date."""
    kept: bool = True
    """Whether anything outlives the process: a store in memory keeps nothing."""
    writable: bool = False
    shared_with: str = ""
    """The file that others on this machine can read, if there is one."""
    size: int = 0
    free: int | None = None
    """What is left on the disk of a store in a file."""
    tokens: int = 0
    """How many stored tokens open."""
    runs: Sequence[LastRun] = ()
    letters: Sequence[tuple[str, str, int]] = ()
    """Open dead letters: job, reason, how many."""
    intents: Sequence[tuple[str, int]] = ()
    """Writes of unknown outcome that no run is at work on: job, how many."""
    problems: Sequence[StoreError] = field(default_factory=list[StoreError])
    """What is wrong, each on its own."""


async def look(url: str, *, clock: Clock | None = None, busy_timeout: float = 5.0) -> Health:
    """Look at the store of that URL; nothing is made, migrated or changed.

    ``busy_timeout`` is how many seconds to wait for other processes. Raises
    :class:`~crmhub.errors.StoreError` when it cannot be opened at all.
    """
    clock = clock or Clock()
    parsed = parse_url(url)
    place = store_name(parsed)
    if in_memory(parsed):
        return Health(place, kept=False)
    file = database_file(parsed)
    if file is not None and not file.exists():
        return _still_to_be_made(place, file)
    engine = make_engine(parsed if file is None else parsed.set(database=str(file)), busy_timeout)
    database = Database(engine, place, inline=clock.simulated)
    try:
        await connect(database, clock, busy_timeout)
        return await _Look(database, clock, file).whole()
    finally:
        await database.aclose()


def _still_to_be_made(place: str, file: Path) -> Health:
    folder = file.parent
    if not folder.is_dir():
        raise StoreError(
            f"the folder {folder} of the store does not exist",
            hint="create it, or name another place in `store:`",
        )
    free = shutil.disk_usage(folder).free
    return Health(place, writable=os.access(folder, os.W_OK), free=free)


@dataclass(slots=True)
class _Look:
    database: Database
    clock: Clock
    file: Path | None
    problems: list[StoreError] = field(default_factory=list[StoreError])

    async def whole(self) -> Health:
        """Everything, each part on its own: what fails is a problem and hides nothing else."""
        place = self.database.place
        schema = await self.database.read(lambda connection: schema_version(connection, place))
        found = Health(place, schema, size=await self._part(self._size, 0), problems=self.problems)
        if self.file is not None:
            found = replace(
                found,
                free=shutil.disk_usage(self.file.parent).free,
                shared_with=str(self.file) if _is_shared(self.file) else "",
            )
        if schema is None:
            return replace(found, writable=True)
        if schema != HEAD:
            return replace(found, known=is_known(schema), writable=True)
        await self._part(self._soundness, None)
        runs = await self._part(self._runs, [])
        going = [latest.id for latest in runs if latest.state == "running" and not latest.over]
        return replace(
            found,
            writable=await self._can_write(),
            tokens=await self._part(self._tokens, 0),
            runs=runs,
            letters=await self._part(_letters, []),
            intents=await self._part(lambda connection: _intents(connection, going), []),
        )

    async def _part(self, work: Callable[[Connection], _T], instead: _T) -> _T:
        try:
            return await self.database.read(work)
        except StoreError as error:
            self.problems.append(error)
            return instead

    async def _can_write(self) -> bool:
        """A write that touches no row; it needs the lock, the permission and a primary server."""
        nothing = update(run).where(run.c.id.is_(None)).values(id=run.c.id)
        try:
            await self.database.write(lambda connection: connection.execute(nothing))
        except StoreError as error:
            self.problems.append(error)
            return False
        return True

    def _soundness(self, connection: Connection) -> None:
        """SQLite's own look at its pages (https://www.sqlite.org/pragma.html#pragma_quick_check)."""
        if self.file is None:
            return
        said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if said != "ok":
            raise StoreError(
                f"the store {self.database.place} is damaged",
                hint="restore it from a backup, or move it away and sync again",
            )

    def _size(self, connection: Connection) -> int:
        if self.file is None:
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        parts = (self.file, self.file.with_name(f"{self.file.name}-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def _tokens(self, connection: Connection) -> int:
        """How many tokens open; each that does not is a problem of its own, as is a key that is none."""
        source = KeySource(None, self.file and key_file_of(self.file))
        secrets = read_keyring(connection, source)
        if secrets is None:
            return 0
        rows = connection.execute(
            select(token.c.connection, token.c.value).order_by(token.c.connection)
        ).all()
        opened = 0
        for name, sealed in rows:
            try:
                secrets.open(sealed, Place("token", name, "value"))
            except StoreError as error:
                self.problems.append(error)
            else:
                opened += 1
        return opened

    def _runs(self, connection: Connection) -> list[LastRun]:
        order = func.row_number().over(
            partition_by=run.c.job, order_by=(run.c.started_at.desc(), run.c.id.desc())
        )
        held = run.c.lease_until > lease_time(connection, self.clock.now())
        numbered = select(run, held.label("held"), order.label("place")).subquery()
        query = select(numbered).where(numbered.c.place == 1).order_by(numbered.c.job)
        return [_last_run(row) for row in connection.execute(query).mappings()]


def _letters(connection: Connection) -> list[tuple[str, str, int]]:
    columns = (dead_letter.c.job, dead_letter.c.reason)
    query = select(*columns, func.count()).where(dead_letter.c.state == "open")
    rows = connection.execute(query.group_by(*columns).order_by(*columns))
    return [(job, reason, count) for job, reason, count in rows]


def _intents(connection: Connection, going: Sequence[str]) -> list[tuple[str, int]]:
    query = select(intent.c.job, func.count()).where(intent.c.run.not_in(going))
    rows = connection.execute(query.group_by(intent.c.job).order_by(intent.c.job))
    return [(job, count) for job, count in rows]


def _last_run(row: RowMapping) -> LastRun:
    owner = Process(row["host"], row["machine"], row["pid"], row["process"])
    return LastRun(
        row["job"], row["id"], row["state"], row["started_at"], row["finished_at"], row["error"],
        owner.host, owner.pid, over=row["state"] == "running" and (not row["held"] or is_gone(owner)),
    )  # fmt: skip


def _is_shared(file: Path) -> bool:
    return os.name == "posix" and bool(stat.S_IMODE(file.stat().st_mode) & 0o077)

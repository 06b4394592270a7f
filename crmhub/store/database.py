"""One database, driven by synchronous SQLAlchemy Core in a thread.

One writer at a time and one reader beside it. On a simulated clock statements run inline, since a
thread that is waited for would let a mock clock jump ahead.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import anyio.lowlevel
import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from crmhub.errors import StoreError
from crmhub.store.failures import explained

__all__ = ["Database", "in_memory", "make_engine"]

_T = TypeVar("_T")
_WRITE = "crmhub_write"


def make_engine(url: URL, busy_timeout: float) -> Engine:
    """The engine for a store's URL; ``busy_timeout`` is in seconds. Nothing is opened yet.

    Parameters stay out of error texts, since they hold what people have stored.
    """
    options: dict[str, object] = {"hide_parameters": True}
    if url.get_backend_name() != "sqlite":
        return create_engine(url, **options)
    if in_memory(url):
        options["poolclass"] = StaticPool
    options["connect_args"] = {"timeout": busy_timeout, "check_same_thread": False}
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    if not in_memory(url):
        event.listen(engine, "connect", _use_wal)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def in_memory(url: URL) -> bool:
    """Whether the URL names an SQLite database that lives in memory alone."""
    return url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    connection.execute("PRAGMA foreign_keys=ON")


def _use_wal(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    """The write-ahead log: readers and one writer, in any process, do not wait for each other.

    It is remembered in the file (https://www.sqlite.org/wal.html), and needs shared memory.
    """
    if _journal_mode(connection) != "wal" and _journal_mode(connection, "=WAL") != "wal":
        raise StoreError(
            "the store stands on a file system without shared memory, such as a network share",
            hint="put it on a local disk",
        )


def _journal_mode(connection: sqlite3.Connection, change: str = "") -> str:
    (mode,) = connection.execute(f"PRAGMA journal_mode{change}").fetchone()
    return str(mode)


def _begin_sqlite(connection: Connection) -> None:
    """A write takes the lock at once: a read snapshot that turns into a write fails under contention.

    https://www.sqlite.org/lang_transaction.html
    """
    synchronous = connection.get_execution_options().get(_WRITE)
    if synchronous is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class Database:
    """Transactions on one engine. Errors come out as :class:`~crmhub.errors.StoreError`."""

    def __init__(self, engine: Engine, place: str, *, inline: bool) -> None:
        self.place = place
        """The store's name in messages: its URL without a password."""
        self.dialect = engine.dialect.name
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITE: "NORMAL"})
        self._durable = engine.execution_options(**{_WRITE: "FULL"})
        self._inline = inline
        self._writing = CapacityLimiter(1)
        # A database in memory is one connection, so that its reads and writes take turns.
        self._reading = self._writing if isinstance(engine.pool, StaticPool) else CapacityLimiter(1)

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` in a transaction that sees one state of the database."""
        return await self.run(lambda: _transact(self._engine, work), self._reading)

    async def write(self, work: Callable[[Connection], _T], *, durable: bool = False) -> _T:
        """Run ``work`` in a write transaction: all of it is stored, or nothing.

        A ``durable`` one has reached the disk when this returns, and survives a power cut; the others
        survive the death of the process. A cancellation waits until the transaction has ended.
        """
        engine = self._durable if durable else self._writer
        return await self.run(lambda: _transact(engine, work), self._writing)

    async def run(self, work: Callable[[], _T], limiter: CapacityLimiter | None = None) -> _T:
        """Run blocking ``work`` where it disturbs nobody."""
        try:
            if self._inline:
                await anyio.lowlevel.checkpoint()
                return work()
            return await anyio.to_thread.run_sync(work, limiter=limiter or self._writing)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise explained(error, self.place) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self.run(self._engine.dispose)


def _transact(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    with engine.begin() as connection:
        return work(connection)

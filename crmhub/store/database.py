"""One database, driven by synchronous SQLAlchemy Core in a thread.

In each process there is one writer at a time and one reader beside it. On a simulated clock
statements run inline, since a thread that is waited for would let a mock clock jump ahead.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import anyio.lowlevel
import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from crmhub.store import postgresql, sqlite
from crmhub.store.durability import writing
from crmhub.store.failures import explained, is_passing

__all__ = ["Database", "has_own_time", "make_engine"]

_T = TypeVar("_T")
_OWN_TIME = "crmhub_own_time"


# Statements that met others on the same rows are run again; SQLSTATE 40001 and 40P01.
_TRIES = 5


def make_engine(url: URL, busy_timeout: float) -> Engine:
    """The engine for a store's URL; ``busy_timeout`` is in seconds. Nothing is opened yet.

    Parameters stay out of error texts, since they hold what people have stored.
    """
    make = sqlite if url.get_backend_name() == "sqlite" else postgresql
    return make.make_engine(url, busy_timeout)


class Database:
    """Transactions on one engine. Errors come out as :class:`~crmhub.errors.StoreError`."""

    def __init__(self, engine: Engine, place: str, *, inline: bool) -> None:
        self.place = place
        """The store's name in messages: its URL without a password."""
        self.dialect = engine.dialect.name
        self.in_memory = isinstance(engine.pool, StaticPool)
        self.engine = engine
        """For what is no transaction; give the work to :meth:`run`."""
        if self.dialect == "postgresql" and not inline:
            engine = engine.execution_options(**{_OWN_TIME: True})
        self._reader = postgresql.reading(engine) if self.dialect == "postgresql" else engine
        self._writer = writing(engine, "process")
        self._durable = writing(engine, "disk")
        self._inline = inline
        self._writing = CapacityLimiter(1)
        # A database in memory is one connection, so that its reads and writes take turns.
        self._reading = self._writing if self.in_memory else CapacityLimiter(1)

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` in a transaction that sees one state of the database."""
        return await self.run(lambda: _transact(self._reader, work), self._reading)

    async def write(
        self, work: Callable[[Connection], _T], *, durable: bool = False, alone: bool = False
    ) -> _T:
        """Run ``work`` in a write transaction: all of it is stored, or nothing.

        A ``durable`` one has reached the disk when this returns, and survives a power cut; the others
        survive the death of the process. Two that are ``alone`` never run at the same time, whatever
        their processes; on SQLite no two writes do. A cancellation waits until the transaction has
        ended. ``work`` may run more than once, when others change the same rows.
        """
        engine = self._durable if durable else self._writer
        if alone and self.dialect == "postgresql":
            work = _alone(work)
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
        await self.run(self.engine.dispose)


def has_own_time(connection: Connection) -> bool:
    """Whether the database's clock is in force: the one that all its machines share.

    It is on a server, unless the time is simulated; a file is used by one machine.
    """
    return connection.get_execution_options().get(_OWN_TIME, False)


def _alone(work: Callable[[Connection], _T]) -> Callable[[Connection], _T]:
    def locked(connection: Connection) -> _T:
        postgresql.alone(connection)
        return work(connection)

    return locked


def _transact(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    for _ in range(_TRIES - 1):
        try:
            return _once(engine, work)
        except DBAPIError as error:
            if not is_passing(error):
                raise
    return _once(engine, work)


def _once(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    with engine.begin() as connection:
        return work(connection)

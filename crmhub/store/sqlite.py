"""SQLite: how its engine is made, and how its transactions begin."""

from __future__ import annotations

import sqlite3

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from crmhub.errors import StoreError
from crmhub.store.durability import durability

__all__ = ["in_memory", "make_engine"]


def make_engine(url: URL, busy_timeout: float) -> Engine:
    """The engine for an SQLite URL; ``busy_timeout`` is in seconds. Nothing is opened yet."""
    options: dict[str, object] = {"hide_parameters": True}
    if in_memory(url):
        options["poolclass"] = StaticPool
    options["connect_args"] = {"timeout": busy_timeout, "check_same_thread": False}
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _prepare)
    if not in_memory(url):
        event.listen(engine, "connect", _use_wal)
    event.listen(engine, "begin", _begin)
    return engine


def in_memory(url: URL) -> bool:
    """Whether the URL names an SQLite database that lives in memory alone."""
    return url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}


def _prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
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


def _begin(connection: Connection) -> None:
    """A write takes the lock at once: a read snapshot that turns into a write fails under contention.

    https://www.sqlite.org/lang_transaction.html
    """
    wanted = durability(connection)
    if wanted is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if wanted == 'disk' else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")

"""Opening a store: its URL, its file, its first connection."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from crmhub.clock import Clock
from crmhub.errors import StoreError
from crmhub.store.database import Database, in_memory
from crmhub.store.failures import is_busy

__all__ = ["connect", "database_file", "parse_url", "prepare_file"]

_PAUSE = 0.05


def parse_url(url: str) -> URL:
    """The URL of a store. Raises :class:`StoreError` for one that cannot be."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("the store's URL cannot be read", hint="write it as sqlite:///crmhub.db") from error
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise StoreError(
            f"a store of the kind {parsed.drivername!r} is not supported",
            hint="write it as sqlite:///crmhub.db",
        )
    if parsed.query:
        raise StoreError("a store's URL takes no options", hint="write it as sqlite:///crmhub.db")
    return parsed


def database_file(url: URL) -> Path | None:
    """The SQLite file's full path; ``None`` for a database without a file."""
    return None if in_memory(url) or url.database is None else Path(url.database).absolute()


def prepare_file(file: Path) -> None:
    """See to it that the file is there; a new one is its owner's alone, since it holds people's data.

    SQLite gives its write-ahead log the same permissions.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(
            f"the folder {file.parent} of the store does not exist",
            hint="create it, or name another place in `store:`",
        ) from error
    except IsADirectoryError as error:
        raise StoreError(f"the store {file} is a folder", hint="name a file in `store:`") from error
    except OSError as error:
        raise StoreError(
            f"the store {file} cannot be written: {error.strerror}",
            hint="check the permissions of the file and of its folder, or name another place in `store:`",
        ) from error


async def connect(database: Database, clock: Clock, patience: float) -> None:
    """Make the first connection, trying for ``patience`` seconds.

    SQLite does not wait by itself for the lock that the switch to the write-ahead log takes, when
    several processes open a new file at once.
    """
    deadline = clock.monotonic() + patience
    while True:
        try:
            return await database.read(_nothing)
        except StoreError as error:
            if not is_busy(error.__cause__) or clock.monotonic() >= deadline:
                raise
        await clock.sleep(_PAUSE)


def _nothing(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1")

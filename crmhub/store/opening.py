"""Opening a store: its URL, its file, its first connection."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from crmhub.clock import Clock
from crmhub.errors import StoreError
from crmhub.store import postgresql
from crmhub.store.database import Database
from crmhub.store.failures import is_busy
from crmhub.store.sqlite import in_memory

__all__ = ["connect", "database_file", "parse_url", "prepare_file", "store_name"]

_HOW = "write it as sqlite:///crmhub.db or postgresql://USER@HOST/DATABASE"
_PAUSE = 0.05


def parse_url(url: str) -> URL:
    """The URL of a store. Raises :class:`StoreError` for one that cannot be, without repeating it."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("the store's URL cannot be read", hint=_HOW) from error
    except ValueError:
        # Its text is what stands where the port should, which may be a part of a password.
        raise StoreError("the store's URL cannot be read: its port is not a number", hint=_HOW) from None
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _server(parsed)
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise StoreError(f"a store of the kind {parsed.drivername!r} is not supported", hint=_HOW)
    if parsed.query:
        raise StoreError(
            "the URL of a store in a file takes no options", hint="write it as sqlite:///crmhub.db"
        )
    return parsed


def _server(url: URL) -> URL:
    if "@" in f"{url.host}{url.database}":  # what follows is a part of a password, as a rule
        raise StoreError("the store's URL cannot be read", hint="write @ in a user name or password as %40")
    if not url.database:
        raise StoreError(
            "the store's URL names no database", hint="write it as postgresql://USER@HOST/DATABASE"
        )
    return url


def store_name(url: URL) -> str:
    """The store's name in messages: its file, or its URL without password and options."""
    if url.get_backend_name() == "sqlite":
        return str(database_file(url) or "in memory")
    return URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()


def database_file(url: URL) -> Path | None:
    """The SQLite file's full path; ``None`` for a database without a file."""
    if url.get_backend_name() != "sqlite" or in_memory(url) or url.database is None:
        return None
    return Path(url.database).absolute()


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
    several processes open a new file at once; a server refuses everybody while it starts. Raises
    :class:`StoreError` when it is not to be had, or is not fit to be a store.
    """
    check = (
        _check_file
        if database.dialect == "sqlite"
        else partial(postgresql.check_server, place=database.place)
    )
    deadline = clock.monotonic() + patience
    while True:
        try:
            return await database.read(check)
        except StoreError as error:
            if not is_busy(error.__cause__) or clock.monotonic() >= deadline:
                raise
        await clock.sleep(_PAUSE)


def _check_file(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1")

"""A copy of a store that is in use."""

from __future__ import annotations

import os
import sqlite3
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from crmhub.errors import StoreError
from crmhub.store.database import Database
from crmhub.store.failures import error_name, explained

__all__ = ["back_up"]


async def back_up(database: Database, path: Path) -> None:
    """See :meth:`crmhub.store.Store.backup`."""
    if database.dialect == "postgresql":
        raise StoreError(
            "a store on PostgreSQL is backed up by PostgreSQL's own means",
            hint=f"run: pg_dump --format=custom --file={path} {database.place}",
        )
    if database.in_memory:
        raise StoreError(
            "a store in memory is not backed up", hint="keep it in a file: store: sqlite:///crmhub.db"
        )
    await database.run(partial(_copy, database.engine, path))


def _copy(engine: Engine, path: Path) -> None:
    """Copy under another name, so that the file is complete from the moment that it has its own."""
    path = path.absolute()
    if path.exists():
        raise _is_there(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        _vacuum_into(engine, draft)
        _keep(draft)
        _name(draft, path)
        _keep(path.parent)
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise _is_there(path) from None
        raise StoreError(
            f"the backup {path} cannot be written: {error.strerror}",
            hint="choose a folder that is there and that you may write to",
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _vacuum_into(engine: Engine, draft: Path) -> None:
    """SQLite's copy of one moment, for which no writer waits (https://www.sqlite.org/lang_vacuum.html).

    It fills a file that is there and empty, and runs in no transaction.
    """
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(draft),))
    except sqlite3.Error as error:
        if error_name(error).startswith("SQLITE_FULL"):
            raise explained(error, str(draft.parent)) from error
        raise
    finally:
        connection.close()


def _name(draft: Path, path: Path) -> None:
    """Give the draft its name, unless there is such a file by now."""
    if os.name != "posix":
        draft.rename(path)  # refuses to overwrite
        return
    try:
        path.hardlink_to(draft)  # so does this; on POSIX, rename does not
    except PermissionError:
        if path.exists():
            raise FileExistsError from None
        draft.rename(path)  # file systems such as FAT have no links


def _keep(path: Path) -> None:
    """See to it that a power cut does not take it away; of folders, only POSIX lets one."""
    if os.name != "posix" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_there(path: Path) -> StoreError:
    return StoreError(f"there is a file {path} already", hint="name another one: no backup is overwritten")

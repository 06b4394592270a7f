"""Database errors in a user's words. Nothing here repeats a statement or its values."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from crmhub.errors import StoreError

__all__ = ["explained", "is_busy"]

# SQLite's primary result codes, by name (https://www.sqlite.org/rescode.html); an extended code
# such as SQLITE_IOERR_WRITE begins with its primary one.
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        "SQLITE_BUSY",
        "is locked by another process",
        "wait for the other crmhub to finish, or stop it, and run this again",
    ),
    (
        "SQLITE_LOCKED",
        "is locked by another connection",
        "wait for the other crmhub to finish, or stop it, and run this again",
    ),
    ("SQLITE_FULL", "has no room left on its disk", "free some space and run this again: nothing is lost"),
    (
        "SQLITE_IOERR",
        "cannot be written or read: the disk fails or is full",
        "check the free space and the disk, then run this again",
    ),
    ("SQLITE_READONLY", "cannot be written", "check the permissions of the file and of its folder"),
    ("SQLITE_CANTOPEN", "cannot be opened", "check that its folder exists and that you may write there"),
    ("SQLITE_PERM", "cannot be opened", "check the permissions of the file and of its folder"),
    ("SQLITE_NOTADB", "is not an SQLite database", "name another file in `store:`, or move this one away"),
    (
        "SQLITE_CORRUPT",
        "is damaged",
        "restore it from a backup, or move it away and sync again",
    ),
    (
        "SQLITE_SCHEMA",
        "was changed by another program",
        "restore it from a backup, or move it away and sync again",
    ),
)


def explained(error: Exception, place: str) -> StoreError:
    """The :class:`StoreError` for a database error; ``place`` names the store."""
    name = error_name(error)
    for prefix, what, hint in _MEANINGS:
        if name.startswith(prefix):
            return StoreError(f"the store {place} {what}", hint=hint)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    kind = name or type(cause).__name__
    if isinstance(cause, sqlite3.Error):
        kind = f"{kind}: {cause}"
    return StoreError(
        f"the store {place} failed ({kind})", hint="try again; if it stays, report it with what you did"
    )


def error_name(error: BaseException | None) -> str:
    """SQLite's name of the error, such as ``SQLITE_BUSY``; empty when it is not SQLite's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", "")
    return name if isinstance(name, str) else ""


def is_busy(error: BaseException | None) -> bool:
    """Whether another process holds the database, so that trying again may help."""
    return error_name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))

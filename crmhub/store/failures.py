"""Database errors in a user's words. Nothing here repeats a statement or its values."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from crmhub.errors import StoreError

__all__ = ["error_name", "explained", "is_busy", "is_passing"]

# SQLite's primary result codes, by name (https://www.sqlite.org/rescode.html); an extended code
# such as SQLITE_IOERR_WRITE begins with its primary one.
_Meanings = tuple[tuple[str, str, str], ...]
_AGAIN = "wait for the other crmhub to finish, or stop it, and run this again"
_SQLITE: _Meanings = (
    (
        "SQLITE_BUSY",
        "is locked by another process",
        _AGAIN,
    ),
    (
        "SQLITE_LOCKED",
        "is locked by another connection",
        _AGAIN,
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


# PostgreSQL's codes (its manual, "PostgreSQL Error Codes"), or the class they begin with.
_POSTGRESQL: _Meanings = (
    ("55P03", "is locked by another process", _AGAIN),
    ("40", "was changed by others at the same moment, again and again", "run this again: nothing is lost"),
    ("42501", "does not let this user read and write there", "GRANT the user USAGE and CREATE on its schema"),
    ("42", "was changed by another program", "restore it from a backup, or name another store"),
    ("3F000", "has no schema to keep tables in", "create the schema that the user's search_path names"),
    ("25006", "can only be read", "name the primary server: this one is a standby, or set to read only"),
    ("53100", "has no room left on its disk", "free some space and run this again: nothing is lost"),
    ("53", "is out of resources", "see the server's log, then run this again: nothing is lost"),
    ("57014", "gave a statement up", "see statement_timeout on the server, then run this again"),
    ("XX", "is damaged", "see the server's log, and restore the store from a backup"),
)
_LOST = (
    "lost the connection to its server",
    "see that the server runs, then run this again: what was stored is kept",
)
_STARTING = ("starting up", "shutting down", "not yet accepting connections", "in recovery mode")

# A refused connection has no code; the server's and libpq's words are all there is.
_REFUSED: _Meanings = (
    *((words, "is starting or stopping", "wait a little and run this again") for words in _STARTING),
    (
        "authentication failed",
        "refuses the user or its password",
        "check both in `store:`, or the PGPASSWORD that is set; write %40 for @ in a password",
    ),
    ("no password", "asks for a password", "give it in `store:`, in PGPASSWORD or in a password file"),
    ("pg_hba.conf", "lets nobody in from here as that user", "see pg_hba.conf on the server"),
    ('role "', "does not know that user", "check the user in `store:`, or create it on the server"),
    ('database "', "does not exist", "create it (CREATE DATABASE …), or name another one in `store:`"),
    ("connection option", "cannot be opened with such an option", "check what follows ? in `store:`"),
    ("too many clients", "has no connection left", "stop other programs, or raise max_connections"),
    ("connection slots", "has no connection left", "stop other programs, or raise max_connections"),
    ("sslmode value", "has no such sslmode", "disable, prefer, require, verify-ca or verify-full"),
    ("SSL", "cannot agree with us on encryption", "see sslmode and sslrootcert after ? in `store:`"),
    ("resolve host", "names a host that is not known", "check the host in `store:`"),
)


def explained(error: Exception, place: str) -> StoreError:
    """The :class:`StoreError` for a database error; ``place`` names the store."""
    what, hint = _meaning(error)
    return StoreError(f"the store {place} {what}", hint=hint)


def error_name(error: BaseException | None) -> str:
    """SQLite's name of the error, such as ``SQLITE_BUSY``, or PostgreSQL's SQLSTATE; else empty."""
    cause = _cause(error)
    name = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return name if isinstance(name, str) else ""


def is_busy(error: BaseException | None) -> bool:
    """Whether another process holds the database, or it starts, so that trying later may help."""
    if error_name(error):
        return error_name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "55P03", "57P03"))
    return any(words in str(_cause(error)) for words in _STARTING)


def is_passing(error: BaseException | None) -> bool:
    """Whether PostgreSQL undid the transaction for the sake of another one, and it may run again.

    Serialization failure and deadlock (its manual, "Serialization Failure Handling").
    """
    return error_name(error) in {"40001", "40P01"}


def _meaning(error: Exception) -> tuple[str, str]:
    name, cause = error_name(error), _cause(error)
    if name.startswith(("08", "57P")) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return _LOST
    for prefix, what, hint in (*_SQLITE, *_POSTGRESQL):
        if name.startswith(prefix):
            return what, hint
    if not name and isinstance(error, OperationalError | ProgrammingError):
        return _refused(str(cause))
    kind = name or type(cause).__name__
    if isinstance(cause, sqlite3.Error):
        kind = f"{kind}: {cause}"
    return f"failed ({kind})", "try again; if it stays, report it with what you did"


def _refused(said: str) -> tuple[str, str]:
    for words, what, hint in _REFUSED:
        if words in said:
            return what, hint
    reason = said.partition("\n")[0].rpartition("failed: ")[2]
    return f"cannot be reached ({reason})", "check host and port in `store:`, and that the server runs"


def _cause(error: BaseException | None) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error

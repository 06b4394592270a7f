"""The version of the tables in a database, and bringing it up to date."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from crmhub.errors import StoreError

__all__ = ["HEAD", "is_known", "schema_version", "upgrade"]

HEAD = "0004"
"""The newest step in ``migrations/versions``; known here so that alembic is loaded only to migrate."""

_TABLE = "alembic_version"
_MIGRATIONS = Path(__file__).with_name("migrations")


def schema_version(connection: Connection, place: str) -> str | None:
    """The database's schema version; ``None`` for an empty database.

    Raises :class:`StoreError` for a database that holds something else.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if _TABLE not in tables:
        raise StoreError(
            f"the database {place} holds other tables and is not a crmhub store",
            hint="name another one in `store:`",
        )
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if version is None else str(version)


def is_known(version: str) -> bool:
    """Whether this crmhub can bring a store of that version up to date."""
    from alembic.script import ScriptDirectory  # here alone: loading it takes half a second

    return version in {step.revision for step in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}


def upgrade(connection: Connection, place: str) -> bool:
    """Bring the tables up to :data:`HEAD`, in a write transaction; whether there was anything to do.

    Raises :class:`StoreError` for a version that this crmhub does not know.
    """
    version = schema_version(connection, place)
    if version == HEAD:
        return False
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if version is not None and not is_known(version):
        raise StoreError(
            f"the store {place} has schema {version}, which this crmhub (schema {HEAD}) does not know",
            hint="it was made by a newer crmhub: upgrade crmhub, or name another store in `store:`",
        )
    command.upgrade(config, "head")
    return True

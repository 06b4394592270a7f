"""Alembic's way in: migrates on the connection that the store has opened, in its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from crmhub.store.tables import metadata

connection = context.config.attributes["connection"]
if not isinstance(connection, Connection):
    raise TypeError("the store migrates by itself, on its own connection")
context.configure(
    connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()

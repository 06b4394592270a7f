"""PostgreSQL: how its engine is made, how its transactions begin, and what a server must be."""

from __future__ import annotations

from math import ceil

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from crmhub.errors import StoreError
from crmhub.store.durability import durability

__all__ = ["alone", "check_server", "make_engine", "reading"]

_LOCK = 0x63726D687562  # "crmhub": one advisory lock for each database

# What a network that falls silent may cost, unless the URL says otherwise (PostgreSQL, "Parameter
# Key Words" of libpq); without them a dead server is noticed after a quarter of an hour.
_WATCHFUL = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# `lock_timeout` is in milliseconds. A write that need not reach the disk at once does not wait for
# it; one that must does so even where the server's own setting is not to wait.
_BEGIN_QUICK = text(
    "SELECT set_config('lock_timeout', :patience, true), set_config('synchronous_commit', 'off', true)"
)
_BEGIN_DURABLE = text(
    "SELECT set_config('lock_timeout', :patience, true), set_config('synchronous_commit', "
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
    "ELSE current_setting('synchronous_commit') END, true)"
)
_TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def make_engine(url: URL, busy_timeout: float) -> Engine:
    """The engine for a PostgreSQL URL; ``busy_timeout``, in seconds, is how long to wait for locks.

    A connection that has gone while it was idle is found and replaced. Raises :class:`StoreError`
    when the driver is not installed. Nothing is opened yet.
    """
    defaults: dict[str, object] = {"connect_timeout": max(2, ceil(busy_timeout)), **_WATCHFUL}
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_size=2,  # one reader and one writer
            pool_pre_ping=True,
            use_native_hstore=False,  # saves a look-up that the store has no use for
            connect_args={name: value for name, value in defaults.items() if name not in url.query},
        )
    except ImportError as error:
        raise StoreError(
            "a store on PostgreSQL needs psycopg, which is not installed",
            hint="pip install 'crmhub[postgres]'",
        ) from error
    patience = str(max(1, ceil(busy_timeout * 1000)))  # zero would be to wait for ever

    def begin(connection: Connection) -> None:
        wanted = durability(connection)
        if wanted is not None:
            statement = _BEGIN_DURABLE if wanted == "disk" else _BEGIN_QUICK
            connection.execute(statement, {"patience": patience})

    event.listen(engine, "begin", begin)
    return engine


def reading(engine: Engine) -> Engine:
    """The engine, where every transaction only reads, and sees one state of the database."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def alone(connection: Connection) -> None:
    """Wait until no other process does what only one may do at a time; holds for the transaction."""
    connection.execute(_TAKE_LOCK, {"key": _LOCK})


def check_server(connection: Connection, place: str) -> None:
    """Raise :class:`StoreError` for a database that cannot hold every text."""
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"the database {place} keeps text as {encoding}, which cannot hold all that CRMs do",
            hint="make one with: CREATE DATABASE crmhub ENCODING 'UTF8' TEMPLATE template0",
        )

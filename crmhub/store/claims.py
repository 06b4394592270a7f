"""Who renews a connection's token: one at a time, of all processes that share the store."""

from __future__ import annotations

import secrets as entropy
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from crmhub.http import Claim
from crmhub.store.owner import Process, is_gone, this_process
from crmhub.store.running import lease_time
from crmhub.store.tables import token_claim as table
from crmhub.store.upsert import upsert

__all__ = ["count_save", "end_claim", "take_claim"]


def take_claim(connection: Connection, name: str, now: datetime, seconds: float) -> Claim | None:
    """Take the claim on the connection ``name``'s token, unless somebody alive has it."""
    me, owner = this_process(), entropy.token_hex(8)
    mine = {"machine": me.machine, "pid": me.pid, "process": me.started}
    is_free = or_(table.c.lease_until.is_(None), table.c.lease_until <= lease_time(connection, now))
    until = lease_time(connection, now, timedelta(seconds=seconds))
    take = upsert(
        connection.dialect.name,
        table,
        only=("owner", "lease_until", *mine),
        where=or_(is_free, table.c.owner == _gone(connection, name)),
    ).values(connection=name, version=0, owner=owner, lease_until=until, **mine)
    connection.execute(take)
    version = connection.execute(
        select(table.c.version).where(table.c.connection == name, table.c.owner == owner)
    ).scalar()
    return None if version is None else Claim(owner, version)


def end_claim(connection: Connection, name: str, claim: Claim) -> None:
    """Let others take it."""
    is_it = (table.c.connection == name) & (table.c.owner == claim.owner)
    connection.execute(update(table).where(is_it).values(owner=None, lease_until=None))


def count_save(connection: Connection, name: str, claim: Claim | None) -> bool:
    """Move the token's version on; ``False`` when it has moved since the claim was taken."""
    if claim is not None:
        is_it = (table.c.connection == name) & (table.c.version == claim.version)
        moved = connection.execute(update(table).where(is_it).values(version=table.c.version + 1))
        return moved.rowcount == 1
    nobody = {"machine": "", "pid": 0, "process": ""}
    count = upsert(
        connection.dialect.name, table, only=("version",), set_={"version": table.c.version + 1}
    ).values(connection=name, version=1, **nobody)
    connection.execute(count)
    return True


def _gone(connection: Connection, name: str) -> str | None:
    """The owner of the claim, if its process is known to have ended."""
    row = connection.execute(select(table).where(table.c.connection == name)).first()
    if row is None or row.owner is None:
        return None
    return row.owner if is_gone(Process("", row.machine, row.pid, row.process)) else None

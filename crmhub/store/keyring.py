"""The installation's data key: made on the first start, wrapped by the key, opened on each start."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from crmhub.errors import StoreError
from crmhub.store.key import KEY_VARIABLE, KeySource, make_key
from crmhub.store.secrets import Place, Secrets, open_sealed, seal
from crmhub.store.tables import data_key as table

__all__ = ["create_keyring", "read_keyring"]


def read_keyring(connection: Connection, source: KeySource) -> Secrets | None:
    """The store's keys, or ``None`` when it has none yet.

    Raises :class:`StoreError` when the key is missing or not the one this store was made with.
    """
    query = select(table.c.kid, table.c.wrapped).order_by(table.c.created_at, table.c.kid)
    rows: Sequence[tuple[str, str]] = [(kid, wrapped) for kid, wrapped in connection.execute(query)]
    if not rows:
        return None
    key = source.find()
    if key is None:
        raise StoreError(
            f"the store's key is missing: {source} is not there",
            hint=f"put it back, or set {KEY_VARIABLE}; without it the stored tokens cannot be opened",
        )
    return Secrets({kid: _unwrap(wrapped, kid, key, source) for kid, wrapped in rows}, active=rows[-1][0])


def create_keyring(connection: Connection, source: KeySource, now: datetime) -> Secrets:
    """Make the store's data key and, if there is none, the key; another process may have been first.

    Run it in a write transaction that is alone: one process may do this at a time.
    """
    present = read_keyring(connection, source)
    if present:
        return present
    key = source.find() or source.make()
    kid, fresh = os.urandom(4).hex(), make_key()
    wrapped = seal(fresh, _place(kid), kid, key)
    connection.execute(insert(table), [{"kid": kid, "wrapped": wrapped, "created_at": now}])
    return Secrets({kid: fresh}, active=kid)


def _unwrap(wrapped: str, kid: str, key: bytes, source: KeySource) -> bytes:
    fresh = open_sealed(wrapped, _place(kid), key)
    if fresh is None:
        raise StoreError(
            f"{source} is not the key this store was made with, or the store's data key {kid} is damaged",
            hint=f"use the key that belongs to the store: {KEY_VARIABLE} or its key file",
        )
    return fresh


def _place(kid: str) -> Place:
    return Place("data_key", kid, "wrapped")

"""The installation's data keys: made on the first start, wrapped by the key, opened on each start.

There is one, but for the time of a rotation. A process that meets a data key it does not know reads
them again; one whose key is no longer that of the installation comes to the new data key by its
``handover``, in which it is sealed with the data key before it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, Select, insert, select, update

from crmhub.clock import Clock
from crmhub.errors import StoreError
from crmhub.store.database import Database
from crmhub.store.key import KEY_VARIABLE, NEW_KEY_VARIABLE, KeySource, make_key
from crmhub.store.secrets import Place, Secrets, kid_of, open_sealed, seal
from crmhub.store.tables import data_key as table

__all__ = ["Keyring", "add_data_key", "newest_data_key", "open_keyring", "read_keyring", "wrapping_keys"]

_HANDOVER = timedelta(days=1)
"""How long a process that has the store open may go on with a key that was replaced."""
_NO_KEYS: Mapping[str, bytes] = {}
_ORDER = (table.c.created_at, table.c.kid)


class Keyring:
    """Seals and opens what the store keeps secret, while others may rotate its keys."""

    def __init__(self, database: Database, source: KeySource, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets
        self.source = source

    async def open(self, sealed: str, place: Place) -> bytes:
        """The value. Raises :class:`StoreError` naming the row, never the content."""
        kid = kid_of(sealed)
        if kid is not None and not self._secrets.knows(kid):
            await self._database.read(self.reload)
        return self._secrets.open(sealed, place)

    def open_here(self, connection: Connection, sealed: str, place: Place) -> bytes:
        """The value, as :meth:`open` gives it, within a transaction of the caller's."""
        kid = kid_of(sealed)
        if kid is not None and not self._secrets.knows(kid):
            self.reload(connection)
        return self._secrets.open(sealed, place)

    def seal(self, connection: Connection, plain: bytes, place: Place) -> str:
        """The value sealed with the newest data key, for the write transaction that stores it.

        That key cannot be removed before the transaction ends.
        """
        while newest_data_key(connection) != self._secrets.active:
            self.reload(connection)
        return self._secrets.seal(plain, place)

    def reload(self, connection: Connection) -> Secrets:
        """Read the data keys again."""
        secrets = read_keyring(connection, self.source, self._secrets.keys)
        if secrets is None:
            raise StoreError(
                "the store's data key is gone", hint="restore the store and its key from one backup"
            )
        self._secrets = secrets
        return secrets


async def open_keyring(database: Database, source: KeySource, clock: Clock) -> tuple[Secrets, bool]:
    """The store's keys, made if there are none yet; whether the key that opens them was made too."""
    present = await database.read(lambda connection: read_keyring(connection, source))
    now = clock.now()
    if present:
        if await database.read(lambda connection: connection.execute(_worn_handover(now)).first()):
            forget = update(table).where(table.c.created_at < now - _HANDOVER).values(handover=None)
            await database.write(lambda connection: connection.execute(forget))
        return present, False
    given = bool(source.find())
    made = await database.write(lambda open_: _create(open_, source, now), durable=True, alone=True)
    return made, not given


def _worn_handover(now: datetime) -> Select[str]:
    """The data keys whose handover has served its time; none while a rotation is not finished."""
    older = table.alias()
    return select(table.c.kid).where(
        table.c.handover.is_not(None),
        table.c.created_at < now - _HANDOVER,
        ~select(older.c.kid).where(older.c.kid != table.c.kid).exists(),
    )


def read_keyring(
    connection: Connection, source: KeySource, known: Mapping[str, bytes] = _NO_KEYS
) -> Secrets | None:
    """The store's keys, or ``None`` when it has none yet. ``known`` data keys need no key to open.

    Raises :class:`StoreError` when the key is missing or not the one this store was made with.
    """
    keys = source.find()  # before the rows: a rotation leaves the former key in its file until it is done
    rows = connection.execute(select(table).order_by(*_ORDER)).all()
    if not rows:
        return None
    if not keys and not known:
        raise StoreError(
            f"the store's key is missing: {source} is not there",
            hint=f"put it back, or set {KEY_VARIABLE}; without it the stored tokens cannot be opened",
        )
    opened: dict[str, bytes] = {}
    for row in rows:
        opened[row.kid] = known.get(row.kid) or _unwrap(row, keys, {**known, **opened}, source)
    return Secrets(opened, active=rows[-1].kid)


def wrapping_keys(connection: Connection, keys: Iterable[bytes]) -> list[bytes]:
    """Those of the installation's keys that open any of its data keys."""
    rows = connection.execute(select(table)).all()
    return [key for key in keys if any(open_sealed(row.wrapped, _place(row.kid), key) for row in rows)]


def newest_data_key(connection: Connection) -> str | None:
    """The id of the data key to seal with, kept from being removed until the transaction ends."""
    newest = table.c.created_at.desc(), table.c.kid.desc()
    query = select(table.c.kid).order_by(*newest).limit(1)
    found = connection.execute(query.with_for_update(read=True, key_share=True)).scalar()
    return None if found is None else str(found)


def add_data_key(
    connection: Connection, now: datetime, key: bytes, former: tuple[str, bytes] | None = None
) -> tuple[str, bytes]:
    """Make a data key, the newest, and wrap it by ``key``; gives its id and itself.

    ``former`` is the data key before it: those who know that one are handed this one.
    """
    kid, fresh = os.urandom(4).hex(), make_key()
    last = connection.execute(
        select(table.c.created_at).order_by(table.c.created_at.desc()).limit(1)
    ).scalar()
    created = now if last is None else max(now, last + timedelta(microseconds=1))
    row = {
        "kid": kid,
        "wrapped": seal(fresh, _place(kid), kid, key),
        "created_at": created,
        "handover": former and seal(fresh, _handover(kid), *former),
    }
    connection.execute(insert(table), [row])
    return kid, fresh


def _create(connection: Connection, source: KeySource, now: datetime) -> Secrets:
    """Make the first data key and, if there is none, the key; another process may have been first.

    Run it in a write transaction that is alone: one process may do this at a time.
    """
    present = read_keyring(connection, source)
    if present:
        return present
    keys = source.find() or [source.make()]
    kid, fresh = add_data_key(connection, now, keys[0])
    return Secrets({kid: fresh}, active=kid)


def _unwrap(
    row: Row[*tuple[object, ...]], keys: Iterable[bytes], known: Mapping[str, bytes], source: KeySource
) -> bytes:
    for key in keys:
        if fresh := open_sealed(row.wrapped, _place(row.kid), key):
            return fresh
    former = known.get(kid_of(row.handover) or "") if row.handover else None
    if former and (fresh := open_sealed(row.handover, _handover(row.kid), former)):
        return fresh
    raise StoreError(
        f"{source} is not the key this store was made with, or the store's data key {row.kid} is damaged",
        hint=f"use the key that belongs to the store: {KEY_VARIABLE} or its key file; in the middle of a "
        f"rotation both keys, the new one as {NEW_KEY_VARIABLE}",
    )


def _place(kid: str) -> Place:
    return Place("data_key", kid, "wrapped")


def _handover(kid: str) -> Place:
    return Place("data_key", kid, "handover")

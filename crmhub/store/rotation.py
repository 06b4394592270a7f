"""Changing the keys of a store that is in use.

A new data key is made; every sealed value is opened and sealed anew, a row a transaction; then the
older data keys are removed. Until then both open. Writers seal with the newest data key and hold it
while they write, so that nothing is left behind under one that goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from pydantic import SecretStr
from sqlalchemy import Column, Connection, Select, Table, delete, select, update

from crmhub.clock import Clock
from crmhub.errors import StoreError, UsageError
from crmhub.store.database import Database
from crmhub.store.key import KeySource, decoded_key, make_key, write_keys
from crmhub.store.keyring import Keyring, add_data_key, newest_data_key, wrapping_keys
from crmhub.store.secrets import Place, Secrets
from crmhub.store.tables import approval, data_key, named_key, token

__all__ = ["Rotation", "rotate"]

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did."""

    resealed: int
    """How many values were sealed anew."""
    unreadable: tuple[str, ...]
    """Whose value did not open with any key, and was left as it was: sign in again for these."""
    replaced: bool
    """Whether the installation's key is another one now."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A column of sealed values; ``row`` is the column that names each one's place."""

    table: Table
    row: Column[str]
    value: Column[str] | Column[str | None]

    def place(self, row: str) -> Place:
        return Place(self.table.name, row, self.value.name)


_SEALED = (
    _Sealed(token, token.c.connection, token.c.value),
    _Sealed(named_key, named_key.c.name, named_key.c.value),
    _Sealed(approval, approval.c.handle, approval.c.request),
    _Sealed(approval, approval.c.handle, approval.c.decision),
)


async def rotate(database: Database, keyring: Keyring, clock: Clock, new: SecretStr | None) -> Rotation:
    """See :meth:`crmhub.store.Store.rotate_key`."""
    source = keyring.source
    given = None if new is None else decoded_key(new, "the new key")
    if given is None and not source.find():
        raise UsageError("a store in memory has no key to rotate", hint="it ends with its process")
    fresh = make_key() if given is None and source.in_file else given
    now = clock.now()

    secrets = await database.write(lambda open_: _begin(open_, keyring, fresh, now), durable=True, alone=True)
    if new is not None and source.in_file is None:
        keyring.source = replace(source, key=new)
    work = _Work(database, secrets)
    await work.reseal()
    is_handed_over = fresh is not None and source.in_file is None
    await database.write(
        lambda open_: work.finish(open_, keep_handover=is_handed_over), durable=True, alone=True
    )
    await database.write(lambda open_: _prune(open_, source), alone=True)
    await database.read(keyring.reload)
    return Rotation(work.resealed, tuple(sorted(work.unreadable)), replaced=fresh is not None)


def _begin(connection: Connection, keyring: Keyring, fresh: bytes | None, now: datetime) -> Secrets:
    """Make the new data key. A new key is in its file before anything depends on it."""
    secrets = keyring.reload(connection)
    keys = keyring.source.find()
    file = keyring.source.in_file
    if fresh is not None and file is not None and fresh not in keys:
        write_keys(file, [fresh, *keys])
    present = fresh or next(iter(wrapping_keys(connection, keys)), None)
    if present is None:
        raise StoreError(
            f"{keyring.source} is no longer the store's key: somebody has replaced it",
            hint="start again with the new key",
        )
    add_data_key(connection, now, present, former=(secrets.active, secrets.keys[secrets.active]))
    return keyring.reload(connection)


class _Work:
    """Sealing anew, with the newest data key."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets
        self.resealed = 0
        self.unreadable: set[str] = set()

    async def reseal(self) -> None:
        """Seal every value anew, each in a transaction of its own, so that nobody waits long."""
        for column in _SEALED:
            query = self._stale(column).order_by(column.row).limit(_AT_ONCE)
            after = ""
            while names := await self._names(query.where(column.row > after)):
                for name in names:
                    self._count(
                        name, await self._database.write(partial(self._one, column=column, name=name))
                    )
                after = names[-1]

    def finish(self, connection: Connection, *, keep_handover: bool) -> None:
        """Remove the older data keys, once nothing is sealed with them and nobody is about to."""
        connection.execute(select(data_key.c.kid).with_for_update())
        self._hold(connection)
        for column in _SEALED:
            for name in connection.execute(self._stale(column)).scalars().all():
                self._count(name, self._one(connection, column=column, name=name))
        connection.execute(delete(data_key).where(data_key.c.kid != self._secrets.active))
        if not keep_handover:
            connection.execute(update(data_key).values(handover=None))

    async def _names(self, query: Select[str]) -> list[str]:
        return await self._database.read(lambda connection: list(connection.execute(query).scalars()))

    def _stale(self, column: _Sealed) -> Select[str]:
        fresh = column.value.startswith(f"v1.{self._secrets.active}.", autoescape=True)
        return select(column.row).where(~fresh)

    def _one(self, connection: Connection, *, column: _Sealed, name: str) -> bool:
        """Seal one value anew; ``False`` when it does not open. One that has gone needs nothing."""
        self._hold(connection)
        is_it = column.row == name
        sealed = connection.execute(select(column.value).where(is_it).with_for_update()).scalar()
        if sealed is None:
            return True
        try:
            plain = self._secrets.open(sealed, column.place(name))
        except StoreError:
            return False
        again = self._secrets.seal(plain, column.place(name))
        connection.execute(update(column.table).where(is_it).values({column.value.name: again}))
        return True

    def _hold(self, connection: Connection) -> None:
        if newest_data_key(connection) != self._secrets.active:
            raise StoreError(
                "another rotation of the store's key has begun, so this one stops",
                hint="nothing is lost: wait until the other one is done",
            )

    def _count(self, name: str, opened: bool) -> None:
        if opened:
            self.resealed += 1
        else:
            self.unreadable.add(name)


def _prune(connection: Connection, source: KeySource) -> None:
    """Leave in the key file what the data keys are wrapped by, and no former key."""
    file = source.in_file
    if file is None:
        return
    keys = source.find()
    needed = wrapping_keys(connection, keys)
    if needed and needed != keys:
        write_keys(file, needed)

"""Keys that the store makes for itself, by name: random, sealed like tokens, the same for every process.

A key outlives the rotation of the store's key; whoever forgets it makes all that was made with it dumb.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from crmhub.clock import Clock
from crmhub.store.database import Database
from crmhub.store.key import make_key
from crmhub.store.keyring import Keyring
from crmhub.store.secrets import Place
from crmhub.store.tables import named_key as table

__all__ = ["NamedKeys"]


class NamedKeys:
    """Reached as ``store.keys``."""

    def __init__(self, database: Database, clock: Clock, keyring: Keyring) -> None:
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._known: dict[str, bytes] = {}

    async def get(self, name: str) -> bytes:
        """The key of that name, 32 bytes; made when it is first asked for.

        Raises :class:`~crmhub.errors.StoreError` when the stored one does not open.
        """
        if name not in self._known:
            found = await self._database.read(lambda open_: self.find(open_, name))
            self._known[name] = found or await self._database.write(
                lambda open_: self.make(open_, name), durable=True, alone=True
            )
        return self._known[name]

    async def forget(self, name: str) -> None:
        """Destroy the key: what was made with it can be tied to nothing any more. The next one is another."""
        self._known.pop(name, None)
        statement = delete(table).where(table.c.name == name)
        await self._database.write(lambda open_: open_.execute(statement), durable=True)

    def find(self, connection: Connection, name: str) -> bytes | None:
        """The key of that name, if there is one, in a transaction of the caller's."""
        sealed = connection.execute(select(table.c.value).where(table.c.name == name)).scalar()
        return None if sealed is None else self._keyring.open_here(connection, sealed, _place(name))

    def make(self, connection: Connection, name: str) -> bytes:
        """The key of that name, made if there is none; run it in a write transaction that is alone."""
        found = self.find(connection, name)
        if found is not None:
            return found
        fresh = make_key()
        row = {"name": name, "value": self._keyring.seal(connection, fresh, _place(name))}
        connection.execute(insert(table), [{**row, "created_at": self._clock.now()}])
        return fresh


def _place(name: str) -> Place:
    return Place("named_key", name, "value")

"""Access tokens at rest: sealed, each bound to its connection's row."""

from __future__ import annotations

from datetime import datetime

import msgspec
from pydantic import SecretStr
from sqlalchemy import Connection, select

from crmhub.clock import Clock
from crmhub.http import Claim, Token
from crmhub.store.claims import count_save, end_claim, take_claim
from crmhub.store.database import Database
from crmhub.store.keyring import Keyring
from crmhub.store.secrets import Place
from crmhub.store.tables import token as table
from crmhub.store.upsert import upsert

__all__ = ["Tokens"]


class _Plain(msgspec.Struct, omit_defaults=True):
    """A token as it is sealed."""

    access: str
    refresh: str | None = None
    expires_at: datetime | None = None
    base_url: str | None = None
    extra: dict[str, str] = {}


class Tokens:
    """Reached as ``store.tokens``; a :class:`crmhub.http.TokenStore`."""

    def __init__(self, database: Database, clock: Clock, keyring: Keyring) -> None:
        self._database = database
        self._clock = clock
        self._keyring = keyring

    async def load(self, connection: str) -> Token | None:
        """The connection's token, or ``None``. Raises :class:`StoreError` when it does not open."""
        query = select(table.c.value).where(table.c.connection == connection)
        sealed = await self._database.read(lambda open_: open_.execute(query).scalar())
        if sealed is None:
            return None
        opened = await self._keyring.open(sealed, _place(connection))
        plain = msgspec.json.decode(opened, type=_Plain)
        return Token(
            access=SecretStr(plain.access),
            refresh=None if plain.refresh is None else SecretStr(plain.refresh),
            expires_at=plain.expires_at,
            base_url=plain.base_url,
            extra=plain.extra,
        )

    async def save(self, connection: str, token: Token, claim: Claim | None = None) -> bool:
        """Keep the connection's token in place of the one before; on the disk when this returns.

        With a ``claim``, which this ends, nothing is kept and ``False`` given when a token was saved
        since it was taken.
        """
        plain = msgspec.json.encode(
            _Plain(
                access=token.access.get_secret_value(),
                refresh=None if token.refresh is None else token.refresh.get_secret_value(),
                expires_at=token.expires_at,
                base_url=token.base_url,
                extra=token.extra,
            )
        )
        place, now = _place(connection), self._clock.now()

        def keep(open_: Connection) -> bool:
            if claim is not None:
                end_claim(open_, connection, claim)
            if not count_save(open_, connection, claim):
                return False
            row = {"connection": connection, "value": self._keyring.seal(open_, plain, place)}
            open_.execute(upsert(open_.dialect.name, table), [{**row, "updated_at": now}])
            return True

        return await self._database.write(keep, durable=True)

    async def claim(self, connection: str, seconds: float) -> Claim | None:
        """Take the right to renew the connection's token; ``None`` while another process has it.

        It ends by itself after so many seconds, and at once when its process is known to be dead.
        """
        now = self._clock.now()
        return await self._database.write(lambda open_: take_claim(open_, connection, now, seconds))

    async def release(self, connection: str, claim: Claim) -> None:
        """Give the claim back without a new token."""
        await self._database.write(lambda open_: end_claim(open_, connection, claim))

    async def forget(self, connection: str) -> None:
        """Remove the connection's token."""
        statement = table.delete().where(table.c.connection == connection)

        def remove(open_: Connection) -> None:
            count_save(open_, connection, None)
            open_.execute(statement)

        await self._database.write(remove, durable=True)


def _place(connection: str) -> Place:
    return Place("token", connection, "value")

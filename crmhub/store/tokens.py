"""Access tokens at rest: sealed, each bound to its connection's row."""

from __future__ import annotations

from datetime import datetime

import msgspec
from pydantic import SecretStr
from sqlalchemy import select

from crmhub.clock import Clock
from crmhub.http import Token
from crmhub.store.database import Database
from crmhub.store.secrets import Place, Secrets
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

    def __init__(self, database: Database, clock: Clock, secrets: Secrets) -> None:
        self._database = database
        self._clock = clock
        self._secrets = secrets

    async def load(self, connection: str) -> Token | None:
        """The connection's token, or ``None``. Raises :class:`StoreError` when it does not open."""
        query = select(table.c.value).where(table.c.connection == connection)
        sealed = await self._database.read(lambda open_: open_.execute(query).scalar())
        if sealed is None:
            return None
        plain = msgspec.json.decode(self._secrets.open(sealed, _place(connection)), type=_Plain)
        return Token(
            access=SecretStr(plain.access),
            refresh=None if plain.refresh is None else SecretStr(plain.refresh),
            expires_at=plain.expires_at,
            base_url=plain.base_url,
            extra=plain.extra,
        )

    async def save(self, connection: str, token: Token) -> None:
        """Keep the connection's token in place of the one before; on the disk when this returns."""
        plain = _Plain(
            access=token.access.get_secret_value(),
            refresh=None if token.refresh is None else token.refresh.get_secret_value(),
            expires_at=token.expires_at,
            base_url=token.base_url,
            extra=token.extra,
        )
        row = {
            "connection": connection,
            "value": self._secrets.seal(msgspec.json.encode(plain), _place(connection)),
            "updated_at": self._clock.now(),
        }
        statement = upsert(self._database.dialect, table)
        await self._database.write(lambda open_: open_.execute(statement, [row]), durable=True)

    async def forget(self, connection: str) -> None:
        """Remove the connection's token."""
        statement = table.delete().where(table.c.connection == connection)
        await self._database.write(lambda open_: open_.execute(statement), durable=True)


def _place(connection: str) -> Place:
    return Place("token", connection, "value")

"""The bearer tokens of agents: which there are, and whose a presented one is. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from crmhub.clock import Clock
from crmhub.errors import UsageError
from crmhub.store.database import Database
from crmhub.store.tables import agent_token as table

__all__ = ["AgentToken", "AgentTokens"]

_PREFIX: Final = "crmhub_"
_TOUCH: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AgentToken:
    """What is known of a token: everything but the token."""

    name: str
    """By which people know it."""
    agent: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """To a minute."""
    revoked_at: datetime | None = None


class AgentTokens:
    """Reached as ``store.agent_tokens``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, name: str, agent: str, lasts: timedelta | None) -> SecretStr:
        """Make a token of 256 random bits for an agent. It is given this once and kept nowhere.

        Raises :class:`UsageError` for a name that another token has.
        """
        token, now = _PREFIX + secrets.token_urlsafe(32), self._clock.now()
        row = {
            "name": name,
            "agent": agent,
            "hash": _hashed(token),
            "created_at": now,
            "expires_at": now + lasts if lasts is not None else None,
        }
        if any(known.name == name for known in await self.all()):
            raise _taken(name)
        try:
            await self._database.write(lambda connection: connection.execute(insert(table), [row]))
        except IntegrityError:  # by another process, just now
            raise _taken(name) from None
        return SecretStr(token)

    async def all(self) -> Sequence[AgentToken]:
        """All tokens, ended ones too, by name."""
        query = select(*_SHOWN).order_by(table.c.name)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [AgentToken(*row) for row in rows]

    async def find(self, token: str) -> AgentToken | None:
        """Whose token that is; ``None`` for one that is unknown, ended or revoked."""
        if not token.startswith(_PREFIX) or not token.isascii():
            return None
        # By its hash: what is compared tells nothing about tokens, however long comparing takes.
        query = select(*_SHOWN).where(table.c.hash == _hashed(token))
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        known, now = AgentToken(*row), self._clock.now()
        if known.revoked_at is not None or (known.expires_at is not None and known.expires_at <= now):
            return None
        if known.last_used_at is None or now - known.last_used_at >= _TOUCH:
            used = update(table).where(table.c.name == known.name).values(last_used_at=now)
            await self._database.write(lambda connection: connection.execute(used))
        return known

    async def revoke(self, name: str) -> bool:
        """End a token from this moment on; whether there was one that was good."""
        ended = (
            update(table)
            .where(table.c.name == name, table.c.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )
        return await self._database.write(lambda connection: connection.execute(ended).rowcount > 0)


_SHOWN = (
    table.c.name,
    table.c.agent,
    table.c.created_at,
    table.c.expires_at,
    table.c.last_used_at,
    table.c.revoked_at,
)


def _taken(name: str) -> UsageError:
    hint = "choose another name; tokens that have ended keep theirs"
    return UsageError(f"there is a token {name!r} already", hint=hint)


def _hashed(token: str) -> str:
    """A token is random enough that its plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()

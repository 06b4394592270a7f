"""Access tokens, where they are kept between runs, and who may renew them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

__all__ = ["Claim", "MemoryTokenStore", "Token", "TokenStore"]


@dataclass(frozen=True, slots=True)
class Token:
    """What a token endpoint granted. Its text form hides the secrets.

    ``expires_at`` is aware UTC (``None``: the reply did not say), ``base_url`` where the CRM wants to
    be called with it (Zoho's ``api_domain``, Salesforce's ``instance_url``), ``extra`` what else must
    be kept with it.
    """

    access: SecretStr
    refresh: SecretStr | None = None
    expires_at: datetime | None = None
    base_url: str | None = field(default=None, repr=False)
    extra: dict[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to renew a connection's token: whose it is, and the version of the token it is for."""

    owner: str
    version: int


class TokenStore(Protocol):
    """Keeps one token for each connection. Raises ``StoreError`` when it cannot.

    Of all who share the store one at a time renews a token: it takes a :class:`Claim`, asks the token
    endpoint, and saves. The others wait for what it saved.
    """

    async def load(self, connection: str) -> Token | None:
        """The token saved last, or ``None``."""
        ...

    async def save(self, connection: str, token: Token, claim: Claim | None = None) -> bool:
        """Keep ``token``; it is durable when this returns.

        With a ``claim``, which this ends, nothing is kept and ``False`` given when a token was saved
        since it was taken.
        """
        ...

    async def claim(self, connection: str, seconds: float) -> Claim | None:
        """Take the right to renew the token, for so long; ``None`` while somebody else has it."""
        ...

    async def release(self, connection: str, claim: Claim) -> None:
        """Give the claim back without a new token; one that is over is no mistake."""
        ...


class MemoryTokenStore:
    """A :class:`TokenStore` that forgets when the process ends."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._versions: dict[str, int] = {}
        self._claims: dict[str, Claim] = {}
        self._taken = 0

    async def load(self, connection: str) -> Token | None:
        """The token saved last, or ``None``."""
        return self._tokens.get(connection)

    async def save(self, connection: str, token: Token, claim: Claim | None = None) -> bool:
        """Keep ``token`` in memory."""
        version = self._versions.get(connection, 0)
        if claim is not None:
            await self.release(connection, claim)
        if claim is not None and claim.version != version:
            return False
        self._tokens[connection] = token
        self._versions[connection] = version + 1
        return True

    async def claim(self, connection: str, seconds: float) -> Claim | None:  # noqa: ARG002 - see below
        """Take the right to renew the token; it needs no end, since its owner lives as long as the store."""
        if connection in self._claims:
            return None
        self._taken += 1
        taken = Claim(str(self._taken), self._versions.get(connection, 0))
        self._claims[connection] = taken
        return taken

    async def release(self, connection: str, claim: Claim) -> None:
        """Give the claim back."""
        if self._claims.get(connection) == claim:
            del self._claims[connection]

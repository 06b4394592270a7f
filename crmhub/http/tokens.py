"""Access tokens, and where they are kept between runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

__all__ = ["MemoryTokenStore", "Token", "TokenStore"]


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


class TokenStore(Protocol):
    """Keeps one token for each connection. Raises ``StoreError`` when it cannot."""

    async def load(self, connection: str) -> Token | None:
        """The token saved last, or ``None``."""
        ...

    async def save(self, connection: str, token: Token) -> None:
        """Keep ``token``; it is durable when this returns."""
        ...


class MemoryTokenStore:
    """A :class:`TokenStore` that forgets when the process ends."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    async def load(self, connection: str) -> Token | None:
        """The token saved last, or ``None``."""
        return self._tokens.get(connection)

    async def save(self, connection: str, token: Token) -> None:
        """Keep ``token`` in memory."""
        self._tokens[connection] = token

"""Access tokens: minting, life and revocation on the double's clock. Vendors' rules stay in their doubles."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from crmhub.testing.simulator.clock import SimClock

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def opaque(source: random.Random, length: int = 32) -> str:
    """A token-like text of `length` lower-case letters and digits."""
    return "".join(source.choices(_LETTERS, k=length))


@dataclass(frozen=True)
class AccessToken:
    """One access token: the grant (refresh token, client or user) it came from, its scopes and life (epoch
    seconds).
    """

    value: str
    grant: str
    scopes: frozenset[str]
    issued_at: float
    expires_at: float


class TokenBook:
    """All access tokens of a double."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self._tokens: dict[str, AccessToken] = {}
        self.issued = 0

    def issue(
        self, value: str, grant: str, scopes: frozenset[str], life: float, *, at_most: int | None = None
    ) -> AccessToken:
        """Keep a new token that lives `life` seconds; with `at_most`, the grant's oldest live ones die beyond
        it.
        """
        now = self._clock.now()
        token = AccessToken(value, grant, scopes, now, now + life)
        self._tokens[value] = token
        self.issued += 1
        if at_most is not None:
            for old in self.of_grant(grant)[:-at_most]:
                del self._tokens[old.value]
        return token

    def live(self, value: str) -> AccessToken | None:
        """The token, if it is known and has not expired."""
        token = self._tokens.get(value)
        return token if token is not None and token.expires_at > self._clock.now() else None

    def known(self, value: str) -> AccessToken | None:
        """The token, expired or not, unless it was revoked."""
        return self._tokens.get(value)

    def of_grant(self, grant: str) -> list[AccessToken]:
        """The grant's live tokens, oldest first."""
        now = self._clock.now()
        return [token for token in self._tokens.values() if token.grant == grant and token.expires_at > now]

    def issued_since(self, grant: str, instant: float) -> int:
        """How many of the grant's tokens that are still kept were issued at or after `instant` (epoch
        seconds).
        """
        return sum(
            1 for token in self._tokens.values() if token.grant == grant and token.issued_at >= instant
        )

    def revoke(self, grant: str) -> None:
        """Kill all tokens of a grant."""
        self._drop(lambda token: token.grant == grant)

    def kill(self, value: str) -> None:
        """Kill one token."""
        self._drop(lambda token: token.value == value)

    def expire_all(self) -> None:
        """Let every token expire now."""
        now = self._clock.now()
        self._tokens = {
            value: replace(token, expires_at=min(token.expires_at, now))
            for value, token in self._tokens.items()
        }

    def _drop(self, doomed: Callable[[AccessToken], bool]) -> None:
        self._tokens = {value: token for value, token in self._tokens.items() if not doomed(token)}

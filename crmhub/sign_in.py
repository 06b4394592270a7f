"""Signing in as a person: the steps that a connector tells, and one attempt at them.

Beside the contract, for connectors whose CRM has OAuth's code grant (RFC 6749, 4.1). The steps know
URLs and replies; who asks the person, opens a browser and waits is :mod:`crmhub.callback` and the CLI.
"""

from __future__ import annotations

import base64
import hashlib
import secrets as entropy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from crmhub import redact

__all__ = ["Allowance", "Attempt", "SignIn", "SupportsSignIn"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt by a browser: where it comes back to, and what nobody else can know.

    ``state`` binds the way back to the way there (RFC 6749, 10.12), ``verifier`` the code to whoever
    asked for it (PKCE, RFC 7636), where a CRM knows that.
    """

    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def at(cls, redirect_uri: str) -> Attempt:
        """A new attempt that comes back to that URI."""
        attempt = cls(redirect_uri, entropy.token_urlsafe(32), entropy.token_urlsafe(48))
        redact.register(attempt.verifier)
        return attempt

    @property
    def challenge(self) -> str:
        """The verifier's hash for the authorize URL, method ``S256`` (RFC 7636, 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether the granted scopes are enough for a capability; ``needed`` by nearly everybody.

    ``missing`` are scopes to ask for: with them it can be used.
    """

    capability: str
    missing: tuple[str, ...] = ()
    needed: bool = False


class SignIn(Protocol):
    """The steps of one connection. They raise the errors of :mod:`crmhub.errors`, and show no secret."""

    @property
    def scopes(self) -> Sequence[str]:
        """What to ask for, so that all that the connector can do may be used."""
        ...

    def code_page(self, scopes: Sequence[str]) -> str | None:
        """How a person gets a code without a browser's coming back; ``None`` where there is no such way."""
        ...

    def demand_useful(self) -> None:
        """Raise :class:`~crmhub.errors.ConfigError` where the settings make signing in vain."""
        ...

    def authorize_url(self, attempt: Attempt, scopes: Sequence[str]) -> str:
        """Where the person agrees. The browser is then sent to the attempt's redirect URI."""
        ...

    async def exchange(
        self, code: str, attempt: Attempt | None = None, told: Mapping[str, str] | None = None
    ) -> None:
        """Turn the code into tokens, and keep them for the connection.

        Without an ``attempt`` it is a code of :meth:`code_page`; ``told`` is what else the browser
        came back with.
        """
        ...

    async def granted(self) -> frozenset[str]:
        """The scopes of the connection's token, which is asked for where there is none."""
        ...

    def allowances(self, granted: frozenset[str]) -> Sequence[Allowance]:
        """A line for each capability."""
        ...


@runtime_checkable
class SupportsSignIn(Protocol):
    """A connector to which a person can sign in."""

    @property
    def sign_in(self) -> SignIn:
        """The steps."""
        ...

"""Who we are to a CRM: the one question the client asks, and the answer that never changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from crmhub.clock import Clock
from crmhub.events import Events
from crmhub.http.response import Response
from crmhub.redact import register

__all__ = ["Auth", "BearerToken", "FormPost", "Grant", "StaticHeaders", "Wire"]


class FormPost(Protocol):
    """POST a form to a URL without credentials, limits or redirects.

    Any status under 500 except 429 comes back as a reply. Raises ``Unavailable``, ``RateLimited`` or
    ``BadResponse``.
    """

    async def __call__(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send ``form`` to ``url``, with ``headers`` beside the usual ones."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """What the client lends to its :class:`Auth`."""

    connection: str
    clock: Clock
    events: Events
    post: FormPost
    check_base: Callable[[str], None]
    """Raises ``AuthError`` when credentials may not be sent to that base URL."""
    timeout: float = 60.0
    """Within how many seconds ``post`` has ended, one way or the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """Headers that authenticate a call, and the base URL they are good for (``None``: the configured)."""

    headers: Mapping[str, str] = field(repr=False)
    base_url: str | None = None
    found: bool = False
    """Whether it comes from a token store and not from the CRM just now: it may have ended since."""


class Auth(Protocol):
    """Gives the credentials of a call."""

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        """Credentials to use now.

        ``refused`` is the grant that the CRM just answered with 401: a newer one is fetched unless
        there already is one. The same grant back means that there is no other. Raises ``AuthError``
        and its kin, ``RateLimited`` and ``Unavailable``; the call itself was then not sent.
        """
        ...


class StaticHeaders:
    """Fixed headers, such as an API key."""

    def __init__(self, headers: Mapping[str, SecretStr | str]) -> None:
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in headers.items()
        }
        for value in plain.values():
            register(value)
        self._grant = Grant(plain)

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:  # noqa: ARG002 - the protocol's shape
        """The same headers each time."""
        return self._grant


class BearerToken(StaticHeaders):
    """A fixed access token in the ``Authorization`` header (RFC 6750)."""

    def __init__(self, token: SecretStr | str, scheme: str = "Bearer") -> None:
        plain = token.get_secret_value() if isinstance(token, SecretStr) else token
        register(plain)
        super().__init__({"Authorization": f"{scheme} {plain}"})

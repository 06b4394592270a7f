"""How the server is reached, and by whom: a part of the agents file."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from crmhub.agent.policy.part import Part
from crmhub.errors import BadRequest

__all__ = ["Issuer", "Serving"]

_Algorithm: TypeAlias = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"
]


def _plain(url: str) -> str:
    """Refuses what only begins like an address that is allowed, such as ``http://127.0.0.1:80@elsewhere``."""
    from crmhub.http.paths import origin  # here: it brings the HTTP client, which a file without it needs not

    try:
        origin(url)
    except BadRequest as error:
        raise ValueError(error.what) from None
    return url


_Url: TypeAlias = Annotated[
    str, Field(pattern=r"^https://|^http://(localhost|127\.0\.0\.1)(:|/|$)"), AfterValidator(_plain)
]


class Issuer(Part):
    """An OAuth 2.1 authorization server whose access tokens (JWT) are accepted."""

    issuer: _Url
    """Its identifier, exactly as its tokens say it (`iss`)."""
    keys: _Url
    """The address of its key set (JWKS)."""
    audience: str | None = None
    """What its tokens say that they are for (`aud`); left out: this server's `url`."""
    algorithms: list[_Algorithm] = Field(default=["RS256", "ES256"], min_length=1)
    """The signatures that are accepted: only such as need the issuer's private key."""
    agent_claim: str = "client_id"
    """The claim that names the agent, as in `agents`."""
    scope: str | None = None
    """A scope that tokens must have."""


class Serving(Part):
    """How the server is reached over HTTP."""

    url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    """The address by which agents reach it, with its path; left out: the address that it listens on."""
    hosts: list[str] = []
    """Values of the header `Host` that are accepted besides the loopback's, such as `crm.example.com`."""
    origins: list[str] = []
    """Values of the header `Origin` that are accepted besides the loopback's: `https://app.example.com`."""
    issuer: Issuer | None = None
    """Whose tokens are accepted besides those that `crmhub agents token create` makes."""

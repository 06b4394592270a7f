"""Ways to sign in. The first of ``auth`` whose settings are all given is the connection's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from crmhub_rest.language.part import Part
from crmhub_rest.language.refusal import Rule
from crmhub_rest.language.template import Template

__all__ = ["Authentication", "Exchange", "Jwt", "OAuth2"]


class Exchange(Part):
    """A second step: the token of the first one is changed for that of a part of the account."""

    url: Template
    """An absolute URL, or a path below the base URL; the first token is sent as its ``Authorization``."""
    form: dict[str, Template]
    """What is sent; without all of its settings this way to sign in is not the connection's."""
    headers: dict[str, Template] = {}
    """Headers of that call."""


class OAuth2(Part):
    """Tokens from a token endpoint (RFC 6749)."""

    token_url: Template
    """An absolute URL, or a path below the base URL."""
    grant: Literal["refresh_token", "client_credentials"] = "refresh_token"
    """The grant by which tokens come."""
    client_id: Template
    """The client's id."""
    client_secret: Template
    """The client's secret."""
    refresh_token: Template | None = None
    """The refresh token that is configured; one that was rotated, or came by signing in, goes before it."""
    client_in: Literal["form", "basic"] = "form"
    """Whether the client's id and secret go into the form or into a Basic header (RFC 6749, 2.3.1)."""
    form: dict[str, Template] = {}
    """What else the form holds."""
    base_url_at: str | None = None
    """The member of the token reply that names the base URL of calls."""
    authorize_url: Template | None = None
    """Where a person agrees; with it ``crmhub auth`` signs in by a browser."""
    scopes: list[str] = []
    """What to ask for when signing in."""
    pkce: bool = False
    """Whether the CRM knows the proof key for code exchange (RFC 7636)."""
    authorize: dict[str, Template] = {}
    """What else the URL of consent has."""
    scheme: str = "Bearer"
    """The word before the token in the ``Authorization`` header."""
    dead: list[str] = ["invalid_grant"]
    """Error codes after which only a person can help."""
    errors: list[Rule] = []
    """What refusals mean where they are not those of RFC 6749, by the paths of the CRM's ``refusal``."""
    exchange: Exchange | None = None
    """A second step, for CRMs that give a token for a part of the account only then."""

    @model_validator(mode="after")
    def _refreshes(self) -> OAuth2:
        if self.grant == "refresh_token" and self.refresh_token is None:
            raise ValueError("the grant refresh_token needs refresh_token: ${…}")
        return self

    @property
    def names(self) -> frozenset[str]:
        """The settings without which it cannot be used; a refresh token can also come by signing in."""
        optional = self.refresh_token if self.authorize_url is not None else None
        templates = [self.token_url, self.client_id, self.client_secret, *self.form.values()]
        if self.exchange is not None:
            templates += [self.exchange.url, *self.exchange.form.values()]
        if self.refresh_token is not None and optional is None:
            templates.append(self.refresh_token)
        return frozenset[str]().union(*(template.names for template in templates))


class Jwt(Part):
    """A token that is signed here and sent as a bearer token (RFC 7519)."""

    algorithm: Literal["HS256", "HS384", "HS512"]
    """The algorithm of the signature."""
    secret: Template
    """The key of the signature."""
    claims: dict[str, Template]
    """Claims beside ``iat`` and ``exp``."""
    seconds: int = Field(default=300, ge=10, le=86_400)
    """How long a token is good for."""

    @property
    def names(self) -> frozenset[str]:
        """The settings without which it cannot be used."""
        return self.secret.names.union(*(claim.names for claim in self.claims.values()))


class Authentication(Part):
    """One way to sign in: exactly one of its first five members, and headers beside it."""

    bearer: Template | None = None
    """A token that does not change, in the ``Authorization`` header."""
    header: dict[str, Template] | None = None
    """Headers that hold a key."""
    basic: dict[Literal["user", "password"], Template] | None = None
    """HTTP Basic (RFC 7617)."""
    oauth: OAuth2 | None = None
    """Tokens from a token endpoint."""
    jwt: Jwt | None = None
    """A token that is signed here."""
    scheme: str = "Bearer"
    """The word before a ``bearer`` token."""

    @model_validator(mode="after")
    def _one_way(self) -> Authentication:
        ways = ("bearer", "header", "basic", "oauth", "jwt")
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"one of {', '.join(ways)} is needed, not {len(given)}")
        return self

    @property
    def names(self) -> frozenset[str]:
        """The settings without which it cannot be used."""
        if self.oauth is not None:
            return self.oauth.names
        if self.jwt is not None:
            return self.jwt.names
        templates = [self.bearer] if self.bearer is not None else []
        templates += [*(self.header or {}).values(), *(self.basic or {}).values()]
        return frozenset[str]().union(*(template.names for template in templates))

"""Who the connection is to the CRM: the first way to sign in whose settings are given."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

import msgspec
from cryptography.hazmat.primitives import hashes, hmac
from pydantic import SecretStr

from crmhub.connector import Context
from crmhub.errors import ConfigError, ConnectorError, ReauthRequired, Where
from crmhub.http import Auth, BearerToken, Fetch, HttpSend, OAuth, StaticHeaders, Token, read_token
from crmhub.http.auth import Grant, Wire
from crmhub.redact import register
from crmhub_rest.exchanging import Exchanged, whole_url
from crmhub_rest.language.auth import Authentication, Jwt, OAuth2
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.path import ABSENT
from crmhub_rest.language.template import Scope
from crmhub_rest.refusals import refused_token

__all__ = ["SCOPES", "auth_of", "chosen", "credentials_of", "fetched"]

_HASHES = {"HS256": hashes.SHA256, "HS384": hashes.SHA384, "HS512": hashes.SHA512}
_EARLY = 30.0  # seconds before its end a token is no longer used
SCOPES = "scope"
"""Where a kept token has its scopes, separated by spaces."""


def chosen(crm: Crm, settings: Scope) -> Authentication:
    """The first way whose settings are all given. Raises ``ConfigError`` that names what each needs."""
    for way in crm.auth:
        if all(settings.get(name) not in (None, "") for name in way.names):
            return way
    needed = " or ".join(", ".join(_given_by_people(crm, way)) for way in crm.auth)
    raise ConfigError(f"{crm.title}: credentials are missing", hint=f"set {needed}")


def credentials_of(crm: Crm, settings: Scope) -> list[str]:
    """The settings by which the connection signs in, but for those that the description can fill."""
    return _given_by_people(crm, chosen(crm, settings))


def _given_by_people(crm: Crm, way: Authentication) -> list[str]:
    names = way.names & crm.settings.keys()
    return sorted(name for name in names if crm.settings[name].default is None)


def auth_of(crm: Crm, settings: Scope, context: Context) -> Auth:
    """The owner of the connection's credentials."""
    way = chosen(crm, settings)
    if way.oauth is not None:
        owner = _oauth(crm, way.oauth, settings, context)
        exchange = way.oauth.exchange
        return owner if exchange is None else Exchanged(owner, way.oauth.scheme, exchange, settings)
    if way.jwt is not None:
        return _Signed(way.jwt, settings)
    if way.bearer is not None:
        return BearerToken(way.bearer.text(settings) or "", way.scheme)
    if way.basic is not None:
        pair = ":".join(
            (part.text(settings) or "") if (part := way.basic.get(name)) is not None else ""
            for name in ("user", "password")
        )
        return BearerToken(base64.b64encode(pair.encode()).decode(), "Basic")
    return StaticHeaders({name: part.text(settings) or "" for name, part in (way.header or {}).items()})


# ── OAuth ────────────────────────────────────────────────────────────────────────────────────────


def _oauth(crm: Crm, way: OAuth2, settings: Scope, context: Context) -> OAuth:
    url = whole_url(way.token_url, settings)
    secrets = [template.text(settings) for template in (way.client_id, way.client_secret)]
    if way.refresh_token is not None:
        secrets.append(way.refresh_token.text(settings))
    return OAuth(
        _fetch(crm, way, settings, context),
        token_url=url,
        connection=context.connection,
        tokens=context.tokens,
        header=lambda token: {"Authorization": f"{way.scheme} {token.access.get_secret_value()}"},
        secrets=(*secrets, url),
    )


def _fetch(crm: Crm, way: OAuth2, settings: Scope, context: Context) -> Fetch:
    async def fetch(send: HttpSend, last: Token | None) -> Token:
        form: dict[str, str] = {"grant_type": way.grant}
        if way.grant == "refresh_token":
            form["refresh_token"] = _refresh(way, settings, context, last)
        return await fetched(crm, send, form, way, settings, context)

    return fetch


async def fetched(
    crm: Crm, send: HttpSend, form: Mapping[str, str], way: OAuth2, settings: Scope, context: Context
) -> Token:
    """The token for that form, to which the client's own part is added. Raises what a refusal means."""
    response = await send({**form, **_client_form(way, settings)}, _client_headers(way, settings))
    try:
        refusal = refused_token(crm, way.errors, response)
        if refusal is not None:
            raise refusal
        token = read_token(
            response, now=context.clock.now(), base_url=way.base_url_at, dead=frozenset(way.dead)
        )
    except ConnectorError as error:
        error.at(connection=context.connection)
        raise
    reply = response.json()
    granted = reply.get("scope") if isinstance(reply, dict) else None
    scopes = {SCOPES: granted} if isinstance(granted, str) else {}
    return replace(token, extra={**token.extra, **scopes})


def _refresh(way: OAuth2, settings: Scope, context: Context, last: Token | None) -> str:
    """The refresh token: a rotated one, or that of a person who signed in, else the configured one."""
    if last is not None and last.refresh is not None:
        return last.refresh.get_secret_value()
    configured = way.refresh_token.text(settings) if way.refresh_token is not None else None
    if configured is None:
        raise ReauthRequired(
            "nobody has signed in yet",
            hint=f"crmhub auth {context.connection}",
            where=Where(connection=context.connection),
        )
    return configured


def _client_form(way: OAuth2, settings: Scope) -> dict[str, str]:
    """What the form has of the client, and besides."""
    form = {name: text for name, part in way.form.items() if (text := part.text(settings)) is not None}
    if way.client_in == "form":
        form["client_id"] = way.client_id.text(settings) or ""
        form["client_secret"] = way.client_secret.text(settings) or ""
    return form


def _client_headers(way: OAuth2, settings: Scope) -> Mapping[str, str] | None:
    """The client's Basic header, if it goes there."""
    if way.client_in != "basic":
        return None
    pair = f"{way.client_id.text(settings) or ''}:{way.client_secret.text(settings) or ''}"
    encoded = base64.b64encode(pair.encode()).decode()
    register(encoded)
    return {"Authorization": f"Basic {encoded}"}


# ── signed here ──────────────────────────────────────────────────────────────────────────────────


class _Signed:
    """Tokens that are signed here (RFC 7519, HMAC of RFC 7515), each used for most of its life."""

    def __init__(self, way: Jwt, settings: Scope) -> None:
        self._way = way
        self._key = SecretStr(way.secret.text(settings) or "")
        register(self._key.get_secret_value())
        self._claims = {
            name: value for name, part in way.claims.items() if (value := part.fill(settings)) is not ABSENT
        }
        self._grant: Grant | None = None
        self._ends = 0.0

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        """See :meth:`crmhub.http.auth.Auth.grant`.

        A refused token is signed anew, unless that would make the same: the CRM's clock may go before ours.
        """
        now = wire.clock.now().timestamp()
        early = min(_EARLY, self._way.seconds / 10)
        stale = refused is not None and refused is self._grant and int(now) + self._way.seconds != self._ends
        if self._grant is None or stale or now >= self._ends - early:
            self._ends = int(now) + self._way.seconds
            self._grant = Grant({"Authorization": f"Bearer {self._token(int(now))}"})
        return self._grant

    def _token(self, now: int) -> str:
        head = {"alg": self._way.algorithm, "typ": "JWT"}
        claims = {**self._claims, "iat": now, "exp": now + self._way.seconds}
        signed = ".".join(_part(msgspec.json.encode(part)) for part in (head, claims))
        mac = hmac.HMAC(self._key.get_secret_value().encode(), _HASHES[self._way.algorithm]())
        mac.update(signed.encode())
        token = f"{signed}.{_part(mac.finalize())}"
        register(token)
        return token


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

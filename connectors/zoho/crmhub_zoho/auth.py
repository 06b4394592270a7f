"""OAuth as Zoho does it.

Source: Zoho CRM API v8, "Refresh Access Tokens" and "Multi DC support": errors of the token endpoint
come with HTTP 200, ``expires_in`` is in seconds unless ``expires_in_sec`` is there too, refresh tokens
are not rotated, and ``api_domain`` names the host to call.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from crmhub.connector import Context
from crmhub.errors import AuthError, RateLimited, ReauthRequired, Where
from crmhub.http import HttpSend, Limit, OAuth, Response, Token, read_token
from crmhub_zoho import hosts
from crmhub_zoho.config import ZohoConfig

__all__ = ["SCOPES", "oauth", "read", "token_limit"]

SCOPES = "scope"
"""Where a kept token has its scopes, separated by spaces."""
_THROTTLE_PAUSE = 60.0  # 10 access tokens in 10 minutes are allowed


def oauth(config: ZohoConfig, context: Context) -> OAuth:
    """The owner of the connection's access token."""

    async def fetch(send: HttpSend, last: Token | None) -> Token:
        refresh = last.refresh if last is not None and last.refresh is not None else config.refresh_token
        if refresh is None:
            raise ReauthRequired(
                "nobody has signed in yet",
                hint=f"crmhub auth {context.connection}",
                where=Where(connection=context.connection),
            )
        response = await send(
            {
                "grant_type": "refresh_token",
                "client_id": config.client_id,
                "client_secret": config.client_secret.get_secret_value(),
                "refresh_token": refresh.get_secret_value(),
            }
        )
        return read(response, config, context)

    return OAuth(
        fetch,
        token_url=f"{config.accounts_base}/oauth/v2/token",
        connection=context.connection,
        tokens=context.tokens,
        header=lambda token: {"Authorization": f"Zoho-oauthtoken {token.access.get_secret_value()}"},
        secrets=(config.client_id, config.client_secret, config.refresh_token, config.accounts_base),
    )


def token_limit(config: ZohoConfig) -> Limit:
    """Never more than 10 access tokens in any 10 minutes, by all processes that share a store.

    Zoho counts for each refresh token. Five at once and five in ten minutes: whichever ten minutes one
    takes, no more than ten are asked for.
    """
    owner = None
    if config.refresh_token is not None:  # else the connection has one of its own
        known = f"{config.accounts_base}\0{config.client_id}\0{config.refresh_token.get_secret_value()}"
        owner = f"zoho {hashlib.sha256(known.encode()).hexdigest()[:16]}"
    return Limit("access tokens", rate=5, per=600, burst=5, endpoints=frozenset({"token"}), owner=owner)


def read(response: Response, config: ZohoConfig, context: Context) -> Token:
    """The token in a reply of the token endpoint, with its scopes. Raises what the reply means."""
    token = _settled(config, _timed(_read(response, config, context), response, context))
    reply = response.json()
    granted = reply.get("scope") if isinstance(reply, dict) else None
    if not isinstance(granted, str):
        return token
    return replace(token, extra={**token.extra, SCOPES: " ".join(granted.replace(",", " ").split())})


def _read(response: Response, config: ZohoConfig, context: Context) -> Token:
    try:
        return read_token(
            response,
            now=context.clock.now(),
            base_url="api_domain",
            dead=frozenset({"invalid_code"}),
            throttled=frozenset({"Access Denied"}),
        )
    except ReauthRequired as error:
        error.hint = _sign_in_again(config, context)
        raise
    except RateLimited as error:
        error.what = "Zoho refuses more access tokens for now (10 in 10 minutes are allowed)"
        error.hint = "let the processes of one connection share their token store"
        error.retry_after = _THROTTLE_PAUSE
        raise
    except AuthError as error:
        if error.code == "invalid_redirect_uri":
            error.hint = "the redirect URI must stand in Zoho's API console, letter for letter"
        else:
            error.hint = (
                "check client_id and client_secret, and that region names the data centre in which they were"
                f" made (it is {config.region!r}); Zoho calls a client of another data centre invalid. Where"
                " crm.zoho.eu is in the address bar, set region: eu"
            )
        raise


def _sign_in_again(config: ZohoConfig, context: Context) -> str:
    elsewhere = f"a refresh token of another data centre than {config.region!r} is refused in the same way"
    if config.refresh_token is None:
        return f"sign in again: crmhub auth {context.connection}; {elsewhere}"
    return (
        f"issue a new one: {hosts.console_url(config.region).removeprefix('https://')}, your client, Generate"
        f" Code, exchange the code once (or remove refresh_token and run crmhub auth {context.connection});"
        f" {elsewhere}"
    )


def _timed(token: Token, response: Response, context: Context) -> Token:
    """``expires_in`` counts milliseconds in replies that also have ``expires_in_sec``."""
    reply = response.json()
    seconds = reply.get("expires_in_sec") if isinstance(reply, dict) else None
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal):
        return token
    return replace(token, expires_at=context.clock.now() + timedelta(seconds=float(seconds)))


def _settled(config: ZohoConfig, token: Token) -> Token:
    """The token with a base URL in the configured environment: never production instead of a sandbox.

    The HTTP client then checks that its host belongs to the data centre.
    """
    if token.base_url is None or config.is_overridden:
        return token
    region = hosts.region_of(token.base_url)
    if region is not None and region != config.region:
        raise AuthError(
            f"the token belongs to Zoho's data centre {region!r}, the connection to {config.region!r}",
            hint=f"set region: {region}",
        )
    named = hosts.environment_of(token.base_url)
    if named == config.environment:
        return token
    if named == "production":
        return replace(token, base_url=None)
    raise AuthError(
        f"the refresh token belongs to Zoho's {named or 'unknown'} environment,"
        f" the connection to {config.environment}",
        hint="set environment, or issue a refresh token for the other one",
    )

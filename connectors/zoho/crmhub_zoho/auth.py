"""OAuth as Zoho does it.

Source: Zoho CRM API v8, "Refresh Access Tokens" and "Multi DC support": errors of the token endpoint
come with HTTP 200, ``expires_in`` is in seconds unless ``expires_in_sec`` is there too, refresh tokens
are not rotated, and ``api_domain`` names the host to call.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from crmhub.connector import Context
from crmhub.errors import AuthError, RateLimited, ReauthRequired
from crmhub.http import HttpSend, OAuth, Response, Token, read_token
from crmhub_zoho import hosts
from crmhub_zoho.config import ZohoConfig

__all__ = ["oauth"]

_THROTTLE_PAUSE = 60.0  # 10 access tokens in 10 minutes are allowed


def oauth(config: ZohoConfig, context: Context) -> OAuth:
    """The owner of the connection's access token."""

    async def fetch(send: HttpSend, last: Token | None) -> Token:
        refresh = last.refresh if last is not None and last.refresh is not None else config.refresh_token
        response = await send(
            {
                "grant_type": "refresh_token",
                "client_id": config.client_id,
                "client_secret": config.client_secret.get_secret_value(),
                "refresh_token": refresh.get_secret_value(),
            }
        )
        return _settled(config, _timed(_read(response, config, context), response, context))

    return OAuth(
        fetch,
        token_url=f"{config.accounts_base}/oauth/v2/token",
        connection=context.connection,
        tokens=context.tokens,
        header=lambda token: {"Authorization": f"Zoho-oauthtoken {token.access.get_secret_value()}"},
        secrets=(config.client_id, config.client_secret, config.refresh_token, config.accounts_base),
    )


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
        error.hint = (
            "issue a new one: api-console.zoho.com, your client, Generate Code, exchange the code once; a"
            f" refresh token of another data centre than {config.region!r} is refused in the same way"
        )
        raise
    except RateLimited as error:
        error.what = "Zoho refuses more access tokens for now (10 in 10 minutes are allowed)"
        error.hint = "let the processes of one connection share their token store"
        error.retry_after = _THROTTLE_PAUSE
        raise
    except AuthError as error:
        error.hint = (
            "check client_id and client_secret, and that region names the data centre in which they were"
            f" made (it is {config.region!r}); Zoho calls a client of another data centre invalid"
        )
        raise


def _timed(token: Token, response: Response, context: Context) -> Token:
    """``expires_in`` counts milliseconds in replies that also have ``expires_in_sec``."""
    reply = response.json()
    seconds = reply.get("expires_in_sec") if isinstance(reply, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal):
        return token
    return replace(token, expires_at=context.clock.now() + timedelta(seconds=float(seconds)))


def _settled(config: ZohoConfig, token: Token) -> Token:
    """The token with a base URL in the configured environment: never production instead of a sandbox.

    The HTTP client then checks that its host belongs to the data centre.
    """
    if token.base_url is None or config.is_overridden:
        return token
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

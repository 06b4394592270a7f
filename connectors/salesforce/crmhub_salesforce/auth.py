"""OAuth as Salesforce does it.

Source: Salesforce Help, "OAuth 2.0 Refresh Token Flow", "OAuth 2.0 Client Credentials Flow" and "OAuth
Error Codes": a token reply names ``instance_url`` and no lifetime (a session ends when it was idle for
the org's timeout), and a new refresh token when rotation is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crmhub.connector import Context
from crmhub.errors import AuthError, BadResponse, RateLimited, ReauthRequired
from crmhub.http import Auth, BearerToken, HttpSend, OAuth, Response, Token, read_token
from crmhub.http.paths import origin
from crmhub_salesforce.config import SalesforceConfig, is_loopback

__all__ = ["HOSTS", "auth_of"]

HOSTS = frozenset({"salesforce.com", "force.com", "salesforce.mil", "cloudforce.com", "database.com"})
"""Domains whose hosts a token reply may send us to."""

_THROTTLE_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class _Reason:
    """What a refusal means, by a word of its code or description."""

    kind: type[AuthError | RateLimited]
    what: str
    hint: str


_REASONS: Mapping[str, _Reason] = {
    "login rate exceeded": _Reason(
        RateLimited, "this user signs in too often", "let the processes of a connection share a token store"
    ),
    "expired access/refresh token": _Reason(
        ReauthRequired,
        "the refresh token is no longer accepted",
        "sign in again; it was revoked, used up by rotation, or ended by the app's refresh token policy",
    ),
    "expired authorization code": _Reason(
        ReauthRequired, "the refresh token is no longer accepted", "sign in again"
    ),
    "no client credentials user enabled": _Reason(
        AuthError,
        "the app has no run-as user",
        "in the app's policies, enable the client credentials flow and choose a run-as user",
    ),
    "not supported on this domain": _Reason(
        AuthError, "this host does not serve the flow", "set instance_url to the org's My Domain"
    ),
    "hasn't approved this consumer": _Reason(
        ReauthRequired, "the user has not approved the app", "let the user, or an administrator, approve it"
    ),
    "ip restricted": _Reason(
        AuthError, "sign-in from this address is forbidden", "relax the app's IP restrictions"
    ),
    "inactive user": _Reason(ReauthRequired, "the user is inactive", "sign in as an active user"),
    "inactive_user": _Reason(ReauthRequired, "the user is inactive", "sign in as an active user"),
    "inactive organization": _Reason(ReauthRequired, "the org is locked or closed", "ask its administrator"),
    "inactive_org": _Reason(ReauthRequired, "the org is locked or closed", "ask its administrator"),
    "unsupported_grant_type": _Reason(
        AuthError, "the app does not allow this flow", "enable it in the app's OAuth settings"
    ),
    "invalid_client": _Reason(
        AuthError,
        "client_id or client_secret is wrong",
        "copy both from the app (a new app can take ten minutes to become known)",
    ),
    "invalid_grant": _Reason(
        ReauthRequired,
        "the refresh token is not accepted",
        "sign in again; a sandbox's token is only good at its own My Domain or test.salesforce.com",
    ),
}


def auth_of(config: SalesforceConfig, context: Context) -> Auth:
    """The owner of the connection's access token."""
    if config.access_token is not None:
        return BearerToken(config.access_token)

    async def fetch(send: HttpSend, last: Token | None) -> Token:
        response = await send(_form(config, last))
        return _settled(config, _read(response, context))

    return OAuth(
        fetch,
        token_url=f"{config.token_base}/services/oauth2/token",
        connection=context.connection,
        tokens=context.tokens,
        secrets=(config.client_id, config.client_secret, config.refresh_token, config.token_base),
    )


def _form(config: SalesforceConfig, last: Token | None) -> dict[str, str]:
    form = {"client_id": config.client_id or ""}
    if config.client_secret is not None:
        form["client_secret"] = config.client_secret.get_secret_value()
    if config.refresh_token is None:
        return {"grant_type": "client_credentials", **form}
    rotated = last.refresh if last is not None else None
    refresh = rotated or config.refresh_token
    return {"grant_type": "refresh_token", "refresh_token": refresh.get_secret_value(), **form}


def _read(response: Response, context: Context) -> Token:
    try:
        return read_token(response, now=context.clock.now(), base_url="instance_url")
    except (AuthError, RateLimited) as error:
        reason = _reason(response)
        if reason is None:
            raise
        said = error
    explained = reason.kind(
        f"Salesforce refused to sign us in: {reason.what}",
        hint=reason.hint,
        where=said.where,
        status=said.status,
        code=said.code,
        request_id=said.request_id,
    )
    if isinstance(explained, RateLimited):
        explained.retry_after = _THROTTLE_PAUSE
    raise explained


def _reason(response: Response) -> _Reason | None:
    """The first entry of the table that the refusal's description, else its code, speaks of."""
    reply = response.peek()
    if not isinstance(reply, dict):
        return None
    for text in (reply.get("error_description"), reply.get("error")):
        words = text.lower() if isinstance(text, str) else ""
        for sign, reason in _REASONS.items():
            if sign in words:
                return reason
    return None


def _settled(config: SalesforceConfig, token: Token) -> Token:
    """The token with the place to call; the HTTP client then checks that it is one of Salesforce's."""
    if token.base_url is None:
        if config.instance_url is None:
            raise BadResponse(
                "the token reply does not name the org's host", hint="set instance_url to the org's My Domain"
            )
        return token
    _, host, port = origin(token.base_url)
    _, ours, our_port = origin(config.api_base)
    if is_loopback(host) and is_loopback(ours) and port == our_port:
        return replace(token, base_url=config.api_base)  # localhost and 127.0.0.1 are the same simulator
    return token

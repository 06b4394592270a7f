"""The owner of a connection's access token, by each of Salesforce's flows.

Source: Salesforce Help, "OAuth Authorization Flows": a token reply names ``instance_url`` and no lifetime
(a session ends when it was idle for the org's timeout), and a new refresh token when rotation is on. Only the
web server flow has refresh tokens; by the other flows one signs in again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pydantic import SecretStr

from crmhub.connector import Context
from crmhub.errors import AuthError, BadResponse, ConfigError, RateLimited, ReauthRequired, Where
from crmhub.http import Auth, BearerToken, HttpSend, OAuth, Response, Token, read_token
from crmhub.http.oauth import Fetch
from crmhub.http.paths import origin
from crmhub.redact import register
from crmhub_salesforce import soap
from crmhub_salesforce.assertion import Signer
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.hosts import audience, is_loopback, is_ours
from crmhub_salesforce.refusals import explained

__all__ = ["SCOPES", "auth_of", "read"]

SCOPES = "scope"
"""Where a kept token has its scopes, separated by spaces."""
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def auth_of(config: SalesforceConfig, context: Context) -> Auth:
    """The owner of the connection's access token. Raises ``ConfigError`` for a key that is none."""
    if config.access_token is not None:
        return BearerToken(config.access_token)
    return OAuth(
        _by_soap(config, context) if config.way == "soap" else _by_form(config, context),
        token_url=f"{config.token_base}/services/oauth2/token",
        connection=context.connection,
        tokens=context.tokens,
        secrets=(
            *(config.client_id, config.client_secret, config.refresh_token, config.token_base),
            *(config.username, config.password, config.security_token, config.private_key),
        ),
    )


def read(response: Response, config: SalesforceConfig, context: Context) -> Token:
    """The token in a reply of the token endpoint, with its scopes. Raises what the reply means."""
    try:
        token = read_token(response, now=context.clock.now(), base_url="instance_url")
    except (AuthError, RateLimited) as error:
        refusal = explained(error, response, config.way, context)
        if refusal is error:
            raise
        raise refusal from None
    reply = response.json()
    granted = reply.get("scope") if isinstance(reply, dict) else None
    scopes = {SCOPES: granted} if isinstance(granted, str) else {}
    return _settled(config, context, replace(token, extra={**token.extra, **scopes}))


def _by_form(config: SalesforceConfig, context: Context) -> Fetch:
    form = _form_of(config, context)

    async def fetch(send: HttpSend, last: Token | None) -> Token:
        return read(await send(form(last)), config, context)

    return fetch


def _by_soap(config: SalesforceConfig, context: Context) -> Fetch:
    """The password goes by a client of its own, since the token endpoint takes forms only."""
    if context.http is None or config.username is None:
        raise ConfigError("SOAP login() needs an HTTP client and a username")
    http = context.http(soap.client_settings(config.token_base))
    username, password = config.username, _whole_password(config)

    async def fetch(send: HttpSend, last: Token | None) -> Token:  # noqa: ARG001 - the shape of a Fetch
        return _settled(config, context, await soap.login(http, username, password, config.version))

    return fetch


def _form_of(config: SalesforceConfig, context: Context) -> Callable[[Token | None], dict[str, str]]:
    """What is sent to the token endpoint, given the last token."""
    app = {"client_id": config.client_id or ""}
    if config.client_secret is not None:
        app["client_secret"] = config.client_secret.get_secret_value()
    match config.way:
        case "jwt_bearer":
            return _assertion_of(config, context)
        case "password":
            user = {"username": config.username or "", "password": _whole_password(config).get_secret_value()}
            return lambda _: {"grant_type": "password", **app, **user}
        case "client_credentials":
            return lambda _: {"grant_type": "client_credentials", **app}
        case _:
            return lambda last: {
                "grant_type": "refresh_token",
                "refresh_token": _refresh(config, context, last).get_secret_value(),
                **app,
            }


def _assertion_of(config: SalesforceConfig, context: Context) -> Callable[[Token | None], dict[str, str]]:
    if config.private_key is None:
        raise ConfigError(f"connection {context.connection}: flow jwt_bearer needs private_key")
    signer = Signer(config.private_key, connection=context.connection)

    def form(last: Token | None) -> dict[str, str]:  # noqa: ARG001 - nothing of it is used again
        assertion = signer.signed(
            issuer=config.client_id or "",
            subject=config.username or "",
            audience=audience(config.token_base),
            now=context.clock.now(),
        )
        return {"grant_type": _JWT_GRANT, "assertion": assertion}

    return form


def _refresh(config: SalesforceConfig, context: Context, last: Token | None) -> SecretStr:
    """The refresh token: a rotated one, or the one of a person who signed in, else the configured."""
    refresh = last.refresh if last is not None and last.refresh is not None else config.refresh_token
    if refresh is None:
        raise ReauthRequired(
            "nobody has signed in yet",
            hint=f"crmhub auth {context.connection}",
            where=Where(connection=context.connection),
        )
    return refresh


def _whole_password(config: SalesforceConfig) -> SecretStr:
    """The password with the security token behind it, as Salesforce wants both."""
    parts = (config.password, config.security_token)
    whole = "".join(part.get_secret_value() for part in parts if part is not None)
    register(whole)
    return SecretStr(whole)


def _settled(config: SalesforceConfig, context: Context, token: Token) -> Token:
    """The token with the place to call: never another org than the configured one.

    The HTTP client then checks that its host is one of Salesforce's.
    """
    if token.base_url is None:
        if config.instance_url is None:
            raise BadResponse(
                "the token reply does not name the org's host", hint="set instance_url to the org's My Domain"
            )
        return token
    scheme, host, port = origin(token.base_url)
    _, ours, our_port = origin(config.api_base)
    if config.instance_url is not None and host != ours and scheme == "https" and is_ours(host):
        raise AuthError(
            f"the sign-in is for the org at {host}, the connection for the one at {ours}",
            hint=f"set instance_url: https://{host} if that is the one you mean, else sign in to the other",
            where=Where(connection=context.connection),
            code="wrong_org",
        )
    if is_loopback(host) and is_loopback(ours) and port == our_port:
        return replace(token, base_url=config.api_base)  # localhost and 127.0.0.1 are the same simulator
    return token

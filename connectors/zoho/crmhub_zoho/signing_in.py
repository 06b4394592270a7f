"""How a person signs in to Zoho: a self client's code, or a browser that comes back.

Source: Zoho "OAuth 2.0 for server-based applications", "Self client" and "Multi DC support": scopes are
separated by commas, ``access_type=offline`` gives a refresh token (with ``prompt=consent`` each time), a
code lives for minutes and works once, and the browser comes back with ``location`` and
``accounts-server``, which name the data centre in which the person's organisation lives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from crmhub.connector import Context
from crmhub.errors import AuthError, ConfigError, ReauthRequired, Where
from crmhub.http import HttpClient, HttpSend, OAuth, Token
from crmhub.sign_in import Allowance, Attempt
from crmhub_zoho import hosts, scopes
from crmhub_zoho.auth import SCOPES, read
from crmhub_zoho.config import ZohoConfig

__all__ = ["ZohoSignIn"]


class ZohoSignIn:
    """A :class:`crmhub.sign_in.SignIn`."""

    def __init__(self, config: ZohoConfig, context: Context, http: HttpClient, auth: OAuth) -> None:
        self._config = config
        self._context = context
        self._http = http
        self._auth = auth

    @property
    def scopes(self) -> Sequence[str]:
        """What covers all that the connector can do."""
        return scopes.asked(self._config)

    def code_page(self, scopes: Sequence[str]) -> str:
        """The way through the API console."""
        return (
            f"Open {hosts.console_url(self._config.region)}, choose the self client, and on the tab"
            " Generate Code enter these scopes, a description and the longest duration:\n\n"
            f"{','.join(scopes)}\n"
        )

    def demand_useful(self) -> None:
        """A configured refresh token goes before the one that a sign-in gives."""
        if self._config.refresh_token is not None:
            raise ConfigError(
                "a refresh_token is configured, and would be used in place of the one that signing in gives",
                hint="remove refresh_token from the connection, then run this again",
                where=Where(connection=self._context.connection),
            )

    def authorize_url(self, attempt: Attempt, scopes: Sequence[str]) -> str:
        """Zoho's page of consent."""
        query = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "scope": ",".join(scopes),
            "redirect_uri": attempt.redirect_uri,
            "access_type": "offline",
            "prompt": "consent",
            "state": attempt.state,
        }
        return f"{self._config.accounts_base}/oauth/v2/auth?{urlencode(query)}"

    async def exchange(
        self, code: str, attempt: Attempt | None = None, told: Mapping[str, str] | None = None
    ) -> None:
        """Ask for tokens with the code, and keep them.

        A code of another data centre is sent nowhere: the configured one would not know it, and
        credentials do not go where a redirect says.
        """
        self.demand_useful()
        self._demand_here(told or {})
        form = {
            "grant_type": "authorization_code",
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret.get_secret_value(),
            "code": code,
        }
        if attempt is not None:
            form["redirect_uri"] = attempt.redirect_uri

        async def exchange(send: HttpSend) -> Token:
            try:
                token = read(await send(form), self._config, self._context)
            except ReauthRequired as error:
                raise self._code_refused(error) from None
            if token.refresh is None:
                raise AuthError(
                    "Zoho gave no refresh token", hint="make the code for a self client or a server-based one"
                )
            return replace(token, extra={SCOPES: "", **token.extra})

        try:
            await self._auth.sign_in(self._http.wire, exchange)
        except AuthError as error:
            error.at(connection=self._context.connection)
            raise

    async def granted(self) -> frozenset[str]:
        """The scopes of the present token; a token that was kept without them is renewed."""
        try:
            grant = await self._auth.grant(self._http.wire)
            token = self._auth.token
            if token is not None and SCOPES not in token.extra:
                await self._auth.grant(self._http.wire, refused=grant)
                token = self._auth.token
        except AuthError as error:
            error.at(connection=self._context.connection)
            raise
        return frozenset((token.extra.get(SCOPES, "") if token else "").split())

    def allowances(self, granted: frozenset[str]) -> Sequence[Allowance]:
        """A line for each capability."""
        return scopes.allowances(granted, self._config)

    def _demand_here(self, told: Mapping[str, str]) -> None:
        server, place = told.get("accounts-server", ""), told.get("location", "").lower()
        if _host(server) == _host(self._config.accounts_base):
            return
        if not server and (place in {"", self._config.region} or self._config.is_overridden):
            return
        region = hosts.region_of(server) or (place if place in hosts.REGIONS else None)
        raise AuthError(
            f"you signed in at Zoho's data centre {region or 'of another name'!r},"
            f" the connection is set to {self._config.region!r}",
            hint=f"set region: {region or '…'}, and use a client that works there",
            where=Where(connection=self._context.connection),
            code="wrong_data_centre",
        )

    def _code_refused(self, error: ReauthRequired) -> AuthError:
        return AuthError(
            "Zoho does not accept the code: it works once, for a few minutes, and in one data centre",
            hint=f"make a new one and use it at once; region is {self._config.region!r}: it must be where the"
            " client and the organisation live",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""

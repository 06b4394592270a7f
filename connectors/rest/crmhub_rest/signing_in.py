"""How a person signs in to a described CRM: a browser that comes back with a code (RFC 6749, 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from crmhub.connector import Context
from crmhub.errors import AuthError, ConfigError, ReauthRequired, UsageError, Where
from crmhub.http import Auth, HttpClient, HttpSend, OAuth, Token
from crmhub.sign_in import Allowance, Attempt
from crmhub_rest.credentials import SCOPES, chosen, fetched
from crmhub_rest.exchanging import Exchanged
from crmhub_rest.language.auth import OAuth2
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.template import Scope

__all__ = ["RestSignIn"]


class RestSignIn:
    """A :class:`crmhub.sign_in.SignIn`."""

    def __init__(self, crm: Crm, settings: Scope, context: Context, http: HttpClient, auth: Auth) -> None:
        self._crm = crm
        self._settings = settings
        self._context = context
        self._http = http
        self._auth = auth.owner if isinstance(auth, Exchanged) else auth

    @property
    def scopes(self) -> Sequence[str]:
        """What the description asks for."""
        way = self._way()
        return tuple(way.scopes) if way is not None else ()

    def code_page(self, scopes: Sequence[str]) -> None:
        """There is no way without a browser's coming back."""

    def demand_useful(self) -> None:
        """A connection that signs in by a key has no use for it."""
        where = Where(connection=self._context.connection)
        way = self._way()
        if way is None:
            raise ConfigError(
                "the connection signs in by other settings, which go before what signing in gives",
                hint="leave those for OAuth only (client_id, client_secret)",
                where=where,
            )
        if way.refresh_token is not None and way.refresh_token.text(self._settings) is not None:
            raise ConfigError(
                "a refresh token is configured, and would be used in place of the one that signing in gives",
                hint="remove it from the connection, then run this again",
                where=where,
            )

    def authorize_url(self, attempt: Attempt, scopes: Sequence[str]) -> str:
        """The CRM's page of consent."""
        way = self._demanded()
        query = {
            "response_type": "code",
            "client_id": way.client_id.text(self._settings) or "",
            "redirect_uri": attempt.redirect_uri,
            "state": attempt.state,
            **({"scope": " ".join(scopes)} if scopes else {}),
            **{name: text for name, part in way.authorize.items() if (text := part.text(self._settings))},
        }
        if way.pkce:
            query |= {"code_challenge": attempt.challenge, "code_challenge_method": "S256"}
        url = way.authorize_url.text(self._settings) if way.authorize_url is not None else None
        return f"{url}{'&' if '?' in (url or '') else '?'}{urlencode(query)}"

    async def exchange(
        self,
        code: str,
        attempt: Attempt | None = None,
        told: Mapping[str, str] | None = None,  # noqa: ARG002 - nothing else comes back
    ) -> None:
        """Ask for tokens with the code, and keep them."""
        self.demand_useful()
        way = self._demanded()
        if attempt is None or not isinstance(self._auth, OAuth):
            raise UsageError("a code comes from a browser's way back", hint="run crmhub auth with --browser")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": attempt.redirect_uri}
        if way.pkce:
            form["code_verifier"] = attempt.verifier

        async def exchange(send: HttpSend) -> Token:
            try:
                token = await fetched(self._crm, send, form, way, self._settings, self._context)
            except ReauthRequired as error:
                raise AuthError(
                    f"{self._crm.title} does not accept the code: it works once, for a short time",
                    hint="run it again, and agree at once",
                    status=error.status,
                    code=error.code,
                    request_id=error.request_id,
                ) from None
            if token.refresh is None:
                raise AuthError(
                    f"{self._crm.title} gave no refresh token",
                    hint="look at the app's settings for offline access",
                )
            return replace(token, extra={SCOPES: "", **token.extra})

        try:
            await self._auth.sign_in(self._http.wire, exchange)
        except AuthError as error:
            error.at(connection=self._context.connection)
            raise

    async def granted(self) -> frozenset[str]:
        """The scopes of the present token; none where the CRM does not tell them."""
        if not isinstance(self._auth, OAuth):
            return frozenset()
        await self._auth.grant(self._http.wire)
        token = self._auth.token
        return frozenset((token.extra.get(SCOPES, "") if token else "").replace(",", " ").split())

    def allowances(self, granted: frozenset[str]) -> Sequence[Allowance]:
        """One line: whether what the description asks for was granted."""
        missing = tuple(scope for scope in self.scopes if granted and scope not in granted)
        return [Allowance("read and write", missing, needed=True)]

    def _way(self) -> OAuth2 | None:
        return chosen(self._crm, self._settings).oauth

    def _demanded(self) -> OAuth2:
        way = self._way()
        if way is None:
            raise UsageError("this connection has no tokens of its own")
        return way

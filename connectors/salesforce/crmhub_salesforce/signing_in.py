"""How a person signs in to Salesforce: a browser that comes back, or an address that is pasted.

Source: Salesforce Help, "OAuth 2.0 Web Server Flow for Web App Integration", "OAuth Tokens and Scopes";
RFC 7636 for the proof key, which is always sent. A code works once, for fifteen minutes;
``refresh_token`` and ``offline_access`` mean the same, ``full`` covers ``api`` but gives no refresh token.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from crmhub import redact
from crmhub.connector import Context
from crmhub.errors import AuthError, ConfigError, ReauthRequired, UsageError, Where
from crmhub.http import Auth, HttpClient, HttpSend, OAuth, Token
from crmhub.sign_in import Allowance, Attempt
from crmhub_salesforce.auth import SCOPES, read
from crmhub_salesforce.config import SalesforceConfig

__all__ = ["ASKED", "SalesforceSignIn"]

ASKED = ("api", "refresh_token")
"""What covers all that the connector can do."""
_API = frozenset({"api", "full"})
_LASTING = frozenset({"refresh_token", "offline_access"})


class SalesforceSignIn:
    """A :class:`crmhub.sign_in.SignIn`."""

    def __init__(self, config: SalesforceConfig, context: Context, http: HttpClient, auth: Auth) -> None:
        self._config = config
        self._context = context
        self._http = http
        self._auth = auth
        self._pasting: Attempt | None = None

    @property
    def scopes(self) -> Sequence[str]:
        """What covers all that the connector can do."""
        return ASKED

    def code_page(self, scopes: Sequence[str]) -> str:
        """The way without a listener: Salesforce's own page of success, whose address holds the code."""
        self._pasting = Attempt.at(f"{self._config.token_base}/services/oauth2/success")
        return (
            f"Open this in any browser and agree:\n\n{self.authorize_url(self._pasting, scopes)}\n\n"
            "It ends at a page that says it worked. Copy the whole address of that page.\n"
            f"(The app's callback URLs must have {self._pasting.redirect_uri})\n"
        )

    def demand_useful(self) -> None:
        """Only the web server flow keeps what a person brings, and a configured token goes before that."""
        where = Where(connection=self._context.connection)
        if self._config.way != "web_server":
            raise ConfigError(
                f"the connection signs in by itself (flow {self._config.way})",
                hint="to act as a person, leave client_id (and client_secret) only, and set flow: web_server",
                where=where,
            )
        if self._config.refresh_token is not None:
            raise ConfigError(
                "a refresh_token is configured, and would be used in place of the one that signing in gives",
                hint="remove refresh_token from the connection and set flow: web_server, then run this again",
                where=where,
            )

    def authorize_url(self, attempt: Attempt, scopes: Sequence[str]) -> str:
        """Salesforce's page of consent."""
        query = {
            "response_type": "code",
            "client_id": self._config.client_id or "",
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(scopes),
            "state": attempt.state,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._config.token_base}/services/oauth2/authorize?{urlencode(query)}"

    async def exchange(
        self,
        code: str,
        attempt: Attempt | None = None,
        told: Mapping[str, str] | None = None,  # noqa: ARG002 - nothing else comes back
    ) -> None:
        """Ask for tokens with the code, and keep them.

        What was pasted after :meth:`code_page` may be the code alone, or the address that it is in.
        """
        self.demand_useful()
        auth = self._auth
        if not isinstance(auth, OAuth):
            raise UsageError("this connection has no tokens of its own")
        if attempt is None:
            attempt, code = self._pasted(code)
        form = {
            "grant_type": "authorization_code",
            "client_id": self._config.client_id or "",
            "redirect_uri": attempt.redirect_uri,
            "code": code,
            "code_verifier": attempt.verifier,
        }
        if self._config.client_secret is not None:
            form["client_secret"] = self._config.client_secret.get_secret_value()

        async def exchange(send: HttpSend) -> Token:
            try:
                token = read(await send(form), self._config, self._context)
            except ReauthRequired as error:
                raise _code_refused(error) from None
            if token.refresh is None:
                raise AuthError(
                    "Salesforce gave no refresh token",
                    hint="ask for the scope refresh_token, and let the app have it (Selected OAuth Scopes)",
                )
            return replace(token, extra={SCOPES: "", **token.extra})

        try:
            await auth.sign_in(self._http.wire, exchange)
        except AuthError as error:
            error.at(connection=self._context.connection)
            raise

    async def granted(self) -> frozenset[str]:
        """The scopes of the present token; none where the flow does not tell them."""
        if not isinstance(self._auth, OAuth):
            return frozenset()
        try:
            await self._auth.grant(self._http.wire)
        except AuthError as error:
            error.at(connection=self._context.connection)
            raise
        token = self._auth.token
        return frozenset((token.extra.get(SCOPES, "") if token else "").split())

    def allowances(self, granted: frozenset[str]) -> Sequence[Allowance]:
        """A line for each capability; what the user may do with each object is the doctor's to try."""
        lines = [Allowance("read and write by the API", () if granted & _API else ("api",), needed=True)]
        if self._config.way == "web_server":
            lasting = () if granted & _LASTING else ("refresh_token",)
            lines.append(Allowance("stay signed in", lasting, needed=True))
        return lines

    def _pasted(self, text: str) -> tuple[Attempt, str]:
        """The attempt that the pasted text answers, and its code. In an address the code is encoded."""
        attempt = self._pasting
        if attempt is None:
            raise UsageError(
                "there is no code page that this code could be from", hint="call code_page() first"
            )
        if "code=" not in text and "error=" not in text:
            return attempt, unquote(text.strip())
        told = {name: values[0] for name, values in parse_qs(_query(text.strip())).items()}
        if not hmac.compare_digest(told.get("state", "").encode(), attempt.state.encode()):
            raise AuthError("the address is of another sign-in", hint="open the link that was printed last")
        if "code" not in told:
            raise AuthError("the sign-in ended without access", hint="run it again, and accept")
        redact.register(told["code"])
        return attempt, told["code"]


def _code_refused(error: ReauthRequired) -> AuthError:
    return AuthError(
        "Salesforce does not accept the code: it works once, for fifteen minutes",
        hint="run it again, and use the new code at once",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )


def _query(address: str) -> str:
    try:
        return urlsplit(address).query
    except ValueError:
        return ""

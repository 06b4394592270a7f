"""Logging in: the OAuth token endpoint, sessions and their end (Salesforce Help, "OAuth Authorization
Flows").
"""

import base64
import random
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from hmac import digest

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.oauth import TokenBook, opaque
from crmhub_salesforce.simulator.calls import Reply
from crmhub_salesforce.simulator.jwt import BadAssertion, Verifier
from crmhub_salesforce.simulator.settings import Settings

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SCOPE = "api refresh_token"


class OAuthError(Exception):
    """A refusal of the token endpoint: `{error, error_description}` with status 400."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class Sessions:
    """One connected app, one API user, and the sessions that they have."""

    def __init__(self, clock: SimClock, settings: Settings, seed: int, org_id: str, user_id: str) -> None:
        self._clock = clock
        self._settings = settings
        self._random = random.Random(seed)
        self._tokens = TokenBook(clock)
        self._org_id = org_id
        self._user_id = user_id
        self.client_id = f"3MVG9{opaque(self._random, 40)}"
        self.client_secret = opaque(self._random, 64).upper()
        self.username = "integration.user@example.com"
        self.password = opaque(self._random, 12)
        self.security_token = opaque(self._random, 24)
        self._refresh_tokens = {f"5Aep861{opaque(self._random, 60)}"}
        self._verifier = None if settings.jwt_certificate is None else Verifier(settings.jwt_certificate)

    @property
    def issued(self) -> int:
        """How many access tokens were given out."""
        return self._tokens.issued

    def credentials(self) -> dict[str, str]:
        """What any client may log in with."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": next(iter(self._refresh_tokens)),
            "access_token": self.open(),
            "username": self.username,
            "password": self.password,
            "security_token": self.security_token,
        }

    def open(self) -> str:
        """Begin a session; its access token."""
        value = f"{self._org_id}!{opaque(self._random, 80)}"
        self._tokens.issue(value, self._user_id, frozenset({"api"}), self._settings.session_seconds)
        return value

    def live(self, token: str) -> bool:
        """Whether the session is open."""
        return self._tokens.live(token) is not None

    def expire_all(self) -> None:
        """Let all sessions end now."""
        self._tokens.expire_all()

    def revoke(self, token: str) -> Reply:
        """End a session, or make a refresh token useless; 200 with no body, or 400."""
        if token in self._refresh_tokens:
            self._refresh_tokens.discard(token)
            self._tokens.revoke(self._user_id)
            return Reply(200)
        if not self.live(token):
            return _refusal(OAuthError("unsupported_token_type", "this token type is not supported"))
        self._tokens.kill(token)
        return Reply(200)

    def revoke_all(self) -> None:
        """The user takes the app's access back: every session and every refresh token is dead."""
        self._refresh_tokens.clear()
        self._tokens.revoke(self._user_id)

    def rotate_refresh_tokens(self) -> None:
        """From now on each refresh gives a new refresh token and voids the old one."""
        self._settings = replace(self._settings, rotate_refresh_tokens=True)

    def token(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Reply:
        """Answer the token endpoint."""
        try:
            return self._token(form, authorization, base_url)
        except OAuthError as refusal:
            return _refusal(refusal)

    def _token(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Reply:
        client = _client(form, authorization)
        match form.get("grant_type"):
            case None | "":
                raise OAuthError("unsupported_grant_type", "grant type not supported")
            case "client_credentials":
                self._check_client(client, needs_secret=True)
                return self._opened(base_url, scope="api")
            case "refresh_token":
                self._check_client(client, needs_secret=False)
                return self._refreshed(form.get("refresh_token", ""), base_url)
            case "password":
                self._check_client(client, needs_secret=True)
                wanted = (self.username, self.password + self.security_token)
                if (form.get("username"), form.get("password")) != wanted:
                    raise OAuthError("invalid_grant", "authentication failure")
                return self._opened(base_url)
            case grant if grant == JWT_GRANT:
                self._check_assertion(form.get("assertion", ""))
                return self._opened(base_url, scope="api")
            case _:
                raise OAuthError("unsupported_grant_type", "grant type not supported")

    def _check_client(self, client: tuple[str, str], *, needs_secret: bool) -> None:
        name, secret = client
        if not name:
            raise OAuthError("invalid_request", "client_id must be specified")
        if name != self.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if (needs_secret or secret) and secret != self.client_secret:
            raise OAuthError("invalid_client", "invalid client credentials")

    def _refreshed(self, token: str, base_url: str) -> Reply:
        if token not in self._refresh_tokens:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        if not self._settings.rotate_refresh_tokens:
            return self._opened(base_url)
        self._refresh_tokens = {f"5Aep861{opaque(self._random, 60)}"}
        return self._opened(base_url, refresh_token=next(iter(self._refresh_tokens)))

    def _check_assertion(self, assertion: str) -> None:
        if not assertion:
            raise OAuthError("invalid_request", "assertion must be specified")
        if self._verifier is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        try:
            claims = self._verifier.claims(assertion, self._clock.now())
        except BadAssertion as problem:
            raise OAuthError("invalid_grant", str(problem)) from None
        if claims.get("iss") != self.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if claims.get("sub") != self.username:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")

    def _opened(self, base_url: str, *, scope: str = _SCOPE, refresh_token: str | None = None) -> Reply:
        issued_at = str(int(self._clock.now() * 1000))
        identity = f"{base_url}/id/{self._org_id}/{self._user_id}"
        signed = digest(self.client_secret.encode(), (identity + issued_at).encode(), sha256)
        body = {
            "access_token": self.open(),
            "signature": base64.b64encode(signed).decode(),
            "scope": scope,
            "instance_url": base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        return Reply(200, body, {"Cache-Control": "no-cache, no-store"})


def _refusal(refusal: OAuthError) -> Reply:
    return Reply(400, {"error": refusal.error, "error_description": refusal.description})


def _client(form: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
    """Client id and secret from a Basic header or the form."""
    kind, _, coded = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        raise OAuthError("invalid_client", "invalid client credentials") from None
    return name, secret

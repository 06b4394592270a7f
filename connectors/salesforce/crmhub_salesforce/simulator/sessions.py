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
from crmhub_salesforce.simulator.codes import SCOPES, Codes
from crmhub_salesforce.simulator.jwt import BadAssertion, Verifier
from crmhub_salesforce.simulator.oauth_error import OAuthError
from crmhub_salesforce.simulator.settings import Settings
from crmhub_salesforce.simulator.soap import Fault

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SHARED_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
"""Hosts that serve every org, for signing in only."""
MY_DOMAIN = "https://crmhub-double.my.salesforce.com"
"""Where a user of this org is sent from one of those."""
_APP_SCOPES = frozenset({"api"})


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
        self._refresh_tokens = {f"5Aep861{opaque(self._random, 60)}": SCOPES}
        self.codes = Codes(clock, seed, self.client_id, proof_needed=settings.require_pkce)
        self._active = True
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

    def open(self, scopes: frozenset[str] = _APP_SCOPES) -> str:
        """Begin a session; its access token."""
        value = f"{self._org_id}!{opaque(self._random, 80)}"
        self._tokens.issue(value, self._user_id, scopes, self._settings.session_seconds)
        return value

    def login(self, username: str, password: str) -> str:
        """Begin a session by SOAP's `login()`; raises Fault."""
        if not self._settings.password_logins:
            raise Fault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")
        if self._active and (username, password) == (self.username, self.password):
            raise Fault("LOGIN_MUST_USE_SECURITY_TOKEN", "Invalid username, password, security token.")
        right = (username, password) == (self.username, self.password + self.security_token)
        if not right or not self._active:
            message = "Invalid username, password, security token; or user locked out."
            raise Fault("INVALID_LOGIN", message)
        return self.open()

    def live(self, token: str) -> bool:
        """Whether the session is open."""
        return self._tokens.live(token) is not None

    def may_call(self, token: str) -> bool:
        """Whether an open session is good for the API: one without that scope only says who somebody is."""
        found = self._tokens.live(token)
        return found is not None and "api" in found.scopes

    def introspect(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Reply:
        """What a token is worth (RFC 7662)."""
        try:
            self._check_client(_client(form, authorization), needs_secret=True)
        except OAuthError as refusal:
            return refusal.reply()
        value = form.get("token", "")
        known: dict[str, object] = {"client_id": self.client_id, "username": self.username}
        known["sub"] = f"{base_url}/id/{self._org_id}/{self._user_id}"
        if value in self._refresh_tokens:
            scope = " ".join(sorted(self._refresh_tokens[value]))
            return Reply(200, {"active": True, "token_type": "refresh_token", "scope": scope, **known})
        found = self._tokens.live(value)
        if found is None:
            return Reply(200, {"active": False})
        times = {"iat": int(found.issued_at), "nbf": int(found.issued_at), "exp": int(found.expires_at)}
        scope = " ".join(sorted(found.scopes))
        return Reply(200, {"active": True, "token_type": "access_token", "scope": scope, **known, **times})

    def expire_all(self) -> None:
        """Let all sessions end now."""
        self._tokens.expire_all()

    def revoke(self, token: str) -> Reply:
        """End a session, or make a refresh token useless; 200 with no body, or 400."""
        if token in self._refresh_tokens:
            del self._refresh_tokens[token]
            self._tokens.revoke(self._user_id)
            return Reply(200)
        if not self.live(token):
            return OAuthError("unsupported_token_type", "this token type is not supported").reply()
        self._tokens.kill(token)
        return Reply(200)

    def refresh_tokens(self) -> list[str]:
        """All that work."""
        return list(self._refresh_tokens)

    def revoke_all(self) -> None:
        """The user takes the app's access back: every session and every refresh token is dead."""
        self._refresh_tokens.clear()
        self._tokens.revoke(self._user_id)

    def deactivate_user(self) -> None:
        """An administrator makes the user inactive: nothing that is the user's works any more."""
        self._active = False
        self.revoke_all()

    def set_password(self, user_id: str, password: str) -> None:
        """Give the API user a password; others do not sign in here."""
        if user_id == self._user_id:
            self.password = password

    def change(self, settings: Settings) -> None:
        """From now on sign in by other rules."""
        self._settings = settings

    def rotate_refresh_tokens(self) -> None:
        """From now on each refresh gives a new refresh token and voids the old one."""
        self._settings = replace(self._settings, rotate_refresh_tokens=True)

    def token(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Reply:
        """Answer the token endpoint."""
        try:
            return self._token(form, authorization, base_url)
        except OAuthError as refusal:
            return refusal.reply()

    def _token(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Reply:
        client = _client(form, authorization)
        if not self._active and form.get("grant_type") in {"client_credentials", "password", JWT_GRANT}:
            raise OAuthError("invalid_grant", "inactive user")
        match form.get("grant_type"):
            case None | "":
                raise OAuthError("unsupported_grant_type", "grant type not supported")
            case "client_credentials":
                self._check_client(client, needs_secret=True)
                if _is_shared(base_url):
                    raise OAuthError("invalid_grant", "request not supported on this domain")
                return self._opened(base_url, _APP_SCOPES)
            case "refresh_token":
                self._check_client(client, needs_secret=self._settings.require_secret)
                return self._refreshed(form.get("refresh_token", ""), base_url)
            case "authorization_code":
                self._check_client(client, needs_secret=self._settings.require_secret)
                return self._exchanged(form, base_url)
            case "password":
                self._check_client(client, needs_secret=True)
                wanted = (self.username, self.password + self.security_token)
                right = (form.get("username"), form.get("password")) == wanted
                if not right or not self._settings.password_logins:
                    raise OAuthError("invalid_grant", "authentication failure")
                return self._opened(base_url, SCOPES)
            case grant if grant == JWT_GRANT:
                self._check_assertion(form.get("assertion", ""))
                return self._opened(base_url, _APP_SCOPES)
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
        scopes = self._refresh_tokens.get(token)
        if scopes is None:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        if not self._settings.rotate_refresh_tokens:
            return self._opened(base_url, scopes)
        del self._refresh_tokens[token]
        return self._opened(base_url, scopes, refresh_token=self._lasting(scopes))

    def _exchanged(self, form: Mapping[str, str], base_url: str) -> Reply:
        scopes = self.codes.redeem(form)
        lasting = self._lasting(scopes) if "refresh_token" in scopes else None
        return self._opened(base_url, scopes, refresh_token=lasting)

    def _lasting(self, scopes: frozenset[str]) -> str:
        """A new refresh token."""
        value = f"5Aep861{opaque(self._random, 60)}"
        self._refresh_tokens[value] = scopes
        return value

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

    def _opened(self, base_url: str, scopes: frozenset[str], *, refresh_token: str | None = None) -> Reply:
        issued_at = str(int(self._clock.now() * 1000))
        identity = f"{base_url}/id/{self._org_id}/{self._user_id}"
        signed = digest(self.client_secret.encode(), (identity + issued_at).encode(), sha256)
        body = {
            "access_token": self.open(scopes),
            "signature": base64.b64encode(signed).decode(),
            "scope": " ".join(sorted(scopes)),
            "instance_url": instance_url(base_url),
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        return Reply(200, body, {"Cache-Control": "no-cache, no-store"})


def instance_url(base_url: str) -> str:
    """Where calls go after a sign-in at a host: there, unless it is one that all orgs share."""
    return MY_DOMAIN if _is_shared(base_url) else base_url


def _is_shared(base_url: str) -> bool:
    return base_url.partition("://")[2] in SHARED_HOSTS


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

"""Credentials: API keys, and OAuth 2.0 by codes (with or without PKCE), client credentials, refresh tokens.

Source: developer.lofty.com, "Authentication", "OAuth 2.0"; help.lofty.com, "Lofty OAuth 2.0 API Reference".
The errors of the token endpoint are not documented: they are those of RFC 6749.
"""

import base64
import binascii
import random
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.oauth import TokenBook, opaque
from crmhub_rest.simulators.lofty.errors import LoftyError, bad_credentials, no_user_in_token
from crmhub_rest.simulators.lofty.settings import Settings

TOKEN_PATHS: Final = ("/oauth/token", "/api/user-web/oauth/token")
CONSENT_PATH: Final = "/page/vendor-auth.html"
_CODE_LIFE: Final = 600.0
_API_KEY: Final = "api key"
_OAUTH: Final = "oauth"


@dataclass(frozen=True)
class _Code:
    redirect_uri: str
    challenge: str
    method: str
    expires_at: float


class _Refusal(Exception):
    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status

    def reply(self) -> Response:
        return json_response({"error": self.error, "error_description": str(self)}, self.status)


class Accounts:
    """One user with an API key, and one registered application."""

    def __init__(self, clock: SimClock, settings: Settings, seed: int) -> None:
        self._clock = clock
        self.settings = settings
        self._random = random.Random(f"lofty {seed}")
        self.book = TokenBook(clock)
        parts = (opaque(self._random, 20), opaque(self._random, 60), opaque(self._random, 43))
        self.api_key = f"eyJhbGciOiJIUzI1NiJ9{'.'.join(('', *parts[1:]))}"
        self.client_id = opaque(self._random, 24)
        self.client_secret = opaque(self._random, 40)
        self._refresh_tokens: set[str] = set()
        self._codes: dict[str, _Code] = {}
        self._key_revoked = False
        access, refresh = self._pair()
        self.credentials = {
            "api_key": self.api_key,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": refresh,
            "access_token": access,
        }

    def who(self, authorization: str) -> str:
        """Whose calls are counted together: the key's or the application's; raises LoftyError."""
        scheme, _, value = authorization.strip().partition(" ")
        value = value.strip()
        is_key = not self._key_revoked and compare_digest(value.encode(), self.api_key.encode())
        match scheme.lower():
            case "token" if is_key:
                return _API_KEY
            case "bearer" if is_key:
                raise no_user_in_token()
            case "bearer" if self.book.live(value) is not None:
                return _OAUTH
            case _:
                raise bad_credentials()

    def revoke_key(self) -> None:
        """The user makes the API key useless, or it has come to its end."""
        self._key_revoked = True

    def revoke_grants(self) -> None:
        """The user takes the application's access back: its tokens are good for nothing."""
        self._refresh_tokens.clear()
        self.book.expire_all()

    def console_code(self) -> str:
        """A code as the consent page hands it on, for any redirect address."""
        return self._code("", "", "")

    def consent(self, request: Request) -> Response:
        """The user grants the application access, and is sent back with a code."""
        query = request.query_params
        registered = self.settings.redirect_uri
        redirect = query.get("redirect_uri", query.get("redirectUri", registered))
        if query.get("clientId", query.get("client_id")) != self.client_id or not redirect:
            raise LoftyError(400, 20012, "INVALID_PARAMETER: unknown clientId, or no redirect_uri")
        if registered and redirect != registered:
            raise LoftyError(400, 20012, "INVALID_PARAMETER: redirect_uri is not the registered one")
        values = {
            "code": self._code(
                redirect, query.get("code_challenge", ""), query.get("code_challenge_method", "")
            )
        }
        if query.get("deny"):
            values = {"error": "access_denied"}
        if "state" in query:
            values["state"] = query["state"]
        joint = "&" if "?" in redirect else "?"
        return RedirectResponse(f"{redirect}{joint}{urlencode(values, quote_via=quote)}", 302)

    async def token(self, request: Request) -> Response:
        """The token endpoint."""
        if (
            request.headers.get("content-type", "").partition(";")[0].strip()
            != "application/x-www-form-urlencoded"
        ):
            return _Refusal("invalid_request", "send a form").reply()
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            client_id, secret = _client(form, request.headers.get("authorization", ""))
            return self._grant(form, client_id, secret)
        except _Refusal as refusal:
            return refusal.reply()

    def _grant(self, form: Mapping[str, str], client_id: str, secret: str) -> Response:
        if client_id != self.client_id or (secret and secret != self.client_secret):
            raise _Refusal("invalid_client", "Bad client credentials", 401)
        proven = secret == self.client_secret
        match form.get("grant_type"):
            case "authorization_code":
                self._spend_code(form, proven=proven)
                return self._tokens(refresh=True)
            case "refresh_token":
                if not proven:
                    raise _Refusal("invalid_client", "client_secret is required", 401)
                if form.get("refresh_token", "") not in self._refresh_tokens:
                    raise _Refusal("invalid_grant", "Invalid refresh token")
                self._refresh_tokens.discard(form["refresh_token"])
                return self._tokens(refresh=True)
            case "client_credentials":
                if not proven:
                    raise _Refusal("invalid_client", "client_secret is required", 401)
                if form.get("customer_key") != self.api_key:
                    raise _Refusal("invalid_request", "customer_key is missing or unknown")
                return self._tokens(refresh=False)
            case _:
                raise _Refusal("unsupported_grant_type", "Unsupported grant type")

    def _spend_code(self, form: Mapping[str, str], *, proven: bool) -> None:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires_at <= self._clock.now():
            raise _Refusal("invalid_grant", "Invalid authorization code")
        if code.redirect_uri and form.get("redirect_uri") != code.redirect_uri:
            raise _Refusal("invalid_grant", "Redirect URI mismatch")
        if code.challenge:
            if _challenge(form.get("code_verifier", ""), code.method) != code.challenge:
                raise _Refusal("invalid_grant", "code_verifier does not match")
        elif not proven:
            raise _Refusal("invalid_client", "client_secret is required", 401)

    def _code(self, redirect: str, challenge: str, method: str) -> str:
        value = opaque(self._random, 32)
        self._codes[value] = _Code(redirect, challenge, method, self._clock.now() + _CODE_LIFE)
        return value

    def _tokens(self, *, refresh: bool) -> Response:
        access, fresh = self._pair()
        body: dict[str, object] = {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": int(self.settings.token_seconds),
        }
        if refresh:
            body["refresh_token"] = fresh
        else:
            self._refresh_tokens.discard(fresh)
        return json_response(body)

    def _pair(self) -> tuple[str, str]:
        access, refresh = opaque(self._random, 48), opaque(self._random, 48)
        self.book.issue(access, _OAUTH, self.settings.scopes, self.settings.token_seconds)
        self._refresh_tokens.add(refresh)
        return access, refresh


def _client(form: Mapping[str, str], authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _Refusal("invalid_client", "Bad client credentials", 401) from None
    return client_id, secret


def _challenge(verifier: str, method: str) -> str:
    if method.upper() != "S256":
        return verifier
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")

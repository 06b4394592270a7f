"""The web server flow's first half: the page on which a user agrees, and the codes that come of it.

Source: Salesforce Help, "OAuth 2.0 Web Server Flow for Web App Integration", "OAuth 2.0 Authorization
Errors"; RFC 7636 for the proof key. A code works once, for fifteen minutes, for the redirect URI and the
verifier that it was asked for with.
"""

import base64
import random
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.oauth import opaque
from crmhub_salesforce.simulator.calls import Reply
from crmhub_salesforce.simulator.oauth_error import OAuthError

CODE_SECONDS = 900
SCOPES = frozenset({"api", "refresh_token"})
"""What the app was registered with."""
_SAME = {"offline_access": "refresh_token"}


@dataclass(frozen=True)
class _Code:
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str | None
    expires_at: float


class Codes:
    """Authorization codes of one app."""

    def __init__(self, clock: SimClock, seed: int, client_id: str, *, proof_needed: bool) -> None:
        self._clock = clock
        self._random = random.Random(f"salesforce-codes-{seed}")
        self._client_id = client_id
        self._proof_needed = proof_needed
        self._codes: dict[str, _Code] = {}
        self.redirect_uris: frozenset[str] | None = None
        """What the app registered; `None` lets any pass."""
        self.consents = True
        """Whether the user agrees when asked."""

    def authorize(self, given: Mapping[str, str]) -> Reply:
        """The user decides at once, and is sent back with a code or an error.

        Where it is not safe to send the user anywhere, a page names the error.
        """
        redirect_uri = given.get("redirect_uri", "")
        if given.get("client_id") != self._client_id:
            return _page("invalid_client_id", "client identifier invalid")
        if not redirect_uri:
            return _page("invalid_request", "redirect_uri must be specified")
        if not self._knows(redirect_uri):
            return _page("redirect_uri_mismatch", "redirect_uri must match configuration")
        try:
            back = {"code": self._new(given, redirect_uri)}
        except OAuthError as refusal:
            back = {"error": refusal.error, "error_description": refusal.description}
        if "state" in given:
            back["state"] = given["state"]
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return Reply(302, headers={"Location": f"{redirect_uri}{joint}{urlencode(back)}"})

    def redeem(self, form: Mapping[str, str]) -> frozenset[str]:
        """The scopes that a code is good for, once; raises OAuthError."""
        if not form.get("code"):
            raise OAuthError("invalid_request", "missing required parameter: code")
        code = self._codes.pop(form["code"], None)
        if code is None:
            raise OAuthError("invalid_grant", "invalid authorization code")
        if code.expires_at <= self._clock.now():
            raise OAuthError("invalid_grant", "expired authorization code")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if code.challenge is not None and _hashed(form.get("code_verifier", "")) != code.challenge:
            raise OAuthError("invalid_grant", "invalid code verifier")
        return code.scopes

    def _knows(self, redirect_uri: str) -> bool:
        if self.redirect_uris is not None:
            return redirect_uri in self.redirect_uris
        return urlsplit(redirect_uri).scheme in {"http", "https"}

    def _new(self, given: Mapping[str, str], redirect_uri: str) -> str:
        if given.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response type not supported")
        asked = frozenset(_SAME.get(scope, scope) for scope in given.get("scope", "").split())
        if not asked <= SCOPES:
            raise OAuthError("invalid_scope", "the requested scope is not allowed")
        challenge = given.get("code_challenge")
        if challenge is None and self._proof_needed:
            raise OAuthError("invalid_request", "missing required code challenge")
        if challenge is not None and given.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code challenge method must be S256")
        if not self.consents:
            raise OAuthError("access_denied", "end-user denied authorization")
        value = f"aPrx{opaque(self._random, 50)}=="
        self._codes[value] = _Code(redirect_uri, asked or SCOPES, challenge, self._clock.now() + CODE_SECONDS)
        return value


def _hashed(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _page(error: str, description: str) -> Reply:
    """The error page of a request that leads nowhere."""
    return Reply(400, {"error": error, "error_description": description})

"""Zoho's accounts server: authorization, tokens, revocation.

Source: Zoho "OAuth 2.0 for server-based applications" and Kaizen #43: token errors arrive as HTTP 200; an
access token lives one hour; 10 access tokens per 10 minutes and at most 15 live ones per refresh token;
at most 20 refresh tokens per user and client; 10 grant tokens in 10 minutes; a grant token lives 2
minutes, one of the self client as long as was chosen (up to 10), and works once.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.oauth import AccessToken, TokenBook, opaque
from crmhub_zoho.simulator.scopes import split_scopes

LIFE = 3_600
MOST_LIVE = 15
MOST_IN_WINDOW = 10
WINDOW = 600.0
MOST_REFRESH_TOKENS = 20
GRANT_LIFE = 120.0
MOST_GRANTS_IN_WINDOW = 10
LONGEST_SELF_CLIENT_LIFE = 600.0
_HEX = 16


@dataclass
class RefreshToken:
    """A refresh token: its scopes, and when access tokens were made from it (epoch seconds)."""

    value: str
    scopes: frozenset[str]
    issued: list[float] = field(default_factory=list[float])


@dataclass(frozen=True)
class _Grant:
    redirect_uri: str | None
    scopes: frozenset[str]
    offline: bool
    expires_at: float


class Accounts:
    """The accounts server of one client and one user."""

    def __init__(self, clock: SimClock, seed: int, scopes: frozenset[str]) -> None:
        self._clock = clock
        self._random = random.Random(f"zoho-oauth-{seed}")
        self.book = TokenBook(clock)
        self.client_id = f"1000.{opaque(self._random, 30).upper()}"
        self.client_secret = opaque(self._random, 42)
        self._grants: dict[str, _Grant] = {}
        self._granted_at: list[float] = []
        self.redirect_uris: frozenset[str] | None = None
        """What the client registered; `None` lets any http or https URI pass."""
        self.location = "us"
        """The data centre in which the user's organisation lives."""
        self.consents = True
        """Whether the user agrees when asked."""
        self.throttled = 0
        """How many requests for tokens were refused as too many."""
        self._refresh: dict[str, RefreshToken] = {}
        first = self._new_refresh(scopes)
        self.credentials = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": first.value,
            "access_token": self._mint(first).value,
        }

    def live(self, value: str) -> AccessToken | None:
        """The access token, if it is good."""
        return self.book.live(value)

    async def token(self, request: Request, api_domain: str) -> Response:
        """`POST /oauth/v2/token`; parameters come from the form or the query."""
        given = {**request.query_params, **await _form(request)}
        match given.get("grant_type"):
            case "refresh_token":
                return self._refreshed(given, api_domain)
            case "authorization_code":
                return self._exchanged(given, api_domain)
            case _:
                return _refused("invalid_request")

    def authorize(self, request: Request, location: str) -> Response:
        """`GET /oauth/v2/auth`: the user decides at once, and is sent back with a code or an error."""
        given = request.query_params
        redirect_uri = given.get("redirect_uri", "")
        if given.get("client_id") != self.client_id:
            return json_response({"error": "invalid_client"}, 400)
        if given.get("response_type") != "code":
            return json_response({"error": "invalid_response_type"}, 400)
        if urlsplit(redirect_uri).scheme not in {"http", "https"}:
            return json_response({"error": "invalid_redirect_uri"}, 400)
        if self.redirect_uris is not None and redirect_uri not in self.redirect_uris:
            return json_response({"error": "invalid_redirect_uri"}, 400)
        scopes = split_scopes(given.get("scope", ""))
        if not scopes:
            return json_response({"error": "invalid_scope"}, 400)
        back = {"location": self.location, "accounts-server": location}
        if not self.consents:
            back = {"error": "access_denied"}
        elif (code := self._granted(redirect_uri, scopes, given.get("access_type") == "offline")) is None:
            return _throttled()
        else:
            back["code"] = code
        if "state" in given:
            back["state"] = given["state"]
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(f"{redirect_uri}{joint}{urlencode(back)}", 302)

    def self_client_code(self, scopes: frozenset[str], life: float = 180.0) -> str:
        """The code that the API console generates for a self client; `life` in seconds is the user's choice.

        Raises ValueError beyond what the console offers.
        """
        if not 0 < life <= LONGEST_SELF_CLIENT_LIFE:
            raise ValueError(f"a code of the self client lives up to {LONGEST_SELF_CLIENT_LIFE:g} s")
        code = self._granted(None, scopes, offline=True, life=life)
        if code is None:
            raise ValueError(f"more than {MOST_GRANTS_IN_WINDOW} codes in {WINDOW:g} s")
        return code

    def _granted(
        self, redirect_uri: str | None, scopes: frozenset[str], offline: bool, life: float = GRANT_LIFE
    ) -> str | None:
        now = self._clock.now()
        self._granted_at = [at for at in self._granted_at if at > now - WINDOW]
        if len(self._granted_at) >= MOST_GRANTS_IN_WINDOW:
            return None
        self._granted_at.append(now)
        code = self._secret()
        self._grants[code] = _Grant(redirect_uri, scopes, offline, now + life)
        return code

    def grant(self, scopes: frozenset[str]) -> str:
        """A refresh token that the user grants for those scopes."""
        return self._new_refresh(scopes).value

    def refresh_tokens(self) -> list[str]:
        """All that work."""
        return list(self._refresh)

    def revoke_all(self) -> None:
        """The user takes all access back: every refresh token is dead, and every access token with it."""
        for value in self._refresh:
            self.book.revoke(value)
        self._refresh.clear()

    async def revoke(self, request: Request) -> Response:
        """`POST /oauth/v2/token/revoke?token=`: a refresh token takes its access tokens with it."""
        given = {**request.query_params, **await _form(request)}
        value = given.get("token", "")
        if self._refresh.pop(value, None) is not None:
            self.book.revoke(value)
        elif self.book.live(value) is not None:
            self.book.kill(value)
        else:
            return json_response({"error": "invalid_token"}, 400)
        return json_response({"status": "success"})

    def _wrong_client(self, given: Mapping[str, str]) -> str | None:
        if given.get("client_id") != self.client_id:
            return "invalid_client"
        return None if given.get("client_secret") == self.client_secret else "invalid_client_secret"

    def _refreshed(self, given: Mapping[str, str], api_domain: str) -> Response:
        wrong = self._wrong_client(given)
        if wrong:
            return _refused(wrong)
        refresh = self._refresh.get(given.get("refresh_token", ""))
        if refresh is None:
            return _refused("invalid_code")
        now = self._clock.now()
        refresh.issued = [at for at in refresh.issued if at > now - WINDOW]
        if len(refresh.issued) >= MOST_IN_WINDOW:
            self.throttled += 1
            return _throttled()
        refresh.issued.append(now)
        return json_response(self._reply(self._mint(refresh), api_domain))

    def _exchanged(self, given: Mapping[str, str], api_domain: str) -> Response:
        wrong = self._wrong_client(given)
        if wrong:
            return _refused(wrong)
        grant = self._grants.pop(given.get("code", ""), None)
        if grant is None or grant.expires_at <= self._clock.now():
            return _refused("invalid_code")
        if grant.redirect_uri is not None and given.get("redirect_uri") != grant.redirect_uri:
            return _refused("invalid_redirect_uri")
        if not grant.offline:
            return json_response(
                self._reply(self._mint(RefreshToken(self._secret(), grant.scopes)), api_domain)
            )
        refresh = self._new_refresh(grant.scopes)
        refresh.issued.append(self._clock.now())
        reply = self._reply(self._mint(refresh), api_domain)
        return json_response({**reply, "refresh_token": refresh.value})

    def _new_refresh(self, scopes: frozenset[str]) -> RefreshToken:
        refresh = RefreshToken(self._secret(), scopes)
        self._refresh[refresh.value] = refresh
        if len(self._refresh) > MOST_REFRESH_TOKENS:
            oldest = next(iter(self._refresh))
            del self._refresh[oldest]
            self.book.revoke(oldest)
        return refresh

    def _mint(self, refresh: RefreshToken) -> AccessToken:
        return self.book.issue(self._secret(), refresh.value, refresh.scopes, LIFE, at_most=MOST_LIVE)

    def _secret(self) -> str:
        left, right = (f"{self._random.getrandbits(_HEX * 8):032x}" for _ in range(2))
        return f"1000.{left}.{right}"

    def _reply(self, token: AccessToken, api_domain: str) -> dict[str, object]:
        return {
            "access_token": token.value,
            "scope": " ".join(sorted(token.scopes)),
            "api_domain": api_domain,
            "token_type": "Bearer",
            "expires_in": LIFE,
        }


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, urlencoded or multipart."""
    body = await request.body()
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=HTTP)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_content().rstrip("\r\n")
        for part in message.iter_parts()
        if part.get_content_maintype() == "text"
    }


def _refused(error: str) -> Response:
    return json_response({"error": error})


def _throttled() -> Response:
    message = "You have made too many requests continuously. Please try again after some time."
    return json_response({"error_description": message, "error": "Access Denied", "status": "failure"}, 400)

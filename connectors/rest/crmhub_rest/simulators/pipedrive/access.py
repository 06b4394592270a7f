"""Who may call: the OAuth server (authorize, token, revoke), API tokens, and what their scopes allow.

Sources: Pipedrive, "OAuth authorization" and "OAuth status codes": the app authenticates with HTTP Basic (or,
not recommended, in the body); a code lives five minutes and works once; an access token 60 minutes; a refresh
token 60 days from its last use, and the same one comes back when it is used. "Scope and permissions
explanations": `base` is always granted; an API token is not limited to scopes.
"""

import base64
import binascii
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.oauth import TokenBook
from crmhub_rest.simulators.pipedrive.errors import GatewayError, unauthorized
from crmhub_rest.simulators.pipedrive.settings import Settings

LIFE = 3_600
CODE_LIFE = 300.0
_DAY = 86_400.0
SCOPES: Final = (
    *("base", "deals:read", "deals:full", "mail:read", "mail:full", "activities:read", "activities:full"),
    *("contacts:read", "contacts:full", "products:read", "products:full", "projects:read", "projects:full"),
    *("users:read", "recents:read", "search:read", "admin", "leads:read", "leads:full", "phone-integration"),
    *("goals:read", "goals:full", "video-calls", "messengers-integration", "deal-fields:full"),
    *("product-fields:full", "contact-fields:full", "project-fields:full"),
)


@dataclass(frozen=True)
class Pass:
    """What a call comes with: the token it is counted by, and its scopes (None: an API token, for all)."""

    token: str
    scopes: frozenset[str] | None = None

    @property
    def is_app(self) -> bool:
        """Whether it is an app's access token."""
        return self.scopes is not None

    def require(self, scopes: tuple[str, ...]) -> None:
        """Raise ApiError unless one of these scopes was granted."""
        if self.scopes is not None and self.scopes.isdisjoint(scopes):
            raise GatewayError(403, "Scope and URL mismatch")


@dataclass
class _Grant:
    expires_at: float
    redirect_uri: str | None = None


class Access:
    """The OAuth server and the API tokens of one company, for one app and one user."""

    def __init__(self, clock: SimClock, seed: int, settings: Settings) -> None:
        self._clock = clock
        self.settings = settings
        self._random = random.Random(f"pipedrive-oauth-{seed}")
        self.book = TokenBook(clock)
        self.scopes = _known(settings.scopes)
        self.client_id = self._hex(16)
        self.client_secret = self._hex(40)
        self.api_token = self._hex(40)
        self._codes: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}
        refresh = self._new_refresh()
        self.credentials = {
            "api_token": self.api_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": refresh,
            "access_token": self._mint(refresh),
        }

    def admit(self, request: Request, version: str) -> Pass:
        """Who calls; raises ApiError. An API token goes before an access token."""
        given = request.headers.get("x-api-token")
        if given is None and version == "v1":
            given = request.query_params.get("api_token")
        if given is not None:
            if given != self.api_token:
                raise unauthorized()
            return Pass(given)
        header = request.headers.get("authorization")
        if header is None:
            raise unauthorized()
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise GatewayError(400, "Invalid request: malformed authorization header")
        token = self.book.live(value.strip())
        if token is None:
            raise GatewayError(401, "Invalid token: access token is invalid")
        return Pass(token.value, token.scopes)

    def authorize(self, request: Request) -> Response:
        """`GET /oauth/authorize`: the user decides at once and is sent back."""
        given = request.query_params
        target = given.get("redirect_uri", "")
        if given.get("client_id") != self.client_id:
            return _refused("invalid_client", "Invalid client: client is invalid")
        if urlsplit(target).scheme not in {"http", "https"}:
            return _refused("invalid_request", "Invalid request: `redirect_uri` is not a valid URI")
        if self.settings.redirect_uri not in {"", target}:
            return _refused("invalid_request", "Invalid request: `redirect_uri` is invalid")
        back = {"error": "user_denied"}
        if self.settings.consents:
            back = {"code": self.new_code(target)}
        if "state" in given:
            back["state"] = given["state"]
        joint = "&" if urlsplit(target).query else "?"
        return RedirectResponse(f"{target}{joint}{urlencode(back)}", 302)

    async def token(self, request: Request, api_domain: str) -> Response:
        """`POST /oauth/token`: an access token for a code or a refresh token."""
        if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
            problem = "Invalid request: content must be `application/x-www-form-urlencoded`"
            return _refused("invalid_request", problem)
        given = await _form(request)
        refusal = self._wrong_client(request, given)
        if refusal is not None:
            return refusal
        match given.get("grant_type"):
            case None | "":
                return _refused("invalid_request", "Missing parameter: `grant_type`")
            case "authorization_code":
                return self._exchanged(given, api_domain)
            case "refresh_token":
                return self._refreshed(given, api_domain)
            case _:
                return _refused("unsupported_grant_type", "Unsupported grant type: `grant_type` is invalid")

    async def revoke(self, request: Request) -> Response:
        """`POST /oauth/revoke`: a refresh token takes its access tokens along; an unknown one passes."""
        given = await _form(request)
        refusal = self._wrong_client(request, given)
        if refusal is not None:
            return refusal
        value = unquote(given.get("token", ""))
        if self._refresh.pop(value, None) is not None:
            self.book.revoke(value)
        self.book.kill(value)
        return json_response({"success": True})

    def _wrong_client(self, request: Request, given: Mapping[str, str]) -> Response | None:
        client = _basic(request.headers.get("authorization", "")) or (
            given.get("client_id", ""),
            given.get("client_secret", ""),
        )
        if not all(client):
            return _refused("invalid_client", "Invalid client: cannot retrieve client credentials")
        if client != (self.client_id, self.client_secret):
            return _refused("invalid_client", "Invalid client: client is invalid")
        return None

    def _exchanged(self, given: Mapping[str, str], api_domain: str) -> Response:
        grant = self._codes.pop(given.get("code", ""), None)
        if grant is None:
            return _refused("invalid_grant", "Invalid grant: `authorization_code` is invalid")
        if grant.expires_at <= self._clock.now():
            return _refused("invalid_grant", "Invalid grant: `authorization_code` has expired")
        target = given.get("redirect_uri", "")
        if urlsplit(target).scheme not in {"http", "https"}:
            return _refused("invalid_request", "Invalid request: `redirect_uri` is not a valid URI")
        if grant.redirect_uri not in {None, target}:
            return _refused("invalid_request", "Invalid request: `redirect_uri` is invalid")
        return self._reply(self._new_refresh(), api_domain)

    def _refreshed(self, given: Mapping[str, str], api_domain: str) -> Response:
        value = given.get("refresh_token", "")
        grant = self._refresh.get(value)
        if grant is None or grant.expires_at <= self._clock.now():
            return _refused("invalid_grant", "Invalid grant: `refresh_token` is invalid")
        if self.settings.rotate_refresh_tokens:
            del self._refresh[value]
            value = self._new_refresh()
        else:
            grant.expires_at = self._refresh_ends()
        return self._reply(value, api_domain)

    def _reply(self, refresh: str, api_domain: str) -> Response:
        return json_response(
            {
                "access_token": self._mint(refresh),
                "token_type": "Bearer",
                "refresh_token": refresh,
                "scope": ",".join(self.scopes),
                "expires_in": LIFE,
                "api_domain": api_domain,
            }
        )

    def _mint(self, refresh: str) -> str:
        value = f"v1u:{base64.urlsafe_b64encode(self._random.randbytes(96)).decode().rstrip('=')}"
        return self.book.issue(value, refresh, frozenset(self.scopes), LIFE).value

    def _new_refresh(self) -> str:
        value = f"{self._random.randrange(10**7)}:{self._random.randrange(10**7)}:{self._hex(40)}"
        self._refresh[value] = _Grant(self._refresh_ends())
        return value

    def _refresh_ends(self) -> float:
        return self._clock.now() + self.settings.refresh_days * _DAY

    def renew_api_token(self) -> str:
        """A new API token in the place of the one there was."""
        self.api_token = self.credentials["api_token"] = self._hex(40)
        return self.api_token

    def uninstall(self) -> None:
        """The user takes the app's access back: every token of it is dead."""
        for value in self._refresh:
            self.book.revoke(value)
        self._refresh.clear()

    def new_code(self, redirect_uri: str | None = None) -> str:
        """A code for an app, to be exchanged with this callback address (None: with any)."""
        code = f"{self._random.randrange(10**7)}.{self._random.randrange(10**7)}.{self._hex(40)}"
        self._codes[code] = _Grant(self._clock.now() + CODE_LIFE, redirect_uri)
        return code

    def _hex(self, length: int) -> str:
        return f"{self._random.getrandbits(length * 4):0{length}x}"


def _known(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if not scopes:
        return SCOPES
    for scope in scopes:
        if scope not in SCOPES:
            raise SimulatorError(f"setting scopes: {scope!r} is not one of {', '.join(SCOPES)}")
    return scopes if "base" in scopes else (*scopes, "base")


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, joint, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, secret) if joint else None


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _refused(error: str, message: str) -> Response:
    return json_response({"success": False, "error": error, "message": message}, 400)

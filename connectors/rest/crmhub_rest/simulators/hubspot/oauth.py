"""The app's tokens: OAuth and the static token of a private app.

Source: HubSpot "Working with OAuth", "OAuth token management" (v1, v3 and the dated version, which takes and
tells more); an access token lives 30 minutes. A token of a private app does not expire.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.oauth import AccessToken, TokenBook, opaque
from crmhub_rest.simulators.hubspot.errors import HubSpotError, old_token, wrong_token
from crmhub_rest.simulators.hubspot.times import iso

LIFE = 1_800
CODE_LIFE = 600.0
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class _Code:
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: float


class Refused(Exception):
    """A token request is refused: `word` is the status of v1, `error` the word of the newer versions."""

    def __init__(self, word: str, error: str, message: str) -> None:
        super().__init__(message)
        self.word = word
        self.error = error
        self.message = message


class TokenServer:
    """The tokens of one app in one portal."""

    def __init__(
        self,
        clock: SimClock,
        seed: int,
        scopes: frozenset[str],
        portal_id: int,
        app_id: int,
        *,
        rotates: bool,
    ) -> None:
        self._clock = clock
        self._random = random.Random(f"hubspot-oauth-{seed}")
        self._scopes = scopes
        self._portal_id = portal_id
        self._app_id = app_id
        self.rotates = rotates
        self.book = TokenBook(clock)
        self.client_id = self._uuid()
        self.client_secret = self._uuid()
        self.developer_key = self._uuid()
        self.private_token = f"pat-na1-{self._uuid()}"
        self.consents = True
        """Whether the user agrees when asked."""
        self._codes: dict[str, _Code] = {}
        self._refresh: dict[str, frozenset[str]] = {}
        first = self._new_refresh(scopes)
        self.credentials = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": first,
            "access_token": self._mint(first).value,
            "private_app_token": self.private_token,
            "developer_api_key": self.developer_key,
            "app_id": str(app_id),
            "portal_id": str(portal_id),
        }

    def scopes_of(self, authorization: str) -> frozenset[str]:
        """What the token in an `Authorization` header may do; raises HubSpotError."""
        scheme, _, value = authorization.partition(" ")
        value = value.strip()
        if scheme.lower() != "bearer" or not value:
            raise wrong_token()
        if value == self.private_token:
            return self._scopes
        token = self.book.known(value)
        if token is None:
            raise wrong_token()
        if token.expires_at <= self._clock.now():
            when = int(token.expires_at * 1000)
            raise old_token(int(self._clock.now() - token.expires_at), iso(when))
        return token.scopes

    def is_private(self, authorization: str) -> bool:
        """Whether a header has the token of the private app."""
        return authorization.partition(" ")[2].strip() == self.private_token

    async def answer(self, request: Request, path: str) -> Response | None:
        """Answer a call about tokens; None if there is no such address."""
        match (request.method, path.strip("/").split("/")):
            case ("GET", ["oauth", "authorize"] | ["oauth", _, "authorize"]):
                return self._authorize(request)
            case ("POST", ["oauth", ("v1" | "v3" | "2026-03" | "2026-09") as version, "token"]):
                return self._token(await _form(request), version)
            case ("POST", ["oauth", ("v3" | "2026-03" | "2026-09"), "token", "introspect"]):
                return self._introspect(await _form(request))
            case ("POST", ["oauth", ("v3" | "2026-03" | "2026-09"), "token", "revoke"]):
                self._revoke((await _form(request)).get("token", ""))
                return Response(status_code=200)
            case ("GET", ["oauth", "v1", "access-tokens", value]):
                return self._access_info(value)
            case ("GET", ["oauth", "v1", "refresh-tokens", value]):
                return self._refresh_info(value)
            case ("DELETE", ["oauth", "v1", "refresh-tokens", value]):
                self._revoke(value)
                return Response(status_code=204)
            case _:
                return None

    def revoke_all(self) -> None:
        """The app is uninstalled: every refresh token is dead, and every access token with it."""
        for value in list(self._refresh):
            self._revoke(value)

    def _authorize(self, request: Request) -> Response:
        given = request.query_params
        back = given.get("redirect_uri", "")
        scopes = frozenset(f"{given.get('scope', '')} {given.get('optional_scope', '')}".split())
        if (
            given.get("client_id") != self.client_id
            or urlsplit(back).scheme not in {"http", "https"}
            or not scopes
        ):
            return json_response(
                {"status": "error", "message": "client_id, redirect_uri or scope is wrong"}, 400
            )
        told = {"error": "access_denied", "error_description": "The user denied the request"}
        if self.consents:
            code = self._uuid()
            self._codes[code] = _Code(back, scopes, self._clock.now() + CODE_LIFE)
            told = {"code": code}
        if "state" in given:
            told["state"] = given["state"]
        joint = "&" if urlsplit(back).query else "?"
        return RedirectResponse(f"{back}{joint}{urlencode(told)}", 302)

    def _token(self, given: Mapping[str, str], version: str) -> Response:
        try:
            self._check_client(given)
            match given.get("grant_type"):
                case "refresh_token":
                    return self._granted(self._refreshed(given), version)
                case "authorization_code":
                    return self._granted(self._exchanged(given), version)
                case "client_credentials" if version.startswith("20"):
                    return self._for_itself(given)
                case _:
                    refusal = Refused(
                        "BAD_GRANT_TYPE", "unsupported_grant_type", "missing or unknown grant type"
                    )
        except Refused as problem:
            refusal = problem
        body: dict[str, object] = {"status": refusal.word, "message": refusal.message}
        if version != "v1":
            body |= {"error": refusal.error, "error_description": refusal.message}
        return json_response(body, 400)

    def _check_client(self, given: Mapping[str, str]) -> None:
        if given.get("client_id") != self.client_id:
            raise Refused("BAD_CLIENT_ID", "invalid_client", "missing or unknown client id")
        if given.get("client_secret") != self.client_secret:
            raise Refused("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret")

    def _exchanged(self, given: Mapping[str, str]) -> str:
        code = self._codes.pop(given.get("code", ""), None)
        if code is None or code.expires_at <= self._clock.now():
            raise Refused("BAD_AUTH_CODE", "invalid_grant", "missing or unknown auth code")
        if given.get("redirect_uri") != code.redirect_uri:
            raise Refused("BAD_REDIRECT_URI", "invalid_grant", "missing or invalid redirect uri")
        return self._new_refresh(code.scopes)

    def _refreshed(self, given: Mapping[str, str]) -> str:
        refresh = given.get("refresh_token", "")
        if refresh not in self._refresh:
            raise Refused("BAD_REFRESH_TOKEN", "invalid_grant", "missing or invalid refresh token")
        if not self.rotates:
            return refresh
        scopes = self._refresh[refresh]
        self._revoke(refresh)
        return self._new_refresh(scopes)

    def _granted(self, refresh: str, version: str) -> Response:
        token = self._mint(refresh)
        body: dict[str, object] = {
            "access_token": token.value,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": LIFE,
        }
        if version != "v1":
            body |= {
                "hub_id": self._portal_id,
                "scopes": sorted(token.scopes),
                "token_use": "access_token",
                "user_id": self._app_id,
            }
        return json_response(body)

    def _for_itself(self, given: Mapping[str, str]) -> Response:
        scopes = frozenset(given.get("scope", "").split())
        token = self.book.issue(f"CC{opaque(self._random, 60)}", "app", scopes, LIFE)
        body = {
            "access_token": token.value,
            "token_type": "bearer",
            "expires_in": LIFE,
            "scopes": sorted(scopes),
            "token_use": "client_credentials",
        }
        return json_response(body)

    def _access_info(self, value: str) -> Response:
        token = self.book.live(value)
        if token is None:
            raise HubSpotError(404, "OBJECT_NOT_FOUND", "access token not found")
        return json_response(
            {**self._about(value, token.scopes), "app_id": self._app_id, "expires_in": self._left(token)}
        )

    def _refresh_info(self, value: str) -> Response:
        scopes = self._refresh.get(value)
        if scopes is None:
            raise HubSpotError(404, "OBJECT_NOT_FOUND", "refresh token not found")
        return json_response(
            {**self._about(value, scopes), "token_type": "refresh", "client_id": self.client_id}
        )

    def _introspect(self, given: Mapping[str, str]) -> Response:
        value = given.get("token", "")
        token, scopes = self.book.live(value), self._refresh.get(value)
        app = {"active": True, "app_id": self._app_id, "client_id": self.client_id}
        if token is not None:
            more = {
                "expires_in": self._left(token),
                "token_use": "access_token",
                "is_private_distribution": False,
            }
            return json_response({**self._about(value, token.scopes), **app, **more})
        if scopes is not None:
            return json_response({**self._about(value, scopes), **app, "token_use": "refresh_token"})
        return json_response({"active": False, "token_use": "access_token"})

    def _about(self, value: str, scopes: frozenset[str]) -> dict[str, object]:
        return {
            "token": value,
            "user": "app.user@example.com",
            "hub_domain": "double.example.com",
            "scopes": sorted(scopes),
            "hub_id": self._portal_id,
            "user_id": self._app_id,
            "token_type": "access",
        }

    def _left(self, token: AccessToken) -> int:
        return int(token.expires_at - self._clock.now())

    def _revoke(self, value: str) -> None:
        if self._refresh.pop(value, None) is not None:
            self.book.revoke(value)
        else:
            self.book.kill(value)

    def _mint(self, refresh: str) -> AccessToken:
        # Lengths vary, as HubSpot warns.
        length = 180 + self._random.randrange(90)
        return self.book.issue(
            f"C{opaque(self._random, length).upper()}", refresh, self._refresh[refresh], LIFE
        )

    def _new_refresh(self, scopes: frozenset[str]) -> str:
        value = f"na1-{self._uuid()}"
        self._refresh[value] = scopes
        return value

    def _uuid(self) -> str:
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


async def _form(request: Request) -> dict[str, str]:
    if not request.headers.get("content-type", "").startswith(_FORM):
        raise HubSpotError(415, "VALIDATION_ERROR", "HTTP 415 Unsupported Media Type")
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))

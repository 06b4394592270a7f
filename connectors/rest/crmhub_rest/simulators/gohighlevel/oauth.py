"""The marketplace's sign-in, access and refresh tokens, and the agency's way to a location's token.

Source: the OpenAPI files of OAuth (classic and v3), docs/oauth: an access token lives a day less a second; a
refresh token a year, and works once: each use gives a new one.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crmhub.testing.simulator.clock import SimClock, days
from crmhub.testing.simulator.jsons import json_response, load_json
from crmhub.testing.simulator.oauth import TokenBook, opaque
from crmhub_rest.simulators.gohighlevel.agency import Agency
from crmhub_rest.simulators.gohighlevel.call import Access, Call, Endpoint
from crmhub_rest.simulators.gohighlevel.errors import GhlError
from crmhub_rest.simulators.gohighlevel.ids import HEX, seeded_uuid
from crmhub_rest.simulators.gohighlevel.settings import Settings

_REFRESH_DAYS = 365
_CODE_LIFE = 600.0
_COMPANY = "Company"
_LOCATION = "Location"
_SNAKE = {
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "grantType": "grant_type",
    "refreshToken": "refresh_token",
    "userType": "user_type",
    "redirectUri": "redirect_uri",
    "code": "code",
}
_CAMEL = {"access_token": "accessToken", "token_type": "tokenType", "expires_in": "expiresIn"} | {
    "refresh_token": "refreshToken"
}


@dataclass(frozen=True)
class Grant:
    """What a user granted: the resource (agency or location), and the scopes."""

    resource: str
    scopes: frozenset[str]
    expires_at: float
    redirect_uri: str = ""


class Accounts:
    """One app of the marketplace, and the tokens of one agency."""

    def __init__(self, clock: SimClock, seed: int, agency: Agency, settings: Settings) -> None:
        self._clock, self._agency, self._settings = clock, agency, settings
        self._random = random.Random(f"gohighlevel-oauth-{seed}")
        self.book = TokenBook(clock)
        self.app_id = "".join(self._random.choices(HEX, k=24))
        self.client_id = f"{self.app_id}-{opaque(self._random, 8)}"
        self._secret = seeded_uuid(self._random)
        self._codes: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._private: dict[str, str] = {}
        main = agency.main.id
        self.credentials = {
            "private_integration_token": self._new_private(main),
            "agency_private_integration_token": self._new_private(agency.id),
            "location_id": main,
            "other_location_id": list(agency.locations)[1],
            "company_id": agency.id,
            "client_id": self.client_id,
            "client_secret": self._secret,
            "refresh_token": self._new_refresh(main, settings.scopes),
            "access_token": self._new_access(main, settings.scopes),
            "agency_refresh_token": self._new_refresh(agency.id, settings.scopes),
            "agency_access_token": self._new_access(agency.id, settings.scopes),
        }

    def access(self, value: str) -> Access | None:
        """What a token opens; None if it is not good."""
        resource, private = self._private.get(value), True
        scopes = self._settings.scopes
        if resource is None:
            token, private = self.book.live(value), False
            if token is None:
                return None
            resource, scopes = token.grant, token.scopes
        location = resource if resource in self._agency.locations else None
        return Access("private" if private else self.app_id, self._agency.id, location, scopes, private)

    def is_private(self, value: str) -> bool:
        """Whether a token is written as private integration tokens are."""
        return value.startswith("pit-")

    def change_settings(self, settings: Settings) -> None:
        """Follow other choices from now on."""
        self._settings = settings

    def uninstall(self) -> None:
        """The app is removed from the agency: its tokens are dead; private integration tokens live on."""
        for resource in (self._agency.id, *self._agency.locations):
            self.book.revoke(resource)
        self._refresh.clear()
        self._codes.clear()

    def renew_private(self, resource: str) -> str:
        """A new private integration token; the old one is dead."""
        self._private = {value: kept for value, kept in self._private.items() if kept != resource}
        return self._new_private(resource)

    def authorize(self, request: Request) -> Response:
        """`GET /oauth/chooselocation`: the user chooses at once, and is sent back with a code."""
        given = request.query_params
        redirect_uri = given.get("redirect_uri", "")
        if given.get("client_id") != self.client_id:
            raise GhlError(400, "Invalid parameter: client_id")
        if given.get("response_type") != "code":
            raise GhlError(400, "Invalid parameter: response_type")
        if urlsplit(redirect_uri).scheme not in {"http", "https"}:
            raise GhlError(400, "Invalid parameter: redirect_uri")
        scopes = frozenset(given.get("scope", "").split())
        if not scopes:
            raise GhlError(400, "Missing parameter: scope")
        resource = self._agency.id if self._settings.install == "agency" else self._agency.main.id
        back = {"code": self._granted(resource, scopes & self._settings.scopes, redirect_uri)}
        if "state" in given:
            back["state"] = given["state"]
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(f"{redirect_uri}{joint}{urlencode(back)}", 302)

    async def token(self, request: Request) -> Response:
        """`POST /oauth/token`; v3 writes all names in camel case, and takes JSON too."""
        v3 = request.headers.get("version") == "v3"
        given = await _sent(request, v3=v3)
        names = {snake: camel if v3 else snake for camel, snake in _SNAKE.items()}
        for name in ("client_id", "client_secret", "grant_type"):
            if not given.get(names[name]):
                raise GhlError(400, f"Missing parameter: {names[name]}")
        if given[names["client_id"]] != self.client_id:
            raise GhlError(400, f"Invalid parameter: {names['client_id']}")
        if given[names["client_secret"]] != self._secret:
            raise GhlError(401, "Invalid client credentials!")
        if given.get(names["user_type"], _LOCATION) not in {_COMPANY, _LOCATION}:
            raise GhlError(400, f"Invalid parameter: {names['user_type']}")
        match given[names["grant_type"]]:
            case "authorization_code":
                body = self._exchanged(given, names)
            case "refresh_token":
                body = self._refreshed(given, names)
            case "client_credentials":
                body = self._reply(self._agency.id, self._settings.scopes, refresh=False)
            case _:
                raise GhlError(400, f"Invalid parameter: {names['grant_type']}")
        return json_response({_CAMEL.get(name, name): value for name, value in body.items()} if v3 else body)

    def location_token(self, call: Call) -> Response:
        """`POST /oauth/locationToken`: a token for one of the agency's locations, without a refresh token."""
        if call.body.get("companyId") != call.agency.id:
            raise GhlError(400, "Company not found")
        location = call.location()
        scopes = call.access.scopes | {"oauth.readonly", "oauth.write"}
        reply = {**self._reply(location.id, scopes, refresh=False), "appId": self.app_id}
        return json_response(
            {_CAMEL.get(name, name): value for name, value in reply.items()} if call.v3 else reply
        )

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The routes that need an agency's token."""
        exchange = {"companyId": "string!", "locationId": "string!"}
        return tuple(
            Endpoint("POST", path, self.location_token, "oauth.write", body=exchange, audience="agency")
            for path in ("/oauth/locationToken", "/oauth/location-token")
        )

    def _granted(self, resource: str, scopes: frozenset[str], redirect_uri: str) -> str:
        code = opaque(self._random, 40)
        self._codes[code] = Grant(resource, scopes, self._clock.now() + _CODE_LIFE, redirect_uri)
        return code

    def _exchanged(self, given: Mapping[str, str], names: Mapping[str, str]) -> dict[str, object]:
        if not given.get("code"):
            raise GhlError(400, "Missing parameter: code")
        grant = self._codes.pop(given["code"], None)
        if grant is None or grant.expires_at <= self._clock.now():
            raise GhlError(400, "Invalid grant: authorization code is invalid")
        if given.get(names["redirect_uri"], grant.redirect_uri) != grant.redirect_uri:
            raise GhlError(400, f"Invalid parameter: {names['redirect_uri']}")
        return self._reply(grant.resource, grant.scopes, refresh=True)

    def _refreshed(self, given: Mapping[str, str], names: Mapping[str, str]) -> dict[str, object]:
        value = given.get(names["refresh_token"], "")
        if not value:
            raise GhlError(400, f"Missing parameter: {names['refresh_token']}")
        grant = self._refresh.get(value)
        if grant is None or grant.expires_at <= self._clock.now():
            raise GhlError(400, "Invalid grant: refresh token is invalid")
        if self._settings.paused and grant.resource in self._agency.locations:
            raise GhlError(400, "Location is not active")
        del self._refresh[value]
        return self._reply(grant.resource, grant.scopes, refresh=True)

    def _reply(self, resource: str, scopes: frozenset[str], *, refresh: bool) -> dict[str, object]:
        of_location = resource in self._agency.locations
        body: dict[str, object] = {
            "access_token": self._new_access(resource, scopes),
            "token_type": "Bearer",
            "expires_in": self._settings.access_seconds,
            "scope": " ".join(sorted(scopes)),
            "userType": _LOCATION if of_location else _COMPANY,
            "companyId": self._agency.id,
            "userId": self._agency.users[0].id,
            "isBulkInstallation": not of_location,
        }
        if refresh:
            body["refresh_token"] = self._new_refresh(resource, scopes)
        if of_location:
            body["locationId"] = resource
        else:
            body["approvedLocations"] = list(self._agency.locations)
        return body

    def _new_access(self, resource: str, scopes: frozenset[str]) -> str:
        value = opaque(self._random, 64)
        return self.book.issue(value, resource, scopes, self._settings.access_seconds).value

    def _new_refresh(self, resource: str, scopes: frozenset[str]) -> str:
        value = opaque(self._random, 64)
        self._refresh[value] = Grant(resource, scopes, self._clock.now() + days(_REFRESH_DAYS))
        return value

    def _new_private(self, resource: str) -> str:
        value = f"pit-{seeded_uuid(self._random)}"
        self._private[value] = resource
        return value


async def _sent(request: Request, *, v3: bool) -> dict[str, str]:
    """The fields of the form (v3: or the JSON); classic takes nothing but a form."""
    body = await request.body()
    if v3 and "json" in request.headers.get("content-type", ""):
        try:
            values = load_json(body)
        except msgspec.DecodeError:
            raise GhlError(400, "Invalid JSON") from None
        fields = cast("dict[str, object]", values) if isinstance(values, dict) else {}
        return {name: str(value) for name, value in fields.items()}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))

"""The double itself: who may call, what it costs, which handler answers."""

import random
from collections.abc import Iterator, Mapping
from typing import Final, cast
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.app import PATTERN_KEY, Double
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import json_response, load_json
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.routes import Routes
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import (
    businesses,
    calendars,
    contact_parts,
    contact_writing,
    contacts,
    location_parts,
    metadata,
    objects,
    opportunities,
    opportunity_setup,
    opportunity_writing,
    user_writing,
    users,
    views,
)
from crmhub_rest.simulators.gohighlevel.acts import act
from crmhub_rest.simulators.gohighlevel.agency import build_agency
from crmhub_rest.simulators.gohighlevel.associations import Associations
from crmhub_rest.simulators.gohighlevel.call import VERSIONS, Access, Call, Endpoint
from crmhub_rest.simulators.gohighlevel.errors import (
    GhlError,
    invalid_token,
    out_of_scope,
    too_many_requests,
    wrong_class,
    wrong_user_type,
)
from crmhub_rest.simulators.gohighlevel.ids import seeded_uuid
from crmhub_rest.simulators.gohighlevel.installations import Installations
from crmhub_rest.simulators.gohighlevel.limits import Limits
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.oauth import Accounts
from crmhub_rest.simulators.gohighlevel.ordering import Orderer
from crmhub_rest.simulators.gohighlevel.seed import OBJECTS
from crmhub_rest.simulators.gohighlevel.settings import read_settings
from crmhub_rest.simulators.gohighlevel.shapes import check, check_query
from crmhub_rest.simulators.gohighlevel.webhooks import Webhooks

_SCHEME: Final = "bearer "
_TOKEN, _CHOOSE = "/oauth/token", frozenset({"/oauth/chooselocation", "/v2/oauth/chooselocation"})


class GoHighLevelDouble(Double):
    """GoHighLevel (LeadConnector API v2), played locally."""

    name = "gohighlevel"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._given = dict(options.settings)
        self.settings = read_settings(self._given)
        self.webhooks = Webhooks(self.clock, options.seed, self.settings)
        self.agency = build_agency(options, self.clock, self.webhooks.hear)
        self.accounts = Accounts(self.clock, options.seed, self.agency, self.settings)
        self.credentials = {**self.accounts.credentials, **self.webhooks.credentials}
        self.limits = Limits(self.clock, self.settings.burst, self.settings.interval, self.settings.daily)
        self._traces = random.Random(f"gohighlevel-traces-{options.seed}")
        self._routes = Routes[Endpoint]()
        self.endpoints = self._endpoints()
        for endpoint in sorted(self.endpoints, key=_fixed_first):
            self._routes.add(endpoint.method, endpoint.pattern, endpoint)

    def _endpoints(self) -> tuple[Endpoint, ...]:
        orderer = Orderer()
        return (
            *contact_writing.ENDPOINTS,
            *contacts.Reading(orderer).endpoints,
            *contact_parts.ENDPOINTS,
            *opportunity_writing.ENDPOINTS,
            *opportunity_setup.ENDPOINTS,
            *opportunities.Reading(orderer).endpoints,
            *businesses.ENDPOINTS,
            *objects.Reading(orderer).endpoints,
            *metadata.ENDPOINTS,
            *location_parts.ENDPOINTS,
            *users.ENDPOINTS,
            *calendars.ENDPOINTS,
            *Associations(self.webhooks).endpoints,
            *user_writing.Writing(self.webhooks).endpoints,
            *self.accounts.endpoints,
            *Installations(self.accounts.app_id).endpoints,
        )

    async def answer(self, request: Request) -> Response:
        """Answer one call as GoHighLevel would."""
        await self.lag()
        path = request.url.path.rstrip("/") or "/"
        try:
            if path == _TOKEN and request.method == "POST":
                return await self._token(request)
            if path in _CHOOSE and request.method == "GET":
                request.scope[PATTERN_KEY] = path
                return self.accounts.authorize(request)
            return await self._api(request, path)
        except GhlError as refusal:
            return self._refused(refusal)

    async def _token(self, request: Request) -> Response:
        request.scope[PATTERN_KEY] = _TOKEN
        before = self.accounts.book.issued
        try:
            return await self.accounts.token(request)
        finally:
            self.stats.tokens_issued += self.accounts.book.issued - before

    async def _api(self, request: Request, path: str) -> Response:
        access, version = self._access(request), self._version(request)
        try:
            headers = self.limits.spend(access.resource)
        except GhlError as refusal:
            response = self._refused(refusal)
            headers = self.limits.headers(access.resource)
        else:
            response = await self._handled(request, path, access, version)
        response.headers.update(headers)
        return response

    async def _handled(self, request: Request, path: str, access: Access, version: str) -> Response:
        found = self._routes.find(path)
        endpoint = found.targets.get(request.method) if found else None
        if found is None or endpoint is None:
            return self._refused(GhlError(404, f"Cannot {request.method} {request.url.path}"))
        try:
            request.scope[PATTERN_KEY] = found.pattern
            _permit(endpoint, access)
            query = check_query(dict(request.query_params), endpoint.query_shape(version))
            body: Mapping[str, object] = {}
            if endpoint.body is not None:
                body = await _body(request)
                check(body, endpoint.body)
            call = Call(
                path=found.params,
                query=query,
                body=body,
                version=version,
                access=access,
                agency=self.agency,
                settings=self.settings,
                base_url=self.base_url(request),
                trace_id=seeded_uuid(self._traces),
                fault=lambda kind: self.faults.on_data(kind, request.method, path),
            )
            if access.location_id is not None and "locationId" in found.params:
                call.location()
            return endpoint.handle(call)
        except GhlError as refusal:
            return self._refused(refusal)

    def _access(self, request: Request) -> Access:
        header = request.headers.get("authorization", "")
        if not header.lower().startswith(_SCHEME):
            raise GhlError(401, "Authorization header not found.")
        value = header[len(_SCHEME) :].strip()
        access = self.accounts.access(value)
        if access is None:
            raise invalid_token(private=self.accounts.is_private(value))
        return access

    @staticmethod
    def _version(request: Request) -> str:
        version = request.headers.get("version")
        if not version:
            raise GhlError(401, "version header was not found.")
        if version not in VERSIONS:
            raise GhlError(401, "version header is invalid")
        return version

    def objects(self) -> list[str]:
        """The objects with records, and the users."""
        return [*OBJECTS, "users"]

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live (or deleted) records of the agency's locations, as single calls show them."""
        if name == "users":
            return (user.as_json() for user in self.agency.users if user.deleted == deleted)
        return (
            _shown(location, name, row)
            for location in self.agency.locations.values()
            for row in _rows(location, name, deleted=deleted)
        )

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """The webhooks, oldest first; `clear` forgets them."""
        return self.webhooks.sent(clear=clear)

    def console_code(self) -> str:
        """GoHighLevel's console gives no codes."""
        raise SimulatorError("GoHighLevel gives no codes to paste: sign in with a browser, or use a token")

    def change_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Make other choices; a new address for webhooks brings the keys into the credentials."""
        given = {**self._given, **changes}
        settings = read_settings(given)
        self._given, self.settings = given, settings
        self.accounts.change_settings(settings)
        self.webhooks.change_settings(settings)
        self.limits.change(settings.burst, settings.interval, settings.daily)
        self.credentials |= self.webhooks.credentials
        return dict(given)

    def act(self, name: str, given: Mapping[str, str]) -> dict[str, object]:
        """What people do in GoHighLevel without the API; raises SimulatorError."""
        return act(name, given, self.agency, self.accounts, self.webhooks)

    def expire_tokens(self) -> None:
        """Let all access tokens expire now; private integration tokens do not."""
        self.accounts.book.expire_all()

    def failure(self, status: int) -> Response:
        """What GoHighLevel sends with a status that a fault rule asks for."""
        match status:
            case 401:
                return self._refused(invalid_token())
            case 429:
                return self._refused(too_many_requests())
            case _ if status >= 500:
                return self._refused(GhlError(status, "Internal Server Error"))
            case _:
                return self._refused(GhlError(status, "Bad Request"))

    def _refused(self, refusal: GhlError) -> Response:
        return json_response(refusal.body(seeded_uuid(self._traces)), refusal.status)


def _fixed_first(endpoint: Endpoint) -> tuple[bool, ...]:
    """Routes with fixed words come before those that take any."""
    return tuple(part.startswith("{") for part in endpoint.pattern.strip("/").split("/"))


def _permit(endpoint: Endpoint, access: Access) -> None:
    """Raise GhlError (401) unless the token may call this."""
    audience = "location" if access.location_id is not None else "agency"
    if endpoint.audience not in {audience, "both"}:
        if not access.private:
            raise wrong_class()
        raise wrong_user_type() if endpoint.pattern.startswith("/users") else out_of_scope()
    if endpoint.scope not in access.scopes:
        raise out_of_scope()


async def _body(request: Request) -> dict[str, object]:
    raw, kind = await request.body(), request.headers.get("content-type", "")
    if "form-urlencoded" in kind:
        return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    if not raw or "json" not in kind:
        return {}
    try:
        value = load_json(raw)
    except msgspec.DecodeError as problem:
        raise GhlError(400, f"{problem}") from None
    if not isinstance(value, dict):
        raise GhlError(400, "The body must be a JSON object")
    return cast("dict[str, object]", value)


def _rows(location: Location, name: str, *, deleted: bool) -> Iterator[Row]:
    table = location.tables[name]
    return (gone.row for gone in table.deleted()) if deleted else table.rows()


def _shown(location: Location, name: str, row: Row) -> Row:
    match name:
        case "contacts":
            return views.contact_full(location, row)
        case "businesses":
            return views.business(location, row)
        case "opportunities":
            return views.opportunity(location, row)
        case "tasks":
            return views.task(row)
        case "notes":
            return views.note(row)
        case _:
            return views.event(location, row)

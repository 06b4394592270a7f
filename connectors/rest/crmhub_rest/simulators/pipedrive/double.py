"""The double itself: who may call, what it costs, which handler answers."""

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.app import PATTERN_KEY, Double
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.routes import Found, Routes
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.access import Access
from crmhub_rest.simulators.pipedrive.acts import ACTS, deactivate, restore
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint
from crmhub_rest.simulators.pipedrive.company import PLURAL, Company
from crmhub_rest.simulators.pipedrive.endpoints import endpoints
from crmhub_rest.simulators.pipedrive.errors import ApiError, GatewayError, over_limit, unauthorized
from crmhub_rest.simulators.pipedrive.limits import Limits, blocked
from crmhub_rest.simulators.pipedrive.seed import fill
from crmhub_rest.simulators.pipedrive.settings import read_settings
from crmhub_rest.simulators.pipedrive.shapes import shown
from crmhub_rest.simulators.pipedrive.webhooks import Webhooks

_PREFIXES = {"/api/v2/": "v2", "/api/v1/": "v1", "/v1/": "v1"}
"""v2 has no short form: `/v2` does not exist."""


class PipedriveDouble(Double):
    """Pipedrive (API v2, and of v1 what v2 does not have), played locally."""

    name = "pipedrive"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        settings = read_settings(options.settings)
        self._given = dict(options.settings)
        self.company = Company(self.clock, options, settings)
        fill(self.company, options)
        self.access = Access(self.clock, options.seed, settings)
        self.credentials = self.access.credentials
        self.limits = Limits(self.clock, settings, self.company.seats)
        self.webhooks = Webhooks(self.company)
        self._routes = Routes[Endpoint]()
        for endpoint in endpoints(self.company, self.webhooks):
            self._routes.add(endpoint.method, f"/{endpoint.version}{endpoint.pattern}", endpoint)

    async def answer(self, request: Request) -> Response:
        """Answer one call as Pipedrive would."""
        path = request.url.path
        if path.startswith("/oauth/"):
            return await self._oauth(request, path.rstrip("/"))
        version = next((held for prefix, held in _PREFIXES.items() if path.startswith(prefix)), None)
        if version is None:
            return self._refused(_unknown(), "v1")
        try:
            return await self._api(request, version, path[path.index(f"{version}/") + len(version) :])
        except ApiError as refusal:
            return self._refused(refusal, version)

    async def _oauth(self, request: Request, path: str) -> Response:
        await self.lag()
        request.scope[PATTERN_KEY] = path
        match (request.method, path):
            case ("POST", "/oauth/token"):
                before = self.access.book.issued
                response = await self.access.token(request, self.base_url(request))
                self.stats.tokens_issued += self.access.book.issued - before
                return response
            case ("GET", "/oauth/authorize"):
                return self.access.authorize(request)
            case ("POST", "/oauth/revoke"):
                return await self.access.revoke(request)
            case _:
                return self._refused(_unknown(), "v1")

    async def _api(self, request: Request, version: str, path: str) -> Response:
        held = self.access.admit(request, version)
        wall = self.limits.wall(held.token)
        if wall is not None:
            return wall
        found = self._find(version, path)
        request.scope[PATTERN_KEY] = f"/{'api/' if version == 'v2' else ''}{found.pattern.lstrip('/')}"
        endpoint = found.targets.get(request.method)
        if endpoint is None:
            raise ApiError(405, "Method not allowed", "ERR_METHOD_NOT_ALLOWED")
        held.require(endpoint.scopes)
        try:
            self.limits.admit(held.token, endpoint.cost, app=held.is_app, search=endpoint.search)
        except ApiError as refusal:
            response = self._refused(refusal, version)
            response.headers.update(self.limits.headers(held.token, app=held.is_app))
            return response
        self.stats.spent += endpoint.cost
        await self.lag()
        call = await self._call(request, version, found)
        try:
            response = endpoint.handle(call)
        except ApiError as refusal:
            response = self._refused(refusal, version)
        response.headers.update(
            self.limits.headers(held.token, app=held.is_app, wrote=request.method in {"POST", "PUT"})
        )
        return response

    def _find(self, version: str, path: str) -> Found[Endpoint]:
        found = self._routes.find(f"/{version}{path}")
        if found is None:
            raise _unknown()
        return found

    async def _call(self, request: Request, version: str, found: Found[Endpoint]) -> Call:
        path = request.url.path
        return Call(
            version=version,
            method=request.method,
            url_path=path,
            path=found.params,
            params=dict(request.query_params),
            raw_body=await request.body(),
            content_type=request.headers.get("content-type", ""),
            company=self.company,
            user=self.company.admin,
            fault=lambda kind: self.faults.on_data(kind, request.method, path),
        )

    def objects(self) -> list[str]:
        """The names of the objects, as in the API's paths."""
        return [*PLURAL.values(), "users"]

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live records as v2 shows them (notes and leads as v1), or those deleted in the last 30 days."""
        if name == "users":
            return (
                iter(())
                if deleted
                else (_person(user.shown(self.company.admin, "", "")) for user in self.company.users)
            )
        kind = (
            next(kind for kind, plural in PLURAL.items() if plural == name)
            if name in PLURAL.values()
            else None
        )
        if kind is None:
            raise KeyError(name)
        rows = (
            (gone.row for gone in self.company.deleted(kind)) if deleted else self.company.tables[kind].rows()
        )
        return (shown(self.company, kind, row) for row in rows)

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """The webhooks that Pipedrive would have sent, oldest first, with the headers of each."""
        sent = list(self.company.outbox)
        if clear:
            self.company.outbox.clear()
        return sent

    def console_code(self) -> str:
        """A code as it stands in the address to which Pipedrive sends a user back, good for five minutes."""
        return self.access.new_code()

    def change_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Make other choices while the double runs; all that were made. Raises SimulatorError."""
        if "scopes" in changes:
            raise SimulatorError("scopes are granted when the double starts")
        given = {**self._given, **changes}
        settings = read_settings(given)
        self._given = given
        self.company.settings = self.access.settings = settings
        self.limits.settle(settings, self.company.seats)
        return given

    def act(self, name: str, given: Mapping[str, str]) -> dict[str, object]:
        """What people do in Pipedrive without the API; raises SimulatorError."""
        match name, given:
            case "restore", {"object": str() as kind, "id": str() as ident}:
                return restore(self.company, kind, ident)
            case "deactivate_user", {"id": str() as ident}:
                deactivate(self.company, ident)
            case "renew_api_token", _:
                return {"api_token": self.access.renew_api_token()}
            case "uninstall", _:
                self.access.uninstall()
            case _:
                raise SimulatorError(f"there is no {name} with these particulars; there are {ACTS}")
        return {}

    def expire_tokens(self) -> None:
        """Let all access tokens expire now."""
        self.access.book.expire_all()

    def failure(self, status: int) -> Response:
        """What Pipedrive sends with a status that a fault rule asks for; 403 is Cloudflare's page."""
        match status:
            case 401:
                return self._refused(unauthorized(), "v2")
            case 402:
                return self._refused(GatewayError(402, "Payment required: company account is not open"), "v2")
            case 403:
                return blocked()
            case 404:
                return self._refused(_unknown(), "v2")
            case 429:
                return self._refused(over_limit(), "v2")
            case _:
                return self._refused(ApiError(status, "Internal server error", "ERR_UNKNOWN"), "v2")

    def _refused(self, refusal: ApiError, version: str) -> Response:
        return json_response(refusal.body(version), refusal.status)


def _unknown() -> ApiError:
    return ApiError(404, "Unknown method .", "ERR_NOT_FOUND")


def _person(row: Row) -> Row:
    return {key: row[key] for key in ("id", "name", "email", "active_flag", "is_deleted")}

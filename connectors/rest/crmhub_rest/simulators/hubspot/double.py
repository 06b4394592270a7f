"""The double itself: who may call, how often, and which handler answers."""

from collections.abc import Iterator, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from crmhub.testing.simulator.app import PATTERN_KEY, Double
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.routes import Found, Routes
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.hubspot.building import build_portal
from crmhub_rest.simulators.hubspot.call import Call, Endpoint
from crmhub_rest.simulators.hubspot.errors import (
    HubSpotError,
    missing_scopes,
    not_found,
    old_token,
    wrong_token,
)
from crmhub_rest.simulators.hubspot.limits import Limits, RateLimited
from crmhub_rest.simulators.hubspot.oauth import TokenServer
from crmhub_rest.simulators.hubspot.records import Records
from crmhub_rest.simulators.hubspot.rendering import full_record
from crmhub_rest.simulators.hubspot.resources import (
    account,
    association_limits,
    associations,
    associations_v3,
    batches,
    groups,
    objects,
    pipelines,
    properties,
    schemas,
    searching,
    webhooks,
)
from crmhub_rest.simulators.hubspot.scopes import EVERYTHING, read_scopes
from crmhub_rest.simulators.hubspot.subscriptions import Subscriptions
from crmhub_rest.simulators.hubspot.times import iso
from crmhub_rest.simulators.switches import Switches

DATES: Final = ("2025-09", "2026-03", "2026-09")
"""The dated versions of paths."""

SETTINGS: Final[Mapping[str, str]] = {
    "burst": "calls in 10 seconds (default 190; 100 in free and starter accounts)",
    "searches": "searches in a second (default 5)",
    "daily": "calls in a day (default 625000)",
    "timezone": "the account's time zone, whose midnight begins a day (default UTC)",
    "index_lag": "seconds until search knows of a change (default 0)",
    "bulk": "so many first records of each type share one time of change (default 0)",
    "scopes": "what the credentials may do, comma-separated (default: everything)",
    "rotate_refresh": "yes: each refresh gives a new refresh token and voids the old one",
    "merge": "new: a merged record has a new id (default); keep: it has the primary one's",
}
_LONGEST_URL = 8_192
_PORTAL, _APP = 48_000_001, 3_100_001
_MOVING = 60
"""Seconds that a client is told to wait while the account is moved; HubSpot may say up to a day."""


class HubSpotDouble(Double):
    """HubSpot's CRM APIs, played locally."""

    name = "hubspot"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        switches = Switches("hubspot", SETTINGS, options.settings)
        scopes = read_scopes(switches.texts("scopes", sorted(EVERYTHING)))
        rotates = switches.flag("rotate_refresh")
        self.tokens = TokenServer(self.clock, options.seed, scopes, _PORTAL, _APP, rotates=rotates)
        self.credentials = self.tokens.credentials
        hooks = Subscriptions(self.tokens.client_secret, _APP, _PORTAL)
        self.portal = build_portal(options, self.clock, hooks, switches.whole("bulk", 0))
        self.portal.index_lag = int(switches.number("index_lag", 0) * 1000)
        self.portal.merge_makes_new = switches.one_of("merge", "new", "new", "keep") == "new"
        self.portal.time_zone = switches.zone("timezone")
        self.limits = Limits(
            self.clock,
            switches.whole("burst", 190, 1),
            switches.whole("searches", 5, 1),
            switches.whole("daily", 625_000, 1),
            self.portal.time_zone,
        )
        self._records = Records(self.portal)
        self._routes = Routes[Endpoint]()
        self.endpoints = list(_endpoints(self.limits))
        for endpoint in self.endpoints:
            self._routes.add(endpoint.method, endpoint.pattern, endpoint)

    async def answer(self, request: Request) -> Response:
        """Answer one call as HubSpot would."""
        path = request.url.path
        if len(str(request.url.query)) + len(path) > _LONGEST_URL:
            return HTMLResponse("<html><body><h1>414 Request-URI Too Large</h1></body></html>", 414)
        await self.lag()
        try:
            if path.startswith("/oauth/"):
                return await self._oauth(request, path)
            return await self._api(request, path)
        except HubSpotError as refusal:
            return self._refused(refusal)
        finally:
            self.portal.send()

    async def _oauth(self, request: Request, path: str) -> Response:
        before = self.tokens.book.issued
        response = await self.tokens.answer(request, path)
        self.stats.tokens_issued += self.tokens.book.issued - before
        return response or _no_page()

    async def _api(self, request: Request, path: str) -> Response:
        found = self._routes.find(path)
        if found is None or found.params.get("version", DATES[0]) not in DATES:
            return _no_page()
        request.scope[PATTERN_KEY] = found.pattern
        endpoint = found.targets.get(request.method)
        if endpoint is None:
            raise HubSpotError(405, "METHOD_NOT_ALLOWED", "HTTP 405 Method Not Allowed")
        header = request.headers.get("authorization", "")
        if endpoint.keyed:
            if request.query_params.get("hapikey") != self.tokens.developer_key:
                raise wrong_token()
            scopes, daily = frozenset[str](), False
        else:
            scopes, daily = self.tokens.scopes_of(header), self.tokens.is_private(header)
        self.limits.spend(search=endpoint.searches, daily=daily)
        try:
            response = endpoint.handle(self._call(request, found, scopes, await request.body()))
        except HubSpotError as refusal:
            response = self._refused(refusal)
        if not endpoint.searches:
            response.headers.update(self.limits.headers(daily=daily))
        response.headers.setdefault("x-hubspot-correlation-id", self.portal.correlation())
        return response

    def _call(self, request: Request, found: Found[Endpoint], scopes: frozenset[str], body: bytes) -> Call:
        path = request.url.path
        endpoint = found.targets[request.method]
        return Call(
            method=request.method,
            path=found.params,
            params=request.query_params,
            content_type=request.headers.get("content-type", ""),
            raw_body=body,
            portal=self.portal,
            records=self._records,
            scopes=scopes,
            fault=lambda kind: self.faults.on_data(kind, request.method, path),
            base_url=self.base_url(request),
            version=found.params.get("version", endpoint.version),
            url_path=path,
        )

    def _refused(self, refusal: HubSpotError) -> Response:
        correlation = self.portal.correlation()
        response = json_response(refusal.body(correlation), refusal.status)
        response.headers["x-hubspot-correlation-id"] = correlation
        return response

    def objects(self) -> list[str]:
        """The plurals of the types of records, `owners` and `pipelines`."""
        return [*self.portal.stores, "owners", "pipelines"]

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live records with all their values and associations, or the archived ones; KeyError if there is
        no such type.
        """
        if name == "owners":
            return (owner.shown() for owner in self.portal.owners.values() if owner.archived == deleted)
        if name == "pipelines":
            every = [one for each in self.portal.pipelines.values() for one in each.values()]
            return (one.shown() for one in every if (one.archived_at is not None) == deleted)
        store = self.portal.stores[name]
        if deleted:
            return (full_record(self.portal, store, gone.row, gone) for gone in store.table.deleted())
        return (full_record(self.portal, store, row) for row in store.table.rows())

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """Webhook messages that HubSpot would have sent, oldest first: `url`, `method`, `headers`, and `body`
        as the text that was signed.
        """
        sent = list(self.portal.outbox)
        if clear:
            self.portal.outbox.clear()
        return sent

    def expire_tokens(self) -> None:
        """Let all OAuth access tokens expire now; the private app's token does not."""
        self.tokens.book.expire_all()

    def failure(self, status: int) -> Response:
        """HubSpot's reply for a status that a fault rule asks for."""
        match status:
            case 401:
                return self._refused(old_token(7, iso(self.portal.now() - 7_000)))
            case 403:
                return self._refused(missing_scopes("crm.objects.contacts.read"))
            case 404:
                return self._refused(not_found())
            case 429:
                limited = RateLimited("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
                response = self._refused(limited)
                response.headers.update(
                    {**self.limits.headers(daily=False), "X-HubSpot-RateLimit-Remaining": "0"}
                )
                return response
            case 477:
                message = "This account is being moved between data centres: try again later"
                response = self._refused(HubSpotError(477, "MIGRATION_IN_PROGRESS", message))
                response.headers["Retry-After"] = str(_MOVING)
                return response
            case 423:
                message = "The resource is locked by another request: try again in a while"
                return self._refused(HubSpotError(423, "RESOURCE_LOCKED", message))
            case _:
                return self._refused(HubSpotError(status, "INTERNAL_ERROR", "internal error"))


def _endpoints(limits: Limits) -> Iterator[Endpoint]:
    """All routes, those with more fixed words first."""
    yield from searching.endpoints(searching.Search())
    yield from batches.endpoints()
    yield from association_limits.endpoints()
    yield from associations.endpoints()
    yield from associations_v3.endpoints()
    yield from objects.endpoints()
    yield from groups.endpoints()
    yield from properties.endpoints()
    yield from pipelines.endpoints()
    yield from schemas.endpoints()
    yield from account.endpoints(limits)
    yield from webhooks.endpoints()


def _no_page() -> Response:
    return HTMLResponse(
        "<html><head><title>Error 404 Not Found</title></head><body><h2>HTTP ERROR 404</h2></body></html>",
        404,
    )

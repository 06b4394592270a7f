"""The double itself: who may call, what it costs, which handler answers."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.app import PATTERN_KEY, Double
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.mcp import PATH, is_endpoint
from crmhub.testing.simulator.mcp_switches import read_switches, settings_of
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.routes import Found, Routes
from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.books import Books
from crmhub_zoho.simulator.building import DEFAULT_OFFSET, build_org
from crmhub_zoho.simulator.call import Call, Endpoint
from crmhub_zoho.simulator.endpoints import NO_MODULES, endpoints
from crmhub_zoho.simulator.errors import ZohoError, too_many_requests
from crmhub_zoho.simulator.guards import SETTINGS as GUARDS
from crmhub_zoho.simulator.guards import set_up
from crmhub_zoho.simulator.jobs import DEFAULT_DELAY
from crmhub_zoho.simulator.limits import EDITIONS, Limits
from crmhub_zoho.simulator.mcp_client import make_server
from crmhub_zoho.simulator.mcp_results import SHAPES
from crmhub_zoho.simulator.mcp_tools import NAMES
from crmhub_zoho.simulator.oauth import Accounts
from crmhub_zoho.simulator.org import BULK_PAGE
from crmhub_zoho.simulator.paging import PageTokens
from crmhub_zoho.simulator.projects import Projects
from crmhub_zoho.simulator.records import Records
from crmhub_zoho.simulator.rendering import full_record
from crmhub_zoho.simulator.scopes import EVERYTHING, read_scopes
from crmhub_zoho.simulator.suite import SETTINGS as SUITE_SETTINGS
from crmhub_zoho.simulator.suite import read_switches as read_suite_switches

VERSIONS: Final = frozenset({"v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8"})
GENEROUS_CREDITS: Final = 5_000_000
_GENEROUS_LICENCES: Final = 4_950  # users of the enterprise edition that have as many credits
SETTINGS: Final[Mapping[str, str]] = {
    "edition": f"one of {', '.join(EDITIONS)} (default: enterprise with {GENEROUS_CREDITS:,} credits a day)",
    "credits": "API credits per rolling 24 hours",
    "concurrency": "calls at the same time",
    "index_delay": "seconds until search finds a new record (default 0)",
    "offset": f"the organisation's offset from UTC (default {DEFAULT_OFFSET})",
    "bulk_delay": f"seconds that a background job takes (default {DEFAULT_DELAY:g})",
    "bulk_page": f"records in one page of a bulk read (default {BULK_PAGE:,})",
    "scopes": "what the credentials may do, comma-separated (default: everything)",
    **settings_of(NAMES, SHAPES),
    **GUARDS,
    **SUITE_SETTINGS,
}
_SCHEME = "zoho-oauthtoken "


class ZohoDouble(Double):
    """Zoho CRM (API v8), played locally."""

    name = "zoho"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        settings = _Settings(options.settings)
        self.org = build_org(options, self.clock, settings.text("offset", DEFAULT_OFFSET))
        scopes = read_scopes(settings.text("scopes", ",".join(EVERYTHING)))
        self._scopes = scopes
        self.accounts = Accounts(self.clock, options.seed, scopes)
        self.credentials = self.accounts.credentials
        switches = read_switches(NAMES, SHAPES, options.settings)
        self.mcp = make_server(self, self.accounts, scopes, switches)
        self.credentials["mcp_token"] = self.mcp.token
        self.places["mcp_url"] = PATH
        suite = read_suite_switches(settings.text, settings.number)
        self.books = Books(self.org, self.accounts, options, suite)
        self.projects = Projects(self.org, self.accounts, options, suite)
        set_up(self.org, settings.text)
        self.index_delay = settings.number("index_delay", 0.0)
        self.org.jobs.delay = settings.number("bulk_delay", DEFAULT_DELAY)
        self.org.bulk_page = int(settings.number("bulk_page", BULK_PAGE, least=1))
        self.edition, self.limits = self._limits(settings)
        is_small = "edition" in options.settings or "credits" in options.settings
        self._licences = len(self.org.users) if is_small else _GENEROUS_LICENCES
        self._records = Records(self.org)
        self._tokens = PageTokens(self.clock, random.Random(f"zoho-pages-{options.seed}"))
        self._routes = Routes[Endpoint]()
        for endpoint in endpoints():
            self._routes.add(endpoint.method, f"{endpoint.prefix}{endpoint.pattern}", endpoint)

    def _limits(self, settings: "_Settings") -> tuple[str, Limits]:
        name = settings.text("edition", "enterprise")
        edition = EDITIONS.get(name)
        if edition is None:
            raise SimulatorError(f"edition: {name!r} is not one of {', '.join(EDITIONS)}")
        named = (
            edition.credits_for(len(self.org.users))
            if "edition" in self.options.settings
            else GENEROUS_CREDITS
        )
        credits_a_day = int(settings.number("credits", named))
        return name, Limits(
            self.clock, credits_a_day, int(settings.number("concurrency", edition.concurrency, least=1))
        )

    async def answer(self, request: Request) -> Response:
        """Answer one call as Zoho would."""
        path = request.url.path.rstrip("/")
        if is_endpoint(path):
            return await self.mcp.answer(request)
        for service in (self.books, self.projects):
            if path.startswith(f"{service.prefix}/"):
                await self.lag()
                return service.answer(request, path)
        try:
            if path.startswith("/oauth/v2/"):
                return await self._oauth(request, path)
            return await self._api(request, path)
        except ZohoError as refusal:
            return self._envelope(refusal)

    async def _oauth(self, request: Request, path: str) -> Response:
        await self.lag()
        request.scope[PATTERN_KEY] = path
        match (request.method, path):
            case ("POST", "/oauth/v2/token"):
                before = self.accounts.book.issued
                response = await self.accounts.token(request, self.base_url(request))
                self.stats.tokens_issued += self.accounts.book.issued - before
                return response
            case ("GET", "/oauth/v2/auth"):
                return self.accounts.authorize(request, self.base_url(request))
            case ("POST", "/oauth/v2/token/revoke"):
                return await self.accounts.revoke(request)
            case _:
                raise _no_such_url()

    async def _api(self, request: Request, path: str) -> Response:
        found = self._find(path)
        request.scope[PATTERN_KEY] = found.pattern
        call = self._call(request, found, path, await request.body())
        endpoint = found.targets.get(request.method)
        if endpoint is None:
            raise _no_such_method()
        with self.limits.slot(heavy=endpoint.heavy(call), weight=endpoint.weight):
            self._spend(endpoint.price(call))
            await self.lag()
            self.org.jobs.settle()
            response = self._handled(endpoint, call)
        remaining = self.limits.remaining_header
        if remaining is not None:
            response.headers["X-API-CREDITS-REMAINING"] = remaining
        return response

    def _spend(self, amount: int) -> None:
        self.limits.spend(amount)
        self.stats.spent += amount

    def _handled(self, endpoint: Endpoint, call: Call) -> Response:
        try:
            for scope in endpoint.scopes:
                call.require(scope.format_map(call.path))
            return endpoint.handle(call)
        except ZohoError as refusal:
            return self._envelope(refusal)

    def _play(self, call: Call) -> Response:
        """Answer a part of a composite request, which costs nothing of its own."""
        found = self._find(call.url_path)
        endpoint = found.targets.get(call.method)
        if endpoint is None:
            raise _no_such_method()
        return self._handled(endpoint, replace(call, path=found.params))

    def _find(self, path: str) -> Found[Endpoint]:
        found = self._routes.find(path)
        if found is None or found.params.get("version", "v8") not in VERSIONS:
            raise _no_such_url()
        if found.params.get("module", "") in NO_MODULES or "actions" in found.params.values():
            raise _no_such_url()  # an address of Zoho's that is not played here
        return found

    def _call(self, request: Request, found: Found[Endpoint], path: str, body: bytes) -> Call:
        header = request.headers.get("authorization", "")
        if not header.lower().startswith(_SCHEME):
            raise ZohoError(401, "AUTHENTICATION_FAILURE", "Authentication failed")
        token = self.accounts.live(header[len(_SCHEME) :].strip())
        if token is None:
            raise ZohoError(401, "INVALID_TOKEN", "invalid oauth token")
        return Call(
            method=request.method,
            url_path=path,
            path=found.params,
            params=dict(request.query_params),
            headers=request.headers,
            raw_body=body,
            org=self.org,
            records=self._records,
            tokens=self._tokens,
            user=self.org.admin,
            granted=token.scopes,
            edition=self.edition,
            licences=self._licences,
            index_delay=self.index_delay,
            fault=lambda kind: self.faults.on_data(kind, request.method, path),
            base_url=self.base_url(request),
            play=self._play,
            spend=self._spend,
        )

    def objects(self) -> list[str]:
        """The API names of the modules, and what Zoho Books and Zoho Projects hold."""
        return [*self.org.modules, *self._shelves]

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live records of a module as the single GET shows them, or those in the recycle bin."""
        self.org.jobs.settle()
        if name in self._shelves:
            return iter(()) if deleted else self._shelves[name]()
        module = self.org.modules[name]
        rows = (gone.row for gone in module.table.deleted()) if deleted else module.table.rows()
        return (full_record(self.org, module, row) for row in rows)

    @property
    def _shelves(self) -> Mapping[str, Callable[[], Iterator[Row]]]:
        return {**self.books.shelves, **self.projects.shelves}

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """Notifications and callbacks of jobs that Zoho would have sent, oldest first; `clear` forgets
        them.
        """
        self.org.jobs.settle()
        sent = list(self.org.outbox)
        if clear:
            self.org.outbox.clear()
        return sent

    def console_code(self) -> str:
        """A code of the self client for all that its credentials may do, good for three minutes."""
        try:
            return self.accounts.self_client_code(self._scopes)
        except ValueError as problem:
            raise SimulatorError(str(problem)) from None

    def expire_tokens(self) -> None:
        """Let all access tokens expire now."""
        self.accounts.book.expire_all()

    def failure(self, status: int) -> Response:
        """Zoho's envelope for a status that a fault rule asks for."""
        match status:
            case 401:
                return self._envelope(ZohoError(401, "INVALID_TOKEN", "invalid oauth token"))
            case 403:
                return self._envelope(
                    ZohoError(403, "NO_PERMISSION", "permission denied", {"permissions": []})
                )
            case 404:
                return self._envelope(_no_such_url())
            case 429:
                return self._envelope(too_many_requests())
            case _:
                return self._envelope(ZohoError(status, "INTERNAL_ERROR", "Internal Server Error"))

    def _envelope(self, refusal: ZohoError) -> Response:
        return json_response(refusal.envelope(), refusal.status)


def _no_such_method() -> ZohoError:
    return ZohoError(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")


def _no_such_url() -> ZohoError:
    return ZohoError(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


class _Settings:
    """The double's own choices, by name; raises SimulatorError for one that is not known or not a number."""

    def __init__(self, given: Mapping[str, str]) -> None:
        for name in given:
            if name not in SETTINGS:
                known = "; ".join(f"{one}: {meaning}" for one, meaning in SETTINGS.items())
                raise SimulatorError(f"zoho has no setting {name!r}; it has {known}")
        self._given = given

    def text(self, name: str, default: str) -> str:
        return self._given.get(name, default)

    def number(self, name: str, default: float, least: float = 0) -> float:
        text = self._given.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SimulatorError(f"{name}: {text!r} is not a number")
        if value < least:
            raise SimulatorError(f"{name}: {text} is less than {least:g}")
        return value

"""The Salesforce double: one org behind HTTP."""

import gzip
import random
import zlib
from collections.abc import Iterator, Mapping
from typing import ClassVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.app import PATTERN_KEY, Double
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.mcp import PATH, is_endpoint
from crmhub.testing.simulator.mcp_switches import read_switches
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.schema_file import load_schema
from crmhub.testing.simulator.table import Row
from crmhub.testing.simulator.users_file import DEFAULT_USERS, load_users
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.objects import build_catalog
from crmhub_salesforce.simulator.customs import Customs
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.lives import convert_lead, merge
from crmhub_salesforce.simulator.login import Login
from crmhub_salesforce.simulator.mcp import make_server
from crmhub_salesforce.simulator.mcp_results import SHAPES
from crmhub_salesforce.simulator.mcp_tools import NAMES
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.resources.bulk_ingest import add_bulk_ingest
from crmhub_salesforce.simulator.resources.bulk_query import add_bulk_query
from crmhub_salesforce.simulator.resources.bulk_v1 import ASYNC, BulkV1, refused
from crmhub_salesforce.simulator.resources.changes import add_changes
from crmhub_salesforce.simulator.resources.collections import add_collections
from crmhub_salesforce.simulator.resources.composite import add_composite
from crmhub_salesforce.simulator.resources.describes import add_describes, versions
from crmhub_salesforce.simulator.resources.layouts import add_layouts
from crmhub_salesforce.simulator.resources.queries import add_queries
from crmhub_salesforce.simulator.resources.related import add_related
from crmhub_salesforce.simulator.resources.rows import show
from crmhub_salesforce.simulator.resources.search import add_search
from crmhub_salesforce.simulator.resources.trees import add_trees
from crmhub_salesforce.simulator.seed import Seeds
from crmhub_salesforce.simulator.service import PREFIX, Adder, Service
from crmhub_salesforce.simulator.sessions import Sessions
from crmhub_salesforce.simulator.settings import changed_settings, read_settings
from crmhub_salesforce.simulator.usage import Usage

LONGEST_URL = 16_384
LONGEST_HEADERS = 16_384
TRUTH_VERSION = "62.0"

# Order matters: fixed paths before those that end in an id.
_RESOURCES: tuple[Adder, ...] = (
    add_describes,
    add_changes,
    add_queries,
    add_search,
    add_composite,
    add_trees,
    add_collections,
    add_bulk_query,
    add_bulk_ingest,
    add_layouts,
    add_related,
)
_FAILURES = {
    400: ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    409: ("CONFLICT", "The request could not be completed due to a conflict with the state of the resource"),
    500: (
        "UNKNOWN_EXCEPTION",
        "An unexpected error occurred. Please include this ErrorId if you contact support",
    ),
    503: (
        "SERVER_UNAVAILABLE",
        "We are down for maintenance. Sorry for the inconvenience. We'll be back shortly.",
    ),
}
_ACTS = "merge (object, winner, loser), convert_lead (id, deal), hold (id, writes), purge_delete_log"
_APEX = "/services/apexrest/"
"""Where an org's own programs would answer; this one has none."""
_CROWDED = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
_REFUSED_TOO_LONG = {414: "URI Too Long", 431: "Request Header Fields Too Large"}


class SalesforceDouble(Double):
    """A Salesforce org, played locally: OAuth, REST, SOQL, SOSL, collections, composite, replication."""

    name: ClassVar[str] = "salesforce"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        settings = read_settings(options.settings)
        self._chosen = dict(options.settings)
        typed = [kind.sobject for kind in settings.record_types]
        catalog = build_catalog(
            load_schema(options.schema), [*settings.currencies], typed, settings.hidden_fields
        )
        users = load_users(options.users) or list(DEFAULT_USERS)
        self.org = Org(
            catalog,
            self.clock,
            users,
            lambda org: Seeds(options, org, settings).tables(),
            record_types=settings.record_types,
            rates=settings.currencies,
        )
        self.org.customs = Customs(settings.validation_rules, settings.duplicate_rules, settings.held_parents)
        self.sessions = Sessions(self.clock, settings, options.seed, self.org.id, self.org.user_id)
        self._login = Login(self.org, self.sessions, self.stats)
        usage = Usage(self.clock, settings.daily_api_requests)
        self._service = Service(self.org, settings, self.faults, usage, random.Random(f"late {options.seed}"))
        self._service.new_password = self.sessions.set_password
        self._calls = 0
        for add in _RESOURCES:
            add(self._service)
        self._bulk = BulkV1(self._service)
        self.mcp = make_server(self, options.seed, read_switches(NAMES, SHAPES, options.settings))
        self.credentials = {**self.sessions.credentials(), "mcp_token": self.mcp.token}
        self.places["mcp_url"] = PATH

    def objects(self) -> list[str]:
        """The object types of the org."""
        return [sobject.name for sobject in self.org.catalog]

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live (or deleted) records with all their fields; KeyError if there is no such object."""
        sobject = self.org.catalog.get(name)
        if sobject is None:
            raise KeyError(name)
        table = self.org.tables[sobject.name]
        rows = (gone.row for gone in table.deleted()) if deleted else table.rows()
        fields = list(sobject.fields)
        return (show(sobject, row, fields, TRUTH_VERSION) for row in rows)

    @property
    def used(self) -> int:
        """API calls of the last 24 hours."""
        return self._service.usage.used()

    def expire_tokens(self) -> None:
        """Let all sessions end now."""
        self.sessions.expire_all()

    def change_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Change what can be changed while the org runs; all choices that were made. Raises
        SimulatorError.
        """
        known = {**self._chosen, **changes}
        settings = changed_settings(self._chosen, changes)
        self._service.settings = settings
        self._service.usage.allowed = settings.daily_api_requests
        customs = self.org.customs
        customs.validations, customs.duplicates = settings.validation_rules, settings.duplicate_rules
        customs.held = settings.held_parents
        self.sessions.change(settings)
        self._chosen = known
        return known

    def shorten_pages(self, rows: int) -> None:
        """From now on give at most so many rows in a page of query results."""
        self.change_settings({"page_rows": str(rows)})

    def slow_jobs(self, seconds: int) -> None:
        """From now on a bulk job takes so long, by the org's clock."""
        self.change_settings({"bulk_seconds": str(seconds)})

    def act(self, name: str, given: Mapping[str, str]) -> dict[str, object]:
        """What happens in the org without the API: a merge, a lead's conversion, … Raises SimulatorError."""
        try:
            match name, given:
                case "merge", {"object": str() as kind, "winner": str() as winner, "loser": str() as loser}:
                    merge(self.org, kind, winner, loser)
                case "convert_lead", {"id": str() as lead}:
                    return {**convert_lead(self.org, lead, deal=given.get("deal"))}
                case "hold", {"id": str() as held, **more}:
                    self.org.customs.hold(held, int(more.get("writes", "1")))
                case "purge_delete_log", _:
                    self.purge_delete_log()
                case _:
                    raise SimulatorError(f"there is no {name} with these particulars; there are {_ACTS}")
        except (ApiError, ValueError) as problem:
            raise SimulatorError(f"{name}: {problem}") from None
        return {}

    def purge_delete_log(self) -> None:
        """Empty the delete log up to now, as the service does when it grows too long."""
        self.org.log_from = self.clock.seconds()
        for log in self.org.deletions.values():
            log.clear()

    def failure(self, status: int) -> Response:
        """A refusal as the service words it; a gateway's page for statuses that only gateways send."""
        if status not in _FAILURES:
            return Response(f"<html><body><h1>{status}</h1></body></html>", status, media_type="text/html")
        code, message = _FAILURES[status]
        return _response(Reply(status, ApiError(code, message).rest()))

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        if is_endpoint(request.url.path.rstrip("/")):
            return await self.mcp.answer(request)
        self._calls += 1
        try:
            most = self._service.settings.concurrent_calls
            if most is not None and self._calls > most:
                return _response(Reply(403, ApiError("REQUEST_LIMIT_EXCEEDED", _CROWDED).rest()))
            await self.lag()
            return await self._answered(request)
        finally:
            self._calls -= 1

    async def _answered(self, request: Request) -> Response:
        raw = _raw_target(request)
        for status, size, most in (
            (414, len(raw), LONGEST_URL),
            (431, sum(len(name) + len(value) for name, value in request.headers.raw), LONGEST_HEADERS),
        ):
            if size > most:
                return Response(_REFUSED_TOO_LONG[status], status, media_type="text/plain")
        path = raw.partition("?")[0].rstrip("/")
        if (pattern := self._login.pattern(path)) is not None:
            request.scope[PATTERN_KEY] = pattern
            return await self._login.answer(request, path, self.base_url(request))
        if path.lower() == PREFIX and request.method == "GET":
            return _response(Reply(200, versions()))
        if path.lower().startswith(f"{ASYNC}/"):
            request.scope[PATTERN_KEY] = self._bulk.pattern(path)
            return await self._bulk_reply(request, path)
        request.scope[PATTERN_KEY] = self._service.pattern(path)
        refused = self._login.refused(request.headers.get("authorization", ""), self.base_url(request))
        if refused is not None:
            return _response(refused)
        if path.lower().startswith(_APEX):
            return _response(Reply(404, ApiError("NOT_FOUND", "Could not find a match for URL").rest()))
        if not self._service.usage.spend():
            refusal = ApiError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
            return self._counted(Reply(403, refusal.rest()))
        self.stats.spent += 1
        body = await request.body()
        if request.headers.get("content-encoding", "").lower() == "gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error):
                malformed = ApiError("INVALID_REQUEST", "The body is not compressed as its header says")
                return self._counted(Reply(400, malformed.rest()))
        query = tuple(parse_qsl(raw.partition("?")[2], keep_blank_values=True))
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, path, query, headers, body, base_url=self.base_url(request))
        return self._counted(self._service.answer(call))

    async def _bulk_reply(self, request: Request, path: str) -> Response:
        """Answer a call to Bulk API 1.0, whose session is in a header of its own."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, path, headers=headers, body=await request.body())
        bearer = headers.get("authorization", "").partition(" ")[2]
        if not self.sessions.may_call(headers.get("x-sfdc-session", bearer).strip()):
            return _response(refused(call, ApiError("InvalidSessionId", "Invalid session id")))
        if not self._service.usage.spend():
            return _response(refused(call, ApiError("ExceededQuota", "TotalRequests Limit exceeded.")))
        return self._counted(self._bulk.answer(call))

    def _counted(self, reply: Reply) -> Response:
        return _response(reply, {"Sforce-Limit-Info": self._service.usage.header()})


def _raw_target(request: Request) -> str:
    """Path and query as they were sent, still encoded."""
    path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("ascii", "replace")


def _response(reply: Reply, headers: dict[str, str] | None = None) -> Response:
    found = {**reply.headers, **(headers or {})}
    if reply.body is None:
        return Response(b"", reply.status, found)
    if isinstance(reply.body, bytes):
        return Response(reply.body, reply.status, found)
    return Response(dump_json(reply.body), reply.status, found, "application/json;charset=UTF-8")

"""The double itself: who may call, how often, and which handler answers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.app import PATTERN_KEY, Double
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.routes import Routes
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import team as kinds
from crmhub_rest.simulators.lofty.acts import ACTS, rename_stage, restore
from crmhub_rest.simulators.lofty.building import build_team, zone
from crmhub_rest.simulators.lofty.call import Call, Endpoint
from crmhub_rest.simulators.lofty.endpoints import endpoints
from crmhub_rest.simulators.lofty.errors import (
    LoftyError,
    bad_credentials,
    no_such_method,
    no_such_url,
    out_of_scope,
)
from crmhub_rest.simulators.lofty.leads import lead_json
from crmhub_rest.simulators.lofty.limits import Limits
from crmhub_rest.simulators.lofty.members import member_json
from crmhub_rest.simulators.lofty.notes import note_json
from crmhub_rest.simulators.lofty.oauth import CONSENT_PATH, TOKEN_PATHS, Accounts
from crmhub_rest.simulators.lofty.settings import read_settings
from crmhub_rest.simulators.lofty.talks import activity_json
from crmhub_rest.simulators.lofty.tasks import task_json
from crmhub_rest.simulators.lofty.team import Team
from crmhub_rest.simulators.lofty.transactions import item_json

_RENDER: Final[dict[str, Callable[[Team, Row], Row]]] = {
    kinds.LEADS: lead_json,
    kinds.TRANSACTIONS: item_json,
    kinds.TASKS: task_json,
    kinds.NOTES: note_json,
    kinds.TALKS: activity_json,
}
_MEMBERS: Final = "Members"


class LoftyDouble(Double):
    """Lofty, played locally."""

    name = "lofty"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._given = dict(options.settings)
        self.settings = read_settings(self._given)
        self.team = build_team(options, self.clock, self.settings)
        self.accounts = Accounts(self.clock, self.settings, options.seed)
        self.credentials = self.accounts.credentials
        self.limits = Limits(
            self.clock, self.settings.rate_limit, reset_as_epoch=self.settings.reset_as_epoch
        )
        self._routes = Routes[Endpoint]()
        for endpoint in endpoints():
            self._routes.add(endpoint.method, endpoint.pattern, endpoint)

    async def answer(self, request: Request) -> Response:
        """Answer one call as Lofty would."""
        path = request.url.path.rstrip("/")
        try:
            if path in TOKEN_PATHS and request.method == "POST":
                return await self._token(request, path)
            if path == CONSENT_PATH and request.method == "GET":
                await self.lag()
                request.scope[PATTERN_KEY] = path
                return self.accounts.consent(request)
            return await self._api(request, path)
        except LoftyError as refusal:
            return self._refused(refusal)

    async def _token(self, request: Request, path: str) -> Response:
        await self.lag()
        request.scope[PATTERN_KEY] = path
        before = self.accounts.book.issued
        response = await self.accounts.token(request)
        self.stats.tokens_issued += self.accounts.book.issued - before
        return response

    async def _api(self, request: Request, path: str) -> Response:
        who = self.accounts.who(request.headers.get("authorization", ""))
        if not self.limits.spend(who):
            await self.lag()
            return json_response({"message": "Too Many Requests"}, 429, self.limits.headers(who))
        await self.lag()
        try:
            response = await self._handled(request, path)
        except LoftyError as refusal:
            response = self._refused(refusal)
        response.headers.update(self.limits.headers(who))
        return response

    async def _handled(self, request: Request, path: str) -> Response:
        found = self._routes.find(path)
        if found is None:
            raise no_such_url()
        request.scope[PATTERN_KEY] = found.pattern
        endpoint = found.targets.get(request.method)
        if endpoint is None:
            raise no_such_method()
        if request.method in {"POST", "PUT"} and not _is_json(request):
            raise LoftyError(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type must be application/json")
        if endpoint.area not in self.settings.scopes:
            raise out_of_scope()
        call = Call(
            method=request.method,
            path=found.params,
            query=dict(request.query_params),
            raw_body=await request.body(),
            team=self.team,
            settings=self.settings,
            fault=lambda kind: self.faults.on_data(kind, request.method, path),
        )
        return endpoint.handle(call)

    def objects(self) -> list[str]:
        """The kinds of records that the team holds."""
        return [*_RENDER, _MEMBERS]

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live records of a kind as single ones are read, or those that were deleted."""
        if name == _MEMBERS:
            return iter([] if deleted else [member_json(self.team, one) for one in self.team.members])
        table, render = self.team.tables[name], _RENDER[name]
        rows = (gone.row for gone in table.deleted()) if deleted else table.rows()
        return (render(self.team, row) for row in rows)

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """The batches of events that Lofty would have sent, oldest first; `clear` forgets them."""
        return self.team.hooks.outbox(clear=clear)

    def console_code(self) -> str:
        """A code as it stands in the address to which Lofty sends a user back, good for ten minutes."""
        return self.accounts.console_code()

    def change_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Make other choices while the double runs; all that were made. Raises SimulatorError."""
        given = {**self._given, **changes}
        settings = read_settings(given)
        zone(settings.timezone)
        self._given, self.settings, self.accounts.settings = given, settings, settings
        self.team.timezone, self.team.persist_seconds = settings.timezone, settings.persist_seconds
        self.team.hooks.seconds = settings.webhook_seconds
        self.limits = Limits(self.clock, settings.rate_limit, reset_as_epoch=settings.reset_as_epoch)
        return given

    def act(self, name: str, given: Mapping[str, str]) -> dict[str, object]:
        """What people do in Lofty without the API; raises SimulatorError."""
        match name, given:
            case "restore", {"lead": str() as lead_id}:
                restore(self.team, lead_id)
            case "rename_stage", {"from": str() as old, "to": str() as new}:
                rename_stage(self.team, old, new)
            case "revoke_key", _:
                self.accounts.revoke_key()
            case "revoke_app", _:
                self.accounts.revoke_grants()
            case _:
                raise SimulatorError(f"there is no {name} with these particulars; there are {ACTS}")
        return {}

    def expire_tokens(self) -> None:
        """Let all access tokens expire now; API keys live on."""
        self.accounts.book.expire_all()

    def failure(self, status: int) -> Response:
        """What Lofty sends with a status that a fault rule asks for."""
        match status:
            case 401:
                return self._refused(bad_credentials())
            case 403:
                return self._refused(out_of_scope())
            case 404:
                return self._refused(no_such_url())
            case 429:
                headers = self.limits.headers("") | {"X-RateLimit-Remaining": "0"}
                return json_response({"message": "Too Many Requests"}, 429, headers)
            case _:
                return self._refused(LoftyError(status, "SYSTEM_ERROR", "Internal server error"))

    def _refused(self, refusal: LoftyError) -> Response:
        body: object = refusal.body(words=self.settings.codes_as_words)
        if self.settings.errors_as_text:
            body = refusal.message
        return json_response(body, refusal.status)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (not kind and request.headers.get("content-length", "0") == "0")

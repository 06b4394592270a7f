"""The double itself: who may call, how often, and which CRM answers."""

import math
import random
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from crmhub.testing.simulator.app import PATTERN_KEY, Double
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.oauth import opaque
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row
from crmhub.testing.simulator.users_file import DEFAULT_USERS, UserSpec, load_users
from crmhub_rollout.simulator.crm import KINDS, USERS, Crm, blocks_of
from crmhub_rollout.simulator.errors import RolloutError, bad, not_found, too_many, unauthorized
from crmhub_rollout.simulator.hooks import Hooks
from crmhub_rollout.simulator.seeding import World, counts_of, locate_person, seeded_rows
from crmhub_rollout.simulator.service import Call, Service
from crmhub_rollout.simulator.settings import read_settings
from crmhub_rollout.simulator.tokens import Tokens

_PREFIX = "/api"
_CREDENTIALS = "credentials"


class RolloutDouble(Double):
    """Rollout's Universal CRM API, played locally, with the CRMs that one user has connected."""

    name = "rollout"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        if options.schema is not None:
            raise SimulatorError(f"{options.schema}: rollout's records have no custom fields to declare")
        self._given = dict(options.settings)
        self._started = self.clock.now()
        self.settings = read_settings(self._given)
        source = random.Random(f"rollout {options.seed}")
        client_id, secret = opaque(source, 24), opaque(source, 64)
        self.tokens = Tokens(self.clock, client_id, secret)
        self._sent: deque[dict[str, object]] = deque(maxlen=10_000)
        self.crms = {
            crm.credential_id: crm
            for number, app in enumerate(self.settings.apps)
            for crm in (self._crm(options, number, app, secret, source),)
        }
        first = next(iter(self.crms), "")
        self.credentials = {
            "client_id": client_id,
            "client_secret": secret,
            "user_key": self.settings.user_key,
            "credential_id": first,
            "auth_token": self.tokens.mint(self.settings.user_key),
        }
        self._window = (0.0, 0)

    def _crm(self, options: Options, number: int, app: str, secret: str, source: random.Random) -> Crm:
        users = load_users(options.users) or list(DEFAULT_USERS)
        owners = [blocks_of(number)[USERS].id_of(place) for place, one in enumerate(users) if one.active]
        world = World(
            options.seed, number, app, counts_of(options), owners or [blocks_of(number)[USERS].id_of(0)]
        )
        return Crm(
            number=number,
            app=app,
            credential_id=f"cred_{opaque(source, 20)}",
            ready_at=self._started + self.settings.sync_seconds,
            clock=self.clock,
            hooks=Hooks(self.clock, secret, self.settings.webhook_copies, source, self._sent),
            seeded=seeded_rows(world),
            locate_person=partial(locate_person, world),
            users=[_user(one) for one in users],
        )

    async def answer(self, request: Request) -> Response:
        """Answer one call as Rollout would."""
        try:
            user = self.tokens.user(request.headers.get("authorization", ""))
            self._spend()
            await self.lag()
            parts = tuple(request.url.path.strip("/").split("/"))
            parts = parts[1:] if f"/{parts[0]}" == _PREFIX else parts
            if not parts or not parts[0]:
                raise not_found()
            request.scope[PATTERN_KEY] = "/".join((_PREFIX, parts[0], *("{id}" for _ in parts[1:])))
            if parts[0] == _CREDENTIALS:
                return self._connected(request, user, parts[1:])
            return await self._api(request, user, parts)
        except RolloutError as refusal:
            return self._refused(refusal)

    def _spend(self) -> None:
        second, used = math.floor(self.clock.now()), self._window[1]
        if self._window[0] != second:
            used = 0
        if used >= self.settings.rate_limit:
            raise too_many()
        self._window = (second, used + 1)

    async def _api(self, request: Request, user: str, parts: tuple[str, ...]) -> Response:
        crm = self._allowed(request.headers.get("x-rollout-credential-id", ""), user)
        if crm.ready_at > self.clock.now():
            raise RolloutError(409, "The data of this credential is not ready yet")
        service = Service(crm, self.faults, self.settings.appointment_fields)
        path, body = request.url.path, await request.body()
        query = dict(request.query_params)
        return service.answer(Call(request.method, path, parts, query, body, self.base_url(request)))

    def _allowed(self, credential_id: str, user: str) -> Crm:
        if not credential_id:
            raise bad("the header X-Rollout-Credential-Id is required")
        crm = self.crms.get(credential_id)
        if crm is None or user != self.settings.user_key:
            raise RolloutError(403, "Forbidden")
        return crm

    def _connected(self, request: Request, user: str, parts: tuple[str, ...]) -> Response:
        mine = list(self.crms.values()) if user == self.settings.user_key else []
        match (request.method, parts):
            case ("GET", ()):
                app = request.query_params.get("appKey")
                return json_response(
                    [self._credential(one, request) for one in mine if app in {None, one.app}]
                )
            case ("GET", (credential_id,)) if credential_id in {one.credential_id for one in mine}:
                return json_response(self._credential(self.crms[credential_id], request))
            case ("DELETE", (credential_id,)) if credential_id in {one.credential_id for one in mine}:
                del self.crms[credential_id]
                return Response(status_code=204)
            case ("GET" | "DELETE", _):
                raise not_found()
            case _:
                raise RolloutError(405, "Method not allowed")

    def _credential(self, crm: Crm, request: Request) -> Row:
        shown: Row = {"id": crm.credential_id, "appKey": crm.app, "userId": self.settings.user_key}
        if request.query_params.get("includeProfile") == "true":
            owner = next(crm.tables[USERS].rows())
            shown["profile"] = {"name": owner["name"], "email": owner["email"]}
        if request.query_params.get("includeData") == "true":
            shown["data"] = {}
        return shown

    def objects(self) -> list[str]:
        """The collections; with several connected CRMs also those of each, as `lofty.people`."""
        more = [f"{one.app}.{name}" for one in list(self.crms.values())[1:] for name in KINDS]
        return [*KINDS, *more]

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live (or deleted) records of a collection as single ones are read."""
        app, _, collection = name.rpartition(".")
        crm = next(one for one in self.crms.values() if app in {"", one.app})
        service = Service(crm, self.faults, self.settings.appointment_fields)
        table = crm.tables[collection]
        rows = (gone.row for gone in table.deleted()) if deleted else table.rows()
        return (service.shown(collection, row) for row in rows)

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """The events that Rollout would have sent, oldest first: `body` is the text that was signed."""
        sent = list(self._sent)
        if clear:
            self._sent.clear()
        return sent

    def change_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Make other choices while the double runs; all that were made. Raises SimulatorError."""
        for name in changes:
            if name in {"apps", "user_key"}:
                raise SimulatorError(
                    f"setting {name}: what is connected, and to whom, is chosen at the start"
                )
        given = {**self._given, **changes}
        self.settings = read_settings(given)
        self._given = given
        for crm in self.crms.values():
            crm.ready_at = self._started + self.settings.sync_seconds
            crm.hooks.copies = self.settings.webhook_copies
        return given

    def expire_tokens(self) -> None:
        """Refuse every token that was signed before now."""
        self.tokens.expire()

    def failure(self, status: int) -> Response:
        """What Rollout sends with a status that a fault rule asks for."""
        match status:
            case 401:
                return self._refused(unauthorized())
            case 404:
                return self._refused(not_found())
            case 429:
                return self._refused(too_many())
            case _:
                return self._refused(RolloutError(status, "Server error" if status >= 500 else "Refused"))

    def _refused(self, refusal: RolloutError) -> Response:
        headers = {} if refusal.wait is None else {"Retry-After": str(refusal.wait)}
        if self.settings.errors == "text":
            return PlainTextResponse(refusal.message, refusal.status, headers)
        return json_response({self.settings.errors: refusal.message}, refusal.status, headers)


def _user(spec: UserSpec) -> Row:
    return {
        "name": spec.full_name,
        "firstName": spec.first_name,
        "lastName": spec.last_name,
        "email": spec.email,
        "phone": None,
        "role": spec.role or "Agent",
        "status": "Active" if spec.active else "Deleted",
        "timezone": "America/Los_Angeles",
    }

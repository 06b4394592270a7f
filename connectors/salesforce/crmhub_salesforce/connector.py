"""The contract, answered for Salesforce. Thin: each duty is done in the room that has its name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import ClassVar

import anyio
from simple_salesforce.api import Salesforce

from crmhub.connector import (
    Capabilities,
    Check,
    Condition,
    ConnectorConfig,
    Context,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    Page,
    ReadRequest,
    Value,
    WriteRequest,
)
from crmhub.errors import BadRequest, ConfigError, ConnectorError, NotFound
from crmhub.http import Auth, HttpClient, HttpSettings
from crmhub.powers import Changes, Power
from crmhub.statement import Scalar
from crmhub.tiers import Served, TierRouter
from crmhub.usage import Estimate, Planned, Usage
from crmhub_salesforce import native, soql
from crmhub_salesforce.api import Api
from crmhub_salesforce.auth import auth_of
from crmhub_salesforce.bulk.reading import BulkReader
from crmhub_salesforce.bulk.writing import BulkWriter
from crmhub_salesforce.capabilities import MAIN_OBJECTS, able, able_unseen, listed
from crmhub_salesforce.checking import checks
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.errors import classify
from crmhub_salesforce.estimating import Estimator
from crmhub_salesforce.hosts import HOSTS
from crmhub_salesforce.limits import Limits
from crmhub_salesforce.messages import Messages, client_of
from crmhub_salesforce.reading import Reader
from crmhub_salesforce.routes import Tiers
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.signing_in import SalesforceSignIn
from crmhub_salesforce.tiers.mcp import Mcp
from crmhub_salesforce.writing import Writer

__all__ = ["Connector"]

_TIMEOUT = 130.0  # seconds; a query is given up by Salesforce after 120 (SOQL and SOSL Reference, "Limits")
_ALLOWING = {"sforce-duplicate-rule-header": "allowSave=true"}
_POWERS = frozenset({
    Power.SEARCH, Power.COUNT, Power.QUERY, Power.REQUEST, Power.NEWEST, Power.LIMITS, Power.ESTIMATE,
})  # fmt: skip


class Connector:
    """One Salesforce org."""

    Config: ClassVar[type[ConnectorConfig]] = SalesforceConfig

    def __init__(self, config: SalesforceConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._limits = Limits(config, context.connection)
        auth = auth_of(config, context)
        self._http = _client(config, context, auth, self._limits)
        self._limits.attach(self._http)
        self._sign_in = SalesforceSignIn(config, context, self._http, auth)
        self._api = Api(self._http, context, config.version)
        self._schemas = Schemas(self._http, context, config.version)
        bulk = BulkReader(self._api, context, least=config.bulk_read_from, longest=config.bulk_timeout)
        self._reader = Reader(
            self._api, self._schemas, context, bulk, overlap=config.overlap, page_size=config.page_size
        )
        self._tiers = Tiers(self._api, self._schemas, self._http, config, context)
        jobs = BulkWriter(self._api, context, config)
        self._writer = Writer(self._api, self._schemas, context, jobs)
        self._estimator = Estimator(self._limits, self._schemas, self.count, config)
        self._messages = Messages(config, context.connection)
        self._objects: dict[str, Mapping[str, Value]] | None = None

    async def capabilities(self) -> Capabilities:
        """The main objects by their describe, all others that can be queried by the list of objects.

        Another object's unique fields are told once it has been described.
        """
        if self._objects is None:
            answer = await native.ask(self._http, self._config.version, Salesforce.describe)
            self._objects = listed(answer)
            await self._describe_together([name for name in MAIN_OBJECTS if name in self._objects])
        known = {name: self._schemas.known(name) for name in self._objects}
        return Capabilities(
            {
                name: able(of, self._config) if (of := known[name]) else able_unseen(entry, self._config)
                for name, entry in self._objects.items()
            },
            _POWERS | {Power.MESSAGES} if self._config.relay_secret else _POWERS,
        )

    async def able(self, object: str) -> ObjectCapabilities:
        """What can be done with one object; its describe is all that is asked for."""
        return able(await self._schemas.of(object), self._config)

    async def _describe_together(self, names: Sequence[str]) -> None:
        """Describe several objects at once; one that turns out not to be there stays undescribed."""
        errors: list[ConnectorError] = []

        async def describe(name: str) -> None:
            try:
                await self._schemas.of(name)
            except NotFound:
                return
            except ConnectorError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            for name in names:
                tasks.start_soon(describe, name)
        if errors:
            self._objects = None
            raise errors[0]

    async def check(self) -> Sequence[Check]:
        """A line for signing in, the day's calls, each main object and its sync key."""
        return await checks(self._api, self._schemas, self._config)

    async def describe(self, object: str) -> ObjectSchema:
        """The object's fields, at most a minute old; raises ``NotFound`` for an unknown object."""
        return (await self._schemas.of(object, fresh=True)).schema

    def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """See :mod:`crmhub_salesforce.reading`."""
        return self._tiers.read(request, self._reader.read)

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """A record or ``Missing`` for each id (15 or 18 characters), in order."""
        return await self._tiers.get(object, ids, fields)

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """See :mod:`crmhub_salesforce.writing`."""
        return await self._tiers.write(request, self._writer.write)

    def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Records that Salesforce's search finds for the words; its index may lag behind writes."""
        return self._tiers.search(object, text, fields, limit)

    async def count(self, object: str, filter: Sequence[Condition] = ()) -> int:
        """How many live records meet all conditions."""
        return await self._tiers.count(object, filter)

    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        """The records of an object made last, newest first, at most ``limit`` of them and 2,000."""
        return await self._tiers.newest(object, fields, limit)

    async def estimate(self, planned: Planned) -> Estimate:
        """See :mod:`crmhub_salesforce.estimating`."""
        return await self._estimator.estimate(planned)

    async def usage(self) -> Usage:
        """What is used of the org's API calls; one call where no reply has told it."""
        return await self._limits.usage()

    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a relay's delivery of change events tells; see :mod:`crmhub_salesforce.messages`."""
        return self._messages.parse(raw_body, headers)

    def query(self, text: str) -> AsyncGenerator[Page]:
        """Pages of the rows of a SOQL statement."""
        return self._tiers.query(text)

    def literal(self, value: Scalar) -> str:
        """A value as SOQL writes it."""
        return soql.parameter(value)

    async def ask(
        self, operation: str, arguments: Mapping[str, Value] | None = None
    ) -> Served[Sequence[Native]]:
        """What agents ask by name: ``get_accounts``, ``get_opportunities``, ``get_contacts``,
        ``search_records``, ``run_soql_query``, ``list_orgs``; by an MCP server's tool, or by REST.

        ``arguments`` are ``limit`` (5; at most 2,000), ``account_name``, ``stage``, ``search_term`` and
        ``soql_query``, as each takes them; raises ``BadRequest`` for others.
        """
        return await self._tiers.ask(operation, arguments or {})

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Value = None
    ) -> Value:
        """The JSON answer of a path below ``/services/`` (``None`` when empty)."""
        if not path.startswith("/services/") or path.startswith("/services/oauth2/"):
            raise BadRequest(
                "a request goes to a path below /services/, and not to the OAuth endpoints",
                hint=f"write it like /services/data/v{self._config.version}/limits",
            )
        response = await self._api.call(method, path, params=params, json=json)
        return response.json() if response.content else None

    def native(self) -> Salesforce:
        """simple-salesforce on this connection, for worker threads (``anyio.to_thread.run_sync``)."""
        return native.threaded(self._http, self._config.version)

    @property
    def tiers(self) -> TierRouter:
        """The router among the connection's tiers."""
        return self._tiers.router

    async def try_tiers(self) -> None:
        """One cheap query by each tier that is there."""
        await self._tiers.probe()

    @property
    def mcp(self) -> Mcp:
        """The tools of the connection's MCP server."""
        return self._tiers.mcp

    @property
    def sign_in(self) -> SalesforceSignIn:
        """The steps by which a person signs in."""
        return self._sign_in

    async def aclose(self) -> None:
        """Let go of the tiers; the hub closes the HTTP client."""
        await self._tiers.aclose()


def _client(config: SalesforceConfig, context: Context, auth: Auth, limits: Limits) -> HttpClient:
    if context.http is None:
        raise ConfigError("the Salesforce connector needs an HTTP client", hint="give Context(http=…)")
    return context.http(
        HttpSettings(
            base_url=config.api_base,
            auth=auth,
            budget=limits.budget,
            classify=classify,
            allow_hosts=HOSTS,
            concurrency=config.concurrency,
            timeout=_TIMEOUT,
            headers={
                # Else the org's assignment rules would give leads and accounts to others than were sent.
                "sforce-auto-assign": "FALSE",
                "sforce-call-options": f"client={client_of(context.connection)}",
                **(_ALLOWING if config.allow_duplicates else {}),
            },
            request_id_headers=("x-sfdc-request-id", "x-request-id"),
        )
    )

"""The contract, answered for Zoho CRM. Thin: each duty is done in the room that has its name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import ClassVar

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
from crmhub.errors import Unsupported
from crmhub.http import Body, Sink
from crmhub.powers import Attachment, Changes, Power, Subscription
from crmhub.statement import Scalar
from crmhub.tiers import Served, TierRouter
from crmhub.usage import Estimate, Planned, Usage
from crmhub_zoho import coql, modules
from crmhub_zoho.auth import oauth
from crmhub_zoho.checking import checks
from crmhub_zoho.client import client_for, client_of_sdk
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.crm import Crm
from crmhub_zoho.extras import Extras
from crmhub_zoho.limits import Limits
from crmhub_zoho.people import Lists
from crmhub_zoho.routes import Tiers
from crmhub_zoho.schema import Schemas
from crmhub_zoho.signing_in import ZohoSignIn
from crmhub_zoho.suite.beside import Beside
from crmhub_zoho.tiers.rest import Rest
from crmhub_zoho.tiers.rest_extras import RestExtras
from crmhub_zoho.visible import visible_modules
from crmhub_zoho.webhooks import Webhooks

__all__ = ["Connector"]

_POWERS = frozenset(
    {
        Power.SEARCH, Power.COUNT, Power.ESTIMATE, Power.FILES, Power.LIMITS, Power.NEWEST, Power.QUERY,
        Power.REQUEST, Power.WEBHOOKS,
    }
)  # fmt: skip


class Connector:
    """One Zoho CRM organisation."""

    Config: ClassVar[type[ConnectorConfig]] = ZohoConfig

    def __init__(self, config: ZohoConfig, context: Context) -> None:
        self._config = config
        auth = oauth(config, context)
        self._limits = Limits(config, context.connection)
        client = client_for(config, context, auth, self._limits)
        self._sign_in = ZohoSignIn(config, context, client, auth)
        rest = Rest(client, config.version)
        self._rest = rest
        self._limits.attach(client, rest)
        self._schemas = Schemas(rest, context.clock)
        self._beside = Beside(Lists(rest, self._schemas), config, context, client, auth)
        sdk_client = client_of_sdk(config, context, client, self._limits)
        self._tiers = Tiers(rest, client, sdk_client, config, context, self._limits.at_once)
        self._crm = Crm(rest, self._schemas, self._tiers, self._limits, config, context)
        self._extras = Extras(RestExtras(client, config.version), rest, self._schemas, self._tiers.related)
        self._webhooks = Webhooks(rest, self._schemas, config, context)
        self._modules: tuple[str, ...] | None = None

    async def capabilities(self) -> Capabilities:
        """The main modules with their unique fields, all other modules, ``users`` and ``stages``.

        Modules that the credentials cannot see are left out. Another module's unique fields are told once
        it has been described.
        """
        if self._modules is None:
            self._modules = await visible_modules(self._rest, self._schemas, self._limits.at_once())
        able = {name: modules.able(name, self._config, self._schemas.known(name)) for name in self._modules}
        return Capabilities(able | self._beside.capabilities(), _POWERS)

    async def able(self, object: str) -> ObjectCapabilities:
        """What can be done with one module; its fields are all that is asked for."""
        return await self._of(object).able(object)

    async def check(self) -> Sequence[Check]:
        """One line for each permission that the main path needs, tried by a cheap call."""
        return await checks(self._rest, self._schemas, self._config.sync_key, self._beside.trials)

    async def describe(self, object: str) -> ObjectSchema:
        """The object's fields, at most a minute old; raises ``NotFound`` for an unknown module."""
        return await self._of(object).describe(object)

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Pages of records, with deletions once a full read is done."""
        async with aclosing(self._of(request.object).read(request)) as pages:
            async for page in pages:
                yield page
                del page  # the caller alone holds it while the next one comes

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """The records of the ids, in order."""
        return await self._of(object).get(object, ids, fields)

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """One outcome for each item, in order."""
        return await self._of(request.object).write(request)

    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Records in which the word occurs; see :meth:`crmhub_zoho.asking.Asker.search`."""
        async with aclosing(self._of(object).search(object, text, fields, limit)) as pages:
            async for page in pages:
                yield page

    async def count(self, object: str, filter: Sequence[Condition] = ()) -> int:
        """How many live records meet the conditions."""
        return await self._of(object).count(object, filter)

    async def query(self, text: str) -> AsyncGenerator[Page]:
        """The rows of a COQL query; see :meth:`crmhub_zoho.asking.Asker.query`."""
        async with aclosing(self._crm.query(text)) as pages:
            async for page in pages:
                yield page

    def literal(self, value: Scalar) -> str:
        """A value as COQL writes it."""
        return coql.parameter(value)

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Value = None
    ) -> Value:
        """Any endpoint under ``/crm/``; what it answers, decoded."""
        return await self._rest.raw(method, path, params, json)

    async def subscribe(self, objects: Sequence[str], url: str) -> Sequence[Subscription]:
        """Have every change of the modules told to ``url``, for a week unless renewed."""
        for name in objects:
            if self._beside.has(name):
                raise Unsupported(f"Zoho tells nothing of changes of {name}", hint="read them at times")
        return await self._webhooks.subscribe(objects, url)

    async def renew_due(self, now: datetime) -> Sequence[Subscription]:
        """Renew what has less than two days to live; every subscription that stands then."""
        return await self._webhooks.renew_due(now)

    async def unsubscribe(self, objects: Sequence[str] = ()) -> None:
        """End the subscriptions for these modules (none named: all)."""
        await self._webhooks.unsubscribe(objects)

    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a notification tells, once its token is checked; Zoho's headers say nothing."""
        del headers
        return self._webhooks.parse(raw_body)

    async def files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        """Pages of a record's attachments, newest first."""
        async with aclosing(self._of(object).files(object).list(object, record)) as pages:
            async for page in pages:
                yield page

    async def upload(self, object: str, record: str, name: str, content: Body) -> str:
        """Attach a file of at most 20 MB; its id."""
        return await self._of(object).files(object).upload(object, record, name, content)

    async def download(self, object: str, record: str, file: str, into: Sink) -> None:
        """Write an attachment's bytes into the sink as they come."""
        await self._of(object).files(object).download(object, record, file, into)

    async def delete_file(self, object: str, record: str, file: str) -> None:
        """Remove an attachment."""
        await self._of(object).files(object).delete(object, record, file)

    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        """The newest records of a module, at most ``limit`` of them and 2,000, and which tier gave them."""
        return await self._of(object).newest(object, fields, limit)

    @property
    def extras(self) -> Extras:
        """What only Zoho has; see :class:`crmhub_zoho.Zoho`."""
        return self._extras

    async def estimate(self, planned: Planned) -> Estimate:
        """Calls and credits of an operation; see :mod:`crmhub_zoho.estimating`."""
        return await self._of(planned.object).estimate(planned)

    async def usage(self) -> Usage:
        """What is used of the organisation's credits, and its edition's concurrency."""
        return await self._limits.usage()

    @property
    def tiers(self) -> TierRouter:
        """The router among the connection's tiers."""
        return self._tiers.router

    async def try_tiers(self) -> None:
        """One cheap read by each tier that is there."""
        await self._tiers.probe("Accounts")

    @property
    def sign_in(self) -> ZohoSignIn:
        """The steps by which a person signs in."""
        return self._sign_in

    async def aclose(self) -> None:
        """Let go of the tiers; the hub closes the HTTP client."""
        await self._tiers.aclose()

    def _of(self, object: str) -> Crm | Beside:
        return self._beside if self._beside.has(object) else self._crm

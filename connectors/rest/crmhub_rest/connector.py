"""The contract, answered for any CRM that is described. Thin: each duty is done in the room with its name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
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
from crmhub.errors import BadRequest, ConfigError
from crmhub.http import HttpClient, HttpSettings
from crmhub.powers import Changes, Subscription
from crmhub.usage import Estimate, Planned, Usage
from crmhub_rest.allowances import Limits, limits_of
from crmhub_rest.api import Api
from crmhub_rest.capabilities import able, powers
from crmhub_rest.checking import checks
from crmhub_rest.config import RestConfig, config_of, reach_of
from crmhub_rest.credentials import auth_of, credentials_of
from crmhub_rest.dev.looking import Seen, look
from crmhub_rest.estimating import Estimator
from crmhub_rest.guards import demand_settings
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.load import load
from crmhub_rest.lookup import Lookup
from crmhub_rest.messages import Messages
from crmhub_rest.reading import Reader
from crmhub_rest.refusals import classifier
from crmhub_rest.schemas import Schemas
from crmhub_rest.seams import Seams, seams_of
from crmhub_rest.signing_in import RestSignIn
from crmhub_rest.subscriptions import Subscriptions
from crmhub_rest.writing import Writer

__all__ = ["RestConnector", "connector"]


class RestConnector:
    """One org of a described CRM. A subclass has the description; :func:`connector` makes one."""

    crm: ClassVar[Crm]
    source: ClassVar[Path | None] = None
    """The file of the description, where there is one."""
    seams: ClassVar[type[Seams] | None] = None
    """What a subclass says in Python; ``None``: the class that the description names."""
    Config: ClassVar[type[ConnectorConfig]] = RestConfig

    def __init__(self, config: RestConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._settings = config.values()
        demand_settings(self.crm, self._settings)
        self._seams = self.seams() if self.seams is not None else seams_of(self.crm.seams, self.crm.title)
        most = (
            self._settings.get(self.crm.daily.setting) if self.crm.daily and self.crm.daily.setting else None
        )
        self._limits = Limits(self.crm, config, most if isinstance(most, int) else None, context.connection)
        self._auth = auth_of(self.crm, self._settings, context)
        self._http = self._client(config, context)
        self._limits.attach(self._http)
        self._api = Api(self.crm, self._http, self._settings, self._seams, context)
        self._schemas = Schemas(self._api, context)
        self._reader = Reader(self._api, self._schemas, context, page_size=config.page_size)
        self._lookup = Lookup(self._api, self._schemas, context.clock)
        self._writer = Writer(self._api, self._schemas, self._lookup, context)
        self._estimator = Estimator(
            self._api, self._schemas, self._lookup, self._limits, page_size=config.page_size
        )
        self._subscriptions = Subscriptions(self._api, self._schemas, context)
        self._messages = Messages(self.crm, self._settings, self._seams, context.clock, context.connection)

    async def capabilities(self) -> Capabilities:
        """What the description says of each object, with the unique fields that the CRM's metadata tells."""
        objects = {name: await self.able(name) for name in self.crm.objects}
        return Capabilities(objects, powers(self.crm))

    async def able(self, object: str) -> ObjectCapabilities:
        """What can be done with one object."""
        of = await self._schemas.of(object)
        key = self._settings.get(of.says.sync_key) if of.says.sync_key else None
        return able(of, key if isinstance(key, str) else None, self._config.page_size)

    async def check(self) -> Sequence[Check]:
        """A line for signing in, and one for each object."""
        return await checks(self._api, self._schemas)

    async def describe(self, object: str) -> ObjectSchema:
        """The object's fields, at most a minute old; raises ``NotFound`` for an unknown object."""
        return (await self._schemas.of(object, fresh=True)).schema

    def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """See :mod:`crmhub_rest.reading`."""
        return self._reader.read(request)

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """A record or ``Missing`` for each id, in order."""
        return await self._lookup.get(object, ids, fields)

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """See :mod:`crmhub_rest.writing`."""
        return await self._writer.write(request)

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Value = None
    ) -> Value:
        """The JSON answer of a path below the base URL (``None`` when empty)."""
        if "?" in path or not path.startswith("/"):
            raise BadRequest("a path begins with / and has no ?", hint="give the query as params")
        response = await self._http.request(method, path, params=params, json=json, expect="any")
        return response.json() if response.content else None

    async def estimate(self, planned: Planned) -> Estimate:
        """Calls and units of an operation; see :mod:`crmhub_rest.estimating`."""
        return await self._estimator.estimate(planned)

    async def look(self, object: str, size: int = 5) -> Seen:
        """What can be seen of an object, with all that was sent and came for it: for ``crmhub dev``."""
        return await look(self._api, self._schemas, self._context.clock, object, size)

    async def aclose(self) -> None:
        """Nothing is held: the hub closes the HTTP client."""

    def _client(self, config: RestConfig, context: Context) -> HttpClient:
        if context.http is None:
            raise ConfigError(
                f"the connector of {self.crm.title} needs an HTTP client", hint="give Context(http=…)"
            )
        headers = {
            name: text for name, part in self.crm.headers.items() if (text := part.text(self._settings))
        }
        return context.http(
            HttpSettings(
                base_url=config.base_url.rstrip("/"),
                auth=self._auth,
                limits=limits_of(self.crm, self._settings),
                budget=self._limits.budget,
                classify=classifier(self.crm, self._seams, credentials_of(self.crm, self._settings)),
                allow_hosts=frozenset(self.crm.hosts),
                reach=reach_of(config),
                concurrency=config.concurrency,
                timeout=config.timeout,
                headers=headers,
            )
        )


class _Searching(RestConnector):
    """A CRM that has a search."""

    def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Records that the CRM's search finds for the words."""
        return self._lookup.search(object, text, fields, limit)


class _Counting(RestConnector):
    """A CRM that counts."""

    async def count(self, object: str, filter: Sequence[Condition] = ()) -> int:
        """How many live records there are."""
        return await self._lookup.count(object, filter)


class _Telling(RestConnector):
    """A CRM that sends messages."""

    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a message tells; see :mod:`crmhub_rest.messages`."""
        return self._messages.parse(raw_body, headers)


class _Subscribing(_Telling):
    """A CRM that can be asked for messages."""

    async def subscribe(self, objects: Sequence[str], url: str) -> Sequence[Subscription]:
        """See :mod:`crmhub_rest.subscriptions`."""
        return await self._subscriptions.subscribe(objects, url)

    async def renew_due(self, now: datetime) -> Sequence[Subscription]:
        """What stands; what would end soon is renewed first."""
        return await self._subscriptions.renew_due(now)

    async def unsubscribe(self, objects: Sequence[str] = ()) -> None:
        """End the connection's own subscriptions for these objects (none named: all)."""
        await self._subscriptions.unsubscribe(objects)


class _Limited(RestConnector):
    """A CRM with a daily allowance."""

    async def usage(self) -> Usage:
        """What is used of the day's allowance."""
        return await self._limits.usage()


class _SigningIn(RestConnector):
    """A CRM to which a person can sign in."""

    @property
    def sign_in(self) -> RestSignIn:
        """The steps by which a person signs in."""
        return RestSignIn(self.crm, self._settings, self._context, self._http, self._auth)


def connector(source: Path | Crm) -> type[RestConnector]:
    """The connector class of a described CRM: of a file, or of a description that is loaded.

    It has the optional powers that the description gives. Raises :class:`~crmhub.errors.ConfigError`, one
    line for each mistake of the file.
    """
    crm = source if isinstance(source, Crm) else load(source)
    objects = crm.objects.values()
    kinds: dict[type[RestConnector], bool] = {
        _Searching: any(says.search is not None for says in objects),
        _Counting: any(says.count is not None for says in objects),
        _Subscribing: crm.webhooks is not None and crm.webhooks.subscribe is not None,
        _Telling: crm.webhooks is not None and crm.webhooks.subscribe is None,
        _Limited: crm.daily is not None,
        _SigningIn: any(way.oauth is not None and way.oauth.authorize_url is not None for way in crm.auth),
    }
    return type(
        f"{crm.crm.title().replace('_', '')}Connector",
        tuple(kind for kind, there in kinds.items() if there) or (RestConnector,),
        {
            "crm": crm,
            "source": None if isinstance(source, Crm) else source,
            "Config": config_of(crm),
            "__doc__": f"One org of {crm.title}.",
        },
    )

"""The settings of a Zoho CRM connection."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, SecretStr, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from crmhub.connector import ConnectorConfig
from crmhub.errors import BadRequest
from crmhub.http.paths import origin
from crmhub.routing import CallContext
from crmhub_zoho import hosts
from crmhub_zoho.hosts import Environment, Region
from crmhub_zoho.prices import BULK_WRITE_FROM
from crmhub_zoho.suite.settings import BooksConfig, ProjectsConfig
from crmhub_zoho.tiers.mcp.settings import McpSettings

__all__ = ["Credentials", "SdkConfig", "TierConfig", "Trigger", "ZohoConfig"]

Trigger: TypeAlias = Literal["workflow", "approval", "blueprint", "pathfinder", "orchestration"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _base_url(url: str) -> str:
    url = url.rstrip("/")
    try:
        scheme, host, _ = origin(url)
    except BadRequest as error:
        raise ValueError(error.what) from None
    if scheme != "https" and host not in _LOOPBACK:
        raise ValueError("credentials are only sent over https; plain http is for localhost")
    if url.count("/") > 2:
        raise ValueError("give only https://host[:port], without a path")
    return url


def _filled(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("it is empty")
    return value


_Url: TypeAlias = Annotated[str, AfterValidator(_base_url)]


class Credentials(ConnectorConfig):
    """A client of Zoho's API console, and a refresh token that it was given."""

    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    refresh_token: SecretStr

    @field_validator("client_secret", "refresh_token")
    @classmethod
    def _not_empty(cls, value: SecretStr) -> SecretStr:
        return _filled(value)


class SdkConfig(ConnectorConfig):
    """How Zoho's SDK is used; ``true`` and ``false`` stand for ``enabled`` alone."""

    enabled: bool = True
    """Whether it may be used, where it is installed."""
    credentials: Credentials | None = None
    """A client of its own, with a token of its own; nothing: the connection's."""

    @model_validator(mode="before")
    @classmethod
    def _or_not(cls, value: object) -> object:
        return {"enabled": value} if isinstance(value, bool) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "boolean"}, handler(core_schema)]}


class TierConfig(ConnectorConfig):
    """By which tiers calls may be made."""

    context: CallContext | None = None
    """What calls are for that do not say so themselves; nothing: the cheapest tier makes them."""
    mcp: McpSettings | None = None
    """An MCP server in front of the organisation."""
    sdk: SdkConfig = SdkConfig()
    """Whether Zoho's SDK may be used, and with which credentials."""


class ZohoConfig(ConnectorConfig):
    """How to reach one Zoho CRM organisation.

    ``region`` is the data centre in which the organisation lives (it stands in the address bar:
    ``crm.zoho.eu`` is ``eu``). ``api_url`` and ``accounts_url`` replace Zoho's own hosts, for a local
    simulator; one of them alone stands for both.
    """

    region: Region = "us"
    environment: Environment = "production"
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    refresh_token: SecretStr | None = None
    """A secret, of a user of the organisation; without it the one that ``crmhub auth`` has stored."""
    api_url: _Url | None = None
    accounts_url: _Url | None = None
    version: str = Field(default="v8", pattern=r"^v\d{1,2}(\.\d)?$")
    concurrency: int | None = Field(default=None, ge=1, le=25)
    """Calls under way at once; nothing: 5, and what the edition allows once it is known."""
    credits: int | None = Field(default=None, ge=1)
    """API credits in 24 hours that may be used; nothing: what the edition grants."""
    reserve: float = Field(default=0.2, ge=0, lt=1)
    """The share of the credits kept for people: for calls of the contexts ``interactive`` and ``agent``."""
    overlap: float = Field(default=60.0, ge=0, le=86_400)
    """Seconds by which a change may become visible after the time it carries; that much is read again."""
    sync_key: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    """A text field with unique values that crmhub may fill, where a module has one."""
    page_size: int = Field(default=2_000, ge=1, le=2_000)
    """Rows a COQL call; 2,000 is Zoho's most."""
    bulk_write_from: int | None = Field(default=BULK_WRITE_FROM, ge=1)
    """From how many records on a write goes by a bulk job; by default from where that costs fewer credits.
    ``null``: never. With ``trigger`` never either."""
    bulk_read_from: int | None = Field(default=100_000, ge=1)
    """Records from which a full read is done by bulk read jobs; null: never. Sooner where nobody waits."""
    bulk_timeout: float = Field(default=3_600.0, gt=0)
    """Seconds after which a bulk job that is not done is given up."""
    trigger: tuple[Trigger, ...] | None = None
    """Which of the organisation's automations run on writes: all when not given, none when empty."""
    tiers: TierConfig = TierConfig()
    """By which tiers calls may be made."""
    books: BooksConfig | None = None
    """Zoho Books: its invoices and customers as objects; nothing: they are not there."""
    projects: ProjectsConfig | None = None
    """Zoho Projects: its projects, tasks and milestones as objects; nothing: they are not there."""

    @field_validator("client_secret", "refresh_token")
    @classmethod
    def _not_empty(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else _filled(value)

    @property
    def of_sdk(self) -> ZohoConfig | None:
        """The settings with the SDK's own client in them; ``None``: it uses the connection's."""
        own = self.tiers.sdk.credentials
        if own is None:
            return None
        return self.model_copy(
            update={
                "client_id": own.client_id,
                "client_secret": own.client_secret,
                "refresh_token": own.refresh_token,
            }
        )

    @property
    def api_base(self) -> str:
        """Where calls go, unless the token reply names another host of the same data centre."""
        return self.api_url or self.accounts_url or hosts.api_url(self.region, self.environment)

    @property
    def accounts_base(self) -> str:
        """Where tokens come from."""
        return self.accounts_url or self.api_url or hosts.accounts_url(self.region)

    @property
    def uploads_base(self) -> str | None:
        """Where files for bulk writes go; ``None``: it is not known, or where all calls go."""
        return None if self.is_overridden else hosts.upload_url(self.region)

    @property
    def is_overridden(self) -> bool:
        """Whether other hosts than Zoho's are configured."""
        return self.api_url is not None or self.accounts_url is not None

"""The settings of a Salesforce connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    field_validator,
    model_validator,
)

from crmhub.connector import ConnectorConfig
from crmhub.errors import BadRequest
from crmhub.http.paths import origin
from crmhub_salesforce import hosts
from crmhub_salesforce.flows import CREDENTIALS, Flow, flow_of, mistake
from crmhub_salesforce.hosts import LOGIN_URL
from crmhub_salesforce.tiers.settings import TierConfig

__all__ = ["SalesforceConfig"]


_VERSION = r"^[3-9]\d\.0$"


def _base_url(url: str) -> str:
    url = url.rstrip("/")
    try:
        scheme, host, _ = origin(url)
    except BadRequest as error:
        raise ValueError(error.what) from None
    if scheme != "https" and not hosts.is_loopback(host):
        raise ValueError("credentials are only sent over https; plain http is for localhost")
    if url.count("/") > 2:
        raise ValueError("give only https://host[:port], without a path")
    if hosts.is_pages(host):
        raise ValueError("that host serves the org's pages; its API is at https://NAME.my.salesforce.com")
    if not hosts.is_ours(host) and not hosts.is_loopback(host):
        raise ValueError("credentials are only sent to Salesforce, such as https://NAME.my.salesforce.com")
    return url


def _version(value: object) -> object:
    """``62``, ``62.0`` and ``v62.0`` mean the same."""
    if not isinstance(value, str | int | float | Decimal):
        return value
    text = str(value).removeprefix("v")
    text = f"{text}.0" if text.isdigit() else text
    if re.match(_VERSION, text) is None:
        raise ValueError("it is no version of the API from 30.0 on, such as 62.0")
    return text


_Url: TypeAlias = Annotated[str, AfterValidator(_base_url)]
_Version: TypeAlias = Annotated[
    str, BeforeValidator(_version, json_schema_input_type=str | float), Field(pattern=_VERSION)
]


_EXAMPLE: Mapping[str, JsonValue] = {
    "instance_url": "https://NAME.my.salesforce.com",
    "flow": "web_server",
    "client_id": "env:SALESFORCE_CLIENT_ID",
    "client_secret": "env:SALESFORCE_CLIENT_SECRET",
}
"""Settings for whom a person is to sign in."""


class SalesforceConfig(ConnectorConfig):
    """How to reach one Salesforce org. How to sign in is told by what is given:

    - ``client_id``, ``client_secret``, ``instance_url``: as the app's run-as user (client credentials);
    - ``client_id``, ``username``, ``private_key``: as a user who is pre-authorized for the app (JWT bearer);
    - ``client_id`` (and ``client_secret`` where the app demands it): as the person who signed in by
      ``crmhub auth``, or whose ``refresh_token`` is given;
    - ``access_token``, ``instance_url``: a session that somebody else keeps alive;
    - ``username``, ``password``, ``security_token``: by SOAP, or with ``client_id`` and ``client_secret`` by
      OAuth, where old set-ups still may.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [dict(_EXAMPLE)]})

    instance_url: _Url | None = None
    """The org's My Domain, ``https://NAME.my.salesforce.com``."""
    login_url: _Url | None = None
    """Where tokens come from. Not given: ``instance_url``, else ``https://login.salesforce.com``."""
    flow: Flow | None = None
    """The way to sign in, where what is given does not tell: ``web_server`` with a ``client_secret``."""
    client_id: str | None = Field(default=None, min_length=1)
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    username: str | None = Field(default=None, min_length=1)
    private_key: SecretStr | None = None
    """The RSA key, in PEM, whose certificate the app has."""
    password: SecretStr | None = None
    security_token: SecretStr | None = None
    access_token: SecretStr | None = None
    version: _Version = "62.0"
    sync_key: str | None = Field(default="External_Id__c", pattern=r"^[A-Za-z]\w*$")
    """The unique external id field that crmhub may fill, used on each object that has it; ``null``: none."""
    overlap: float = Field(default=300.0, ge=0, le=86_400)
    """Seconds by which a change may become visible after the time it carries; that much is read again.
    Records are stamped when they are saved and seen when their transaction ends, which the platform
    bounds at some minutes; 600 is the safe choice where long Apex jobs write."""
    concurrency: int = Field(default=10, ge=1, le=25)
    """Calls under way at once (25 long ones are allowed, 5 in developer editions)."""
    allow_duplicates: bool = False
    """Whether records are written that a duplicate rule of the org only warns of."""
    relay_secret: SecretStr | None = None
    """What a relay of change-data-capture messages sends with each; nothing: no message is believed."""
    daily_calls: int | None = Field(default=None, ge=1)
    """API calls in 24 hours that may be used; nothing: what the org is granted."""
    reserve: float = Field(default=0.2, ge=0, lt=1)
    """The share of the calls kept for people: for those of the contexts ``interactive`` and ``agent``."""
    page_size: int = Field(default=2_000, ge=1, le=2_000)
    """Rows a query; 2,000 is Salesforce's most."""
    bulk_read_from: int | None = Field(default=50_000, ge=1)
    """Records left from which a full read goes on by a query job of Bulk API 2.0; ``null``: never."""
    bulk_write_from: int | None = Field(default=5_000, ge=1)
    """Records from which a write goes by ingest jobs of Bulk API 2.0; ``null``: never."""
    bulk_timeout: float = Field(default=3_600.0, gt=0)
    """Seconds after which a bulk job that is not done is aborted."""
    tiers: TierConfig = TierConfig()
    """By which tiers calls may be made."""

    @field_validator("instance_url")
    @classmethod
    def _not_shared(cls, value: str | None) -> str | None:
        if value is not None and origin(value)[1] in hosts.SHARED:
            raise ValueError("that host is for signing in only: give it as login_url, not as instance_url")
        return value

    @field_validator(
        "client_secret", "refresh_token", "access_token", "private_key", "password", "security_token",
        "relay_secret",
    )  # fmt: skip
    @classmethod
    def _not_empty(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("it is empty")
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> SalesforceConfig:
        given = self._given()
        if problem := mistake(self.flow or flow_of(given), given):
            raise ValueError(problem)
        if self.way == "client_credentials" and origin(self.token_base)[1] in hosts.SHARED:
            raise ValueError(
                "client credentials work only on the org's own host: set instance_url to its My Domain"
                " (https://NAME.my.salesforce.com) and leave login_url out; or, to sign in as a person, set"
                " flow: web_server"
            )
        return self

    @property
    def way(self) -> Flow:
        """How to sign in."""
        way = self.flow or flow_of(self._given())
        assert way is not None  # noqa: S101 - the settings were checked for it
        return way

    @property
    def token_base(self) -> str:
        """Where tokens come from."""
        return self.login_url or self.instance_url or LOGIN_URL

    @property
    def api_base(self) -> str:
        """Where calls go, unless the token reply names another host of Salesforce's."""
        return self.instance_url or self.token_base

    def _given(self) -> frozenset[str]:
        return frozenset(name for name in (*CREDENTIALS, "instance_url") if getattr(self, name) is not None)

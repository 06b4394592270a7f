"""The settings of a connection, as the CRM's description has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Field, SecretStr, create_model, model_validator

from crmhub.connector import ConnectorConfig
from crmhub.errors import BadRequest
from crmhub.http import Reach
from crmhub.http.addresses import is_loopback, is_private
from crmhub.http.paths import base_origin
from crmhub.native import Value
from crmhub.redact import register
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.limits import Rate
from crmhub_rest.language.settings import Setting

__all__ = ["RestConfig", "config_of", "reach_of"]


class RestConfig(ConnectorConfig):
    """What every connection to a REST CRM has."""

    base_url: str = ""
    """Where the API is; not given: what the CRM's description says."""
    private_hosts: bool = False
    """Whether the CRM, and what it leads to, may be in a private network, as one of one's own is."""
    concurrency: int = Field(default=8, ge=1, le=100)
    """Calls under way at once."""
    page_size: int | None = Field(default=None, ge=1)
    """Records a page; not given: the most that the CRM allows."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds that one call may take."""
    daily: int | None = Field(default=None, ge=1)
    """Units (calls, tokens) that may be used in 24 hours; not given: what the CRM tells, or no bound."""
    reserve: float = Field(default=0.2, ge=0, lt=1)
    """The share of them kept for people: for calls of the contexts ``interactive`` and ``agent``."""

    @model_validator(mode="after")
    def _safe_base(self) -> RestConfig:
        try:
            scheme, host, _ = base_origin(self.base_url)
        except BadRequest as error:
            raise ValueError(f"base_url: {error.what}") from None
        loopback = is_loopback(host)
        if is_private(host) and not loopback and not self.private_hosts:
            raise ValueError(
                "base_url is an address of a private network; if the CRM is there, set private_hosts: true"
            )
        if scheme != "https" and not loopback and not self.private_hosts:
            raise ValueError("credentials are only sent over https; plain http is for localhost")
        return self

    def values(self) -> dict[str, Value]:
        """The values of the settings that are given, by name; secrets are plain text, hidden when shown."""
        given: dict[str, Value] = {}
        for name in type(self).model_fields:
            value = cast("object", getattr(self, name))
            if isinstance(value, SecretStr):
                given[name] = value.get_secret_value()
                register(value.get_secret_value())
            elif isinstance(value, str | int | bool):
                given[name] = value
        return given


def reach_of(config: RestConfig) -> Reach:
    """Which addresses the CRM, its token endpoint and its files may have; see ``HttpSettings.reach``."""
    if config.private_hosts:
        return "any"
    return "loopback" if is_loopback(base_origin(config.base_url)[1]) else "public"


def config_of(crm: Crm) -> type[RestConfig]:
    """The settings model of a CRM."""
    fields = {name: _field(setting) for name, setting in crm.settings.items()}
    base = Annotated[str, Field(description="Where the API is.")]
    make = cast("Callable[..., type[RestConfig]]", create_model)  # its overloads know no computed fields
    return make(
        f"{crm.crm.title().replace('_', '')}Config",
        __base__=RestConfig,
        __doc__=f"How to reach {crm.title}.",
        **{"base_url": (base, crm.base_url), **fields},
    )


def _field(setting: Setting) -> tuple[object, object]:
    kinds: dict[str, object] = {
        "text": Annotated[str, Field(min_length=1)],
        "url": Annotated[str, Field(pattern=r"^https?://")],
        "secret": SecretStr,
        "int": int,
        "bool": bool,
        "rate": Annotated[str, AfterValidator(_rate)],
    }
    kind = Literal[tuple(setting.choices)] if setting.choices else kinds[setting.type]
    described = Field(description=setting.about or None)
    if setting.required:
        return Annotated[kind, described], ...
    if setting.default is not None:
        return Annotated[kind, described], setting.default
    return Annotated[kind | None, described], None  # pyright: ignore[reportOperatorIssue]


def _rate(text: str) -> str:
    if Rate(text).setting:
        raise ValueError("a rate is written like 5/s, 100/10s or 500/min")
    return text

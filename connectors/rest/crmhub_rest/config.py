"""The settings of a connection, as the CRM's description has them."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import inet_aton
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Field, SecretStr, create_model, model_validator

from crmhub.connector import ConnectorConfig
from crmhub.errors import BadRequest
from crmhub.http.paths import base_origin
from crmhub.native import Value
from crmhub.redact import register
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.limits import Rate
from crmhub_rest.language.settings import Setting

__all__ = ["RestConfig", "config_of"]

_EMBEDDING = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))


class RestConfig(ConnectorConfig):
    """What every connection to a REST CRM has."""

    base_url: str = ""
    """Where the API is; not given: what the CRM's description says."""
    private_hosts: bool = False
    """Whether ``base_url`` may be an address of a private network, as a CRM of one's own has it."""
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
        loopback = _is_loopback(host)
        if _is_private(host) and not loopback and not self.private_hosts:
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


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address is not None else host == "localhost" or host.endswith(".localhost")


def _is_private(host: str) -> bool:
    address = _address(host)
    if address is None:
        return "." not in host or host.endswith((".local", ".internal", ".lan", ".home.arpa"))
    site = isinstance(address, IPv6Address) and address.is_site_local
    return not address.is_global or address.is_multicast or site


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, however it is written: ``127.1`` is one too; ``None`` for a name."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        try:
            return IPv4Address(inet_aton(host))
        except OSError:
            return None
    return _within(address) or address if isinstance(address, IPv6Address) else address


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to (RFC 4291, 2.5.5; RFC 6052, 2.1; RFC 3056)."""
    if address.ipv4_mapped is not None or address.sixtofour is not None:
        return address.ipv4_mapped or address.sixtofour
    embeds = any(address in net for net in _EMBEDDING) and address != IPv6Address("::1")
    return IPv4Address(address.packed[-4:]) if embeds else None

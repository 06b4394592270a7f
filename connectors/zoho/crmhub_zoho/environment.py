"""A connection's settings from the environment names that programs with Zoho already use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Value
from crmhub.errors import ConfigError
from crmhub_zoho import hosts

__all__ = ["config_of", "settings_of"]

_PLAIN: Final = {
    "ZOHO_CLIENT_ID": "client_id",
    "ZOHO_CLIENT_SECRET": "client_secret",
    "ZOHO_REFRESH_TOKEN": "refresh_token",
}
_NEEDED = ("ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET")
_VERSION = re.compile(r"v?\d{1,2}(\.\d)?")
_API = re.compile(r"(?P<base>https?://[^/?#]+)(?:/crm)?(?:/(?P<version>v\d[^/]*))?/?")


def config_of(environ: Mapping[str, str], store: str) -> Config:
    """A configuration with one connection, ``zoho``, and its state in ``store``."""
    return Config({"zoho": ConnectionSettings("zoho", "zoho", settings_of(environ))}, store)


def settings_of(environ: Mapping[str, str]) -> dict[str, Value]:
    """The settings that the names with a meaning here stand for; empty ones count as not set.

    ``ZOHO_REGION`` is a data centre (``eu``) or the end of its hosts (``com.au``). ``ZOHO_BASE_URL`` is
    Zoho's own address, which tells the data centre, or a simulator's; a version in it is understood. Raises
    ``ConfigError`` for what is absent or does not fit together.
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    lacking = [name for name in _NEEDED if name not in given]
    if lacking:
        raise ConfigError(f"{' and '.join(lacking)} not set", hint="take it from Zoho's API console")
    settings: dict[str, Value] = {setting: given[name] for name, setting in _PLAIN.items() if name in given}
    settings |= _place(given.get("ZOHO_BASE_URL"))
    region = given.get("ZOHO_REGION")
    if region is not None:
        named = _region(region)
        if settings.get("region", named) != named:
            raise ConfigError(f"ZOHO_REGION is {named}, and ZOHO_BASE_URL is of {settings['region']}")
        settings["region"] = named
    version = given.get("ZOHO_API_VERSION")
    if version is not None:
        if not _VERSION.fullmatch(version):
            raise ConfigError(f"ZOHO_API_VERSION: {version!r} is no version of the API", hint="v8")
        settings["version"] = f"v{version.removeprefix('v')}"
    return settings


def _place(url: str | None) -> dict[str, Value]:
    """Where to call, from the base URL."""
    if url is None:
        return {}
    found = _API.fullmatch(url)
    if found is None:
        raise ConfigError("ZOHO_BASE_URL: this is no base URL of the API", hint="https://www.zohoapis.eu")
    settings: dict[str, Value] = {"version": found["version"]} if found["version"] else {}
    region, environment = hosts.region_of(found["base"]), hosts.environment_of(found["base"])
    if region is None:
        return settings | {"api_url": found["base"]}
    return settings | {"region": region} | ({"environment": environment} if environment else {})


def _region(given: str) -> str:
    name = given.lower().lstrip(".")
    region = name if name in hosts.REGIONS else hosts.region_of(f"https://www.zohoapis.{name}")
    if region is None:
        raise ConfigError(
            f"ZOHO_REGION: there is no data centre {given!r}",
            hint=f"one of {', '.join(sorted(hosts.REGIONS))}",
        )
    return region

"""Zoho's data centres: where to call and where to ask for tokens.

Source: Zoho CRM API v8, "Multi DC support"; the sandbox and developer hosts from "Sandbox" and from the
environments of the official SDKs. Canada's accounts server is ``zohocloud.ca``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias
from urllib.parse import urlsplit

__all__ = ["ENVIRONMENTS", "Environment", "Region", "accounts_url", "api_url", "domain", "environment_of"]

Region: TypeAlias = Literal["us", "eu", "in", "au", "cn", "jp", "ca", "sa", "uk", "ae"]
Environment: TypeAlias = Literal["production", "sandbox", "developer"]

ENVIRONMENTS: dict[Environment, str] = {"production": "www", "sandbox": "sandbox", "developer": "developer"}
_TLDS: dict[Region, str] = {
    "us": "com", "eu": "eu", "in": "in", "au": "com.au", "cn": "com.cn", "jp": "jp", "ca": "ca", "sa": "sa",
    "uk": "uk", "ae": "ae",
}  # fmt: skip
_ACCOUNTS: dict[Region, str] = {"ca": "accounts.zohocloud.ca"}


def domain(region: Region) -> str:
    """The host suffix under which all API hosts of the data centre live."""
    return f"zohoapis.{_TLDS[region]}"


def api_url(region: Region, environment: Environment) -> str:
    """The base URL of the API."""
    return f"https://{ENVIRONMENTS[environment]}.{domain(region)}"


def accounts_url(region: Region) -> str:
    """The base URL of the accounts server, which hands out tokens."""
    return f"https://{_ACCOUNTS.get(region, f'accounts.zoho.{_TLDS[region]}')}"


def environment_of(url: str) -> Environment | None:
    """The environment that an API base URL belongs to; ``None`` when its host does not tell."""
    first = (urlsplit(url).hostname or "").partition(".")[0]
    return next((name for name, prefix in ENVIRONMENTS.items() if prefix == first), None)

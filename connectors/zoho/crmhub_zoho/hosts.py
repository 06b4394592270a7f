"""Zoho's data centres: where to call and where to ask for tokens.

Source: Zoho CRM API v8, "Multi DC support"; the sandbox and developer hosts from "Sandbox" and from the
environments of the official SDKs, which name the hosts for uploads too. Canada's accounts server is
``zohocloud.ca``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias
from urllib.parse import urlsplit

__all__ = [
    "ENVIRONMENTS",
    "REGIONS",
    "Environment",
    "Region",
    "accounts_url",
    "api_url",
    "console_url",
    "domain",
    "environment_of",
    "file_domains",
    "projects_url",
    "region_of",
    "upload_url",
]

Region: TypeAlias = Literal["us", "eu", "in", "au", "cn", "jp", "ca", "sa", "uk", "ae"]
Environment: TypeAlias = Literal["production", "sandbox", "developer"]

ENVIRONMENTS: dict[Environment, str] = {"production": "www", "sandbox": "sandbox", "developer": "developer"}
_TLDS: dict[Region, str] = {
    "us": "com", "eu": "eu", "in": "in", "au": "com.au", "cn": "com.cn", "jp": "jp", "ca": "ca", "sa": "sa",
    "uk": "uk", "ae": "ae",
}  # fmt: skip
_OWN: dict[Region, str] = {"ca": "zohocloud.ca"}
_UPLOADS: dict[Region, str] = {
    **{region: f"content.zohoapis.{tld}" for region, tld in _TLDS.items() if region not in {"uk", "ae"}},
    "ca": "upload.zohocloud.ca",
    "sa": "files.zoho.sa",
}
REGIONS: frozenset[str] = frozenset(_TLDS)


def domain(region: Region) -> str:
    """The host suffix under which all API hosts of the data centre live."""
    return f"zohoapis.{_TLDS[region]}"


def api_url(region: Region, environment: Environment) -> str:
    """The base URL of the API."""
    return f"https://{ENVIRONMENTS[environment]}.{domain(region)}"


def accounts_url(region: Region) -> str:
    """The base URL of the accounts server, which hands out tokens."""
    return f"https://accounts.{_zoho(region)}"


def upload_url(region: Region) -> str | None:
    """The host that takes the files of bulk writes, for every environment; ``None``: it is not known."""
    host = _UPLOADS.get(region)
    return f"https://{host}" if host else None


def file_domains(region: Region) -> frozenset[str]:
    """The host suffixes under which the data centre takes and gives files: of the API, and of people."""
    return frozenset({domain(region), _zoho(region)})


def projects_url(region: Region) -> str:
    """The base URL of Zoho Projects (Zoho Projects API v3, "API Root Endpoint")."""
    return f"https://projectsapi.{_zoho(region)}"


def console_url(region: Region) -> str:
    """The API console, in which clients are made."""
    return f"https://api-console.{_zoho(region)}"


def region_of(url: str) -> Region | None:
    """The data centre that an API or accounts URL belongs to; ``None`` where it is none of Zoho's."""
    host = f".{_hostname(url)}"
    return next(
        (region for region in _TLDS if host.endswith((f".{domain(region)}", f".{_zoho(region)}"))), None
    )


def environment_of(url: str) -> Environment | None:
    """The environment that an API base URL belongs to; ``None`` when its host does not tell."""
    first = _hostname(url).partition(".")[0]
    return next((name for name, prefix in ENVIRONMENTS.items() if prefix == first), None)


def _zoho(region: Region) -> str:
    """The host suffix of what people see."""
    return _OWN.get(region, f"zoho.{_TLDS[region]}")


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

"""Salesforce's hosts: which are its own, which serve every org, and to whom a signed claim is addressed.

Source: Salesforce Help, "My Domain URL Formats" and "OAuth 2.0 JWT Bearer Flow for Server-to-Server
Integration": production, developer and trial orgs sign in at ``login.salesforce.com``, sandboxes and scratch
orgs at ``test.salesforce.com``, and each at its own My Domain.
"""

from __future__ import annotations

from crmhub.http.paths import origin

__all__ = ["HOSTS", "LOGIN_URL", "SHARED", "TEST_URL", "audience", "is_loopback", "is_ours", "is_pages"]

LOGIN_URL = "https://login.salesforce.com"
TEST_URL = "https://test.salesforce.com"
SHARED = frozenset({"login.salesforce.com", "test.salesforce.com"})
"""Hosts at which every org signs in, and which serve nothing else."""
HOSTS = frozenset({"salesforce.com", "force.com", "salesforce.mil", "cloudforce.com", "database.com"})
"""Domains below which credentials are sent."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_TRIALS = frozenset({"sandbox", "scratch"})


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine, where plain http is allowed (a local simulator)."""
    return host in _LOOPBACK


def is_ours(host: str) -> bool:
    """Whether a host is below one of Salesforce's domains."""
    return any(host.endswith(f".{domain}") for domain in HOSTS)


def is_pages(host: str) -> bool:
    """Whether a host serves an org's pages, which have another name than its API."""
    return host.endswith((".lightning.force.com", ".my.salesforce-setup.com", ".visualforce.com"))


def audience(url: str) -> str:
    """The ``aud`` of an assertion for a login at that URL."""
    host = origin(url)[1]
    first, _, rest = host.partition(".")
    is_trial = host == "test.salesforce.com" or "--" in first or bool(_TRIALS & set(rest.split(".")))
    return TEST_URL if is_trial else LOGIN_URL

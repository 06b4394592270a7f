"""The HTTP client of a connection: what it may send where, how fast, how much at once, and what it pays."""

from __future__ import annotations

from dataclasses import replace

from crmhub.connector import Context
from crmhub.errors import ConfigError
from crmhub.http import HttpClient, HttpSettings, Limit, OAuth
from crmhub_zoho import hosts
from crmhub_zoho.auth import oauth, token_limit
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.errors import classify
from crmhub_zoho.limits import HEAVY_AT_ONCE, MOST_AT_ONCE, SAFE_AT_ONCE, Limits
from crmhub_zoho.tiers.bulk_read import RESULT
from crmhub_zoho.tiers.rest_extras import COMPOSITE, CONVERT

__all__ = ["client_for", "client_of_sdk"]

_HEAVY = frozenset({"coql", "bulk", CONVERT, COMPOSITE})


def client_for(config: ZohoConfig, context: Context, auth: OAuth, limits: Limits) -> HttpClient:
    """The client; raises ``ConfigError`` where the context has none to give."""
    if context.http is None:
        raise ConfigError(f"connection {context.connection!r}: the Zoho connector needs an HTTP client")
    return context.http(
        HttpSettings(
            base_url=config.api_base,
            auth=auth,
            limits=(
                Limit("heavy calls", concurrency=HEAVY_AT_ONCE, endpoints=_HEAVY),
                Limit("composite requests", concurrency=1, endpoints=frozenset({COMPOSITE})),  # counts for 5
                # Ten a minute are allowed ("Download Bulk Read Result"), whichever minute one takes.
                Limit("bulk read results", rate=8, per=60, burst=2, endpoints=frozenset({RESULT})),
                token_limit(config),
            ),
            budget=limits.budget,
            classify=classify,
            allow_hosts=frozenset() if config.is_overridden else frozenset({hosts.domain(config.region)}),
            file_hosts=frozenset() if config.is_overridden else hosts.file_domains(config.region),
            concurrency=config.concurrency or SAFE_AT_ONCE,
            widest=config.concurrency or MOST_AT_ONCE,
        )
    )


def client_of_sdk(config: ZohoConfig, context: Context, client: HttpClient, limits: Limits) -> HttpClient:
    """What makes the SDK's calls: a client with its own token where it has credentials of its own."""
    own = config.of_sdk
    if own is None:
        return client
    apart = replace(context, connection=f"{context.connection}:sdk")  # no connection has such a name
    return client_for(own, apart, oauth(own, apart), limits)

"""What a connector tells about its CRM's HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crmhub.http.addresses import Reach
from crmhub.http.auth import Auth
from crmhub.http.breaker import BreakerOptions
from crmhub.http.budget import Budget
from crmhub.http.limits import Limit
from crmhub.http.verdict import Classify

__all__ = ["HttpSettings"]


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The settings of one connection's HTTP client. Times are in seconds, sizes in bytes."""

    base_url: str
    """Where calls go; paths are put behind it."""
    auth: Auth | None = None
    limits: Sequence[Limit] = ()
    budget: Budget | None = None
    """What calls are paid from; ``None``: they cost nothing that is used up."""
    classify: Classify | None = None
    """Reads the vendor's error out of a reply, before its status is looked at; ``None``: the status."""
    allow_hosts: frozenset[str] = frozenset()
    """Host suffixes that a token reply may move the base URL to, besides the configured origin."""
    file_hosts: frozenset[str] = frozenset()
    """Host suffixes that a single call may name as its own base, for files, besides the usual one."""
    reach: Reach = "any"
    """Which addresses its hosts may have, all that it ever calls: looked at where a connection is opened.

    ``public``: none of a private network or this machine; ``loopback``: this machine's too. What goes by a
    proxy of the environment is not looked at. A connector that asks for it has a setting ``private_hosts``.
    """
    timeout: float = 60.0
    """For one whole exchange, from connecting to the last byte."""
    retries: int = 4
    retry_budget: float = 120.0
    """No retry begins later than this after the first try."""
    concurrency: int = 10
    """Calls at once."""
    widest: int | None = None
    """How many :meth:`~crmhub.http.HttpClient.widen` may let be made at once; ``None``: no more."""
    max_body: int = 50_000_000
    """Of a reply, after decompression."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    request_id_headers: Sequence[str] = ("x-request-id",)
    """Reply headers that may hold the vendor's id of the call; the first one present counts."""
    breaker: BreakerOptions = field(default_factory=BreakerOptions)

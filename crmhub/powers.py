"""Optional powers of a connector: small protocols beside the contract, and what they give.

A connector that has the methods of a power names it in its capabilities; :func:`power` asks for one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from crmhub.connector import Condition, Connector, Native, ObjectCapabilities, Page, Value
from crmhub.errors import Unsupported
from crmhub.statement import Scalar
from crmhub.usage import Estimate, Planned, Usage

if TYPE_CHECKING:
    from crmhub.http import Body, Sink
    from crmhub.tiers import Served

__all__ = [
    "Attachment",
    "Changes",
    "Power",
    "Subscription",
    "SupportsAble",
    "SupportsCount",
    "SupportsEstimate",
    "SupportsFiles",
    "SupportsLimits",
    "SupportsMessages",
    "SupportsNewest",
    "SupportsQuery",
    "SupportsRequest",
    "SupportsSearch",
    "SupportsWebhooks",
    "power",
]


class Power:
    """Names of the optional powers, as they stand in ``Capabilities.powers``."""

    SEARCH = "search"
    COUNT = "count"
    NEWEST = "newest"
    QUERY = "query"
    REQUEST = "request"
    FILES = "files"
    WEBHOOKS = "webhooks"
    """Messages, and subscribing to them; :attr:`MESSAGES` is for those that somebody else has sent."""
    MESSAGES = "messages"
    LIMITS = "limits"
    ESTIMATE = "estimate"


# ── being told of changes ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Subscription:
    """A CRM's promise to tell of every change of one object, by messages to ``url``."""

    object: str
    id: str
    """The CRM's own name for it."""
    url: str
    expires_at: datetime | None = None
    """When the messages end, aware UTC; ``None``: they do not."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of one object's records that a message tells of. It may come twice, late or out of order.

    So it says only what to read again: a record that is told as deleted may have been restored since.
    """

    object: str
    changed: tuple[str, ...] = ()
    """Records made or changed."""
    deleted: tuple[str, ...] = ()
    gap: bool = False
    """Whether more has changed than the CRM tells: read the object's changes from the last checkpoint."""


# ── files ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file at a record, under the name that the CRM tells: never use that as a path."""

    id: str
    name: str = field(repr=False)
    size: int | None = None
    """In bytes; ``None``: the CRM does not tell."""
    created: datetime | None = None
    link: str | None = field(default=None, repr=False)
    """Where it is, when the CRM keeps only its address: it cannot be downloaded then."""


# ── the protocols ──────────────────────────────────────────────────────────────────────────────────


@runtime_checkable
class SupportsAble(Protocol):
    """Tell what can be done with one object without asking the CRM about all others."""

    async def able(self, object: str) -> ObjectCapabilities:
        """As in ``capabilities().objects``. Raises ``NotFound`` for an unknown object."""
        ...


@runtime_checkable
class SupportsSearch(Protocol):
    """Find records by words, as the CRM's own search does."""

    def search(
        self,
        object: str,
        text: str,
        fields: Sequence[str],
        limit: int,
    ) -> AsyncGenerator[Page]:
        """Pages of matching records, at most ``limit`` in all; an index may lag behind writes."""
        ...


@runtime_checkable
class SupportsCount(Protocol):
    """Count records without reading them."""

    async def count(self, object: str, filter: Sequence[Condition] = ()) -> int:
        """How many live records meet all conditions."""
        ...


@runtime_checkable
class SupportsNewest(Protocol):
    """Give the records made last, by whichever tier is right for the call."""

    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        """The newest live records, newest first: ``limit`` of them, or as many as a short list can hold."""
        ...


@runtime_checkable
class SupportsQuery(Protocol):
    """Ask in the CRM's native query language."""

    def query(self, text: str) -> AsyncGenerator[Page]:
        """Pages of the query's rows, without checkpoints."""
        ...

    def literal(self, value: Scalar) -> str:
        """A value as the language writes it, such that it cannot become syntax.

        Raises ``BadRequest`` for one that cannot be written; the message does not show it.
        """
        ...


@runtime_checkable
class SupportsRequest(Protocol):
    """Call any endpoint of the CRM with the connection's credentials and limits."""

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Value = None
    ) -> Value:
        """The decoded JSON answer (``None`` when empty). ``path`` stays on the CRM's own host."""
        ...


@runtime_checkable
class SupportsMessages(Protocol):
    """Understand messages about changes. They can be lost: reads by checkpoint go on beside them."""

    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a message tells, once its origin is proved; secrets are compared in constant time.

        Sends nothing. Raises ``AuthError`` for a message that is not the CRM's to this connection,
        ``BadResponse`` for one that cannot be understood.
        """
        ...


@runtime_checkable
class SupportsWebhooks(SupportsMessages, Protocol):
    """Be told of changes by the CRM itself."""

    async def subscribe(self, objects: Sequence[str], url: str) -> Sequence[Subscription]:
        """Have all changes of the objects told to ``url``, in place of what this connection had for them.

        Safe to repeat. Raises ``NotFound`` for an unknown object, ``UsageError`` for a URL that will not do.
        """
        ...

    async def renew_due(self, now: datetime) -> Sequence[Subscription]:
        """Renew what would end soon after ``now`` (aware); all of this connection that stand then.

        One that is missing has ended: subscribe again, and read from the last checkpoint.
        """
        ...

    async def unsubscribe(self, objects: Sequence[str] = ()) -> None:
        """End the connection's subscriptions for these objects (none named: all); those gone are no error."""
        ...


@runtime_checkable
class SupportsFiles(Protocol):
    """Files attached to records. ``object`` is the native name, ``record`` and ``file`` are the CRM's ids.

    Raises ``NotFound`` for a record or a file that is not there.
    """

    def files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        """Pages of a record's files."""
        ...

    async def upload(self, object: str, record: str, name: str, content: Body) -> str:
        """Attach a file; its id. Raises ``BadRequest`` before it is sent when it is too large."""
        ...

    async def download(self, object: str, record: str, file: str, into: Sink) -> None:
        """Write a file's bytes into the sink as they come."""
        ...

    async def delete_file(self, object: str, record: str, file: str) -> None:
        """Take a file away from its record."""
        ...


@runtime_checkable
class SupportsLimits(Protocol):
    """Tell what is used of the account's allowance."""

    async def usage(self) -> Usage:
        """As it stands now. May ask the CRM how much there is, by one cheap call, where nobody knows."""
        ...


@runtime_checkable
class SupportsEstimate(Protocol):
    """Tell what an operation will cost before it is made."""

    async def estimate(self, planned: Planned) -> Estimate:
        """Calls and units. Where ``planned.records`` is ``None`` the CRM is asked to count.

        Nothing else is sent but what describes the object. Raises ``Unsupported`` for an operation whose
        price is not known.
        """
        ...


_Power = TypeVar("_Power")


def power(connector: Connector, protocol: type[_Power], *, connection: str, instead: str) -> _Power:
    """The connector as ``protocol``, or :class:`Unsupported` naming what to use instead."""
    if isinstance(connector, protocol):
        return connector
    name = protocol.__name__.removeprefix("Supports").lower()
    raise Unsupported(f"connection {connection!r} has no {name}", hint=instead)

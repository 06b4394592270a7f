"""The contract between crmhub and a connector.

A connector speaks one CRM's dialect: native records (plain dicts) in pages. It knows no canonical
model, no mapping and no other connector. The seven methods of :class:`Connector` are the whole
duty; everything else is an optional power, a small protocol beside it, named in its capabilities.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

from crmhub.clock import Clock
from crmhub.errors import Unsupported
from crmhub.events import Events
from crmhub.native import Checkpoint, Native, Value
from crmhub.schema import Choice, FieldSpec, FieldType, ObjectSchema

if TYPE_CHECKING:
    from crmhub.http import Body, HttpClient, HttpSettings, Sink, TokenStore

__all__ = [
    "NOT_SENT",
    "Attachment",
    "Capabilities",
    "Changes",
    "Check",
    "Checkpoint",
    "Choice",
    "Condition",
    "Connector",
    "ConnectorConfig",
    "Context",
    "Deletion",
    "FieldSpec",
    "FieldType",
    "Incremental",
    "Missing",
    "Native",
    "ObjectCapabilities",
    "ObjectSchema",
    "Outcome",
    "Page",
    "Power",
    "Problem",
    "ReadRequest",
    "Subscription",
    "SupportsAble",
    "SupportsCount",
    "SupportsFiles",
    "SupportsQuery",
    "SupportsRequest",
    "SupportsSearch",
    "SupportsWebhooks",
    "Value",
    "WriteItem",
    "WriteRequest",
    "power",
]


class ConnectorConfig(BaseModel):
    """What every connection has. A connector's ``Config`` adds its settings; secrets are ``SecretStr``."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


# ── what a connector can do ──────────────────────────────────────────────────────────────────────


class Power:
    """Names of the optional powers, as they stand in ``Capabilities.powers``."""

    SEARCH = "search"
    COUNT = "count"
    QUERY = "query"
    REQUEST = "request"
    FILES = "files"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True)
class Incremental:
    """How an object tells what changed: the cursor field and how late a commit may appear in it."""

    cursor: str
    lag: float = 0.0
    """Seconds by which a change can become visible after the stamp it carries; re-read as overlap."""


@dataclass(frozen=True, slots=True)
class ObjectCapabilities:
    """What can be done with one object. Sizes are records a call."""

    key: str = "id"
    """The native field that holds the record's id."""
    name: str | None = None
    """The native field that holds its display name."""
    modified: str | None = None
    """The native field that holds the time of the last change; also its version stamp."""
    created: str | None = None
    page_size: int = 200
    get_batch: int = 100
    write_batch: int = 100
    incremental: Incremental | None = None
    deletes: Literal["feed", "flag", "none"] = "none"
    """How deletions show: a feed of tombstones, a flag on the record, or not at all."""
    writes: frozenset[Literal["create", "update", "upsert", "delete"]] = frozenset()
    sync_key: str | None = None
    """A unique native field that crmhub may own: upserts by it are safe to repeat."""
    upsert_keys: tuple[str, ...] = ()
    """Native fields that an upsert can match by."""
    filters: frozenset[str] = frozenset()
    """Native fields that ``ReadRequest.filter`` can name; ``*`` stands for all."""
    create_safety: Literal["upsert", "unique_read", "list_recent", "none"] = "none"
    """How to find out whether a create whose reply was lost has happened."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connection can do: per object, and which optional powers it has."""

    objects: Mapping[str, ObjectCapabilities]
    powers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``check()``: a permission or setting, whether it holds, how to mend it."""

    name: str
    ok: bool
    detail: str = ""
    mend: str = ""


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Condition:
    """``field op value`` on a native field; ``in`` takes a list, the others one value."""

    field: str
    op: Literal["eq", "in", "ge", "gt", "le", "lt"]
    value: Value


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read.

    ``since`` is a checkpoint of an earlier page (``None``: everything); all ``filter`` conditions
    must hold. Fields are native names; the key and the cursor field always come back.
    """

    object: str
    fields: tuple[str, ...]
    since: Checkpoint | None = None
    filter: tuple[Condition, ...] = ()
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A record that is gone, and how."""

    id: str
    at: datetime | None = None
    life: Literal["deleted", "archived", "merged", "converted"] = "deleted"
    into: str | None = None
    """The record that it was merged or converted into."""


@dataclass(frozen=True, slots=True)
class Page:
    """A unit of reading. ``checkpoint`` may be saved once everything up to and with this page is safe.

    A read is at-least-once and always ends with a page that has a checkpoint, even an empty one.
    """

    upserts: Sequence[Native] = ()
    deletes: Sequence[Deletion] = ()
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """The answer of ``get`` for an id that gives no record."""

    id: str
    life: Literal["deleted", "unknown"] = "unknown"


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class WriteItem:
    """One record to write.

    ``fields`` are native values; a name that is absent is left alone, ``None`` clears. ``id`` is
    needed by update and delete, ``key`` is the value of the match field of an upsert, and
    ``if_version`` refuses the write when the record has changed since that stamp.
    """

    fields: Native = field(default_factory=dict[str, Value])
    id: str | None = None
    key: str | None = None
    if_version: str | None = None


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Items of one object and one operation; the connector cuts them into batches of its own size."""

    object: str
    operation: Literal["create", "update", "upsert", "delete"]
    items: Sequence[WriteItem]
    match: str | None = None
    """The native field that an upsert matches by."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an item was not written. ``permanent`` means that the same item will fail again.

    ``missing`` means that there is no such record to write to: a single write raises ``NotFound``.
    """

    code: str
    message: str
    field: str | None = None
    permanent: bool = True
    missing: bool = False


NOT_SENT = "not_sent"
"""The code of a problem that has nothing to do with the item: the connector had to stop before it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one written item, in the order of the request.

    ``unknown`` means that it was sent and that nobody knows: read it back, never just send again. A
    ``rejected`` item whose ``id`` is not its own is refused because of that record: it has the unique value.
    """

    status: Literal["created", "updated", "unchanged", "deleted", "rejected", "conflict", "unknown"]
    id: str | None = None
    version: str | None = None
    problem: Problem | None = None

    @property
    def ok(self) -> bool:
        """Whether the record now is as it was asked to be."""
        return self.status in {"created", "updated", "unchanged", "deleted"}


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


# ── supplies and the contract itself ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Context:
    """What the hub hands to a connector: its name, and its supplies."""

    connection: str
    clock: Clock = field(default_factory=Clock)
    events: Events = field(default_factory=Events)
    random: Random = field(default_factory=Random)
    tokens: TokenStore | None = None
    """Where tokens are kept between runs; ``None`` keeps them in memory."""
    http: Callable[[HttpSettings], HttpClient] | None = None
    """Makes the connection's one HTTP client; the hub closes it. ``None`` where a connector needs none."""


class Connector(Protocol):
    """The contract. Methods raise the errors of :mod:`crmhub.errors` and nothing else.

    ``Config`` is the connector's own settings model. Nothing is sent before the first call.
    """

    Config: ClassVar[type[ConnectorConfig]]

    # The config type differs by connector; pydantic has validated it against Config before.
    def __init__(self, config: Any, context: Context) -> None: ...  # pyright: ignore[reportExplicitAny]

    async def capabilities(self) -> Capabilities:
        """What can be done, per object. May ask the CRM once and remember."""
        ...

    async def check(self) -> Sequence[Check]:
        """One line for each needed permission."""
        ...

    async def describe(self, object: str) -> ObjectSchema:
        """The object's fields as this org has them; raises ``NotFound`` for an unknown object."""
        ...

    def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Pages, each with the records changed since the checkpoint; see :class:`Page`.

        An async generator; whoever stops before its end closes it (``contextlib.aclosing``). Its steps
        may be taken by different tasks, so it holds no task group and no cancel scope across a yield.
        """
        ...

    async def get(
        self,
        object: str,
        ids: Sequence[str],
        fields: Sequence[str],
    ) -> Sequence[Native | Missing]:
        """A record or ``Missing`` for each id, in order."""
        ...

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """One outcome for each item, in order. Raises only when nothing at all was sent.

        Items that could not be sent because the connector had to stop midway (credentials, quota) are
        ``rejected`` with the code ``NOT_SENT``.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what the connector itself opened."""
        ...


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
class SupportsQuery(Protocol):
    """Ask in the CRM's native query language."""

    def query(self, text: str) -> AsyncGenerator[Page]:
        """Pages of the query's rows, without checkpoints."""
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
class SupportsWebhooks(Protocol):
    """Be told of changes by the CRM. Messages can be lost: reads by checkpoint go on beside them."""

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

    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a message tells, once its origin is proved; secrets are compared in constant time.

        Sends nothing. Raises ``AuthError`` for a message that is not the CRM's to this connection,
        ``BadResponse`` for one that cannot be understood.
        """
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


_Power = TypeVar("_Power")


def power(connector: Connector, protocol: type[_Power], *, connection: str, instead: str) -> _Power:
    """The connector as ``protocol``, or :class:`Unsupported` naming what to use instead."""
    if isinstance(connector, protocol):
        return connector
    name = protocol.__name__.removeprefix("Supports").lower()
    raise Unsupported(f"connection {connection!r} has no {name}", hint=instead)

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
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from crmhub.clock import Clock
from crmhub.events import Events
from crmhub.native import Checkpoint, Native, Value
from crmhub.schema import Choice, FieldSpec, FieldType, ObjectSchema

if TYPE_CHECKING:
    from crmhub.http import HttpClient, HttpSettings, TokenStore

__all__ = [
    "NOT_SENT",
    "Capabilities",
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
    "Problem",
    "ReadRequest",
    "Value",
    "WriteItem",
    "WriteRequest",
]


class ConnectorConfig(BaseModel):
    """What every connection has. A connector's ``Config`` adds its settings; secrets are ``SecretStr``."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


# ── what a connector can do ──────────────────────────────────────────────────────────────────────


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
    guarded: bool = False
    """Whether the CRM itself refuses an update whose ``if_version`` is not the record's any more, so that a
    change between the comparison and the write is not lost."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connection can do: per object, and which optional powers it has."""

    objects: Mapping[str, ObjectCapabilities]
    powers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``check()``: a permission or setting, whether it holds, how to mend it.

    ``warn``: it holds, but will not for ever; ``mend`` says what to do before that.
    """

    name: str
    ok: bool
    detail: str = ""
    mend: str = ""
    warn: bool = False


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
    """The answer of ``get`` for an id that gives no record, as a read of changes would tell it."""

    id: str
    life: Literal["unknown", "deleted", "archived", "merged", "converted"] = "unknown"
    into: str | None = None
    """The record that it was merged or converted into."""
    record: Native | None = None
    """What is still there to be looked at, though it lives on as another: of a converted lead."""


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
    at_once: bool = False
    """Whether nothing may be left under way: what is ``unknown`` is looked for at once, then sent again."""


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
    """Makes an HTTP client of the connection; the hub closes it. ``None`` where a connector needs none."""


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
